"""Histories from the literature have the levels that they have there, in every form, and so says the dumb twin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from checker.formats import read
from checker.history import History, Operation
from checker.transactions.judged import judge
from checker.transactions.levels import LEVELS, implied
from checker.transactions.verify import verify
from tests.checker.transactions.brute import holds
from tests.checker.transactions.literature import CASES, Case

REALTIME = {name for name, level in LEVELS.items() if level.order == "realtime"}


def expected(case: Case) -> set[str]:
    return {name for strongest in case.holds for name in implied(strongest)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_history_has_the_levels_that_the_literature_gives_it(case: Case) -> None:
    ops = case.operations()
    ladder = {rung.name: rung.holds for rung in judge(History.of(ops), case.model, "serializable").ladder}
    assert {name for name in LEVELS if ladder[name] and name not in REALTIME} == expected(case) - REALTIME


@pytest.mark.slow
def test_the_twin_agrees_and_every_verdict_is_proved() -> None:
    for case in CASES:
        ops = case.operations()
        history = History.of(ops)
        for level in LEVELS:
            verdict = judge(history, case.model, level)
            assert verify(history, verdict) == [], (case.name, level)
            if level != "read-uncommitted":
                assert (verdict.outcome == "valid") == holds(ops, level), (case.name, level)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["jsonl", "edn"])
def test_they_are_read_in_either_form(form: str, tmp_path: Path) -> None:
    for case in CASES:
        path = tmp_path / f"h.{form}"
        path.write_text("\n".join(_events(case.operations(), form)))
        recording = read(path, model=case.model)
        ladder = {rung.name: rung.holds for rung in judge(recording.history, case.model, "serializable").ladder}
        assert {name for name in LEVELS if ladder[name] and name not in REALTIME} == expected(case) - REALTIME, (
            case.name
        )


def _events(ops: list[Operation], form: str) -> list[str]:
    moments: list[tuple[int, str]] = []
    for op in ops:
        moments.append((op.call, _event("invoke", op, op.input, op.call, form)))
        end = op.call + 500 if op.status == "info" else op.ret
        moments.append((end, _event(op.status, op, op.output or op.input, end, form)))
    return [text for _, text in sorted(moments, key=lambda one: one[0])]


def _event(kind: str, op: Operation, steps: Any, at: int, form: str) -> str:
    if form == "jsonl":
        given = "input" if kind == "invoke" else "output"
        return msgspec.json.encode(
            {"type": kind, "process": op.process, "f": "txn", given: steps if kind != "info" else None, "time": at}
        ).decode()
    micros = " ".join(f"[:{f} :{key} {_edn(value)}]" for f, key, value in steps)
    return f"{{:type :{kind}, :process {op.process}, :f :txn, :value [{micros}], :time {at}}}"


def _edn(value: Any) -> str:
    return "nil" if value is None else str(value).replace(",", "")
