"""A cluster of one binary, started once per node, that talks Maelstrom's protocol; the harness is its network."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from random import Random
from typing import Any

import msgspec
import trio

from checker.errors import TargetError
from targets.backends.processes.links import UNTIL_RELEASED, kind_of
from targets.backends.processes.process import NodeProcess
from targets.backends.processes.processes import ProcessCluster
from targets.backends.stdio.delays import Delays
from targets.backends.stdio.node import DATA
from targets.backends.stdio.protocol import MALFORMED, Body, shown, to_body, to_reply
from targets.backends.stdio.services import SERVICES, Service
from targets.backends.stdio.topology import TOPOLOGIES
from targets.backends.wire import JUNK, FloodError, Lines
from targets.protocol.node import NodeId, Reply, Request

INIT_S_MAX = 10.0
OUTBOX_MAX = 100_000
BATCH_MAX = 100
EXIT_S_MAX = 1.0
CLIENT = re.compile(r"c\d+")

_encode = msgspec.json.Encoder().encode


def _looks_like_an_answer(body: Body) -> bool:
    """Whether a message to a client is meant as an answer: Maelstrom's clients ignore what is none."""
    kind = body.get("type")
    return "in_reply_to" in body or kind == "error" or (isinstance(kind, str) and kind.endswith("_ok"))


def _first(group: BaseExceptionGroup[TargetError]) -> TargetError:
    """The first error of a tree of them."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


class StdioEnvelope(msgspec.Struct, frozen=True):
    """One line of the protocol, as a node writes it; the body is an object."""

    src: str
    dest: str
    body: msgspec.Raw


class _Numbered(msgspec.Struct, frozen=True):
    """One line as a node gets it."""

    id: int
    src: str
    dest: str
    body: Any


class _Inbox:
    """The way to the stdin of one incarnation of a node."""

    def __init__(self, send: trio.MemorySendChannel[bytes]) -> None:
        self._send = send
        self._held: list[bytes] | None = []

    def put(self, text: bytes) -> None:
        """Raises trio's errors where the node is down or does not read."""
        self._send.send_nowait(text)

    def put_when_ready(self, text: bytes) -> None:
        """The same, but not before `open`."""
        if self._held is None:
            self.put(text)
        elif len(self._held) >= OUTBOX_MAX:
            raise trio.WouldBlock
        else:
            self._held.append(text)

    def open(self) -> None:
        """The node has answered init: let through what waited for that."""
        held, self._held = self._held or [], None
        with suppress(trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            for text in held:
                self.put(text)


class _Call:
    """A message of a client that is not answered yet. An answer costs one trip through the scheduler, not a channel's
    three."""

    def __init__(self, client: str) -> None:
        self.client = client
        self._task: trio.lowlevel.Task | None = None
        self._body: Body | None = None

    async def answer(self) -> Body:
        """Wait for it without a limit; cancel it to give up."""
        if self._body is not None:
            return self._body  # it arrived before the wait began

        def give_up(_: object) -> trio.lowlevel.Abort:
            self._task = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(give_up)
        assert self._body is not None
        return self._body

    def take(self, body: Body) -> None:
        """The answer has arrived, although the client may have given up."""
        self._body = body
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)


