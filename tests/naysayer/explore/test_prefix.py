"""A prefix brings a node to lead, costs no timers, and is a part of what fails after it."""

from __future__ import annotations

from typing import Any

import pytest

from checker.errors import UsageError
from naysayer.explore.delays import DelayedSearch
from naysayer.explore.local import Fired
from naysayer.explore.scope import scope
from naysayer.explore.search import Search
from targets.protocol.node import Context, Message, Request, Timer
from targets.registry import find

MANY = 10_000


class Ask(Message, frozen=True):
    """For a vote."""


class Vote(Message, frozen=True):
    """For who asked."""


class Led:
    """The first that asks for votes leads; only a leader answers, and forgets what was written."""

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.voted = False
        self.votes = 0
        ctx.set_timer("election", 100)

    def receive(self, sender: str, message: Message) -> None:
        if isinstance(message, Ask) and not self.voted:
            self.voted = True
            self.ctx.send(sender, Vote())
        elif isinstance(message, Vote):
            self.votes += 1
        elif isinstance(message, Request) and self.votes >= 2:
            self.ctx.reply(message, None)

    def timeout(self, timer: Timer) -> None:
        self.voted = True
        for name in self.ctx.nodes:
            if name != self.ctx.me:
                self.ctx.send(name, Ask())

    def view(self) -> dict[str, Any]:
        return {"role": "leader" if self.votes >= 2 else "follower"}


class Never(Led):
    """It does not vote."""

    def receive(self, sender: str, message: Message) -> None: ...


def test_a_failure_begins_with_the_prefix_which_costs_no_timers() -> None:
    searched = Search(Led, scope("n2 leads: w@n2 r@n2", 3))
    found = searched.run(MANY)
    assert found.failure is not None
    actions = found.failure.actions
    assert [one.node for one in actions] == [1, 0, 2, 1, 1, 1, 1]
    assert isinstance(searched.locals.inputs[actions[0].input], Fired)
    assert [reply.status for replies in found.failure.replies for reply in replies] == ["ok", "ok"]


def test_without_it_nothing_succeeds_without_a_timer() -> None:
    found = Search(Led, scope("w@n2 r@n2", 3)).run(MANY)
    assert [one.id for one in found.unanswered] == ["c0.0", "c0.1"]


def test_a_node_that_never_leads_is_refused() -> None:
    with pytest.raises(UsageError, match=r"n1 does not come to lead: up to 5 timers were fired, one at a time"):
        Search(Never, scope("n1 leads: w", 3)).run(MANY)


def test_who_leads_must_be_there() -> None:
    with pytest.raises(UsageError, match="has n4 lead, and there are nodes n1 to n3"):
        scope("n4 leads: w", 3)


def test_a_second_node_leads_while_the_first_does_not_know() -> None:
    program = "n1 leads, n2 leads: w@n2 r@n1"
    for kind, delays in ((Search, None), (DelayedSearch, 0)):
        target = find("raft-log/read-without-read-index")
        found = kind(target.node, scope(program, 3, delays=delays)).run(1000)
        assert found.failure is not None
        assert [reply.output for replies in found.failure.replies for reply in replies] == [None, None]
        healthy = kind(find("raft-log").node, scope(program, 3, delays=delays)).run(1000)
        assert healthy.failure is None
