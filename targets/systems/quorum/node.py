"""A replicated key-value store with majority quorums: reads and writes only, no leader, no consensus.

Every node is a replica (replica.py), and coordinates the operations of the clients that ask it, in two phases (Attiya,
Bar-Noy and Dolev 1995, "Sharing Memory Robustly in Message-Passing Systems"; with several writers as in Lynch and
Shvartsman 1997):

            phase 1 (Get): ask all replicas         phase 2 (Put): send a version to all replicas
    write   take the largest version of a majority  put a larger one with the new value, until a majority has stored it
    read    take the newest value of a majority     put it back, until a majority has stored it (read repair)

Two majorities share a replica, so the first phase of an operation meets the second phase of every operation that
finished before it began. A read may leave out its second phase where a majority agrees already.

Dynamo (DeCandia et al. 2007) has the same coordinator with R + W > N. It differs in what costs linearizability: its
reads answer before the repair, its quorums are sloppy, and its versions are vector clocks that the application merges.

A write that its coordinator gave up may take effect later, so its outcome is unknown. There is no compare-and-set: two
phases cannot decide between two writers, which takes consensus.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from targets.protocol.node import Context, Message, NodeId, Request, Timer
from targets.systems.majority import majority
from targets.systems.quorum.messages import Get, Got, Put, Stored, Version, stamp
from targets.systems.quorum.replica import UNDER_WAY, UNKNOWN, Replica, RequestState

RESEND_MS = 120.0
ATTEMPTS = 6
"""How often a phase is sent before the coordinator gives up."""


class Operation(msgspec.Struct):
    """A client's operation that this node coordinates."""

    request: Request
    phase: Literal["get", "put"] = "get"
    answers: dict[NodeId, Got] = {}
    stored: set[NodeId] = set()
    put: Put | None = None
    attempts: int = 1


