"""Simulated runs of targets with random operations and faults: each seed is drawn as a hunt draws it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

import pytest
from msgspec import structs

from naysayer.harness.clients import TIMEOUT
from naysayer.hunt.swarm import draw
from naysayer.judge import judge
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.simulate import Run, Simulation
from nemesis.catalog import KINDS
from nemesis.mix import Mix
from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Degrade, Heal
from targets.registry import find
from workloads.registry import find as find_workload

ANY_LOG = tuple(
    kind.name for kind in KINDS.values() if kind.needs <= SimulatedCluster.faults and kind.name != "bit-flip"
)
"""Every fault that a replicated log must survive: damage to what is stored is detected, not repaired."""

ANY = tuple(name for name in ANY_LOG if not KINDS[name].needs & {"leader", "reconfigure", "transfer"})
"""The same where no node leads and members cannot be changed."""

AT_ONCE = 5
"""So many kinds of faults in one run."""

REPEATED = 0.4
"""Chance of a request to arrive twice."""


@dataclass(frozen=True)
class RepeatedRequests:
    """Requests of clients may arrive twice, during all of the faults of `rest`."""

    rest: Schedule
    healed: bool = True

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        if self.healed:
            requests = tuple((client, node) for client in situation.clients for node in situation.nodes)
            return Step(situation.now_ms, Degrade(requests, duplicate=REPEATED)), replace(self, healed=False)
        step, rest = self.rest.next(situation)
        healed = isinstance(step, Step) and isinstance(step.fault, Heal)
        return step, RepeatedRequests(rest, healed)


def simulate(plan: Plan, schedule: Schedule | None = None) -> Run:
    return Simulation(plan, Recorder(), schedule=schedule).run()


def clients_saw(plan: Plan, run: Run) -> str:
    """The checker's verdict on what clients saw, whatever the invariants say."""
    return judge(run.recorder.history(), find_workload(plan.workload).model, weaker=False).outcome


def drawn(name: str, seed: int, faults: tuple[str, ...] | None = None, workload: str | None = None) -> Plan:
    """The plan of a seed, under some of `faults`; None: of all that have an effect on the target."""
    target = find(name)
    return draw(target, seed, 200, workload or target.workload, faults)


def with_its_faults(name: str, seed: int, workload: str | None = None) -> Plan:
    """The plan of a seed, under just the faults that are known to expose a broken variant."""
    target = find(name)
    assert target.broken is not None
    return structs.replace(draw(target, seed, 400, workload), nemesis=target.broken.faults)


def assert_caught(plans: Iterable[Plan], *, by_invariant: bool = False, with_twin: bool = False) -> None:
    """One of the runs shows clients what is wrong with a target, or (`by_invariant`) breaks an invariant.

    `with_twin`: the healthy twin is not accused under the same plans.
    """
    for plan in plans:
        run = simulate(plan)
        caught = bool(run.violations) if by_invariant else clients_saw(plan, run) == "invalid"
        if with_twin:
            twin = structs.replace(plan, target=plan.target.partition("/")[0])
            run = simulate(twin)
            assert (clients_saw(twin, run), run.violations) == ("valid", []), f"the healthy twin is accused: {twin}"
        if caught:
            return
    pytest.fail("no run showed what is wrong")


def assert_healthy(
    name: str,
    seed: int,
    faults: tuple[str, ...] = ANY,
    *,
    workload: str | None = None,
    nodes: int | None = None,
    repeated: bool = False,
) -> None:
    """A run under some of these faults is valid, breaks no invariant, and all is answered once they are over.

    `repeated`: requests may arrive twice. (Where a system has sessions, clients ask again as it is.)
    """
    target = find(name)
    faults = tuple(Random(seed).sample(faults, min(AT_ONCE, len(faults))))
    plan = structs.replace(draw(target, seed, 150, workload, faults, nodes), timeout_ms=target.timeout_ms)
    run = simulate(plan, RepeatedRequests(Mix(plan.nemesis)) if repeated else None)
    told = f"{plan}: {run.violations} {run.findings}"
    assert clients_saw(plan, run) == "valid", told
    assert run.violations == [], told
    assert run.findings == [], told
    assert run.live, told
    operations = run.recorder.ended(0)
    assert len(operations) >= 150 + 2 * plan.clients, told
    assert [op for op in operations if op.call / 1e6 > run.fault_phase_ms and op.error == TIMEOUT] == [], told
