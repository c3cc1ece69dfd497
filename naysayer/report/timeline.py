"""The few operations that matter, and the faults, on one time axis of characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checker.history import PENDING, Operation
from naysayer.report.console import Text
from naysayer.report.story import FaultSpan
from naysayer.report.words import call_text

BAD = "bold #e69f00"
GOOD = "#56b4e9"
DIM = "grey58"
LABEL = 14
MS = 1_000_000


@dataclass(frozen=True)
class Axis:
    """Maps times (ns) to columns 0..width-1."""

    from_ns: int
    to_ns: int
    width: int

    def column(self, time_ns: int) -> int:
        span = max(1, self.to_ns - self.from_ns)
        place = (min(max(time_ns, self.from_ns), self.to_ns) - self.from_ns) * (self.width - 1) // span
        return int(place)


def axis_for(operations: Sequence[Operation], width: int) -> Axis:
    """An axis that shows all the operations, with a little room at both ends."""
    ends = [op.ret for op in operations if op.ret != PENDING] + [op.call for op in operations]
    first, last = min(op.call for op in operations), max(ends)
    room = max(1, (last - first) // 20)
    return Axis(first - room, last + 2 * room, width)


def scale(axis: Axis, *, ordered_only: bool) -> Text:
    """The row of numbers: ms, or event numbers where there are no times."""
    row = [" "] * (axis.width + 8)
    unit = 1 if ordered_only else MS
    step = _nice((axis.to_ns - axis.from_ns) / unit / 4)
    tick = (axis.from_ns / unit // step + 1) * step
    while tick * unit <= axis.to_ns:
        label = f"{tick:g}"
        at = axis.column(int(tick * unit))
        if at + len(label) <= axis.width and all(char == " " for char in row[max(0, at - 1) : at + len(label) + 1]):
            row[at : at + len(label)] = label
        tick += step
    name = "event" if ordered_only else "time ms"
    return Text(f"  {name:<{LABEL}}" + "".join(row[: axis.width]).rstrip() + "  →", style=DIM)


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
            rows.append(Text(f"  {'nemesis':<{LABEL}}" + " " * left + body, style=DIM))
        elif left > len(label):
            rows.append(Text(f"  {'nemesis':<{LABEL}}" + f"{label:>{left}}" + body, style=DIM))
        else:
            rows.append(Text(f"  {'nemesis':<{LABEL}}" + " " * left + body + label.rstrip(), style=DIM))
    if len(shown) > 4:
        rows.append(Text(f"  {'':<{LABEL}}… and {len(shown) - 4} more faults in this window", style=DIM))
    return rows


def lane(axis: Axis, op: Operation, culprit: int | None) -> Text:
    """One operation as a bar from call to return, with what it did written in it."""
    where = f"p{op.process}" + (f"→{op.node}" if op.node else "")
    row = Text(f"  {where:<{LABEL - 5}}#{op.index:<4}")
    left = axis.column(op.call)
    pending = op.ret == PENDING
    right = axis.width - 1 if pending else axis.column(op.ret)
    text = f" {call_text(op)} "
    inner = max(right - left - 1, 0)
    if inner >= len(text) + 2:
        before = (inner - len(text)) // 2
        bar = "├" + "─" * before + text + "─" * (inner - len(text) - before) + ("" if pending else "┤")
    else:
        bar = ("├" + "─" * inner + ("" if pending else "┤")) if right > left else "│"
        bar += text.rstrip()
    style = BAD if op.index == culprit else GOOD
    row.append(" " * left)
    row.append(bar, style=style)
    row.append("? unknown" if pending else " ✗" if op.index == culprit else " ✓", style=style)
    return row
