"""The messages of a traced run as columns: those of the failing window and of the operations that matter, all of a
short run; and how many were sent and lost over the whole.

Each has its operation, and the fault that lost it, held it back or delayed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from checker.history import History
from naysayer.exchanges import by_operation
from naysayer.message_text import MessageText
from naysayer.notation import shortened, value_text
from naysayer.page.columns import Numbers
from naysayer.page.faults import FaultRow
from naysayer.page.operations import Clock
from naysayer.page.templates import NUMBERS, Templates
from naysayer.simulate import Run, client_name
from targets.backends.simulator.network import MS, Sent
from targets.protocol.fault import Fault, Hold
from targets.protocol.node import Message, Reply, Request

MESSAGES_MAX = 800
"""So many messages are kept, or a third as many as there are operations, if that is more."""

TEXT_MAX = 72
BINS = 400

LOST, HELD, MISSED = -1, -2, -3
"""In place of the time that it took: lost, still held back, arrived at a node that was down."""


@dataclass(frozen=True)
class Traffic:
    """Messages of the page, with the row of their operation in the history; None: of none, or not known."""

    messages: list[tuple[Sent, int | None]]
    header: dict[str, Any]
    columns: dict[str, Numbers]
    cut: int = 0


def traffic_of(
    run: Run,
    history: History,
    clock: Clock,
    *,
    faults: Sequence[tuple[FaultRow, Fault]],
    clients: int,
    window: Sequence[int] | None,
    matter: Sequence[int],
) -> Traffic:
    """`window`: the ticks of the operations that matter, `matter`: their rows."""
    trace = run.trace or []
    rows = rows_by_message(trace, history)
    chosen, cut = _chosen(trace, rows, clock, window, set(matter), max(MESSAGES_MAX, len(history) // 3))
    names: dict[str, int] = {}
    kinds: dict[str, int] = {}
    texts = Templates()
    values: dict[str, int] = {"": 0}
    words = MessageText()
    numbers = {fault_key: number for number, fault_key in enumerate((row.from_ms, fault) for row, fault in faults)}
    found: list[tuple[int, ...]] = []
    for sent in chosen:
        kind = type(sent.message).__name__
        text = words.whole(sent.message, sent.source).removeprefix(kind).strip()
        value = value_of(sent.message)
        found.append(
            (
                clock.ticks(sent.sent_ns),
                _took(sent, run, clock),
                names.setdefault(_lane(sent.source, clients), len(names)),
                names.setdefault(_lane(sent.dest, clients), len(names)),
                kinds.setdefault(kind, len(kinds)),
                *texts.packed(shortened(text, TEXT_MAX)),
                values.setdefault(value or "", len(values)),
                rows.get(id(sent), -1),
                -1 if sent.by is None else _number_of(sent, numbers),
                int(isinstance(sent.by, Hold)),
            )
        )
    table = np.array(found, dtype=np.int64).reshape(len(found), len(COLUMNS))
    columns = {name: table[:, place] for place, name in enumerate(COLUMNS)}
    columns |= _density(trace, clock)
    until = clock.ticks(run.virtual_ms * MS)
    header = {
        "names": list(names),
        "kinds": list(kinds),
        "texts": list(texts.texts),
        "values": list(values),
        "total": len(trace),
        "lost": sum(sent.delivered_ns is None for sent in trace),
        "until": min(until, clock.end),
        "cut": cut,
    }
    return Traffic([(sent, rows.get(id(sent))) for sent in chosen], header, columns, cut)


COLUMNS = (
    *("m_sent", "m_took", "m_from", "m_to", "m_kind", "m_text", *(f"m_text{number}" for number in range(NUMBERS))),
    *("m_value", "m_op", "m_by", "m_held"),
)


def rows_by_message(trace: Sequence[Sent], history: History) -> dict[int, int]:
    """By the identity of a message of the trace, the row of its operation."""
    last_ns = max((sent.sent_ns for sent in trace), default=-1)
    begun = np.flatnonzero(history.call <= last_ns)
    processes = history.tables.process.values
    called = {(int(history.call[row]), f"c{processes[history.process[row]]}"): int(row) for row in begun.tolist()}
    by_id = {}
    for sent in trace:
        if isinstance(sent.message, Request) and (row := called.get((sent.sent_ns, sent.message.client))) is not None:
            by_id[sent.message.id] = row
    found: dict[int, int] = {}
    for request, messages in by_operation(trace).items():
        if request in by_id:
            for sent in messages:
                found.setdefault(id(sent), by_id[request])
    return found


def value_of(message: Message) -> str | None:
    """The value that a message carries, in words; None for none."""
    if isinstance(message, Reply):
        return None if message.output is None else value_text(message.output)
    if isinstance(message, Request):
        return None if message.input is None or message.f == "cas" else value_text(message.input)
    return value_text(message.value) if hasattr(message, "value") and message.content() != "no value" else None


def _chosen(
    trace: Sequence[Sent],
    rows: Mapping[int, int],
    clock: Clock,
    window: Sequence[int] | None,
    matter: set[int],
    most: int,
) -> tuple[list[Sent], int]:
    """The messages to keep, in order of sending, and how many of the window are left out."""
    ordered = sorted(trace, key=lambda sent: sent.sent_ns)
    if len(ordered) <= most:
        return ordered, 0
    if window is None:
        return [], len(ordered)
    room = max(1, (window[1] - window[0]) // 10)
    first, last = window[0] - room, window[1] + room
    mine = [sent for sent in ordered if rows.get(id(sent)) in matter]
    named = {id(sent) for sent in mine}
    near = []
    for sent in ordered:
        ends = last if sent.delivered_ns is None and isinstance(sent.by, Hold) else clock.ticks(_end_ns(sent))
        if id(sent) not in named and clock.ticks(sent.sent_ns) <= last and ends >= first:
            near.append(sent)
    left = max(0, most - len(mine))
    middle = (first + 3 * last) // 4  # it goes wrong near the end
    near.sort(key=lambda sent: abs(clock.ticks(sent.sent_ns) - middle))
    return sorted([*mine, *near[:left]], key=lambda sent: sent.sent_ns), max(0, len(near) - left)


def _end_ns(sent: Sent) -> int:
    return sent.sent_ns if sent.delivered_ns is None else sent.delivered_ns


def _took(sent: Sent, run: Run, clock: Clock) -> int:
    """The ticks from sending to arrival."""
    if sent.delivered_ns is None:
        return HELD if isinstance(sent.by, Hold) else LOST
    if (sent.delivered_ns, sent.source, sent.dest) in run.record.missed:
        return MISSED
    return clock.ticks(sent.delivered_ns) - clock.ticks(sent.sent_ns)


def _lane(name: str, clients: int) -> str:
    """A client by the name of its lane."""
    return client_name(clients, name).replace("c", "p", 1) if name[0] == "c" and name[1:].isdigit() else name


def _number_of(sent: Sent, numbers: Mapping[tuple[float, Fault], int]) -> int:
    """The row of the fault that did something to a message: the latest that had begun by then."""
    begun = [(from_ms, number) for (from_ms, fault), number in numbers.items() if fault == sent.by]
    end_ns = max(sent.sent_ns, sent.delivered_ns or 0)
    return max(((from_ms, number) for from_ms, number in begun if from_ms * MS <= end_ns), default=(0, -1))[1]


def _density(trace: Sequence[Sent], clock: Clock) -> dict[str, Numbers]:
    """How many messages between nodes were sent, and lost, in each of BINS stretches of the run."""
    between = [sent for sent in trace if not isinstance(sent.message, Request | Reply)]
    sent = np.array([clock.ticks(one.sent_ns) for one in between], dtype=np.int64)
    lost = np.array([one.delivered_ns is None for one in between], dtype=bool)
    size = max(1, -(-(clock.end + 1) // BINS))
    place = np.clip(sent // size, 0, BINS - 1)
    return {
        "d_sent": np.bincount(place, minlength=BINS).astype(np.int64),
        "d_lost": np.bincount(place[lost], minlength=BINS).astype(np.int64),
    }
