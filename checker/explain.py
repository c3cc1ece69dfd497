"""Why no order works, in one plain sentence, for counterexamples on a register or one key of a key-value store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from checker.constraints import Constraints
from checker.history import FAIL, OK, History, Operation
from checker.verdict import Edge, Explanation

SHOWN_MAX = 40
"""Longer values are cut in sentences."""


def explain(counterexample: Sequence[Operation], part: History) -> Explanation:
    """Explains operations which alone cannot be ordered. `part` is the history they are from.

    If `part` still holds its failed operations, a value read though its write failed is explained as such.
    """
    constraints = Constraints(counterexample)
    for describe in _DESCRIPTIONS:
        explanation = describe(constraints, part)
        if explanation is not None:
            notes = _unknown_outcomes(constraints) | explanation.notes
            return Explanation(explanation.kind, explanation.sentence, explanation.cycle, explanation.culprit, notes)
    return _no_order(constraints)


def show(value: Any) -> str:
    """A value as sentences show it: as in JSON, nothing for None, long ones cut."""
    if value is None:
        return "nothing"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"


def duration(ns: int) -> str:
    """A span of time with its unit, to three digits: 38 ms, 1.25 s."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        if ns >= size:
            return f"{float(f'{ns / size:.3g}'):g} {unit}"
    return f"{ns} ns"


def _value(c: Constraints, code: int) -> str:
    return show(c.table.values[code])


def _had(c: Constraints, index: int) -> str:
    """What an operation had found or done: "read 1", "written 1", "replaced 1 by 2"."""
    op = c.by_index[index]
    if op.f == "read":
        return f"read {show(op.output)}"
    if op.f == "cas":
        return f"replaced {show(op.input[0])} by {show(op.input[1])}"
    return "deleted the value" if op.f == "delete" else f"written {show(op.input)}"


def _did(c: Constraints, index: int) -> str:
    """The same in the past tense: "returned 1", "wrote 1"."""
    op = c.by_index[index]
    if op.f == "read":
        return f"returned {show(op.output)}"
    return _had(c, index).replace("written", "wrote")


def _unknown_outcomes(c: Constraints) -> dict[int, str]:
    """Notes for pending operations: who proves that they happened."""
    notes = {}
    for index, code in c.left.items():
        witnesses = [reader for reader in c.readers(code) if reader != index]
        if c.by_index[index].pending and witnesses:
            notes[index] = f"outcome unknown; #{witnesses[0]} proves it happened"
    return notes


def _nobody_wrote(c: Constraints, part: History) -> Explanation | None:
    """A value that no operation in the whole part may have written."""
    for reader, code in c.found.items():
        if code == 0 or c.writers.get(code):
            continue
        if _writers_in(part, c.table.values[code], failed=False):
            continue
        value = _value(c, code)
        failed = _writers_in(part, c.table.values[code], failed=True)
        if failed:
            return Explanation(
                "failed-write-read",
                f"Value of a failed write: #{reader} {_did(c, reader)}, though #{failed[0]}, which was to write "
                f"{value}, had failed and so never happened.",
                culprit=reader,
                notes={reader: f"no operation that may have happened wrote {value}"},
            )
        return Explanation(
            "phantom-value",
            f"Value nobody wrote: #{reader} {_did(c, reader)}, but no operation wrote {value}.",
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


def _before_written(c: Constraints, part: History) -> Explanation | None:
    """A value found by an operation which ended before anybody began to write it."""
    for reader, code in c.found.items():
        if code == 0 or any(c.by_index[w].call <= c.by_index[reader].ret for w in c.writers.get(code, [])):
            continue
        writers = _writers_in(part, c.table.values[code], failed=False)
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
            {reader: f"cannot know {value}: #{writer} began {gap} after #{reader} ended"},
        )
    return None


def _double_cas(c: Constraints, part: History) -> Explanation | None:
    """Two cas that both replaced a value which was there only once."""
    for code in sorted(set(c.found.values())):
        takers = [reader for reader in c.readers(code) if reader in c.left]
        if len(takers) < 2 or (code != 0 and c.writer(code) is None) or (code == 0 and c.writers.get(0)):
            continue
        first, second = takers[:2]
        value = "the initial value" if code == 0 else f"{_value(c, code)}, which was written only once"
        return Explanation(
            "double-cas",
            f"Double cas: #{first} and #{second} both replaced {value}.",
            (Edge(first, second, "read older than"), Edge(second, first, "read older than")),
            second,
            {second: f"must fail: #{first} had replaced {_value(c, code)}, or the other way round"},
        )
    return None


