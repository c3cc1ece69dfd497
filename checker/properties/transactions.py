"""Serializability of transactions, by the cycles of Adya's histories, as Elle finds them (Kingsbury, Alvaro 2020).

A transaction is an operation `txn` whose input and output are lists of [f, key, value]: "r" and "append" (list-append)
or "r" and "w" (rw-register, every written value of a key unique). Its output shows what was read. Edges between
transactions that happened:

    ww   A wrote the version of a key that B's write came next after
    wr   B read a version that A wrote
    rw   A read a version that B's write came next after

A cycle proves that no serial order exists. In list-append the longest read shows the order of versions; in
rw-register only what transactions show themselves is used (the initial version comes before all others; who reads a
version and writes the same key puts its own next), so a register history may hide what a list history would show.
Beside cycles: reads of what an aborted transaction wrote (G1a), or of what its transaction overwrote itself (G1b),
reads that contradict their own transaction or show its future, elements appended once and read twice, and lists that
are no prefixes of one order. Two that read one version of a key and both wrote it are named a lost update.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

from checker.history import History, Operation
from checker.properties import cycles
from checker.verdict import Decision, Explanation

Micro = tuple[str, Any, Any]


class _Found(Exception):  # noqa: N818 - it is not an error: it ends a scan at the first violation
    def __init__(self, kind: str, sentence: str, *ops: Operation) -> None:
        self.explanation = Explanation(kind, sentence, (), ops[-1].index)
        self.ops = ops


@dataclass
class _Versions:
    """One key: who wrote each version, whether it was its transaction's last of the key, and who read it."""

    writer: dict[Any, Operation] = field(default_factory=dict)
    last: set[Any] = field(default_factory=set)
    readers: dict[Any, list[Operation]] = field(default_factory=dict)
    order: list[Any] = field(default_factory=list)
    after: dict[Any, set[Any]] = field(default_factory=dict)


def _micros(op: Operation) -> Iterator[Micro]:
    """What a transaction did: its output where known, else its input (its reads are then unknown)."""
    for f, key, value in (op.output if op.status == "ok" and op.output is not None else op.input) or ():
        if f != "r" or op.status == "ok":
            yield f, key, value


def _collect(ops: list[Operation], write: str) -> dict[Any, _Versions]:
    keys: dict[Any, _Versions] = {}
    for op in ops:
        mine: dict[Any, Any] = {}
        for f, key, value in _micros(op):
            if f != write:
                continue
            versions = keys.setdefault(key, _Versions())
            if value in versions.writer:
                other = versions.writer[value].index
                raise _Found(
                    "not-unique", f"#{op.index} and #{other} both write {value!r} to {key!r}: cannot judge.", op
                )
            versions.writer[value] = op
            mine[key] = value
        for key, value in mine.items():
            keys[key].last.add(value)
    return keys


def _check_read(op: Operation, key: Any, value: Any, versions: _Versions) -> None:
    """One version that a transaction saw: somebody wrote it, was not aborted, and (unless it is its own) left it."""
    writer = versions.writer.get(value)
    if writer is None:
        raise _Found("phantom-value", f"Phantom: #{op.index} read {value!r} of {key!r}, which nobody wrote.", op)
    if writer.index == op.index:
        raise _Found("future-read", f"#{op.index} read {value!r} of {key!r} before it wrote it itself.", op)
    if writer.status == "fail":
        said = f"#{op.index} read {value!r} of {key!r}, which #{writer.index} wrote and aborted"
        raise _Found("aborted-read", f"Aborted read (G1a): {said}.", writer, op)


def _seen(ops: list[Operation], keys: dict[Any, _Versions]) -> set[int]:
    """The transactions whose writes somebody read: they happened, whatever their clients were told."""
    found = set()
    for op in ops:
        for f, key, value in _micros(op):
            if f == "r" and key in keys:
                for one in value if isinstance(value, tuple) else (value,):
                    if one in keys[key].writer:
                        found.add(keys[key].writer[one].index)
    return found


def _lists(ops: list[Operation], keys: dict[Any, _Versions], happened: set[int]) -> None:
    """List-append: find each key's order of versions from its longest read, and who read which version."""
    longest: dict[Any, tuple[tuple[Any, ...], Operation]] = {}
    reads: list[tuple[Operation, Any, tuple[Any, ...]]] = []
    for op in ops:
        own: dict[Any, list[Any]] = {}
        seen: dict[Any, tuple[Any, ...]] = {}
        for f, key, value in _micros(op):
            if f == "append":
                own.setdefault(key, []).append(value)
                continue
            read = tuple(value or ())
            mine = tuple(own.get(key, ()))
            if (mine and read[-len(mine) :] != mine) or (key in seen and seen[key] + mine != read):
                raise _Found("internal", f"#{op.index} read {list(read)} of {key!r} against its own transaction.", op)
            read = read[: len(read) - len(mine)]
            seen[key] = read
            reads.append((op, key, read))
            if len(read) > len(longest.get(key, ((), op))[0]):
                longest[key] = (read, op)
    for key, (order, _) in longest.items():
        versions = keys.setdefault(key, _Versions())
        versions.order = list(order)
        for before, after in itertools.pairwise(order):
            versions.after.setdefault(before, set()).add(after)
        versions.after.setdefault(None, set()).add(order[0])
    for versions in keys.values():
        # an append that happened and is in no read comes after all that were read
        unseen = {v for v, writer in versions.writer.items() if writer.index in happened} - set(versions.order)
        versions.after.setdefault(versions.order[-1] if versions.order else None, set()).update(unseen)
    for op, key, read in reads:
        order, by = longest.get(key, ((), op))
        twice = next((value for i, value in enumerate(read) if value in read[:i]), None)
        if twice is not None:
            said = f"#{op.index} read {list(read)} of {key!r}"
            raise _Found("duplicate-elements", f"Applied twice: {said}, where {twice!r} was appended once.", op)
        if order[: len(read)] != read:
            said = f"#{op.index} read {list(read)} of {key!r}, #{by.index} read {list(order)}"
            raise _Found("incompatible-order", f"No one order of appends: {said}.", by, op)
        versions = keys.setdefault(key, _Versions())
        for value in read:
            _check_read(op, key, value, versions)
        versions.readers.setdefault(read[-1] if read else None, []).append(op)
        if read and read[-1] not in versions.last:
            writer = versions.writer[read[-1]]
            said = f"#{op.index} read {list(read)} of {key!r} in the middle of #{writer.index}"
            raise _Found("intermediate-read", f"Intermediate read (G1b): {said}.", writer, op)


