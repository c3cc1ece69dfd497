"""Values and operations as people read them, in one notation everywhere: that of the records, short.

Strings have quotes and lists brackets, as in JSON: "1" is not 1. In place of null stands `nothing`.
"""

from __future__ import annotations

from typing import Any

from checker.history import Operation
from checker.observing import READS
from checker.values import freeze, shown
from naysayer.printable import printable

VALUE_MAX = 40
TRANSACTION_MAX = 200


def value_text(value: Any, length_max: int = VALUE_MAX) -> str:
    """A value: nothing for None, long ones cut in the middle."""
    return "nothing" if value is None else shortened(printable(shown(freeze(value), longest=LONGEST)), length_max)


LONGEST = 100_000
"""No more characters of a value are rendered, before its middle is left out."""


def shortened(text: str, length_max: int) -> str:
    """A text of about that length at most, with its middle left out where it is longer."""
    return text if len(text) <= length_max else f"{text[: length_max // 2]}…{text[-length_max // 4 :]}"


def call_text(op: Operation) -> str:
    """What was asked and answered: `write 1`, `read → 0`, `cas 1→2 refused`, `txn r "x" → [1], append "y" 2`."""
    if op.f == "cas" and isinstance(op.input, tuple) and len(op.input) == 2:
        asked = f"cas {value_text(op.input[0])}→{value_text(op.input[1])}"
        return asked if op.pending or op.output is not False else f"{asked} refused"
    if op.f == "txn" and isinstance(op.input, tuple):
        return f"txn {_steps(op)}"
    asked = op.f if op.input is None else f"{op.f} {value_text(op.input)}"
    answers = op.output is not None or (op.input is None and op.f not in ("acquire", "release", "delete"))
    return f"{asked} → {value_text(op.output)}" if answers and not op.pending else asked


def _steps(op: Operation) -> str:
    """The steps of a transaction: with what its reads found, where that is known."""
    known = op.status == "ok" and isinstance(op.output, tuple)
    steps = op.output if known else op.input
    texts = []
    for step in steps:
        if not isinstance(step, tuple) or len(step) != 3:
            texts.append(value_text(step))
            continue
        f, key, value = step
        reads = str(f).lstrip(":") in READS
        arrow = " →" if reads and known else ""
        found = "" if reads and not known else f" {value_text(value, TRANSACTION_MAX)}"
        texts.append(f"{printable(str(f))} {value_text(key)}{arrow}{found}")
    return shortened(", ".join(texts), TRANSACTION_MAX)
