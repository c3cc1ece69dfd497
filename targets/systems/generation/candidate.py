"""The candidate's side of the generation clock: campaigns for a generation that no node has yet.

This is phase 1 of Paxos under another name ("Paxos Made Simple", section 2.2): a campaign is a prepare request, a vote
a promise that reports what its voter has stored, and the generation the ballot.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from targets.protocol.node import NodeId
from targets.systems.generation.messages import Campaign, Entry, Forwarded, Refusal, Vote
from targets.systems.generation.task import Task

if TYPE_CHECKING:
    from targets.systems.generation.clock import GenerationClock

ROUND_MS = 60.0
"""How long a campaign or a store may take before it is tried again."""
BACK_OFF_MS = 25.0
"""The mean pause after a lost campaign."""
CAMPAIGNS_MAX = 16
"""After so many campaigns all waiting requests are given up."""


class Standing:
    """A campaign: for which generation, on behalf of which `next`, if any, and the votes it has.

    A `next` that comes while a campaign runs must wait for another one: this generation may have been granted before
    it was asked, and a greater one given out since.
    """

    def __init__(self, generation: int, task: Task | None) -> None:
        self.generation = generation
        self.task = task
        self.votes: dict[NodeId, tuple[Entry, ...]] = {}


class Candidate:
    """Campaigns for as long as requests wait for a generation of this node."""

    def __init__(self, node: GenerationClock) -> None:
        self.node = node
        self.standing: Standing | None = None
        self.newest_seen = 0
        """The newest generation that a refusal named."""
        self.campaigns = 0
        self.waiting: deque[Task] = deque()

    def wait(self, task: Task) -> None:
        """Let a request wait for a generation, and campaign for one."""
        self.waiting.append(task)
        if self.standing is None and len(self.waiting) == 1:
            self.campaigns = 0
            self.campaign()

    def campaign(self) -> None:
        """Ask all for the next generation, after granting it to oneself on one's own disk."""
        node = self.node
        self.standing = None
        if not self.waiting:
            return
        if self.campaigns == CAMPAIGNS_MAX:
            self.give_up()
            return
        self.campaigns += 1
        # greater than all seen, and on our own disk before any other node learns of it: so no generation is ever
        # campaigned for twice, not even by a node that crashed in between
        generation = max(node.voter.generation, self.newest_seen) + 1
        if not node.voter.grant(generation, node.me):
            node.ctx.set_timer("campaign", BACK_OFF_MS)
            return
        node.owner.owned = 0
        served = next((task for task in self.waiting if task.request.f == "next"), None)
        self.standing = Standing(generation, served)
        self.standing.votes[node.me] = tuple(node.voter.entries.values())
        node.ctx.set_timer("campaign", ROUND_MS)
        for other in node.nodes:
            if other != node.me:
                node.ctx.send(other, Campaign(generation))
        if node.is_quorum(self.standing.votes):
            self.win(self.standing)

    def give_up(self) -> None:
        """Give up the requests that wait: a forwarded one goes back to the node that its client asked."""
        node = self.node
        for task in self.waiting:
            if task.origin == node.me:
                node.ctx.info(task.request, f"no majority granted a generation in {CAMPAIGNS_MAX} campaigns")
            else:
                node.ctx.send(task.origin, Forwarded(task.request, "again"))
        self.waiting.clear()

    def on_vote(self, sender: NodeId, message: Vote) -> None:
        if self.standing is None or not self.counts(message, self.standing):
            return
        self.standing.votes[sender] = message.entries
        if self.node.is_quorum(self.standing.votes):
            self.win(self.standing)

    def counts(self, vote: Vote, standing: Standing) -> bool:
        """A vote counts for the generation that it names and no other: a late one was given before its voter promised
        anything for this one, and does not report what it has stored since."""
        return vote.generation == standing.generation

    def on_refusal(self, message: Refusal) -> None:
        """A campaign is lost: the random pause lets the other candidate finish."""
        self.newest_seen = max(self.newest_seen, message.newest)
        if self.standing is not None and self.standing.generation == message.generation:
            self.standing = None
            self.node.ctx.set_timer("campaign", self.node.ctx.random.uniform(0.2, 1.8) * BACK_OFF_MS)

    def win(self, standing: Standing) -> None:
        """Own the generation, then serve the requests that wait for it."""
        node = self.node
        self.standing = None
        self.campaigns = 0
        node.known_owner = None
        node.ctx.cancel_timer("campaign")
        node.owner.take_over(standing.generation, standing.votes.values())
        waiting, self.waiting = self.waiting, deque()
        for task in waiting:
            if task is standing.task:
                node.ok(task, standing.generation)
            elif task.request.f == "next":
                self.waiting.append(task)  # it was asked after the campaign began: this generation is not for it
            else:
                node.owner.execute(task)
        if self.waiting:
            self.campaign()
