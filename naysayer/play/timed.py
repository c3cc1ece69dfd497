"""A timed scenario: every operation and fault at its time, under the drawn delays of a seed. Hunts write these.

A run of it is byte for byte the same whenever it is run again. `notation.py` says how it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from checker.history import Operation, freeze
from checker.verdict import Verdict
from naysayer.judge import RUN_STEPS, judge_run
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.simulate import Probe, Run, Script, Simulation
from nemesis.schedule import Schedule, Situation, Step
from targets.protocol.fault import FAULT
from workloads.generator import Generator, Invocation, Turn, Wait
from workloads.parts import client_of
from workloads.registry import find as find_workload


class TimedOperation(msgspec.Struct, frozen=True):
    """A client invokes an operation on a node, not before `at_ms`, and not before its last one has ended."""

    at_ms: float
    client: int
    f: str
    node: str
    key: Any = None
    input: Any = None


class TimedFault(msgspec.Struct, frozen=True):
    """A fault is injected at `at_ms` (or ended: heal, restart, resume)."""

    at_ms: float
    fault: FAULT


Timed = TimedOperation | TimedFault


class Scenario(msgspec.Struct, frozen=True):
    """Target, sizes, seed (of the message delays), and what happens when."""

    target: str
    workload: str
    nodes: int
    seed: int
    operations: tuple[TimedOperation, ...]
    faults: tuple[TimedFault, ...]
    timeout_ms: float | None = None
    """How long clients wait; None: as long as the target says."""
    recovers: bool = False
    """At the end all faults are undone and clients go on, to see whether the target is live."""
    end_ms: float = 0.0
    """The end is not before this."""

    @property
    def clients(self) -> int:
        """Clients are numbered from 0; those that invoke nothing do not count for anything."""
        return 1 + max((operation.client for operation in self.operations), default=0)

    @property
    def items(self) -> list[Timed]:
        """All that happens, in order of time; faults first."""
        return sorted([*self.faults, *self.operations], key=lambda item: item.at_ms)

    def of(self, items: Iterable[Timed]) -> Scenario:
        """The same with these operations and faults instead."""
        chosen = list(items)
        operations = tuple(item for item in chosen if isinstance(item, TimedOperation))
        faults = tuple(item for item in chosen if isinstance(item, TimedFault))
        return msgspec.structs.replace(self, operations=operations, faults=faults)


@dataclass(frozen=True)
class OperationScript:
    """The generator of a scenario: for each client, the operations that it has still to invoke.

    A fenced write that names no generation shows the one that its client was given last.
    """

    left: tuple[tuple[TimedOperation, ...], ...]
    given: Mapping[int, Any] = field(default_factory=dict)
    """By client, the generation that it was given last."""
    lasts_ms: float = 0.0
    """The first client stays until then."""

    @staticmethod
    def of(scenario: Scenario) -> OperationScript:
        """The script of a scenario whose operations are in order of time."""
        every, clients = scenario.operations, range(scenario.clients)
        left = tuple(tuple(one for one in every if one.client == client) for client in clients)
        return OperationScript(left, lasts_ms=scenario.end_ms)

    def next(self, turn: Turn) -> tuple[Invocation | Wait | None, Generator]:
        mine = self.left[turn.client]
        if not mine:
            stays = turn.client == 0 and turn.now_ms < self.lasts_ms
            return Wait(self.lasts_ms - turn.now_ms) if stays else None, self
        if mine[0].at_ms > turn.now_ms:
            return Wait(mine[0].at_ms - turn.now_ms), self
        rest = (*self.left[: turn.client], mine[1:], *self.left[turn.client + 1 :])
        given = freeze(mine[0].input)
        if shows_last(mine[0]):
            given = (self.given.get(turn.client, 0), given[1])
        return Invocation(mine[0].f, mine[0].key, given, mine[0].node), replace(self, left=rest)

    def observe(self, operation: Operation) -> Generator:
        if operation.f != "next" or operation.status != "ok":
            return self
        return replace(self, given={**self.given, client_of(operation, len(self.left)): operation.output})


def shows_last(operation: TimedOperation) -> bool:
    """Whether it is a fenced write under the generation that its client was given last, whichever that is."""
    return operation.f == "fenced-write" and operation.input[0] is None


@dataclass(frozen=True)
class FaultScript:
    """The schedule of a scenario."""

    left: tuple[TimedFault, ...]

    def next(self, situation: Situation) -> tuple[Step | None, Schedule]:
        if not self.left:
            return None, self
        return Step(self.left[0].at_ms, self.left[0].fault), FaultScript(self.left[1:])


def of_run(plan: Plan, simulation: Simulation, run: Run) -> Scenario:
    """The scenario that a finished run of a plan amounts to; of one that was not live in the end, its fault phase."""
    until_ms = float("inf") if run.live else run.fault_phase_ms
    return Scenario(
        plan.target,
        plan.workload,
        plan.nodes,
        plan.seed,
        tuple(
            TimedOperation(at_ms, client, invoked.f, node, invoked.key, invoked.input)
            for at_ms, client, invoked, node in simulation.asked
            if at_ms < until_ms
        ),
        tuple(TimedFault(at_ms, fault) for at_ms, fault in run.recorder.nemesis if at_ms < until_ms),
        plan.timeout_ms,
        not run.live,
        0.0 if run.live else run.fault_phase_ms,
    )


def play(
    scenario: Scenario,
    recorder: Recorder | None = None,
    *,
    trace: bool = False,
    weaker: bool = True,
    steps: int = RUN_STEPS,
    until_ms: float | None = None,
    until_violation: bool = False,
) -> tuple[Run, Verdict]:
    """Run a scenario and judge it, in so many `steps` of the search; `weaker`: also by weaker conditions.

    `until_ms` or `until_violation` (a broken invariant) ends the run early. What fails then also fails when it goes on:
    a history is linearizable only if what happened up to any moment is (Herlihy and Wing 1990, section 3).
    """
    scenario = scenario.of(scenario.items)  # in order of time, as people read it
    operations, faults = OperationScript.of(scenario), FaultScript(scenario.faults)
    if scenario.recovers:
        until_ms, until_violation = None, False  # whether it is live shows at its end
    probe = Probe(trace, until_ms, until_violation)
    run = staged(scenario, recorder or Recorder(), faults, operations, probe).run()
    return run, judge_run(run, find_workload(scenario.workload).model, weaker=weaker, steps=steps)


def rerun(
    scenario: Scenario, *, trace: bool = False, until_ms: float | None = None, until_violation: bool = False
) -> Run:
    """Run a scenario without judging it, with its messages if `trace`, up to a time or to a broken invariant."""
    ordered = scenario.of(scenario.items)
    operations, faults = OperationScript.of(ordered), FaultScript(ordered.faults)
    return staged(ordered, Recorder(), faults, operations, Probe(trace, until_ms, until_violation)).run()


def staged(
    scenario: Scenario, recorder: Recorder, schedule: Schedule, generator: Generator, probe: Probe
) -> Simulation:
    """A run of the scenario's target in which `schedule` and `generator` say what happens."""
    script = Script(generator, schedule, scenario.recovers, scenario.end_ms if scenario.recovers else 0.0)
    return Simulation(plan_of(scenario), recorder, script=script, probe=probe)


def plan_of(scenario: Scenario, nemesis: tuple[str, ...] = ()) -> Plan:
    """The scenario as a plan, for reports."""
    return Plan(
        scenario.target,
        scenario.workload,
        nemesis,
        scenario.nodes,
        scenario.clients,
        scenario.seed,
        operations=None,
        timeout_ms=scenario.timeout_ms,
    )


def marks(scenario: Scenario) -> list[tuple[float, str]]:
    """The faults with their times (ms), for the message diagram."""
    return [(timed.at_ms, timed.fault.in_full()) for timed in scenario.faults]
