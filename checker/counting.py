"""The search of sparse.py, where pending operations are counted as far as that matters.

It begins with none of them counted: any number may happen. If something is left in the end, that is an order in which
perhaps some kind happened more often than it was called. Then that kind is counted, and the search begins again. So it
ends with no order left (which is sound, whatever is counted), or with one in which nothing happened too often: a
witness. Few kinds need to be counted for that, mostly one or two; the fewer they are, the fewer configurations differ.

Of configurations that differ only in how many they used of the kinds that are counted, one that used up no more of any
can do whatever the other can; the least ones are kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from checker.bit_parallel import STATES_MAX
from checker.budget import Meter
from checker.depth_first import in_order
from checker.slots import Slots
from checker.sparse import STATE, Move, Return
from checker.steps import Steps
from checker.verdict import Outcome

AT_ONCE_MAX = 200_000
"""Configurations met at one return: some 60 MB. More are left to the other searches."""

Path = tuple[Move, int, "Path"] | None
"""What was linearized so far, the latest first, and the number of the return before which."""
Used = tuple[int, int, Path]
"""How many of each kind that is counted, all in one integer; how many of all kinds; and how that came about."""
Configurations = dict[int, list[Used]]
"""(mask, state), as in sparse.py -> the least counters."""


class Counting:
    """A search that may be continued, of a history with pending operations. Raises Refuted if an assumption of `steps`
    turns out wrong."""

    def __init__(self, slots: Slots, steps: Steps, meter: Meter, starts: Sequence[int] = ()) -> None:
        """`starts`: the states in one of which it begins; the initial one unless given (then there is no witness)."""
        self.slots = slots
        self.steps = steps
        self.meter = meter
        self.counted: dict[int, tuple[int, int]] = {}
        """The kinds that are counted (by their number in `slots.pending`), where in the integer, and its bits there."""
        self.number = 0
        """The first return that it is not past."""
        self.used = 0
        """Configurations so far."""
        self._guards = 0
        self._possible: Configurations = {}
        self._witness: list[tuple[int, int, int]] = []
        self._outcome: Outcome | None = None
        self._starts = starts or [steps.initial]
        for start in self._starts:
            steps.visit(start)
        self._begin()

    def run(self, limit: int | None = None) -> Outcome:
        """Goes on until it is decided, or has met so many configurations in all, or has given up (`unknown`)."""
        while self._outcome is None and (limit is None or self.used < limit):
            if self.number == len(self.slots.returns):
                self._end()
            else:
                self._pass()
        return self._outcome or "unknown"

    def witness(self) -> list[int]:
        """The rows in the order found, after `valid`."""
        return in_order(self.slots, self.steps, self._witness)

    def _begin(self) -> None:
        self.number = 0
        self._possible = {start: [(0, 0, None)] for start in self._starts}

    def _end(self) -> None:
        """Something is left: it is a witness, or shows what must be counted."""
        _, _, path = min((used for every in self._possible.values() for used in every), key=lambda used: used[1])
        moves: list[tuple[Move, int]] = []
        while path is not None:
            move, number, path = path
            moves.append((move, number))
        moves.reverse()
        uses: dict[int, int] = {}
        excess: dict[int, int] = {}
        for (bit, _, _, _, counter), number in moves:
            if not bit:
                uses[counter] = uses.get(counter, 0) + 1
                over = uses[counter] - self._available(counter, number)
                excess[counter] = max(over, excess.get(counter, 0))
        most = max(excess, key=lambda counter: (excess[counter], -counter), default=None)
        if most is not None and excess[most] > 0:
            self._count([most])
        else:
            self._witness = [(bit, what, after) for (bit, _, _, after, what), _ in moves]
            self._outcome = "valid"

    def _available(self, counter: int, number: int) -> int:
        """How many of a kind were called before a return."""
        return bisect_right(self.slots.pending[counter][2], number)

    def _count(self, more: Iterable[int]) -> None:
        for counter in more:
            bits = len(self.slots.pending[counter][1]).bit_length()
            shift = self._guards.bit_length()
            self.counted[counter] = (shift, (1 << bits) - 1)
            self._guards |= 1 << (shift + bits)
        self._begin()

    def _pass(self) -> None:
        """Past a return."""
        at = Return(self.slots, self.steps, self.number)
        bit, moves = at.bit, dict[int, list[Move]]()
        left = {counter: self._available(counter, self.number) for _, counter in at.pending if counter in self.counted}
        uncounted = len(left) < len(at.pending)
        after: Configurations = {}
        seen: Configurations = {}
        todo: dict[int, list[tuple[int, Used]]] = {}
        for configuration, every in self._possible.items():
            settled = configuration | (at.fitting(configuration & STATE) << 32)
            for one in every:
                if settled >> 32 & bit:
                    self._add(after, settled ^ (bit << 32), one)
                elif self._add(seen, settled, one):
                    todo.setdefault(one[1], []).append((settled, one))
        most = self.used + AT_ONCE_MAX
        while todo:
            fewest = min(todo)
            configuration, one = todo[fewest].pop()
            if not todo[fewest]:
                del todo[fewest]
            used, total, path = one
            if not any(other is one for other in seen[configuration]):
                continue  # another one turned out to do as much, having used up fewer
            self.used += 1
            self.meter.spend()
            mask, state = configuration >> 32, configuration & STATE
            if state not in moves:
                moves[state] = at.moves(state)
                if len(moves) > STATES_MAX and uncounted:
                    self._count(counter for counter in range(len(self.slots.pending)) if counter not in self.counted)
                    return
            for move in moves[state]:
                slot, earlier, slots, then, what = move
                now_used, now_total = used, total
                if slot:
                    if mask & slot or mask & earlier != earlier:
                        continue
                else:
                    now_total += 1
                    if what in left:
                        shift, field = self.counted[what]
                        if (used >> shift) & field == left[what]:
                            continue
                        now_used += 1 << shift
                linearized = mask | slots
                longer: Used = (now_used, now_total, (move, self.number, path))
                if linearized & bit:
                    self._add(after, ((linearized ^ bit) << 32) | then, longer)
                elif self._add(seen, reached := (linearized << 32) | then, longer):
                    todo.setdefault(now_total, []).append((reached, longer))
            if self.used > most:
                self._outcome = "unknown"
                return
        self._possible = after
        if after:
            self.number += 1
        else:
            self._outcome = "invalid"

    def _add(self, target: Configurations, key: int, used: Used) -> bool:
        """Adds a configuration unless one did as much having used up as few; removes those that it makes needless."""
        known = target.get(key)
        if known is None:
            target[key] = [used]
            return True
        guards, counters = self._guards, used[0]
        guarded = counters | guards
        for other in known:
            if (guarded - other[0]) & guards == guards:
                return False
        known[:] = [other for other in known if ((other[0] | guards) - counters) & guards != guards]
        known.append(used)
        return True
