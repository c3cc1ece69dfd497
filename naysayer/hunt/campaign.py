"""A campaign: seed after seed over an executor, until one fails or the bound is reached."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from checker.check import nothing_succeeded
from checker.errors import UsageError
from checker.parallel import pool
from naysayer.hunt.shards import Shard
from naysayer.hunt.states import Seen
from naysayer.hunt.swarm import draw
from naysayer.judge import judge_run
from naysayer.plan import Plan, validate
from naysayer.recorder import Recorder
from naysayer.simulate import Probe, Simulation
from nemesis import named as named_faults
from targets.backends.host.determinism import difference
from targets.backends.host.process import hosts_s
from targets.protocol.own_code import blamed
from targets.registry import find as find_target
from workloads.registry import find as find_workload

BATCH = 10
"""Seeds in one task of the executor: a seed takes some hundredths of a second."""

YOUNG = 20_000
"""Objects made before the garbage collector runs; usually 700."""

COMPARED = 50
"""Of a user's program one run in so many, and each that fails, is made again in a used and in a fresh process."""

POLL_S = 0.2
"""How often a campaign is asked whether it goes on, whatever ends meanwhile."""

STOP_S = 2.0
"""How long the seeds under way may take to end, once a campaign is to stop: those of a user's program may take long."""

STEPS = 200_000
"""What the search may spend on each key of one seed: another seed is worth more than a hard one."""


