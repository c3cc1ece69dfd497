"""The message diagram as SVG: what diagram.py draws with characters, row by row, for pages and slides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from checker.english import counted
from naysayer.hunt.diagram import Change, Ending, Mark, in_order, last_answer_ns, time_ns
from naysayer.message_text import MessageText
from naysayer.printable import printable
from targets.backends.simulator.network import MS, Sent
from targets.protocol.node import NodeId, Reply, Request

ROWS_MAX = 400
LANE = 92
LEFT = 112
"""Where the first lane is."""
WORDS = 420
"""How wide the labels beside the lanes are."""
CHARACTER = 6.6
"""How wide one is, mostly."""
ROW, LINE = 24, 16

templates = Environment(
    loader=PackageLoader("naysayer.hunt"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True)
class _Lane:
    name: str
    x: int


@dataclass(frozen=True)
class _Row:
    kind: str
    """arrow, lost, change, mark or note."""
    y: int
    time: str
    lines: tuple[str, ...]
    x0: int = 0
    x1: int = 0
    way: int = 1


def picture(
    title: str,
    trace: Sequence[Sent],
    marks: Iterable[Mark] = (),
    changes: Sequence[Change] = (),
    ending: Ending | None = None,
    *,
    names: Mapping[NodeId, str] | None = None,
    more: str | None = None,
) -> str:
    """The diagram of these messages; at most ROWS_MAX rows, and it says what was left out. `names`: what lanes are
    called. `more`: what it does not show, in words."""
    places = {name for sent in trace for name in (sent.source, sent.dest)}
    places |= set() if ending is None else ending.states.keys()
    called = {name: (names or {}).get(name, name) for name in places}
    order = sorted(places, key=lambda name: (is_node(name), len(called[name]) if is_node(name) else 0, called[name]))
    lanes = {name: LEFT + number * LANE for number, name in enumerate(order)}
    words = LEFT + (len(order) - 1) * LANE + 24 if order else LEFT
    width = words + WORDS
    end_ns = last_answer_ns(trace) if ending is None else round(ending.at_ms * MS)
    shown = [sent for sent in trace if end_ns is None or time_ns(sent) <= end_ns]
    alone = [one for one in changes if one.step.cause is None and (end_ns is None or one.step.time_ns <= end_ns)]
    caused = [one for one in changes if one.step.cause is not None]
    drawn = in_order(shown, marks, alone, end_ns)
    left_out = max(0, len(drawn) - ROWS_MAX)
    rows: list[_Row] = []
    y = 52
    if left_out:
        rows.append(_Row("note", y, "", (f"… {left_out} rows before",)))
        y += ROW
    text = MessageText()
    for when_ns, what in drawn[left_out:]:
        row = _row(what, when_ns, y, lanes, called, text, caused, width - words - 8, width - 90)
        rows.append(row)
        y += ROW + LINE * (len(row.lines) - 1)
    foot = y - 8
    end = None if ending is None else _ending(ending, y + 4, width)
    y = y if end is None else end["foot"]
    later = len(trace) - len(shown)
    said = [f"{counted(later, 'more message')} after it"] if later else []
    said += [] if more is None else [more]
    notes = [{"y": y + 14 + 17 * number, "text": f"… {text_}"} for number, text_ in enumerate(said)]
    return templates.get_template("diagram.svg.jinja").render(
        title=printable(title),
        width=width,
        height=y + 12 + 17 * len(notes),
        foot=foot,
        lanes=[_Lane(printable(called[name]), x) for name, x in lanes.items()],
        rows=rows,
        words=words,
        ending=end,
        notes=notes,
    )


def _row(
    what: Sent | Change | str,
    when_ns: int,
    y: int,
    lanes: Mapping[NodeId, int],
    called: Mapping[NodeId, str],
    text: MessageText,
    caused: Sequence[Change],
    room: int,
    whole: int,
) -> _Row:
    time = f"{when_ns / MS:,.1f}"
    if isinstance(what, str):
        return _Row("mark", y, time, _wrapped(what, whole))
    if isinstance(what, Change):
        x = lanes.get(what.step.node, LEFT)
        return _Row("change", y, time, _wrapped(f"{called.get(what.step.node, what.step.node)}: {what.words}", room), x)
    label = text.whole(what.message, what.source)
    news = next((one.words for one in caused if _made(one, what)), "")
    lines = _wrapped(f"{label}  ⇒ {called[what.dest]}: {news}" if news else label, room)
    x0, x1 = lanes[what.source], lanes[what.dest]
    if what.delivered_ns is None:
        return _Row("lost", y, time, lines, x0, (x0 + x1) // 2)
    return _Row("arrow", y, time, lines, x0, x1, 1 if x1 >= x0 else -1)


def is_node(name: NodeId) -> bool:
    """Whether a lane is a node's rather than a client's."""
    return name[:1] == "n" and name[1:].isdigit()


def _made(change: Change, sent: Sent) -> bool:
    """Whether a message made this change."""
    cause = change.step.cause
    arrived = sent.delivered_ns
    return (
        cause is not None
        and arrived is not None
        and cause[1] is sent.message
        and change.step.node == sent.dest
        and arrived <= change.step.time_ns
        and not isinstance(sent.message, Request | Reply)
    )


def _wrapped(words: str, pixels: int) -> tuple[str, ...]:
    return tuple(wrap(printable(words), max(20, int(pixels / CHARACTER)))) or ("",)


def _ending(ending: Ending, y: int, width: int) -> dict[str, Any]:
    lines = _wrapped(ending.words, width - 74)
    below = y + 20 + 17 * len(lines) + 2
    states = [
        {"node": node, "text": printable(", ".join(f"{name} {value}" for name, value in state.items())), "y": at}
        for (node, state), at in zip(ending.states.items(), range(below, 1 << 30, 17), strict=False)
    ]
    foot = below + 17 * len(states)
    return {"y": y, "time": f"{ending.at_ms:,.1f}", "lines": lines, "states": states, "foot": foot}
