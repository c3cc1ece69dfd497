"""Brute force: the definition of linearizability, and nothing clever. It judges every fast checker.

A history is linearizable iff the operations that happened can be put into one sequence that the model allows, in
which `a` stands before `b` whenever a.ret < b.call. Every `ok` operation happened; `fail` did not; a pending
one may have happened or not.
"""

from __future__ import annotations

from collections.abc import Iterable

from checker.history import Operation
from checker.model import Inconsistent, Model, State


def linearizable(model: Model, operations: Iterable[Operation]) -> bool:
    """True if some order of the operations is legal. Keys are judged apart where the model says so."""
    happened = [op for op in operations if op.status != "fail"]
    if model.by_key and len({repr(op.key) for op in happened}) > 1:
        groups: dict[str, list[Operation]] = {}
        for op in happened:
            groups.setdefault(repr(op.key), []).append(op)
        return all(linearizable(model, group) for group in groups.values())
    seen: set[tuple[frozenset[int], str]] = set()

    def order(left: frozenset[int], state: State) -> bool:
        if all(happened[i].pending for i in left):
            return True
        if (left, repr(state)) in seen:
            return False
        seen.add((left, repr(state)))
        for i in sorted(left):
            if any(happened[j].ret < happened[i].call for j in left):
                continue
            after = model.step(state, happened[i])
            if not isinstance(after, Inconsistent) and order(left - {i}, after):
                return True
        return False

    return order(frozenset(range(len(happened))), model.initial())
