"""The messages of a run as text: a lane for each client and node, an arrow for each message, in order of arrival.

What nodes send again and again (messages sent once more) is shown once and then counted; what clients ask and get is
always shown, and so are the faults. A message that changed its receiver's role, term or commit index says so. The end
is the violation, with the state of each node at that time; of a long run the last rows before it are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from checker.english import counted
from naysayer.message_text import MessageText
from naysayer.views import ROLE
from targets.backends.simulator.network import MS, Sent
from targets.backends.simulator.traced import Step
from targets.protocol.node import NodeId, Reply, Request

LANES = (10, 8, 6, 5)
"""How wide a lane may be: the widest that leaves room for labels."""

ROWS_MAX = 80
LABEL_MAX = 72

LABEL_MIN = 24
"""Labels get so many columns at least, or else rows of their own."""

BEFORE = 12
"""Columns before the lanes, for the time."""

Mark = tuple[float, str]
"""Something that happens beside the messages: its time (ms) and what."""


@dataclass(frozen=True)
class Ending:
    """The time of the violation (ms), what it is, and the state of each node then, by the names of its fields."""

    at_ms: float
    words: str
    states: Mapping[NodeId, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A step by which a node's role, term or commit index changed, in words."""

    step: Step
    words: str


def diagram(
    trace: Sequence[Sent],
    marks: Iterable[Mark] = (),
    changes: Sequence[Change] = (),
    ending: Ending | None = None,
    width: int | None = None,
) -> str:
    """At most ROWS_MAX rows and the ending; says what was left out. Messages that did not arrive end in ╳.

    Without an ending it ends with the last answer to a client. With a `width` (columns) no row is longer.
    """
    named = {name for sent in trace for name in (sent.source, sent.dest)}
    if ending is not None:
        named |= ending.states.keys()
    names = sorted(named, key=lambda n: (n[0], len(n), n))
    end_ns = last_answer_ns(trace) if ending is None else round(ending.at_ms * MS)
    shown = [sent for sent in trace if end_ns is None or time_ns(sent) <= end_ns]
    rows = _Rows(names, [one for one in changes if end_ns is None or one.step.time_ns <= end_ns], width)
    for when, what in in_order(shown, marks, rows.by_timers, end_ns):
        rows.add(when, what)
    rows.repeated()
    lines = [line for row in rows.rows[-ROWS_MAX:] for line in row]
    if len(rows.rows) > ROWS_MAX:
        lines.insert(0, f"  … {len(rows.rows) - ROWS_MAX} rows before")
    if ending is not None:
        lines = [*lines, *rows.ending(ending)]
    later = len(trace) - len(shown)
    if later:
        after = "the last answer to a client" if ending is None else "it"
        lines.append(f"  … {counted(later, 'more message')} after {after}")
    head = "  time ms   " + "".join(f"{name:<{rows.lane}}" for name in names)
    return "\n".join(line.rstrip() for line in [head, *lines])


def time_ns(sent: Sent) -> int:
    """When a message is drawn: when it arrives, or, if it does not, when it was sent."""
    return sent.sent_ns if sent.delivered_ns is None else sent.delivered_ns


def last_answer_ns(trace: Sequence[Sent]) -> int | None:
    """When the last answer arrives (or request, if none is answered after it)."""
    return max((time_ns(sent) for sent in trace if isinstance(sent.message, Request | Reply)), default=None)


def in_order(
    shown: Sequence[Sent], marks: Iterable[Mark], alone: Iterable[Change], end_ns: int | None
) -> list[tuple[int, Sent | Change | str]]:
    """What happens until the end with its time; at the same time faults are first."""
    messages = sorted(shown, key=lambda sent: (time_ns(sent), sent.sent_ns))
    drawn: list[tuple[int, int, Sent | Change | str]] = [(time_ns(sent), 1, sent) for sent in messages]
    drawn += [(one.step.time_ns, 2, one) for one in alone]
    injected = [(int(at_ms * 1e6), text) for at_ms, text in marks]
    drawn += [(when, 0, text) for when, text in injected if end_ns is None or when <= end_ns]
    return [(when, what) for when, _, what in sorted(drawn, key=lambda row: row[:2])]


