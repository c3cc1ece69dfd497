"""Sentences on transactions: why one came before another, and only the micro-operations that this rests on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checker.history import OK
from checker.transactions.edges import COMMIT, KIND_NAMES, REALTIME, RW, SESSION, WR
from checker.transactions.steps import Choice, Cycle, Step
from checker.transactions.table import WRITES, Table, value_text
from checker.transactions.versions import Versions
from checker.values import Token, show
from checker.verdict import Edge, Explanation

NAMES = {
    "G0": "interleaved writes",
    "G1c": "circular information flow",
    "G-single": "a read skew",
    "G-nonadjacent": "a long fork",
    "G2-item": "a write skew",
    "commit-order": "reads that no order of commits explains",
    "causality": "a transaction that saw its own future",
    "stale-initial-read": "a read of an initial value that was already overwritten",
}


_OF_BEFORE = {RW: "read", WR: "write"}
_OF_AFTER = {RW: "write", WR: "read"}
_ANY: dict[int, str] = {}
"""By the kind of a step, which micro-operations of a transaction it rests on: any, unless said."""


class Words:
    """Makes sentences about the transactions of one history."""

    def __init__(self, table: Table, versions: Versions) -> None:
        self.table = table
        self.versions = versions
        self.write = WRITES[table.data]

    def name(self, txn: int) -> str:
        return f"#{self.table.index(txn)}"

    def title(self, cycle: Cycle) -> str:
        """What a cycle is called: a write skew (G2-item)."""
        base = cycle.kind.removesuffix("-process").removesuffix("-realtime")
        words = NAMES.get(base, "a cycle")
        if base == "G2-item" and not (len(cycle.steps) == 2 and all(step.kind == RW for step in cycle.steps)):
            words = "reads that missed each other's writes"
        if base == "G-nonadjacent" and [step.kind for step in cycle.steps] not in ([RW, WR] * 2, [WR, RW] * 2):
            words = "snapshots that exclude each other"
        if base == "G0" and base != cycle.kind:
            words = "writes out of order"
        elif base == "G-single" and base != cycle.kind:
            words = "a stale read"
        return f"{words} ({cycle.kind})" if base in NAMES and base.startswith("G") else words

    def cycle(self, steps: Iterable[Step]) -> str:
        """The steps of a cycle as one sentence without its full stop."""
        return "; ".join(self.step(step) for step in steps)

    def step(self, step: Step) -> str:
        """Why `before` precedes `after`: #1 before #2: #1 read x = [1] and did not see #2's append of 2."""
        if step.after < 0:
            return self._of_commits(step)
        return f"{self.name(step.before)} before {self.name(step.after)}: {self._because(step)}"

    def _because(self, step: Step) -> str:
        before, after = self.name(step.before), self.name(step.after)
        if step.kind == SESSION:
            process = self.table.history[int(self.table.rows[step.after])].process
            return f"process {process} ran {after} after {before}"
        if step.kind == REALTIME:
            return f"{before} returned before {after} was called"
        if step.kind == COMMIT:
            return self._of_commits(step)
        key = self.versions.keys[step.key]
        if step.kind == WR:
            return f"{after} read {self._read(step.after, key)}, {self._source(step.before, key)}"
        if step.kind == RW:
            found = f"{before} read {self._read(step.before, key)}"
            if step.given is not None:
                return f"{found} and {after}'s {self._written(step.after, key)} came later"
            return f"{found} and did not see {after}'s {self._written(step.after, key)}"
        mine, earlier = self._written(step.after, key), self._written(step.before, key)
        follows = f"{after}'s {mine} to {self._key(key)} follows {before}'s {earlier}"
        chained = ", up to which each writer had read the version before"
        return follows + chained if self.table.data == "register" else follows

    def _of_commits(self, step: Step) -> str:
        key = self.versions.keys[step.key]
        read = f"{self._why_seen(step)}, which wrote {self._key(key)} too, and read {self._read(step.via, key)}"
        return f"{read}, the initial value" if step.after < 0 else f"{read} from {self.name(step.after)}"

    def _why_seen(self, step: Step) -> str:
        via, before, table = step.via, step.before, self.table
        known = self.versions.read_ver[self.versions.read_txn == via]
        if before in self.versions.writer[known]:
            return f"{self.name(via)} had seen {self.name(before)}"
        same = table.session[via] == table.session[before] and table.call[before] < table.call[via]
        if same and table.status[before] == OK:
            return f"{self.name(via)} came after {self.name(before)} in its session"
        return f"{self.name(via)} depends on {self.name(before)}"

    def _source(self, txn: int, key: Any) -> str:
        if self.table.data == "list":
            return f"which ends with {self.name(txn)}'s {self._written(txn, key)}"
        if self.table.data == "set":
            return f"which shows {self.name(txn)}'s {self._written(txn, key)}"
        return f"which {self.name(txn)} wrote"

    def _key(self, key: Any) -> str:
        name = key.name if isinstance(key, Token) else key
        return name if isinstance(name, str) and name.isidentifier() else show(key)

    def _read(self, txn: int, key: Any) -> str:
        value = next((value for f, of, value in self.table.micros[txn] if f == "r" and of == key), None)
        return f"{self._key(key)} = {value_text(value, self.table.data)}"

    def _written(self, txn: int, key: Any) -> str:
        values = [value for f, of, value in self.table.micros[txn] if f != "r" and of == key]
        what = {"list": "append", "register": "write", "set": "addition"}[self.table.data]
        return f"{what} of {' and '.join(show(value) for value in values)}" if values else what

    def notes(self, steps: Iterable[Step]) -> dict[int, str]:
        """By operation, the micro-operations that the steps rest on."""
        places: dict[int, set[int]] = {}
        for step in steps:
            for txn, what in ((step.before, _OF_BEFORE), (step.after, _OF_AFTER), (step.via, _ANY)):
                if txn >= 0:
                    found = places.setdefault(txn, set())
                    if step.key >= 0:
                        found |= self._places(txn, self.versions.keys[step.key], what.get(step.kind, "any"))
        return {self.table.index(txn): self._micros(txn, found) for txn, found in places.items()}

    def note(self, txn: int, key: Any) -> str:
        """The micro-operations of a transaction on a key."""
        return self._micros(txn, self._places(txn, key, "any"))

    def _places(self, txn: int, key: Any, what: str) -> set[int]:
        """Which micro-operations those on a key are: what it wrote; or what it read, and had written before; or any.
        Reads of an unknown outcome are left out."""
        on = [(at, f) for at, (f, of, _) in enumerate(self.table.micros[txn]) if of == key]
        reads = [at for at, f in on if f == "r"] if self.table.status[txn] == OK else []
        if what == "read":
            return {at for at, _ in on if at <= max(reads, default=-1)}
        return {at for at, f in on if f != "r" or (what == "any" and at in reads)}

    def _micros(self, txn: int, places: set[int]) -> str:
        micros = self.table.micros[txn]
        return " · ".join(
            f"{f} {self._key(key)} {value_text(value, self.table.data) if f == 'r' else show(value)}"
            for f, key, value in (micros[at] for at in sorted(places))
        )

    def edges(self, steps: Iterable[Step]) -> tuple[Edge, ...]:
        """The steps for reports and proofs."""
        found = []
        for step in steps:
            key = self.versions.keys[step.key] if step.key >= 0 else None
            why = KIND_NAMES[step.kind] + (f" {self._key(key)}" if step.key >= 0 else "")
            after = step.before if step.after < 0 else step.after
            found.append(Edge(self.table.index(step.before), self.table.index(after), why))
        return tuple(found)

    def explained(self, kind: str, sentence: str, steps: tuple[Step, ...]) -> Explanation:
        """An explanation by a cycle."""
        clauses = tuple(self._because(step) for step in steps)
        return Explanation(kind, sentence, self.edges(steps), None, self.notes(steps), clauses)

    def choice(self, choice: Choice) -> str:
        """The order of two writes that no read shows."""
        key = self.versions.keys[choice.key]
        ended, began = self._written(choice.ended, key), self._written(choice.began, key)
        return f"{self.name(choice.ended)}'s {ended} to {self._key(key)} before {self.name(choice.began)}'s {began}"
