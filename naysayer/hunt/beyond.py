"""From a broken invariant to what clients see.

An invariant shows a mistake earlier than clients do, but a user's system has none, and what clients see convinces more.
So a run that broke one is continued from that moment in other ways, until a continuation shows clients an anomaly.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from checker import Budget
from naysayer.hunt.campaign import STEPS, few_collections
from naysayer.judge import judge
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.simulate import Simulation
from nemesis.decided import TimedFault
from targets.protocol.fault import Redraw
from workloads.registry import find as find_workload

CONTINUATIONS = 40
"""How many are tried, at most."""

OPERATIONS = 100
"""So many more operations than the plan has, since most may be over when the invariant is broken."""

AFTER_MS = 0.001


def seen_by_clients(plan: Plan, violated_ms: float, goes_on: Callable[[], bool] = lambda: True) -> Plan | None:
    """A continuation of a plan, from the time at which it breaks an invariant, in which clients see an anomaly; None if
    none of those tried shows one."""
    at_ms = violated_ms + AFTER_MS
    kept = tuple(one for one in plan.decisions if one.at_ms < at_ms)
    operations = None if plan.operations is None else plan.operations + OPERATIONS
    model = find_workload(plan.workload).model
    with few_collections():
        for salt in range(CONTINUATIONS):
            if not goes_on():
                return None
            child = replace(plan, operations=operations, decisions=(*kept, TimedFault(at_ms, Redraw(salt))))
            history = Simulation(child, Recorder()).run().recorder.history()
            if judge(history, model, budget=Budget(steps=STEPS), weaker=False).outcome == "invalid":
                return child
    return None
