"""Transactions on sets and counters: what their reads decide, what they do not, and in which forms they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.errors import HistoryError
from checker.formats import read
from checker.transactions.judged import judge
from checker.transactions.verify import verify
from naysayer.cli import run


def test_a_write_skew_of_sets_is_named_and_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "h.edn"
    path.write_text(
        "{:type :ok, :f :txn, :process 0, :value [[:r :x #{}] [:add :y 1]]}\n"
        "{:type :ok, :f :txn, :process 1, :value [[:r :y #{}] [:add :x 7]]}\n"
    )
    assert run(["check", str(path), "--certify"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "a write skew (G2-item). #0 before #1: #0 read x = {} and did not see #1's addition of 7" in printed
    assert "confirmed by the independent verifier" in printed
    assert "#0 r x {} · add y 1 ↓ rw x:" in printed
    assert run(["check", str(path), "--model", "causal", "--certify"]) == 0


def test_a_cycle_is_drawn_with_the_micro_operations_that_it_rests_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "h.edn"
    path.write_text(
        "{:type :ok, :f :txn, :process 0, :value [[:r :x []] [:append :z 9] [:r :y []] [:append :x 1]]}\n"
        "{:type :ok, :f :txn, :process 1, :value [[:r :y []] [:append :y 1]]}\n"
        "{:type :ok, :f :txn, :process 2, :value [[:r :x []] [:r :y [1]]]}\n"
    )
    assert run(["check", str(path)]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    for drawn in ("#2 r x [] · r y [1] ↓ rw x:", "#0 r y [] · append x 1 ↓ rw y:", "#1 append y 1 ↓ wr y:"):
        assert drawn in printed


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        ('["r","x",[1]]', "intermediate-read"),
        ('["r","x",[1,2,9]]', "phantom-value"),
        ('["r","x",[3]],["add","x",3]', "future-read"),
        ('["add","x",3],["r","x",[]]', "internal"),
        ('["r","x",[]],["r","x",[1,2]]', "non-repeatable-read"),
    ],
)
def test_single_reads_of_sets_show_anomalies(second: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    first = '["add","x",1],["add","x",2]'
    path.write_text(
        f'{{"type":"invoke","process":0,"f":"txn","input":[{first}]}}\n'
        f'{{"type":"invoke","process":1,"f":"txn","input":[{second}]}}\n'
        f'{{"type":"ok","process":0,"f":"txn","output":[{first}]}}\n'
        f'{{"type":"ok","process":1,"f":"txn","output":[{second}]}}\n'
    )
    recording = read(path)
    verdict = judge(recording.history, recording.model, "read-atomic")
    assert recording.model == "txn-set"
    assert verdict.outcome == "invalid"
    assert verdict.parts[0].explanation is not None
    assert verdict.parts[0].explanation.kind == kind
    assert verify(recording.history, verdict) == []


def test_levels_that_a_type_does_not_decide_and_other_values_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "h.edn"
    path.write_text("{:type :ok, :f :txn, :process 0, :value [[:inc :x 2] [:r :x 2]]}\n")
    assert run(["check", str(path), "--model", "strict-serializable", "--certify"]) == 0
    assert run(["check", str(path), "--model", "causal"]) == 3
    assert "transactions on counters do not decide causal: choose one of serializable, " in capsys.readouterr().err
    path.write_text("{:type :ok, :f :txn, :process 0, :value [[:inc :x 2] [:r :x #{2}]]}\n")
    with pytest.raises(HistoryError, match=r"a read of :x with #\{2\}, not an integer or null"):
        read(path)
    path.write_text("{:type :ok, :f :txn, :process 0, :value [[:inc :x :y]]}\n")
    with pytest.raises(HistoryError, match="an increment of :x by :y, not by an integer"):
        read(path)
