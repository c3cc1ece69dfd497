"""A cluster of one binary, started once per node, that talks Maelstrom's protocol; the harness is its network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import trio

from checker.errors import TargetError
from targets.live.process import NodeProcess
from targets.live.processes import ProcessCluster
from targets.live.wire import JUNK, FloodError, Lines
from targets.node import NodeId, Reply, Request
from targets.stdio.node import DATA
from targets.stdio.protocol import Body, shown, to_body, to_reply
from targets.stdio.services import SERVICES, Service

INIT_S_MAX = 10.0
OUTBOX_MAX = 100_000
BATCH_MAX = 100
EXIT_S_MAX = 1.0


_encode = msgspec.json.Encoder().encode


def _first(group: BaseExceptionGroup[TargetError]) -> TargetError:
    """The first error of a tree of them."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


class StdioEnvelope(msgspec.Struct, frozen=True):
    """One line of the protocol."""

    src: str
    dest: str
    body: Body


class _Call:
    """A message of a client that is not answered yet. An answer costs one trip through the scheduler, not a channel's
    three."""

    def __init__(self, client: str) -> None:
        self.client = client
        self._task: trio.lowlevel.Task | None = None
        self._body: Body | None = None

    async def answer(self) -> Body:
        """Wait for it, for ever; cancel it to give up."""
        if self._body is not None:
            return self._body  # it came before anybody waited

        def give_up(_: object) -> trio.lowlevel.Abort:
            self._task = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(give_up)
        assert self._body is not None
        return self._body

    def take(self, body: Body) -> None:
        """This is the answer, though nobody may wait for it any more."""
        self._body = body
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)


