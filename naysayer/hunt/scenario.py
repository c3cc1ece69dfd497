"""A scenario: a run as an explicit list of operations and faults. It fails again whenever it is run again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from checker.errors import UsageError
from checker.history import Operation, freeze
from checker.verdict import Verdict
from naysayer.format_version import refuse_other_version
from naysayer.judge import RUN_STEPS, judge_run
from naysayer.notation import value_text
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.results import HISTORY, REPORT, TEST, VERDICT
from naysayer.simulate import Run, Simulation
from nemesis.schedule import Schedule, Situation, Step
from targets.protocol.fault import FAULT
from workloads.generator import Generator, Invocation, Turn, Wait
from workloads.parts import client_of
from workloads.registry import find as find_workload

VERSION = 1
"""The format of scenario files that is written and read here."""

SCENARIO = "scenario.toml"
"""The file of a result folder that holds the scenario."""


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """A client invokes an operation at a node, not before `at_ms`, and not before its last one has ended."""

    at_ms: float
    client: int
    f: str
    node: str
    key: Any = None
    input: Any = None


class Strike(msgspec.Struct, frozen=True):
    """A fault is carried out at `at_ms` (or its end: heal, restart, resume)."""

    at_ms: float
    fault: FAULT


Item = Ask | Strike


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Target, sizes, seed (of the message delays), and what happens."""

    target: str
    workload: str
    nodes: int
    seed: int
    asks: tuple[Ask, ...]
    strikes: tuple[Strike, ...]
    timeout_ms: float | None = None
    """How long clients wait; None: as long as the target says."""
    calm: bool = False
    """At the end all faults are healed and clients go on, to see whether the target is live."""
    storm_ms: float = 0.0
    """The end is not before this."""
    version: int = VERSION

    @property
    def clients(self) -> int:
        """Clients are numbered from 0; those that ask nothing do not count for anything."""
        return 1 + max((ask.client for ask in self.asks), default=0)

    @property
    def items(self) -> list[Item]:
        """All that happens, in order of time; faults first."""
        return sorted([*self.strikes, *self.asks], key=lambda item: item.at_ms)

    def of(self, items: Iterable[Item]) -> Scenario:
        """The same with these happenings instead."""
        chosen = list(items)
        asks = tuple(item for item in chosen if isinstance(item, Ask))
        strikes = tuple(item for item in chosen if isinstance(item, Strike))
        return msgspec.structs.replace(self, asks=asks, strikes=strikes)


@dataclass(frozen=True)
class Script:
    """The generator of a scenario: for each client, what it has still to ask.

    A fenced write that names no generation shows the one that its client was given last.
    """

    left: tuple[tuple[Ask, ...], ...]
    given: Mapping[int, Any] = field(default_factory=dict)
    """By client, the generation that it was given last."""
    lasts_ms: float = 0.0
    """The first client stays until then."""

    @staticmethod
    def of(scenario: Scenario) -> Script:
        """The script of a scenario whose operations are in order of time."""
        asks, clients = scenario.asks, range(scenario.clients)
        left = tuple(tuple(ask for ask in asks if ask.client == client) for client in clients)
        return Script(left, lasts_ms=scenario.storm_ms)

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


def shows_last(ask: Ask) -> bool:
    """Whether it is a fenced write under the generation that its client was given last, whichever that is."""
    return ask.f == "fenced-write" and ask.input[0] is None


@dataclass(frozen=True)
class Strikes:
    """The schedule of a scenario."""

    left: tuple[Strike, ...]

    def next(self, situation: Situation) -> tuple[Step | None, Schedule]:
        if not self.left:
            return None, self
        return Step(self.left[0].at_ms, self.left[0].fault), Strikes(self.left[1:])


