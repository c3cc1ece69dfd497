"""generation-clock: generations handed out by majority, and registers that only the newest generation may write.

`next` makes the asked node the owner of a new generation and returns its number: greater than every number returned
before it was asked, and nobody else's. `write` and `read` are carried out by an owner under its generation, which
replicas check (the fence); a node that owns none passes them to the owner it heard of last, or campaigns itself.
`fenced-write` shows the generation that its client was given: it is carried out under that one, or not at all.

A new owner takes over the newest entry of each key from the votes and stamps it with its own generation, and a read
stores what it is about to return. Both are Paxos' phase 1 and 2 under another name: the generation is the ballot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Any

from targets.protocol.node import Context, Message, NodeId, Request, Timer
from targets.systems.executed_once import RECENT_MAX, with_newest
from targets.systems.generation.messages import (
    Campaign,
    Entry,
    Fenced,
    Forward,
    Forwarded,
    Refusal,
    Store,
    Stored,
    Vote,
)
from targets.systems.generation.voter import Granted, Kept, Voter
from targets.systems.journal import Journal
from targets.systems.majority import majority

OPERATIONS = frozenset({"next", "read", "write", "fenced-write"})
ROUND_MS = 60.0
"""How long a campaign or a store may take before it is tried again."""
BACK_OFF_MS = 25.0
"""The mean pause after a lost campaign."""
CAMPAIGNS_MAX = 16
"""After so many campaigns all waiting requests are given up."""
STORES_MAX = 4
"""How often one store is sent."""
OWNER_SILENT_MS = 120.0
"""So long a node believes in the owner it heard of last."""
FORWARD_MS = 100.0
"""How long a forwarded request may take before its node campaigns itself. The owner may carry it out all the same, and
much later: a read may come twice, a write is then given up."""
TRIES_MAX = 12
"""Under how many generations one request is tried."""


class Task:
    """A client's request, and the node that it came through."""

    def __init__(self, request: Request, origin: NodeId) -> None:
        self.request = request
        self.origin = origin
        self.tries = 0
        self.writes_before: int | None = None
        """The least number of writes of the key that this one was carried out upon; None if it never was."""


class Standing:
    """A campaign: for which generation, on behalf of which `next`, if any, and the votes it has.

    A `next` that comes while a campaign runs must wait for another one: this generation may have been granted before
    it was asked, and a greater one given out since.
    """

    def __init__(self, generation: int, task: Task | None) -> None:
        self.generation = generation
        self.task = task
        self.votes: dict[NodeId, tuple[Entry, ...]] = {}


class Storing:
    """A store on its way to a majority, and the request that it serves."""

    def __init__(self, message: Store, task: Task) -> None:
        self.message = message
        self.task = task
        self.sent = 0
        self.stored: set[NodeId] = set()


