"""The state of a run after an event: what every node holds, what is durable, timers, messages under way and held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from naysayer.explorer.durable import after_power_loss
from naysayer.explorer.replay import Replay
from naysayer.explorer.words import Words
from naysayer.notation import value_text
from naysayer.simulate import client_name
from naysayer.views import STANDING, TABLES, held
from targets.backends.simulator.host import Host
from targets.backends.simulator.network import MS
from targets.protocol.node import LogCell, Node, NodeId

CELLS_MAX = 24
"""So many of the last entries of a log are shown."""

FIELD_MAX = 60
"""Characters of a field's value."""


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a node shows of itself."""

    name: str
    text: str
    changed: bool = False
    """By the last event."""
    after_loss: str | None = None
    """What would be left of it after a power loss, where that is something else."""
    of_key: bool = False
    """Whether the name is a key and the text its value."""


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of a log."""

    slot: int
    term: int
    text: str
    committed: bool
    durable: bool
    operation: int | None = None


class Travelling(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message under way, or held back (`due_ms` None)."""

    source: NodeId
    dest: NodeId
    link: tuple[NodeId, NodeId]
    number: int
    """With the link, what an edit calls it."""
    kind: str
    text: str
    sent_ms: float | None
    due_ms: float | None
    operation: int | None = None


class TimerState(msgspec.Struct, frozen=True):
    """A timer that is set."""

    name: str
    """What an edit calls it."""
    text: str
    due_ms: float


class Working(msgspec.Struct, frozen=True):
    """An operation that a node coordinates."""

    operation: int
    text: str
    """How far it is."""


class NodeState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One node."""

    name: NodeId
    status: str
    """up, syncing, paused or down."""
    last: bool = False
    """Whether the last event was on this node."""
    fields: tuple[Field, ...] = ()
    cells: tuple[Cell, ...] = ()
    cells_before: int = 0
    """How many entries before those are not shown."""
    timers: tuple[TimerState, ...] = ()
    working: tuple[Working, ...] = ()
    waiting: int = 0
    """Inputs that wait until it continues."""
    after_loss: str | None = None
    """Why it would not start again after a power loss."""
    clock: str | None = None
    """Where its clock is wrong."""
    arriving: tuple[Travelling, ...] = ()
    held: tuple[Travelling, ...] = ()


class Pending(msgspec.Struct, frozen=True, omit_defaults=True):
    """An operation that waits for its answer."""

    operation: int
    client: str
    node: str | None
    text: str
    since_ms: float


class State(msgspec.Struct, frozen=True):
    """The whole run after an event."""

    event: int
    time_ms: float
    sentence: str
    effects: tuple[str, ...]
    """What the last event made its node do, in order; a kill can come between any two of them."""
    place: NodeId
    nodes: tuple[NodeState, ...]
    pending: tuple[Pending, ...]
    to_clients: tuple[Travelling, ...]


def state_of(replay: Replay, words: Words) -> State:
    """The state of a replay that has reached its event; `words` are those of the whole run."""
    cluster, number = replay.cluster, len(replay.events)
    event = replay.events[-1]
    travelling = _travelling(replay, words)
    under_way = frozenset([(one.source, one.dest, one.number) for one in travelling if one.due_ms is not None])
    held = frozenset([(one.source, one.dest, one.number) for one in travelling if one.due_ms is None])
    arriving = [one for one in travelling if one.due_ms is not None]
    held_back = [one for one in travelling if one.due_ms is None]
    nodes = tuple(
        _node(replay, words, host, arriving, held_back, last=event.place == name)
        for name, host in cluster.hosts.items()
    )
    return State(
        number,
        event.time_ns / MS,
        words.sentence(event, held, under_way),
        event.effects,
        event.place,
        nodes,
        tuple(_pending(replay, words)),
        tuple(one for one in travelling if one.dest not in cluster.hosts),
    )


def _travelling(replay: Replay, words: Words) -> list[Travelling]:
    """Every message under way, in order of arrival, then those held back."""
    cluster, clients = replay.cluster, replay.clients

    def travelling(source: NodeId, dest: NodeId, message: Any, number: int, due_ns: int | None) -> Travelling:
        name = (source, dest, number)
        return Travelling(
            source,
            dest,
            (client_name(clients, source), client_name(clients, dest)),
            number,
            type(message).__name__,
            words.message(message, source),
            words.sent_ms(name),
            None if due_ns is None else due_ns / MS,
            words.belongs(name),
        )

    under_way = [
        travelling(source, dest, message, number, at_ns) for at_ns, source, dest, message, number in cluster.under_way()
    ]
    held_back = [travelling(one.source, one.dest, one.message, one.number, None) for one in cluster.held_back]
    return [*under_way, *held_back]


def _node(
    replay: Replay, words: Words, host: Host, arriving: list[Travelling], held_back: list[Travelling], *, last: bool
) -> NodeState:
    name, cluster = host.name, replay.cluster
    mine = tuple(one for one in arriving if one.dest == name)
    kept = tuple(one for one in held_back if one.dest == name)
    if host.node is None:
        return NodeState(name, "down", last, arriving=mine, held=kept, clock=_clock(host))
    left = after_power_loss(cluster.target.node(), name, cluster.nodes, host.disk, host.clock_ms)
    lost = left if isinstance(left, str) else None
    step = replay.changes.get(len(replay.events)) if last else None
    before = None if step is None else step.before
    # the values of a node with a log follow from that
    after = None if isinstance(left, str) else left.view()
    if hasattr(host.node, "log_cells") and after is not None:
        after = {**after, **{table: host.node.view()[table] for table in TABLES if table in after}}
    cells, earlier = _cells(replay, words, host.node, left)
    return NodeState(
        name,
        "paused" if host.paused else "syncing" if host.syncing else "up",
        last,
        tuple(_fields(host.node.view(), before, after)),
        cells,
        earlier,
        tuple(TimerState(timer, words.timer(timer), at_ns / MS) for at_ns, timer in host.timers),
        _working(replay, host.node),
        host.waiting,
        lost,
        _clock(host),
        mine,
        kept,
    )


def _clock(host: Host) -> str | None:
    off_ms = host.clock_error_ms
    rate = "" if host.rate == 1 else f", runs at {host.rate:g} times true speed"
    return f"{off_ms:+.1f} ms{rate}" if rate or abs(off_ms) >= 0.05 else None


VOLATILE = frozenset({"role", "leader", "commit_index", "last_applied", "applied", "owned", "waiting"})
"""What a node shows and need not keep: it learns that again after a restart."""


def _fields(view: Mapping[str, Any], before: Mapping[str, Any] | None, left: Mapping[str, Any] | None) -> list[Field]:
    """What the node shows: what stands in no table first, then the values of its keys."""
    now, was, stays = _flat(view), None if before is None else _flat(before), None if left is None else _flat(left)
    found = []
    for place, text in now.items():
        name, of_key = place
        changed = was is not None and was.get(place) != text
        left_text = text if stays is None or name in VOLATILE else stays.get(place, "nothing")
        found.append(Field(name, text, changed, None if left_text == text else left_text, of_key))
    return found


def _flat(view: Mapping[str, Any]) -> dict[tuple[str, bool], str]:
    tables = [name for name in TABLES if isinstance(view.get(name), dict)]
    bare = not tables and not (view.keys() & STANDING.keys()) and "role" not in view
    if bare:  # the view is itself a table
        return {(str(key), True): held(view, key) for key in view}
    found: dict[tuple[str, bool], str] = {}
    for name, value in view.items():
        if name in tables:
            continue
        if isinstance(value, dict):
            found |= {(f"{name} {key}", False): value_text(inner, FIELD_MAX) for key, inner in value.items()}
        else:
            found[name, False] = value if isinstance(value, str) else value_text(value, FIELD_MAX)
    for table in tables:
        found |= {(str(key), True): held(view, key) for key in view[table]}
    return found


def _cells(replay: Replay, words: Words, node: Node, left: Node | str) -> tuple[tuple[Cell, ...], int]:
    """The last entries of its log, and how many come before them."""
    look = getattr(node, "log_cells", None)
    if look is None:
        return (), 0
    again = getattr(left, "log_cells", None)
    durable = {_entry(one) for one in (again(CELLS_MAX * 4) if again is not None else ())}
    cells = tuple(
        Cell(
            one.slot,
            one.term,
            "no-op" if one.content is None else words.message(one.content, ""),
            one.committed,
            _entry(one) in durable,
            None if one.content is None else replay.operations.get(one.content.id),
        )
        for one in look(CELLS_MAX)
    )
    return cells, cells[0].slot - 1 if cells else 0


def _working(replay: Replay, node: Node) -> tuple[Working, ...]:
    look = getattr(node, "working", None)
    found: dict[str, str] = {} if look is None else look()
    known = replay.operations
    return tuple(Working(known[request], text) for request, text in found.items() if request in known)


def _entry(cell: LogCell) -> tuple[int, int, str]:
    """What tells an entry from others, also when it was read from disk."""
    return cell.slot, cell.term, "" if cell.content is None else cell.content.id


def _pending(replay: Replay, words: Words) -> list[Pending]:
    waiting = {replay.operations[one.id]: one for one in replay.cluster.waiting if one.id in replay.operations}
    return [
        Pending(op.index, words.client(op.process), op.node, words.message(waiting[op.index], ""), op.call / MS)
        for op in replay.recorder.under_way()
        if op.index in waiting
    ]
