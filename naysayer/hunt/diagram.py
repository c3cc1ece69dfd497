"""The messages of a run as text: a lane for each client and node, an arrow for each message, in order of arrival.

What nodes send again and again (messages sent once more) is shown once and then counted; what clients ask and get is
always shown, and so are the faults. A message that changed its receiver's role, term or commit index says so. The end
is the moment of the violation, with what each node is then; of a long run the last rows before it are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from naysayer.message_text import MessageText
from naysayer.views import ROLE
from targets.node import NodeId, Reply, Request
from targets.simulator.network import MS, Sent
from targets.simulator.traced import Step

LANE = 10
ROWS_MAX = 80
LABEL_MAX = 72

Mark = tuple[float, str]
"""Something that happens beside the messages: its time (ms) and what."""


@dataclass(frozen=True)
class Ending:
    """The moment of the violation (ms), what it is, and what each node is at it, by the names of what is told."""

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
) -> str:
    """At most ROWS_MAX rows and the ending; says what was left out. Messages that did not arrive end in ╳.

    Without an ending it ends with the last answer to a client.
    """
    named = {name for sent in trace for name in (sent.source, sent.dest)}
    if ending is not None:
        named |= ending.states.keys()
    names = sorted(named, key=lambda n: (n[0], len(n), n))
    end_ns = _last_answer_ns(trace) if ending is None else round(ending.at_ms * MS)
    shown = [sent for sent in trace if end_ns is None or _time_ns(sent) <= end_ns]
    rows = _Rows(names, [one for one in changes if end_ns is None or one.step.time_ns <= end_ns])
    for when, what in _in_order(shown, marks, rows.by_timers, end_ns):
        rows.add(when, what)
    rows.repeated()
    lines = rows.lines
    if len(lines) > ROWS_MAX:
        lines = [f"  … {len(lines) - ROWS_MAX} rows before", *lines[-ROWS_MAX:]]
    if ending is not None:
        lines = [*lines, *rows.ending(ending)]
    later = len(trace) - len(shown)
    if later:
        after = "the last answer to a client" if ending is None else "it"
        lines.append(f"  … {later} more {'message' if later == 1 else 'messages'} after {after}")
    return "\n".join(line.rstrip() for line in ["  time ms   " + "".join(f"{name:<{LANE}}" for name in names), *lines])


def _time_ns(sent: Sent) -> int:
    return sent.sent_ns if sent.delivered_ns is None else sent.delivered_ns


def _last_answer_ns(trace: Sequence[Sent]) -> int | None:
    """When the last answer arrives (or request, if none is answered after it)."""
    return max((_time_ns(sent) for sent in trace if isinstance(sent.message, Request | Reply)), default=None)


def _in_order(
    shown: Sequence[Sent], marks: Iterable[Mark], alone: Iterable[Change], end_ns: int | None
) -> list[tuple[int, Sent | Change | str]]:
    """What happens until the end with its time; at the same time faults are first."""
    messages = sorted(shown, key=lambda sent: (_time_ns(sent), sent.sent_ns))
    drawn: list[tuple[int, int, Sent | Change | str]] = [(_time_ns(sent), 1, sent) for sent in messages]
    drawn += [(one.step.time_ns, 2, one) for one in alone]
    struck = [(int(at_ms * 1e6), text) for at_ms, text in marks]
    drawn += [(when, 0, text) for when, text in struck if end_ns is None or when <= end_ns]
    return [(when, what) for when, _, what in sorted(drawn, key=lambda row: row[:2])]


class _Rows:
    def __init__(self, names: Sequence[NodeId], changes: Sequence[Change]) -> None:
        self.lines: list[str] = []
        self._lane = {name: number * LANE for number, name in enumerate(names)}
        self._width = len(names) * LANE
        self._said: set[tuple[str, str, str, bool]] = set()
        self._again = 0
        self._text = MessageText()
        self.by_timers = [one for one in changes if one.step.cause is None]
        """Changes that no message made: by timers, and by starts."""
        self._changed: dict[tuple[NodeId, NodeId, int], list[Change]] = {}
        for one in changes:
            if one.step.cause is not None:
                source, message = one.step.cause
                self._changed.setdefault((source, one.step.node, id(message)), []).append(one)

    def add(self, when_ns: int, what: Sent | Change | str) -> None:
        if isinstance(what, str):
            self.repeated()
            self.lines.append(f"{when_ns / 1e6:9.1f}   {f'── {what} ':─<{self._width}}")
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
        self.lines.append(f"{when_ns / 1e6:9.1f}   {lanes}  {label}")

    def _changed_by(self, sent: Sent) -> str:
        if sent.delivered_ns is None:
            return ""
        steps = self._changed.get((sent.source, sent.dest, id(sent.message)), ())
        return next((one.words for one in steps if sent.delivered_ns <= one.step.time_ns), "")

    def ending(self, ending: Ending) -> list[str]:
        """The moment of the violation, and what each node is then: a row for each thing that is told."""
        mark = f"{ending.at_ms:9.1f}   ━━ {ending.words}"
        told = list(dict.fromkeys(name for state in ending.states.values() for name in state))
        rows = []
        for name in told:
            lanes = [
                f"{_short(ending.states[node].get(name, '-')) if node in ending.states else '':<{LANE}}"
                for node in self._lane
            ]
            rows.append(f"{'':9}   {''.join(lanes)}  {name}")
        return [mark, *rows]

    def repeated(self) -> None:
        """Say how many messages were not shown since the last row."""
        if self._again:
            count = f"{self._again} that were" if self._again > 1 else "one that was"
            self.lines.append(f"        ⋮   {self._dots(None)}  {count} sent before")
            self._again = 0

    def _dots(self, name: NodeId | None) -> str:
        return "".join(f"{'◆' if lane == name else '│':<{LANE}}" for lane in self._lane)

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


def _short(text: str) -> str:
    return text if len(text) < LANE else text[: LANE - 2] + "…"


def change_of(step: Step, before: Mapping[str, str], after: Mapping[str, str]) -> Change | None:
    """The change that a step made, from what its node showed before and after it; None if that is the same.

    The first start of a node is no news either.
    """
    if not step.time_ns:
        return None
    news = {name: text for name, text in after.items() if before.get(name) != text}
    words = [text if name == ROLE else f"{name} {text}" for name, text in news.items()]
    return Change(step, ", ".join(words)) if words else None
