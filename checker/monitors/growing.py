"""Monitors of unique ids and of generations: both need only distinct numbers, and generations an order.

Generations must be handed out in growing order, so the only possible order is by number: it is a linearization iff no
operation with a larger or equal number returned before one with a smaller was called. Scanning in order of call with
the largest number among those that have returned finds such a pair in n log n. Pending operations took some number
that was never seen, and may be left out.
"""

from __future__ import annotations

import itertools

import numpy as np

from checker.history import OK, History
from checker.values import shown
from checker.verdict import Decision, Edge, Explanation


def decide_ids(part: History) -> Decision:
    """No id twice; any order of distinct ids is legal, so the order of calls is a witness."""
    rows = np.flatnonzero(part.status == OK)
    codes, first = np.unique(part.output[rows], return_index=True)
    if len(codes) == len(rows):
        return Decision("valid", "distinct", witness=rows)
    again = int(rows[np.setdiff1d(np.arange(len(rows)), first)[0]])
    before = int(rows[np.flatnonzero(part.output[rows] == part.output[again])[0]])
    given, other = part[again], part[before]
    sentence = f"Duplicate id: #{given.index} was given {shown(given.output)}, and so was #{other.index}."
    explanation = Explanation("duplicate-id", sentence, (), given.index)
    return Decision("invalid", "distinct", counterexample=(before, again), explanation=explanation)


def decide_generation(part: History) -> Decision | None:
    """Distinct and growing in real time; None if something other than a number was given out."""
    rows = np.flatnonzero(part.status == OK)
    values = [part.tables.value.values[code] for code in part.output[rows].tolist()]
    if not all(type(value) is int for value in values):
        return None
    numbers = np.array(values, dtype=object)
    order = sorted(range(len(rows)), key=lambda i: (numbers[i], i))
    for one, other in itertools.pairwise(order):
        if numbers[one] == numbers[other]:
            return _refute(part, int(rows[one]), int(rows[other]))
    by_return = sorted(range(len(rows)), key=lambda i: int(part.ret[rows[i]]))
    largest, returned = -1, 0
    for i in range(len(rows)):
        call = int(part.call[rows[i]])
        while returned < len(rows) and int(part.ret[rows[by_return[returned]]]) < call:
            candidate = by_return[returned]
            if largest < 0 or numbers[candidate] > numbers[largest]:
                largest = candidate
            returned += 1
        if largest >= 0 and numbers[largest] > numbers[i]:
            return _refute(part, int(rows[largest]), int(rows[i]))
    return Decision("valid", "growing", witness=rows[order])


def _refute(part: History, first: int, second: int) -> Decision:
    a, b = part[first], part[second]
    if a.output == b.output:
        sentence = f"Duplicate generation: #{a.index} and #{b.index} were both given {a.output}."
        cycle: tuple[Edge, ...] = ()
        kind = "duplicate-generation"
    else:
        text = f"#{b.index} was given {b.output}, though #{a.index} had been given {a.output}"
        sentence = f"Generation went backwards: {text}."
        cycle = (Edge(a.index, b.index, "real time"), Edge(b.index, a.index, "smaller than"))
        kind = "generation-went-backwards"
    explanation = Explanation(kind, sentence, cycle, b.index)
    return Decision("invalid", "growing", counterexample=(first, second), explanation=explanation)
