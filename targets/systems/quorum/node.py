"""A replicated key-value store with majority quorums: reads and writes only, no leader, no consensus.

Any replica coordinates any operation, in two phases (Attiya, Bar-Noy, Dolev 1995, with several writers as in Lynch and
Shvartsman 1997):

    write   ask all what they hold; from a majority's answers take the largest version; put a larger one; a majority
            has it durable: answer
    read    ask all; from a majority's answers take the newest; if they differ, put it back to a majority first
            (read repair): only then no later read can find anything older; answer

Two majorities share a replica, so what a finished operation left, the next one sees. A write that a coordinator gave up
may show later: its outcome is unknown. There is no atomic cas: two phases cannot decide between two writers.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from targets.protocol.node import Context, Message, NodeId, Request, Timer
from targets.systems.executed_once import AnswerTable
from targets.systems.majority import majority
from targets.systems.quorum.messages import NEVER, Get, Got, Put, Stored, Version, stamp
from targets.systems.wal.log import WriteAheadLog

RESEND_MS = 120.0
REQUESTS_KEPT = 10_000
"""How many requests a coordinator remembers, so that one that a network delivers twice is executed once."""
REQUESTS_SAVED = 1_000
"""How many of them a snapshot keeps."""
ATTEMPTS = 6
"""How often a phase is sent before the coordinator gives up."""
SNAPSHOT_RECORDS = 500
"""A snapshot is written after so many records, so that recovery stays short."""


class Record(msgspec.Struct, frozen=True, array_like=True):
    """What a replica remembers of a key."""

    key: Any
    version: Version
    value: Any
    request: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


class Answer(msgspec.Struct, frozen=True):
    """How a request ended here: the status of its reply (None while it is under way), and its output."""

    status: Literal["ok", "fail", "info"] | None
    output: Any = None


UNDER_WAY, UNKNOWN = Answer(None), Answer("info")


class Operation(msgspec.Struct):
    """A client's operation that this replica coordinates."""

    request: Request
    phase: Literal["get", "put"] = "get"
    answers: dict[NodeId, Got] = {}
    stored: set[NodeId] = set()
    put: Put | None = None
    attempts: int = 1


