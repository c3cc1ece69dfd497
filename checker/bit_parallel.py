"""A just-in-time search that keeps, per state, the set of all masks as the bits of one integer.

Bit m of the integer is set if the system may be in that state with exactly the slots of m linearized (slots.py).
Linearizing slot j in all of them at once is one shift: `(masks & LACKING[j]) << (1 << j)`; the return of slot j keeps
the masks that have it, `masks >> (1 << j)`.

Pending operations are not counted: any number of them may happen, any number of times. So more is possible here than
in the history: if nothing is left after a return, the history has no order; if something is left, that says nothing
(without pending operations: that there is one). So histories with pending operations are refuted in time linear in
their number, which a search that counts them cannot. It costs 2^slots bits per state: only for few live operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from checker.budget import Meter
from checker.slots import Slots
from checker.steps import Steps

WIDTH_MAX = 14
"""Slots: more are left to the depth-first search."""

STATES_MAX = 400
"""States possible at one instant where operations are pending: appends or enqueues alone have endlessly many."""

WORK_MAX = 2_000_000
"""Shifts of up to 4096 bits: about a second."""

Masks = dict[int, int]
"""state -> the set of masks."""


class _TooMuch(Exception):  # noqa: N818 - not an error: another search must decide
    pass


def refuted_at(slots: Slots, steps: Steps, meter: Meter, starts: Sequence[int] = ()) -> int | None:
    """The number of a return after which nothing is left, if that was found, from all states in which it may begin
    (`starts`; the initial one unless given). Raises Refuted if an assumption of `steps` turns out wrong."""
    if slots.width > WIDTH_MAX:
        return None
    starts = starts or [steps.initial]
    for start in starts:
        steps.visit(start)
    search = _BitParallel(slots, steps, meter, starts)
    try:
        return next((number for number in range(len(slots.returns)) if not search.advance(number)), None)
    except _TooMuch:
        return None


class _BitParallel:
    def __init__(self, slots: Slots, steps: Steps, meter: Meter, starts: Sequence[int]) -> None:
        self.slots = slots
        self.steps = steps
        self.meter = meter
        self.masks: Masks = dict.fromkeys(starts, 1)
        self.lacking = _lacking(slots.width)
        self.shift_work = 1 + (1 << slots.width) // 4096
        self.work = 0
        self._readers: list[tuple[int, int]] = []
        self._fitting: dict[int, list[int]] = {}

    def advance(self, number: int) -> bool:
        """Past a return; False if nothing is left."""
        slots, effect_free = self.slots, self.steps.effect_free
        row = slots.returns[number]
        live = [(slots.bit[other].bit_length() - 1, slots.kinds[other]) for other in slots.live[number]]
        self._readers = [(slot, kind) for slot, kind in live if effect_free[kind]]
        self._fitting = {}
        slot, kind = slots.bit[row].bit_length() - 1, slots.kinds[row]
        lacks = self.lacking[slot]
        missing: Masks = {}
        after: Masks = {}
        for state, masks in self.masks.items():
            _add(after, missing, state, self._settled(state, masks), lacks)
        writers = [(other, what) for other, what in live if not effect_free[what] and other != slot]
        self._close(number, missing, after, lacks, writers)
        if not effect_free[kind]:
            for state, masks in missing.items():
                then = self.steps.next(kind, state)
                if then >= 0:
                    after[then] = after.get(then, 0) | self._settled(then, masks << (1 << slot))
        self.masks = {state: masks >> (1 << slot) for state, masks in after.items()}
        return bool(after)

    def _close(self, number: int, missing: Masks, after: Masks, lacks: int, writers: list[tuple[int, int]]) -> None:
        """Linearizes other operations in all ways in what lacks the returning one; what has it by then goes to
        `after`."""
        steps = self.steps
        pending = [kind for _, kind, _ in self.slots.available(number)]
        new = dict(missing)
        while new:
            if len(missing) > STATES_MAX and pending:
                raise _TooMuch
            state, masks = new.popitem()
            self._spend(len(writers) + len(pending))
            for slot, kind in writers:
                then = steps.next(kind, state)
                free = masks & self.lacking[slot]
                if then >= 0 and free:
                    found = _add(after, missing, then, self._settled(then, free << (1 << slot)), lacks)
                    if found:
                        new[then] = new.get(then, 0) | found
            for kind in pending:
                then = steps.next(kind, state)
                if then >= 0 and then != state:
                    found = _add(after, missing, then, self._settled(then, masks), lacks)
                    if found:
                        new[then] = new.get(then, 0) | found

    def _settled(self, state: int, masks: int) -> int:
        """The masks once all is linearized that fits the state and changes nothing."""
        fitting = self._fitting.get(state)
        if fitting is None:
            fitting = [slot for slot, kind in self._readers if self.steps.next(kind, state) >= 0]
            self._fitting[state] = fitting
        for slot in fitting:
            free = masks & self.lacking[slot]
            if free:
                masks = (masks ^ free) | (free << (1 << slot))
        return masks

    def _spend(self, moves: int) -> None:
        self.meter.spend()
        self.work += moves * self.shift_work
        if self.work > WORK_MAX:
            raise _TooMuch


def _add(after: Masks, missing: Masks, state: int, masks: int, lacks: int) -> int:
    """Adds masks of a state to `missing` if they lack a slot, else to `after`. Returns what is new in `missing`."""
    lacking = masks & lacks
    if lacking != masks:
        after[state] = after.get(state, 0) | (masks ^ lacking)
    known = missing.get(state, 0)
    new = lacking ^ (lacking & known)
    if new:
        missing[state] = known | new
    return new


@cache
def _lacking(width: int) -> list[int]:
    """Per slot of so many, the set of the masks that lack it."""
    sets = []
    for slot in range(width):
        block, size = (1 << (1 << slot)) - 1, 1 << (slot + 1)
        while size < 1 << width:
            block |= block << size
            size *= 2
        sets.append(block)
    return sets