@dataclass(frozen=True)
class Hunt:
    """What to hunt. `seeds` or `time_s` bounds it."""

    target: str
    seeds: int | None = 1000
    time_s: float | None = None
    first_seed: int = 1
    operations: int = 200
    nodes: int | None = None
    workload: str | None = None
    nemesis: tuple[str, ...] | None = None
    clients: int | None = None
    shard: Shard | None = None
    """The part of the hunt that is made here; None: all of it."""

    def plan(self, seed: int) -> Plan:
        """The plan of a seed: what is not given here is drawn."""
        target = find_target(self.target)
        return draw(target, seed, self.operations, self.workload, self.nemesis, self.nodes, self.clients)

    def batches(self) -> Iterator[range]:
        """The seeds of the hunt, or of its shard, in tasks: shard i of n makes every n-th, from the i-th on."""
        shard = self.shard or Shard(1, 1)
        size = BATCH if self.seeds is None else max(1, min(BATCH, self.seeds // shard.count))
        last = None if self.seeds is None else self.first_seed + self.seeds
        for number, first in enumerate(count(self.first_seed, size)):
            if last is not None and first >= last:
                return
            if number % shard.count == shard.number - 1:
                yield range(first, first + size if last is None else min(first + size, last))

    def may_find(self, plan: Plan) -> bool:
        """Whether the plan of another hunt is one that this hunt might draw too."""
        asked = ("target", "workload", "nodes", "clients")
        same = all(getattr(self, name) in (None, getattr(plan, name)) for name in asked)
        if self.nemesis is None or not same:
            return same
        named = {named_faults.find(name).name for name in self.nemesis}
        alone = (f":{named_faults.RELAY}", f":{named_faults.STEADY}")
        return all(name in named or (name.endswith(alone) and name.partition(":")[0] in named) for name in plan.nemesis)

    def validate(self) -> None:
        """Raises UsageError for what does not fit the target, and for numbers out of bounds."""
        if self.seeds is not None and self.seeds < 1:
            raise UsageError(f"--seeds is {self.seeds}; it must be at least 1")
        if self.shard is not None and (self.seeds is None or self.seeds < self.shard.count):
            raise UsageError(f"--shard {self.shard} needs --seeds of at least {self.shard.count}: a shard has its own")
        if self.time_s is not None and not self.time_s > 0:
            raise UsageError("--time is 0; a hunt needs some seconds")
        plan = self.plan(self.first_seed)
        validate(plan, find_target(plan.target), find_workload(plan.workload))


@dataclass(frozen=True)
class Tried:
    """The outcome of a batch of seeds: the plan that failed, if one did."""

    seeds: int
    undecided: int = 0
    failed: Plan | None = None
    trouble: str | None = None
    cpu_s: float = 0.0
    states: tuple[tuple[int, ...], ...] = ()
    """The abstract states that each run reached."""
    unlike: str | None = None
    """Why the plan that failed may not fail again: its nodes are not deterministic."""


@dataclass(frozen=True)
class Caught:
    """The end of a campaign. `seeds` and `cpu_s` count all that was tried, in every process."""

    plan: Plan | None
    seeds: int
    cpu_s: float
    undecided: int
    trouble: str | None = None
    stopped: bool = False
    """It was ended before its bound, by `goes_on`."""
    coverage: Seen = field(default_factory=Seen)
    unlike: str | None = None
    """Why the plan may not fail again: its nodes are not deterministic."""
    known: Path | None = None
    """It is a failure that an earlier hunt found, kept in this folder."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Let the garbage collector run seldom, over new objects only: a run leaves few cycles, and it costs a sixth."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG, *thresholds[1:])
    try:
        yield
    finally:
        gc.collect()  # what was made in here only, as the rest is frozen: or else a campaign would grow without bound
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def attempt(hunt: Hunt, seeds: range) -> Tried:
    """Try some seeds in this process; stops at the first that fails."""
    return try_plans(map(hunt.plan, seeds))


def try_plans(plans: Iterable[Plan]) -> Tried:
    """Run some plans in this process; stops at the first that fails."""
    began = spent_s()
    with few_collections(), blamed():
        tried = _try_plans(plans)
    return replace(tried, cpu_s=spent_s() - began)


def spent_s() -> float:
    """CPU seconds of this process and of its hosts."""
    return time.process_time() + hosts_s()


def _try_plans(plans: Iterable[Plan]) -> Tried:
    undecided = blind = 0
    states: list[tuple[int, ...]] = []
    for plan in plans:
        run = Simulation(plan, Recorder(), probe=Probe(cover=True)).run()
        states.append(tuple(run.states))
        verdict = judge_run(run, find_workload(plan.workload).model, steps=STEPS, weaker=False)
        failed = verdict.outcome == "invalid"
        compared = find_target(plan.target).foreign and (failed or plan.seed % COMPARED == 1)
        unlike = unlike_again(plan) if compared else None
        if failed:
            return Tried(len(states), undecided, plan, states=tuple(states), unlike=unlike)
        if unlike is not None:
            return Tried(len(states), undecided, None, f"seed {plan.seed}: {unlike}", states=tuple(states))
        if run.error is not None:
            return Tried(len(states), undecided, None, f"seed {plan.seed}: {run.error}", states=tuple(states))
        unknown = verdict.outcome == "unknown"
        nothing = unknown and nothing_succeeded(run.recorder.history())
        undecided, blind = undecided + (unknown and not nothing), blind + nothing
    if blind == len(states):
        undecided += blind  # not one run here and there that faults kept from everything: nothing works
    return Tried(len(states), undecided, states=tuple(states))


def unlike_again(plan: Plan) -> str | None:
    """What the nodes of a user's program do differently when a plan is run again in another process, if anything."""
    return difference(plan.target, lambda: Simulation(plan, Recorder()).run())


class _AbandonedError(Exception):
    """The seeds under way are given up, and what runs them is ended."""


def run_campaign(hunt: Hunt, engine: str, workers: int, goes_on: Callable[[int], bool]) -> Caught:
    """Run the campaign. Of two seeds that fail at once the lower one counts.

    `goes_on` is called with the number of seeds tried, several times a second, and ends the campaign by returning
    False: what has not ended STOP_S later is given up.
    """
    until = None if hunt.time_s is None else time.monotonic() + hunt.time_s
    done, cpu_s, undecided, coverage = 0, 0.0, 0, Seen()
    failed: list[Plan] = []
    trouble: str | None = None
    unlike: str | None = None
    stopped, patient_until = False, math.inf
    batches = hunt.batches()
    try:
        with suppress(_AbandonedError), pool(engine, workers) as executor:
            running: set[Future[Tried]] = set()
            while True:
                if not stopped and not goes_on(done):
                    stopped, patient_until = True, time.monotonic() + STOP_S
                open_ = not (failed or stopped) and trouble is None and (until is None or time.monotonic() < until)
                while open_ and len(running) < 2 * workers:
                    batch = next(batches, None)
                    if batch is None:
                        break
                    running.add(executor.submit(attempt, hunt, batch))
                if not running:
                    break
                if time.monotonic() > patient_until:
                    raise _AbandonedError
                ended, running = wait(running, POLL_S, return_when=FIRST_COMPLETED)
                for tried in (future.result() for future in ended):
                    done, cpu_s, undecided = done + tried.seeds, cpu_s + tried.cpu_s, undecided + tried.undecided
                    failed += [tried.failed] if tried.failed is not None else []
                    unlike = unlike or tried.unlike
                    trouble = trouble or tried.trouble
                    coverage.add(tried.states)
    except BrokenExecutor:  # SIGTERM to a whole process group ends the workers too
        if not stopped and goes_on(done):
            raise
        stopped = True
    plan = min(failed, key=lambda found: found.seed, default=None)
    return Caught(plan, done, cpu_s, undecided, trouble, stopped, coverage, unlike)