class QuorumNode:
    """A replica and a coordinator. Each decision is a separate method, so that a broken variant overrides one."""

    offers: ClassVar[frozenset[str]] = frozenset({"read", "write"})
    replica_type: type[Replica] = Replica

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.others = [node for node in ctx.nodes if node != ctx.me]
        self.operations: dict[int, Operation] = {}
        # answers to operations from before a crash may still arrive: a random start keeps them from matching new ones
        self.next_op = ctx.random.getrandbits(48)
        self.replica = self.replica_type(ctx.disk, ctx.me)
        self.replica.recover()
        self.confirmed: dict[Any, Version] = {}
        """What this incarnation has certainly confirmed to others, for the invariant."""
        self._confirming: Any = None

    def receive(self, sender: NodeId, message: Message) -> None:
        if self._confirming is not None:
            # there is a new input, so the effects of the handler that confirmed have all been carried out
            self.confirmed[self._confirming] = self.replica.version(self._confirming)
            self._confirming = None
        match message:
            case Get():
                self.ctx.send(sender, self.replica.look_up(message))
            case Put():
                self.replica.store(message)
                self.ctx.send(sender, Stored(message.op))
                self._confirming = message.key
            case Got():
                self.got(sender, message)
            case Stored():
                self.stored(sender, message.op)
            case Request():
                self.begin(message)

    def timeout(self, timer: Timer) -> None:
        """Send the phase again to the replicas that have not answered; after some attempts, give up."""
        operation = self.operations.get(timer)  # type: ignore[call-overload]
        if operation is None:
            return
        operation.attempts += 1
        if operation.attempts > ATTEMPTS:
            del self.operations[timer]  # type: ignore[arg-type]
            self.give_up(operation)
        else:
            self.send_phase(timer)  # type: ignore[arg-type]

    # decisions

    def majority(self) -> int:
        """How many replicas must answer in each phase: any two quorums share one. With half of them a read could ask
        just those that a finished write did not reach."""
        return majority(self.ctx.nodes)

    def new_version(self, answers: list[Got]) -> Version:
        """Larger than every version of a finished write, since a majority of answers contains it; and never given out
        before: another coordinator's name breaks a tie, and this node's own counter grows even over a crash."""
        replica = self.replica
        replica.counter = max(replica.counter, *[int(answer.version[0]) for answer in answers]) + 1
        return (replica.counter, self.ctx.me)

    def newest(self, answers: list[Got]) -> Got:
        found = answers[0]
        for answer in answers:
            if answer.version > found.version:
                found = answer
        return found

    def repair(self, number: int, put: Put) -> None:
        """Read repair: a majority must hold what this read returns, and before the answer. Otherwise a write under way
        that this read met at one replica could be missed by the next read, which would return an older value."""
        self.put(number, put)

    def give_up(self, operation: Operation) -> None:
        """No majority answered. A read, or a write in its first phase, certainly changed nothing. In its second phase
        some replica may have stored the version, and a later read may find it: fail would be a lie."""
        requests = self.replica.requests
        if operation.put is None or operation.request.f == "read":
            requests.remember(operation.request.id, RequestState("fail"))
            self.ctx.fail(operation.request, "no majority answered")
        else:
            requests.remember(operation.request.id, UNKNOWN)
            self.ctx.info(operation.request, "no majority has stored it, but some replica may have")

    # an operation, from its request to its answer

    def begin(self, request: Request) -> None:
        """Start the first phase; a request that arrives a second time gets the answer of the first."""
        requests = self.replica.requests
        if request.id in requests:
            # executed again, a copy of an old write would get a new version and overwrite what came after it
            self.answer_again(request, requests[request.id])
            return
        if request.f not in self.offers:
            self.ctx.fail(request, f"this store offers {', '.join(sorted(self.offers))}, not {request.f}")
            return
        requests.remember(request.id, UNDER_WAY)
        self.next_op += 1
        self.operations[self.next_op] = Operation(request)
        self.send_phase(self.next_op)

    def answer_again(self, request: Request, state: RequestState) -> None:
        match state.status:
            case "ok":
                self.ctx.reply(request, state.output)
            case "fail":
                self.ctx.fail(request, "no majority answered")
            case "info":
                self.ctx.info(request, "this request was under way once before")

    def send_phase(self, number: int) -> None:
        """Send the phase's message to all replicas that have not answered, and set the timer for the next attempt."""
        self.ctx.set_timer(number, RESEND_MS)
        operation = self.operations[number]
        put = operation.put
        if put is not None:
            if self.ctx.me not in operation.stored:
                # durable here before it is sent: a version that another node has seen is then never given out again
                self.replica.store(put)
                self.stored(self.ctx.me, number)
            for node in self.others:
                if node not in operation.stored:
                    self.ctx.send(node, put)
            return
        get = Get(number, operation.request.key)
        for node in self.others:
            if node not in operation.answers:
                self.ctx.send(node, get)
        if self.ctx.me not in operation.answers:
            self.got(self.ctx.me, self.replica.look_up(get))

    def got(self, sender: NodeId, answer: Got) -> None:
        operation = self.operations.get(answer.op)
        # later answers than a majority's would change what the second phase is sending
        if operation is None or operation.phase != "get":
            return
        operation.answers[sender] = answer
        if len(operation.answers) >= self.majority():
            self.answered(answer.op, operation)

    def answered(self, number: int, operation: Operation) -> None:
        """A majority has answered: the first phase ends."""
        answers = list(operation.answers.values())
        request = operation.request
        if request.f == "write":
            self.put(number, Put(number, request.key, self.new_version(answers), request.input, request.id))
            return
        newest = self.newest(answers)
        if len({answer.version for answer in answers}) == 1:
            # a majority holds it already, so every later read meets it: the second phase would change nothing
            self.finish(number, newest.value)
        else:
            # under its own version: the read must not make an old value look newer than a concurrent write
            self.repair(number, Put(number, request.key, newest.version, newest.value))

    def put(self, number: int, put: Put) -> None:
        """Start the second phase: bring a version to a majority."""
        operation = self.operations[number]
        operation.phase = "put"
        operation.put = put
        operation.attempts = 1
        self.send_phase(number)

    def stored(self, sender: NodeId, number: int) -> None:
        operation = self.operations.get(number)
        if operation is None or operation.put is None:
            return
        operation.stored.add(sender)  # a set: one replica that answers twice counts once
        if len(operation.stored) >= self.majority():
            self.finish(number, operation.put.value if operation.request.f == "read" else None)

    def finish(self, number: int, output: Any) -> None:
        self.ctx.cancel_timer(number)
        request = self.operations.pop(number).request
        self.replica.requests.remember(request.id, RequestState("ok", output))
        self.ctx.reply(request, output)

    def working(self) -> dict[str, str]:
        """By the id of a request: its phase, what came of that, and how many answers of how many there are."""
        return {one.request.id: self._stands(one) for one in self.operations.values()}

    def _stands(self, operation: Operation) -> str:
        if operation.put is None:
            found = [f"{self._called(node)} {got.content()}" for node, got in operation.answers.items()]
            return f"get: {', '.join(found) or 'no answer'}; {len(found)} of {self.majority()}"
        stored = ", ".join(map(self._called, sorted(operation.stored)))
        of = f"{len(operation.stored)} of {self.majority()}"
        return f"put {operation.put.content()}: {f'stored by {stored}' if stored else 'not stored yet'}; {of}"

    def _called(self, node: NodeId) -> str:
        return "itself" if node == self.ctx.me else node

    def view(self) -> dict[str, Any]:
        """Per key its value and version."""
        return {str(key): [value, stamp(version)] for key, (version, value) in self.replica.held.items()}
