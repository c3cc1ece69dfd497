"""Broadcast, grow-only sets and counters: what final reads must show once all faults are healed.

A read is final if its input is FINAL; of a node that was asked several times the last answer counts. Before that a
replica may know anything that was sent by then; nothing that was never sent. An `add` or `broadcast` that ended info
may show or not; one that failed must not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from checker.history import History, Operation, freeze
from checker.values import show
from checker.verdict import Decision, Explanation

FINAL = "final"
"""The input of the reads of a workload's last round."""

SUMS_MAX = 1_000_000

Lack = Callable[[Sequence[Operation]], int]
"""How much of what must be there in the end is not in these answers of one node, which are its last ones."""


def _invalid(ops: list[Operation], kind: str, sentence: str, rows: dict[int, int]) -> Decision:
    chosen = tuple(rows[op.index] for op in ops)
    return Decision(
        "invalid", "property", counterexample=chosen, explanation=Explanation(kind, sentence, (), ops[-1].index)
    )


def _finals(answered: Iterable[Operation]) -> list[Operation]:
    """The final reads that count: of each node the last; every one where the node is not known."""
    return list({op.index if op.node is None else op.node: op for op in answered if op.input == FINAL}.values())


def _acknowledged(ops: Iterable[Operation]) -> dict[Any, Operation]:
    return {freeze(op.input): op for op in ops if op.f in ("add", "broadcast") and op.status == "ok"}


def decide_elements(part: History) -> Decision:
    """Sets: every acknowledged element is in every final read; no read has one twice, or one that was never sent."""
    rows = {int(index): row for row, index in enumerate(part.index)}
    ops = list(part)
    sent: dict[Any, list[Operation]] = {}
    for op in ops:
        if op.f in ("add", "broadcast"):
            sent.setdefault(op.input, []).append(op)
    acknowledged = _acknowledged(ops)
    answered = [op for op in ops if op.f == "read" and op.status == "ok"]
    contents = [frozenset(op.output or ()) for op in answered]
    to_come = sorted((op for by in sent.values() for op in by if op.status != "fail"), key=lambda op: -op.call)
    known: set[Any] = set()
    for op, values in sorted(zip(answered, contents, strict=True), key=lambda pair: pair[0].ret):
        while to_come and to_come[-1].call <= op.ret:
            known.add(to_come.pop().input)
        if not values <= known:
            value = next(value for value in op.output if value not in known)
            by = sent.get(value, [])
            why = "which no operation had sent" if not by else f"though #{by[0].index} had not sent it yet"
            if by and all(other.status == "fail" for other in by):
                why = f"though #{by[0].index}, which tried to send it, had failed and so never happened"
            return _invalid(
                [*by[:1], op], "phantom-value", f"Phantom value: #{op.index} shows {show(value)}, {why}.", rows
            )
        if len(values) != len(op.output or ()):
            value = next(value for i, value in enumerate(op.output) if value in op.output[:i])
            sentence = f"Duplicate value: #{op.index} shows {show(value)} more than once."
            return _invalid([op], "duplicate-value", sentence, rows)
    finals = _finals(answered)
    seen: frozenset[Any] = frozenset().union(*contents)
    for op in finals:
        values = frozenset(op.output or ())
        lost = next((value for value in acknowledged if value not in values), None)
        if lost is not None:
            source = acknowledged[lost]
            loss = f"the final read #{op.index} does not show {show(lost)}, though #{source.index} was acknowledged"
            if lost in seen:
                return _invalid([source, op], "lost-write", f"Lost write: {loss}; other reads showed it.", rows)
            return _invalid([source, op], "never-read", f"Lost write: {loss}; no read ever showed it.", rows)
    if acknowledged and not finals:
        return Decision("unknown", "property", reason="no final read succeeded, so losses cannot be judged")
    return Decision("valid", "property")


def decide_counter(part: History) -> Decision:
    """Counters: a final read is the acknowledged sum plus the sum of some of the increments of unknown outcome.

    An earlier read may miss any increment, but lies between the sums of all the decrements and of all the increments
    that were sent before it ended.
    """
    rows = {int(index): row for row, index in enumerate(part.index)}
    adds = [op for op in part if op.f == "add" and op.status != "fail"]
    answered = [op for op in part if op.f == "read" and op.status == "ok"]
    found = _out_of_bounds(adds, answered)
    if found is not None:
        op, low, high = found
        sentence = (
            f"Wrong count: #{op.index} returned {op.output}, but the sum of what was sent by then lies between {low} "
            f"and {high}."
        )
        return _invalid([op], "wrong-count", sentence, rows)
    sums = _sums(adds)
    if sums is None:
        return Decision("unknown", "property", reason=f"more than {SUMS_MAX:,} sums are possible")
    finals = _finals(answered)
    for op in finals:
        if op.output not in sums:
            bounds = f"{min(sums)}" if len(sums) == 1 else f"one of {len(sums)} sums from {min(sums)} to {max(sums)}"
            sentence = f"Wrong count: the final read #{op.index} returned {op.output}, but it must be {bounds}."
            return _invalid([op], "wrong-count", sentence, rows)
    if not finals:
        return Decision("unknown", "property", reason="no final read succeeded, so the count cannot be judged")
    return Decision("valid", "property")


def _sums(adds: Iterable[Operation]) -> set[int] | None:
    """The values that a counter may show in the end; None if there are too many sums."""
    sums = {sum(op.input for op in adds if op.status == "ok")}
    for op in adds:
        if op.status == "info":
            sums |= {value + op.input for value in sums}
            if len(sums) > SUMS_MAX:
                return None
    return sums


def elements_lacking(ops: Sequence[Operation]) -> Lack:
    """How many acknowledged elements the last answer does not show."""
    acknowledged = frozenset(_acknowledged(ops))

    def lack(answers: Sequence[Operation]) -> int:
        shown = answers[-1].output
        return len(acknowledged.difference(freeze(shown) if isinstance(shown, list | tuple) else ()))

    return lack


def count_lacking(ops: Sequence[Operation]) -> Lack:
    """How far the last answer is from a sum that is allowed."""
    sums = _sums([op for op in ops if op.f == "add" and op.status != "fail"])

    def lack(answers: Sequence[Operation]) -> int:
        shown = answers[-1].output
        if sums is None or not isinstance(shown, int):
            return 0 if sums is None else 1
        return min(abs(shown - value) for value in sums)

    return lack


def _out_of_bounds(adds: list[Operation], answered: list[Operation]) -> tuple[Operation, int, int] | None:
    """A read outside what any of the increments invoked before its end sum to, with the least and greatest sum."""
    low = high = taken = 0
    for op in sorted(answered, key=lambda op: op.ret):
        while taken < len(adds) and adds[taken].call <= op.ret:
            low += min(0, adds[taken].input)
            high += max(0, adds[taken].input)
            taken += 1
        if not low <= op.output <= high:
            return op, low, high
    return None


DECIDERS: dict[str, Callable[[History], Decision]] = {
    "broadcast": decide_elements,
    "g-set": decide_elements,
    "g-counter": decide_counter,
    "pn-counter": decide_counter,
}
LACKING: dict[str, Callable[[Sequence[Operation]], Lack]] = {
    "broadcast": elements_lacking,
    "g-set": elements_lacking,
    "g-counter": count_lacking,
    "pn-counter": count_lacking,
}
