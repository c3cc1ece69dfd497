"""The frontier and the checker agree on every history."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checker import History, check
from checker.history import Operation as Recorded
from naysayer.explore.frontier import IMPOSSIBLE, Frontiers, Operation


def drawn(seed: int) -> list[dict[str, Any]]:
    """Events of a small history with reads of any value, and operations that fail, stay open or are unknown. Of every
    other one the values are texts, which are appended to."""
    random, texts = Random(seed), seed % 2 == 1
    events: list[dict[str, Any]] = []
    opened: list[tuple[int, Operation]] = []
    for number in range(random.randint(2, 7)):
        while opened and random.random() < 0.5:
            events.append(ended(random, *opened.pop(random.randrange(len(opened))), texts=texts))
        operation = asked(random, str(number), texts=texts)
        events.append({"type": "invoke", "process": number, "f": operation.f, "value": operation.value})
        opened.append((number, operation))
    while opened and random.random() < 0.8:
        events.append(ended(random, *opened.pop(), texts=texts))
    return events


def asked(random: Random, name: str, *, texts: bool) -> Operation:
    value: int | str = random.choice(("a", "b") if texts else (1, 2, 3))
    match random.choice(("read", "read", "write", "append" if texts else "write", "cas", "delete")):
        case "read":
            return Operation(name, "read")
        case "write":
            return Operation(name, "write", value)
        case "append":
            return Operation(name, "append", value)
        case "cas":
            return Operation(name, "cas", (random.choice((None, "a", "ab") if texts else (None, 1, 2)), value))
    return Operation(name, "delete")


def ended(random: Random, process: int, operation: Operation, *, texts: bool) -> dict[str, Any]:
    status = random.choice(("ok", "ok", "ok", "fail", "info"))
    found = (None, "a", "b", "ab", "ba") if texts else (None, 1, 2, 3)
    outputs: dict[str, tuple[Any, ...]] = {"read": found, "cas": (True, False)}
    returned = random.choice(outputs.get(operation.f, (None,))) if status == "ok" else None
    return {"type": status, "process": process, "f": operation.f, "value": returned}


def possible(events: list[dict[str, Any]]) -> bool:
    frontiers, frontier = Frontiers(), 0
    for event in events:
        name = str(event["process"])
        if event["type"] == "invoke":
            frontier = frontiers.invoke(frontier, Operation(name, event["f"], event["value"]))
        else:
            frontier = frontiers.answer(frontier, name, event["type"], event["value"])
        if frontier == IMPOSSIBLE:
            return False
    return True


def judged(events: list[dict[str, Any]], model: str) -> str:
    rows: dict[int, dict[str, Any]] = {}
    for time, event in enumerate(events):
        process = event["process"]
        if event["type"] == "invoke":
            rows[process] = {"f": event["f"], "input": event["value"], "call": time, "status": "info"}
        elif event["type"] != "info":
            rows[process] |= {"ret": time, "status": event["type"], "output": event["value"]}
    history = History.of([Recorded(index, process, **row) for index, (process, row) in enumerate(rows.items())])
    return check(history, model).outcome


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 600, 200))
def test_the_frontier_and_the_checker_agree(first: int) -> None:
    outcomes = set()
    for seed in range(first, first + 200):
        events = drawn(seed)
        expected = judged(events, "kv-append" if seed % 2 else "kv")
        # unknown: possible, but no read shows anything
        assert possible(events) == (expected != "invalid"), events
        outcomes.add(expected)
    assert outcomes == {"valid", "invalid", "unknown"}
