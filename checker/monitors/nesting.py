"""Which spans of values can be nested: the heart of the monitor of stacks (see stack.py for why), O(n log n).

A value is put in within [first, in_by] and taken out within [out_from, last], where in_by < out_from. Wanted: an
instant for each, so that of any two spans one lies within the other, or they are apart.

Positions are in order of in_by, so what belongs together is a range of positions. Three things make it fast. A chain
per component, links from left to right that overlap and cover it; when a link goes, only its place is covered anew, by
the value that reaches furthest (`_Best`), and if nothing does, the component falls apart there. Each value becomes a
link at most once. Components are worked on from left to right, so their beginnings only grow, and one pointer over
`first` finds the values that could begin there. Among those, the one with the greatest `last` is the one to try.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from checker.history import Column

NONE = -1


@dataclass(frozen=True)
class Nested:
    """Instants at which each value is put in and taken out, and its place if it shares them: outer ones first."""

    put: Column
    take: Column
    place: Column


@dataclass(frozen=True)
class Crossing:
    """Values which cover a span without a gap, and none of them can lie around all others. From left to right."""

    chain: list[int]


def nest(first: Column, in_by: Column, out_from: Column, last: Column) -> Nested | Crossing:
    """Nests the spans of values, all of which have in_by < out_from."""
    order = np.argsort(in_by, kind="stable")
    nesting = _Nesting(first[order], in_by[order], out_from[order], last[order])
    crossing = nesting.run()
    if crossing:
        return Crossing(order[crossing].tolist())
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return Nested(*(np.array(column, dtype=np.int64)[back] for column in (nesting.put, nesting.take, nesting.place)))


class _Best:
    """The greatest of some positions' numbers in any range of positions. Numbers differ, and are not negative."""

    def __init__(self, numbers: list[int]) -> None:
        """NONE where a position takes no part yet."""
        self.size = size = len(numbers)
        self.tree = tree = [NONE] * size + numbers
        for node in range(size - 1, 0, -1):
            tree[node] = max(tree[2 * node], tree[2 * node + 1])

    def enter(self, position: int, number: int) -> None:
        tree, node = self.tree, position + self.size
        while node and tree[node] < number:
            tree[node] = number
            node >>= 1

    def leave(self, position: int) -> None:
        tree, node = self.tree, position + self.size
        number, tree[node] = tree[node], NONE
        node >>= 1
        while node and tree[node] == number:
            left, right = tree[2 * node], tree[2 * node + 1]
            tree[node] = left if left > right else right
            node >>= 1

    def best(self, low: int, high: int) -> int:
        """The greatest number of positions low to high - 1, or NONE."""
        tree, found = self.tree, NONE
        low, high = low + self.size, high + self.size
        while low < high:
            if low & 1:
                if tree[low] > found:
                    found = tree[low]
                low += 1
            if high & 1:
                high -= 1
                if tree[high] > found:
                    found = tree[high]
            low >>= 1
            high >>= 1
        return found


@dataclass(frozen=True)
class _Component:
    """The values left at positions low to high - 1; a chain of them, from head to tail, covers them."""

    low: int
    high: int
    head: int
    tail: int


class _Nesting:
    def __init__(self, first: Column, in_by: Column, out_from: Column, last: Column) -> None:
        count = len(first)
        self.in_by, self.out_from, self.last = in_by.tolist(), out_from.tolist(), last.tolist()
        by_first = np.argsort(first, kind="stable")
        self.by_first, self.firsts = by_first.tolist(), first[by_first].tolist()
        self.by_reach, reach = _numbered(out_from)
        self.by_last, self.stays = _numbered(last)
        self.reaching, self.staying = _Best(reach), _Best([NONE] * count)
        self.entered = 0
        self.before, self.after = [NONE] * count, [NONE] * count
        self.linked = [False] * count
        self.left = list(range(count + 1))
        """Union-find: the first position from there on whose value is left."""
        self.put, self.take, self.place = [0] * count, [0] * count, [0] * count

    def run(self) -> list[int]:
        """Takes outermost values away until none is left; the chain of a component that has none if that fails."""
        todo: list[_Component] = []
        self._split(todo, 0, len(self.in_by), NONE, NONE, NONE, NONE)
        place = 0
        while todo:
            component = todo.pop()
            begin, end = self.in_by[component.head], self.out_from[component.tail]
            while self.entered < len(self.firsts) and self.firsts[self.entered] <= begin:
                position = self.by_first[self.entered]
                self.staying.enter(position, self.stays[position])
                self.entered += 1
            number = self.staying.best(component.low, component.high)
            outer = self.by_last[number] if number != NONE else NONE
            if outer == NONE or self.last[outer] < end:
                return self._chain(component)
            self.put[outer], self.take[outer], self.place[outer] = begin, end, place
            place += 1
            self._remove(outer, component, todo)
        return []

    def _chain(self, component: _Component) -> list[int]:
        chain = [component.head]
        while chain[-1] != component.tail:
            chain.append(self.after[chain[-1]])
        return chain

    def _remove(self, outer: int, component: _Component, todo: list[_Component]) -> None:
        self.staying.leave(outer)
        self.reaching.leave(outer)
        self.left[outer] = outer + 1
        if not self.linked[outer]:
            todo.append(component)
            return
        head = NONE if outer == component.head else component.head
        tail = NONE if outer == component.tail else component.tail
        self._split(todo, component.low, component.high, head, self.before[outer], self.after[outer], tail)

    def _split(
        self, todo: list[_Component], low: int, high: int, head: int, link: int, following: int, tail: int
    ) -> None:
        """Continues a chain after `link` until it meets `following`; where it cannot, a new component begins.

        `head` is the first link of the component if there is a `link`, `tail` the last if there is a `following`.
        """
        parts = []
        while True:
            if link == NONE:
                link = self._next_left(low)
                if link >= high:
                    break
                head = link
                self.linked[link], self.before[link] = True, NONE
                if link == following:
                    parts.append(_Component(low, high, head, tail))
                    break
            reach = self.out_from[link]
            if following != NONE and self.in_by[following] < reach:
                self.after[link], self.before[following] = following, link
                parts.append(_Component(low, high, head, tail))
                break
            end = bisect_left(self.in_by, reach, low, high)
            further = self.by_reach[self.reaching.best(low, end)]
            if self.out_from[further] > reach:
                self.after[link], self.before[further] = further, link
                self.linked[further] = True
                link = further
            else:
                self.after[link] = NONE
                parts.append(_Component(low, end, head, link))
                low, link = end, NONE
        todo.extend(reversed(parts))

    def _next_left(self, position: int) -> int:
        left = self.left
        while left[position] != position:
            left[position] = position = left[left[position]]
        return position


def _numbered(column: Column) -> tuple[list[int], list[int]]:
    """Positions in order of a column, and for each position its number in that order."""
    order = np.argsort(column, kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    return order.tolist(), number.tolist()
