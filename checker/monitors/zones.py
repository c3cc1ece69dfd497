"""Zones: is one register with unique values linearizable? O(n log n) (Gibbons and Korach, "Testing Shared Memories",
SIAM J. Comput. 26(4), 1997, section 4; blocks extend it to compare-and-set).

Operations that must stay together form a block: a write with the reads of its value; a cas(a -> b) joins the block of
a, so write a, reads of a, cas, reads of b, cas ... is one block, in *segments*, one per value. The initial value has a
block that began before everything. Inside a block nothing may return before an operation of an earlier segment (or,
for a read, its write) is called.

Per block let s be its least return and e its greatest call. Block A must precede B iff s_A < e_B. With s < e the value
was held throughout (s, e): a forward zone; else [e, s] is a backward zone, and any one instant in it will do. There is
an order iff no two forward zones overlap and no backward zone lies strictly inside a forward one; then the blocks in
order of min(s, e), backward ones first on ties, are a witness.

A pending write or cas took effect iff an operation found its value. If none did, it may be taken never to have
happened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.history import BEGINNING, Column
from checker.monitors.register_columns import INITIAL, RegisterColumns

END = int(np.iinfo(np.int64).max)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Conflict:
    """Positions (in the columns) of operations that alone, with the origins of their values, have no order."""

    positions: tuple[int, ...]


@dataclass(frozen=True)
class Ambiguous:
    """Value codes that were found and that more than one operation may have left: zones do not apply to them."""

    codes: Column


@dataclass(frozen=True)
class Origins:
    """Which operation left which value. Value codes are renumbered (`found`, `left`) so that they are dense."""

    found: Column
    left: Column
    writers: Column
    """How many operations may have left a value; the initial value has one more than those that wrote it again."""
    observed: Mask
    """Values that were found for certain: by an ok operation, or by a pending one which certainly took effect."""
    names: Column | None
    """The codes before renumbering, None if they were dense already."""

    def codes(self, values: Column) -> Column:
        return values if self.names is None else self.names[values]


def origins(ops: RegisterColumns) -> Origins:
    """Counts the writers of every value and finds the values certainly observed."""
    found, left, size, names = ops.found, ops.left, ops.codes, None
    if size > 4 * len(ops) + 64:  # a small part of a large history: tables of all codes would cost more than the part
        names = np.unique(np.concatenate(([INITIAL], found[found >= 0], left[left >= 0])))
        size = len(names)
        found = np.where(found >= 0, np.searchsorted(names, found), found)
        left = np.where(left >= 0, np.searchsorted(names, left), left)
    writers = np.bincount(left[left >= 0], minlength=size)
    writers[INITIAL] += 1
    observed = np.zeros(size, dtype=np.bool_)
    observed[found[(found >= 0) & ~ops.pending]] = True
    pending_cas = np.flatnonzero(ops.pending & (found >= 0))
    if len(pending_cas):
        source_of = dict(zip(left[pending_cas].tolist(), found[pending_cas].tolist(), strict=True))
        todo = [value for value in source_of if observed[value]]
        while todo:
            value = todo.pop()
            source = source_of.get(value)
            if source is not None and writers[value] == 1 and not observed[source]:
                observed[source] = True
                todo.append(source)
    return Origins(found, left, writers, observed, names)


def judge(ops: RegisterColumns) -> Column | Conflict | Ambiguous:
    """The witness order as positions in the columns, or a conflict, or the values that keep it from judging."""
    known = origins(ops)
    unwritten = known.observed & (known.writers == 0)
    happened = ~ops.pending | known.observed[known.left]
    if unwritten.any():
        return _first(ops, happened & (known.found >= 0) & unwritten[known.found])
    several = known.observed & (known.writers > 1)
    if several.any():
        return Ambiguous(known.codes(np.flatnonzero(several)))
    if happened.all():
        return _order(ops, known.found, known.left, len(known.writers))
    position = np.flatnonzero(happened)
    outcome = _order(ops.only(happened), known.found[position], known.left[position], len(known.writers))
    if isinstance(outcome, Conflict):
        return Conflict(tuple(int(position[p]) for p in outcome.positions))
    return position[outcome]


def _first(ops: RegisterColumns, chosen: Mask) -> Conflict:
    """The one of the chosen operations that returned first."""
    positions = np.flatnonzero(chosen)
    return Conflict((int(positions[np.argmin(ops.ret[positions])]),))


def _order(ops: RegisterColumns, found: Column, left: Column, values: int) -> Column | Conflict:
    """Judges operations that all happened and whose observed values have one writer each."""
    defining = np.flatnonzero(left >= 0)
    nodes = len(defining) + 1  # one node per value written, by its writer; node 0 is the initial value
    node_of_value = np.zeros(values, dtype=np.int64)
    node_of_value[left[defining]] = np.arange(1, nodes)
    node_of_value[INITIAL] = 0
    node = node_of_value[found]
    node[defining] = np.arange(1, nodes)
    root, depth = np.arange(nodes), np.zeros(nodes, dtype=np.int64)
    exchanging = np.flatnonzero((found >= 0) & (left >= 0))
    if len(exchanging):
        source = node_of_value[found[exchanging]]
        twice = np.flatnonzero(np.bincount(source, minlength=nodes) > 1)
        if len(twice):
            return Conflict(tuple(int(p) for p in exchanging[source == twice[0]][:2]))
        root[node[exchanging]] = source
        depth[node[exchanging]] = 1
        is_root = depth == 0
        root, depth = _chains(root, depth)
        if not is_root[root].all():
            return Conflict((int(np.flatnonzero(~is_root[root[node]])[0]),))
    return _place(ops, root[node], 2 * depth[node] + (left < 0), nodes)


def _chains(root: Column, depth: Column) -> tuple[Column, Column]:
    """Follows every node to its root by doubling. Nodes of a cycle have none: they end on a node that is not a root."""
    for _ in range(len(root).bit_length()):
        further = depth[root]
        if not further.any():
            break
        depth = np.minimum(depth + further, len(root))  # only nodes of a cycle ever reach that depth
        root = root[root]
    return root, depth


def _place(ops: RegisterColumns, block: Column, segment: Column, nodes: int) -> Column | Conflict:
    """Orders blocks by their zones and the operations in them by segment and call, or finds why that cannot be."""
    s = np.full(nodes, END)
    np.minimum.at(s, block, ops.ret)
    s[0] = BEGINNING
    e = np.full(nodes, BEGINNING)
    e[block] = ops.call  # in order of call, so the last one assigned is the greatest
    used = np.zeros(nodes, dtype=np.bool_)
    used[block] = True
    forward = np.flatnonzero(used & (s < e))
    backward = np.flatnonzero(used & (s >= e))
    forward = forward[np.argsort(s[forward], kind="stable")]
    ids = np.concatenate((backward, forward))
    ids = ids[np.argsort(np.minimum(s, e)[ids], kind="stable")]
    rank = np.empty(nodes, dtype=np.int64)
    rank[ids] = np.arange(len(ids))
    place = rank[block]
    group = place * (int(segment.max(initial=0)) + 1) + segment
    order = np.argsort(group, kind="stable")
    conflict = _within(ops, order, place[order], group[order])
    if conflict is None and (pair := _clash(s, e, forward, backward)) is not None:
        a, b = pair
        # Of each block: an operation that must precede the other block, and one that the other block must precede.
        ended, begun = _ends(ops, np.flatnonzero(block == a), segment, a, int(e[b]), int(s[b]))
        known = BEGINNING if ended is None else int(ops.ret[ended])
        others = _ends(ops, np.flatnonzero(block == b), segment, b, int(ops.call[begun]), known)
        conflict = Conflict(tuple(dict.fromkeys(p for p in (ended, begun, *others) if p is not None)))
    return order if conflict is None else conflict


def _within(ops: RegisterColumns, order: Column, place: Column, group: Column) -> Conflict | None:
    """An operation that returned before one of an earlier segment of its block was called, with that one."""
    size = len(order)
    if not size:
        return None
    # Positions are in order of call, so the greatest position so far in a block is the greatest call so far.
    latest = np.maximum.accumulate(place * size + order)
    first = np.empty(size, dtype=np.bool_)
    first[0] = True
    np.not_equal(group[1:], group[:-1], out=first[1:])
    before = np.maximum.accumulate(np.where(first, np.arange(size), 0)) - 1
    earlier = latest[before] - place * size
    wrong = (before >= 0) & (earlier >= 0) & (place[before] == place)
    wrong &= ops.ret[order] < ops.call[np.where(wrong, earlier, 0)]
    if not wrong.any():
        return None
    at = np.flatnonzero(wrong)
    at = at[np.argmin(ops.ret[order[at]])]
    ahead = order[np.searchsorted(place, place[at]) : before[at] + 1]
    nearest = ahead[ops.call[ahead] > ops.ret[order[at]]][-1]
    return Conflict((int(order[at]), int(nearest)))


def _clash(s: Column, e: Column, forward: Column, backward: Column) -> tuple[int, int] | None:
    """Two zones that exclude each other, the pair whose later zone ends first; `forward` is in order of s."""
    found: list[tuple[int, int, int]] = []
    overlaps = np.flatnonzero(s[forward[1:]] < e[forward[:-1]])
    if len(overlaps):
        ends = np.maximum(e[forward[overlaps]], e[forward[overlaps + 1]])
        i = overlaps[np.argmin(ends)]
        found.append((int(ends.min()), int(forward[i]), int(forward[i + 1])))
    if len(forward) and len(backward):
        # Where forward zones are disjoint, only the last one that begins before a backward zone can hold it.
        holder = np.searchsorted(s[forward], e[backward], side="left") - 1
        inside = np.flatnonzero((holder >= 0) & (s[backward] < e[forward[holder]]))
        if len(inside):
            ends = e[forward[holder[inside]]]
            i = inside[np.argmin(ends)]
            found.append((int(ends.min()), int(forward[holder[i]]), int(backward[i])))
    return min(found)[1:] if found else None


def _ends(
    ops: RegisterColumns, positions: Column, segment: Column, block: int, returned_before: int, called_after: int
) -> tuple[int | None, int]:
    """Of a block: one that returned before an instant and one that was called after another, in segments as near to
    each other as can be. The first is None for the initial value itself, which is ahead of all in block 0."""
    before = positions[ops.ret[positions] < returned_before]
    before = before[np.lexsort((ops.ret[before], segment[before] // 2))]
    depths, firsts = np.unique(segment[before] // 2, return_index=True)
    after = positions[ops.call[positions] > called_after]
    wanted, called = np.unique(segment[after] // 2, return_index=True)
    pairs: list[tuple[int, int | None, int]] = []
    for depth, later in zip(wanted.tolist(), after[called].tolist(), strict=True):
        at = int(np.searchsorted(depths, depth))
        near = [i for i in (at - 1, at) if 0 <= i < len(depths)]
        pairs += [(abs(int(depths[i]) - depth), int(before[firsts[i]]), later) for i in near]
        if block == 0:
            pairs.append((depth, None, later))
    return min(pairs, key=lambda pair: pair[0])[1:]
