"""The search counts the states that Stateright counts for the same protocols.

Stateright (Nadal, https://github.com/stateright/stateright) asserts in its examples that the register of Attiya, Bar-
Noy and Dolev with 2 servers and 2 clients has 544 unique states, and single-decree Paxos with 3 servers and 2 clients
16,668. Each client writes once and then reads; messages arrive once, in any order. A state there is what actors hold,
messages under way, answers included, and the history of the clients: of each operation, how many the others had
finished when it was invoked, and what it returned. So clients are nodes here, and an invariant remembers the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, permutations
from typing import Any

import pytest

from naysayer.explore.rules import Rules
from naysayer.explore.scope import Scope
from naysayer.explore.search import Search
from targets.protocol.invariant import LocalInvariant
from targets.protocol.node import Context, Message, Node, NodeId, Timer


class Sent(Message, frozen=True):
    kind: str
    content: tuple[Any, ...] = ()


class Actor:
    """A server or a client, with what both need. Servers come first."""

    def start(self, ctx: Context, servers: int) -> None:
        self.ctx, self.id, self.servers = ctx, ctx.nodes.index(ctx.me), servers
        self.peers = [name for name in ctx.nodes[:servers] if name != ctx.me]
        self.begin()

    def begin(self) -> None: ...

    def receive(self, sender: NodeId, message: Message) -> None:
        assert isinstance(message, Sent)
        handle = getattr(self, f"on_{message.kind}", None)
        if handle is not None:
            handle(sender, *message.content)

    def send(self, to: NodeId, kind: str, *content: Any) -> None:
        self.ctx.send(to, Sent(kind, content))

    def broadcast(self, kind: str, *content: Any) -> None:
        for peer in self.peers:
            self.send(peer, kind, *content)

    def is_majority(self, who: frozenset[Any]) -> bool:
        return len(who) == self.servers // 2 + 1


class Client(Actor):
    """It writes once, then reads from the next server."""

    def begin(self) -> None:
        self.returned: tuple[Any, ...] = ()
        self.awaiting: int | None = self.id
        self.send(self.ctx.nodes[self.id % self.servers], "put", self.id, f"value of {self.ctx.me}")

    def on_put_ok(self, sender: NodeId, request: int) -> None:
        if request == self.awaiting:
            self.returned, self.awaiting = (None,), 2 * self.id
            self.send(self.ctx.nodes[(self.id + 1) % self.servers], "get", self.awaiting)

    def on_get_ok(self, sender: NodeId, request: int, value: Any) -> None:
        if request == self.awaiting:
            self.returned, self.awaiting = (None, value), None


class Abd(Actor):
    """The register of Attiya, Bar-Noy and Dolev, in which every operation has both phases."""

    def begin(self) -> None:
        self.seq, self.value = (0, self.id), None
        self.collecting: tuple[Any, ...] | None = None
        """Phase 1: the request, its client, what it writes (or None), the answers."""
        self.recording: tuple[Any, ...] | None = None
        """Phase 2: the request, its client, what it answers, who has recorded."""

    def on_put(self, client: NodeId, request: int, value: Any) -> None:
        if self.collecting is None and self.recording is None:
            self.collecting = (request, client, (value,), frozenset({(self.id, self.seq, self.value)}))
            self.broadcast("query", request)

    def on_get(self, client: NodeId, request: int) -> None:
        if self.collecting is None and self.recording is None:
            self.collecting = (request, client, None, frozenset({(self.id, self.seq, self.value)}))
            self.broadcast("query", request)

    def on_query(self, sender: NodeId, request: int) -> None:
        self.send(sender, "ack_query", request, self.seq, self.value)

    def on_ack_query(self, sender: NodeId, request: int, seq: tuple[int, int], value: Any) -> None:
        if self.collecting is None or self.collecting[0] != request:
            return
        _, client, write, answers = self.collecting
        answers |= {(sender, seq, value)}
        self.collecting = (request, client, write, answers)
        if self.is_majority(answers):
            _, seq, value = max(answers, key=lambda answer: answer[1])
            answer: tuple[Any, ...] = ("get_ok", request, value)
            if write is not None:
                seq, value, answer = (seq[0] + 1, self.id), write[0], ("put_ok", request)
            self.broadcast("record", request, seq, value)
            self.keep(seq, value)
            self.collecting, self.recording = None, (request, client, answer, frozenset({self.ctx.me}))

    def keep(self, seq: tuple[int, int], value: Any) -> None:
        if seq > self.seq:
            self.seq, self.value = seq, value

    def on_record(self, sender: NodeId, request: int, seq: tuple[int, int], value: Any) -> None:
        self.send(sender, "ack_record", request)
        self.keep(seq, value)

    def on_ack_record(self, sender: NodeId, request: int) -> None:
        if self.recording is None or self.recording[0] != request or sender in self.recording[3]:
            return
        _, client, answer, recorded = self.recording
        self.recording = (request, client, answer, recorded | {sender})
        if self.is_majority(self.recording[3]):
            self.send(client, *answer)
            self.recording = None


class Paxos(Actor):
    """Single-decree Paxos, in which a server proposes once."""

    def begin(self) -> None:
        self.ballot = (0, 0)
        self.proposal: tuple[Any, ...] | None = None
        self.prepares: frozenset[Any] = frozenset()
        self.accepts: frozenset[NodeId] = frozenset()
        self.accepted: tuple[Any, ...] = ()
        self.decided = False

    def receive(self, sender: NodeId, message: Message) -> None:
        assert isinstance(message, Sent)
        if not self.decided or message.kind == "get":
            super().receive(sender, message)

    def on_get(self, client: NodeId, request: int) -> None:
        if self.decided:
            self.send(client, "get_ok", request, self.accepted[1][2])

    def on_put(self, client: NodeId, request: int, value: Any) -> None:
        if self.proposal is None:
            self.proposal, self.ballot = (request, client, value), (self.ballot[0] + 1, self.id)
            self.prepares, self.accepts = frozenset({(self.ctx.me, self.accepted)}), frozenset()
            self.broadcast("prepare", self.ballot)

    def on_prepare(self, sender: NodeId, ballot: tuple[int, int]) -> None:
        if self.ballot < ballot:
            self.ballot = ballot
            self.send(sender, "prepared", ballot, self.accepted)

    def on_prepared(self, sender: NodeId, ballot: tuple[int, int], accepted: tuple[Any, ...]) -> None:
        if ballot != self.ballot:
            return
        self.prepares |= {(sender, accepted)}
        if self.is_majority(self.prepares):
            last = max(one for _, one in self.prepares)
            self.proposal = last[1] if last else self.proposal
            self.accepted, self.accepts = (ballot, self.proposal), self.accepts | {self.ctx.me}
            self.broadcast("accept", ballot, self.proposal)

    def on_accept(self, sender: NodeId, ballot: tuple[int, int], proposal: tuple[Any, ...]) -> None:
        if self.ballot <= ballot:
            self.ballot, self.accepted = ballot, (ballot, proposal)
            self.send(sender, "accepted", ballot)

    def on_accepted(self, sender: NodeId, ballot: tuple[int, int]) -> None:
        if ballot != self.ballot:
            return
        self.accepts |= {sender}
        if self.is_majority(self.accepts):
            self.decided = True
            assert self.proposal is not None
            self.broadcast("decided", ballot, self.proposal)
            self.send(self.proposal[1], "put_ok", self.proposal[0])

    def on_decided(self, sender: NodeId, ballot: tuple[int, int], proposal: tuple[Any, ...]) -> None:
        self.ballot, self.accepted, self.decided = ballot, (ballot, proposal), True


Finished = tuple[frozenset[tuple[NodeId, int]], Any]
"""An operation: how many of each other client's operations were finished when it was invoked, and what it returned."""


