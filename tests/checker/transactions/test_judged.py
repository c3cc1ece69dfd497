"""Transactions judged: what is found in histories too large for the twin, in cases of our own, and in shared ones."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from checker.budget import Budget
from checker.errors import HistoryError, UsageError
from checker.formats import read
from checker.history import PENDING, History, Operation, Status
from checker.transactions.judged import judge
from checker.transactions.levels import LEVELS, implied
from checker.verdict import Verdict
from tests.checker.transactions.executions import execution

Steps = list[list[Any]]
Row = tuple[Steps, Status]

CASES = Path(__file__).parents[4] / "shared" / "cases" / "transactions"


def history(rows: list[Row]) -> History:
    """One transaction per row; all overlap, so only serializability is asked."""
    ops = []
    for i, (steps, status) in enumerate(rows):
        asked = [[f, key, None if f == "r" else value] for f, key, value in steps]
        ret = PENDING if status == "info" else 1000 + i
        ops.append(Operation(i, i, "txn", None, asked, steps if status == "ok" else None, i, ret, status))
    return History.of(ops)


def registers(rows: list[Row], begins_with: Any = None, level: str = "serializable") -> Verdict:
    return judge(history(rows), "txn-rw-register", level, begins_with=begins_with)


def lists(rows: list[Row], level: str = "serializable") -> Verdict:
    return judge(history(rows), "txn-list-append", level)


def kinds(verdict: Verdict) -> set[str]:
    return {one.kind for one in verdict.anomalies}


def test_every_level_implies_only_weaker_ones() -> None:
    names = list(LEVELS)
    for place, name in enumerate(names):
        assert implied(name) <= set(names[: place + 1])


@pytest.mark.slow
def test_long_serial_executions_of_blind_writes_are_found_serializable() -> None:
    random = Random(7)
    state: dict[str, Any] = {}
    rows: list[Row] = []
    for number in range(1500):
        steps: Steps = []
        for place in range(random.randint(1, 4)):
            key = f"k{random.randrange(30)}"
            if random.random() < 0.5:
                state[key] = 10 * number + place
                steps.append(["w", key, state[key]])
            else:
                steps.append(["r", key, state.get(key)])
        rows.append((steps, "ok"))
    assert registers(rows).outcome == "valid"


def test_an_initial_value_is_suggested_where_it_explains_every_read_of_what_nobody_wrote() -> None:
    rows: list[Row] = [([["r", "x", 0], ["w", "x", 1]], "ok"), ([["r", "y", 0], ["r", "x", 1]], "ok")]
    explanation = registers(rows).parts[0].explanation
    assert explanation is not None
    assert explanation.sentence.endswith("If registers initially hold 0, check with --initial 0.")
    assert registers(rows, 0).outcome == "valid"
    explanation = registers([([["r", "x", None]], "ok")], 0).parts[0].explanation
    assert explanation is not None
    assert explanation.sentence == 'Phantom value: #0 read nothing from "x", though registers initially hold 0.'


def test_values_that_are_written_twice_are_judged_by_trying_all_orders() -> None:
    twice: list[Row] = [([["w", "x", 1], ["w", "y", 1]], "ok"), ([["w", "x", 1]], "ok"), ([["r", "x", 1]], "ok")]
    assert registers(twice).outcome == "valid"
    wrong = registers([*twice, ([["r", "x", 1], ["r", "y", 2]], "ok")])
    assert wrong.outcome == "invalid"
    wrong = registers([*twice, ([["r", "y", 1], ["r", "x", None]], "ok")])
    assert wrong.outcome == "invalid"
    assert wrong.parts[0].explanation is not None
    assert "all serial orders were tried" in wrong.parts[0].explanation.sentence


def test_true_is_not_one() -> None:
    assert registers([([["w", "x", 1]], "ok"), ([["r", "x", True]], "ok")]).outcome == "invalid"
    appended: Row = ([["append", "x", 1], ["append", "x", 2]], "ok")
    assert lists([appended, ([["r", "x", [True, 2]]], "ok")]).outcome == "invalid"
    assert lists([appended, ([["r", "x", [1, 2]]], "ok"), ([["r", "x", [True, 2]]], "ok")]).outcome == "invalid"


def test_a_long_fork_and_a_write_skew_are_told_apart() -> None:
    fork: list[Row] = [
        ([["append", "x", 1]], "ok"),
        ([["append", "y", 1]], "ok"),
        ([["r", "x", [1]], ["r", "y", []]], "ok"),
        ([["r", "x", []], ["r", "y", [1]]], "ok"),
    ]
    skew: list[Row] = [
        ([["r", "x", []], ["append", "y", 1]], "ok"),
        ([["r", "y", []], ["append", "x", 1]], "ok"),
    ]
    for rows, kind, words, isolated in (
        (fork, "G-nonadjacent", "a long fork", False),
        (skew, "G2-item", "a write skew", True),
    ):
        verdict = lists(rows)
        explanation = verdict.parts[0].explanation
        assert explanation is not None
        assert explanation.kind == kind
        assert f"{words} ({kind})" in explanation.sentence
        assert kinds(verdict) == {kind}
        assert {rung.name: rung.holds for rung in verdict.ladder}["snapshot-isolation"] == isolated
        for edge, following in zip(explanation.cycle, (*explanation.cycle[1:], explanation.cycle[0]), strict=True):
            assert edge.after == following.before


def test_writes_that_no_read_shows_may_not_overlap_under_snapshot_isolation() -> None:
    """Elle passes this: two transactions in a write skew also write one key, which none reads."""
    rows: list[Row] = [
        ([["r", "x", []], ["append", "y", 1], ["append", "z", 1]], "ok"),
        ([["r", "y", []], ["append", "x", 1], ["append", "z", 2]], "ok"),
    ]
    assert lists(rows, "snapshot-isolation").outcome == "invalid"
    apart: list[Row] = [(steps[:2], status) for steps, status in rows]
    assert lists(apart, "snapshot-isolation").outcome == "valid"


@pytest.mark.slow
def test_a_search_that_ends_early_is_unknown_with_the_reason() -> None:
    random = Random(2)
    rows: list[Row] = []
    for number in range(60):
        keys = random.sample("uvwxyz", 2)
        rows.append(([["w", keys[0], number], ["w", keys[1], number + 1000]], "ok"))
    written = {key: [v for steps, _ in rows for _, k, v in steps if k == key] for key in "uv"}
    rows += [([["r", key, random.choice(values)] for key, values in written.items()], "ok") for _ in range(60)]
    verdict = judge(history(rows), "txn-rw-register", "serializable", budget=Budget(steps=1))
    assert verdict.outcome == "unknown"
    assert verdict.parts[0].reason is not None
    assert "the order of versions is not known for" in verdict.parts[0].reason


@pytest.mark.slow
@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not on this machine")
@pytest.mark.parametrize("form", ["jsonl", "edn"])
def test_shared_cases_are_judged_as_they_should_be_at_every_level(form: str) -> None:
    expected = msgspec.json.decode((CASES / "expected.json").read_bytes())
    for name, levels in expected.items():
        recording = read(CASES / f"{name}.{form}")
        for level in ("serializable", "strong-session-serializable", "strict-serializable"):
            verdict = judge(recording.history, recording.model, level)
            assert verdict.outcome == ("valid" if levels[level] == "y" else "invalid"), (name, level)
        if levels["elle-snapshot-isolation"] == "false":
            assert judge(recording.history, recording.model, "snapshot-isolation").outcome == "invalid", name


@pytest.mark.slow
@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not on this machine")
def test_public_histories_have_the_level_that_their_authors_found() -> None:
    names = ("read-committed", "read-atomic", "causal")
    found = sorted((CASES / "public").glob("awdit-*.jsonl"))
    assert found
    for path in found:
        known = path.name.removeprefix("awdit-").partition("_")[0]
        recording = read(path)
        ladder = {rung.name: rung.holds for rung in judge(recording.history, recording.model, "serializable").ladder}
        place = names.index(known) if known in names else -1
        assert [ladder[name] for name in names] == [i <= place for i in range(3)], path.name


def test_what_cannot_be_judged_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no level of isolation 'serialisable': did you mean serializable"):
        judge(history([]), "txn-list-append", "serialisable")
    path = tmp_path / "h.jsonl"
    path.write_text('{"type":"invoke","process":0,"f":"write","input":1}\n{"type":"ok","process":0,"f":"write"}\n')
    with pytest.raises(HistoryError, match="has operations of a register, but causal is a level of isolation for tra"):
        read(path, model="causal")
    with pytest.raises(UsageError, match="txn-list-append takes no initial value"):
        judge(history([]), "txn-list-append", "serializable", begins_with=0)


REFUTES = {
    "G0": "read-uncommitted",
    "G1c": "PL-2",
    "G-single": "snapshot-isolation",
    "G-nonadjacent": "snapshot-isolation",
    "G2-item": "serializable",
}
SESSIONS = {
    "": "",
    "-process": "strong-session-",
    "-realtime": "strong-",
}


def refuted_by(kind: str) -> str:
    """The weakest level that an anomaly of this kind refutes."""
    base = next(base for base in REFUTES if kind.startswith(base))
    order = kind.removeprefix(base)
    if not order:
        return REFUTES[base]
    if base == "G2-item":
        return {"-process": "strong-session-serializable", "-realtime": "strict-serializable"}[order]
    return f"{SESSIONS[order]}snapshot-isolation"


@pytest.mark.slow
@pytest.mark.parametrize(("model", "write"), [("txn-list-append", "append"), ("txn-rw-register", "w")])
def test_no_anomaly_contradicts_a_level_that_holds(model: str, write: str) -> None:
    random = Random(model)
    seen = set()
    for _ in range(400):
        verdict = judge(History.of(execution(random, write, random.randint(3, 9))), model, "serializable")
        holds = {rung.name: rung.holds for rung in verdict.ladder}
        for anomaly in verdict.anomalies:
            if anomaly.kind.startswith(tuple(REFUTES)):
                assert holds[refuted_by(anomaly.kind)] is False, (anomaly, holds)
                seen.add(anomaly.kind)
    assert {"G1c", "G-single", "G2-item", "G-single-process", "G-single-realtime"} <= seen
