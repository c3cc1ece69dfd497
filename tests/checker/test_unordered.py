"""Unordered queues: a dumb twin that knows pending dequeues, the monitor, and the models agree; drains are known."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.check import check
from checker.errors import HistoryError
from checker.formats import UNORDERED, read
from checker.history import PENDING, History, Operation
from checker.models import find
from checker.verify import verify
from checker.warnings import of_record
from tests.checker.fuzz import agreed
from tests.checker.generate import AUTHORS, STYLES, history


def explains(ops: list[Operation]) -> bool:
    """Whether some order is legal: a pending dequeue takes any one value that is inside, when it happens."""
    happened = [op for op in ops if op.status != "fail"]
    seen = set()

    def order(left: frozenset[int], inside: tuple[Any, ...]) -> bool:
        if all(happened[i].pending for i in left):
            return True
        if (left, inside) in seen:
            return False
        seen.add((left, inside))
        for i in left:
            op = happened[i]
            if any(happened[j].ret < op.call for j in left):
                continue
            if op.f == "enqueue":
                after = [tuple(sorted((*inside, op.input)))]
            elif not op.pending and op.output is None:
                after = [] if inside else [()]
            else:
                taken = [value for value in inside if op.pending or value == op.output]
                after = [tuple(sorted(_less(inside, value))) for value in taken]
            if any(order(left - {i}, further) for further in after):
                return True
        return False

    return order(frozenset(range(len(happened))), ())


def _less(inside: tuple[Any, ...], value: Any) -> list[Any]:
    rest = list(inside)
    rest.remove(value)
    return rest


@pytest.mark.slow
def test_the_twin_that_lets_pending_dequeues_take_anything_agrees() -> None:
    model = find("unordered-queue")
    outcomes = set()
    for number in range(1500):
        rng = Random(f"unordered {number}")
        ops = history(AUTHORS["unordered-queue"], rng, STYLES[number % 3], rng.randint(1, 7))
        ops = [op if op.status == "fail" or rng.random() < 0.8 else pending(op) for op in ops]
        if not any(op.status == "ok" for op in ops):
            continue
        verdict = check(ops, model)
        assert verdict.outcome == ("valid" if explains(ops) else "invalid"), ops
        assert verify(History.of(ops), model, verdict) == []
        outcomes.add((verdict.outcome, verdict.method))
    assert len(outcomes) == 4, "both outcomes, by the monitor and by the search"


def pending(op: Operation) -> Operation:
    return Operation(op.index, op.process, op.f, None, op.input, None, op.call, PENDING, "info")


@pytest.mark.slow
def test_brute_force_agrees_and_every_proof_holds() -> None:
    decided = agreed("unordered-queue", AUTHORS["unordered-queue"], 1500, "unordered")
    assert decided["valid by values in and out"] > 500
    assert decided["invalid by values in and out"] > 200


def recorded(path: Path, *rows: tuple[Any, ...]) -> Path:
    """A file of operations: (call, return or None, op, input, output)."""
    lines = [
        json.dumps({"client": i, "call": c, "return": r, "op": f, "input": given, "output": got})
        for i, (c, r, f, given, got) in enumerate(rows)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def judged(path: Path, model: str = "unordered-queue") -> str:
    recording = read(path, model=model)
    verdict = check(recording.history, recording.model)
    assert verify(recording.history, find(recording.model), verdict) == []
    return verdict.outcome


ONE_TWO = [(0, 1, "enqueue", 1, None), (2, 3, "enqueue", 2, None)]


@pytest.mark.parametrize(
    ("drains", "outcome", "fifo"),
    [
        ([(10, 20, "drain", None, [1, 2])], "valid", "valid"),
        ([(10, 20, "drain", None, [2, 1])], "valid", "invalid"),
        ([(10, 20, "drain", None, [2])], "invalid", "invalid"),
        ([(10, 20, "drain", None, [1, 2, 2])], "invalid", "invalid"),
        ([(10, 20, "drain", None, [])], "invalid", "invalid"),
        ([(10, 20, "drain", None, [1]), (11, 19, "drain", None, [2])], "valid", "valid"),
        ([(10, 20, "drain", None, [1]), (30, 40, "drain", None, [2])], "invalid", "invalid"),
        ([(10, None, "drain", None, None), (30, 40, "drain", None, [2])], "valid", "valid"),
        ([(10, None, "drain", None, None), (30, 40, "dequeue", None, None)], "valid", "valid"),
        ([(10, 40, "drain", None, [1, 2, 3]), (11, 12, "dequeue", None, None), (20, 21, "enqueue", 3, None)],
         "valid", "valid"),
    ],
)  # fmt: skip
def test_a_drain_is_what_its_client_did(tmp_path: Path, drains: list[Any], outcome: str, fifo: str) -> None:
    path = recorded(tmp_path / "h.jsonl", *ONE_TWO, *drains)
    assert judged(path) == outcome
    assert judged(path, "queue") == fifo


def test_the_order_of_a_drain_is_kept_where_a_file_has_no_times(tmp_path: Path) -> None:
    path = tmp_path / "h.edn"
    events = [(":enqueue 1", ":enqueue 1"), (":enqueue 2", ":enqueue 2"), (":drain nil", ":drain [2 1]")]
    lines = []
    for begun, ended in events:
        for kind, (f, value) in (("invoke", begun.split(" ", 1)), ("ok", ended.split(" ", 1))):
            lines.append(f"{{:type :{kind}, :process 0, :f {f}, :value {value}}}")
    path.write_text("\n".join(lines))
    assert (judged(path), judged(path, "queue")) == ("valid", "invalid")


def test_a_drain_whose_order_cannot_be_judged_earns_a_warning(tmp_path: Path) -> None:
    def warned(model: str, *drains: tuple[Any, ...]) -> list[str]:
        notes = read(recorded(tmp_path / "h.jsonl", *ONE_TWO, *drains), model=model).history.notes
        return [note for note in notes if "drain" in note]

    drain, other = (10, 20, "drain", None, [2, 1]), (11, 19, "drain", None, [])
    assert warned("queue", drain) == []
    assert warned("unordered-queue", drain, other) == []
    assert warned("queue", (10, 20, "drain", None, [1]), (30, 40, "drain", None, [2])) == []
    (one,) = warned("queue", drain, other)
    assert one.startswith(
        "the drain on line 3 overlapped other operations: the order of the values in the list was not"
    )
    (two,) = warned("queue", drain, (15, 25, "drain", None, [2, 3]))
    assert two.startswith("2 drains (first: line 3) overlapped other operations")


@pytest.mark.parametrize("ended", [(20, [2, 1]), (None, None)])
def test_the_dequeues_of_one_drain_are_no_doubtful_record(tmp_path: Path, ended: tuple[Any, Any]) -> None:
    ret, taken = ended
    drains = [(10, ret, "drain", None, taken), (11, 19, "drain", None, [])]
    whole = read(recorded(tmp_path / "h.jsonl", *ONE_TWO, *drains), model="unordered-queue").history
    assert len(whole) == 6 - (ret is None)
    assert of_record(whole) == ()


def test_a_drain_that_lists_no_values_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"h.jsonl:3: drain with the output 7"):
        read(recorded(tmp_path / "h.jsonl", *ONE_TWO, (10, 20, "drain", None, 7)), model="unordered-queue")


def test_a_queue_that_was_taken_for_first_in_first_out_says_how_to_judge_it_otherwise(tmp_path: Path) -> None:
    dequeued = (5, 6, "dequeue", None, 2)
    assert UNORDERED in read(recorded(tmp_path / "h.jsonl", *ONE_TWO, dequeued)).history.notes
    drained = read(recorded(tmp_path / "d.jsonl", *ONE_TWO, (5, 6, "drain", None, [2, 1])))
    assert drained.model == "unordered-queue"
