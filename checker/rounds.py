"""The keys of a history, judged in rounds: all on a small budget first, then those that are left on more.

An invalid key ends the verdict: what the round of its discovery leaves undecided is not searched further, unless all
keys are asked for. Keys that a long search must decide go to an executor, if there is one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from checker.budget import Budget, Interrupted
from checker.history import History
from checker.judging import CUT_SHORT, check_part, failure
from checker.model import Model
from checker.parallel import pool
from checker.search import steps_of_round
from checker.verdict import Part

if TYPE_CHECKING:
    from concurrent.futures import Executor

ROUNDS_HERE = 2
"""Rounds in this process before what is left goes to an executor, which takes a while to start."""

Progress = Callable[[int, int], None]
"""Called with the number of parts that are done, and of all parts."""


class _Decided(Exception):  # noqa: N818 - not an error: the verdict is known
    pass


class Rounds:
    """The judging of all keys of one history.

    `parts` receives each decision as it is made; they are kept when Interrupted or the deadline ends this.
    """

    def __init__(
        self,
        by_key: dict[Any, History],
        model: Model,
        budget: Budget,
        parts: dict[Any, Part],
        *,
        progress: Progress,
        all_keys: bool,
    ) -> None:
        self.by_key = by_key
        self.model = model
        self.budget = budget
        self.parts = parts
        self.progress = progress
        self.all_keys = all_keys
        self.undecided: dict[Any, Part | None] = dict.fromkeys(sorted(by_key, key=lambda key: len(by_key[key])))
        """The keys that are left, small ones first, and what the last round made of them."""

    def run(self, engine: str | Executor | None) -> None:
        """Judges the keys; all of them are in `parts` when this returns."""
        for number in count():
            if number == ROUNDS_HERE and engine is not None and len(self.undecided) > 1:
                self._elsewhere(engine)
            else:
                self._round(number)
            if not self.undecided or self.budget.left_s == 0 or self._ended():
                break
        for key, part in self.undecided.items():
            self.parts[key] = self._not_decided(key, part)

    def _round(self, number: int) -> None:
        """Judges the keys that are left, each on the budget of a round."""
        for key in list(self.undecided):
            if self.budget.left_s == 0:
                return
            ops = self.by_key[key]
            steps = steps_of_round(number, len(ops))
            shared = len(self.undecided) > 1 or self._ended()
            more = shared and (self.budget.steps is None or steps < self.budget.steps)
            part = check_part(key, ops, self.model, replace(self.budget, steps=steps) if more else self.budget)
            if more and part.bound == "steps":
                self.undecided[key] = part
                continue
            self._decide(part)
            if part.reason == CUT_SHORT:
                raise Interrupted
            if number and self._ended():  # the first round is cheap, and says what it can of every key
                return

    def _decide(self, part: Part) -> None:
        del self.undecided[part.key]
        self.parts[part.key] = part
        self.progress(len(self.parts), len(self.by_key))

    def _ended(self) -> bool:
        return not self.all_keys and any(part.outcome == "invalid" for part in self.parts.values())

    def _elsewhere(self, engine: str | Executor) -> None:
        """Judges the keys that are left on an executor, until the deadline."""
        from concurrent.futures import as_completed

        try:
            with pool(engine, len(self.undecided)) as executor:
                # Each part goes with tables of its own: those of the whole history may be large.
                futures = {
                    executor.submit(
                        _check_until, key, History.of(self.by_key[key]), self.model, self.budget, self.budget.left_s
                    ): key
                    for key in self.undecided
                }
                try:
                    for future in as_completed(futures, timeout=self.budget.left_s):
                        key = futures[future]
                        try:
                            part = future.result()
                        except Exception as error:  # a worker died, or the model cannot be sent
                            part = Part(key, "unknown", "none", len(self.by_key[key]), reason=failure(error))
                        self._decide(part)
                        if self._ended():
                            raise _Decided
                except (Interrupted, TimeoutError, _Decided):
                    for future in futures:
                        future.cancel()
                    raise
        except (TimeoutError, _Decided):  # what is left is not decided
            pass

    def _not_decided(self, key: Any, part: Part | None) -> Part:
        """A part that is left; `part`: what a short search made of it, if it was begun at all."""
        method, steps = ("none", 0) if part is None else (part.method, part.steps)
        bound = part.bound if part else None
        if self._ended():
            first = next(part.key for part in self.parts.values() if part.outcome == "invalid")
            reason = f"not searched further, since key {first!r} is invalid (--all-keys judges all)"
        else:
            far = (
                " before this key was started"
                if part is None
                else f": {(part.reason or '').partition(': ')[2]} at least"
            )
            reason, bound = f"{self.budget.out_of_time()}{far}", "seconds"
        return Part(key, "unknown", method, len(self.by_key[key]), steps=steps, reason=reason, bound=bound)


def _check_until(key: Any, history: History, model: Model, budget: Budget, left_s: float | None) -> Part:
    """check_part in another process, whose clock need not be this one's."""
    deadline = None if left_s is None else time.monotonic() + left_s
    return check_part(key, history, model, replace(budget, deadline=deadline))
