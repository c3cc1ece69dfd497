"""generation-clock: generations handed out by majority, and registers that only the newest generation may write.

`next` makes the asked node the owner of a new generation and returns its number: greater than every number returned
before it was asked, and no other node's. `write` and `read` are carried out by an owner under its generation, which
replicas check (the fence); a node that owns none passes them to the last owner it knows, or campaigns itself.
`fenced-write` shows the generation that its client was given: it is carried out under that one, or not at all.

A new owner takes over the newest entry of each key from the votes and stamps it with its own generation, and a read
stores what it is about to return. Both are Paxos' phase 1 and 2 under another name: the generation is the ballot. So a
node has three roles, a file each: voter.py (what a replica promises and stores), candidate.py and owner.py. This file
joins them, and has the clients' side.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from targets.protocol.node import Context, Message, NodeId, Request, Timer
from targets.systems.executed_once import AnswerTable
from targets.systems.generation.candidate import Candidate
from targets.systems.generation.messages import (
    Campaign,
    Fenced,
    Forward,
    Forwarded,
    Refusal,
    Store,
    Stored,
    Vote,
)
from targets.systems.generation.owner import Owner
from targets.systems.generation.task import Task
from targets.systems.generation.voter import Granted, Kept, Voter
from targets.systems.journal import Journal
from targets.systems.majority import majority

OPERATIONS = frozenset({"next", "read", "write", "fenced-write"})
OWNER_SILENT_MS = 120.0
"""So long a node takes the last owner it knows for the present one."""
FORWARD_MS = 100.0
"""How long a forwarded request may take before its node campaigns itself. The owner may carry it out all the same, and
much later: a read may come twice, a write is then given up."""
TRIED_MAX = 1024
"""How many fenced writes a node remembers to have tried."""


class GenerationClock:
    """A node: voter, candidate and owner at once. A broken variant overrides a decision of one of them."""

    candidate_type: type[Candidate] = Candidate
    owner_type: type[Owner] = Owner

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.me, self.nodes = ctx.me, ctx.nodes
        self.voter = self.make_voter()
        for record in self.voter.journal.recover():
            self.voter.restore(record)
        self.candidate = self.candidate_type(self)
        self.owner = self.owner_type(self)
        self.known_owner: NodeId | None = None
        """The node that requests are passed to."""
        self.forwarded: dict[str, Request] = {}
        self.tried: AnswerTable[None] = AnswerTable(TRIED_MAX)
        """The fenced writes that this node has tried."""

    def make_voter(self) -> Voter:
        return Voter(Journal(self.ctx.disk, Granted, Kept))

    def view(self) -> dict[str, Any]:
        owned = self.owner.owned
        return {
            "term": self.voter.generation,  # the name by which schedules and scenarios find the newest leader
            "role": "leader" if owned else "candidate" if self.candidate.standing else "follower",
            "owned": owned,
            "entries": {str(key): [*entry.stamp, entry.value] for key, entry in self.voter.entries.items()},
        }

    def is_quorum(self, who: Collection[NodeId]) -> bool:
        return len(who) >= majority(self.nodes)

    def receive(self, sender: NodeId, message: Message) -> None:
        match message:
            case Request():
                self.on_request(message)
            case Campaign():
                self.on_campaign(sender, message)
            case Vote():
                self.candidate.on_vote(sender, message)
            case Refusal():
                self.candidate.on_refusal(message)
            case Store():
                self.on_store(sender, message)
            case Stored():
                self.owner.on_stored(sender, message)
            case Fenced():
                self.owner.on_fenced(message)
            case Forward():
                self.on_forward(sender, message)
            case Forwarded():
                self.on_forwarded(message)

    def timeout(self, timer: Timer) -> None:
        match timer:
            case "campaign":
                self.candidate.campaign()
            case "owner":
                self.known_owner = None
            case ("round", int(round)) if round in self.owner.rounds:
                self.owner.send_round(self.owner.rounds[round])
            case ("forwarded", str(id)) if id in self.forwarded:
                self.known_owner = None
                request = self.forwarded.pop(id)
                if request.f == "read":
                    self.serve(Task(request, self.me))
                else:
                    # the owner may be about to store it: only a read may be carried out by two owners
                    self.ctx.info(request, "the owner did not answer")

    # The replica's answers to candidates and owners.

    def on_campaign(self, sender: NodeId, message: Campaign) -> None:
        if not self.voter.grant(message.generation, sender):
            self.ctx.send(sender, Refusal(message.generation, self.voter.generation))
            return
        self.learn_owner(sender, message.generation)
        self.ctx.send(sender, Vote(message.generation, tuple(self.voter.entries.values())))

    def on_store(self, sender: NodeId, message: Store) -> None:
        if self.voter.store(message.generation, message.entry):
            self.learn_owner(sender, message.generation)
            self.ctx.send(sender, Stored(message.generation, message.round))
        else:
            self.ctx.send(sender, Fenced(message.generation, message.round, self.voter.generation))

    def learn_owner(self, owner: NodeId, generation: int) -> None:
        """Another node has, or is about to have, this generation: an older one of ours is over."""
        if generation > self.owner.owned:
            self.owner.owned = 0
        self.known_owner = owner
        self.ctx.set_timer("owner", OWNER_SILENT_MS)

    # Clients.

    def on_request(self, request: Request) -> None:
        if request.f not in OPERATIONS:
            self.ctx.fail(request, f"generation-clock has no operation {request.f}")
        elif request.f == "fenced-write":
            self.fenced_write(request)
        elif request.f != "next" and not self.owner.owned and self.known_owner is not None:
            self.forwarded[request.id] = request
            self.ctx.set_timer(("forwarded", request.id), FORWARD_MS)
            self.ctx.send(self.known_owner, Forward(request))
        else:
            self.serve(Task(request, self.me))

    def fenced_write(self, request: Request) -> None:
        """Only the owner of that very generation may try; the replicas know whether it is over."""
        generation = request.input[0]
        if self.owner.owned and self.owner.owned == generation:
            self.tried.remember(request.id, None)
            self.owner.execute(Task(request, self.me))
        elif request.id in self.tried:
            self.ctx.info(request, "a copy of it was tried")
        else:
            self.ctx.fail(request, f"generation {generation} is over, or another node owns it")

    def on_forward(self, sender: NodeId, message: Forward) -> None:
        if self.owner.owned:
            self.serve(Task(message.request, sender))
        else:
            self.ctx.send(sender, Forwarded(message.request, "again"))

    def on_forwarded(self, message: Forwarded) -> None:
        request = self.forwarded.pop(message.request.id, None)
        if request is None:
            return
        if message.status == "ok":
            self.ctx.reply(request, message.output)
        elif message.status == "info":
            self.ctx.info(request, message.error)
        else:
            self.known_owner = None
            self.serve(Task(request, self.me))

    def serve(self, task: Task) -> None:
        """Carry it out as owner, or campaign first. `next` always campaigns: its generation must be a new one."""
        if self.owner.owned and task.request.f != "next":
            self.owner.execute(task)
        else:
            self.candidate.wait(task)

    def ok(self, task: Task, output: Any) -> None:
        if task.origin == self.me:
            self.ctx.reply(task.request, output)
        else:
            self.ctx.send(task.origin, Forwarded(task.request, "ok", output))

    def unknown(self, task: Task, error: str) -> None:
        """It may have happened, may yet, or a second copy of it may be under way."""
        if task.origin != self.me:
            self.ctx.send(task.origin, Forwarded(task.request, "info", error=error))
        else:
            self.ctx.info(task.request, error)
