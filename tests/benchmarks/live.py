"""How many operations a second the live driver sustains with 20 clients, and what it costs itself per operation.

    python -m tests.benchmarks.live

Against an echo over TCP in this process, against stdio echo nodes (processes of their own), and against a cluster
that answers without doing anything: what is left is the driver's and the recorder's own work. Judges nothing.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import trio

from checker.errors import TargetError
from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from targets.cluster import Client, Cluster
from targets.fault import Evidence, Fault
from targets.live.client import TcpClient
from targets.live.wire import Envelope, Lines, QuickStream, line
from targets.node import NodeId, Reply, Request
from targets.stdio.cluster import StdioCluster
from workloads.registry import find

CLIENTS = 20
TIME_S = 3.0

ECHO_NODE = """
import socket
import sys
from json import dumps, loads
out = sys.stdout
for text in sys.stdin:
    message = loads(text)
    body = message["body"]
    answer = {"type": body["type"] + "_ok", "in_reply_to": body["msg_id"], "echo": body.get("echo")}
    out.write(dumps({"src": message["dest"], "dest": message["src"], "body": answer}) + "\\n")
    out.flush()
"""


class Instant:
    """A cluster whose nodes answer at once, without any message."""

    faults: frozenset[str] = frozenset()
    down: frozenset[NodeId] = frozenset()
    paused: frozenset[NodeId] = frozenset()
    nodes: tuple[NodeId, ...] = ("n1",)
    complaint: TargetError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        return None

    async def start(self) -> None:
        """Nothing to start."""

    async def apply(self, fault: Fault) -> None:
        """Heal, at the end of the run."""

    async def views(self) -> dict[NodeId, dict[str, Any]]:
        return {}

    def evidence(self) -> list[Evidence]:
        return []

    def client(self, node: NodeId) -> Client:
        return InstantClient()


class InstantClient:
    """Answers ok with the input."""

    async def open(self) -> None:
        """Nothing to open."""

    async def invoke(self, request: Request) -> Reply:
        await trio.lowlevel.checkpoint()
        return Reply(request.id, "ok", request.input)

    async def close(self) -> None:
        """Nothing to close."""


class TcpEcho(Instant):
    """One node in this process, behind TCP."""

    async def __aenter__(self) -> Self:
        self._manager = trio.open_nursery()
        self._nursery = await self._manager.__aenter__()
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self._port = listeners[0].socket.getsockname()[1]
        self._nursery.start_soon(trio.serve_listeners, self._serve, listeners)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        self._nursery.cancel_scope.cancel()
        return await self._manager.__aexit__(kind, error, trace)

    @staticmethod
    async def _serve(stream: trio.SocketStream) -> None:
        envelopes, requests = msgspec.json.Decoder(Envelope), msgspec.json.Decoder(Request)
        quick = QuickStream(socket.fromfd(stream.socket.fileno(), stream.socket.family, stream.socket.type))
        try:
            async for text in Lines(quick):
                envelope = envelopes.decode(text)
                request = requests.decode(envelope.body)
                await quick.send_all(line("n1", envelope.src, Reply(request.id, "ok", request.input)))
        finally:
            quick.close()

    def client(self, node: NodeId) -> Client:
        return TcpClient(node, self._port)


async def drive(cluster: Cluster) -> tuple[int, float]:
    """Operations that ended ok, and the seconds they took."""
    with tempfile.TemporaryFile() as file:
        recorder = Recorder(file)
        async with cluster:
            await cluster.start()
            run = LiveRun(cluster, find("echo").start(), None, recorder, CLIENTS, 1, 1.0, TIME_S)
            began = time.perf_counter()
            await run.run()
            took = time.perf_counter() - began
    return recorder.counts["ok"], took


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        node = Path(directory) / "echo.py"
        node.write_text(ECHO_NODE)
        worlds = (
            ("nobody (the driver's own cost)", Instant),
            ("echo over TCP, in this process", TcpEcho),
            ("3 stdio echo nodes", lambda: StdioCluster([sys.executable, str(node)], "echo", 3, 1)),
        )
        for name, make in worlds:

            async def one(make: Any = make) -> tuple[int, float]:
                return await drive(make())

            done, took = trio.run(one)
            print(
                f"  {name:32} {done / took:>8,.0f} operations/s  {1e6 * took / max(1, done):>6.1f} us each", flush=True
            )


if __name__ == "__main__":
    main()
