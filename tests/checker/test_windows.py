"""Windows: counterexamples that begin somewhere, with or without a past. The verifier confirms those that are found,
and none of a legal history."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from checker import check, windows
from checker.budget import Budget
from checker.history import PENDING, History, Operation
from checker.judging import effective
from checker.model import Model
from checker.models import find
from checker.possible import kind_of, possible
from checker.search import decide
from checker.verdict import Part, Start
from checker.verify import verify, verify_part
from tests.checker.brute import linearizable
from tests.checker.stages import Plain, drawn

FINITE = ("register", "cas-register", "kv", "set")


def refuted(name: str, count: int, seed: str) -> int:
    """How many windows were found in random histories; each must be confirmed."""
    found = 0
    for number in range(count):
        model = Plain(find(name)) if number % 3 == 2 else find(name)
        part = effective(History.of(drawn(name, number, seed)), model)
        decision = decide(part, model, Budget())
        if decision.outcome != "invalid":
            continue
        rng = Random(f"{seed} {number}")
        counted = tuple(row for row, op in enumerate(part) if op.pending and rng.random() < 0.5)
        few = windows.window(part, replace(decision, counted=counted), model, Budget())
        if few is not None:
            found += 1
            claim = Part(
                None,
                "invalid",
                "search",
                len(part),
                counterexample=tuple(part[row] for row in few.rows),
                since=few.since,
                starts=few.starts,
            )
            assert verify_part(part, model, claim) is None, list(part)
            assert not linearizable(model, list(part))
    return found


def accused(name: str, count: int, seed: str) -> int:
    """How many random windows of legal histories the verifier was asked about; it must confirm none."""
    asked = 0
    for number in range(count):
        rng = Random(f"{name} {seed} {number}")
        model = Plain(find(name)) if number % 3 == 2 else find(name)
        ops = [op for op in drawn(name, number, seed) if op.status != "fail"]
        if not ops or not linearizable(model, ops):
            continue
        for _ in range(4):
            kept = tuple(op for op in ops if rng.random() < 0.8)
            since = rng.choice([op.call for op in ops] + [op.ret for op in ops if not op.pending])
            claim = Part(None, "invalid", "search", len(ops), counterexample=kept, since=since)
            assert verify_part(History.of(ops), model, claim) is not None, (ops, since, kept)
            starts = begins(ops, model, since)
            certain = {op.index for op in ops if not op.pending}
            looser = tuple(replace(start, done=start.done & certain) for start in starts)
            for told in (starts, looser, starts[1:], ()):
                claim = replace(claim, starts=told)
                assert verify_part(History.of(ops), model, claim) is not None, (ops, claim)
            asked += 1
    return asked


def begins(ops: list[Operation], model: Model, since: int) -> tuple[Start, ...]:
    kinds = {kind_of(op) for op in ops}
    return possible(ops, model, lambda op: not model.effect_free(op), [since], 10_000, counted=kinds)[since]


@pytest.mark.slow
def test_windows_are_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "RETURNS_MIN", 1)
    assert refuted("cas-register", 300, "quick") > 10


def test_windows_with_a_past_are_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows._Finder, "find", lambda self: None)
    assert refuted("cas-register", 120, "past") > 20


@pytest.mark.slow
def test_no_legal_history_has_a_window_that_is_confirmed() -> None:
    assert accused("cas-register", 200, "quick") > 300


@pytest.mark.slow
@pytest.mark.parametrize("name", FINITE)
def test_many_windows_are_confirmed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "RETURNS_MIN", 1)
    assert refuted(name, 1000, "slow")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FINITE, "queue", "stack", "priority-queue", "counter", "append-list"])
def test_many_windows_with_a_past_are_confirmed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows._Finder, "find", lambda self: None)
    assert refuted(name, 400, "past") > 50


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FINITE, "mutex", "fenced-register", "multi-register", "kv-append", "queue"])
def test_no_legal_history_of_many_has_a_window_that_is_confirmed(name: str) -> None:
    assert accused(name, 100, "slow")


def op(index: int, f: str, call: int, ret: int, given: object = None, output: object = None) -> Operation:
    status = "info" if ret == PENDING else "ok"
    return Operation(index, index, f, None, given, output, call, ret, status)  # type: ignore[arg-type]


def test_a_window_shows_the_write_that_a_read_took_its_value_from() -> None:
    rows = [op(n, "write", 10 * n, 10 * n + 5, n % 3) for n in range(90)]
    rows += [op(90, "read", 900, 905, output=2), op(91, "write", 910, 915, 0), op(92, "read", 920, 925, output=2)]
    verdict = check(rows, "register")
    part = verdict.worst
    assert part is not None
    assert part.since is not None
    assert [one.index for one in part.counterexample] == [89, 91, 92]
    assert verify(History.of(rows), find("register"), verdict) == []


def test_a_write_that_began_before_the_window_may_have_happened_before_it() -> None:
    rows = [op(0, "write", 0, 100, 1), op(1, "write", 40, 45, 2), op(2, "read", 60, 65, output=2)]
    claim = Part(None, "invalid", "search", 3, counterexample=tuple(rows), since=30)
    assert verify_part(History.of(rows), find("register"), claim) == "the counterexample has a legal order"


def test_an_operation_called_after_the_window_does_not_spoil_its_proof() -> None:
    """Without the later cas the proof stands as it is; with it, the cas of the proof would count as a mere write."""
    rows = [
        Operation(0, 0, "read", None, None, None, 13, 17),
        Operation(1, 1, "write", None, 1, None, 19, 19),
        Operation(2, 2, "cas", None, (2, 3), True, 19, 24),
        Operation(3, 3, "cas", None, (1, 2), True, 30, 32),
    ]
    claim = Part(None, "invalid", "search", 4, counterexample=(rows[0], rows[2]), since=4)
    assert verify_part(History.of(rows), find("cas-register"), claim) is None
