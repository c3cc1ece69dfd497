"""The frontier and the checker agree on every history."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checker import History, check
from checker.history import Operation as Recorded
from naysayer.explore.frontier import IMPOSSIBLE, Frontiers, Operation


def drawn(seed: int) -> list[dict[str, Any]]:
    """Events of a small history with reads of any value, and operations that fail, stay open or are unknown."""
    random = Random(seed)
    events: list[dict[str, Any]] = []
    opened: list[tuple[int, Operation]] = []
    for number in range(random.randint(2, 7)):
        while opened and random.random() < 0.5:
            events.append(ended(random, *opened.pop(random.randrange(len(opened)))))
        operation = asked(random, str(number))
        events.append({"type": "invoke", "process": number, "f": operation.f, "value": operation.value})
        opened.append((number, operation))
    while opened and random.random() < 0.8:
        events.append(ended(random, *opened.pop()))
    return events


def asked(random: Random, name: str) -> Operation:
    match random.choice(("read", "read", "write", "write", "cas", "delete")):
        case "read":
            return Operation(name, "read")
        case "write":
            return Operation(name, "write", random.randint(1, 3))
        case "cas":
            return Operation(name, "cas", (random.choice((None, 1, 2)), random.randint(1, 3)))
    return Operation(name, "delete")


def ended(random: Random, process: int, operation: Operation) -> dict[str, Any]:
    status = random.choice(("ok", "ok", "ok", "fail", "info"))
    outputs: dict[str, tuple[Any, ...]] = {"read": (None, 1, 2, 3), "cas": (True, False)}
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


def judged(events: list[dict[str, Any]]) -> str:
    rows: dict[int, dict[str, Any]] = {}
    for time, event in enumerate(events):
        process = event["process"]
        if event["type"] == "invoke":
            rows[process] = {"f": event["f"], "input": event["value"], "call": time, "status": "info"}
        elif event["type"] != "info":
            rows[process] |= {"ret": time, "status": event["type"], "output": event["value"]}
    history = History.of([Recorded(index, process, **row) for index, (process, row) in enumerate(rows.items())])
    return check(history, "kv").outcome


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 600, 200))
def test_the_frontier_and_the_checker_agree(first: int) -> None:
    outcomes = set()
    for seed in range(first, first + 200):
        events = drawn(seed)
        expected = judged(events)
        # unknown: possible, but no read shows anything
        assert possible(events) == (expected != "invalid"), events
        outcomes.add(expected)
    assert outcomes == {"valid", "invalid", "unknown"}
