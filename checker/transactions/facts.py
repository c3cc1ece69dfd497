"""What the transactions of a history say, read from its operations alone: the verifier's view, without columns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from checker.history import History, Operation, identity

Key = Any
"""A key by its identity, so that true is not 1."""


@dataclass
class Fact:
    """One transaction: what it wrote to each key, in order, and what it read of others, in order."""

    op: Operation
    writes: dict[Key, list[Any]] = field(default_factory=dict)
    reads: list[tuple[Key, Any]] = field(default_factory=list)
    """A list without the reader's own elements at its end; a register before its own write."""
    broken: bool = False
    """It read something else than it had written itself."""

    @property
    def ok(self) -> bool:
        return self.op.status == "ok"

    def read(self, key: Key) -> list[Any]:
        return [value for of, value in self.reads if of == key]


class Facts:
    """All transactions by index."""

    def __init__(self, history: History, data: str, begins_with: Any = None) -> None:
        self.data = data
        self.initial = () if data == "list" else identity(begins_with)
        txns = [op for op in history if op.f == "txn"]
        self.of: dict[int, Fact] = _of_sets(txns) if data == "set" else {op.index: _fact(op, data) for op in txns}
        self.writers: dict[tuple[Key, Any], list[int]] = defaultdict(list)
        for index, fact in self.of.items():
            for key, values in fact.writes.items():
                for value in values:
                    self.writers[key, value].append(index)
        for written, found in self.writers.items():  # what failed, and was tried again with the same values
            if len(found) > 1:
                self.writers[written] = [one for one in found if self.of[one].op.status != "fail"] or found
        self.longest: dict[Key, tuple[Any, ...]] = {}
        self.seen: set[int] = set()
        for fact in self.of.values():
            for key, value in fact.reads:
                if data == "list" and len(value) > len(self.longest.get(key, ())):
                    self.longest[key] = value
                for one in value if data == "list" else (value,):
                    self.seen.update(self.writers.get((key, one), ()))
        self._followers: dict[Key, dict[int | None, list[int]]] = {}

    def happened(self, index: int) -> bool:
        return self.of[index].ok or index in self.seen

    def source(self, key: Key, value: Any) -> int | None:
        """Who wrote what was read; None for the initial value. Raises LookupError where that is not one transaction."""
        if value == self.initial:
            return None
        last = value[-1] if self.data == "list" else value
        found = self.writers.get((key, last), [])
        if len(set(found)) != 1:
            raise LookupError(f"{len(set(found))} transactions wrote what was read")
        return found[0]

    def followers(self, key: Key) -> dict[int | None, list[int]]:
        """By the writer of a version (None: initial) those that read it and wrote the key."""
        if key not in self._followers:
            found: dict[int | None, list[int]] = defaultdict(list)
            for index, fact in self.of.items():
                if key in fact.writes and self.happened(index):
                    for value in fact.read(key)[:1]:
                        found[self.source(key, value)].append(index)
            self._followers[key] = found
        return self._followers[key]

    def chain(self, key: Key, first: int | None) -> list[int | None]:
        """The transactions that followed each other from `first` on, each having read the one before it."""
        found, followers = [first], self.followers(key)
        while len(next_ := followers.get(found[-1], [])) == 1 and next_[0] not in found:
            found.append(next_[0])
        return found


ALL, SOME = "all", "some"
"""Of what a transaction added to a set."""


def _of_sets(txns: list[Operation]) -> dict[int, Fact]:
    """What a transaction added to a set is a register (set, transaction), written as SOME and then ALL of it; a read of
    the set reads the registers of all that did not fail, and of those that it shows."""
    added: dict[Key, dict[Any, int]] = defaultdict(dict)
    many: dict[tuple[Key, int], int] = defaultdict(int)
    for op in sorted(txns, key=lambda op: op.status == "fail"):
        for f, name, value in _micros(op):
            key = identity(name)
            if f == "add" and added[key].setdefault(identity(value), op.index) == op.index:
                many[key, op.index] += 1
    failed = {op.index for op in txns if op.status == "fail"}
    return {op.index: _of_set(op, added, many, failed) for op in txns}


def _of_set(
    op: Operation, added: dict[Key, dict[Any, int]], many: dict[tuple[Key, int], int], failed: set[int]
) -> Fact:
    fact = Fact(op)
    own: dict[Key, set[Any]] = defaultdict(set)
    for f, name, raw in _micros(op):
        key = identity(name)
        if f != "r":
            own[key].add(identity(raw))
            fact.writes[key, op.index] = [SOME, ALL] if many[key, op.index] > 1 else [ALL]
        elif op.status == "ok":
            value = {identity(one) for one in raw or ()}
            fact.broken |= not own[key] <= value
            shown: dict[int, int] = defaultdict(int)
            for element in value - own[key]:
                if element in added[key]:
                    shown[added[key][element]] += 1
                else:
                    fact.reads.append(((key, element), ALL))  # which no transaction wrote
            for writer in dict.fromkeys(added[key].values()):
                if shown[writer] or (writer != op.index and writer not in failed):
                    seen = ALL if shown[writer] == many[key, writer] else SOME if shown[writer] else None
                    fact.reads.append(((key, writer), identity(seen)))
    return fact


def _micros(op: Operation) -> Any:
    return (op.output if op.status == "ok" and op.output is not None else op.input) or ()


def _fact(op: Operation, data: str) -> Fact:
    fact = Fact(op)
    for f, name, raw in _micros(op):
        key = identity(name)
        mine = fact.writes.get(key, [])
        if f != "r":
            fact.writes.setdefault(key, []).append(identity(raw))
        elif op.status != "ok":
            continue
        elif data == "list":
            value = tuple(identity(one) for one in raw or ())
            if mine and value[-len(mine) :] != tuple(mine):
                fact.broken = True
            else:
                fact.reads.append((key, value[: len(value) - len(mine)]))
        elif mine:
            fact.broken |= mine[-1] != identity(raw)
        else:
            fact.reads.append((key, identity(raw)))
    return fact
