"""The depth-first search of Wing and Gong, with the memory of Lowe, on exact configurations.

A configuration is (first return not done, mask of the slots linearized, state, pending operations used up): see
slots.py. It is equivalent to Lowe's (set of linearized operations, state), small, and no hash that could collide. What
keeps their number small:

* *Operations that change nothing* in any state that allows them are linearized as soon as they fit. Moving such an
  operation to the front of a legal order keeps it legal. (Not so one that changes nothing in this state only: a write
  of the value that is there already may be needed later.)
* *Of equal live operations* the one that returns first goes first.
* *Pending operations* are counted. Of two configurations that differ in those only, one that used up no more of any
  kind can do whatever the other can.

Moves are tried in order of return, pending operations last; an easy order is found at once. Refuting a history with
pending operations takes long; see bit_parallel.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from checker.budget import Meter
from checker.slots import Slots
from checker.steps import Steps
from checker.verdict import Outcome

COMPARED = 16
"""So many comparisons of counters of pending operations take as long as one configuration, and count as one."""


class Move(NamedTuple):
    """One operation linearized in a state."""

    bit: int
    """Of its slot; 0 for a pending operation."""
    earlier: int
    """The slots of equal operations that return before it."""
    after: int
    """The state after it."""
    what: int
    """Its row; of a pending operation, its counter."""
    shift: int = 0
    field: int = 0
    available: int = 0
    """Where the counter of a pending operation is, its bits, and how many there are by now."""


class DepthFirst:
    """A search that may be continued. Raises Refuted if an assumption of `steps` turns out wrong."""

    def __init__(self, slots: Slots, steps: Steps, meter: Meter, starts: Sequence[int] = ()) -> None:
        """`starts`: the states in one of which it begins; the initial one unless given."""
        self.slots = slots
        self.steps = steps
        self.meter = meter
        self.configurations = 0
        """How many it has visited."""
        self.deepest = 0
        """The greatest number of a return that was not done in one of them."""
        self._moves: list[dict[int, list[Move]]] = []
        self._fitting: list[dict[int, int]] = []
        """Per state and return: the moves, and the slots of operations that fit and change nothing."""
        self._seen: set[int] = set()
        self._least: dict[int, list[int]] = {}
        """With pending operations: the least counters of each configuration."""
        self._counters: list[tuple[int, int]] = []
        self._guards = 0
        self._place_counters()
        self._starts = list(starts or [steps.initial])
        self._stack: list[tuple[int, int, int, int, list[Move], int]] = []
        self._at = self._begun()

    def _place_counters(self) -> None:
        """One integer holds all counters, each with a guard bit above it, so that all are compared at once."""
        shift = 0
        for _, rows, _ in self.slots.pending:
            bits = len(rows).bit_length()
            self._counters.append((shift, (1 << bits) - 1))
            self._guards |= 1 << (shift + bits)
            shift += bits + 1

    def _begun(self) -> tuple[int, int, int, int, list[Move], int]:
        """Where the search begins in the next of the states."""
        state = self._starts.pop()
        self.steps.visit(state)
        number, mask = self._settled(0, 0, state)
        self.deepest = max(self.deepest, number)
        return number, mask, state, 0, self._moves_at(number, state), 0

    def run(self, limit: int | None = None) -> Outcome:
        """Goes on until it is decided, or so many configurations were visited in all (then it is unknown)."""
        bits, last = self.slots.bits, len(self.slots.returns)
        fitting_in, fitting_at, moves_in, moves_at = self._fitting, self._fitting_at, self._moves, self._moves_at
        stack, seen, counted, spend = self._stack, self._seen, bool(self.slots.pending), self.meter.spend
        number, mask, state, used, moves, at = self._at
        while number < last:
            for bit, earlier, after, _, shift, field, available in moves[at:] if at else moves:
                at += 1
                next_used = used
                if bit:
                    if mask & bit or mask & earlier != earlier:
                        continue
                elif (used >> shift) & field >= available:
                    continue
                else:
                    next_used += 1 << shift
                next_number, next_mask = number, mask | bit
                if after >= len(fitting_in):
                    self._grow()
                fitting = fitting_in[after]
                while True:  # as _settled
                    fits = fitting.get(next_number)
                    next_mask |= fitting_at(next_number, after) if fits is None else fits
                    done = bits[next_number]
                    if not next_mask & done:
                        break
                    while next_mask & done:
                        next_mask ^= done
                        next_number += 1
                        done = bits[next_number]
                key = (((next_mask << 32) | after) << 32) | next_number
                if counted:
                    if not self._is_least(key, next_used):
                        continue
                elif key in seen:
                    continue
                else:
                    seen.add(key)
                stack.append((number, mask, state, used, moves, at))
                number, mask, state, used = next_number, next_mask, after, next_used
                known = moves_in[state].get(number)
                moves, at = moves_at(number, state) if known is None else known, 0
                self.configurations += 1
                if number > self.deepest:
                    self.deepest = number
                spend()
                break
            else:
                if not stack and not self._starts:
                    return "invalid"
                number, mask, state, used, moves, at = stack.pop() if stack else self._begun()
                continue
            if limit is not None and self.configurations >= limit and number < last:
                self._at = (number, mask, state, used, moves, at)
                return "unknown"
        return "valid"

    def _grow(self) -> None:
        for _ in range(len(self.steps.states) - len(self._fitting)):
            self._fitting.append({})
            self._moves.append({})

    def _settled(self, number: int, mask: int, state: int) -> tuple[int, int]:
        """The first return not done, and the mask, once all is linearized that fits and changes nothing."""
        bits = self.slots.bits
        while True:
            mask |= self._fitting_at(number, state)
            if not mask & bits[number]:
                return number, mask
            while mask & bits[number]:
                mask ^= bits[number]
                number += 1

    def _fitting_at(self, number: int, state: int) -> int:
        bits, kinds, effect_free, following = self.slots.bit, self.slots.kinds, self.steps.effect_free, self.steps.next
        fits = 0
        for row in self.slots.live[number]:
            kind = kinds[row]
            if effect_free[kind] and following(kind, state) >= 0:
                fits |= bits[row]
        if state >= len(self._fitting):
            self._grow()
        self._fitting[state][number] = fits
        return fits

    def _moves_at(self, number: int, state: int) -> list[Move]:
        slots, steps = self.slots, self.steps
        moves: list[Move] = []
        earlier: dict[int, int] = {}
        for row in slots.live[number]:
            kind, bit = slots.kinds[row], slots.bit[row]
            if steps.effect_free[kind]:
                continue
            before = earlier.get(kind, 0)
            earlier[kind] = before | bit
            after = steps.next(kind, state)
            if after >= 0:
                moves.append(Move(bit, before, after, row))
        for counter, kind, available in slots.available(number):
            after = steps.next(kind, state)
            if after >= 0 and after != state:
                shift, field = self._counters[counter]
                moves.append(Move(0, 0, after, counter, shift, field, available))
        self._grow()
        self._moves[state][number] = moves
        return moves

    def _is_least(self, key: int, used: int) -> bool:
        """Whether no configuration that was visited used up as few of every kind of pending operations; remembers
        this one."""
        known = self._least.get(key)
        if known is None:
            self._least[key] = [used]
            return True
        compared = len(known) // COMPARED
        self.configurations += compared
        self.meter.spend(compared)
        guards = self._guards
        guarded = used | guards
        for other in known:
            if (guarded - other) & guards == guards:
                return False
        known[:] = [other for other in known if ((other | guards) - used) & guards != guards]
        known.append(used)
        return True

    def witness(self) -> list[int]:
        """The rows in the order found, after `valid`."""
        moves = [moves[at - 1] for _, _, _, _, moves, at in self._stack]
        return in_order(self.slots, self.steps, [(move.bit, move.what, move.after) for move in moves])


def in_order(slots: Slots, steps: Steps, moves: Iterable[tuple[int, int, int]]) -> list[int]:
    """The rows in the order of moves (the bit of the slot, 0 if pending; the row, or its counter; the state after it),
    each followed by what then fits and changes nothing."""
    kinds, bits, returns, effect_free = slots.kinds, slots.bit, slots.bits, steps.effect_free
    rows: list[int] = []
    number = mask = 0
    taken = [0] * len(slots.pending)
    for bit, what, state in ((0, -1, steps.initial), *moves):
        if what >= 0 and not bit:
            rows.append(slots.pending[what][1][taken[what]])
            taken[what] += 1
        elif what >= 0:
            rows.append(what)
        mask |= bit
        while True:
            for row in slots.live[number]:
                if not mask & bits[row] and effect_free[kinds[row]] and steps.next(kinds[row], state) >= 0:
                    rows.append(row)
                    mask |= bits[row]
            if not mask & returns[number]:
                break
            while mask & returns[number]:
                mask ^= returns[number]
                number += 1
    return rows
