"""Replays that stand at an event and can go on from there, so that a state is reached from one nearby.

A run cannot be copied or taken back: it is many objects that know each other. But a replay can wait in the middle of an
event: it runs in a thread of its own, which works only while somebody waits for it. Some of them are spread over a run
while nobody asks for anything; to reach an event, the nearest one before it goes on.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from threading import Semaphore, Thread

from naysayer.explorer.branch import Branch
from naysayer.explorer.replay import Reached, Replay

SPREAD = 12
"""Over a run so many replays are spread."""

SPREAD_EVENTS_MAX = 12_000
"""Longer runs have none, but those that a person has left on the way: a replay keeps what happened, 2 kB an event."""

LEFT_MAX = 4
"""So many more may stand wherever a person has left them."""


def _never() -> bool:
    return False


class Standing:
    """One replay. `at`: the event that has happened last."""

    def __init__(self, branch: Branch) -> None:
        self.at = 0
        self._until = 0
        self._interrupted: Callable[[], bool] = _never
        self._go, self._stands = Semaphore(0), Semaphore(0)
        self._closed = False
        self._error: BaseException | None = None
        self.replay = Replay(branch.source, branch.edits, look=self._look)
        Thread(target=self._run, daemon=True).start()

    def advance(self, until: int, interrupted: Callable[[], bool] = _never) -> None:
        """Go on to a later event, which the run has; where `interrupted` holds, to an event before it."""
        self._until, self._interrupted = until, interrupted
        self._go.release()
        self._stands.acquire()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End it, wherever it stands."""
        self._closed = True
        self._go.release()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._closed:
                self.replay.to_the_event()
        except BaseException as error:
            self._error = error
        self._stands.release()

    def _look(self, replay: Replay) -> None:
        self.at = len(replay.events)
        if self.at < self._until and not self._interrupted():
            return
        self._stands.release()
        self._go.acquire()
        if self._closed:
            raise Reached


def _close(standing: list[Standing]) -> None:
    for one in standing:
        one.close()
    standing.clear()


class Nearby:
    """The standing replays of one branch."""

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self._standing: list[Standing] = []
        weakref.finalize(self, _close, self._standing).atexit = False  # as the process ends, so do the threads
        total = len(branch.events)
        count = SPREAD if total <= SPREAD_EVENTS_MAX else 1
        self._marks = [total * place // count for place in range(1, count)]
        self._asked = 0

    def reach(self, number: int) -> Replay:
        """A replay that has just come to this event. It is read at once: it will go on."""
        self._asked = number
        one = max((one for one in self._standing if 0 < one.at <= number), key=lambda one: one.at, default=None)
        if one is None:
            one = self._new()
        if one.at < number:
            one.advance(number)
        return one.replay

    def spread(self, interrupted: Callable[[], bool]) -> None:
        """Have a replay stand at each mark, or between it and the next, first near the event that was asked for last.
        It ends early where `interrupted` holds."""
        for mark, following in sorted(self._stretches(), key=self._distance):
            if not any(mark <= one.at < following for one in self._standing):
                if interrupted():
                    return
                self._spare(mark).advance(mark, interrupted)

    def _distance(self, stretch: tuple[int, int]) -> int:
        """How soon a replay in it may be of use: those before the event first, as replays only go forward."""
        begins, ends = stretch
        return self._asked - ends if begins < self._asked else self._asked + begins

    def close(self) -> None:
        """End all of them."""
        _close(self._standing)

    def _stretches(self) -> Iterator[tuple[int, int]]:
        ends = [*self._marks[1:], len(self.branch.events) + 1]
        return zip(self._marks, ends, strict=True) if self._marks else iter(())

    def _spare(self, mark: int) -> Standing:
        """One before the mark that its stretch does not need, the nearest; else a new one."""
        firsts = [
            min((one for one in self._standing if low <= one.at < high), key=lambda one: one.at, default=None)
            for low, high in self._stretches()
        ]
        spare = [one for one in self._standing if 0 < one.at < mark and not any(one is first for first in firsts)]
        return max(spare, key=lambda one: one.at, default=None) or self._new()

    def _new(self) -> Standing:
        if len(self._standing) >= len(self._marks) + LEFT_MAX:
            self._standing.pop(0).close()
        found = Standing(self.branch)
        self._standing.append(found)
        return found