def of_run(plan: Plan, simulation: Simulation, run: Run) -> Scenario:
    """The scenario that a finished run of a plan amounts to; of one that was not live after the storm, the storm."""
    until_ms = float("inf") if run.live else run.storm_ms
    return Scenario(
        plan.target,
        plan.workload,
        plan.nodes,
        plan.seed,
        tuple(
            Ask(at_ms, client, asked.f, node, asked.key, asked.input)
            for at_ms, client, asked, node in simulation.asked
            if at_ms < until_ms
        ),
        tuple(Strike(at_ms, fault) for at_ms, fault in run.recorder.nemesis if at_ms < until_ms),
        plan.timeout_ms,
        not run.live,
        0.0 if run.live else run.storm_ms,
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
    script, strikes = Script.of(scenario), Strikes(scenario.strikes)
    if scenario.calm:
        until_ms, until_violation = None, False  # whether it is live shows at its end
    simulation = staged(scenario, recorder or Recorder(), strikes, script, trace, until_ms, until_violation)
    run = simulation.run()
    return run, judge_run(run, find_workload(scenario.workload).model, weaker=weaker, steps=steps)


def rerun(
    scenario: Scenario, *, trace: bool = False, until_ms: float | None = None, until_violation: bool = False
) -> Run:
    """Run a scenario without judging it, with its messages if `trace`, up to a time or to a broken invariant."""
    ordered = scenario.of(scenario.items)
    script, strikes = Script.of(ordered), Strikes(ordered.strikes)
    return staged(ordered, Recorder(), strikes, script, trace, until_ms, until_violation).run()


def staged(
    scenario: Scenario,
    recorder: Recorder,
    schedule: Schedule,
    generator: Generator,
    trace: bool = False,
    until_ms: float | None = None,
    until_violation: bool = False,
) -> Simulation:
    """A run of the scenario's target in which `schedule` and `generator` say what happens."""
    return Simulation(
        plan_of(scenario),
        recorder,
        schedule=schedule,
        generator=generator,
        scripted=True,
        calm=scenario.calm,
        storm_ms=scenario.storm_ms if scenario.calm else 0.0,
        trace=trace,
        until_ms=until_ms,
        until_violation=until_violation,
    )


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
    return [(strike.at_ms, strike.fault.in_full()) for strike in scenario.strikes]


def story(scenario: Scenario) -> str:
    """The scenario as a short text: one line for everything that happens, in order of time."""
    size = "1 node" if scenario.nodes == 1 else f"{scenario.nodes} nodes"
    lines = [f"{scenario.target} on {size}, seed {scenario.seed}:"]
    lines += [f"  {item.at_ms:9.1f} ms  {_told(item)}" for item in scenario.items]
    if scenario.calm:
        lines.append("  then all faults are healed, and the clients go on")
    elif scenario.storm_ms > max((item.at_ms for item in scenario.items), default=0.0):
        lines.append(f"  {scenario.storm_ms:9.1f} ms  the end")
    return "\n".join(lines)


def _told(item: Item) -> str:
    return (
        item.fault.in_full() if isinstance(item, Strike) else f"client {item.client} asks {item.node}: {_asked(item)}"
    )


def _asked(ask: Ask) -> str:
    if shows_last(ask):
        return f"fenced-write {ask.key} {value_text(ask.input[1])} under the generation given last"
    given = "" if ask.input is None else f" {value_text(ask.input)}"
    return f"{ask.f}{'' if ask.key is None else f' {ask.key}'}{given}"


def text(scenario: Scenario) -> str:
    """The scenario as a scenario.toml."""
    import tomli_w

    built = msgspec.to_builtins(scenario)
    if scenario.timeout_ms is None:
        del built["timeout_ms"]
    for ask in built["asks"]:
        for name in [name for name, value in ask.items() if value is None]:
            del ask[name]
        if ask.get("input") is not None:
            ask["input"] = msgspec.json.encode(ask["input"]).decode()  # TOML has no null, which a cas may compare with
    for strike in built["strikes"]:
        strike["fault"] = {name: value for name, value in strike["fault"].items() if value is not None}
    return "# naysayer replay runs this scenario again; inputs are JSON\n" + tomli_w.dumps(built)


def is_scenario(path: Path) -> bool:
    """Whether a path names a scenario, whatever it is called, rather than a result folder or a file of one."""
    if not path.is_file() or path.name in (HISTORY, VERDICT, REPORT):
        return False
    if path.name != TEST:
        return True
    try:
        return "asks" in msgspec.toml.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return False


def read(path: Path) -> Scenario:
    """Read a scenario. Raises UsageError naming the file and what is wrong in it."""
    try:
        content = path.read_bytes()
        refuse_other_version(path, content, VERSION)
        scenario = msgspec.toml.decode(content, type=Scenario)
        asks = tuple(
            msgspec.structs.replace(ask, input=None if ask.input is None else freeze(msgspec.json.decode(ask.input)))
            for ask in scenario.asks
        )
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
        raise UsageError(f"{path} is not a scenario: {error}") from error
    return msgspec.structs.replace(scenario, asks=asks)