class StdioCluster(ProcessCluster):
    """`async with StdioCluster(["./my-node"], "lin-kv", nodes=3, seed=0) as cluster: await cluster.start()`.

    What a node does against the protocol (junk on stdout, an answer to nothing, an exit of its own) is a TargetError
    naming the node, the line and the end of its stderr; `complaint` holds the first and the driver ends the run.
    """

    def __init__(self, command: Sequence[str], workload: str, nodes: int, seed: int) -> None:
        super().__init__(nodes, seed)
        self.workload = workload
        self._command = list(command)
        self._services: dict[str, Service] = {name: make(Random(f"{seed} {name}")) for name, make in SERVICES.items()}
        self._outboxes: dict[NodeId, trio.MemorySendChannel[bytes]] = {}
        self._calls: dict[int, _Call] = {}
        self._answered: set[int] = set()
        self._next_id = 0

    async def boot(self, node: NodeId) -> None:
        self._start(node)
        await self._initialise(node, self._init(node))

    async def start(self) -> None:
        """Start and initialise every node. Raises TargetError naming one that does not answer init within 10 s."""
        for node in self.nodes:
            # a folder that outlives a kill, for a node that keeps its data on disk
            env = {DATA: str(self._directory / "data")}
            log = self._directory / f"{node}.log"
            self._processes[node] = NodeProcess(node, self._command, log=log, env=env, pipes=True)
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
        self._outboxes[node] = send
        self._nursery.start_soon(self._write, process.stdin, receive)
        self._nursery.start_soon(self._read, node, process.stdout)

    def _init(self, node: NodeId) -> _Call:
        """Send init, at once when its process is there: it must be the first that a node hears."""
        return self._call("c0", node, {"type": "init", "node_id": node, "node_ids": list(self.nodes)})

    async def _initialise(self, node: NodeId, init: _Call) -> None:
        await self._confirm(node, init, "init")
        if self.workload == "broadcast":
            others = {one: [other for other in self.nodes if other != one] for one in self.nodes}
            topology = self._call("c0", node, {"type": "topology", "topology": others})
            await self._confirm(node, topology, "topology")

    async def _confirm(self, node: NodeId, call: _Call, kind: str) -> None:
        with trio.move_on_after(INIT_S_MAX):
            reply = await self._unless_ended(call)
            if reply.get("type") != f"{kind}_ok":
                raise TargetError(f"node {node} answered {kind} with {shown(reply)}, not with {kind}_ok")
            return
        raise self.error(node, f"did not answer {kind} within {INIT_S_MAX:g} s")

    async def _unless_ended(self, call: _Call) -> Body:
        """The answer to a message. Raises the complaint if a node ends, or breaks the protocol, instead."""
        replies: list[Body] = []
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                replies.append(await call.answer())
                nursery.cancel_scope.cancel()

            nursery.start_soon(ask)
            await self._complained.wait()
            nursery.cancel_scope.cancel()
        if not replies:
            assert self.complaint is not None
            raise self.complaint
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
        try:
            async for text in Lines(stdout):
                try:
                    envelope = decoder.decode(text)
                except JUNK:
                    said = repr(shown(text.decode("utf-8", "replace")))
                    self.complain(node, f"printed a line that is no message: {said} (logs belong on stderr)")
                    continue
                self._route(node, envelope)
        except FloodError:
            self.complain(node, "printed more than 8 MiB without a line's end")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        if node not in self._ending:
            with trio.move_on_after(EXIT_S_MAX):  # it ended, most likely; then that is what is told
                await self._complained.wait()
            self.complain(node, "closed its stdout")

    def _route(self, node: NodeId, envelope: StdioEnvelope) -> None:
        dest, body = envelope.dest, envelope.body
        if dest in self._services:
            reply = self._services[dest].handle(node, body)
            if "msg_id" in body:
                self._deliver(node, StdioEnvelope(dest, node, {**reply, "in_reply_to": body["msg_id"]}))
        elif dest in self._outboxes:
            for delay_ms in self._links.plan((node, dest)):
                if delay_ms == 0.0:
                    self._deliver(dest, envelope)
                else:
                    self._nursery.start_soon(self._deliver_later, delay_ms, dest, envelope)
        else:
            self._answer(node, dest, body)

    def _answer(self, node: NodeId, client: str, body: Body) -> None:
        said = body.get("in_reply_to")
        number = said if type(said) is int else 0
        call = self._calls.get(number)
        if call is not None and call.client == client:  # by whichever node: one may pass it on to another
            del self._calls[number]
            self._answered.add(number)
            call.take(body)
        elif number in self._answered:
            self.complain(node, f"answered twice to message {number} of {client}")
        else:
            self.complain(node, f"sent {client} an answer to a message that it was not sent: {shown(body)}")

    def _deliver(self, dest: NodeId, envelope: StdioEnvelope) -> None:
        try:
            self._outboxes[dest].send_nowait(_encode(envelope) + b"\n")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # lost: its process is down
        except trio.WouldBlock:
            self.remark(f"{dest} did not read: {OUTBOX_MAX:,} messages waited for it, and others were lost")

    async def _deliver_later(self, delay_ms: float, dest: NodeId, envelope: StdioEnvelope) -> None:
        await trio.sleep(delay_ms / 1000)
        self._deliver(dest, envelope)

    def _call(self, client: str, node: NodeId, body: Body) -> _Call:
        """Send a message as a client; its answer is awaited by the call."""
        self._next_id += 1
        call = self._calls[self._next_id] = _Call(client)
        self._deliver(node, StdioEnvelope(client, node, {**body, "msg_id": self._next_id}))
        return call

    async def ask(self, request: Request, node: NodeId) -> Reply:
        """A node's answer to an operation, whenever it comes: cancel it to give up. One that is down is not asked."""
        if node in self._ending:
            return Reply(request.id, "fail", None, f"{node} is down")
        body = await self._call(request.client, node, to_body(self.workload, request)).answer()
        return to_reply(self.workload, request, body, node)

    async def views(self) -> dict[NodeId, dict[str, Any]]:
        """Nothing: the protocol has no question for it."""
        return {}

    def client(self, node: NodeId) -> StdioClient:
        return StdioClient(self, node)


class StdioClient:
    """A client of one node; it needs no connection of its own."""

    def __init__(self, cluster: StdioCluster, node: NodeId) -> None:
        self._cluster = cluster
        self._node = node

    async def open(self) -> None:
        """Nothing to open."""

    async def invoke(self, request: Request) -> Reply:
        return await self._cluster.ask(request, self._node)

    async def close(self) -> None:
        """Nothing to close."""
