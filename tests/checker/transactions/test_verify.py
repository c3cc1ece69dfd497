"""Every verdict on transactions is proved, and a proof that was altered is rejected."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from checker.history import History
from checker.transactions.judged import judge
from checker.transactions.levels import DECIDES
from checker.transactions.proof import Proof
from checker.transactions.table import DATA
from checker.transactions.verify import verify
from checker.verdict import Verdict
from naysayer.cli import run
from tests.checker.transactions.executions import execution


def _witness(verdict: Verdict) -> list[int]:
    witness = verdict.parts[0].witness
    assert witness is not None
    return [int(index) for index in witness]


def with_witness(verdict: Verdict, witness: list[int]) -> Verdict:
    return replace(verdict, parts=(replace(verdict.parts[0], witness=witness),))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "write"), [("txn-list-append", "append"), ("txn-rw-register", "w"), ("txn-set", "add")]
)
def test_proofs_hold_and_altered_ones_do_not(model: str, write: str) -> None:
    random = Random(f"{model} verified")
    count: Counter[str] = Counter()
    for _ in range(25):
        ops = execution(random, write, random.randint(2, 8))
        history = History.of(ops)
        for level in sorted(DECIDES[DATA[model]]):
            verdict = judge(history, model, level)
            assert verify(history, verdict) == [], (level, ops)
            part = verdict.parts[0]
            count[verdict.outcome] += 1
            if verdict.outcome == "valid" and part.witness is not None:
                witness = list(part.witness)
                sure = [place for place, index in enumerate(witness) if ops[index].status == "ok"]
                if sure:
                    place = random.choice(sure)
                    assert verify(history, with_witness(verdict, witness[:place] + witness[place + 1 :]))
            elif isinstance(part.proof, Proof) and part.proof.cycle:
                cycle = part.proof.cycle
                place = random.randrange(len(cycle))
                other = random.choice([op.index for op in ops if op.index != cycle[place].before])
                changed = (*cycle[:place], replace(cycle[place], before=other), *cycle[place + 1 :])
                wrong = replace(part, proof=replace(part.proof, cycle=changed))
                assert verify(history, replace(verdict, parts=(wrong,)))
                count["cycles"] += 1
    assert min(count[what] for what in ("valid", "invalid", "cycles")) > 25, count


@pytest.mark.slow
def test_a_witness_out_of_order_is_rejected_with_the_operation() -> None:
    random = Random(5)
    rejected = 0
    for _ in range(30):
        history = History.of(execution(random, "append", 5))
        verdict = judge(history, "txn-list-append", "serializable")
        if verdict.outcome == "valid":
            witness = _witness(verdict)[::-1]
            objections = verify(history, with_witness(verdict, witness))
            rejected += bool(objections)
            assert all(sentence.startswith("the witness cannot continue with #") for sentence in objections)
    assert rejected > 5


def test_the_command_certifies_transactions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "h.edn"
    path.write_text(
        "{:type :ok, :f :txn, :process 0, :value [[:r :x nil] [:w :y 1]]}\n"
        "{:type :ok, :f :txn, :process 1, :value [[:r :y nil] [:w :x 1]]}\n"
    )
    assert run(["check", str(path), "--model", "snapshot-isolation", "--certify"]) == 0
    assert "SNAPSHOT-ISOLATION" in capsys.readouterr().out
    assert run(["check", str(path), "--model", "serializable", "--certify"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "a write skew (G2-item)" in printed
    assert "confirmed by the independent verifier" in printed
    assert (tmp_path / "h.edn.proof.json").exists()
