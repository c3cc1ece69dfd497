"""A campaign: seed after seed over an executor, until one fails or the bound is reached."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count

from checker.errors import UsageError
from checker.parallel import pool
from naysayer.hunt.guided import Lineage
from naysayer.hunt.shards import Shard
from naysayer.hunt.states import Seen
from naysayer.hunt.swarm import draw
from naysayer.judge import judge_run
from naysayer.plan import Plan, validate
from naysayer.recorder import Recorder
from naysayer.simulate import Probe, Simulation
from targets.backends.host.determinism import difference
from targets.backends.host.process import hosts_s
from targets.protocol.own_code import blamed
from targets.registry import find as find_target
from workloads.registry import find as find_workload

BATCH = 10
"""Seeds in one task of the executor: a seed takes some hundredths of a second."""

YOUNG = 20_000
"""Objects made before the garbage collector runs; usually 700."""

LINEAGE = 250
"""Runs of one lineage (guided.py), which are made in order."""

COMPARED = 50
"""Of a user's program one run in so many, and each that fails, is made again in a used and in a fresh process."""

POLL_S = 0.2
"""How often a campaign is asked whether it goes on, whatever ends meanwhile."""

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

    @property
    def lineage(self) -> int:
        """Runs of one lineage. A sharded hunt has a lineage for each shard, at least."""
        if self.shard is None or self.seeds is None:
            return LINEAGE
        return max(1, min(LINEAGE, self.seeds // self.shard.count))

    def left(self, lineage: Lineage) -> int:
        """How many runs the lineage still has."""
        last = lineage.first + self.lineage
        if self.seeds is not None:
            last = min(last, self.first_seed + self.seeds)
        return last - lineage.first - lineage.tried

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
    lineage: Lineage | None = None
    """The runs so far, which the next batch continues."""
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


def attempt(hunt: Hunt, first: int, runs: int) -> Tried:
    """Try some seeds in this process, from `first` on; stops at the first that fails."""
    return continued(hunt, Lineage(first), runs)


def continued(hunt: Hunt, lineage: Lineage, runs: int) -> Tried:
    """Try some more runs of a lineage in this process; stops at the first that fails."""
    began = spent_s()
    with few_collections(), blamed():
        tried = _attempt(hunt, lineage, runs)
    return replace(tried, cpu_s=spent_s() - began, lineage=lineage)


def spent_s() -> float:
    """CPU seconds of this process and of its hosts."""
    return time.process_time() + hosts_s()


def _attempt(hunt: Hunt, lineage: Lineage, runs: int) -> Tried:
    undecided, foreign = 0, find_target(hunt.target).foreign
    states: list[tuple[int, ...]] = []
    for number in range(runs):
        plan = lineage.next(hunt.plan)
        run = Simulation(plan, Recorder(), probe=Probe(cover=True)).run()
        lineage.learn(plan, run.states)
        states.append(tuple(run.states))
        verdict = judge_run(run, find_workload(plan.workload).model, steps=STEPS, weaker=False)
        failed = verdict.outcome == "invalid"
        unlike = None
        if foreign and (failed or lineage.tried % COMPARED == 1):
            unlike = unlike_again(plan)
        if failed:
            return Tried(number + 1, undecided, plan, states=tuple(states), unlike=unlike)
        if unlike is not None:
            return Tried(number + 1, undecided, None, f"seed {plan.seed}: {unlike}", states=tuple(states))
        if run.error is not None:
            return Tried(number + 1, undecided, None, f"seed {plan.seed}: {run.error}", states=tuple(states))
        undecided += verdict.outcome == "unknown"
    return Tried(runs, undecided, states=tuple(states))


def unlike_again(plan: Plan) -> str | None:
    """What the nodes of a user's program do differently when a plan is run again in another process, if anything."""
    return difference(plan.target, lambda: Simulation(plan, Recorder()).run())


def run_campaign(hunt: Hunt, engine: str, workers: int, goes_on: Callable[[int], bool]) -> Caught:
    """Run the campaign. Of two seeds that fail at once the lower one counts.

    `goes_on` is called with the number of seeds tried, several times a second, and ends the campaign by returning
    False.
    """
    until = None if hunt.time_s is None else time.monotonic() + hunt.time_s
    done, cpu_s, undecided, coverage = 0, 0.0, 0, Seen()
    failed: list[Plan] = []
    trouble: str | None = None
    unlike: str | None = None
    stopped = False
    fresh = lineages(hunt)
    begun: deque[Lineage] = deque()
    with pool(engine, workers) as executor:
        running: set[Future[Tried]] = set()
        while True:
            stopped = stopped or not goes_on(done)
            open_ = not (failed or stopped) and trouble is None and (until is None or time.monotonic() < until)
            while open_ and len(running) < 2 * workers:
                lineage = begun.popleft() if begun else next(fresh, None)
                if lineage is None:
                    break
                running.add(executor.submit(continued, hunt, lineage, min(BATCH, hunt.left(lineage))))
            if not running:
                break
            ended, running = wait(running, POLL_S, return_when=FIRST_COMPLETED)
            for tried in (future.result() for future in ended):
                done, cpu_s, undecided = done + tried.seeds, cpu_s + tried.cpu_s, undecided + tried.undecided
                failed += [tried.failed] if tried.failed is not None else []
                unlike = unlike or tried.unlike
                trouble = trouble or tried.trouble
                coverage.add(tried.states)
                if tried.lineage is not None and hunt.left(tried.lineage):
                    begun.append(tried.lineage)
    plan = min(failed, key=lambda found: (found.seed, len(found.decisions))) if failed else None
    return Caught(plan, done, cpu_s, undecided, trouble, stopped, coverage, unlike)


def lineages(hunt: Hunt) -> Iterator[Lineage]:
    """The lineages of a hunt, or of its shard: of LINEAGE runs each, or fewer."""
    last = None if hunt.seeds is None else hunt.first_seed + hunt.seeds
    for number, first in enumerate(count(hunt.first_seed, hunt.lineage)):
        if last is not None and first >= last:
            return
        if hunt.shard is None or number % hunt.shard.count == hunt.shard.number - 1:
            yield Lineage(first)
