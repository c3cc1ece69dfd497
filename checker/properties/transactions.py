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
reads that contradict their own transaction, and lists that are no prefixes of one order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

from checker.history import History, Operation
from checker.verdict import Decision, Edge, Explanation

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
    if writer.status == "fail":
        said = f"#{op.index} read {value!r} of {key!r}, which #{writer.index} wrote and aborted"
        raise _Found("aborted-read", f"Aborted read (G1a): {said}.", writer, op)


def _lists(ops: list[Operation], keys: dict[Any, _Versions]) -> None:
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
        unseen = {v for v, writer in versions.writer.items() if writer.status == "ok"} - set(versions.order)
        versions.after.setdefault(versions.order[-1] if versions.order else None, set()).update(unseen)
    for op, key, read in reads:
        order, by = longest.get(key, ((), op))
        if order[: len(read)] != read or len(set(read)) != len(read):
            said = f"#{op.index} read {list(read)} of {key!r}, #{by.index} read {list(order)}"
            raise _Found("incompatible-order", f"No one order of appends: {said}.", by, op)
        versions = keys.setdefault(key, _Versions())
        for value in read:
            _check_read(op, key, value, versions)
        versions.readers.setdefault(read[-1] if read else None, []).append(op)
        if read and read[-1] not in versions.last and versions.writer[read[-1]].index != op.index:
            writer = versions.writer[read[-1]]
            said = f"#{op.index} read {list(read)} of {key!r} in the middle of #{writer.index}"
            raise _Found("intermediate-read", f"Intermediate read (G1b): {said}.", writer, op)


def _registers(ops: list[Operation], keys: dict[Any, _Versions]) -> None:
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
                    if value not in versions.last and writer.index != op.index:
                        said = f"#{op.index} read {value!r} of {key!r}, which #{writer.index} itself overwrote"
                        raise _Found("intermediate-read", f"Intermediate read (G1b): {said}.", writer, op)
                versions.readers.setdefault(value, []).append(op)
            current[key] = value
    for versions in keys.values():
        versions.after.setdefault(None, set()).update(versions.last)


def _graph(keys: dict[Any, _Versions], happened: set[int]) -> nx.DiGraph[int]:
    graph: nx.DiGraph[int] = nx.DiGraph()

    def edge(before: Operation, after: Operation, why: str) -> None:
        pair = (before.index, after.index)
        if before.index != after.index and set(pair) <= happened and not graph.has_edge(*pair):
            graph.add_edge(*pair, why=why)

    for key, versions in keys.items():
        for version, readers in versions.readers.items():
            for reader in readers:
                if version is not None:
                    edge(versions.writer[version], reader, f"wr {key}")
                for following in versions.after.get(version, ()):
                    edge(reader, versions.writer[following], f"rw {key}")
        for version, following in versions.after.items():
            if version is not None:
                for one in following:
                    edge(versions.writer[version], versions.writer[one], f"ww {key}")
    return graph


def _shortest_cycle(graph: nx.DiGraph[int]) -> list[int]:
    best: list[int] = []
    for component in nx.strongly_connected_components(graph):
        if len(component) < 2:
            continue
        inside = graph.subgraph(component)
        for start in sorted(component)[:200]:
            for before in sorted(inside.predecessors(start)):
                path = nx.shortest_path(inside, start, before)
                if not best or len(path) < len(best):
                    best = path
    return best


def _anomaly(edges: list[Edge]) -> tuple[str, str]:
    reads_over = sum(edge.why.startswith("rw") for edge in edges)
    if all(edge.why.startswith("ww") for edge in edges):
        return "G0", "a cycle of writes"
    if reads_over == 0:
        return "G1c", "a cycle of writes and reads"
    return ("G-single", "a read skew") if reads_over == 1 else ("G2", "a write skew")


def _decide(part: History, write: str) -> Decision:
    ops = [op for op in part if op.f == "txn"]
    rows = {int(index): row for row, index in enumerate(part.index)}
    try:
        keys = _collect(ops, write)
        (_lists if write == "append" else _registers)([op for op in ops if op.status == "ok"], keys)
    except _Found as found:
        if found.explanation.kind == "not-unique":
            return Decision("unknown", "cycles", reason=found.explanation.sentence)
        chosen = tuple(rows[op.index] for op in found.ops)
        return Decision("invalid", "cycles", counterexample=chosen, explanation=found.explanation)
    # a transaction of unknown outcome happened if somebody read what it wrote
    happened = {op.index for op in ops if op.status == "ok"}
    for versions in keys.values():
        seen = set(versions.order) | {value for value in versions.readers if value is not None}
        happened |= {versions.writer[value].index for value in seen}
    cycle = _shortest_cycle(graph := _graph(keys, happened))
    if not cycle:
        return Decision("valid", "cycles")
    edges = [Edge(a, b, graph.edges[a, b]["why"]) for a, b in zip(cycle, cycle[1:] + cycle[:1], strict=True)]
    kind, words = _anomaly(edges)
    names = ", ".join(f"#{index}" for index in cycle)
    sentence = (
        f"Not serializable: {words} ({kind}) between {names}; each must come before the next, and the last first."
    )
    explanation = Explanation(kind, sentence, tuple(edges), None)
    return Decision("invalid", "cycles", counterexample=tuple(rows[i] for i in cycle), explanation=explanation)


def decide_list_append(part: History) -> Decision:
    """See the module's text; write operations are "append"."""
    return _decide(part, "append")


def decide_rw_register(part: History) -> Decision:
    """See the module's text; write operations are "w"."""
    return _decide(part, "w")


DECIDERS = {"txn-list-append": decide_list_append, "txn-rw-register": decide_rw_register}