def _rootless(c: Constraints, part: History) -> Explanation | None:
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
                    f"Values out of nothing: the cas {names} each found what another of them wrote, and nobody "
                    "else wrote any of it.",
                    edges,
                    max(ring),
                )
            chain.append(writer)
    return None


def _cycle(c: Constraints, part: History) -> Explanation | None:
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
            f"Read before written: #{reader} {_did(c, reader)}, a value that goes back to #{origin}, and ended before "
            f"#{origin} began.",
            cycle,
            reader,
        )
    words = "; ".join(f"#{edge.before} comes before #{edge.after} ({_reason(edge)})" for edge in cycle)
    return Explanation("contradictory-order", f"Every order contradicts itself: {words}.", cycle, cycle[0].before)


def _reason(edge: Edge) -> str:
    return {
        "real time": "it ended before the other began",
        "read by": "its value was found by the other",
        "read older than": "it found an older value",
    }.get(edge.why, "its value was replaced")


def _stale(c: Constraints, part: History, cycle: tuple[Edge, ...], evidence: int, culprit: int) -> Explanation:
    seen, stale = c.by_index[evidence], c.by_index[culprit]
    gap = f"#{evidence} ended {duration(stale.call - seen.ret)} before #{culprit} began"
    old = _value(c, c.found[culprit])
    newer = c.left.get(evidence, c.found.get(evidence, 0))
    verb = "read" if stale.f == "read" else "find"
    duty = f"must {verb} {_value(c, newer)}" if len(c.left) <= 2 else f"may not {verb} {old} any more"
    notes = {culprit: f"{duty}: {gap}"}
    if stale.f == "cas":
        kind, sentence = "stale-cas", f"Stale cas: #{culprit} {_did(c, culprit)}, though #{evidence} had already "
        sentence += f"{_had(c, evidence)} and finished."
    elif seen.f != "read" and _lost(part, seen):
        kind, sentence = "lost-write", f"Lost write: #{evidence} {_did(c, evidence)} and was acknowledged, but "
        sentence += f"#{culprit}, begun later, returned {old}, and nobody ever read {_value(c, newer)}."
    elif seen.f == "read" and seen.process == stale.process:
        kind, sentence = (
            "new-then-old",
            f"New then old: #{culprit} returned {old}, though the same process had already ",
        )
        sentence += f"read {_value(c, newer)} with #{evidence}."
    else:
        kind, sentence = "stale-read", f"Stale read: #{culprit} returned {old}, though #{evidence} had already "
        sentence += f"{_had(c, evidence)} and finished."
    return Explanation(kind, sentence, cycle, culprit, notes)


def _lost(part: History, write: Operation) -> bool:
    """True if at least two reads could have seen a finished write before anybody wrote again, and none ever did."""
    names, values = part.tables.f, part.tables.value
    value = values.code(write.input[1] if write.f == "cas" else write.input)
    ok_reads = (part.f == names.code("read")) & (part.status == OK)
    if (ok_reads & (part.output == value)).any():
        return False
    again = part.call[(part.f != names.code("read")) & (part.status != FAIL) & (part.call > write.ret)]
    until = int(again.min()) if len(again) else int(np.iinfo(np.int64).max)
    return int((ok_reads & (part.call > write.ret) & (part.ret < until)).sum()) >= 2


def _refused(c: Constraints, part: History) -> Explanation | None:
    """A cas that was refused though the register can only have held what it asked for."""
    for op in c.operations:
        if op.f == "cas" and op.output is False and not op.pending and isinstance(op.input, tuple):
            return Explanation(
                "wrongly-refused-cas",
                f"Cas refused for no reason: #{op.index} was told that the register did not hold {show(op.input[0])}, "
                "though in every order that fits the others it did.",
                culprit=op.index,
                notes={op.index: f"must succeed: the register held {show(op.input[0])}"},
            )
    return None


def _no_order(c: Constraints) -> Explanation:
    names = ", ".join(f"#{op.index}" for op in c.operations[:8]) + (" ..." if len(c.operations) > 8 else "")
    last = max(c.operations, key=lambda op: (not op.pending, op.ret, op.index), default=None)
    culprit = None if last is None else last.index
    return Explanation("no-order", f"No order of {names} explains what all of them returned.", culprit=culprit)


_DESCRIPTIONS: tuple[Callable[[Constraints, History], Explanation | None], ...] = (
    _nobody_wrote,
    _before_written,
    _double_cas,
    _rootless,
    _cycle,
    _refused,
)
