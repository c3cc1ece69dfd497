"""The monitor of sets: element by element, since linearizability is local (Herlihy and Wing 1990, section 3.2).

Each element is an object of its own that is there or not, and its own history is judged by the search, whose states
are two; so pending adds of many elements do not multiply. The orders found are merged: each operation as early as its
element's order lets it be.

A read of all elements says of each whether it is there, all at one moment. It refutes as a `contains` of any one
element; if no element refutes, the moments must still agree, and histories with such reads go on to the search. Sets
that only grow, by one add per element, are decided before all that (growing_sets.py).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from msgspec import structs

from checker.budget import Budget
from checker.explain_search import explain_search
from checker.history import BEGINNING, History, Operation, identity
from checker.models.containers import SetModel
from checker.monitors import growing_sets
from checker.search import decide as search
from checker.shrink import shrink
from checker.verdict import Decision

METHOD = "elements"
LOOKS_MAX = 2_000_000
"""Elements times reads of all elements: more are left to the search."""
STEPS = Budget(200_000)
"""For one element."""


def decide(part: History) -> Decision | None:
    """None where reads of all elements must agree with each other, or an element's history is too hard."""
    grown = growing_sets.decide(part)
    if grown is not None:
        return grown
    by_element: dict[Hashable, tuple[Any, list[tuple[int, Operation]]]] = {}
    reads: list[tuple[int, Operation, frozenset[Hashable]]] = []
    for row, op in enumerate(part):
        if op.f == "read":
            shown = op.output or ()
            reads.append((row, op, frozenset(map(identity, shown))))
            for element in shown:
                by_element.setdefault(identity(element), (element, []))
        else:
            by_element.setdefault(identity(op.input), (op.input, []))[1].append((row, op))
    if len(by_element) * len(reads) > LOOKS_MAX:
        return None
    points: list[tuple[int, int, int, int]] = []
    hard = bool(reads)
    for number, (key, (element, own)) in enumerate(by_element.items()):
        asked = [
            (row, structs.replace(op, f="contains", input=element, output=key in shown)) for row, op, shown in reads
        ]
        rows, ops = zip(*sorted([*own, *asked], key=lambda pair: pair[0]), strict=True)
        alone = History.of(ops)
        decision = search(alone, SetModel(), STEPS)
        if decision.outcome == "invalid":
            small, _ = shrink(alone, decision, SetModel())
            explanation = explain_search([alone[i] for i in small], SetModel(), STEPS)
            chosen = tuple(rows[i] for i in small)
            return Decision("invalid", METHOD, None, chosen, explanation, decision.steps)
        hard = hard or decision.witness is None
        moment = BEGINNING
        for place, i in enumerate([] if decision.witness is None else decision.witness):
            moment = max(moment, ops[i].call)
            points.append((moment, number, place, rows[i]))
    return None if hard else Decision("valid", METHOD, witness=[row for *_, row in sorted(points)])
