"""What can go wrong, by the names that `--nemesis` takes. Each name begins a fault, and knows what ends it.

`begin` chooses a fault for the situation, or several at once (None: nothing sensible now); `end` undoes it. Durations
are in ms of a simulated cluster, whose messages take a few ms; a live one is slower, and its schedule stretches them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from checker.errors import unknown_name
from nemesis import directed, shapes
from nemesis.schedule import Situation
from targets.protocol.fault import (
    Corrupt,
    Cut,
    Degrade,
    Fault,
    Heal,
    Hold,
    Kill,
    Pause,
    Reconfigure,
    Restart,
    Resume,
    Skew,
    Transfer,
)
from targets.protocol.links import between
from targets.protocol.node import NodeId

Begin = Callable[[Situation], Fault | tuple[Fault, ...] | None]
End = Callable[[Situation, Fault], tuple[Fault, ...]]


@dataclass(frozen=True)
class Kind:
    """One name of the catalogue. `needs` are the tags of faults that a cluster must be able to carry out.

    `channel`: faults of one channel exclude each other, since one healing ends them all.
    """

    name: str
    summary: str
    needs: frozenset[str]
    begin: Begin
    end: End
    channel: str
    nodes: int = 1
    """It makes no sense with fewer nodes."""
    triggers: tuple[directed.Trigger, ...] = ()
    """A directed fault waits for one of these before it begins; without any, all times will do."""
    rounds: tuple[int, ...] = (1,)
    """How often in a row it may strike: at a moment of its own each time, and the last fault gives way to the next."""


def _some(situation: Situation) -> tuple[NodeId, ...]:
    """Some running nodes: mostly one, now and then more, now and then all."""
    up = [node for node in situation.nodes if node not in situation.down and node not in situation.paused]
    if not up:
        return ()
    count = situation.random.choice((1, 1, 1, 2, len(up)))
    return tuple(sorted(situation.random.sample(up, min(count, len(up)))))


def _cut(choices: tuple[shapes.Shape, ...]) -> Begin:
    def begin(situation: Situation) -> Fault | None:
        cut = situation.random.choice(choices)(directed.drawn(situation))
        return cut if cut.links else None

    return begin


def _kill(*, power: bool = False, torn: bool = False) -> Begin:
    def begin(situation: Situation) -> Fault | None:
        nodes = _some(situation)
        # half of the deaths come between two effects of a handler: after the reply, before the sync
        effects = situation.random.choice((None, situation.random.randrange(12))) if power else None
        return Kill(nodes, power=power, torn=torn, effects=effects) if nodes else _wake(situation)

    return begin


def _kill_plain(situation: Situation) -> Fault | None:
    nodes = _some(situation)
    return Kill(nodes) if nodes else _wake(situation)


def _wake(situation: Situation) -> Fault | None:
    """Nobody is left to kill: one died later than its fault lasted, and nothing would ever start it again."""
    return Restart(tuple(sorted(situation.down))) if situation.down else None


def _pause(situation: Situation) -> Fault | None:
    nodes = _some(situation)[:1]
    return Pause(nodes) if nodes else None


def _skew(situation: Situation) -> Fault | None:
    random = situation.random
    return Skew(random.choice(situation.nodes), random.uniform(-1000.0, 1000.0), random.choice((0.2, 1.0, 1.0, 3.0)))


def _degrade(**what: float) -> Begin:
    def begin(situation: Situation) -> Fault | None:
        every = shapes.links(situation.nodes)
        chosen = tuple(link for link in every if situation.random.random() < 0.6)
        return Degrade(chosen, **what) if chosen else None

    return begin


def _clients(situation: Situation) -> Fault | None:
    """Lose what clients send and get; what they send comes twice only where that must do no harm."""
    both = between(situation.clients, situation.nodes)
    return Degrade(both, loss=0.25, duplicate=0.25 if situation.sessions else 0.0) if both else None


def _slow(situation: Situation) -> Fault | tuple[Fault, ...] | None:
    """Some links slow, some very slow: a message may take as long as a whole operation, or as several."""
    return _degrade(delay_ms=situation.random.choice((10.0, 40.0, 150.0)), reorder=0.5)(situation)


def _hold(situation: Situation) -> tuple[Fault, ...] | None:
    """Keep the next messages of a link, or of all links out of a node: a broadcast that comes when all has changed."""
    every = shapes.links(situation.nodes)
    if not every:
        return None
    source, dest = situation.random.choice(every)
    chosen = [(source, dest)] if situation.random.random() < 0.5 else [link for link in every if link[0] == source]
    count = situation.random.choice((1, 3, 10))
    return tuple(Hold(link, count) for link in chosen)


def _corrupt(kind: str) -> Begin:
    def begin(situation: Situation) -> Fault | None:
        return Corrupt(situation.random.choice(situation.nodes), kind)  # type: ignore[arg-type]

    return begin


def _reconfigure(situation: Situation) -> Fault | None:
    """Leave a member out, or take one in that is missing: single-server changes, one at a time."""
    members = directed.members(situation)
    one = situation.random.choice(situation.nodes)
    changed = tuple(node for node in situation.nodes if (node in members) != (node == one))
    return Reconfigure(changed) if len(changed) >= 2 else None


def _transfer(situation: Situation) -> Fault | None:
    return Transfer(situation.random.choice(situation.nodes))


def _heal(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """All links, also where the network was not the first thing that went wrong."""
    return (Heal(),)


def _undo(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """What its class says ends it."""
    ending = fault.undone_by()
    return () if ending is None else (ending,)


def _restart(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """Also of those that were to die after some effects, and may not have had them."""
    armed = fault.nodes if isinstance(fault, Kill) and fault.effects is not None else ()
    nodes = tuple(sorted({*situation.down, *armed}))
    return (Restart(nodes),) if nodes else ()


def _resume(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    return (Resume(tuple(sorted(situation.paused))),) if situation.paused else ()


def _undo_disk(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """Room again, and a restart: a node whose write failed has stopped."""
    nodes = tuple(sorted({one.where for one in fault.begins()}))
    return (*_undo(situation, fault), Restart(nodes))


def _everybody(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """Take everybody in again: at once if the system can, or one at a time, this being the first."""
    members = directed.members(situation)
    missing = [node for node in situation.nodes if node not in members]
    return (Reconfigure(tuple(node for node in situation.nodes if node in members or node in missing[:1])),)


def _heal_members(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    return (Heal(), *_everybody(situation, fault))


LINKS = Cut.tags
LOSSY_LINKS = Degrade.tags | {"lose"}
BAD_LINKS = Degrade.tags | {"shape"}
CLIENT_LINKS = LOSSY_LINKS | {"client-links"}
DEATH = Kill.tags
LEADER = frozenset({"leader"})
"""The nodes tell who leads: what strikes at leaders needs to know."""

POWER = DEATH | {"power"}

_SHAPES = "cuts the network: halves, one alone, a bridge, a ring"
_ONE_WAY = "cuts links in one direction: deaf, mute, one side unheard"
_POWER = "power loss, also between two effects: un-synced data is lost"
_TORN = "power loss that tears the last un-synced write in its middle"

_KINDS = (
    Kind("partition", _SHAPES, LINKS, _cut(shapes.TWO_WAY), _heal, "net", 2),
    Kind("one-way", _ONE_WAY, LINKS, _cut(shapes.ONE_WAY), _heal, "net", 2),
    Kind("isolate-leader", "cuts off the node that leads", LINKS | LEADER, directed.isolate_leader, _heal, "net", 2),
    Kind(
        "depose",
        "cuts off leader after leader, each just after it appended or committed",
        LINKS | LEADER,
        directed.depose,
        _heal,
        "net",
        2,
        triggers=(directed.grew("last_index"), directed.grew("commit_index"), directed.new_leader),
        rounds=(1, 2, 3, 6),
    ),
    Kind(
        "outage",
        "power loss of all followers, just after a leader was elected or appended: it is cut off, the network slow",
        LINKS | BAD_LINKS | POWER | LEADER,
        directed.outage,
        _heal,
        "net",
        2,
        triggers=(directed.new_leader, directed.grew("last_index")),
        rounds=(1, 2, 2, 3),
    ),
    Kind("kill", "kills processes (any number of nodes) and restarts them", DEATH, _kill_plain, _restart, "life"),
    Kind("kill-leader", "kills the node that leads", DEATH | LEADER, directed.kill_leader, _restart, "life"),
    Kind("power", _POWER, POWER, _kill(power=True), _restart, "life"),
    Kind("torn", _TORN, POWER, _kill(power=True, torn=True), _restart, "life"),
    Kind("pause", "stops a process for a while (SIGSTOP)", Pause.tags, _pause, _resume, "pause"),
    Kind("pause-leader", "stops the node that leads", Pause.tags | LEADER, directed.pause_leader, _resume, "pause"),
    Kind("clock", "moves a node's clock, or lets it run wrong", Skew.tags, _skew, _undo, "clock"),
    Kind("delay", "makes links slow and unordered", BAD_LINKS, _slow, _heal, "net", 2),
    Kind("loss", "loses some messages", LOSSY_LINKS, _degrade(loss=0.25), _heal, "net", 2),
    Kind("clients", "loses some requests and replies of clients", CLIENT_LINKS, _clients, _heal, "net"),
    Kind("duplicate", "delivers some messages twice", BAD_LINKS, _degrade(duplicate=0.4), _heal, "net", 2),
    Kind("reorder", "delivers messages out of order", BAD_LINKS, _degrade(reorder=0.5), _heal, "net", 2),
    Kind("hold", "delivers single messages much later", Hold.tags, _hold, _undo, "hold", 2),
    Kind("fsync-error", "lets a sync fail: the node stops", Corrupt.tags, _corrupt("fsync-error"), _restart, "life"),
    Kind("disk-full", "leaves no room on a disk", Corrupt.tags, _corrupt("full"), _undo_disk, "life"),
    Kind("bit-flip", "flips a stored bit", Corrupt.tags, _corrupt("bit-flip"), _undo, "disk"),
    Kind("membership", "takes a node out and back in", Reconfigure.tags, _reconfigure, _everybody, "group", 3),
    Kind(
        "split-members",
        "cuts off leader after leader, and has each leave out a node that it does not reach",
        LINKS | LEADER | Reconfigure.tags,
        directed.split_members,
        _heal_members,
        "net",
        3,
        triggers=(directed.new_leader, directed.grew("last_index")),
        rounds=(1, 2, 2, 3),
    ),
    Kind("transfer", "hands the leadership over", Transfer.tags, _transfer, _undo, "group", 2),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}

DIRECTED = tuple(kind.name for kind in _KINDS if kind.triggers and "reconfigure" not in kind.needs)
"""Those of them that need no command for administrators."""

ALIASES = {"crash": "kill", "skew": "clock", "one-way-partition": "one-way"}


def find(name: str) -> Kind:
    """The fault of that name. Raises UsageError naming what there is."""
    kind = KINDS.get(ALIASES.get(name, name))
    if kind is None:
        raise unknown_name("fault", name, [*KINDS, *ALIASES])
    return kind
