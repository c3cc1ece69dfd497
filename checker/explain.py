"""Why no order works, in one plain sentence, for counterexamples on a register or one key of a key-value store."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.constraints import Constraints
from checker.history import FAIL, OK, History, Operation
from checker.models.register import leaves, same
from checker.values import show
from checker.verdict import Edge, Explanation


def explain(
    counterexample: Sequence[Operation],
    part: History,
    *,
    begins_with: Any = None,
    proof: Sequence[Operation] | None = None,
    may_begin_otherwise: bool = True,
) -> Explanation:
    """Explains operations which alone cannot be ordered. `part` is the history they are from, on a register that
    `begins_with` a value; `proof` is what they say without the rest of it (`Model.without`), if that is less.

    If `part` still holds its failed operations, a value read though its write failed is explained as such.
    `may_begin_otherwise`: the initial value is what the caller assumes, not what the model demands.
    """
    constraints = _Case(counterexample if proof is None else proof, begins_with)
    constraints.recorded.update((op.index, op) for op in counterexample)
    for describe in _DESCRIPTIONS if may_begin_otherwise else _DESCRIPTIONS[1:]:
        explanation = describe(constraints, part)
        if explanation is not None:
            explanation = _proven(constraints, explanation)
            notes = _unknown_outcomes(constraints) | explanation.notes
            return replace(explanation, notes=notes)
    return _no_order(constraints)


class _Case(Constraints):
    """The graph, and the operations as the history has them, for sentences."""

    def __init__(self, operations: Sequence[Operation], begins_with: Any) -> None:
        super().__init__(operations, begins_with)
        self.recorded = dict(self.by_index)


def duration(ns: int) -> str:
    """A span of time with its unit, to three digits: 38 ms, 1.25 s."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        if ns >= size:
            return f"{float(f'{ns / size:.3g}'):g} {unit}"
    return f"{ns} ns"


def _value(c: _Case, code: int) -> str:
    return show(c.table.values[code])


def _had(c: _Case, index: int) -> str:
    """What an operation had found or done: "read 1", "written 1", "replaced 1 by 2"."""
    op = c.recorded[index]
    if op.f == "read":
        return f"read {show(op.output)}"
    if op.f == "cas":
        return f"replaced {show(op.input[0])} by {show(op.input[1])}"
    return "deleted the value" if op.f == "delete" else f"written {show(op.input)}"


def _did(c: _Case, index: int) -> str:
    """The same in the past tense: "returned 1", "wrote 1"."""
    op = c.recorded[index]
    if op.f == "read":
        return f"returned {show(op.output)}"
    return _had(c, index).replace("written", "wrote")


def _unknown_outcomes(c: _Case) -> dict[int, str]:
    """Notes for pending operations: who proves that they happened."""
    notes = {}
    for index, code in c.left.items():
        witnesses = [r for r in c.readers(code) if r != index and not c.by_index[r].pending]
        if c.by_index[index].pending and witnesses and c.writer(code) == index:
            notes[index] = f"outcome unknown; #{witnesses[0]} proves that it happened"
    return notes


def _proven(c: _Case, explanation: Explanation) -> Explanation:
    """The explanation; where it blames an operation of unknown outcome, it blames the one that found what that left:
    nothing else shows that it happened."""
    blamed = explanation.culprit
    if blamed is None or not c.by_index[blamed].pending:
        return explanation
    chain = [blamed]
    while c.by_index[chain[-1]].pending:
        finders = [r for r in c.readers(c.left.get(chain[-1], -1)) if r not in chain]
        if not finders:
            return explanation
        chain.append(min(finders, key=lambda r: (c.by_index[r].pending, r)))
    witness = chain[-1]
    shown = f"#{witness} {_did(c, witness)}, so #{blamed}, whose outcome is unknown,"
    if explanation.kind == "double-cas":
        sentence = f"{explanation.sentence} #{witness} shows that #{blamed} happened."
    else:
        sentence = explanation.sentence.replace(f"#{blamed} ", f"{shown} ", 1)
    notes = {witness: f"impossible: #{blamed} cannot have happened"}
    return Explanation(explanation.kind, sentence, explanation.cycle, witness, notes)


