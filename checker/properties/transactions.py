"""Serializability of transactions, by the cycles of Adya's histories, as Elle finds them (Kingsbury, Alvaro 2020).

A transaction is an operation `txn` whose input and output are lists of [f, key, value]: "r" and "append" (list-append)
or "r" and "w" (rw-register, every written value of a key unique). Its output shows what was read. Edges between
transactions that happened:

    ww   A wrote the version of a key that B's write came next after
    wr   B read a version that A wrote
    rw   A read a version that B's write came next after

A cycle proves that no serial order exists. In list-append the longest read shows the order of versions; in
rw-register only what transactions show themselves is known (the initial version comes before all others; a transaction
that reads a version and writes the same key puts its own next). A register history without a cycle in what is known is
serializable only if a serial order is found that explains every read (serial_order.py); otherwise it is unknown.
Beside cycles: reads of what an aborted transaction wrote (G1a), or of what its transaction overwrote itself (G1b),
reads that contradict their own transaction or show its future, elements appended once and read twice, and lists that
are no prefixes of one order. Two that read one version of a key and both wrote it are named a lost update.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx

from checker.explain import argument
from checker.history import History, Operation, freeze
from checker.properties import cycles, serial_order
from checker.values import Token, show
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
            yield f, _distinct(key), _distinct(value)


def _distinct(value: Any) -> Any:
    """The value, with true and false as what is equal to no number: in Python True is 1."""
    if isinstance(value, bool):
        return Token("true" if value else "false")
    return tuple(map(_distinct, value)) if type(value) is tuple else value


def _collect(ops: list[Operation], write: str, begins_with: Any) -> dict[Any, _Versions]:
    """The versions of each key, and who wrote them. Raises _Found where two of them cannot be distinguished."""
    keys: dict[Any, _Versions] = {}
    for op in ops:
        mine: dict[Any, Any] = {}
        for f, key, value in _micros(op):
            if f != write:
                continue
            versions = keys.setdefault(key, _Versions())
            if write == "w" and value == begins_with:
                clash = f"#{op.index} writes {show(value)} to {show(key)}, which is also its initial value"
                raise _Found("not-unique", f"values are not unique: {clash}", op)
            if value in versions.writer:
                other = versions.writer[value].index
                raise _Found(
                    "not-unique",
                    f"values are not unique: #{op.index} and #{other} both write {show(value)} to {show(key)}",
                    op,
                )
            versions.writer[value] = op
            mine[key] = value
        for key, value in mine.items():
            keys[key].last.add(value)
    return keys


def _check_read(op: Operation, key: Any, value: Any, versions: _Versions) -> None:
    """One version that a transaction saw: its writer exists, was not aborted, and (unless it is the reader) wrote it
    last."""
    writer = versions.writer.get(value)
    if writer is None:
        phantom = f"#{op.index} read {show(value)} from {show(key)}, which no transaction wrote"
        raise _Found("phantom-value", f"Phantom value: {phantom}.", op)
    if writer.index == op.index:
        raise _Found(
            "future-read",
            f"Future read: #{op.index} read {show(value)} from {show(key)} before it wrote that itself.",
            op,
        )
    if writer.status == "fail":
        aborted = f"#{op.index} read {show(value)} from {show(key)}, which #{writer.index} wrote and aborted"
        raise _Found("aborted-read", f"Aborted read (G1a): {aborted}.", writer, op)


def _seen(ops: list[Operation], keys: dict[Any, _Versions]) -> set[int]:
    """The transactions whose writes were read: they happened, whatever their clients were answered."""
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
                raise _Found(
                    "internal",
                    f"Internal inconsistency: #{op.index} read {show(read)} from {show(key)}, which contradicts what "
                    "it did before.",
                    op,
                )
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
            repeated = f"#{op.index} read {show(read)} from {show(key)}"
            raise _Found("duplicate-elements", f"Applied twice: {repeated}, where {show(twice)} was appended once.", op)
        if order[: len(read)] != read:
            lists = f"#{op.index} read {show(read)} from {show(key)}, and #{by.index} read {show(order)}"
            raise _Found("incompatible-order", f"Incompatible order: {lists}.", by, op)
        versions = keys.setdefault(key, _Versions())
        for value in read:
            _check_read(op, key, value, versions)
        versions.readers.setdefault(read[-1] if read else None, []).append(op)
        if read and read[-1] not in versions.last:
            writer = versions.writer[read[-1]]
            partial = f"#{op.index} read {show(read)} from {show(key)} in the middle of #{writer.index}"
            raise _Found("intermediate-read", f"Intermediate read (G1b): {partial}.", writer, op)


def _registers(ops: list[Operation], keys: dict[Any, _Versions], begins_with: Any) -> None:
    """Rw-register: who read which version (None: the initial one), and what a transaction itself put next."""
    for op in ops:
        current: dict[Any, Any] = {}
        own: set[Any] = set()
        for f, key, recorded in _micros(op):
            value = _version(op, key, recorded, begins_with)
            versions = keys.setdefault(key, _Versions())
            if f == "w":
                if key in current and key not in own:
                    versions.after.setdefault(current[key], set()).add(value)
                own.add(key)
            elif key in current and current[key] != value:
                had = show(begins_with if current[key] is None else current[key])
                sentence = (
                    f"#{op.index} read {show(recorded)} from {show(key)}, though it had read or written {had} before"
                )
                raise _Found("internal", f"Internal inconsistency: {sentence}.", op)
            elif key not in own:
                if value is not None:
                    _check_read(op, key, value, versions)
                    writer = versions.writer[value]
                    if value not in versions.last:
                        sentence = (
                            f"#{op.index} read {show(value)} from {show(key)}, which #{writer.index} itself overwrote"
                        )
                        raise _Found("intermediate-read", f"Intermediate read (G1b): {sentence}.", writer, op)
                versions.readers.setdefault(value, []).append(op)
            current[key] = value
    for versions in keys.values():
        versions.after.setdefault(None, set()).update(versions.last)


def _version(op: Operation, key: Any, value: Any, begins_with: Any) -> Any:
    """The version that a value is: None for what registers begin with."""
    if value is None and begins_with is not None:
        missed = f"#{op.index} read nothing from {show(key)}, though registers initially hold {show(begins_with)}"
        raise _Found("phantom-value", f"Phantom value: {missed}.", op)
    return None if value == begins_with else value


def _begins(committed: list[Operation], keys: dict[Any, _Versions]) -> str:
    """A hint, where one value explains all reads of what no transaction wrote: registers may begin with it."""
    reads = [(key, value) for op in committed for f, key, value in _micros(op) if f == "r" and value is not None]
    unknown = {value for key, value in reads if key not in keys or value not in keys[key].writer}
    nothing = any(f == "r" and value is None for op in committed for f, _, value in _micros(op))
    if nothing or len(unknown) != 1:
        return ""
    value = unknown.pop()
    return f" If registers initially hold {show(value)}, check with --initial {argument(value)}."


def _serial(part: History, happened: set[int], known: nx.DiGraph[int], begins_with: Any) -> list[int] | None:
    """A serial order that explains all reads, if one is found."""
    transactions = {}
    for op in part:
        if op.index not in happened:
            continue
        one = transactions[op.index] = serial_order.Transaction(op.index, op.call, op.ret)
        for f, key, recorded in _micros(op):
            value = _version(op, key, recorded, begins_with)
            if f == "w":
                one.writes[key] = value
            elif key not in one.writes:
                one.reads.setdefault(key, value)
    return serial_order.find(transactions, known)


def _unordered(keys: dict[Any, _Versions], known: nx.DiGraph[int], happened: set[int]) -> str:
    """Why a history without a cycle is not decided: an example of two versions whose order is not known."""
    open_keys = []
    example = "no read shows which of several writes came first"
    for key, versions in keys.items():
        writers = [versions.writer[value] for value in versions.last if versions.writer[value].index in happened]
        writers.sort(key=lambda op: op.index)
        for one, other in itertools.pairwise(writers):
            if not (known.has_edge(one.index, other.index) or known.has_edge(other.index, one.index)):
                open_keys.append(key)
                if len(open_keys) == 1:
                    example = (
                        f"#{one.index} and #{other.index} both wrote {show(key)}, and no read shows which came first"
                    )
                break
    where = f" for {len(open_keys)} of {len(keys)} keys" if open_keys else ""
    return (
        f"the order of versions is not known{where}: {example}. What is known has no cycle, and no serial order that "
        "explains every read was found"
    )


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
                what = "the initial version" if version is None else f"version {show(version)}"
                both = f"#{one.index} and #{other.index} both read {what} of {show(key)} and wrote it"
                return _Found("lost-update", f"Not serializable: lost update: {both}.", one, other)
    return None


def _decide(part: History, write: str, begins_with: Any = None) -> Decision:
    ops = [op for op in part if op.f == "txn"]
    rows = {int(index): row for row, index in enumerate(part.index)}
    committed = [op for op in ops if op.status == "ok"]
    keys: dict[Any, _Versions] = {}
    try:
        keys = _collect(ops, write, begins_with)
        happened = {op.index for op in committed} | _seen(committed, keys)
        if write == "append":
            _lists(committed, keys, happened)
        else:
            _registers(committed, keys, begins_with)
    except _Found as at_once:
        explanation = at_once.explanation
        if explanation.kind == "not-unique":
            return Decision("unknown", "cycles", reason=explanation.sentence)
        if explanation.kind == "phantom-value" and write == "w" and begins_with is None:
            at_once.explanation = replace(explanation, sentence=explanation.sentence + _begins(committed, keys))
        return _invalid(at_once, rows)
    graph = _graph(keys, happened)
    found = cycles.find(graph)
    if found is None:
        if write == "append":
            return Decision("valid", "cycles")
        if _serial(part, happened, graph, begins_with) is not None:
            return Decision("valid", "serial order")
        return Decision("unknown", "cycles", reason=_unordered(keys, graph, happened))
    kind, edges = found
    lost = _lost_update(keys) if kind in ("G-single", "G2") else None
    if lost is not None:
        return _invalid(lost, rows)
    names = ", ".join(f"#{edge.before}" for edge in edges)
    sentence = (
        f"Not serializable: {cycles.words(kind, edges)} ({kind}) between {names}; "
        "each must come before the next, and the last before the first."
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
    """See the module's text; write operations are "w". `begins_with`: the initial value of every register."""
    return _decide(part, "w", _distinct(freeze(begins_with)))


DECIDERS = {"txn-list-append": decide_list_append, "txn-rw-register": decide_rw_register}