class StdioCluster(ProcessCluster):
    """`async with StdioCluster(["./my-node"], "lin-kv", nodes=3, seed=0) as cluster: await cluster.start()`.

    What a node does against the protocol (junk on stdout, an answer to no request, an exit without a fault) is a
    TargetError naming the node, the line and the end of its stderr; `complaint` holds the first and the driver ends the
    run. Before a node has answered init it gets nothing but what it asked the services for: messages of other nodes
    wait, requests of clients are refused. Messages between nodes and to and from services take `latency_ms`, those of
    clients no time.
    """

    def __init__(
        self,
        command: Sequence[str],
        workload: str,
        nodes: int,
        seed: int,
        topology: str = "grid",
        latency_ms: float = 0.0,
        *,
        storage: bool = False,
        start_timeout_s: float | None = None,
    ) -> None:
        """`storage`: storage faults will be asked for. `start_timeout_s`: a node answers init within this time; 10 s
        unless given."""
        super().__init__(nodes, seed, first=0, storage=storage)
        self.workload = workload
        self.between_nodes = 0
        """How many messages nodes sent to each other and to services, and services to nodes."""
        self._command = list(command)
        self._latency_ms = latency_ms
        self._start_timeout_s = INIT_S_MAX if start_timeout_s is None else start_timeout_s
        self._topology = TOPOLOGIES[topology](self.nodes)
        self._services: dict[str, Service] = {name: make(Random(f"{seed} {name}")) for name, make in SERVICES.items()}
        self._inboxes: dict[NodeId, _Inbox] = {}
        self._serving: set[NodeId] = set()
        self._calls: dict[int, _Call] = {}
        self._answered: set[int] = set()
        self._next_id = 0
        self._numbers = count()
        self._delays = Delays()

    async def boot(self, node: NodeId) -> None:
        self._start(node)
        await self._initialise(node, self._init(node))

    async def end(self, node: NodeId) -> str:
        self._serving.discard(node)
        return await super().end(node)

    def lost(self, node: NodeId) -> None:
        self._serving.discard(node)
        super().lost(node)

    def keeps_data(self) -> bool:
        """Whether any node has written a file where it outlives a kill."""
        return any(path.is_file() for path in (self._directory / "data").rglob("*"))

    async def start(self) -> None:
        """Start and initialise every node. Raises TargetError naming one that does not answer init in time."""
        self._nursery.start_soon(self._delays.run)
        for node in self.nodes:
            data = self._directory / "data" / node  # a disk of its own, which outlives a kill
            data.mkdir(parents=True)
            command = await self.with_disk(node, data, self._command)
            log = self._directory / f"{node}.log"
            self._processes[node] = NodeProcess(node, command, log=log, env={DATA: str(data)}, pipes=True)
        for node in self.nodes:
            self._start(node)
        inits = [self._init(node) for node in self.nodes]
        try:
            async with trio.open_nursery() as nursery:
                for node, init in zip(self.nodes, inits, strict=True):
                    nursery.start_soon(self._initialise, node, init)
        except* TargetError as group:
            raise _first(group) from None

    def _start(self, node: NodeId) -> None:
        process = self.launch(node)
        assert process.stdin is not None
        assert process.stdout is not None
        send, receive = trio.open_memory_channel[bytes](OUTBOX_MAX)
        self._inboxes[node] = _Inbox(send)
        self._nursery.start_soon(self._write, process.stdin, receive)
        self._nursery.start_soon(self._read, node, process.stdout)

    def _init(self, node: NodeId) -> _Call:
        """Send init, at once when its process is there: it must be the first message that a node receives."""
        return self._call("c0", node, {"type": "init", "node_id": node, "node_ids": list(self.nodes)})

    async def _initialise(self, node: NodeId, init: _Call) -> None:
        await self._confirm(node, init, "init")
        topology = None
        if self.workload == "broadcast":
            topology = self._call("c0", node, {"type": "topology", "topology": self._topology})
        self._inboxes[node].open()
        if topology is not None:
            await self._confirm(node, topology, "topology")
        self._serving.add(node)
        self.came_up(node)

    async def _confirm(self, node: NodeId, call: _Call, kind: str) -> None:
        with trio.move_on_after(self._start_timeout_s):
            reply = await self._unless_ended(node, call)
            if reply.get("type") != f"{kind}_ok":
                raise TargetError(f"node {node} answered {kind} with {shown(reply)}, not with {kind}_ok")
            return
        raise self.error(node, f"did not answer {kind} within {self._start_timeout_s:g} s")

    async def _unless_ended(self, node: NodeId, call: _Call) -> Body:
        """The answer to a message. Raises TargetError if the node ends instead."""
        replies: list[Body] = []
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                replies.append(await call.answer())
                nursery.cancel_scope.cancel()

            nursery.start_soon(ask)
            await self._exits[node].wait()
            nursery.cancel_scope.cancel()
        if not replies:
            raise self.complaint or self.error(node, self.ending(node))
        return replies[0]

    @staticmethod
    async def _write(stdin: trio.abc.SendStream, outbox: trio.MemoryReceiveChannel[bytes]) -> None:
        try:
            async for text in outbox:
                batch = [text]
                with suppress(trio.WouldBlock, trio.EndOfChannel):  # what waits goes along in one write
                    while len(batch) < BATCH_MAX:
                        batch.append(outbox.receive_nowait())
                await stdin.send_all(b"".join(batch))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _read(self, node: NodeId, stdout: trio.abc.ReceiveStream) -> None:
        decoder = msgspec.json.Decoder(StdioEnvelope)
        exited = self._exits[node]
        try:
            async for text in Lines(stdout):
                try:
                    self._route(node, decoder.decode(text), text)
                except JUNK:
                    line = repr(shown(text.decode("utf-8", "replace")))
                    self.complain(node, f"printed a line that is not a message: {line} (logs belong on stderr)")
        except FloodError:
            self.complain(node, "printed more than 8 MiB without a line's end")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        if node not in self._ending:
            with trio.move_on_after(EXIT_S_MAX):  # it ended, most likely; then that is what is reported
                await exited.wait()
            if not exited.is_set() and node not in self._ending:
                self.complain(node, "closed its stdout")

    def _route(self, node: NodeId, envelope: StdioEnvelope, text: bytes) -> None:
        """Pass on what a node wrote. Raises one of JUNK for an invalid body."""
        dest = envelope.dest
        if dest in self._inboxes:
            if not bytes(envelope.body).lstrip().startswith(b"{"):
                raise msgspec.DecodeError
            self.between_nodes += 1
            planned = self._links.plan((node, dest), kind_of(envelope.body))
            delays_ms = [delay_ms + self._latency_ms for delay_ms in planned]
            self.note_message(text, delays_ms)
            line = self._line(envelope.src, dest, envelope.body)
            for delay_ms in delays_ms:
                deliver = partial(self._deliver, dest, line)
                if delay_ms == UNTIL_RELEASED:
                    self._links.hold(deliver)
                else:
                    self._delays.after(delay_ms, deliver)
            return
        body = msgspec.json.decode(envelope.body, type=Body)
        if dest not in self._services:
            self.note_message(text)
            self._answer(node, dest, body)
            return
        self.between_nodes += 1
        self.note_message(text, [self._latency_ms])
        self._delays.after(self._latency_ms, partial(self._serve, dest, node, self._inboxes[node], body))

    def _serve(self, service: str, node: NodeId, inbox: _Inbox, body: Body) -> None:
        """Let a service answer. The incarnation of the node that asked gets the answer, even before its init_ok."""
        reply = self._services[service].handle(node, body)
        line = self._line(service, node, {**reply, "in_reply_to": body.get("msg_id")})
        self.between_nodes += 1
        self.note_message(line.rstrip(), [self._latency_ms])
        self._delays.after(self._latency_ms, partial(self._put, node, inbox.put, line))

    def _answer(self, node: NodeId, client: str, body: Body) -> None:
        said = body.get("in_reply_to")
        number = said if type(said) is int else 0
        call = self._calls.get(number)
        if call is not None and call.client == client:  # by whichever node: one may pass it on to another
            del self._calls[number]
            self._answered.add(number)
            call.take(body)
        elif number in self._answered:
            if not self._links.duplicated:  # else the network may have had the node carry out something twice
                self.remark(f"{node} answered some messages more than once; their first answers count")
        elif not CLIENT.fullmatch(client):
            self.complain(node, f"sent a message to {shown(client)}, which is not a node, client or service here")
        elif _looks_like_an_answer(body):
            self.complain(node, f"sent {client} an answer to a message that it was not sent: {shown(body)}")
        else:
            what = f"{node} sent clients messages that answer nothing, which were ignored"
            self._remark_once(what, f"{what}, the first: {shown(body)}")

    def _line(self, source: str, dest: str, body: Any) -> bytes:
        return _encode(_Numbered(next(self._numbers), source, dest, body)) + b"\n"

    def _deliver(self, dest: NodeId, line: bytes) -> None:
        """To whatever incarnation of a node runs, once that has answered init."""
        self._put(dest, self._inboxes[dest].put_when_ready, line)

    def _put(self, dest: NodeId, put: Callable[[bytes], None], line: bytes) -> None:
        try:
            put(line)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # lost: its process is down
        except trio.WouldBlock:
            self.remark(f"{dest} did not read: {OUTBOX_MAX:,} messages waited for it, and others were lost")

    def _call(self, client: str, node: NodeId, body: Body) -> _Call:
        """Send a message as a client; its answer is awaited by the call."""
        self._next_id += 1
        call = self._calls[self._next_id] = _Call(client)
        line = self._line(client, node, {**body, "msg_id": self._next_id})
        self.note_message(line.rstrip())
        self._put(node, self._inboxes[node].put, line)
        return call

    async def ask(self, request: Request, node: NodeId) -> Reply:
        """A node's answer to an operation, whenever it comes: cancel it to give up. One that is down, or has not
        answered init, is not asked."""
        if node not in self._serving:
            why = "is down" if node in self._ending else "has not answered init yet"
            return Reply(request.id, "fail", None, f"{node} {why}")
        body = await self._call(request.client, node, to_body(self.workload, request)).answer()
        reply = to_reply(self.workload, request, body, node)
        if reply.error is not None and reply.error.startswith(MALFORMED):
            where = f"{node} answered {request.f} in a form that is not its workload's"
            self._remark_once(where, f"{where}, so the outcome counts as unknown: {reply.error}")
        if self.workload == "txn-rw-register" and reply.status == "ok" and reply.output != body["txn"]:
            self.remark(f"{node} read 0 from registers that were never written; taken for null, as the protocol has it")
        return reply

    def _remark_once(self, subject: str, what: str) -> None:
        """Remark only the first of its kind."""
        if not any(remark.startswith(subject) for remark in self.remarks):
            self.remark(what)

    async def views(self) -> dict[NodeId, dict[str, Any]]:
        """Nothing: the protocol has no question for it."""
        return {}

    def client(self, node: NodeId) -> StdioClient:
        return StdioClient(self, node)


class StdioClient:
    """A client of one node; it needs no connection."""

    def __init__(self, cluster: StdioCluster, node: NodeId) -> None:
        self._cluster = cluster
        self._node = node

    async def open(self) -> None:
        """Nothing to open."""

    async def invoke(self, request: Request) -> Reply:
        return await self._cluster.ask(request, self._node)

    async def close(self) -> None:
        """Nothing to close."""
