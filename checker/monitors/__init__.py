"""Monitors: near-linear deciders, one per data type. A monitor answers None where its assumptions do not hold.

To add one: write `decide` in a file here and name that file in MONITORS under every model it judges.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from checker.history import History
from checker.verdict import Decision

Monitor = Callable[[History], Decision | None]


def _lazy(module: str, function: str = "decide") -> Monitor:
    """A function of a module of this package, imported when it is first asked."""

    def decide(part: History) -> Decision | None:
        decision: Decision | None = getattr(import_module(f"checker.monitors.{module}"), function)(part)
        return decision

    return decide


MONITORS: dict[str, Monitor] = {
    "register": _lazy("register"),
    "cas-register": _lazy("register"),
    "kv": _lazy("register"),
    "kv-append": _lazy("string_append"),
    "counter": _lazy("counter"),
    "mutex": _lazy("mutex"),
    "set": _lazy("sets"),
    "queue": _lazy("queue"),
    "stack": _lazy("stack"),
    "priority-queue": _lazy("priority_queue"),
    "log": _lazy("log"),
    "append-list": _lazy("append_list"),
    "ids": _lazy("growing", "decide_ids"),
    "generation": _lazy("growing", "decide_generation"),
}
