"""The default schedule: short faults one after the other, each only after the system has recovered from the last.

A deck holds every card (cards.py) once and is played in random order before a new one is made, so that a short run has
played all of them. After each card the schedule waits until an operation that began after healing has succeeded on as
many nodes as usually answer, at most on a majority. Nodes are restarted, killed and paused one at a time, later and
seldom: first all of them in turn (a rolling restart), and none before the last is up and answers.

Found by experiment: against three quorum stores, two Paxos and one Raft variant and three stores in Java, it found the
violation in 36 of 36 runs of 30 s, where random faults of random duration found 3 of 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import msgspec
from msgspec.structs import replace

from nemesis.cards import PHASES_MAX, Card, Table, new_deck
from nemesis.kind import faults_of
from nemesis.named import find
from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.protocol.fault import Fault, Kill, Pause, Restart, Resume
from targets.protocol.node import NodeId

WARM_UP_MS = 600.0
"""Load without faults at the beginning; the nodes that answer meanwhile are those that usually answer."""

QUIET_MS = 50.0
"""Mean time without faults between two cards, after the system has recovered."""

PROCESS_QUIET_MS = (200.0, 600.0)
"""Time without faults after a process fault, at least."""

OPERATIONS = 30
"""A brief card ends after so many operations have ended."""

FIRST_PROCESS_MS = 6000.0
"""When the first process fault comes, so that the cards come first."""

PROCESS_MS = (5000.0, 7000.0)
"""From the end of one process fault to the next, while there are cards to play meanwhile."""

ALONE_MS = (500.0, 1500.0)
"""The same where there are none, such as on a single node."""

RECOVERY_MS, RESTARTED_MS = 3000.0, 5000.0
"""How long to wait for recovery from a card, and, unless nodes may take longer to start, from a process fault, before
going on all the same."""

DOWN_MS = (100.0, 500.0, 1500.0)
"""How long a node is down or paused."""

EFFECTS = (0, 1, 2, 3, 5, 8, 13)
"""A power loss comes after so many further effects of the node: mostly soon."""

POLL_MS = 10.0
"""How often to look whether operations have ended."""

SEEN_MIN = 5
"""A kind of message counts as in use if it was sent so often since the last deck was made."""


ROLLING, ROLLING_MS = "rolling restart", 50.0
"""The process fault that restarts all nodes in turn, and how long each is down."""


def _kill(node: NodeId, random: Random) -> tuple[Fault, Fault]:
    return Kill((node,)), Restart((node,))


def _power_off(node: NodeId, random: Random) -> tuple[Fault, Fault]:
    """Between two effects of a handler, such as after the reply and before the sync: at any other time there is seldom
    anything to lose."""
    return Kill((node,), power=True, effects=random.choice(EFFECTS)), Restart((node,))


def _tear(node: NodeId, random: Random) -> tuple[Fault, Fault]:
    return Kill((node,), power=True, torn=True, effects=random.choice(EFFECTS)), Restart((node,))


def _pause(node: NodeId, random: Random) -> tuple[Fault, Fault]:
    return Pause((node,)), Resume((node,))


PROCESSES = {ROLLING: _kill, "kill": _kill, "power": _power_off, "torn": _tear, "pause": _pause}
"""What begins and ends each process fault."""


class Mark(msgspec.Struct, frozen=True):
    """When a stage began, and what had been observed by then."""

    ms: float
    ended: int = 0
    changes: int = 0

    @staticmethod
    def of(stage: Wait, situation: Situation) -> Mark:
        """That of a stage that begins now."""
        observed = situation.observed
        changes = observed.changes(stage.victim) if isinstance(stage, UntilUsed) else 0
        return Mark(situation.now_ms, observed.ended, changes)


class Inject(msgspec.Struct, frozen=True):
    """Inject a fault, or what ends it."""

    fault: Fault
    cancels: bool = False
    """It also cancels a kill after some effects that has not happened yet."""

    def is_needed(self, situation: Situation) -> bool:
        """False for the restart of nodes that run and the resumption of nodes that are not paused."""
        if isinstance(self.fault, Restart | Resume) and not self.cancels:
            needing = situation.down if isinstance(self.fault, Restart) else situation.paused
            return not needing.isdisjoint(self.fault.nodes)
        return True


class Sleep(msgspec.Struct, frozen=True):
    """Let so much time pass."""

    ms: float

    def is_over(self, situation: Situation, mark: Mark) -> bool:
        """Whether the next stage begins."""
        return situation.now_ms >= mark.ms + self.ms

    def asks_again_ms(self, now_ms: float, mark: Mark) -> float:
        """When to look again."""
        return mark.ms + self.ms


class UntilUsed(Sleep, frozen=True):
    """Wait until OPERATIONS have ended, at least one of them a change on the victim; at most `ms`."""

    victim: NodeId

    def is_over(self, situation: Situation, mark: Mark) -> bool:
        observed = situation.observed
        used = observed.ended - mark.ended >= OPERATIONS and observed.changes(self.victim) > mark.changes
        return used or super().is_over(situation, mark)

    def asks_again_ms(self, now_ms: float, mark: Mark) -> float:
        return min(now_ms + POLL_MS, mark.ms + self.ms)


class UntilRecovered(Sleep, frozen=True):
    """Wait until an operation that began in this stage has succeeded on so many nodes; at most `ms`."""

    nodes: int

    def is_over(self, situation: Situation, mark: Mark) -> bool:
        return situation.observed.nodes_since(mark.ms) >= self.nodes or super().is_over(situation, mark)

    def asks_again_ms(self, now_ms: float, mark: Mark) -> float:
        return min(now_ms + POLL_MS, mark.ms + self.ms)


Wait = Sleep | UntilUsed | UntilRecovered
Stage = Inject | Wait


class Deck(msgspec.Struct, frozen=True):
    """A schedule of the named kinds of faults."""

    names: tuple[str, ...]
    quiet_ms: float = QUIET_MS
    """Mean time without faults after each fault."""
    restarted_ms: float = RESTARTED_MS
    """How long to wait for a node that was restarted, before going on all the same."""
    process_ms: float | None = FIRST_PROCESS_MS
    """When the next process fault is due; None: PROCESS_MS after the current one is over."""
    usual: int | None = None
    """How many nodes usually answer; None: not known yet."""
    cards: tuple[Card, ...] = ()
    """What is left of the deck."""
    processes: tuple[str, ...] = ()
    """The process faults to come before all have been injected once."""
    stages: tuple[Stage, ...] = (Sleep(WARM_UP_MS), UntilRecovered(RESTARTED_MS, 1))
    """What is left of the current fault."""
    mark: Mark | None = None
    """Of the first stage; None: it has not begun."""
    sent: Mapping[str, int] = {}
    """How many messages of each kind had been sent when the deck was made."""

    @property
    def needs_views(self) -> bool:
        return any(find(name).needs_views for name in self.names)

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        deck = self
        while True:
            if not deck.stages:
                deck = deck._turn(situation)
                if not deck.stages:
                    return None, deck
            stage = deck.stages[0]
            rest = replace(deck, stages=deck.stages[1:], mark=None)
            if isinstance(stage, Inject):
                if stage.is_needed(situation):
                    return Step(situation.now_ms, stage.fault), rest
            else:
                mark = deck.mark or Mark.of(stage, situation)
                if not stage.is_over(situation, mark):
                    return Poll(stage.asks_again_ms(situation.now_ms, mark)), replace(deck, mark=mark)
            deck = rest

    def _turn(self, situation: Situation) -> Deck:
        """The last fault is over: begin the next. No stages if there will never be any."""
        now, random = situation.now_ms, situation.random
        deck = self
        if deck.usual is None:
            deck = replace(deck, usual=max(1, situation.observed.nodes_since(0.0)))
        due_ms = now + random.uniform(*PROCESS_MS) if deck.process_ms is None else deck.process_ms
        deck = replace(deck, process_ms=due_ms)
        processes = [name for name in deck.names if name in PROCESSES]
        if processes and now >= due_ms:
            return deck._process(situation, processes)
        if not deck.cards:
            deck = deck._shuffled(situation)
        if deck.cards:
            return deck._play(situation)
        if processes:
            return replace(deck, process_ms=now, stages=(Sleep(random.uniform(*ALONE_MS)),))
        # no message that could be lost has been sent yet
        return replace(deck, stages=(Sleep(WARM_UP_MS),) if deck.names else ())

    def _shuffled(self, situation: Situation) -> Deck:
        """A new deck, for the kinds of messages that are in use."""
        sent = situation.message_kinds
        used = [kind for kind, count in sent.items() if count - self.sent.get(kind, 0) >= SEEN_MIN] or list(sent)
        table = Table(tuple(used[:PHASES_MAX]), self.usual == 1, situation.random)
        names = [name for name in self.names if name not in PROCESSES and find(name).nodes <= len(situation.nodes)]
        cards = new_deck(names, table)
        return replace(self, cards=cards, sent=dict(sent))

    def _play(self, situation: Situation) -> Deck:
        card = self.cards[0]
        victim = _victim(situation, card.at_leader)
        faults = faults_of(card.make(situation, victim))
        endings = dict.fromkeys(ending for fault in faults if (ending := fault.undone_by()) is not None)
        stopped = tuple({at.where for fault in faults if fault.momentary for at in fault.begins()})
        lasts = UntilUsed(card.lasts_ms, victim) if card.brief else Sleep(card.lasts_ms)
        stages = (
            *[Inject(fault) for fault in faults],
            *([lasts] if faults else []),
            *[Inject(ending) for ending in (*endings, Restart(stopped))],
            UntilRecovered(RECOVERY_MS, self._enough(situation)),
            Sleep(situation.random.expovariate(1 / self.quiet_ms)),
        )
        return replace(self, cards=self.cards[1:], stages=stages)

    def _process(self, situation: Situation, names: list[str]) -> Deck:
        """Kill, restart or pause single nodes, and wait until all nodes that usually answer do so again."""
        random = situation.random
        waiting = self.processes
        if not waiting:
            rolling = [ROLLING] if "kill" in names and len(situation.nodes) > 1 else []
            waiting = (*rolling, *random.sample(names, len(names)))
        what = waiting[0]
        victim = _victim(situation, 0.95 if what == "pause" else 0.5)  # a paused leader does not know of the next one
        stages: list[Stage] = []
        up = _up(situation)
        # soon after one power loss comes another: what the recovery from the first left must be durable too
        once = random.sample(up, len(up)) if what == ROLLING else [victim]
        victims = 2 * once if what in ("power", "torn") else once
        for node in victims:
            begin, end = PROCESSES[what](node, random)
            down = Sleep(ROLLING_MS if what == ROLLING else random.choice(DOWN_MS))
            cancels = isinstance(begin, Kill) and begin.effects is not None
            recovered = UntilRecovered(self.restarted_ms, self._enough(situation))
            stages += [Inject(begin), down, Inject(end, cancels), recovered]
        usual = min(len(situation.nodes), self.usual or 1)
        quiet_ms = max(random.uniform(*PROCESS_QUIET_MS), random.expovariate(1 / self.quiet_ms))
        stages += [UntilRecovered(self.restarted_ms, usual), Sleep(quiet_ms)]
        return replace(self, processes=waiting[1:], process_ms=None, stages=tuple(stages))

    def _enough(self, situation: Situation) -> int:
        """On how many nodes operations must succeed again after a fault."""
        return min(len(situation.nodes) // 2 + 1, self.usual or 1)


def _up(situation: Situation) -> list[NodeId]:
    """The nodes that run; all of them if none does, so that they are started again."""
    return [node for node in situation.nodes if node not in situation.down] or list(situation.nodes)


def _victim(situation: Situation, at_leader: float) -> NodeId:
    """A random node, or with this chance the one that seems to lead."""
    leader = situation.observed.apparent_leader()
    anywhere = situation.random.choice(_up(situation))
    return leader if leader is not None and situation.random.random() < at_leader else anywhere
