"""The ladder: small programs and scopes in order of size, each searched with a cap that grows over all of them.

A search that is cut at a cap begins anew at the next, some ten times higher, when others had their turn: no large scope
keeps a small one of another kind waiting. What was complete is not searched again. Where several processes search,
scopes are handed out and counted in this order all the same: verdict and numbers are those of one process.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from checker.errors import UsageError
from checker.parallel import pool
from naysayer.explore.canonical import Opaque
from naysayer.explore.delays import DelayedSearch
from naysayer.explore.found import Explored, Progress
from naysayer.explore.repeat import repeated
from naysayer.explore.scope import Scope
from naysayer.explore.search import Search
from naysayer.explore.shorter import shortened
from naysayer.explore.surroundings import Unexplorable
from naysayer.explore.words import steps_of
from naysayer.play.timed import Scenario
from targets.registry import find

CAPS = (3_000, 50_000, 500_000, 3_000_000)
"""After how many states a scope is cut, the first time and later."""

AHEAD, AHEAD_DELAYED = 120, 80
"""So many scopes are searched with a cap before the first of them is with the next; and where delays are bounded."""

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
        """The searches, in order: each scope that is not complete, up to each cap; up to the next when others had their
        turn. Where delays are bounded, the first cap is left out."""
        turns = []
        for number, wanted in enumerate(self.scopes):
            delayed = wanted.delays is not None and len(self.caps) > 1
            caps, ahead = (self.caps[1:], AHEAD_DELAYED) if delayed else (self.caps, AHEAD)
            turns += [(number + ahead * turn, number, cap) for turn, cap in enumerate(caps)]
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