class QuorumNode:
    """One replica. Each decision is a method of its own, so that a broken variant overrides just one."""

    offers: ClassVar[frozenset[str]] = frozenset({"read", "write"})

    def __init__(self) -> None:
        self.held: dict[Any, tuple[Version, Any]] = {}
        self.operations: dict[int, Operation] = {}
        self.requests: AnswerTable[Answer] = AnswerTable(REQUESTS_KEPT)
        self.counter = 0
        """The largest counter that this replica ever gave out: no version is used twice, also after a crash."""
        self.next_op = 0
        self.records = 0
        """How many records are in the log behind the last snapshot."""
        self.confirmed: dict[Any, Version] = {}
        """What this incarnation has certainly confirmed to others, for the invariant."""
        self._confirming: Any = None
        self._handlers: dict[type[Message], Any] = {
            Get: self.on_get,
            Got: self.got,
            Put: self.on_put,
            Stored: lambda sender, message: self.stored(sender, message.op),
            Request: lambda sender, message: self.begin(message),
        }

    # recovery

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        # answers to operations of an earlier incarnation may still be on their way: start somewhere else
        self.next_op = self.ctx.random.getrandbits(48)
        self.others = [node for node in self.ctx.nodes if node != self.ctx.me]
        self.log = WriteAheadLog(self.ctx.disk)
        recovered = self.log.recover()
        if recovered.snapshot is not None:
            records, requests = msgspec.json.decode(recovered.snapshot, type=tuple[list[Record], list[str]])
            for record in records:
                self.adopt(record)
            self.requests.update((request, UNKNOWN) for request in requests)
        for payload in recovered.records:
            self.adopt(_decode(payload))
        self.records = len(recovered.records)

    def adopt(self, record: Record) -> None:
        """Hold a record in memory, and remember the counters that were given out here."""
        if self.newer(record.version, self.version(record.key)):
            self.held[record.key] = (record.version, record.value)
        if record.version[1] == self.ctx.me:
            self.counter = max(self.counter, int(record.version[0]))
            # executed here, perhaps before a crash: nobody knows any more how far it got
            self.requests.setdefault(record.request, UNKNOWN)

    def keep(self, record: Record) -> None:
        """Hold a record and make it durable: what is promised after this survives a crash."""
        self.persist(record)
        self.adopt(record)

    def persist(self, record: Record) -> None:
        self.log.append(_encode(record))
        self.log.sync()
        self.records += 1
        if self.records >= SNAPSHOT_RECORDS:
            self.records = 0
            index = self.log.next_index - 1
            held = [Record(key, version, value) for key, (version, value) in self.held.items()]
            self.log.snapshot(_encode(([*held, record], list(self.requests)[-REQUESTS_SAVED:])), index)
            self.log.clean(index + 1)

    # decisions

    def majority(self) -> int:
        """How many replicas must answer in each phase."""
        return majority(self.ctx.nodes)

    def newer(self, one: Version, other: Version) -> bool:
        """Versions are compared by counter, then by node: two are never equal unless they are the same write's."""
        return one > other

    def version(self, key: Any) -> Version:
        held = self.held.get(key)
        return NEVER if held is None else held[0]

    def new_version(self, answers: list[Got]) -> Version:
        """Larger than all that a majority holds, and never given out before."""
        self.counter = max(self.counter, *[int(answer.version[0]) for answer in answers]) + 1
        return (self.counter, self.ctx.me)

    # coordinating

    def receive(self, sender: NodeId, message: Message) -> None:
        if self._confirming is not None:
            # a new input is there: the effects of the handler that confirmed have all been carried out
            self.confirmed[self._confirming] = self.version(self._confirming)
            self._confirming = None
        self._handlers[type(message)](sender, message)

    def on_get(self, sender: NodeId, message: Get) -> None:
        self.ctx.send(sender, self.look_up(message))

    def on_put(self, sender: NodeId, message: Put) -> None:
        self.store(message)
        self.ctx.send(sender, Stored(message.op))
        self._confirming = message.key

    def look_up(self, message: Get) -> Got:
        version, value = self.held.get(message.key, (NEVER, None))
        return Got(message.op, version, value)

    def store(self, put: Put) -> None:
        if self.newer(put.version, self.version(put.key)):
            self.keep(Record(put.key, put.version, put.value, put.request))

    def begin(self, request: Request) -> None:
        """Ask all replicas, this one included, what they hold; a request that came twice gets its answer again."""
        if request.id in self.requests:
            self.answer_again(request, self.requests[request.id])
            return
        if request.f not in self.offers:
            self.ctx.fail(request, f"this store offers {', '.join(sorted(self.offers))}, not {request.f}")
            return
        self.requests.remember(request.id, UNDER_WAY)
        self.next_op += 1
        self.operations[self.next_op] = Operation(request)
        self.send_phase(self.next_op)

    def answer_again(self, request: Request, answer: Answer) -> None:
        match answer.status:
            case "ok":
                self.ctx.reply(request, answer.output)
            case "fail":
                self.ctx.fail(request, "no majority answered")
            case "info":
                self.ctx.info(request, "this request was under way once before")

    def send_phase(self, number: int) -> None:
        """Send what the operation waits for to all that have not answered, and come back if it takes too long."""
        self.ctx.set_timer(number, RESEND_MS)
        operation = self.operations[number]
        put = operation.put
        if put is not None:
            if self.ctx.me not in operation.stored:
                self.store(put)  # first here: a version that was sent is then never given out again
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
            self.got(self.ctx.me, self.look_up(get))

    def got(self, sender: NodeId, answer: Got) -> None:
        operation = self.operations.get(answer.op)
        if operation is None or operation.phase != "get":
            return
        operation.answers[sender] = answer
        if len(operation.answers) >= self.majority():
            self.answered(answer.op, operation)

    def answered(self, number: int, operation: Operation) -> None:
        """A majority has said what it holds."""
        answers = list(operation.answers.values())
        request = operation.request
        if request.f == "write":
            self.put(number, Put(number, request.key, self.new_version(answers), request.input, request.id))
            return
        newest = self.newest(answers)
        if len({answer.version for answer in answers}) == 1:
            self.finish(number, newest.value)
        else:
            self.repair(number, Put(number, request.key, newest.version, newest.value))

    def newest(self, answers: list[Got]) -> Got:
        found = answers[0]
        for answer in answers:
            if self.newer(answer.version, found.version):
                found = answer
        return found

    def repair(self, number: int, put: Put) -> None:
        """Read repair, before the answer: a majority must hold what this read is about to return."""
        self.put(number, put)

    def put(self, number: int, put: Put) -> None:
        """Second phase: bring a version to a majority."""
        operation = self.operations[number]
        operation.phase = "put"
        operation.put = put
        operation.attempts = 1
        self.send_phase(number)

    def stored(self, sender: NodeId, number: int) -> None:
        operation = self.operations.get(number)
        if operation is None or operation.put is None:
            return
        operation.stored.add(sender)
        if len(operation.stored) >= self.majority():
            self.finish(number, operation.put.value if operation.request.f == "read" else None)

    def finish(self, number: int, output: Any) -> None:
        self.ctx.cancel_timer(number)
        request = self.operations.pop(number).request
        self.requests.remember(request.id, Answer("ok", output))
        self.ctx.reply(request, output)

    def timeout(self, timer: Timer) -> None:
        """Ask again those that were silent; after some attempts, give up."""
        operation = self.operations.get(timer)  # type: ignore[call-overload]
        if operation is None:
            return
        operation.attempts += 1
        if operation.attempts > ATTEMPTS:
            del self.operations[timer]  # type: ignore[arg-type]
            self.give_up(operation)
        else:
            self.send_phase(timer)  # type: ignore[arg-type]

    def give_up(self, operation: Operation) -> None:
        """No majority answered. A write that was sent may be found by somebody later; nothing else happened."""
        if operation.put is None or operation.request.f == "read":
            self.requests.remember(operation.request.id, Answer("fail"))
            self.ctx.fail(operation.request, "no majority answered")
        else:
            self.requests.remember(operation.request.id, UNKNOWN)
            self.ctx.info(operation.request, "no majority has stored it, but some may have")

    def view(self) -> dict[str, Any]:
        """Per key its value and version."""
        return {str(key): [value, stamp(version)] for key, (version, value) in self.held.items()}
