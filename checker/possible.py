"""What a system may look like at an instant, by the definitions alone: the states that some order of the operations so
far may have led to, and which of the operations then under way have taken effect.

The events are walked in order. An operation takes effect only when a return forces that: its own, or the one of an
operation that it is put before. No order is lost: it may as well take effect so late. Three rules keep the
possibilities few:

* An operation that changes no state takes effect as soon as its answer fits, since no other depends on it.
* Of equal operations under way, the first to return is the first to take effect: they may change places.
* One of unknown outcome may take effect any number of times, unless its kind is counted. So there may be more
  possibilities here than there are, never fewer. Of the kinds that are counted, what used up fewer of each may do all
  that another may do, which is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import NamedTuple

from checker.history import PENDING, Operation, identity
from checker.model import Inconsistent, Model, State
from checker.verdict import Start

Seen = tuple[int, int]
"""A state, and the operations under way that have taken effect in it, as a mask."""

Possibilities = dict[Seen, list[int]]
"""What is possible, and how many operations of unknown outcome it used up at least: a counter for each kind of them
that is counted, all in one integer."""

STATES_MAX = 400
"""States possible at one instant where operations of unknown outcome are not counted: some lead to endlessly many."""

COUNTER = 16
"""Bits of a counter; the highest one stays 0."""


class Move(NamedTuple):
    """One operation takes effect."""

    bit: int
    """Its bit, 0 if its outcome is unknown."""
    earlier: int
    """The bits of those equal to it that return earlier."""
    after: int
    """The state after it."""
    fits: int
    """The bits of what then takes effect because it changes nothing."""
    shift: int = 0
    available: int | None = None
    """If its kind is counted: where its counter is, and how many there are."""


class TooMany(Exception):  # noqa: N818 - not an error: the question stays open
    """There are more possibilities than may be tried."""


def possible(
    ops: Sequence[Operation],
    model: Model,
    changes: Callable[[Operation], bool],
    at: Collection[int],
    tries: int,
    *,
    counted: Collection[Hashable] = (),
) -> dict[int, tuple[Start, ...]]:
    """What the system may look like at each instant of `at`, when all that was called by then is under way and all
    that returned before it is done. None at all: the operations until then have no order.

    `changes`: whether an operation changes some state. `counted`: the kinds (kind_of) of unknown outcome that are
    counted; the more, the longer it takes. Raises TooMany after so many tries.
    """
    walk = _Walk(model, changes, tries, counted)
    todo = sorted(at, reverse=True)
    found: dict[int, tuple[Start, ...]] = {}
    calls = [(op.call, False, op) for op in ops]
    returns = [(op.ret, True, op) for op in ops if op.ret != PENDING]
    for time, is_return, op in sorted(calls + returns, key=lambda event: event[:2]):
        while todo and (time, is_return) >= (todo[-1], True):
            found[todo.pop()] = walk.now()
        if not todo:
            break
        if is_return:
            walk.returns(op)
        else:
            walk.calls(op)
    found.update((instant, walk.now()) for instant in todo)
    return found


def kind_of(op: Operation) -> Hashable:
    """What an operation did: equal ones may change places."""
    return identity((op.f, op.key, op.input, op.output, op.pending))


class _Walk:
    def __init__(
        self, model: Model, changes: Callable[[Operation], bool], tries: int, counted: Collection[Hashable]
    ) -> None:
        self.model = model
        self.changes = changes
        self.tries = tries
        self.counted = counted
        self.states: list[State] = []
        self.numbers: dict[Hashable, int] = {}
        self.steps: dict[tuple[int, Hashable], int] = {}
        self.possible: Possibilities = {(self._number(model.initial()), 0): [0]}
        self.bits: dict[int, int] = {}
        """Of the operations under way that return, by index."""
        self.writers: dict[int, tuple[Operation, Hashable]] = {}
        self.readers: dict[int, tuple[Operation, Hashable]] = {}
        """Those by bit, with their kinds: the ones that change some state, and the others."""
        self.pending: dict[Hashable, list[Operation]] = {}
        self.endless: dict[Hashable, Operation] = {}
        """Those of unknown outcome that may change a state, by kind: all of a kind that is counted, one of another."""
        self.guards = 0

    def now(self) -> tuple[Start, ...]:
        starts = []
        for (state, mask), every in self.possible.items():
            done = [index for index, bit in self.bits.items() if mask & bit]
            for used in every:
                taken = [
                    op.index
                    for number, alike in enumerate(self.pending.values())
                    for op in alike[: _counter(used, COUNTER * number)]
                ]
                starts.append(Start(self.states[state], frozenset(done + taken)))
        return tuple(starts)

    def calls(self, op: Operation) -> None:
        kind = kind_of(op)
        changes = self.changes(op)
        if op.ret == PENDING:
            if changes and kind in self.counted:
                self.pending.setdefault(kind, []).append(op)
                self.guards |= 1 << (COUNTER * len(self.pending) - 1)
            elif changes:
                self.endless[kind] = op
            return
        bit = 1
        while bit in self.writers or bit in self.readers:
            bit <<= 1
        self.bits[op.index] = bit
        (self.writers if changes else self.readers)[bit] = (op, kind)
        if not changes:
            self.possible = {
                (state, mask if self._after(state, op, kind) is None else mask | bit): every
                for (state, mask), every in self.possible.items()
            }

    def returns(self, op: Operation) -> None:
        """Keeps what the operation has taken effect in, or may take effect in next."""
        bit = self.bits.pop(op.index)
        done: Possibilities = {}
        seen = {key: list(every) for key, every in self.possible.items()}
        todo = deque((key, used) for key, every in seen.items() for used in every)
        moves: dict[int, list[Move]] = {}
        while todo:
            key, used = todo.popleft()
            if used not in seen[key]:
                continue  # another one turned out to do as much, having used up fewer
            self.tries -= 1
            if self.tries < 0:
                raise TooMany
            state, mask = key
            if mask & bit:
                self._add(done, (state, mask ^ bit), used)
                continue
            if state not in moves:
                moves[state] = self._moves(state)
                if len(moves) > STATES_MAX and self.endless:
                    raise TooMany
            for other, earlier, after, fits, shift, available in moves[state]:
                then = used
                if other:
                    if mask & other or mask & earlier != earlier:
                        continue
                elif available is not None:
                    if _counter(used, shift) == available:
                        continue
                    then += 1 << shift
                reached = after, mask | other | fits
                if not self._add(seen, reached, then):
                    continue
                (todo.appendleft if other else todo.append)((reached, then))
        self.writers.pop(bit, None)
        self.readers.pop(bit, None)
        self.possible = done

    def _add(self, target: Possibilities, key: Seen, used: int) -> bool:
        """Adds what is possible unless something known can do as much; then what can do no more goes."""
        known = target.get(key)
        if known is None:
            target[key] = [used]
            return True
        guards = self.guards
        if any(((used | guards) - other) & guards == guards for other in known):
            return False
        known[:] = [other for other in known if ((other | guards) - used) & guards != guards]
        known.append(used)
        return True

    def _moves(self, state: int) -> list[Move]:
        moves: list[Move] = []
        earlier: dict[Hashable, int] = {}
        for bit, (op, kind) in sorted(self.writers.items(), key=lambda item: item[1][0].ret):
            after = self._after(state, op, kind)
            if after is not None:
                moves.append(Move(bit, earlier.get(kind, 0), after, self._fitting(after)))
            earlier[kind] = earlier.get(kind, 0) | bit
        for number, (kind, alike) in enumerate(self.pending.items()):
            after = self._after(state, alike[0], kind)
            if after is not None and after != state:
                moves.append(Move(0, 0, after, self._fitting(after), COUNTER * number, len(alike)))
        for kind, op in self.endless.items():
            after = self._after(state, op, kind)
            if after is not None and after != state:
                moves.append(Move(0, 0, after, self._fitting(after)))
        return moves

    def _fitting(self, state: int) -> int:
        """The operations under way that change nothing and fit."""
        return sum(bit for bit, (op, kind) in self.readers.items() if self._after(state, op, kind) is not None)

    def _after(self, state: int, op: Operation, kind: Hashable) -> int | None:
        known = self.steps.get((state, kind))
        if known is None:
            after = self.model.step(self.states[state], op)
            known = -1 if isinstance(after, Inconsistent) else self._number(after)
            self.steps[state, kind] = known
        return None if known < 0 else known

    def _number(self, state: State) -> int:
        number = self.numbers.setdefault(identity(state), len(self.states))
        if number == len(self.states):
            self.states.append(state)
        return number


def _counter(used: int, shift: int) -> int:
    return (used >> shift) & ((1 << COUNTER - 1) - 1)
