"""Broadcast, grow-only sets and counters: what final reads must show once all faults are healed.

A read is final if its input is "final" (the workloads' last round). Before that a replica may know anything that was
sent by then; nothing that was never sent. An `add` or `broadcast` that ended info may show or not; one that failed
must not.
"""

from __future__ import annotations

from collections.abc import Callable

from checker.history import History, Operation, freeze
from checker.verdict import Decision, Explanation

FINAL = "final"


def _invalid(ops: list[Operation], kind: str, sentence: str, rows: dict[int, int]) -> Decision:
    chosen = tuple(rows[op.index] for op in ops)
    return Decision(
        "invalid", "property", counterexample=chosen, explanation=Explanation(kind, sentence, (), ops[-1].index)
    )


def decide_elements(part: History) -> Decision:
    """Sets: every acknowledged element is in every final read, and no read has an element that nobody sent."""
    rows = {int(index): row for row, index in enumerate(part.index)}
    ops = list(part)
    sent = {op.input: op for op in ops if op.f in ("add", "broadcast")}
    acknowledged = {value: op for value, op in sent.items() if op.status == "ok"}
    finals = 0
    for op in ops:
        if op.f != "read" or op.status != "ok":
            continue
        shown = set(freeze(op.output or ()))
        for value in op.output or ():
            source = sent.get(value)
            if source is None or source.status == "fail" or source.call > op.ret:
                why = "which nobody had sent" if source is None else f"though #{source.index} had not sent it"
                ops_shown = [op] if source is None else [source, op]
                return _invalid(ops_shown, "phantom-value", f"Phantom: #{op.index} shows {value!r}, {why}.", rows)
        if op.input == FINAL:
            finals += 1
            for value, source in acknowledged.items():
                if value not in shown:
                    sentence = (
                        f"Lost: the final read #{op.index} lacks {value!r}, which #{source.index} was told is stored."
                    )
                    return _invalid([source, op], "lost-write", sentence, rows)
    if acknowledged and not finals:
        return Decision("unknown", "property", reason="no final read succeeded: nothing can be said of losses")
    return Decision("valid", "property")


def decide_counter(part: History) -> Decision:
    """Counters: a final read is the acknowledged sum plus the sum of some of the increments of unknown outcome."""
    rows = {int(index): row for row, index in enumerate(part.index)}
    ops = list(part)
    base = sum(op.input for op in ops if op.f == "add" and op.status == "ok")
    sums = {base}
    for op in ops:
        if op.f == "add" and op.status == "info":
            sums |= {value + op.input for value in sums}
            if len(sums) > 1_000_000:
                return Decision("unknown", "property", reason="more than 1,000,000 sums are possible")
    finals = [op for op in ops if op.f == "read" and op.status == "ok" and op.input == FINAL]
    for op in finals:
        if op.output not in sums:
            bounds = f"{base}" if len(sums) == 1 else f"one of {len(sums)} sums from {min(sums)} to {max(sums)}"
            sentence = f"Wrong count: the final read #{op.index} returned {op.output}, but it must be {bounds}."
            return _invalid([op], "wrong-count", sentence, rows)
    if not finals:
        return Decision("unknown", "property", reason="no final read succeeded, so nothing can be said of the count")
    return Decision("valid", "property")


DECIDERS: dict[str, Callable[[History], Decision]] = {
    "broadcast": decide_elements,
    "g-set": decide_elements,
    "g-counter": decide_counter,
    "pn-counter": decide_counter,
}