def _registers(ops: list[Operation], keys: dict[Any, _Versions], happened: set[int]) -> None:
    """Rw-register: who read which version, and the versions that a transaction itself put next."""
    for op in ops:
        current: dict[Any, Any] = {}
        own: set[Any] = set()
        for f, key, value in _micros(op):
            versions = keys.setdefault(key, _Versions())
            if f == "w":
                if key in current and key not in own:
                    versions.after.setdefault(current[key], set()).add(value)
                own.add(key)
            elif key in current and current[key] != value:
                said = f"#{op.index} read {value!r} of {key!r} where it had {current[key]!r} itself"
                raise _Found("internal", f"Against its own transaction: {said}.", op)
            elif key not in own:
                if value is not None:
                    _check_read(op, key, value, versions)
                    writer = versions.writer[value]
                    if value not in versions.last:
                        said = f"#{op.index} read {value!r} of {key!r}, which #{writer.index} itself overwrote"
                        raise _Found("intermediate-read", f"Intermediate read (G1b): {said}.", writer, op)
                versions.readers.setdefault(value, []).append(op)
            current[key] = value
    for versions in keys.values():
        versions.after.setdefault(None, set()).update(versions.last)


def _graph(keys: dict[Any, _Versions], happened: set[int]) -> nx.DiGraph[int]:
    graph: nx.DiGraph[int] = nx.DiGraph()

    def edge(before: Operation, after: Operation, kind: str, key: Any) -> None:
        if before.index != after.index and before.index in happened and after.index in happened:
            graph.add_edge(before.index, after.index)
            graph.edges[before.index, after.index].setdefault("why", {}).setdefault(kind, key)

    for key, versions in keys.items():
        for version, readers in versions.readers.items():
            for reader in readers:
                if version is not None:
                    edge(versions.writer[version], reader, "wr", key)
                for following in versions.after.get(version, ()):
                    edge(reader, versions.writer[following], "rw", key)
        for version, following in versions.after.items():
            if version is not None:
                for one in following:
                    edge(versions.writer[version], versions.writer[one], "ww", key)
    return graph


def _lost_update(keys: dict[Any, _Versions]) -> _Found | None:
    """Two transactions that read one version of a key and both wrote the key: one did not see the other."""
    for key, versions in keys.items():
        written = {writer.index for writer in versions.writer.values()}
        for version, readers in versions.readers.items():
            updates = sorted({op.index: op for op in readers if op.index in written}.items())
            if len(updates) > 1:
                (_, one), (_, other) = updates[:2]
                said = f"#{one.index} and #{other.index} both read version {version!r} of {key!r} and wrote it"
                return _Found("lost-update", f"Not serializable: lost update: {said}.", one, other)
    return None


def _decide(part: History, write: str) -> Decision:
    ops = [op for op in part if op.f == "txn"]
    rows = {int(index): row for row, index in enumerate(part.index)}
    try:
        keys = _collect(ops, write)
        committed = [op for op in ops if op.status == "ok"]
        happened = {op.index for op in committed} | _seen(committed, keys)
        (_lists if write == "append" else _registers)(committed, keys, happened)
    except _Found as at_once:
        if at_once.explanation.kind == "not-unique":
            return Decision("unknown", "cycles", reason=at_once.explanation.sentence)
        return _invalid(at_once, rows)
    found = cycles.find(_graph(keys, happened))
    if found is None:
        return Decision("valid", "cycles")
    kind, edges = found
    lost = _lost_update(keys) if kind in ("G-single", "G2") else None
    if lost is not None:
        return _invalid(lost, rows)
    names = ", ".join(f"#{edge.before}" for edge in edges)
    sentence = (
        f"Not serializable: {cycles.WORDS[kind]} ({kind}) between {names}; "
        "each must come before the next, and the last first."
    )
    chosen = tuple(rows[edge.before] for edge in edges)
    explanation = Explanation(kind, sentence, tuple(edges), None)
    return Decision("invalid", "cycles", counterexample=chosen, explanation=explanation)


def _invalid(found: _Found, rows: dict[int, int]) -> Decision:
    chosen = tuple(dict.fromkeys(rows[op.index] for op in found.ops))
    return Decision("invalid", "cycles", counterexample=chosen, explanation=found.explanation)


def decide_list_append(part: History) -> Decision:
    """See the module's text; write operations are "append"."""
    return _decide(part, "append")


def decide_rw_register(part: History, begins_with: Any = None) -> Decision:
    """See the module's text; write operations are "w"."""
    return _decide(part, "w")


DECIDERS = {"txn-list-append": decide_list_append, "txn-rw-register": decide_rw_register}
