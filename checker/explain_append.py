"""Why no order works, in one plain sentence, for strings that are appended to.

First what the values found show by themselves: text that no operation inserted, a piece twice, pieces in different
orders. Then the string is encoded as a CAS register (monitors/string_append.py), whose graph of constraints has the
cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from checker.constraints import Constraints
from checker.explain import duration
from checker.history import FAIL, OK, History, Operation
from checker.monitors.string_append import Encoding, as_register, encode
from checker.values import show
from checker.verdict import Edge, Explanation

Pieces = tuple[str, ...]


class _Case:
    """The operations of a counterexample, and the pieces of each value that one of them found: of those that count."""

    def __init__(self, part: History, history: History, encoding: Encoding, whole: Sequence[Operation]) -> None:
        self.whole = {op.index: op for op in whole}
        self.operations = list(part)
        self.history = history
        self.encoding = encoding
        self.found = [(op, tuple(encoding.tokens(value))) for op in self.operations for value in _values(op)]

    def source(self, piece: str) -> Operation | None:
        row = self.encoding.puts.get(piece)
        return None if row is None else self.operations[row]

    def had(self, op: Operation) -> str:
        """What an operation found: "returned ..."."""
        op = self.whole[op.index]
        return f"returned {show(op.output or '')}" if op.f == "read" else f"found {show(op.input[0])}"

    def done(self, op: Operation) -> str:
        """What it did: "appended ..."."""
        op = self.whole[op.index]
        match op.f:
            case "read":
                return f"read {show(op.output or '')}"
            case "append":
                return f"appended {show(op.input)}"
            case "write":
                return f"written {show(op.input)}"
            case "cas":
                return f"replaced {show(op.input[0])} by {show(op.input[1])}"
        return "deleted the value"


def explain_append(
    counterexample: Sequence[Operation], history: History, proof: Sequence[Operation] | None = None
) -> Explanation | None:
    """Explains operations on one string that have no order; None where pieces are ambiguous, or nothing fits.

    `history` is what they are from, with its failed operations; `proof`: what they say without it, if that is less.
    """
    part = History.of(counterexample if proof is None else proof)
    encoded = encode(part)
    if encoded is None:
        return None
    case = _Case(part, history, encoded[0], counterexample)
    described = (describe(case) for describe in _DESCRIPTIONS)
    found = next((explanation for explanation in described if explanation is not None), None)
    return found or _cycle(case, as_register(part, *encoded))


def _values(op: Operation) -> Iterator[str]:
    value = op.output if op.f == "read" and not op.pending else op.input[0] if op.f == "cas" else None
    if isinstance(value, str) and op.output is not False:
        yield value


def _phantom(s: _Case) -> Explanation | None:
    """Text that no operation inserted."""
    for op, pieces in s.found:
        rest = next((piece for piece in pieces if s.source(piece) is None), None)
        if rest is None:
            continue
        failed = [other for other in _failed(s.history) if rest.startswith(_text(other) or rest + " ")]
        if failed:
            sentence = (
                f"Value of a failed {failed[0].f}: #{op.index} {s.had(op)}, though #{failed[0].index}, which tried to "
            )
            sentence += f"{failed[0].f} {show(_text(failed[0]))}, had failed and so never happened."
            return Explanation("failed-write-read", sentence, culprit=op.index, failed=(failed[0],))
        sentence = f"Phantom value: #{op.index} {s.had(op)}, but no operation inserted {show(rest)}."
        return Explanation("phantom-value", sentence, culprit=op.index)
    return None


def _failed(history: History) -> list[Operation]:
    return [history[int(row)] for row in np.flatnonzero(history.status == FAIL)]


def _text(op: Operation) -> str | None:
    """The text that an operation inserts."""
    value = op.input if op.f in ("append", "write") else op.input[1] if op.f == "cas" else None
    return value if isinstance(value, str) and value else None


def _twice(s: _Case) -> Explanation | None:
    for op, pieces in s.found:
        again = next((piece for at, piece in enumerate(pieces) if piece in pieces[:at]), None)
        by = s.source(again) if again is not None else None
        if by is not None:
            did = "Appended" if by.f == "append" else "Written"
            sentence = (
                f"{did} twice: #{op.index} {s.had(op)}, which contains {show(again)} twice; #{by.index} inserted it "
                "once."
            )
            return Explanation("duplicate-append", sentence, culprit=op.index)
    return None


def _early(s: _Case) -> Explanation | None:
    """A piece found by an operation that ended before its insertion began."""
    for op, pieces in s.found:
        for piece in pieces:
            by = s.source(piece)
            if by is not None and op.ret < by.call:
                sentence = f"Read before written: #{op.index} {s.had(op)} and ended before #{by.index}, which inserted "
                sentence += f"{show(piece)}, began."
                cycle = (Edge(by.index, op.index, "read by"), Edge(op.index, by.index, "real time"))
                note = f"cannot find {show(piece)}: #{by.index} began {duration(by.call - op.ret)} later"
                return Explanation("read-before-written", sentence, cycle, op.index, {op.index: note})
    return None


def _mixed(s: _Case) -> Explanation | None:
    """A text that replaced the whole value, after another."""
    for op, pieces in s.found:
        for before, piece in pairwise(pieces):
            by = s.source(piece)
            if by is not None and by.f != "append":
                sentence = f"Not overwritten: #{op.index} {s.had(op)}, in which {show(piece)} follows {show(before)}, "
                sentence += f"but #{by.index} replaced the whole value by {show(piece)}."
                return Explanation("mixed-write", sentence, culprit=op.index)
    return None


def _disagree(s: _Case) -> Explanation | None:
    """Two values that show one piece after different ones, or different ones after one piece (or at the beginning, if
    nothing replaces the whole value)."""
    beginning = ("",) if all(op.f in ("read", "append") for op in s.operations) else ()
    prefixes: dict[str, tuple[Operation, Pieces]] = {}
    successors: dict[str, tuple[Operation, str]] = {}
    for op, pieces in s.found:
        for piece in pieces:
            other, others = prefixes.setdefault(piece, (op, pieces))
            if _until(piece, others) != _until(piece, pieces):
                return _orders(s, piece, other, others, op, pieces)
        for piece, after in pairwise(beginning + pieces):
            other, following = successors.setdefault(piece, (op, after))
            if following != after:
                sentence = f"Divergent appends: #{other.index} shows {show(following)} and not {show(after)}, "
                sentence += f"#{op.index} shows {show(after)} and not {show(following)}: neither continues the other."
                return Explanation("divergent-appends", sentence, culprit=op.index)
    return None


def _until(piece: str, pieces: Pieces) -> Pieces:
    return pieces[: pieces.index(piece)]


def _orders(s: _Case, piece: str, a: Operation, in_a: Pieces, b: Operation, in_b: Pieces) -> Explanation:
    """`a` and `b` found values that show a piece after different texts."""
    for x, y in zip([x for x in in_a if x in in_b], [y for y in in_b if y in in_a], strict=True):
        if x != y:
            sentence = (
                f"Out of order: #{a.index} shows {show(x)} before {show(y)}, #{b.index} shows them the other way round."
            )
            return Explanation("reordered-append", sentence, culprit=b.index)
    before_a, before_b = _until(piece, in_a), _until(piece, in_b)
    lost = next((x for x in before_a if x not in before_b), None)
    less, more = (a, b) if lost is None else (b, a)
    lost = next(x for x in before_b if x not in before_a) if lost is None else lost
    by = s.source(lost)
    what = "append" if by is not None and by.f == "append" else "write"
    sentence = (
        f"Lost {what}: #{less.index} shows {show(piece)} without {show(lost)} before it, but #{more.index} shows "
    )
    sentence += f"{show(lost)} before it, so it was already there when {show(piece)} was appended."
    return Explanation(f"lost-{what}", sentence, culprit=less.index)


_DESCRIPTIONS: tuple[Callable[[_Case], Explanation | None], ...] = (_phantom, _twice, _early, _mixed, _disagree)


def _cycle(s: _Case, encoded: Sequence[Operation]) -> Explanation | None:
    """The cycle of the graph of the CAS register, in the words of strings."""
    cycle = Constraints(encoded).cycle()
    by_index = {op.index: op for op in s.operations}
    if not cycle:
        return None
    closing, last = cycle[0], cycle[-1]
    times = [edge for edge in cycle if edge.why == "real time"]
    if len(times) == 1 and all(edge.why in ("real time", "read by") for edge in cycle):
        early, late = by_index[times[0].before], by_index[times[0].after]
        sentence = (
            f"Out of order: the value that #{early.index} left came after the one that #{late.index} left, but "
            f"#{early.index} had "
        )
        sentence += f"finished before #{late.index} began."
        texts = {_text(early), _text(late)}
        shown = [op.index for op, pieces in s.found if op.f == "read" and texts <= set(pieces)]
        return Explanation("reordered-append", sentence, cycle, shown[0] if shown else early.index)
    if not (closing.why == "read older than" and last.why == "real time"):
        words = "; ".join(f"#{edge.before} comes before #{edge.after} ({edge.why})" for edge in cycle)
        return Explanation("contradictory-order", f"Contradictory order: {words}.", cycle, cycle[0].before)
    seen, late = by_index[last.before], by_index[closing.before]
    notes = {late.index: f"#{seen.index} ended {duration(late.call - seen.ret)} before it began"}
    kind, sentence = _late(s, seen, late)
    return Explanation(kind, sentence, cycle[1:] + cycle[:1], late.index, notes)


def _late(s: _Case, seen: Operation, late: Operation) -> tuple[str, str]:
    """Kind and sentence: `late` found an old value, though `seen` had finished."""
    had = f"#{seen.index} had already {s.done(seen)} and finished"
    if late.f == "append":
        return (
            "reordered-append",
            f"Out of order: #{late.index} appended {show(late.input)} to an older value, though {had}.",
        )
    if late.f == "cas":
        return "stale-cas", f"Stale cas: #{late.index} found {show(late.input[0])}, though {had}."
    piece = _text(seen)
    reads = (s.history.f == s.history.tables.f.code("read")) & (s.history.status == OK)
    values = [s.history.tables.value.values[code] or "" for code in np.unique(s.history.output[reads]).tolist()]
    if seen.f in ("append", "write") and piece is not None and not any(piece in str(value) for value in values):
        what = "append" if seen.f == "append" else "write"
        did = "appended" if seen.f == "append" else "wrote"
        return (
            f"lost-{what}",
            f"Lost {what}: #{seen.index} {did} {show(piece)} and was acknowledged, but #{late.index}, which began "
            f"later, {s.had(late)}, and no operation ever read it.",
        )
    if seen.f == "read" and seen.process == late.process:
        return (
            "non-monotonic-read",
            f"Non-monotonic read: #{late.index} {s.had(late)}, though the same process {had[1:]}.",
        )
    return "stale-read", f"Stale read: #{late.index} {s.had(late)}, though {had}."
