"""The owner's side of the generation clock: reads and writes, each stored by a majority under its generation.

This is phase 2 of Paxos under another name: a store is an accept request, and a fence a refusal by an acceptor that
has promised a higher ballot.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from targets.protocol.node import NodeId
from targets.systems.executed_once import RECENT_MAX, with_newest
from targets.systems.generation.candidate import ROUND_MS
from targets.systems.generation.messages import Entry, Fenced, Forwarded, Store, Stored
from targets.systems.generation.task import Task

if TYPE_CHECKING:
    from targets.systems.generation.clock import GenerationClock

STORES_MAX = 4
"""How often one store is sent."""
TRIES_MAX = 12
"""Under how many generations one request is tried."""


class Storing:
    """A store on its way to a majority, and the request that it serves."""

    def __init__(self, message: Store, task: Task) -> None:
        self.message = message
        self.task = task
        self.sent = 0
        self.stored: set[NodeId] = set()


class Owner:
    """Carries requests out under the generation that this node owns."""

    def __init__(self, node: GenerationClock) -> None:
        self.node = node
        self.owned = 0
        """The generation that this node owns; 0 if none. Not kept: a restarted owner campaigns again."""
        self.entries: dict[Any, Entry] = {}
        """The newest entry of each key."""
        self.rounds: dict[int, Storing] = {}
        self.round = 0

    def take_over(self, generation: int, votes: Iterable[tuple[Entry, ...]]) -> None:
        """Own the generation, with the newest entry of each key that its voters have stored.

        P2c of Paxos: what this generation stores is the value of the highest-numbered store among those of a majority.
        Whatever an earlier owner acknowledged is in one of these votes, and from now on its voters fence that owner.
        """
        self.owned = generation
        self.entries = {}
        for entry in (entry for entries in votes for entry in entries):
            held = self.entries.get(entry.key)
            if held is None or entry.stamp > held.stamp:
                self.entries[entry.key] = entry
        for key, entry in self.entries.items():
            self.entries[key] = Entry(key, generation, 0, entry.value, entry.recent, entry.writes)

    def execute(self, task: Task) -> None:
        """Write a new entry, or store the present one again before it is read out: only when a majority has stored it
        under this generation is it certain that no newer one was handed out when the request came."""
        self.round += 1
        request = task.request
        entry = self.entries.get(request.key, Entry(request.key, self.owned, 0, None))
        if request.f != "read" and request.id not in entry.recent:
            before = task.writes_before
            task.writes_before = entry.writes if before is None else min(before, entry.writes)
            if entry.writes - task.writes_before > RECENT_MAX:
                self.node.unknown(task, "too many writes followed: whether this one happened is no longer known")
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
        node, message = self.node, storing.message
        if storing.sent == STORES_MAX:
            del self.rounds[message.round]
            node.unknown(storing.task, f"no majority stored it, asked {STORES_MAX} times")
            return
        storing.sent += 1
        node.ctx.set_timer(("round", message.round), ROUND_MS)
        for other in node.nodes:
            if other != node.me and other not in storing.stored:
                node.ctx.send(other, message)
        if node.me not in storing.stored and node.voter.store(message.generation, message.entry):
            storing.stored.add(node.me)
        self.check_round(storing)

    def on_stored(self, sender: NodeId, message: Stored) -> None:
        storing = self.rounds.get(message.round)
        # rounds are counted from 1 again after a restart: only with its generation does a number name one
        if storing is not None and storing.message.generation == message.generation:
            storing.stored.add(sender)
            self.check_round(storing)

    def check_round(self, storing: Storing) -> None:
        """Answer once a majority has it: every later owner finds it in a vote."""
        if self.node.is_quorum(storing.stored):
            del self.rounds[storing.message.round]
            self.node.ctx.cancel_timer(("round", storing.message.round))
            self.node.ok(storing.task, storing.message.entry.value if storing.task.request.f == "read" else None)

    def on_fenced(self, message: Fenced) -> None:
        """The generation is over: the request is tried under another one. A write that some replica kept all the same
        is found in the votes by its id, or is older than whatever the next owner stores: it cannot count twice. Only
        this node knows how many writes it was carried out upon, so that it cannot be tried through another one."""
        node = self.node
        storing = self.rounds.get(message.round)
        node.candidate.newest_seen = max(node.candidate.newest_seen, message.newest)
        if self.owned == message.generation:
            self.owned = 0
        if storing is None or storing.message.generation != message.generation:
            return
        del self.rounds[message.round]
        node.ctx.cancel_timer(("round", message.round))
        task = storing.task
        task.tries += 1
        if task.request.f == "fenced-write" or (task.request.f == "write" and task.origin != node.me):
            node.unknown(task, "its generation ended before a majority had stored it")
        elif task.tries == TRIES_MAX:
            node.unknown(task, f"{TRIES_MAX} generations ended before a majority had stored it")
        elif task.origin == node.me:
            node.serve(task)
        else:
            node.ctx.send(task.origin, Forwarded(task.request, "again"))
