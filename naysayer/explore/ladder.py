"""The ladder: small programs and scopes in order of size, each searched with a cap that grows over all of them.

A search that is cut at a cap begins anew at the next, ten times higher, so that no large scope keeps a small one of
another kind waiting. What was complete is not searched again. Where several processes search, scopes are handed out and
counted in this order all the same: verdict and numbers are those of one process.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from operator import itemgetter

from checker.errors import UsageError
from checker.parallel import pool
from naysayer.explore.canonical import Opaque
from naysayer.explore.delays import DelayedSearch
from naysayer.explore.found import Explored, Progress
from naysayer.explore.prefix import may_lead
from naysayer.explore.repeat import repeated
from naysayer.explore.scope import Scope, scope
from naysayer.explore.search import Search
from naysayer.explore.shorter import shortened
from naysayer.explore.surroundings import Unexplorable
from naysayer.explore.words import steps_of
from naysayer.play.timed import Scenario
from targets.protocol.target import Target
from targets.registry import find

CAPS = (3_000, 30_000, 300_000, 3_000_000)
"""After how many states a scope is cut, the first time and later."""

PINNED = (
    "w@n1 | r@n2 r@n3",
    "w@n2 w@n1 | r@n3",
    "w@n2 | w@n1 r@n3",
    "w@n1 | w@n2 r@n1",
    "w@n1 w@n1 | r@n2 r@n3",
    "w@n1 | w@n2 | r@n3 r@n1",
)
"""Each client asks one node: the smallest scopes of a cluster. Nodes are not alike where ties go by their names."""

FREE = ("w | r", "w | r r", "w | w r", "w r | w r", "w w | r r", "w | w | r r")
"""Any node may be asked."""

PINNED_CAS = ("c@n1 | c@n2", "w@n1 | c1@n2 r@n3", "c@n1 | c@n2 r@n3", "w@n1 | c1@n2 | c1@n3")
FREE_CAS = ("c | c", "w | c1 r", "w | c1 | c1")
"""The same of targets that compare-and-set."""

PINNED_NEXT = ("g@n1 | g@n2", "g@n1 g@n1 | g@n2", "g@n1 g@n2 | g@n3")
FREE_NEXT = ("g | g", "g g | g")
"""The same of targets that give out generations."""

PINNED_LED = (
    "n1 leads: w@n1 r@n1",
    "n1 leads: w@n1 | r@n1",
    "n1 leads: w@n1 | r@n2 r@n1",
    "n1 leads: w@n1 | w@n2 r@n2",
    "n1 leads: w@n1 w@n2 | r@n1 r@n2",
)
"""The same of targets that are led: what came before is one schedule."""

DELAYED = (
    (0, 0, 1),
    (0, 0, 2),
    (0, 0, 3),
    (1, 0, 1),
    (1, 0, 2),
    (0, 2, 1),
    (0, 2, 2),
    (1, 2, 1),
    (1, 2, 2),
    (0, 7, 1),
    (2, 2, 1),
    (2, 4, 2),
)
"""Crashes, timers and delays of further scopes of the programs in which each client asks one node."""

TIMERS_MAX, CRASHES_MAX = 2, 1
"""How many timers and crashes the ladder goes up to, unless given, where any message may be late; of one node that
cannot lose messages, one more."""

AHEAD = 40
"""So many scopes are searched with a cap before the first of them is with the next."""

POLL_S = 0.2


@dataclass(frozen=True)
class Rung:
    """What came of one scope. `steps`: the shortest failure in words; `scenario` repeats it in the simulator."""

    scope: Scope
    found: Explored
    steps: tuple[str, ...] = ()
    scenario: Scenario | None = None
    cpu_s: float = 0.0

    @property
    def complete(self) -> bool:
        """Every schedule was tried, without a failure."""
        return self.found.failure is None and self.found.cut is None

    @property
    def free(self) -> bool:
        """It is complete, and every operation succeeds in some schedule: so it says something."""
        return self.complete and not self.found.unanswered


@dataclass
class Climbed:
    """How far an exploration came. `rungs`: the last search of each scope, in order of the scopes."""

    scopes: tuple[Scope, ...]
    rungs: dict[int, Rung] = field(default_factory=dict)
    states: int = 0
    """Of all searches, those that were cut included."""
    transitions: int = 0
    cpu_s: float = 0.0
    failed: Rung | None = None
    cut: str | None = None
    """Why it ended before all scopes were complete."""

    def take(self, number: int, rung: Rung) -> None:
        """Count a search of scope `number`."""
        self.rungs[number] = rung
        self.states += rung.found.states
        self.transitions += rung.found.transitions
        self.cpu_s += rung.cpu_s
        if rung.found.failure is not None:
            self.failed = rung


def ladder(
    target: Target, nodes: int, timers: int | None, crashes: int | None, duplicates: int = 0
) -> tuple[Scope, ...]:
    """The scopes for a target, the smallest first. `timers`, `crashes`: at most so many; None: as many as usual.
    `duplicates`: in each of them. Raises UsageError."""
    scope("w", nodes, crashes or 0, timers or 0, duplicates)  # raises UsageError
    alone = nodes == 1
    most_timers = TIMERS_MAX + alone if timers is None else timers
    most_crashes = CRASHES_MAX + alone if crashes is None else crashes
    pinned, free = _programs(target, nodes)
    found: list[tuple[float, Scope]] = []
    for program in (*pinned, *free):
        size = len(re.findall(r"\b[wrcg]\d?\b", program))
        for fired in range(most_timers + 1):
            for crashed in range(most_crashes + 1):
                wanted = scope(program, nodes, crashed, fired, duplicates)
                found.append((size + fired + 2 * crashed, wanted))
    for program in () if alone else pinned:
        size = len(re.findall(r"\b[wrcg]\d?\b", program))
        for crashed, fired, late in DELAYED:
            if (timers is None or fired <= timers) and (crashes is None or crashed <= crashes):
                wanted = scope(program, nodes, crashed, fired, duplicates, late)
                found.append((size + fired / 4 + 1.5 * crashed + late - 1, wanted))
    return tuple(wanted for _, wanted in sorted(found, key=itemgetter(0)))


def _programs(target: Target, nodes: int) -> tuple[Sequence[str], Sequence[str]]:
    """Those that suit a target, of each size in this order: each client asks one node; any node may be asked."""
    if nodes > 2 and may_lead(target, nodes):
        return PINNED_LED, ()
    pinned, free = [*PINNED], [*FREE]
    if "cas" in target.operations:
        pinned, free = [*pinned, *PINNED_CAS], [*free, *FREE_CAS]
    if "next" in target.operations:
        pinned, free = [*PINNED_NEXT, *pinned], [*FREE_NEXT, *free]
    return (pinned, free) if nodes > 2 else ((), free)


def search(name: str, wanted: Scope, states: int, seconds: float | None, goes_on: Progress) -> Rung:
    """Explore one scope. Raises UsageError for a target that cannot be explored."""
    began = time.process_time()
    target = find(name)
    try:
        kind = Search if wanted.delays is None else DelayedSearch
        searched = kind(target.node, wanted, invariants=target.invariants, opaque=target.foreign)
        found = searched.run(states, seconds, goes_on)
    except (Unexplorable, Opaque) as refused:
        raise UsageError(f"{name} cannot be explored: {refused}") from refused
    failure = found.failure
    if failure is None:
        return Rung(wanted, found, cpu_s=time.process_time() - began)
    if wanted.delays is not None:
        failure = shortened(searched.locals, searched.outside, wanted.nodes, failure, searched.prefix)
        found = replace(found, failure=failure)
    steps = tuple(steps_of(searched.locals, wanted, failure))
    scenario = repeated(target, wanted, searched.locals, failure)
    return Rung(wanted, found, steps, scenario, time.process_time() - began)


def _task(name: str, wanted: Scope, states: int, seconds: float | None) -> Rung:
    """A search in another process."""
    return search(name, wanted, states, seconds, lambda *_: True)


GoesOn = Callable[["Climbed", Scope, int, int, int], bool]
"""Given what was counted so far, the scope that is searched, and its progress; whether to go on."""


class _AbandonedError(Exception):
    """The searches under way are given up."""


@dataclass(frozen=True)
class Climb:
    """An exploration of scopes. `caps`: after how many states a scope is cut, in each turn; `states`, `seconds`: the
    bounds of all together, after which no search begins."""

    name: str
    scopes: tuple[Scope, ...]
    caps: Sequence[int]
    states: int
    seconds: float | None
    goes_on: GoesOn

    def alone(self) -> Climbed:
        """In this process."""
        climbed, until = Climbed(self.scopes), self._until()
        for number, cap in self._turns(climbed):
            if self._ends(climbed, until):
                break
            wanted = self.scopes[number]
            rung = search(
                self.name,
                wanted,
                cap,
                self._left(until),
                partial(self.goes_on, climbed, wanted),
            )
            climbed.take(number, rung)
            self._ends(climbed, until, rung)
            if climbed.failed or climbed.cut:
                break
        return climbed

    def shared(self, engine: str, workers: int) -> Climbed:
        """In several processes."""
        climbed, until = Climbed(self.scopes), self._until()
        turns = self._turns(climbed)
        running: deque[tuple[int, Future[Rung]]] = deque()
        with suppress(_AbandonedError), pool(engine, workers) as executor:
            while True:
                while len(running) < workers and not self._ends(climbed, until):
                    following = next(turns, None)
                    if following is None:
                        break
                    number, cap = following
                    wanted = self.scopes[number]
                    running.append((number, executor.submit(_task, self.name, wanted, cap, self._left(until))))
                if not running:
                    return climbed
                number, first = running[0]
                while not wait([first], POLL_S).done:
                    if not self.goes_on(climbed, self.scopes[number], 0, 0, 0):
                        climbed.cut = "interrupted"
                        raise _AbandonedError
                running.popleft()
                rung = first.result()
                climbed.take(number, rung)
                self._ends(climbed, until, rung)
                if climbed.failed or climbed.cut:
                    raise _AbandonedError  # later scopes do not count
        return climbed

    def _until(self) -> float:
        return math.inf if self.seconds is None else time.monotonic() + self.seconds

    def _left(self, until: float) -> float | None:
        return None if self.seconds is None else max(0.0, until - time.monotonic())

    def _turns(self, climbed: Climbed) -> Iterator[tuple[int, int]]:
        """The searches, in order: each scope that is not complete, up to each cap; up to the next when `AHEAD` others
        had their turn. Where delays are bounded, the first cap is left out."""
        numbered = enumerate(self.scopes)
        turns = [
            (number + AHEAD * turn, number, cap)
            for number, wanted in numbered
            for turn, cap in enumerate(self.caps[int(wanted.delays is not None and len(self.caps) > 1) :])
        ]
        for _, number, cap in sorted(turns):
            rung = climbed.rungs.get(number)
            if rung is None or not rung.complete:
                yield number, cap

    def _ends(self, climbed: Climbed, until: float, rung: Rung | None = None) -> bool:
        """Notes why no further search begins, if none does."""
        if climbed.cut is not None or climbed.failed is not None:
            return True
        done = len(climbed.rungs) == len(self.scopes) and all(one.complete for one in climbed.rungs.values())
        if done:
            return True
        if rung is not None and rung.found.cut == "interrupted":
            climbed.cut = "interrupted"
        elif time.monotonic() >= until:
            climbed.cut = f"--time {self.seconds:g}s was reached"
        elif climbed.states >= self.states:
            climbed.cut = f"--states {self.states:,} was reached"
        return climbed.cut is not None
