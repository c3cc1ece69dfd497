"""The messages of a run as text: a lane for each client and node, an arrow for each message, in order of arrival.

What nodes say again and again (heartbeats and their answers, messages sent once more) is shown once and then counted;
what clients ask and get is always shown, and so are the faults. The end is where it goes wrong: of a long run the last
rows are kept, up to the last answer to a client.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from targets.node import Message, NodeId, Reply, Request
from targets.simulator.network import Sent

LANE = 10
ROWS_MAX = 80
LABEL_MAX = 72

NUMBER_MAX = 10**9
"""Larger numbers tell operations apart and mean nothing to a reader: they are numbered again."""

Mark = tuple[float, str]
"""Something that happens beside the messages: its time (ms) and what."""


def diagram(trace: Sequence[Sent], marks: Iterable[Mark] = ()) -> str:
    """At most ROWS_MAX rows; says what was left out. Lost messages end in ╳."""
    names = sorted({name for sent in trace for name in (sent.source, sent.dest)}, key=lambda n: (n[0], len(n), n))
    lane = {name: number * LANE for number, name in enumerate(names)}
    shown, later = _until_last_answer(trace)
    rows = _Rows(lane, len(names) * LANE)
    drawn: list[tuple[int, int, Sent | str]] = [(_time_ns(sent), 1, sent) for sent in shown]
    struck: list[tuple[int, int, Sent | str]] = [(int(at_ms * 1e6), 0, text) for at_ms, text in marks]
    for when, _, what in sorted([*drawn, *struck], key=lambda row: row[:2]):
        if isinstance(what, str):
            rows.mark(when, what)
        else:
            rows.message(when, what)
    rows.chatter()
    lines = rows.lines
    if len(lines) > ROWS_MAX:
        lines = [f"  … {len(lines) - ROWS_MAX} rows before", *lines[-ROWS_MAX:]]
    if later:
        lines.append(f"  … {later} more {'message' if later == 1 else 'messages'} after the last answer to a client")
    return "\n".join(line.rstrip() for line in ["  time ms   " + "".join(f"{name:<{LANE}}" for name in names), *lines])


def _time_ns(sent: Sent) -> int:
    return sent.sent_ns if sent.delivered_ns is None else sent.delivered_ns


def _until_last_answer(trace: Sequence[Sent]) -> tuple[list[Sent], int]:
    """What arrives up to the last answer (or request, if none is answered after it), and how many messages do not."""
    ends = [_time_ns(sent) for sent in trace if isinstance(sent.message, Request | Reply)]
    last = max(ends, default=None)
    shown = [sent for sent in trace if last is None or _time_ns(sent) <= last]
    return sorted(shown, key=lambda sent: (_time_ns(sent), sent.sent_ns)), len(trace) - len(shown)


class _Rows:
    def __init__(self, lane: dict[str, int], width: int) -> None:
        self.lines: list[str] = []
        self._lane = lane
        self._width = width
        self._said: set[tuple[str, str, str, bool]] = set()
        self._again = 0
        self._numbers: dict[int, str] = {}

    def message(self, when_ns: int, sent: Sent) -> None:
        label = self._label(sent)
        said = (sent.source, sent.dest, label, sent.delivered_ns is None)
        if said in self._said and not isinstance(sent.message, Request | Reply):
            self._again += 1
            return
        self._said.add(said)
        self.chatter()
        self.lines.append(f"{when_ns / 1e6:9.1f}   {self._arrow(sent)}  {label}")

    def mark(self, when_ns: int, text: str) -> None:
        self.chatter()
        self.lines.append(f"{when_ns / 1e6:9.1f}   {f'── {text} ':─<{self._width}}")

    def chatter(self) -> None:
        """Tell how many messages were not shown since the last row."""
        if self._again:
            lanes = "".join(f"{'│':<{LANE}}" for _ in self._lane)
            count = f"{self._again} that were" if self._again > 1 else "one that was"
            self.lines.append(f"        ⋮   {lanes}  {count} sent before")
            self._again = 0

    def _arrow(self, sent: Sent) -> str:
        line = ["│" if place in self._lane.values() else " " for place in range(self._width)]
        start, end = self._lane[sent.source], self._lane[sent.dest]
        left, right = min(start, end), max(start, end)
        for place in range(left + 1, right):
            line[place] = "─"
        line[start] = "●"
        if sent.delivered_ns is None:
            line[(start + end) // 2] = "╳"
        elif start != end:
            line[end] = "▶" if end > start else "◀"
        return "".join(line)

    def _label(self, sent: Sent) -> str:
        message = sent.message
        if isinstance(message, Request):
            text = " ".join([message.f, *(self._plain(x) for x in (message.key, message.input) if x is not None)])
        elif isinstance(message, Reply):
            said = message.error if message.status != "ok" else None if message.output is None else message.output
            text = message.status if said is None else f"{message.status}: {self._plain(said)}"
        else:
            text = f"{type(message).__name__} {', '.join(self._fields(message, sent.source))}".rstrip()
        return text if len(text) <= LABEL_MAX else text[: LABEL_MAX - 1] + "…"

    def _fields(self, message: Message, source: NodeId) -> list[str]:
        """What it carries first, then its numbers; without zeros, defaults, ids of requests and who sends it."""
        fields = ((field, getattr(message, field.name)) for field in msgspec.structs.fields(message))
        told = [
            (not isinstance(value, tuple | msgspec.Struct) or hasattr(value, "_fields"), field.name, value)
            for field, value in fields
            if field.name != "request" and value not in (field.default, source, ()) and (value != 0 or value is False)
        ]
        return [f"{name} {self._plain(value)}" for _, name, value in sorted(told, key=lambda one: one[0])]

    def _plain(self, value: Any) -> str:
        if isinstance(value, Request):
            return self._label(Sent(0, None, "", "", value))
        if isinstance(value, msgspec.Struct):
            # a row by its value, an entry of a log by its request: the rest is bookkeeping
            if hasattr(value, "value"):
                return self._plain(value.value)
            request = getattr(value, "request", None)
            return "no-op" if request is None else self._plain(request)
        if isinstance(value, tuple):
            items = [self._plain(item) for item in value]
            return ".".join(items) if hasattr(value, "_fields") else f"({', '.join(items)})"
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= NUMBER_MAX:
            return self._numbers.setdefault(value, f"#{len(self._numbers) + 1}")
        return "nothing" if value is None else str(value)