def _began_with(c: _Case, part: History) -> Explanation | None:
    """A value found before any operation began to write it, where the initial value may still have been there."""
    for reader, code in c.found.items():
        if code == c.begins:
            continue
        op, found = c.recorded[reader], c.table.values[code]
        intended = [*_writers_in(part, found, failed=False), *_writers_in(part, found, failed=True)]
        writers = np.isin(part.index, intended)
        replaced = _changes(part) & (part.ret < op.call) & (part.index != reader)
        if (writers & (part.call <= op.ret) & (part.index != reader)).any() or replaced.any():
            continue
        value, initial = show(found), _value(c, c.begins)
        assumed = "be empty" if c.begins == 0 else f"hold {initial}"
        if found is None:
            sentence = (
                f"Initial value missed: #{reader} {_did(c, reader)}, though the register initially holds {initial}."
            )
            note = f"must find {initial}: no operation that deletes it had begun"
        else:
            sentence = (
                f"Unknown initial value: #{reader} {_did(c, reader)} before any write of {value} began, and the "
                f"register is assumed to {assumed} initially. If it initially holds {value}, check with --initial "
                f"{argument(found)}."
            )
            note = f"cannot find {value} unless the register initially holds it"
        return Explanation("initial-value", sentence, culprit=reader, notes={reader: note})
    return None


def _changes(part: History) -> NDArray[np.bool_]:
    """The operations that certainly replaced what the register held."""
    names, values = part.tables.f, part.tables.value
    cas = (part.f == names.code("cas")) & (part.output != values.code(False))
    writes = (part.f == names.code("write")) | (part.f == names.code("delete"))
    return np.asarray((writes | cas) & (part.status == OK), dtype=np.bool_)


