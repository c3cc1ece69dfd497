"""The messages of a traced run as columns: those of the failing window and of the operations that matter, all of a
short run; and how many were sent and lost over the whole.

Each has its operation, and the fault that lost it, held it back or delayed it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from checker.history import History
from naysayer.exchanges import by_operation
from naysayer.kept import EARLY_NS, Kept, Read, kept_messages
from naysayer.message_text import MessageText, Plain
from naysayer.notation import shortened, value_text
from naysayer.page.columns import Numbers
from naysayer.page.faults import FaultRow
from naysayer.page.operations import Clock
from naysayer.page.templates import NUMBERS, Templates
from naysayer.simulate import Run, client_name
from targets.backends.simulator.network import MS, Sent
from targets.protocol.fault import Cut, Degrade, Fault, Hold
from targets.protocol.fault_messages import DelayMessages, DuplicateMessages, LoseMessages
from targets.protocol.node import Message, Reply, Request

MESSAGES_MAX = 800
"""So many messages are kept, or a third as many as there are operations, if that is more."""

TEXT_MAX = 72

AROUND_NS = 50 * MS
"""Of a real run messages are shown from so long before the operations that matter to so long after them."""

READ_MAX = 100_000
"""No more messages of a real run are read."""

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


@dataclass(frozen=True)
class Trace:
    """The messages of a run, by their identity the rows of their operations, what arrived at nodes that were down, and
    the time up to which it is known (ns)."""

    sent: Sequence[Sent]
    rows: Mapping[int, int]
    missed: Collection[tuple[int, str, str]]
    until_ns: float


def trace_of_run(run: Run, history: History) -> Trace:
    """The trace of a traced run."""
    trace = run.trace or []
    return Trace(trace, rows_by_message(trace, history), run.record.missed, run.virtual_ms * MS)


def trace_of_file(
    file: Path,
    history: History,
    window_ns: tuple[int, int] | None,
    faults: Sequence[tuple[FaultRow, Fault]] = (),
    read: Read | None = None,
) -> Trace:
    """The messages of a real run that were kept, around the operations that matter if there are any. Those of clients
    belong to the operation that the client was carrying out; of those of nodes it is known only where they are a
    target's of ours (`read` makes messages of their bodies)."""
    first_ns, last_ns = (None, None) if window_ns is None else (window_ns[0] - AROUND_NS, window_ns[1] + AROUND_NS)
    calls: dict[str, list[tuple[int, int]]] = {}
    processes = history.tables.process.values
    for row, (call, process) in enumerate(zip(history.call.tolist(), history.process.tolist(), strict=True)):
        calls.setdefault(f"c{processes[process]}", []).append((call, row))
    trace: list[Sent] = []
    rows: dict[int, int] = {}
    for one in islice(kept_messages(file, first_ns, last_ns), READ_MAX):
        sent = _with_fault(one, one.sent(read), faults)
        trace.append(sent)
        mine = calls.get(one.source if one.source.startswith("c") else one.dest, [])
        at = bisect_right(mine, (one.time_ns + EARLY_NS, len(history)))
        if one.of_client and at:
            rows[id(sent)] = mine[at - 1][1]
    if read is not None:
        asked = {sent.message.id: rows.get(id(sent)) for sent in trace if isinstance(sent.message, Request)}
        for request, messages in by_operation(trace).items():
            place = asked.get(request)
            if place is not None:
                rows.update({id(sent): place for sent in messages})
    return Trace(trace, rows, frozenset(), max((one.sent_ns for one in trace), default=0))


def _with_fault(one: Kept, sent: Sent, faults: Sequence[tuple[FaultRow, Fault]]) -> Sent:
    """The message with the fault of its link that was in force and does what was done to it, and when it was released.
    As in Links.plan the first such fault counts."""
    wanted: tuple[type[Fault], ...]
    if one.held:
        wanted = (Hold,)
    elif one.lost:
        wanted = (Cut, LoseMessages, Degrade)
    elif one.delay_ms:
        wanted = (DelayMessages, DuplicateMessages, Degrade)
    else:
        return sent
    time_ms, link = one.time_ns / MS, (one.source, one.dest)
    for row, fault in faults:
        end_ms = inf if row.to_ms is None else row.to_ms
        if row.from_ms <= time_ms <= end_ms and isinstance(fault, wanted) and link in fault.bad_links():
            arrives = round(end_ms * MS) if one.held and end_ms < inf else sent.delivered_ns
            return sent._replace(by=fault, delivered_ns=arrives)
    return sent


def traffic_of(
    known: Trace,
    history: History,
    clock: Clock,
    *,
    faults: Sequence[tuple[FaultRow, Fault]],
    clients: int | None,
    window: Sequence[int] | None,
    matter: Sequence[int],
) -> Traffic:
    """`window`: the ticks of the operations that matter, `matter`: their rows."""
    trace, rows = known.sent, known.rows
    chosen, cut = _chosen(trace, rows, clock, window, set(matter), max(MESSAGES_MAX, len(history) // 3))
    names: dict[str, int] = {}
    kinds: dict[str, int] = {}
    texts = Templates()
    values: dict[str, int] = {"": 0}
    words = MessageText()
    numbers = {fault_key: number for number, fault_key in enumerate((row.from_ms, fault) for row, fault in faults)}
    found: list[tuple[int, ...]] = []
    for sent in chosen:
        whole = words.whole(sent.message, sent.source)
        kind = whole.partition(" ")[0] if isinstance(sent.message, Plain) else type(sent.message).__name__
        text = whole.removeprefix(kind).strip()
        value = value_of(sent.message)
        found.append(
            (
                clock.ticks(sent.sent_ns),
                _took(sent, known, clock),
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
    until = clock.ticks(known.until_ns)
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
    if window is None:  # of a run without a violation the beginning
        return ordered[:most], len(ordered) - most
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


def _took(sent: Sent, known: Trace, clock: Clock) -> int:
    """The ticks from sending to arrival."""
    if sent.delivered_ns is None:
        return HELD if isinstance(sent.by, Hold) else LOST
    if (sent.delivered_ns, sent.source, sent.dest) in known.missed:
        return MISSED
    return clock.ticks(sent.delivered_ns) - clock.ticks(sent.sent_ns)


def _lane(name: str, clients: int | None) -> str:
    """A client by the name of its lane."""
    if name[:1] != "c" or not name[1:].isdigit():
        return name
    return (client_name(clients, name) if clients else name).replace("c", "p", 1)


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
