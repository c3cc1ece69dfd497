"""paxos-log: a replicated log by Multi-Paxos, and a key-value store that executes it.

van Renesse and Altinbuken, "Paxos Made Moderately Complex" (2015), with replica, acceptor and leader in one node. A
request goes into the log, reads too; the node that the client asked answers when its own replica has executed it. A
node that receives no heartbeat runs phase 1 for all undecided slots and becomes leader; the others pass requests on to
it, again and again until they see them decided: the state machine carries each out once.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from targets.protocol.node import Context, LogCell, Message, NodeId, Request, Timer
from targets.systems.journal import Journal
from targets.systems.majority import majority
from targets.systems.paxos.leader import Commander, Leader
from targets.systems.paxos.log_acceptor import Adopted, LogAcceptor, Voted
from targets.systems.paxos.log_messages import (
    NO_BALLOT,
    Ballot,
    Command,
    Decision,
    Heartbeat,
    HeartbeatReply,
    Missing,
    P1a,
    P1b,
    P2a,
    P2b,
    Preempted,
    PreScout,
    PreScoutReply,
    Propose,
)
from targets.systems.paxos.roles import ManyRoles
from targets.systems.paxos.state_machine import StateMachine

HEARTBEAT_MS = 25.0
ELECTION_MS = (90.0, 220.0)
"""How long a node waits for a message of the leader, random each time."""
RETRY_MS = 60.0
"""How long a node waits before it passes a request on once more."""
TRIES_MAX = 10
"""How often it does so before it gives up."""
BATCH_MAX = 50
"""How many decisions are sent at a time to a node that missed them."""


class Decided(msgspec.Struct, frozen=True, tag="decided"):
    """On disk, written lazily: what a slot holds. If it is lost, the acceptors still know."""

    slot: int
    command: Command


class PaxosLog(ManyRoles):
    """A node: replica, acceptor, and sometimes leader."""

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.me, self.nodes = ctx.me, ctx.nodes
        self.journal = Journal(self.ctx.disk, Adopted, Voted, Decided)
        self.acceptor = self.make_acceptor(self.journal)
        self.machine = StateMachine()
        self.decisions: dict[int, Command] = {}
        self.applied = 0
        """The first slot that is not executed yet."""
        self.waiting: dict[str, Request] = {}
        self.tries: dict[str, int] = {}
        self.leader: Leader | None = None
        """This node's own candidacy or office."""
        self.follows: NodeId | None = None
        self.followed_ms = float("-inf")
        """When a message of a leader or candidate last arrived, by this node's clock."""
        self.seen = NO_BALLOT
        self.pre_scout = NO_BALLOT
        """The ballot that the others are asked about before phase 1."""
        self.supporters: dict[NodeId, Ballot] = {}
        """Who would promise it."""
        self.inbox: deque[Message] = deque()
        for record in self.journal.recover():
            if isinstance(record, Decided):
                self.learn(record.slot, record.command)
            else:
                self.acceptor.restore(record)
        self.await_leader()

    def make_acceptor(self, journal: Journal) -> LogAcceptor:
        return LogAcceptor(journal)

    def make_leader(self, ballot: Ballot) -> Leader:
        return Leader(ballot, self.applied)

    def log_cells(self, count: int) -> list[LogCell]:
        """Slots that its acceptor accepted or that it knows to be decided; the term is the round of the ballot."""
        accepted, decided = self.acceptor.accepted, self.decisions
        cells = []
        for slot in sorted(accepted.keys() | decided.keys())[-count:]:
            command = decided[slot] if slot in decided else accepted[slot].command
            round_ = accepted[slot].ballot.round if slot in accepted else 0
            cells.append(LogCell(slot, round_, command.request, slot in decided))
        return cells

    def view(self) -> dict[str, Any]:
        return {
            "role": "follower" if self.leader is None else "leader" if self.leader.active else "candidate",
            "term": self.acceptor.ballot.round if self.leader is None else self.leader.ballot.round,
            "ballot": list(self.acceptor.ballot),
            "applied": self.applied,
            "values": {str(key): value for key, value in self.machine.values.items()},
        }

    def timeout(self, timer: Timer) -> None:
        match timer:
            case "election":
                self.on_election_timeout()
            case "heartbeat":
                self.beat()
            case ("retry", str(id)) if id in self.waiting:
                self.retry(self.waiting[id])
        self.drain()

    def handle(self, sender: NodeId, message: Message) -> None:
        match message:
            case Request():
                self.on_request(message)
            case Propose():
                self.propose(message.request)
            case P1a():
                self.on_p1a(sender, message)
            case P1b():
                self.on_p1b(sender, message)
            case P2a():
                self.on_p2a(sender, message)
            case P2b():
                self.on_p2b(sender, message)
            case Preempted():
                self.on_preempted(message)
            case Decision():
                self.on_decision(message)
            case Heartbeat():
                self.on_heartbeat(sender, message)
            case HeartbeatReply():
                self.on_heartbeat_reply(sender, message)
            case PreScout():
                self.on_pre_scout(sender, message)
            case PreScoutReply():
                self.on_pre_scout_reply(sender, message)
            case Missing():
                self.on_missing(sender, message)

    # The replica.

    def on_request(self, request: Request) -> None:
        if request.f not in self.machine.operations:
            self.ctx.fail(request, f"paxos-log has no operation {request.f}")
        elif request.id in self.machine.answers:
            self.ctx.reply(request, self.machine.answers[request.id])
        else:
            self.waiting[request.id] = request
            self.tries[request.id] = 0
            self.retry(request)

    def retry(self, request: Request) -> None:
        """Pass it to the leader, if one is known, until it is seen decided."""
        if self.tries[request.id] == TRIES_MAX:
            del self.waiting[request.id], self.tries[request.id]
            self.give_up(request)
            return
        self.tries[request.id] += 1
        self.ctx.set_timer(("retry", request.id), RETRY_MS)
        self.pass_on(request)

    def pass_on(self, request: Request) -> None:
        if self.leader is not None and self.leader.active:
            self.propose(request)
        elif self.follows is not None and self.follows != self.me:
            self.ctx.send(self.follows, Propose(request))

    def give_up(self, request: Request) -> None:
        """It may be in the log all the same, or yet come there: unknown."""
        self.ctx.info(request, f"not decided after {TRIES_MAX} tries")

    def on_decision(self, message: Decision) -> None:
        if message.slot not in self.decisions:
            self.journal.note(Decided(message.slot, message.command))
            self.learn(message.slot, message.command)

    def learn(self, slot: int, command: Command) -> None:
        """Keep a decision, and execute what has become executable: in the order of slots, none left out."""
        self.decisions[slot] = command
        while self.applied in self.decisions:
            self.applied += 1
            self.execute(self.decisions[self.applied - 1])

    def execute(self, command: Command) -> None:
        if command.request is None:
            return
        output = self.machine.execute(command.request)
        request = self.waiting.pop(command.request.id, None)
        if request is not None:
            del self.tries[request.id]
            self.ctx.cancel_timer(("retry", request.id))
            self.ctx.reply(request, output)

    def on_missing(self, sender: NodeId, message: Missing) -> None:
        for slot in range(message.first, message.first + BATCH_MAX):
            if slot in self.decisions:
                self.ctx.send(sender, Decision(slot, self.decisions[slot]))

    # The acceptor.

    def on_p1a(self, sender: NodeId, message: P1a) -> None:
        if not self.acceptor.promise(message.ballot):
            self.send(sender, Preempted(self.acceptor.ballot))
            return
        self.follow(sender, message.ballot)
        self.send(sender, P1b(message.ballot, self.acceptor.report(message.first, self.applied)))

    def on_p2a(self, sender: NodeId, message: P2a) -> None:
        if not self.acceptor.accept(message.ballot, message.slot, message.command):
            self.send(sender, Preempted(self.acceptor.ballot))
            return
        self.follow(sender, message.ballot)
        self.send(sender, P2b(message.ballot, message.slot))

    def on_heartbeat(self, sender: NodeId, message: Heartbeat) -> None:
        if message.ballot < self.acceptor.ballot:
            self.send(sender, Preempted(self.acceptor.ballot))
            return
        self.follow(sender, message.ballot)
        self.ctx.send(sender, HeartbeatReply(message.ballot))
        if self.applied < message.decided:
            self.ctx.send(sender, Missing(self.applied))

    def follow(self, sender: NodeId, ballot: Ballot) -> None:
        """A sign of a leader whose ballot is the newest known: an older office of our own is over."""
        if self.leader is not None and self.leader.ballot < ballot:
            self.resign()
        self.follows = sender
        self.followed_ms = self.ctx.now_ms()
        if sender != self.me:
            self.await_leader()

    def await_leader(self) -> None:
        self.ctx.set_timer("election", self.ctx.random.uniform(*ELECTION_MS))

    # Elections.

    def on_election_timeout(self) -> None:
        if self.leader is not None and self.leader.active:
            self.check_quorum(self.leader)
        else:
            self.start_pre_scout()

    def start_pre_scout(self) -> None:
        """No message of a leader: would a majority promise? A node that cannot receive the answers must not depose a
        leader."""
        self.follows = None
        self.pre_scout = Ballot(max(self.acceptor.ballot, self.seen).round + 1, self.me)
        self.supporters = {}
        self.await_leader()
        self.broadcast(PreScout(self.pre_scout))

    def on_pre_scout(self, sender: NodeId, message: PreScout) -> None:
        """Agree unless there is a leader: this node itself, or one whose message arrived within the shortest
        timeout."""
        leads = self.leader is not None and self.leader.active
        if sender == self.me or (not leads and self.ctx.now_ms() - self.followed_ms >= ELECTION_MS[0]):
            self.send(sender, PreScoutReply(message.ballot))

    def on_pre_scout_reply(self, sender: NodeId, message: PreScoutReply) -> None:
        if message.ballot != self.pre_scout or self.follows is not None:
            return
        self.supporters[sender] = message.ballot
        if self.is_quorum(self.supporters):
            self.pre_scout = NO_BALLOT
            self.scout()

    def check_quorum(self, leader: Leader) -> None:
        """A leader that a majority did not answer within an election timeout steps down: it may be able to send and
        not to receive, and then its heartbeats would keep every other node from becoming leader."""
        if self.is_quorum(leader.answered | {self.me: leader.ballot}):
            leader.answered = {}
            self.ctx.set_timer("election", ELECTION_MS[1])
        else:
            self.resign()

    def resign(self) -> None:
        self.leader = None
        self.ctx.cancel_timer("heartbeat")
        self.await_leader()

    # The leader.

    def scout(self) -> None:
        """Phase 1 for all slots that are not known to be decided."""
        highest = max(self.acceptor.ballot, self.seen)
        self.leader = self.make_leader(Ballot(highest.round + 1, self.me))
        self.await_leader()
        self.broadcast(P1a(self.leader.ballot, self.leader.first))

    def on_p1b(self, sender: NodeId, message: P1b) -> None:
        leader = self.leader
        if leader is None or leader.active or leader.ballot != message.ballot:
            return
        leader.promises[sender] = message.accepted
        if not self.is_quorum(leader.promises):
            return
        leader.active = True
        self.ctx.set_timer("election", ELECTION_MS[1])
        proposals = leader.adopt(self.me)
        leader.next_slot = max(proposals, default=leader.first - 1) + 1
        for slot, command in proposals.items():
            self.command(leader, slot, command)
        for request in list(self.waiting.values()):
            self.propose(request)
        self.beat()

    def is_quorum(self, who: dict[NodeId, Any]) -> bool:
        """Any two majorities share an acceptor."""
        return len(who) >= majority(self.nodes)

    def propose(self, request: Request) -> None:
        """Give the request the next free slot, unless it is on its way or done."""
        leader = self.leader
        if leader is None or not leader.active:
            return
        if request.id not in self.machine.answers and not leader.proposing(request.id):
            slot = leader.next_slot
            leader.next_slot += 1
            self.command(leader, slot, Command(request))

    def command(self, leader: Leader, slot: int, command: Command) -> None:
        """Phase 2a for one slot."""
        leader.commanders[slot] = Commander(command)
        self.broadcast(P2a(leader.ballot, slot, command))

    def on_p2b(self, sender: NodeId, message: P2b) -> None:
        leader = self.leader
        if leader is None or leader.ballot != message.ballot or message.slot not in leader.commanders:
            return
        commander = leader.commanders[message.slot]
        commander.acceptors[sender] = message.ballot
        if self.is_quorum(commander.acceptors):
            del leader.commanders[message.slot]
            self.broadcast(Decision(message.slot, commander.command))

    def on_preempted(self, message: Preempted) -> None:
        """A higher ballot was promised: step down, and let its candidate become leader."""
        self.seen = max(self.seen, message.promised)
        if self.leader is not None and self.leader.ballot < message.promised:
            self.resign()

    def on_heartbeat_reply(self, sender: NodeId, message: HeartbeatReply) -> None:
        if self.leader is not None and self.leader.ballot == message.ballot:
            self.leader.answered[sender] = message.ballot

    def beat(self) -> None:
        """Send heartbeats, and again the requests that were not answered."""
        leader = self.leader
        if leader is None or not leader.active:
            return
        self.ctx.set_timer("heartbeat", HEARTBEAT_MS)
        for node in self.nodes:
            if node == self.me:
                continue
            self.ctx.send(node, Heartbeat(leader.ballot, self.applied))
            for slot, commander in leader.commanders.items():
                if commander.beats and node not in commander.acceptors:
                    self.ctx.send(node, P2a(leader.ballot, slot, commander.command))
        for commander in leader.commanders.values():
            commander.beats += 1
