"""Monitors: near-linear deciders, one per data type. A monitor answers None where its assumptions do not hold.

To add one: write `decide` in a file here and name that file in MONITORS under every model it judges.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from checker.budget import Budget
from checker.history import History
from checker.model import Model
from checker.verdict import Decision

Monitor = Callable[[History, Budget, Model], Decision | None]


def _lazy(module: str, function: str = "decide", *, searches: bool = False, begins: bool = False) -> Monitor:
    """A function of a module of this package, imported when it is first asked. One that `searches` gets the budget
    (the others are near-linear and need none); one whose object `begins` with some value gets that."""

    def decide(part: History, budget: Budget, model: Model) -> Decision | None:
        monitor = getattr(import_module(f"checker.monitors.{module}"), function)
        given = (budget,) if searches else (model.initial(),) if begins else ()
        decision: Decision | None = monitor(part, *given)
        return decision

    return decide


MONITORS: dict[str, Monitor] = {
    "register": _lazy("register", begins=True),
    "cas-register": _lazy("register", begins=True),
    "kv": _lazy("register", begins=True),
    "rmw-register": _lazy("rmw", begins=True),
    "kv-append": _lazy("string_append", searches=True),
    "counter": _lazy("counter"),
    "mutex": _lazy("mutex"),
    "semaphore": _lazy("semaphore", begins=True),
    "set": _lazy("sets", searches=True),
    "queue": _lazy("queue", searches=True),
    "unordered-queue": _lazy("unordered", searches=True),
    "stack": _lazy("stack", searches=True),
    "priority-queue": _lazy("priority_queue", searches=True),
    "log": _lazy("log"),
    "append-list": _lazy("append_list"),
    "ids": _lazy("growing", "decide_ids"),
    "generation": _lazy("growing", "decide_generation"),
}
