"""How many operations a second the live driver sustains with 20 clients, and what it costs itself per operation.

    python -m tests.benchmarks.live

Against an echo over TCP in this process, against stdio echo nodes and an HTTP server (processes of their own), and
against a cluster that answers without doing anything: what is left is the driver's and the recorder's own work. The
HTTP client is measured by itself too, beside a plain loop over one of trio's streams that parses
nothing. Judges nothing.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import msgspec
import trio

from checker.errors import TargetError
from naysayer.harness.setup import Setup
from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from targets.backends.clients.http import Call, HttpClient
from targets.backends.processes.client import TcpClient
from targets.backends.stdio.cluster import StdioCluster
from targets.backends.wire import line
from targets.protocol.cluster import Client, Cluster, Death
from targets.protocol.fault import Evidence, Fault
from targets.protocol.node import NodeId, Reply, Request
from workloads.registry import find

CLIENTS = 20
TIME_S = 3.0
LONG = 300_000
"""Operations of a run whose memory is measured."""

ECHO_NODE = """
import select
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

HTTP_SERVER = """
import select
import socket
import sys
answer = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: 11\\r\\n\\r\\n" + b'{"value":7}'
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sockets = {listener.fileno(): listener}
ready = select.epoll()
ready.register(listener, select.EPOLLIN)
while True:
    for number, _ in ready.poll():
        if number == listener.fileno():
            client = listener.accept()[0]
            sockets[client.fileno()] = client
            ready.register(client, select.EPOLLIN)
        elif sockets[number].recv(65536):
            sockets[number].sendall(answer)
        else:
            ready.unregister(number)
            sockets.pop(number).close()
"""
GET = {"echo": Call("GET", "/kv/{key}", output="value")}
EXCHANGES = 10_000
"""Exchanges of the plain loop, and of the client by itself."""


class Instant:
    """A cluster whose nodes answer at once, without any message."""

    faults: frozenset[str] = frozenset()
    down: frozenset[NodeId] = frozenset()
    paused: frozenset[NodeId] = frozenset()
    nodes: tuple[NodeId, ...] = ("n1",)
    complaint: TargetError | None = None
    remarks: ClassVar[list[str]] = []

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

    async def deaths(self, *, thorough: bool = False) -> list[Death]:
        return []

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


class Asked(msgspec.Struct, frozen=True):
    """An envelope with a Request, decoded at once."""

    body: Request


class TcpEcho(Instant):
    """One node in this process, behind TCP. One task serves all connections, so that little of the time is its own."""

    async def __aenter__(self) -> Self:
        self._manager = trio.open_nursery()
        self._nursery = await self._manager.__aenter__()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._nursery.start_soon(self._serve)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        self._nursery.cancel_scope.cancel()
        return await self._manager.__aexit__(kind, error, trace)

    async def _serve(self) -> None:
        requests = msgspec.json.Decoder(Asked)
        with ExitStack() as stack:
            ready = stack.enter_context(select.epoll())
            sockets = {self._listener.fileno(): stack.enter_context(self._listener)}
            ready.register(self._listener, select.EPOLLIN)
            while True:
                await trio.lowlevel.wait_readable(ready.fileno())
                for number, _ in ready.poll(0):
                    if number == self._listener.fileno():
                        client = stack.enter_context(self._listener.accept()[0])
                        sockets[client.fileno()] = client
                        ready.register(client, select.EPOLLIN)
                    elif text := sockets[number].recv(65536):  # whole lines: each client has one question under way
                        request = requests.decode(text).body
                        sockets[number].sendall(line("n1", request.client, Reply(request.id, "ok", request.input)))
                    else:
                        ready.unregister(number)

    def client(self, node: NodeId) -> Client:
        return TcpClient(node, self._listener.getsockname()[1], lambda text: None)


class HttpServer(Instant):
    """A store behind HTTP that answers every request alike, in a process of its own."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def client(self, node: NodeId) -> Client:
        return HttpClient(self._url, GET)


async def plain_loop(port: int) -> float:
    """Microseconds of our CPU for an exchange of the same size over one of trio's streams, parsing nothing."""
    request = b"GET /kv/x HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        cpu = time.process_time()
        for _ in range(EXCHANGES):
            await stream.send_all(request)
            await stream.receive_some(65536)
        return 1e6 * (time.process_time() - cpu) / EXCHANGES


async def client_alone(port: int) -> float:
    """Microseconds of our CPU for an operation of the HTTP client."""
    client, request = HttpServer(port).client("n1"), Request("1", "c1", "echo", "x")
    cpu = time.process_time()
    for _ in range(EXCHANGES):
        await client.invoke(request)
    cpu = time.process_time() - cpu
    await client.close()
    return 1e6 * cpu / EXCHANGES


async def drive(cluster: Cluster) -> tuple[int, float, float]:
    """Operations that ended ok, the seconds they took, and the seconds of this process' CPU among them."""
    with tempfile.TemporaryFile() as file:
        recorder = Recorder(file)
        async with cluster:
            await cluster.start()
            setup = Setup(CLIENTS, 1, find("echo").start(), time_ms=TIME_S * 1000, recover=False)
            run = LiveRun(cluster, setup, recorder)
            began, cpu = time.perf_counter(), time.process_time()
            await run.run()
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return recorder.counts["ok"], took, cpu


async def memory(cluster: Cluster) -> float:
    """Bytes that this process grows by for an operation of a long run, until it is judged."""
    with tempfile.TemporaryFile() as file:
        grown = []
        recorder = Recorder(file)
        for operations in (20_000, LONG):
            setup = Setup(CLIENTS, 1, find("kv").start(), operations=operations, recover=False)
            before = resident()
            await LiveRun(cluster, setup, recorder).run()
            grown.append(resident() - before)
    return grown[1] / LONG


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def http_server() -> Iterator[int]:
    """Its port."""
    with subprocess.Popen([sys.executable, "-c", HTTP_SERVER], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, http_server() as port:
        print(f"  {'HTTP: a plain loop':55} {trio.run(plain_loop, port):>6.1f} us of our CPU each", flush=True)
        print(
            f"  {'HTTP: the client by itself':55} {trio.run(client_alone, port):>6.1f} us of our CPU each", flush=True
        )
        node = Path(directory) / "echo.py"
        node.write_text(ECHO_NODE)
        backends = (
            ("nothing (the driver's own cost)", Instant),
            ("echo over TCP, in this process", TcpEcho),
            ("a store behind HTTP", lambda: HttpServer(port)),
            ("3 stdio echo nodes", lambda: StdioCluster([sys.executable, str(node)], "echo", 3, 1)),
        )
        for name, make in backends:

            async def one(make: Any = make) -> tuple[int, float, float]:
                return await drive(make())

            done, took, cpu = trio.run(one)
            rate, own = done / took, 1e6 * cpu / max(1, done)
            print(f"  {name:32} {rate:>8,.0f} operations/s  {own:>6.1f} us of our CPU each", flush=True)
        print(f"  {'kept until judging':55} {trio.run(memory, Instant()):>6.1f} bytes each", flush=True)


if __name__ == "__main__":
    main()
