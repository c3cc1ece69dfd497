"""The monitor of a lock without an owner: acquires and releases take turns, an acquire first.

An acquire may take any turn of an acquire; so this is a schedule of unit jobs on turns. Walk the returns in order of
time, and let operations take place as late as possible: one that returns takes place now, unless it already has; if it
is not its kind's turn, one of the other kind that has been called takes place before it, the one that returns first (a
pending one last). If there is none, there is no order.

Why that is exact. Let a(t) and r(t) count the acquires and releases that took place by t, and p = a + r. Taking turns
means that p determines both: a = ceil(p/2), r = floor(p/2). Those that returned find turns of their own in their
intervals iff each [x, y] holds at least as many turns of each kind as operations of that kind lie in it (Hall); turns
find an operation iff, besides, neither a(t) nor r(t) exceeds the calls by t; and both can be had at once (Mendelsohn
and Dulmage 1958). The former says p(y) >= g(p(x)) with a monotone g for each x <= y, so there is a least such p, and
what takes place as late as possible, earliest return first, has it. If the least p exceeds the calls, so do all others.

Tokens must grow, so acquires that were given one have an order. Their intervals are cut to what it leaves: none takes
place before the call of a smaller token, nor after the return of a greater one. Earliest return first then keeps it.

A release may name the token, which binds it to one acquire. If all do, tokens give the whole order (`_by_names`). If
only some do, or acquires are pending, what is impossible without the names is impossible; an order that happens to meet
them is a witness; the rest is for the search.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from checker.english import counted
from checker.history import INFO, PENDING, Column, History
from checker.model import Inconsistent
from checker.models.locks import Mutex
from checker.values import shown
from checker.verdict import Decision, Explanation

METHOD = "turns"

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Conflict:
    """These operations, with all that were called by this instant, have no order."""

    kind: str
    sentence: str
    rows: tuple[int, ...]
    instant: int
    culprit: int
    """Index of an operation."""


@dataclass(frozen=True)
class Lock:
    """A lock, in columns. `token`: the rank of what an acquire was given or a release named, or -1."""

    part: History
    acquire: Mask
    refused: Mask
    """Acquires that returned without the lock."""
    token: Column
    call: Column
    ret: Column

    @property
    def named(self) -> bool:
        """True if some release names a token."""
        return bool(((self.token >= 0) & ~self.acquire).any())

    @property
    def all_named(self) -> bool:
        """True if every operation, also each acquire that is pending, is known to belong to a token."""
        return bool(((self.token >= 0) | self.refused).all())


def decide(part: History) -> Decision | None:
    """Judges one lock. None if tokens cannot be compared, or releases that name tokens leave it open."""
    lock = _columns(part)
    if lock is None:
        return None
    if lock.named and lock.all_named:
        found = _by_names(lock)
        return found if isinstance(found, Decision) else _invalid(found, found.rows)
    order = _order(lock)
    if isinstance(order, Conflict):
        return _shrunk(lock, order)
    if lock.named and not _replays(part, order):
        return None
    return Decision("valid", METHOD, witness=order)


def _columns(part: History) -> Lock | None:
    """None where tokens are neither all integers nor all strings."""
    acquire = part.f == part.tables.f.code("acquire")
    given = np.where(acquire, part.output, part.input)
    given[acquire & (part.status == INFO)] = 0
    kinds, kind = np.unique(given, return_inverse=True)
    values = [part.tables.value.values[code] for code in kinds.tolist()]
    tokens = [value for value in values if value is not None and type(value) is not bool]
    flags = np.array([type(value) is bool for value in values], dtype=np.bool_)[kind]
    types = {type(value) for value in tokens}
    if len(types) > 1 or not types <= {int, str} or (flags & ~acquire).any():
        return None
    rank = {value: i for i, value in enumerate(sorted(tokens))}
    ranks = np.array([-1 if type(value) is bool else rank.get(value, -1) for value in values], dtype=np.int64)
    refused = np.array([value is False for value in values], dtype=np.bool_)[kind]
    return Lock(part, acquire, refused, ranks[kind], part.call, part.ret)


def _order(lock: Lock) -> list[int] | Conflict:
    """Rows in a legal order if no release names a token; what shows that there is none, with or without names."""
    cut = _cut(lock)
    if isinstance(cut, Conflict):
        return cut
    call, ret = (column.tolist() for column in cut)
    acquire, rank = lock.acquire.tolist(), lock.token.tolist()
    by_call = np.argsort(cut[0], kind="stable")
    calls = by_call[~lock.refused[by_call]].tolist()
    due = np.flatnonzero(~lock.refused & (cut[1] != PENDING))
    due = due[np.lexsort((lock.token[due], cut[1][due]))]
    placed = [False] * len(call)
    order: list[tuple[int, int]] = []
    waiting: dict[bool, list[tuple[int, int, int]]] = {True: [], False: []}
    turn, called = True, 0
    for row in due.tolist():
        instant = ret[row]
        while called < len(calls) and call[calls[called]] <= instant:
            other = calls[called]
            heapq.heappush(waiting[acquire[other]], (ret[other], rank[other], other))
            called += 1
        while not placed[row]:
            if not waiting[turn]:
                return _no_turn(lock, row, instant, len(order))
            other = heapq.heappop(waiting[turn])[2]
            placed[other] = True
            order.append((instant, other))
            turn = not turn
    if lock.refused.any():
        order += [(call[row], row) for row in np.flatnonzero(lock.refused).tolist()]
        order.sort(key=lambda at: at[0])
    return [row for _, row in order]


def _cut(lock: Lock) -> tuple[Column, Column] | Conflict:
    """Calls and returns, those of acquires that were given tokens cut to what the tokens leave."""
    call, ret = lock.call.copy(), lock.ret.copy()
    rows = np.flatnonzero(lock.acquire & (lock.token >= 0))
    rows = rows[np.argsort(lock.token[rows], kind="stable")]
    again = np.flatnonzero(np.diff(lock.token[rows]) == 0)
    if len(again):
        one, other = int(rows[again[0]]), int(rows[again[0] + 1])
        first, second = lock.part[one], lock.part[other]
        sentence = f"Token given twice: #{first.index} and #{second.index} were both given {shown(second.output)}."
        instant = max(int(lock.ret[one]), int(lock.ret[other]))
        return Conflict("token-twice", sentence, (one, other), instant, second.index)
    call[rows] = np.maximum.accumulate(call[rows])
    ret[rows] = np.minimum.accumulate(ret[rows][::-1])[::-1]
    late = np.flatnonzero(call[rows] > ret[rows])
    if len(late):
        at = int(late[0])
        smaller = int(rows[np.argmax(lock.call[rows[: at + 1]])])
        greater = int(rows[at + np.argmin(lock.ret[rows[at:]])])
        a, b = lock.part[smaller], lock.part[greater]
        sentence = (
            f"Token went backwards: #{a.index} was given {shown(a.output)}, though #{b.index} had been given "
            f"{shown(b.output)} and had finished before #{a.index} began."
        )
        return Conflict("token-went-backwards", sentence, (greater, smaller), int(lock.ret[smaller]), a.index)
    return call, ret


def _no_turn(lock: Lock, row: int, instant: int, placed: int) -> Conflict:
    op = lock.part[row]
    kind, title, did, mine, other = "held-twice", "Held twice", "acquired", "acquires", "release"
    if op.f == "release":
        kind, title, did, mine, other = "released-free", "Released while free", "released", "releases", "acquire"
    sentence = (
        f"{title}: when #{op.index} had {did} the lock, at least {(placed + 1) // 2 + 1} of these {mine} must have "
        f"taken place, but at most {counted(placed // 2, other)} can have."
    )
    return Conflict(kind, sentence, (row,), instant, op.index)


def _replays(part: History, order: Sequence[int]) -> bool:
    model = Mutex()
    state = model.initial()
    for row in order:
        after = model.step(state, part[row])
        if isinstance(after, Inconsistent):
            return False
        state = after
    return True


def _shrunk(lock: Lock, conflict: Conflict) -> Decision:
    """The proof: what was called by the instant of the conflict, from the latest instant on at which the lock was free.

    See Mutex.may_leave_out. Tokens are known only when they are returned, and may tie in what came before: so later
    and later ends are tried, then earlier and earlier beginnings.
    """
    instant = conflict.instant
    if (lock.token >= 0).any():
        later, step = np.unique(lock.ret[lock.ret > instant]), 1
        while len(later) and _refuted(lock.part.select(lock.call <= instant), instant) is None:
            instant = int(later[min(step, len(later)) - 1])
            later, step = later[step:], 2 * step
    called = np.flatnonzero(~lock.refused & (lock.call <= instant))
    call, ret, acquire = lock.call[called], lock.ret[called], lock.acquire[called]
    ends = np.unique(ret[ret < instant])
    acquired, released = (np.searchsorted(np.sort(ret[kind]), ends, side="right") for kind in (acquire, ~acquire))
    releasing = np.searchsorted(np.sort(call[~acquire]), ends, side="right")
    free = ends[(acquired == released) & (releasing == released)]
    back = 1
    while back <= len(free):
        rows = called[ret > free[-back]]
        found = _refuted(lock.part.select(rows), instant)
        if found is not None:
            return _invalid(found, rows.tolist())
        back *= 2
    return _invalid(conflict, called.tolist())


def _refuted(part: History, instant: int) -> Conflict | None:
    """Why these have no order, even if what returned after that instant need not have taken place; None if they do."""
    lock = _columns(part)
    if lock is None:
        return None
    later = lock.ret > instant
    order = _order(replace(lock, ret=np.where(later, PENDING, lock.ret), token=np.where(later, -1, lock.token)))
    return order if isinstance(order, Conflict) else None


def _by_names(lock: Lock) -> Decision | Conflict:
    """Every operation belongs to a token: a token's release stands directly after its acquire, tokens in order.

    A pending release took place if its token is not the last and no other operation released it.
    """
    rows = np.flatnonzero(~lock.refused)
    kind = np.where(lock.acquire[rows], 0, np.where(lock.ret[rows] == PENDING, 2, 1))
    rows, kind = (column[np.lexsort((lock.call[rows], kind, lock.token[rows]))] for column in (rows, kind))
    token = lock.token[rows]
    acquires, releases, pending = (np.bincount(token[kind == k], minlength=int(token.max()) + 1) for k in range(3))
    wrong = np.flatnonzero((acquires > 1) | (releases > 1) | ((acquires == 0) & (releases > 0)))
    if len(wrong):
        return _ill_named(lock, *(rows[(token == wrong[0]) & (kind == k)].tolist() for k in range(3)))
    held = np.flatnonzero((acquires == 1) & (releases == 0))
    held = held[held < np.flatnonzero(acquires)[-1]] if len(held) else held
    if (pending[held] == 0).any():
        first = int(held[pending[held] == 0][0])
        return _never_released(lock, rows[token == first], rows[token == first + 1 + np.argmax(acquires[first + 1 :])])
    first_pending = (kind == 2) & (np.append(-1, kind[:-1]) != 2) & np.isin(token, held)
    order = rows[(kind == 0) | (kind == 1) | first_pending]
    latest = np.maximum.accumulate(lock.call[order])
    late = np.flatnonzero(latest > lock.ret[order])
    if not len(late):
        refused = np.flatnonzero(lock.refused)
        at = np.argsort(np.concatenate((latest, lock.call[refused])), kind="stable")
        return Decision("valid", METHOD, witness=np.concatenate((order, refused))[at])
    second = int(order[late[0]])
    first = int(order[np.argmax(lock.call[order[: late[0]]])])
    a, b = lock.part[first], lock.part[second]
    sentence = (
        f"Tokens in the wrong order: according to the tokens, #{a.index} came before #{b.index}, which had finished "
        f"before #{a.index} began."
    )
    both = rows[(token == lock.token[first]) | (token == lock.token[second])].tolist()
    return Conflict("token-went-backwards", sentence, tuple(both), int(lock.ret[second]), b.index)


def _ill_named(lock: Lock, acquires: list[int], releases: list[int], pending: list[int]) -> Conflict:
    """No acquire or several were given a token, or several released it."""
    culprit = acquires[-1] if len(acquires) > 1 else releases[-1]
    op = lock.part[culprit]
    if not acquires:
        kind, sentence = "released-free", f"#{op.index} released {shown(op.input)}, a token that no acquire was given."
    elif len(acquires) > 1:
        one = lock.part[acquires[0]]
        kind, sentence = (
            "token-twice",
            f"Token given twice: #{one.index} and #{op.index} were both given {shown(op.output)}.",
        )
    else:
        one = lock.part[releases[0]]
        kind, sentence = (
            "released-free",
            f"Released twice: #{one.index} and #{op.index} both released {shown(op.input)}.",
        )
    return Conflict(kind, sentence, (*acquires, *releases, *pending), int(lock.ret[culprit]), op.index)


def _never_released(lock: Lock, held: Column, next_held: Column) -> Conflict:
    """The rows of two tokens, acquires first."""
    a, b = lock.part[int(held[0])], lock.part[int(next_held[0])]
    sentence = (
        f"Held twice: #{a.index} acquired the lock, no operation released it, and #{b.index} acquired it afterwards."
    )
    return Conflict("held-twice", sentence, (*held.tolist(), *next_held.tolist()), int(lock.ret[next_held[0]]), b.index)


def _invalid(conflict: Conflict, rows: Sequence[int]) -> Decision:
    explanation = Explanation(conflict.kind, conflict.sentence, culprit=conflict.culprit)
    return Decision("invalid", METHOD, counterexample=tuple(sorted(rows)), explanation=explanation)