class Recorder(LocalInvariant):
    """The history of the clients as Stateright's tester of linearizability keeps it, in what an invariant remembers:
    by client its finished operations, and how many the others had finished when its open one was invoked."""

    name = "history"

    def look(self, node: Node) -> Any:
        client = node.actor if isinstance(node, Member) else None
        return (client.returned, client.awaiting is not None) if isinstance(client, Client) else None

    def judge(self, history: dict[Any, Any], stepped: NodeId, seen: Mapping[NodeId, Any]) -> str | None:
        returned, waits = seen[stepped]
        done, begun = history.get(stepped, ((), None))
        if len(done) < len(returned):
            done, begun = (*done, (begun, returned[-1])), None
        if waits and begun is None:
            others = ((name, len(one[0])) for name, one in history.items() if name != stepped and one[0])
            begun = frozenset(others)
        history[stepped] = (done, begun)
        return None if linearizable(history) else "no order of the operations explains the answers"


def linearizable(history: Mapping[NodeId, Any]) -> bool:
    """By all orders of the finished operations and any of the open ones: each after those finished when it began."""
    finished = {(name, at): one for name, (done, _) in history.items() for at, one in enumerate(done)}
    opened = {(name, len(done)): (begun, ...) for name, (done, begun) in history.items() if begun is not None}
    return any(
        explains(order)
        for count in range(len(opened) + 1)
        for taken in combinations(opened.items(), count)
        for order in permutations([*finished.items(), *taken])
    )


def explains(order: tuple[tuple[tuple[NodeId, int], Finished], ...]) -> bool:
    held, passed = None, dict[NodeId, int]()
    for (name, at), (before, returned) in order:
        if passed.get(name, 0) != at or any(passed.get(other, 0) < count for other, count in before):
            return False
        passed[name] = at + 1
        if at == 0:
            held = f"value of {name}"
        elif returned not in (held, ...):
            return False
    return True


class Member:
    """A node: a server or, after the servers, a client."""

    def __init__(self, server: type[Actor], servers: int) -> None:
        self.server, self.servers = server, servers

    def start(self, ctx: Context) -> None:
        self.actor = (self.server if ctx.nodes.index(ctx.me) < self.servers else Client)()
        self.actor.start(ctx, self.servers)

    def receive(self, sender: NodeId, message: Message) -> None:
        self.actor.receive(sender, message)

    def timeout(self, timer: Timer) -> None: ...

    def view(self) -> dict[str, Any]:
        return {}


@pytest.mark.slow
@pytest.mark.parametrize(("server", "servers", "states"), [(Abd, 2, 544), (Paxos, 3, 16_668)])
def test_as_many_states_as_stateright(server: type[Actor], servers: int, states: int) -> None:
    scope = Scope("", (), servers + 2)
    found = Search(lambda: Member(server, servers), scope, Rules(), invariants=[Recorder]).run(100_000)
    assert (found.failure, found.cut, found.states) == (None, None, states)


def test_the_history_of_a_wrong_register_is_not_linearizable() -> None:
    class Forgetful(Abd):
        def keep(self, seq: tuple[int, int], value: Any) -> None: ...

    found = Search(lambda: Member(Forgetful, 2), Scope("", (), 4), Rules(), invariants=[Recorder]).run(100_000)
    assert found.failure is not None
    assert "no order of the operations" in found.failure.why
