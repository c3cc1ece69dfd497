"""The two properties that need no order: an echo repeats what it was sent, an id generator never repeats itself."""

from __future__ import annotations

from typing import Any

from checker.history import OK, History
from checker.values import shown
from checker.verdict import Decision, Explanation


def _violation(rows: tuple[int, ...], kind: str, sentence: str, culprit: int) -> Decision:
    return Decision("invalid", "property", counterexample=rows, explanation=Explanation(kind, sentence, (), culprit))


def decide_echo(part: History) -> Decision:
    """Every `echo` that ended ok returned its input."""
    for row in range(len(part)):
        if part.status[row] == OK and part.input[row] != part.output[row]:
            op = part[row]
            exchange = f"#{op.index} sent {shown(op.input)} and got {shown(op.output)} back"
            return _violation((row,), "wrong-echo", f"Wrong echo: {exchange}.", op.index)
    return Decision("valid", "property")


def decide_unique_ids(part: History) -> Decision:
    """No two `generate` that ended ok returned the same id."""
    seen: dict[Any, int] = {}
    for row in range(len(part)):
        if part.status[row] != OK:
            continue
        code = int(part.output[row])
        if code in seen:
            first, op = part[seen[code]], part[row]
            sentence = f"Duplicate id: #{op.index} was given {shown(op.output)}, which #{first.index} already had."
            return _violation((seen[code], row), "duplicate-id", sentence, op.index)
        seen[code] = row
    return Decision("valid", "property")


DECIDERS = {"echo": decide_echo, "unique-ids": decide_unique_ids}
