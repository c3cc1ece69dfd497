"""The few operations that matter, and the faults, on one time axis of characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from checker.history import PENDING, Operation
from naysayer.fault_spans import FaultSpan
from naysayer.notation import call_text, shortened
from naysayer.report.console import Text

BAD = "bold #e69f00"
GOOD = "#56b4e9"
DIM = "grey58"
LABEL = 14
"""Columns before the axis, more where the names of nodes are long."""
AFTER = 16
"""Columns after the axis, for what does not fit into a bar."""
AXIS_MIN = 20
MS = 1_000_000


@dataclass(frozen=True)
class Axis:
    """Maps times (ns) to columns 0..width-1."""

    from_ns: int
    to_ns: int
    width: int
    label: int = LABEL

    def column(self, time_ns: int) -> int:
        span = max(1, self.to_ns - self.from_ns)
        place = (min(max(time_ns, self.from_ns), self.to_ns) - self.from_ns) * (self.width - 1) // span
        return int(place)


def axis_for(operations: Sequence[Operation], screen_width: int) -> Axis:
    """An axis that shows all the operations, with a little room at both ends, and names before it."""
    ends = [op.ret for op in operations if op.ret != PENDING] + [op.call for op in operations]
    first, last = min(op.call for op in operations), max(ends)
    room = max(1, (last - first) // 20)
    widest = max(cell_len(f"{_who(op)} #{op.index:<4}") for op in operations)
    label = max(LABEL, min(widest + 1, screen_width // 3))
    return Axis(first - room, last + 2 * room, max(AXIS_MIN, screen_width - label - AFTER - 2), label)


def scale(axis: Axis, *, ordered_only: bool) -> Text:
    """The row of numbers: ms, or event numbers where there are no times."""
    row = [" "] * (axis.width + 8)
    unit = 1 if ordered_only else MS
    step = _nice((axis.to_ns - axis.from_ns) / unit / 4)
    tick = (axis.from_ns / unit // step + 1) * step
    while tick * unit <= axis.to_ns:
        label = f"{tick:.12g}"  # ticks that follow each other differ, also long after the clock began
        at = axis.column(int(tick * unit))
        if at + len(label) <= axis.width and all(char == " " for char in row[max(0, at - 1) : at + len(label) + 1]):
            row[at : at + len(label)] = label
        tick += step
    name = "event" if ordered_only else "time ms"
    return Text(f"  {name:<{axis.label}}" + "".join(row[: axis.width]).rstrip() + "  →", style=DIM)


def _nice(raw: float) -> float:
    """A round step of 1, 2 or 5 times a power of ten, not below `raw`."""
    power = 1.0
    while power * 10 <= raw:
        power *= 10
    while power > raw:
        power /= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)


def faults(axis: Axis, spans: Sequence[FaultSpan]) -> list[Text]:
    """A row for each fault in force within the axis, at most four."""
    rows = []
    shown = [s for s in spans if s.from_ms * MS <= axis.to_ns and (s.to_ms is None or s.to_ms * MS >= axis.from_ns)]
    for span in shown[:4]:
        left = axis.column(int(span.from_ms * MS))
        right = axis.width - 1 if span.to_ms is None else axis.column(int(span.to_ms * MS))
        label = f" {span.label} "
        body = "▒" * max(1, right - left + 1)
        if len(body) > len(label) + 2:
            body = "▒▒" + label + "▒" * (len(body) - len(label) - 2)
            label = ""
        rows.append(Text(f"  {'nemesis':<{axis.label}}" + _beside(axis, left, body, label.strip()), style=DIM))
    if len(shown) > 4:
        rows.append(Text(f"  {'':<{axis.label}}… and {len(shown) - 4} more faults in this window", style=DIM))
    return rows


def _beside(axis: Axis, left: int, bar: str, text: str, mark: str = "") -> str:
    """A bar that begins in a column, its mark, and the text on the side where there is room, else cut in its middle."""
    after = axis.width + AFTER - left - len(bar) - len(mark) - 1
    if not text or cell_len(text) <= after:
        return " " * left + bar + (f" {text}" if text else "") + mark
    before = left - 1
    if cell_len(text) > before:
        text = shortened(text, max(after, before, 1))
        if after >= before:
            return f"{' ' * left}{bar} {text}{mark}"
    return f"{text:>{before}} {bar}{mark}"


def _who(op: Operation) -> str:
    process = f"p{op.process}" if isinstance(op.process, int) else op.process
    return process + (f"→{op.node}" if op.node else "")


def lane(axis: Axis, op: Operation, culprit: int | None) -> Text:
    """One operation as a bar from call to return, with what it did written in it or beside it."""
    number = f"#{op.index:<4}"
    who = _who(op)
    if cell_len(who) > axis.label - len(number) - 1:
        who = f"{who[: axis.label - len(number) - 2]}…"  # hosts differ at their beginning
    row = Text(f"  {who}{' ' * max(1, axis.label - len(number) - cell_len(who))}{number}")
    left = axis.column(op.call)
    pending = op.ret == PENDING
    right = axis.width - 1 if pending else axis.column(op.ret)
    text = f" {call_text(op)} "
    inner = max(right - left - 1, 0)
    if inner >= cell_len(text) + 2:
        before = (inner - cell_len(text)) // 2
        bar = "├" + "─" * before + text + "─" * (inner - cell_len(text) - before) + ("" if pending else "┤")
        text = ""
    else:
        bar = ("├" + "─" * inner + ("" if pending else "┤")) if right > left else "│"
    style = BAD if op.index == culprit else GOOD
    end = " failed" if op.status == "fail" else " ✗" if op.index == culprit else " ✓"
    row.append(_beside(axis, left, bar, text.strip(), "? unknown" if pending else end), style=style)
    return row