def argument(value: Any) -> str:
    """A value as it is given on the command line: as JSON, or as bare text where that means the same."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return shlex.quote(value)
    try:
        return shlex.quote(json.dumps(value, ensure_ascii=False))
    except (TypeError, ValueError):
        return shlex.quote(str(value))


def _phantom(c: _Case, part: History) -> Explanation | None:
    """A value that no operation in the whole part may have written."""
    for reader, code in c.found.items():
        if code == c.begins or any(w != reader for w in c.writers.get(code, [])):
            continue
        writers = _writers_in(part, c.table.values[code], failed=False)
        if any(index != reader for index in writers):
            continue
        value = _value(c, code)
        failed = [
            index
            for index in _writers_in(part, c.table.values[code], failed=True)
            if int(part.call[part.index == index][0]) <= c.by_index[reader].ret
        ]
        if failed:
            return Explanation(
                "failed-write-read",
                f"Value of a failed write: #{reader} {_did(c, reader)}, though #{failed[0]}, which tried to write "
                f"{value}, had failed and so never happened.",
                culprit=reader,
                notes={reader: f"no operation that may have happened wrote {value}"},
                failed=(part[int(np.flatnonzero(part.index == failed[0])[0])],),
            )
        return Explanation(
            "phantom-value",
            f"Phantom value: #{reader} {_did(c, reader)}, but no operation wrote {value}.",
            culprit=reader,
            notes={reader: f"no operation wrote {value}"},
        )
    return None


def _writers_in(part: History, value: Any, *, failed: bool) -> list[int]:
    """Indices of the operations of a part that were to write a value: those that failed, or those that did not."""
    table = part.tables.value
    code, no = table.code(value), table.code(False)
    is_cas = part.f == part.tables.f.code("cas")
    useless = (part.status == FAIL) | (is_cas & (part.status == OK) & (part.output == no))
    writes = part.f == part.tables.f.code("write")
    indices = part.index[writes & (useless == failed) & (part.input == code)].tolist()
    for row in np.flatnonzero(is_cas & (useless == failed)).tolist():
        pair = table.values[part.input[row]]
        if isinstance(pair, tuple) and len(pair) == 2:
            source, target = table.code(pair[0]), table.code(pair[1])
            if target == code and source != code:
                indices.append(int(part.index[row]))
    return sorted(indices)


def _before_written(c: _Case, part: History) -> Explanation | None:
    """A value found by an operation which ended before any operation began to write it."""
    for reader, code in c.found.items():
        others = [w for w in c.writers.get(code, []) if w != reader]
        if code == c.begins or any(c.by_index[w].call <= c.by_index[reader].ret for w in others):
            continue
        writers = [w for w in _writers_in(part, c.table.values[code], failed=False) if w != reader]
        if not writers:
            continue
        first = int(np.flatnonzero(np.isin(part.index, writers))[0])
        began, writer = int(part.call[first]), int(part.index[first])
        if began <= c.by_index[reader].ret:
            continue
        value, gap = _value(c, code), duration(began - c.by_index[reader].ret)
        which = "the only write" if len(writers) == 1 else "the first write"
        inside = writer in c.by_index
        return Explanation(
            "read-before-written",
            f"Read before written: #{reader} {_did(c, reader)} and ended before #{writer}, {which} of {value}, began.",
            (Edge(writer, reader, "read by"), Edge(reader, writer, "real time")) if inside else (),
            reader,
            {reader: f"cannot find {value}: #{writer} began {gap} after #{reader} ended"},
        )
    return None


def _double_cas(c: _Case, part: History) -> Explanation | None:
    """Two cas that both replaced a value which was there only once."""
    for code in sorted(set(c.found.values())):
        takers = [reader for reader in c.readers(code) if reader in c.left]
        takers = [reader for reader in takers if not c.by_index[reader].pending or reader in c.certain]
        if len(takers) < 2 or (c.writers.get(code) if code == c.begins else c.writer(code) is None):
            continue
        first, second = sorted(takers[:2], key=lambda reader: not c.by_index[reader].pending)
        value = "the initial value" if code == c.begins else f"{_value(c, code)}, which was written only once"
        return Explanation(
            "double-cas",
            f"Double cas: #{first} and #{second} both replaced {value}.",
            (Edge(first, second, "read older than"), Edge(second, first, "read older than")),
            second,
            {second: f"must fail: #{first} had replaced {_value(c, code)}, or vice versa"},
        )
    return None


def _rootless(c: _Case, part: History) -> Explanation | None:
    """Cas that only feed each other: none of their values was ever written."""
    for start in c.left:
        chain = [start]
        while (code := c.found.get(chain[-1])) is not None and (writer := c.writer(code)) is not None:
            if writer in chain:
                ring = chain[chain.index(writer) :][::-1]
                names = ", ".join(f"#{index}" for index in sorted(ring))
                edges = tuple(Edge(a, b, "read by") for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))
                return Explanation(
                    "rootless-cas",
                    f"Values from nowhere: each of the cas {names} found what another of them wrote, and no other "
                    "operation wrote any of these values.",
                    edges,
                    max(ring),
                )
            chain.append(writer)
    return None


def _cycle(c: _Case, part: History) -> Explanation | None:
    """The cycle of the graph; its sentence is that of a stale read where an operation found an old value."""
    cycle = c.cycle()
    if not cycle:
        return None
    closing, last = cycle[0], cycle[-1]
    if closing.why == "read older than" and last.why == "real time":
        return _stale(c, part, cycle[1:] + cycle[:1], evidence=last.before, culprit=closing.before)
    times = [edge for edge in cycle if edge.why == "real time"]
    if len(times) == 1 and all(edge.why in ("real time", "read by") for edge in cycle):
        reader, origin = times[0].before, times[0].after
        return Explanation(
            "read-before-written",
            f"Read before written: #{reader} {_did(c, reader)}, a value that originates from #{origin}, and ended "
            f"before #{origin} began.",
            cycle,
            reader,
        )
    words = "; ".join(f"#{edge.before} comes before #{edge.after} ({_reason(edge)})" for edge in cycle)
    finders = [edge.before for edge in cycle if edge.before in c.found]
    culprit = max(finders, key=lambda index: (c.by_index[index].ret, index), default=cycle[0].before)
    return Explanation("contradictory-order", f"Contradictory order: {words}.", cycle, culprit)


def _reason(edge: Edge) -> str:
    return {
        "real time": "it ended before the other began",
        "read by": "its value was found by the other",
        "read older than": "it found an older value",
    }.get(edge.why, "its value was replaced")


def _stale(c: _Case, part: History, cycle: tuple[Edge, ...], evidence: int, culprit: int) -> Explanation:
    seen, stale = c.recorded[evidence], c.recorded[culprit]
    gap = f"#{evidence} ended {duration(stale.call - seen.ret)} before #{culprit} began"
    old = _value(c, c.found[culprit])
    newer = c.left.get(evidence, c.found.get(evidence, c.begins))
    verb = "read" if stale.f == "read" else "find"
    sure = len(c.left) <= 2 and not _rivals(c, part, newer, stale)
    duty = f"must {verb} {_value(c, newer)}" if sure else f"must no longer {verb} {old}"
    notes = {culprit: f"{duty}: {gap}"}
    if stale.f == "cas":
        kind, sentence = "stale-cas", f"Stale cas: #{culprit} {_did(c, culprit)}, though #{evidence} had already "
        sentence += f"{_had(c, evidence)} and finished."
    elif seen.f != "read" and _lost(part, seen):
        kind = "lost-delete" if seen.f == "delete" else "lost-write"
        sentence = f"{kind.capitalize().replace('-', ' ')}: #{evidence} {_did(c, evidence)} and was acknowledged, but "
        sentence += f"#{culprit}, which began later, returned {old}, and no operation ever read {_value(c, newer)}."
    elif seen.f == "read" and seen.process == stale.process:
        kind, sentence = (
            "non-monotonic-read",
            f"Non-monotonic read: #{culprit} returned {old}, though the same process had already ",
        )
        sentence += f"read {_value(c, newer)} with #{evidence}."
    else:
        kind, sentence = "stale-read", f"Stale read: #{culprit} returned {old}, though #{evidence} had already "
        sentence += f"{_had(c, evidence)} and finished."
    return Explanation(kind, sentence, cycle, culprit, notes)


def _rivals(c: _Case, part: History, newer: int, stale: Operation) -> bool:
    """Whether operations outside the counterexample may have replaced this value before an operation found another."""
    since = min((c.by_index[w].call for w in c.writers.get(newer, [])), default=int(np.iinfo(np.int64).min))
    refused = (part.f == part.tables.f.code("cas")) & (part.output == part.tables.value.code(False))
    changes = (part.f != part.tables.f.code("read")) & (part.status != FAIL) & ~refused
    outside = ~np.isin(part.index, [*c.left, stale.index])
    return bool((changes & outside & (part.call <= stale.ret) & (part.ret >= since)).any())


def _lost(part: History, write: Operation) -> bool:
    """True if at least two reads could have seen a finished write before any other write, and none ever did."""
    names, values = part.tables.f, part.tables.value
    left = leaves(write)
    value = values.code(left)
    ok_reads = (part.f == names.code("read")) & (part.status == OK)
    if (ok_reads & (part.output == value)).any():
        return False
    pairs = np.unique(part.input[(part.f == names.code("cas")) & (part.status != FAIL)]).tolist()
    if any(same(values.values[pair][0], left) for pair in pairs):
        return False
    again = part.call[(part.f != names.code("read")) & (part.status != FAIL) & (part.call > write.ret)]
    until = int(again.min()) if len(again) else int(np.iinfo(np.int64).max)
    return int((ok_reads & (part.call > write.ret) & (part.ret < until)).sum()) >= 2


def _refused(c: _Case, part: History) -> Explanation | None:
    """A cas that was refused though the register can only have held what it asked for."""
    for op in c.operations:
        if op.f == "cas" and op.output is False and not op.pending and isinstance(op.input, tuple):
            return Explanation(
                "wrongly-refused-cas",
                f"Wrongly refused cas: #{op.index} was refused as if the register did not hold {show(op.input[0])}, "
                "but in every order that explains the other operations it did.",
                culprit=op.index,
                notes={op.index: f"must succeed: the register held {show(op.input[0])}"},
            )
    return None


def _no_order(c: _Case) -> Explanation:
    names = ", ".join(f"#{op.index}" for op in c.operations[:8]) + (" ..." if len(c.operations) > 8 else "")
    last = max(c.operations, key=lambda op: (not op.pending, op.ret, op.index), default=None)
    culprit = None if last is None else last.index
    return Explanation("no-order", f"No order of {names} explains what all of them returned.", culprit=culprit)


_DESCRIPTIONS: tuple[Callable[[_Case, History], Explanation | None], ...] = (
    _began_with,
    _phantom,
    _before_written,
    _double_cas,
    _rootless,
    _cycle,
    _refused,
)
