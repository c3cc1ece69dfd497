"""Minimises a failing scenario.

Operations, faults, nodes and clients are left out, and times and values are made plain, as long as the scenario still
fails (a delta debugger: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002). A failure
that clients saw stays one that clients see; otherwise the smallest violation is the best explanation. A failure that
depends on a race is also tried under other message delays, and one that depends on elections is replayed relative to
them (elections.py), without random subsets of its items. A run ends soon after the time at which the last one had
failed, and not before: time passes though no client invokes anything. Bounded by runs and time; a search that was cut
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, inf
from random import Random

from msgspec.structs import replace

from checker.history import Operation
from naysayer.hunt import simplify
from naysayer.hunt.campaign import STEPS, few_collections, spent_s
from naysayer.hunt.elections import ELECTION_MS, Timeline, leader_timeline, relative, replayed
from naysayer.hunt.failure import failed_ms
from naysayer.play.timed import Scenario, Timed, TimedFault, TimedOperation, play, shows_last
from workloads.registry import find as find_workload

RUNS_MAX = 10_000
SECONDS_MAX = 40.0
"""CPU seconds of this process and its hosts."""

PATIENCE_SECONDS = 5.0
"""After so many CPU seconds without a smaller scenario, no more random subsets are tried..."""

BRIEF_SECONDS = 0.5
"""...and after so many if the scenario is small already."""

COARSE = 16
"""A large scenario is first cut into so many parts: many single items cost a run each in vain."""

FEW_OPERATIONS, FEW_FAULTS = 8, 6
"""A scenario of so many operations and faults is small: people can read it."""

PAIRS = 0.3
"""How often a random subset leaves out two single items: a fault and what ends it."""

LATER_MS = 400.0
"""How much later than the last one a smaller scenario may fail: an election or two."""

SMALL = 40
"""Scenarios of at most so many items are also tried under other delays..."""

SEEDS = 6
"""...as many."""

REPLAYS = 4
"""How often they are replayed relative to elections."""

CORE_SEEDS = 24
"""Under how many delays it is tried whether the operations that prove the violation fail alone, or on fewer nodes."""

SIGHT = {"invariant": 1, "node died": 1, "node hung": 2, "liveness": 2}
"""How far a failure is from what clients see, by what found it; 0 if the checker did."""


@dataclass
class Shrunk:
    """The smallest scenario found; `cut` says which bound ended the search, None if nothing more could go."""

    scenario: Scenario
    runs: int = 0
    cut: str | None = None


class _Bound(Exception):  # noqa: N818 - control flow: ends the search
    pass


class _Search:
    def __init__(self, scenario: Scenario, goes_on: Callable[[Shrunk], bool]) -> None:
        self.best = Shrunk(scenario)
        self._goes_on = goes_on
        self._until = spent_s() + SECONDS_MAX
        self._sight = max(SIGHT.values())
        self.failed_ms = inf
        """When the scenario had failed."""
        self._tried: set[Scenario] = set()
        self._random = Random(0)
        self._led: tuple[Scenario | None, Timeline] = (None, ())
        """A scenario, and its leaders."""
        self._proof: tuple[Operation, ...] = ()

    @property
    def scenario(self) -> Scenario:
        """The smallest that failed so far."""
        return self.best.scenario

    def begin(self) -> bool:
        """Whether the scenario given fails; from now on others must do so at least as visibly."""
        seen = self._run(self.scenario)
        plain = replace(self.scenario, progress_ms=None)
        if seen is not None and plain != self.scenario:
            if self._run(plain) == seen:
                self.best.scenario = plain
            else:
                self._run(self.scenario)  # so that it is known again when it failed
        self._sight = self._sight if seen is None else seen
        if seen == SIGHT["invariant"]:
            self._keep(self.scenario)
        return seen is not None

    def fails(self, candidate: Scenario) -> bool:
        """Run a candidate; keep it if it fails."""
        alike = candidate if candidate.recovers else replace(candidate, end_ms=0.0)
        if alike in self._tried:
            return False
        self._tried.add(alike)
        seen = self._run(candidate)
        if seen is None or seen > self._sight:
            return False
        self._keep(candidate)
        return True

    def _keep(self, candidate: Scenario) -> None:
        if self._sight == SIGHT["invariant"]:
            # time passes though no client invokes anything
            candidate = replace(candidate, end_ms=self.failed_ms + LATER_MS)
        self.best.scenario = candidate

    def fails_somehow(self, candidate: Scenario, seeds: int = SEEDS) -> bool:
        """The same, under some delays of the messages: those that it has first, then others."""
        if self.fails(candidate):
            return True
        if len(candidate.items) > SMALL:
            return False
        fewer = len(candidate.items) < len(self.scenario.items)
        if fewer and any(self.fails_replayed(candidate) for _ in range(REPLAYS)):
            return True
        return any(self.fails(replace(candidate, seed=seed)) for seed in range(1, seeds + 1))

    def end_soon(self) -> None:
        """End the scenario as soon as it has failed; without an end of its own if operations last as long."""
        for unit in (inf, *simplify.ROUND_MS):
            ends_ms = 0.0 if unit == inf else round(ceil(self.failed_ms / unit) * unit, 3)
            candidate = replace(self.scenario, end_ms=ends_ms)
            if ends_ms < self.scenario.end_ms and not candidate.recovers and self._run(candidate) is not None:
                self.best.scenario = candidate
                return

    def fails_replayed(self, candidate: Scenario) -> bool:
        """Replay the candidate, a part of the scenario, relative to elections, under drawn message delays.

        What happened is kept if it fails.
        """
        items, timeline = candidate.items, self.timeline()
        if not items or not timeline or candidate.nodes != self.scenario.nodes:
            return False
        self._count()
        happened = replayed(
            replace(candidate, seed=self._random.randrange(1_000_000)),
            relative(items, timeline),
            linger_ms=max(0.0, self.failed_ms - items[-1].at_ms) + ELECTION_MS,
            until_ms=2 * self.failed_ms,
            invariants=self._sight > 0,
        )
        return happened is not None and len(happened.items) <= len(items) and self.fails(happened)

    def timeline(self) -> Timeline:
        """The leaders of the scenario; empty if it has none, or if it cannot be replayed relative to elections."""
        scenario = self.scenario
        if self._led[0] is not scenario:
            fixed = scenario.recovers or any(map(shows_last, scenario.operations))
            found = () if fixed else leader_timeline(scenario, self.failed_ms)
            self._led = (scenario, found if any(leads for _, leads in found) else ())
        return self._led[1]

    def core(self) -> list[TimedOperation]:
        """The operations of the scenario that prove the violation."""
        found = []
        for op in self._proof:
            call_ms = op.call / 1e6 + 0.001
            alike = [
                ask
                for ask in self.scenario.operations
                if (ask.f, ask.key, ask.input, ask.node) == (op.f, op.key, op.input, op.node) and ask.at_ms < call_ms
            ]
            found += alike[-1:]
        return found

    def is_small(self) -> bool:
        """Whether there is little left to gain."""
        return len(self.scenario.operations) <= FEW_OPERATIONS and len(self.scenario.faults) <= FEW_FAULTS

    def _count(self) -> None:
        """Raises _Bound where no other run may be made."""
        if self.best.runs >= RUNS_MAX:
            raise _Bound(f"minimising was cut after {RUNS_MAX} runs")
        if spent_s() > self._until:
            raise _Bound(f"minimising was cut after {SECONDS_MAX:.0f} s")
        if not self._goes_on(self.best):
            raise _Bound("minimising was interrupted")
        self.best.runs += 1

    def _run(self, candidate: Scenario) -> int | None:
        self._count()
        run, verdict = play(
            candidate,
            weaker=False,
            steps=STEPS,
            until_ms=self.failed_ms + LATER_MS if self.failed_ms < inf else None,
            until_violation=self.failed_ms < inf and self._sight > 0,
        )
        if run.error is not None or verdict.outcome != "invalid":
            return None
        seen = SIGHT.get(verdict.method, 0)
        if seen <= self._sight:
            self._proof = () if verdict.worst is None else verdict.worst.counterexample
            self.failed_ms = failed_ms(run, verdict, find_workload(candidate.workload).model, steps=STEPS)
        return seen


def shrink(scenario: Scenario, goes_on: Callable[[Shrunk], bool] = lambda smallest: True) -> Shrunk:
    """The smallest failing scenario that is found; the given one must fail.

    `goes_on` is called before each run with the smallest so far, and ends the search by returning False.
    """
    search = _Search(scenario, goes_on)
    with few_collections():
        try:
            if search.begin():
                _search(search)
            else:
                search.best.cut = "the run did not fail again when its operations and faults were given as a script"
        except _Bound as bound:
            search.best.cut = str(bound)
    return search.best


def _search(search: _Search) -> None:
    _shortest_prefix(search)
    _proof_alone(search)
    _accept(search, simplify.fed_back, search.fails)
    _whole_groups(search)
    _fewer_chunks(search, search.fails, len(search.scenario.items) // COARSE)
    if len(search.scenario.items) > SMALL:
        _random_subsets(search)
    _until_nothing_goes(search, search.fails)
    _random_subsets(search)
    _accept(search, simplify.fewer_nodes, lambda candidate: search.fails_somehow(candidate, CORE_SEEDS))
    _until_nothing_goes(search, search.fails_somehow)
    for plainer in (simplify.sooner, simplify.plain_values, simplify.round_times):
        _accept(search, plainer, search.fails_somehow if plainer is simplify.sooner else search.fails)
    search.end_soon()


def _until_nothing_goes(search: _Search, fails: Callable[[Scenario], bool]) -> None:
    """Operations, faults, nodes and clients, in turn."""
    before = None
    while search.scenario != before:
        before = search.scenario
        _fewer_items(search, fails)
        for smaller in (simplify.fewer_nodes, simplify.fewer_clients, simplify.milder_faults):
            _accept(search, smaller, fails)


def _accept(
    search: _Search, candidates: Callable[[Scenario], Iterator[Scenario]], fails: Callable[[Scenario], bool]
) -> None:
    """Take the first candidate that fails, and ask for the candidates of that one, until none fails."""
    while any(fails(candidate) for candidate in candidates(search.scenario)):
        pass


def _shortest_prefix(search: _Search) -> None:
    """Leave out what comes too late to matter, by bisection: all that is left then happens exactly as it did."""
    items = search.scenario.items
    least, most = 1, len(items)
    while least < most:
        middle = (least + most) // 2
        if search.fails(search.scenario.of(items[:middle])):
            most = middle
        else:
            least = middle + 1


def _proof_alone(search: _Search) -> None:
    """The operations that prove the violation, with all faults or with none: often nothing else is needed."""
    core = search.core()
    if core:
        about = {ask.key for ask in core}
        alone = search.scenario.of(core)
        with_faults = search.scenario.of([*core, *search.scenario.faults])
        same_keys = search.scenario.of(item for item in search.scenario.items if _key(item) in {None, *about})
        if not (search.fails_somehow(alone, CORE_SEEDS) or search.fails_somehow(with_faults, CORE_SEEDS)):
            search.fails(same_keys)


def _random_subsets(search: _Search) -> None:
    """Replay random subsets of the scenario relative to elections, for as long as that helps."""
    random = Random(0)
    gained = spent_s()
    while search.timeline() and len(search.scenario.items) > 1:
        patience = BRIEF_SECONDS if search.is_small() else PATIENCE_SECONDS
        if spent_s() - gained > patience:
            return
        smaller = (search.scenario.of(some_of(search.scenario.items, random)) for _ in range(REPLAYS))
        if any(map(search.fails_replayed, smaller)):
            gained = spent_s()


def some_of(items: Sequence[Timed], random: Random) -> list[Timed]:
    """Without a chunk of up to half of them, mostly a small one, or without two that are apart."""
    count = len(items)
    if random.random() < PAIRS:
        gone = set(random.sample(range(count), min(2, count - 1)))
    else:
        size = int((count / 2) ** random.random())
        start = random.randrange(count - size + 1)
        gone = set(range(start, start + size))
    return [item for number, item in enumerate(items) if number not in gone]


def _whole_groups(search: _Search) -> None:
    """Leave out all faults of one kind, all operations of one client, all on one key."""
    for name in (_kind, _client, _key):
        for group in dict.fromkeys(map(name, search.scenario.items)):
            rest = [item for item in search.scenario.items if name(item) != group]
            if group is not None and rest:
                search.fails(search.scenario.of(rest))


def _kind(item: Timed) -> object:
    return type(item.fault) if isinstance(item, TimedFault) else None


def _client(item: Timed) -> object:
    return item.client if isinstance(item, TimedOperation) else None


def _key(item: Timed) -> object:
    return item.key if isinstance(item, TimedOperation) else None


def _fewer_items(search: _Search, fails: Callable[[Scenario], bool]) -> None:
    """Leave out chunks, then single items until none can go, then pairs of faults."""
    _fewer_chunks(search, fails, 2)
    while _sweep(search, fails, 1):
        pass
    _pairs(search, fails)


def _fewer_chunks(search: _Search, fails: Callable[[Scenario], bool], least: int) -> None:
    """Leave out chunks from the end on, each half as large as the last, of at least so many items."""
    size = len(search.scenario.items) // 2
    while size >= max(1, least):
        _sweep(search, fails, size)
        size //= 2


def _sweep(search: _Search, fails: Callable[[Scenario], bool], size: int) -> bool:
    removed = False
    end = len(search.scenario.items)
    while end > 0:
        items = search.scenario.items
        start = max(0, end - size)
        rest = items[:start] + items[end:]
        if rest:
            removed |= fails(search.scenario.of(rest))
        end = start
    return removed


def _pairs(search: _Search, fails: Callable[[Scenario], bool]) -> None:
    """A fault and what ends it may have to go together."""
    while True:
        strikes = search.scenario.faults
        pairs = [(one, two) for at, one in enumerate(strikes) for two in strikes[at + 1 : at + 1 + simplify.NEAR]]
        for one, two in pairs:
            rest = [item for item in search.scenario.items if item is not one and item is not two]
            if fails(search.scenario.of(rest)):
                break
        else:
            return
