"""A timed scenario: every operation and every fault has a time, and a seed decides the message delays.

Hunts write these. Every run of one is the same, byte for byte. `notation.py` reads and writes it as text.
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
from nemesis.decided import FaultScript as FaultScript
from nemesis.decided import TimedFault as TimedFault
from nemesis.schedule import Schedule
from workloads.generator import Generator, Invocation, Turn, Wait
from workloads.parts import client_of
from workloads.registry import find as find_workload

AFTER_MS = 1.0
"""A run does not end before what ended it has happened again."""


class TimedOperation(msgspec.Struct, frozen=True):
    """A client invokes an operation on a node at `at_ms`, or as soon as its previous operation has ended."""

    at_ms: float
    client: int
    f: str
    node: str
    key: Any = None
    input: Any = None


Timed = TimedOperation | TimedFault


class Scenario(msgspec.Struct, frozen=True):
    """Target, sizes, seed (of the message delays), and the operations and faults with their times."""

    target: str
    workload: str
    nodes: int
    seed: int
    operations: tuple[TimedOperation, ...]
    faults: tuple[TimedFault, ...]
    timeout_ms: float | None = None
    """How long clients wait for a reply; None: the target's default."""
    recovers: bool = False
    """At the end all faults are undone and clients continue, which shows whether the target is live."""
    end_ms: float = 0.0
    """The run does not end before this."""
    progress_ms: float | None = None
    """Only up to this time must a majority make progress, as in the run that this was made of, which undid its faults
    then; None: to the end."""

    @property
    def clients(self) -> int:
        """The number of clients; they are numbered from 0, and some may invoke nothing."""
        return 1 + max((operation.client for operation in self.operations), default=0)

    @property
    def items(self) -> list[Timed]:
        """All operations and faults in order of time; at equal times faults come first."""
        return sorted([*self.faults, *self.operations], key=lambda item: item.at_ms)

    def of(self, items: Iterable[Timed]) -> Scenario:
        """The same scenario with these operations and faults instead."""
        chosen = list(items)
        operations = tuple(item for item in chosen if isinstance(item, TimedOperation))
        faults = tuple(item for item in chosen if isinstance(item, TimedFault))
        return msgspec.structs.replace(self, operations=operations, faults=faults)


@dataclass(frozen=True)
class OperationScript:
    """The generator of a scenario: for each client, the operations that it has yet to invoke.

    A fenced write without a generation carries its client's latest one.
    """

    left: tuple[tuple[TimedOperation, ...], ...]
    given: Mapping[int, Any] = field(default_factory=dict)
    """By client: its latest generation."""
    lasts_ms: float = 0.0
    """The first client waits until then, so that the run does not end before."""

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
    """Whether it is a fenced write that carries its client's latest generation."""
    return operation.f == "fenced-write" and operation.input[0] is None


def of_run(plan: Plan, simulation: Simulation, run: Run) -> Scenario:
    """The scenario of a finished run; if the run was not live in the end, only its fault phase.

    If a node died, what happened last may be the restart of which it died, after the last operation.
    """
    until_ms = float("inf") if run.live else run.fault_phase_ms
    last_ms = run.virtual_ms + AFTER_MS if any(one.node for one in run.findings) else 0.0
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
        last_ms if run.live else run.fault_phase_ms,
        run.fault_phase_ms if run.live else None,
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
    """Run a scenario and judge it, with at most `steps` of the search; `weaker`: also by weaker properties.

    `until_ms` or `until_violation` (a violated invariant) ends the run early. A run that fails then also fails if it
    continues: every prefix of a linearizable history is linearizable (Herlihy and Wing 1990, section 3).
    """
    scenario = scenario.of(scenario.items)  # in order of time, as in its text
    operations, faults = OperationScript.of(scenario), FaultScript(scenario.faults)
    if scenario.recovers:
        until_ms, until_violation = None, False  # only the end of the run shows whether it is live
    probe = Probe(trace, until_ms, until_violation)
    run = staged(scenario, recorder or Recorder(), faults, operations, probe).run()
    return run, judge_run(run, find_workload(scenario.workload).model, weaker=weaker, steps=steps)


def rerun(
    scenario: Scenario, *, trace: bool = False, until_ms: float | None = None, until_violation: bool = False
) -> Run:
    """Run a scenario without judging it, with its messages if `trace`, up to a time or to a violated invariant."""
    ordered = scenario.of(scenario.items)
    operations, faults = OperationScript.of(ordered), FaultScript(ordered.faults)
    return staged(ordered, Recorder(), faults, operations, Probe(trace, until_ms, until_violation)).run()


def staged(
    scenario: Scenario, recorder: Recorder, schedule: Schedule, generator: Generator, probe: Probe
) -> Simulation:
    """A run of the scenario's target with this schedule of faults and this generator of operations."""
    end_ms = scenario.end_ms if scenario.recovers else 0.0
    script = Script(generator, schedule, scenario.recovers, end_ms, scenario.progress_ms)
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