class _Rows:
    def __init__(self, names: Sequence[NodeId], changes: Sequence[Change], width: int | None) -> None:
        self.rows: list[list[str]] = []
        """Each with its lines: a label that is too long goes on under its beginning."""
        self.lane = LANES[0] if width is None else _lane(len(names), width)
        self._lane = {name: number * self.lane for number, name in enumerate(names)}
        self._width = len(names) * self.lane
        self._columns = width
        self._said: set[tuple[str, str, str, bool]] = set()
        self._again = 0
        self._text = MessageText()
        self.by_timers = [one for one in changes if one.step.cause is None]
        """Changes that no message made: by timers, and by starts."""
        self._changed: dict[tuple[NodeId, int], list[Change]] = {}
        for one in changes:
            if one.step.cause is not None:
                self._changed.setdefault((one.step.node, id(one.step.cause[1])), []).append(one)

    def add(self, when_ns: int, what: Sent | Change | str) -> None:
        if isinstance(what, str):
            self.repeated()
            mark = f"── {what} "
            self.rows.append(self._wrapped(f"{when_ns / 1e6:9.1f}   ", f"{mark:─<{self._width}}", BEFORE))
        elif isinstance(what, Change):
            self.repeated()
            self._row(when_ns, self._dots(what.step.node), f"{what.step.node}: {what.words}")
        else:
            self._message(when_ns, what)

    def _message(self, when_ns: int, sent: Sent) -> None:
        label = self._text.whole(sent.message, sent.source)
        label = label if len(label) <= LABEL_MAX else label[: LABEL_MAX - 1] + "…"
        changed = self._changed_by(sent)
        said = (sent.source, sent.dest, label, sent.delivered_ns is None)
        if said in self._said and not changed and not isinstance(sent.message, Request | Reply):
            self._again += 1
            return
        self._said.add(said)
        self.repeated()
        self._row(when_ns, self._arrow(sent), label + (f"  ⇒ {sent.dest}: {changed}" if changed else ""))

    def _row(self, when_ns: int, lanes: str, label: str) -> None:
        self.rows.append(self._labelled(f"{when_ns / 1e6:9.1f}   {lanes}  ", label))

    def _labelled(self, row: str, label: str) -> list[str]:
        """A row with its label beside it, which goes on beside the lanes; or under it, where there is no room."""
        if self._columns is None or self._columns - len(row) >= min(LABEL_MIN, len(label)):
            more = f"{'':{BEFORE}}{self._dots(None)}  "
            return self._wrapped(row, label, len(row), more)
        return [row, *self._wrapped(" " * BEFORE, label, BEFORE)]

    def _wrapped(self, begin: str, text: str, indent: int, more: str | None = None) -> list[str]:
        if self._columns is None or len(begin) + len(text) <= self._columns:
            return [begin + text]
        pieces = wrap(text, max(self._columns - indent, 10))
        return [begin + pieces[0], *((more or " " * indent) + piece for piece in pieces[1:])]

    def _changed_by(self, sent: Sent) -> str:
        if sent.delivered_ns is None:
            return ""
        steps = self._changed.get((sent.dest, id(sent.message)), ())
        return next((one.words for one in steps if sent.delivered_ns <= one.step.time_ns), "")

    def ending(self, ending: Ending) -> list[str]:
        """The violation, and the state of each node at that time: a row for each field."""
        lines = self._wrapped(f"{ending.at_ms:9.1f}   ", f"━━ {ending.words}", BEFORE)
        for name in dict.fromkeys(name for state in ending.states.values() for name in state):
            texts = {node: state.get(name, "-") for node, state in ending.states.items()}
            if max(map(len, texts.values())) < self.lane:
                lanes = "".join(f"{texts.get(node, ''):<{self.lane}}" for node in self._lane)
                lines += self._labelled(f"{'':{BEFORE}}{lanes}  ", name)
            else:
                states = ", ".join(f"{node} {text}" for node, text in texts.items())
                lines += self._wrapped(" " * BEFORE, f"{name}: {states}", BEFORE)
        return lines

    def repeated(self) -> None:
        """Say how many messages were not shown since the last row."""
        if self._again:
            count = f"{self._again} that were" if self._again > 1 else "one that was"
            self.rows.append(self._labelled(f"        ⋮   {self._dots(None)}  ", f"{count} sent before"))
            self._again = 0

    def _dots(self, name: NodeId | None) -> str:
        return "".join(f"{'◆' if lane == name else '│':<{self.lane}}" for lane in self._lane)

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


def _lane(lanes: int, width: int) -> int:
    """The widest lane that leaves room for labels, else the narrowest."""
    return next((lane for lane in LANES if BEFORE + lanes * lane + 2 + LABEL_MIN <= width), LANES[-1])


def change_of(step: Step, before: Mapping[str, str], after: Mapping[str, str]) -> Change | None:
    """The change that a step made, from what its node showed before and after it; None if that is the same.

    The first start of a node is no news either.
    """
    if not step.time_ns:
        return None
    news = {name: text for name, text in after.items() if before.get(name) != text}
    words = [text if name == ROLE else f"{name} {text}" for name, text in news.items()]
    return Change(step, ", ".join(words)) if words else None
