"""One of our nodes with Maelstrom's protocol: the other side of cluster.py, `naysayer node TARGET --stdio`.

Clients' bodies become Requests and Replies become bodies. Messages between nodes are bodies as they are: their `type`
is that of the message's class. The node's files are kept in the folder given, or in the one that the harness names by
the environment variable NAYSAYER_DATA (it outlives a kill, not the run), or else in one that ends with the process.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import trio

from checker.errors import TargetError
from targets.backends.directory_disk import DirectoryDisk
from targets.backends.processes.host import Host, JunkError, LiveContext
from targets.backends.stdio.protocol import DIALECTS, Body
from targets.backends.wire import JUNK, Envelope, Lines, line
from targets.protocol.node import Message, NodeId, Reply, Request
from targets.protocol.target import Target

OUTBOX_MAX = 100_000
DATA = "NAYSAYER_DATA"

OPERATIONS = {**DIALECTS["kv"], **DIALECTS["unique-ids"]}
"""What our targets offer to Maelstrom's clients, by the type of the body."""

NOT_SUPPORTED, UNAVAILABLE, CRASH, NO_KEY, NOT_SO = 10, 11, 13, 20, 22


def to_request(client: str, body: Body) -> Request:
    """A client's body as a Request. Raises KeyError for an operation or a field that is not there."""
    kind = body["type"]
    names = OPERATIONS[kind][0]
    value = body[names] if isinstance(names, str) else None if names is None else tuple(body[name] for name in names)
    return Request(f"{client}.{body['msg_id']}", client, kind, body.get("key"), value)


def to_body(f: str, reply: Reply) -> Body:
    """A node's Reply as a body, without in_reply_to. A refusal is definite, doubt is not."""
    if reply.status != "ok":
        code = UNAVAILABLE if reply.status == "fail" else CRASH
        return {"type": "error", "code": code, "text": reply.error or reply.status}
    if f == "cas" and reply.output is False:
        return {"type": "error", "code": NOT_SO, "text": "the value is another one"}
    if f == "read" and reply.output is None:
        return {"type": "error", "code": NO_KEY, "text": "no such key"}
    name = OPERATIONS[f][1]
    return {"type": f"{f}_ok", **({} if name is None else {name: reply.output})}


class StdioNode:
    """Serves stdin until it ends."""

    def __init__(self, target: Target, data: Path | None, seed: int) -> None:
        self._target = target
        self._data = data
        self._seed = seed
        self._host: Host | None = None
        self._me = ""
        self._nodes: frozenset[str] = frozenset()
        self._asked: dict[str, tuple[str, int, str]] = {}
        self._send, self._outbox = trio.open_memory_channel[bytes](OUTBOX_MAX)

    async def run(self) -> None:
        """Read lines and serve them. Raises TargetError for a line that is not a message."""
        with ExitStack() as stack:
            place = self._data or (Path(os.environ[DATA]) if DATA in os.environ else None)
            if place is None:  # made only where it is needed: a node that is killed cannot remove it
                place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="naysayer-node-")))
            stdin, stdout = (trio.lowlevel.FdStream(os.dup(stream.fileno())) for stream in (sys.stdin, sys.stdout))
            async with stdin, stdout, trio.open_nursery() as nursery:
                nursery.start_soon(self._write, stdout)
                async for text in Lines(stdin):
                    try:
                        envelope = msgspec.json.decode(text, type=Envelope)
                        self._take(envelope, place, nursery)
                    except (JunkError, KeyError, *JUNK) as error:
                        raise TargetError(f"stdin had a line that is not a message: {error!r}") from error
                nursery.cancel_scope.cancel()

    def _take(self, envelope: Envelope, place: Path, nursery: trio.Nursery) -> None:
        if self._host is not None and envelope.src in self._nodes:
            self._host.deliver(envelope.src, envelope.body)
            return
        body: Body = msgspec.json.decode(envelope.body)
        if body["type"] == "init":
            self._me, self._nodes = body["node_id"], frozenset(body["node_ids"])
            disk = DirectoryDisk(place / self._me)
            context = LiveContext(self._me, tuple(body["node_ids"]), disk, self._seed, self._transmit)
            self._host = Host(self._target, context)
            nursery.start_soon(self._host.run)
            self._answer(envelope.src, body["msg_id"], {"type": "init_ok"})
        elif self._host is None or body["type"] not in OPERATIONS or body["type"] not in self._target.operations:
            error = {"type": "error", "code": NOT_SUPPORTED, "text": f"{self._target.name} has no {body['type']}"}
            self._answer(envelope.src, body["msg_id"], error)
        else:
            request = to_request(envelope.src, body)
            self._asked[request.id] = (envelope.src, body["msg_id"], request.f)
            self._host.deliver(envelope.src, msgspec.json.encode(request))

    def _transmit(self, to: NodeId, message: Message) -> None:
        if isinstance(message, Reply):
            client, msg_id, f = self._asked.pop(message.id, ("", 0, ""))
            if client:  # else it was answered before: the protocol knows one answer
                self._answer(client, msg_id, to_body(f, message))
        elif to == self._me and self._host is not None:
            self._host.deliver(to, msgspec.json.encode(message))
        else:
            self._put(line(self._me, to, message))

    def _answer(self, client: str, msg_id: int, body: dict[str, Any]) -> None:
        self._put(line(self._me, client, {**body, "in_reply_to": msg_id}))

    def _put(self, text: bytes) -> None:
        try:
            self._send.send_nowait(text)
        except trio.WouldBlock:
            return  # lost, as on a network: the reader of stdout has gone

    async def _write(self, stdout: trio.abc.SendStream) -> None:
        async for text in self._outbox:
            await stdout.send_all(text)
