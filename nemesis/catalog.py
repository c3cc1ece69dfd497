"""The kinds of faults, by the names that `--nemesis` takes: how each one begins, and what ends it.

`begin` chooses a fault for the situation, or several at once (None: no sensible one now); `end` undoes it. Durations
are in ms of a simulated cluster, whose messages take a few ms; a live one is slower, and its schedule stretches them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nemesis import directed, shapes
from nemesis.kind import Begin, FaultKind, Select
from nemesis.schedule import Situation
from targets.protocol.fault import (
    Corrupt,
    Cut,
    Degrade,
    DelayMessages,
    DuplicateMessages,
    Fault,
    Heal,
    Hold,
    Kill,
    LoseMessages,
    MessageFault,
    Pause,
    Reconfigure,
    ResetConnections,
    Restart,
    Resume,
    Skew,
    Transfer,
)
from targets.protocol.links import Link, between
from targets.protocol.node import NodeId


def running(situation: Situation, count: int) -> tuple[NodeId, ...]:
    """So many nodes that run, at random; fewer where no more run."""
    up = [node for node in situation.nodes if node not in situation.down and node not in situation.paused]
    return tuple(sorted(situation.random.sample(up, min(count, len(up)))))


def _some(situation: Situation) -> tuple[NodeId, ...]:
    """Some running nodes: mostly one, sometimes two, sometimes all."""
    every = len(situation.nodes) - len(situation.down | situation.paused)
    return running(situation, situation.random.choice((1, 1, 1, 2, every))) if every else ()


def _cut(choices: tuple[shapes.Shape, ...]) -> Begin:
    def begin(situation: Situation) -> Fault | None:
        cut = situation.random.choice(choices)(directed.shuffled(situation))
        return cut if cut.links else None

    return begin


def _kill(select: Select = _some, *, power: bool = False, torn: bool = False) -> Begin:
    def begin(situation: Situation) -> Fault | None:
        nodes = select(situation)
        # half of the kills come between two effects of a handler: after the reply, before the sync
        effects = situation.random.choice((None, situation.random.randrange(12))) if power else None
        return Kill(nodes, power=power, torn=torn, effects=effects) if nodes else _restart_all(situation)

    return begin


def _restart_all(situation: Situation) -> Fault | None:
    """No node is left to kill: one died after its fault had ended, and nothing else would start it again."""
    return Restart(tuple(sorted(situation.down))) if situation.down else None


def _pause(select: Select = lambda situation: _some(situation)[:1]) -> Begin:
    def begin(situation: Situation) -> Fault | None:
        nodes = select(situation)
        return Pause(nodes) if nodes else None

    return begin


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
    """Lose some requests and replies of clients; duplicate requests only where the system has to execute them once."""
    both = between(situation.clients, situation.nodes)
    return Degrade(both, loss=0.25, duplicate=0.25 if situation.sessions else 0.0) if both else None


def _slow(situation: Situation) -> Fault | tuple[Fault, ...] | None:
    """Some links slow, some very slow: a message may take as long as a whole operation, or as several."""
    return _degrade(delay_ms=situation.random.choice((10.0, 40.0, 150.0)), reorder=0.5)(situation)


def _hold(situation: Situation) -> tuple[Fault, ...] | None:
    """Hold back the next messages on a link, or on all links out of a node: a broadcast that arrives much later."""
    every = shapes.links(situation.nodes)
    if not every:
        return None
    source, dest = situation.random.choice(every)
    chosen = [(source, dest)] if situation.random.random() < 0.5 else [link for link in every if link[0] == source]
    count = situation.random.choice((1, 3, 10))
    return tuple(Hold(link, count) for link in chosen)


def _phase(make: Callable[[Situation, tuple[Link, ...], tuple[str, ...]], MessageFault]) -> Begin:
    """A fault of what one node sends: of the messages of one phase of the protocol and of all later phases."""

    def begin(situation: Situation) -> Fault | None:
        kinds = tuple(situation.message_kinds)
        if not kinds or len(situation.nodes) < 2:
            return None
        sender = situation.random.choice(situation.nodes)
        links = tuple(link for link in shapes.links(situation.nodes) if link[0] == sender)
        return make(situation, links, kinds[situation.random.randrange(len(kinds)) :])

    return begin


def _late_phase(situation: Situation, links: tuple[Link, ...], kinds: tuple[str, ...]) -> MessageFault:
    random = situation.random
    return DelayMessages(links, kinds, random.choice((None, 1, 3)), random.choice((50.0, 200.0, 500.0)))


def _doubled_phase(situation: Situation, links: tuple[Link, ...], kinds: tuple[str, ...]) -> MessageFault:
    return DuplicateMessages(links, kinds, after_ms=situation.random.choice((0.0, 100.0, 500.0)))


def _reset(situation: Situation) -> Fault | None:
    """Those of one node, with all others or with one."""
    node, *others = directed.shuffled(situation)
    chosen = others[: situation.random.choice((1, len(others)))]
    return ResetConnections(between((node,), chosen)) if chosen else None


def _corrupt(kind: str) -> Begin:
    def begin(situation: Situation) -> Fault | None:
        return Corrupt(situation.random.choice(situation.nodes), kind)  # type: ignore[arg-type]

    return begin


def _reconfigure(situation: Situation) -> Fault | None:
    """Remove a member, or add one that is missing: single-server changes, one at a time."""
    members = directed.members(situation)
    one = situation.random.choice(situation.nodes)
    changed = tuple(node for node in situation.nodes if (node in members) != (node == one))
    return Reconfigure(changed) if len(changed) >= 2 else None


def _transfer(situation: Situation) -> Fault | None:
    return Transfer(situation.random.choice(situation.nodes))


def _heal(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """All links, whichever fault of several was the first."""
    return (Heal(),)


def undo(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """What ends it, according to its class."""
    ending = fault.undone_by()
    return () if ending is None else (ending,)


def _restart(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """Also the nodes that were to be killed after some effects and may still run."""
    doomed = fault.nodes if isinstance(fault, Kill) and fault.effects is not None else ()
    nodes = tuple(sorted({*situation.down, *doomed}))
    return (Restart(nodes),) if nodes else ()


def _resume(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    return (Resume(tuple(sorted(situation.paused))),) if situation.paused else ()


def _undo_disk(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """Free the disk, and restart: a node whose write failed has stopped."""
    nodes = tuple(sorted({one.where for one in fault.begins()}))
    return (*undo(situation, fault), Restart(nodes))


def _all_members(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """Add the missing member again; of several, the first, since members are changed one at a time."""
    members = directed.members(situation)
    missing = [node for node in situation.nodes if node not in members]
    return (Reconfigure(tuple(node for node in situation.nodes if node in members or node in missing[:1])),)


def _heal_clock(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    """Of which leader the clock was is not known any more: all are set right."""
    return (Heal(), *(Skew(node) for node in situation.nodes))


def _heal_members(situation: Situation, fault: Fault) -> tuple[Fault, ...]:
    return (Heal(), *_all_members(situation, fault))


LINKS = Cut.tags
LOSSY_LINKS = Degrade.tags | {"lose"}
BAD_LINKS = Degrade.tags | {"shape"}
REPEATING_LINKS = Degrade.tags | {"repeat"}
CLIENT_LINKS = LOSSY_LINKS | {"repeat", "client-links"}
DEATH = Kill.tags
LEADER = frozenset({"leader"})
"""The views of the nodes say which one leads, which faults of leaders need."""

VIEWS = frozenset({"views"})
"""The nodes have views, by which a change of their states is seen."""

POWER = DEATH | {"power"}

UP_TO_ELECTIONS = (0.0, 0.0, 0.0, 100.0, 400.0)
"""Until the next leader, or longer than an election: a deposed leader goes on meanwhile."""

SOME_MESSAGES = (10.0, 30.0, 100.0)
"""Not less: if the next change of any node were the trigger, nothing at all would work."""

_SHAPES = "partitions the network: bisection, isolated node, bridge, majorities-ring"
_ONE_WAY = "partitions the network in one direction: into a node, out of a node, or from one side to the other"
_KILL = "kills processes (any number of nodes) and restarts them"
_POWER = "power loss, also between two effects of a handler: unsynced data is lost"
_TORN = "power loss with a torn write: the last unsynced write is kept in part"

_KINDS = (
    FaultKind("partition", _SHAPES, LINKS, _cut(shapes.TWO_WAY), _heal, "net", 2),
    FaultKind("one-way", _ONE_WAY, LINKS, _cut(shapes.ONE_WAY), _heal, "net", 2),
    FaultKind(
        "disconnect",
        "disconnects the container of one node from its networks",
        frozenset({"disconnect"}),
        _cut((shapes.isolated_node,)),
        _heal,
        "net",
        2,
    ),
    FaultKind("isolate-leader", "isolates the leader", LINKS | LEADER, directed.isolate_leader, _heal, "net", 2),
    FaultKind(
        "depose",
        "separates leader after leader from most nodes, each just after it appended or committed",
        LINKS | LEADER,
        directed.depose,
        _heal,
        "net",
        2,
        triggers=(directed.grew("last_index"), directed.grew("commit_index"), directed.new_leader),
        rounds=(1, 2, 3, 6),
        hold_ms=UP_TO_ELECTIONS,
    ),
    FaultKind(
        "outage",
        "power loss of all followers just after the leader was elected or appended; it is cut off, on a slow network",
        LINKS | BAD_LINKS | POWER | LEADER,
        directed.outage,
        _heal,
        "net",
        2,
        triggers=(directed.new_leader, directed.grew("last_index")),
        rounds=(1, 2, 2, 3),
        hold_ms=UP_TO_ELECTIONS,
    ),
    FaultKind(
        "depose-slow",
        "isolates leader after leader, each with a clock that runs slowly or is set back",
        LINKS | Skew.tags | LEADER,
        directed.depose_slow,
        _heal_clock,
        "net",
        2,
        triggers=(directed.any_change,),
        rounds=(1, 2),
        hold_ms=(300.0, 600.0),
    ),
    FaultKind("kill", _KILL, DEATH, _kill(), _restart, "life", on=_kill),
    FaultKind("kill-leader", "kills the leader", DEATH | LEADER, directed.kill_leader, _restart, "life"),
    FaultKind("power", _POWER, POWER, _kill(power=True), _restart, "life", on=partial(_kill, power=True)),
    FaultKind(
        "torn", _TORN, POWER, _kill(power=True, torn=True), _restart, "life", on=partial(_kill, power=True, torn=True)
    ),
    FaultKind("pause", "pauses a process (SIGSTOP)", Pause.tags, _pause(), _resume, "pause", on=_pause),
    FaultKind("pause-leader", "pauses the leader", Pause.tags | LEADER, directed.pause_leader, _resume, "pause"),
    FaultKind("clock", "skews a node's clock: an offset, another rate", Skew.tags, _skew, undo, "clock"),
    FaultKind("delay", "delays and reorders messages", BAD_LINKS, _slow, _heal, "net", 2),
    FaultKind("loss", "loses some messages", LOSSY_LINKS, _degrade(loss=0.25), _heal, "net", 2),
    FaultKind("clients", "loses some requests and replies of clients", CLIENT_LINKS, _clients, _heal, "net"),
    FaultKind("duplicate", "delivers some messages twice", REPEATING_LINKS, _degrade(duplicate=0.4), _heal, "net", 2),
    FaultKind("reorder", "delivers messages out of order", BAD_LINKS, _degrade(reorder=0.5), _heal, "net", 2),
    FaultKind(
        "lose-phase",
        "loses what a node sends in one phase of the protocol and in all later phases",
        LoseMessages.tags,
        _phase(lambda situation, links, kinds: LoseMessages(links, kinds)),
        _heal,
        "net",
        2,
    ),
    FaultKind(
        "delay-phase",
        "delays what a node sends in one phase of the protocol and in all later phases",
        DelayMessages.tags,
        _phase(_late_phase),
        _heal,
        "net",
        2,
    ),
    FaultKind(
        "duplicate-phase",
        "delivers twice what a node sends in one phase of the protocol and in all later phases",
        DuplicateMessages.tags,
        _phase(_doubled_phase),
        _heal,
        "net",
        2,
    ),
    FaultKind(
        "reset",
        "resets TCP connections between a node and others",
        ResetConnections.tags,
        _reset,
        undo,
        "reset",
        2,
    ),
    FaultKind("hold", "holds back single messages and delivers them much later", Hold.tags, _hold, undo, "hold", 2),
    FaultKind(
        "fsync-error", "makes an fsync fail: the node stops", Corrupt.tags, _corrupt("fsync-error"), _restart, "life"
    ),
    FaultKind("disk-full", "fills a disk", Corrupt.tags, _corrupt("full"), _undo_disk, "life"),
    FaultKind("bit-flip", "flips a stored bit", Corrupt.tags, _corrupt("bit-flip"), undo, "disk"),
    FaultKind(
        "membership", "removes a member and adds it again", Reconfigure.tags, _reconfigure, _all_members, "group", 3
    ),
    FaultKind(
        "split-members",
        "separates leader after leader from most nodes, and has each remove a member that it cannot reach",
        LINKS | LEADER | Reconfigure.tags,
        directed.split_members,
        _heal_members,
        "net",
        3,
        triggers=(directed.new_leader, directed.grew("last_index")),
        rounds=(1, 2, 2, 3),
        hold_ms=UP_TO_ELECTIONS,
    ),
    FaultKind(
        "isolate-changed",
        "isolates a node whose state has just changed, and loses what it has sent since",
        LINKS | VIEWS,
        directed.isolate_changed,
        _heal,
        "net",
        2,
        triggers=(directed.any_change,),
        rounds=(1, 1, 2, 4),
        hold_ms=SOME_MESSAGES,
        recovers=(0.0, 0.5, 1.0),
    ),
    FaultKind(
        "crash-changed",
        "kills a node whose state has just changed, or cuts its power",
        POWER | VIEWS,
        directed.crash_changed,
        _restart,
        "life",
        triggers=(directed.any_change,),
        rounds=(1, 1, 2),
    ),
    FaultKind(
        "pause-changed",
        "pauses a node whose state has just changed",
        Pause.tags | VIEWS,
        directed.pause_changed,
        _resume,
        "pause",
        triggers=(directed.any_change,),
    ),
    FaultKind("transfer", "transfers the leadership to another node", Transfer.tags, _transfer, undo, "group", 2),
)

KINDS: dict[str, FaultKind] = {kind.name: kind for kind in _KINDS}

DIRECTED = tuple(
    kind.name for kind in _KINDS if kind.triggers and LEADER & kind.needs and "reconfigure" not in kind.needs
)
"""The faults that are directed at leaders and need no command for operators."""
