"""Semaphores: what brute force says, small proofs, any number of permits."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.check import check
from checker.errors import UsageError
from checker.history import History, Operation
from checker.models import find
from checker.verify import verify
from naysayer.cli import run
from tests.checker.brute import linearizable
from tests.checker.fuzz import agreed
from tests.checker.generate import AUTHORS

Row = tuple[str, int | None, int, int]


def operations(*rows: Row) -> list[Operation]:
    return [Operation(i, i, f, None, given, None, call, ret) for i, (f, given, call, ret) in enumerate(rows)]


@pytest.mark.slow
def test_brute_force_agrees_and_every_proof_holds() -> None:
    decided = agreed("semaphore", AUTHORS["semaphore"], 2_000, "semaphore")
    assert decided["valid by permits"] > 500
    assert decided["invalid by permits"] > 150
    assert not any("search" in how for how in decided)


def test_more_permits_let_more_in() -> None:
    ops = operations(("acquire", 2, 0, 5), ("acquire", None, 10, 15), ("release", 2, 20, 25))
    outcomes = {n: check(ops, find("semaphore", begins_with=n)).outcome for n in (1, 2, 3)}
    assert outcomes == {1: "invalid", 2: "invalid", 3: "valid"}
    assert check(ops[::2], find("semaphore", begins_with=0)).outcome == "invalid"


def test_a_release_may_have_come_before_an_acquire_that_it_overlaps() -> None:
    ops = operations(("acquire", 1, 0, 5), ("acquire", 1, 10, 20), ("release", 1, 20, 30))
    assert check(ops, "semaphore").outcome == "valid"
    ops = operations(("acquire", 1, 0, 5), ("acquire", 1, 10, 20), ("release", 1, 21, 30))
    assert check(ops, "semaphore").outcome == "invalid"


def test_a_long_history_is_refuted_by_what_ran_since_no_acquire_was_under_way() -> None:
    rows: list[Row] = []
    for i in range(400):
        rows += [("acquire", None, 100 * i, 100 * i + 5), ("release", None, 100 * i + 10, 100 * i + 15)]
    rows += [("acquire", None, 50_000, 50_005), ("acquire", 2, 50_010, 50_015)]
    ops, model = operations(*rows), find("semaphore", begins_with=2)
    verdict = check(ops, model)
    assert (verdict.outcome, verdict.method) == ("invalid", "permits")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert "402 had been acquired" in verdict.worst.explanation.sentence.replace("403", "402")
    assert len(verdict.worst.counterexample) <= 3
    assert verify(History.of(ops), model, verdict) == []


def test_acquires_may_go_but_a_release_only_with_an_earlier_acquire() -> None:
    model = find("semaphore")
    ops = operations(("acquire", 1, 0, 5), ("release", 1, 6, 9), ("acquire", 1, 10, 15), ("acquire", 1, 16, 19))
    assert not linearizable(model, ops)
    assert model.may_leave_out(ops[:2], ops[2:])
    assert model.may_leave_out(ops[2:3], [*ops[:2], ops[3]])
    assert not model.may_leave_out(ops[1:2], [ops[0], *ops[2:]])


def test_what_is_no_number_of_permits_is_refused() -> None:
    with pytest.raises(UsageError, match="whole number of permits"):
        find("semaphore", begins_with="two")


def test_the_command_assumes_no_number_of_permits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(
        '{"type":"invoke","process":0,"f":"acquire","value":2,"time":1}\n'
        '{"type":"ok","process":0,"f":"acquire","value":2,"time":2}\n'
    )
    assert run(["check", str(path), "--model", "semaphore"]) == 3
    assert "--initial N" in capsys.readouterr().err
    assert run(["check", str(path), "--model", "semaphore", "--initial", "2"]) == 0
    assert run(["check", str(path), "--model", "semaphore", "--initial", "1"]) == 1
