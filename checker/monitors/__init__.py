"""Monitors: near-linear deciders, one per data type. A monitor answers None where its assumptions do not hold.

To add one: write `decide` in a file here and name that file in MONITORS under every model it judges.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from checker.budget import Budget
from checker.history import History
from checker.verdict import Decision

Monitor = Callable[[History, Budget], Decision | None]


def _lazy(module: str, function: str = "decide", *, searches: bool = False) -> Monitor:
    """A function of a module of this package, imported when it is first asked. One that `searches` gets the budget;
    the others are near-linear and need none."""

    def decide(part: History, budget: Budget) -> Decision | None:
        monitor = getattr(import_module(f"checker.monitors.{module}"), function)
        decision: Decision | None = monitor(part, budget) if searches else monitor(part)
        return decision

    return decide


MONITORS: dict[str, Monitor] = {
    "register": _lazy("register"),
    "cas-register": _lazy("register"),
    "kv": _lazy("register"),
    "kv-append": _lazy("string_append"),
    "counter": _lazy("counter"),
    "mutex": _lazy("mutex"),
    "set": _lazy("sets", searches=True),
    "queue": _lazy("queue"),
    "stack": _lazy("stack"),
    "priority-queue": _lazy("priority_queue"),
    "log": _lazy("log"),
    "append-list": _lazy("append_list"),
    "ids": _lazy("growing", "decide_ids"),
    "generation": _lazy("growing", "decide_generation"),
}