class GenerationClock:
    """A node: voter, candidate and owner at once."""

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.me, self.nodes = ctx.me, ctx.nodes
        self.voter = self.make_voter()
        for record in self.voter.journal.recover():
            self.voter.restore(record)
        self.owned = 0
        """The generation that this node owns; 0 if none. Not kept: a restarted owner campaigns anew."""
        self.standing: Standing | None = None
        self.newest_seen = 0
        self.campaigns = 0
        self.waiting: deque[Task] = deque()
        self.entries: dict[Any, Entry] = {}
        """As owner: the newest entry of each key."""
        self.rounds: dict[int, Storing] = {}
        self.round = 0
        self.owner: NodeId | None = None
        """Whom this node believes to be the owner."""
        self.forwarded: dict[str, Request] = {}

    def make_voter(self) -> Voter:
        return Voter(Journal(self.ctx.disk, Granted, Kept))

    def view(self) -> dict[str, Any]:
        return {
            "generation": self.voter.generation,
            "role": "leader" if self.owned else "candidate" if self.standing else "follower",
            "owned": self.owned,
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
                self.on_vote(sender, message)
            case Refusal():
                self.on_refusal(message)
            case Store():
                self.on_store(sender, message)
            case Stored():
                self.on_stored(sender, message)
            case Fenced():
                self.on_fenced(message)
            case Forward():
                self.on_forward(sender, message)
            case Forwarded():
                self.on_forwarded(message)

    def timeout(self, timer: Timer) -> None:
        match timer:
            case "campaign":
                self.campaign()
            case "owner":
                self.owner = None
            case ("round", int(round)) if round in self.rounds:
                self.send_round(self.rounds[round])
            case ("forwarded", str(id)) if id in self.forwarded:
                self.owner = None
                request = self.forwarded.pop(id)
                if request.f == "read":
                    self.serve(Task(request, self.me))
                else:
                    self.ctx.info(request, "the owner did not answer")

    # Clients.

    def on_request(self, request: Request) -> None:
        if request.f not in OPERATIONS:
            self.ctx.fail(request, f"generation-clock has no operation {request.f}")
        elif request.f == "fenced-write":
            self.fenced_write(request)
        elif request.f != "next" and not self.owned and self.owner is not None:
            self.forwarded[request.id] = request
            self.ctx.set_timer(("forwarded", request.id), FORWARD_MS)
            self.ctx.send(self.owner, Forward(request))
        else:
            self.serve(Task(request, self.me))

    def fenced_write(self, request: Request) -> None:
        """Only the owner of that very generation may try; the replicas know whether it is over."""
        generation = request.input[0]
        if self.owned and self.owned == generation:
            self.execute(Task(request, self.me))
        else:
            self.ctx.fail(request, f"generation {generation} is over, or another node owns it")

    def on_forward(self, sender: NodeId, message: Forward) -> None:
        if self.owned:
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
            self.owner = None
            self.serve(Task(request, self.me))

    def serve(self, task: Task) -> None:
        """Carry it out as owner, or campaign first. `next` always campaigns."""
        if self.owned and task.request.f != "next":
            self.execute(task)
            return
        self.waiting.append(task)
        if self.standing is None and len(self.waiting) == 1:
            self.campaigns = 0
            self.campaign()

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

    # Candidates.

    def campaign(self) -> None:
        """Ask all for the next generation, after granting it to oneself on one's own disk."""
        self.standing = None
        if not self.waiting:
            return
        if self.campaigns == CAMPAIGNS_MAX:
            for task in self.waiting:
                if task.origin == self.me:
                    self.ctx.info(task.request, f"no majority granted a generation in {CAMPAIGNS_MAX} campaigns")
                else:
                    self.ctx.send(task.origin, Forwarded(task.request, "again"))
            self.waiting.clear()
            return
        self.campaigns += 1
        generation = max(self.voter.generation, self.newest_seen) + 1
        if not self.voter.grant(generation, self.me):
            self.ctx.set_timer("campaign", BACK_OFF_MS)
            return
        self.owned = 0
        served = next((task for task in self.waiting if task.request.f == "next"), None)
        self.standing = Standing(generation, served)
        self.standing.votes[self.me] = tuple(self.voter.entries.values())
        self.ctx.set_timer("campaign", ROUND_MS)
        for node in self.nodes:
            if node != self.me:
                self.ctx.send(node, Campaign(generation))
        if self.is_quorum(self.standing.votes):
            self.win(self.standing)

    def on_campaign(self, sender: NodeId, message: Campaign) -> None:
        if not self.voter.grant(message.generation, sender):
            self.ctx.send(sender, Refusal(message.generation, self.voter.generation))
            return
        self.hear_owner(sender, message.generation)
        self.ctx.send(sender, Vote(message.generation, tuple(self.voter.entries.values())))

    def hear_owner(self, owner: NodeId, generation: int) -> None:
        """Somebody else has, or is about to have, this generation: an older one of ours is over."""
        if generation > self.owned:
            self.owned = 0
        self.owner = owner
        self.ctx.set_timer("owner", OWNER_SILENT_MS)

    def on_vote(self, sender: NodeId, message: Vote) -> None:
        if self.standing is None or not self.counts(message, self.standing):
            return
        self.standing.votes[sender] = message.entries
        if self.is_quorum(self.standing.votes):
            self.win(self.standing)

    def counts(self, vote: Vote, standing: Standing) -> bool:
        """A vote counts for the generation that it names and no other."""
        return vote.generation == standing.generation

    def on_refusal(self, message: Refusal) -> None:
        self.newest_seen = max(self.newest_seen, message.newest)
        if self.standing is not None and self.standing.generation == message.generation:
            self.standing = None
            self.ctx.set_timer("campaign", self.ctx.random.uniform(0.2, 1.8) * BACK_OFF_MS)

    def win(self, standing: Standing) -> None:
        """Own the generation: take over the newest entry of each key, then serve who waits."""
        self.standing = None
        self.campaigns = 0
        self.owned = generation = standing.generation
        self.owner = None
        self.ctx.cancel_timer("campaign")
        self.entries = {}
        for entry in (entry for entries in standing.votes.values() for entry in entries):
            held = self.entries.get(entry.key)
            if held is None or entry.stamp > held.stamp:
                self.entries[entry.key] = entry
        for key, entry in self.entries.items():
            self.entries[key] = Entry(key, generation, 0, entry.value, entry.recent, entry.writes)
        waiting, self.waiting = self.waiting, deque()
        for task in waiting:
            if task is standing.task:
                self.ok(task, generation)
            elif task.request.f == "next":
                self.waiting.append(task)
            else:
                self.execute(task)
        if self.waiting:
            self.campaign()

    # Owners.

    def execute(self, task: Task) -> None:
        """Write a new entry, or store the present one again before it is read out."""
        self.round += 1
        request = task.request
        entry = self.entries.get(request.key, Entry(request.key, self.owned, 0, None))
        if request.f != "read" and request.id not in entry.recent:
            before = task.writes_before
            task.writes_before = entry.writes if before is None else min(before, entry.writes)
            if entry.writes - task.writes_before > RECENT_MAX:
                self.unknown(task, "too much was written since: whether this was is no longer known")
                return
            recent = with_newest(entry.recent, request.id)
            value = request.input[1] if request.f == "fenced-write" else request.input
            entry = Entry(request.key, self.owned, self.round, value, recent, entry.writes + 1)
        self.entries[request.key] = entry
        storing = Storing(Store(self.owned, self.round, entry), task)
        self.rounds[self.round] = storing
        self.send_round(storing)

    def send_round(self, storing: Storing) -> None:
        """Send the store to all who have not answered, this node's own replica first."""
        message = storing.message
        if storing.sent == STORES_MAX:
            del self.rounds[message.round]
            self.unknown(storing.task, f"no majority stored it, asked {STORES_MAX} times")
            return
        storing.sent += 1
        self.ctx.set_timer(("round", message.round), ROUND_MS)
        for node in self.nodes:
            if node != self.me and node not in storing.stored:
                self.ctx.send(node, message)
        if self.me not in storing.stored and self.voter.store(message.generation, message.entry):
            storing.stored.add(self.me)
        self.check_round(storing)

    def on_store(self, sender: NodeId, message: Store) -> None:
        if self.voter.store(message.generation, message.entry):
            self.hear_owner(sender, message.generation)
            self.ctx.send(sender, Stored(message.generation, message.round))
        else:
            self.ctx.send(sender, Fenced(message.generation, message.round, self.voter.generation))

    def on_stored(self, sender: NodeId, message: Stored) -> None:
        storing = self.rounds.get(message.round)
        if storing is not None and storing.message.generation == message.generation:
            storing.stored.add(sender)
            self.check_round(storing)

    def check_round(self, storing: Storing) -> None:
        if self.is_quorum(storing.stored):
            del self.rounds[storing.message.round]
            self.ctx.cancel_timer(("round", storing.message.round))
            self.ok(storing.task, storing.message.entry.value if storing.task.request.f == "read" else None)

    def on_fenced(self, message: Fenced) -> None:
        """The generation is over: the request is tried under another one. A write that somebody kept all the same is
        found in the votes by its id, or is older than whatever the next owner stores: it cannot count twice. Only this
        node knows how many writes it was carried out upon, so that it cannot be tried through another one."""
        storing = self.rounds.get(message.round)
        self.newest_seen = max(self.newest_seen, message.newest)
        if self.owned == message.generation:
            self.owned = 0
        if storing is None or storing.message.generation != message.generation:
            return
        del self.rounds[message.round]
        self.ctx.cancel_timer(("round", message.round))
        task = storing.task
        task.tries += 1
        if task.request.f == "fenced-write" or (task.request.f == "write" and task.origin != self.me):
            self.unknown(task, "its generation ended before a majority had stored it")
        elif task.tries == TRIES_MAX:
            self.unknown(task, f"{TRIES_MAX} generations ended before a majority had stored it")
        elif task.origin == self.me:
            self.serve(task)
        else:
            self.ctx.send(task.origin, Forwarded(task.request, "again"))
