"""Junk on the ports of live nodes and of the links between them: the nodes live on, and the verdict stays right."""

from __future__ import annotations

import resource
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from naysayer.harness.setup import Setup
from naysayer.judge import judge
from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from targets.backends.processes.cluster import LiveCluster
from targets.backends.processes.guests import Guests
from targets.backends.processes.tcp import CONNECTIONS_MAX, OUTBOX_MAX, Control
from targets.backends.wire import LINE_BYTES_MAX, line
from targets.protocol.node import Request
from targets.registry import find as find_target
from targets.systems.raft.messages import RequestVote
from workloads.registry import find as find_workload

pytestmark = pytest.mark.slow

MEMORY_KIB_MAX = 200_000
BUFFERS_BYTES_MAX = 32 * 1024 * 1024
"""What the kernel may hold of a flood that nobody reads any more, at both ends and in the proxy between."""

BRACKETS = b"[" * 100_000 + b"]" * 100_000

LINES = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"\xff\x00\xfe\n",
    b"[1, 2, 3]\n",
    line("c9", "n1", {"type": "no-such-message"}),
    line("c9", "n1", Request("j1", "c9", "explode")),
    line("c9", "n1", Request("j2", "c9", "write", {"a": [1]}, 1)),
    line("c9", "n1", Request("j3", "c9", "cas", "x", 5)),
    line("c9", "n1", Request("j4", "c9", "write", "x", [[[1]]])).replace(b"[[[1]]]", b"[" * 60 + b"]" * 60),
    line("c9", "n1", Request("j5", "c9", "write", "x", [])).replace(b"[]", BRACKETS),
    b'{"src":"c9","dest":"n1","body":%b}\n' % BRACKETS,
    line("c9", "n1", RequestVote(10**9, "c9", 10**9, 10**9)),
    line("harness", "n1", Control("view")).replace(b'"view"', b"17"),
)


def ports(cluster: LiveCluster) -> list[tuple[str, int]]:
    """The ports of all nodes and of all proxies, as the nodes were told them."""
    found = []
    for node, process in cluster._processes.items():
        told = process.command
        found.append((node, int(told[told.index("--listen") + 1].rpartition(":")[2])))
        peers = told[told.index("--peers") + 1].split(",")
        found += [(f"{node} to {peer.partition('=')[0]}", int(peer.rpartition(":")[2])) for peer in peers]
    return found


async def until_ended(stream: trio.SocketStream) -> None:
    """Read what comes until the other side ends the connection."""
    try:
        while await stream.receive_some(65536):
            pass
    except trio.BrokenResourceError:
        return


async def junk_lines(port: int) -> None:
    for text in LINES:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(text)
            await until_ended(stream)


async def endless_line(port: int) -> None:
    sent = 0
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        try:
            while sent < 10 * BUFFERS_BYTES_MAX:
                await stream.send_all(b"x" * 65536)
                sent += 65536
        except trio.BrokenResourceError:
            pass
    # the last piece is not counted, as its sending failed
    assert LINE_BYTES_MAX - 65536 < sent < LINE_BYTES_MAX + BUFFERS_BYTES_MAX, "a message is cut at its greatest size"


async def unread_answers(port: int) -> None:
    """Ask and ask without reading a single answer."""
    asked = line("harness", "n1", Control("view")) * 1_000
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        try:
            for _ in range(OUTBOX_MAX):
                await stream.send_all(asked)
        except trio.BrokenResourceError:
            return
    raise AssertionError("whoever never reads must be cut off")


async def half_open(port: int, connections: int) -> None:
    """More silent connections than the port admits, every other one in the middle of a line."""
    held = []
    for number in range(connections):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        held.append(stream)
        if number % 2:
            await stream.send_all(b'{"src":"c9"')
    async with trio.open_nursery() as nursery:
        for stream in held[: connections - CONNECTIONS_MAX]:
            nursery.start_soon(until_ended, stream)
    for stream in held:
        await stream.aclose()


async def all_junk(cluster: LiveCluster) -> None:
    for name, port in ports(cluster):
        await junk_lines(port)
        await endless_line(port)
        if " to " not in name:
            await unread_answers(port)
    await half_open(ports(cluster)[0][1], CONNECTIONS_MAX + 50)


def under(junk: Callable[[LiveCluster], Awaitable[None]], target: str, outcome: str) -> str:
    """The outcome of a run that lasts as long as junk is sent to its ports, and then until its outcome is this one.

    On a busy machine few operations overlap, and a stale read takes some time to happen.
    """
    recorder = Recorder()
    workload = find_workload(find_target(target).workload)

    async def main() -> None:
        with trio.fail_after(300):
            async with LiveCluster(find_target(target), nodes=3, seed=1) as cluster:
                await cluster.start()
                setup = Setup(5, 1, workload.start(), time_ms=1_000_000.0, recover=False)
                run = LiveRun(cluster, setup, recorder)

                async def throw() -> None:
                    await junk(cluster)
                    wanted = recorder.counts["ok"] + 50
                    while True:
                        while recorder.counts["ok"] < wanted:
                            await trio.lowlevel.checkpoint()
                        if judge(recorder.history(), workload.model).outcome == outcome:
                            break
                        wanted += 100
                    run.stop()

                async with trio.open_nursery() as nursery:
                    nursery.start_soon(throw)
                    await run.run()
                assert run.trouble is None
                for process in cluster._processes.values():
                    assert process.running
                    assert process.starts == 1
                    assert process.process is not None
                    assert memory_kib(process.process.pid) < MEMORY_KIB_MAX
                    assert "Traceback" not in process.log.read_text()

    trio.run(main)
    assert recorder.counts["ok"] > 50
    return judge(recorder.history(), workload.model).outcome


def memory_kib(pid: int) -> int:
    """The most that a process ever held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(text for text in status.splitlines() if text.startswith("VmHWM")).split()[1])


@pytest.fixture(autouse=True)
def _many_files() -> None:
    """This process holds the strangers' ends of the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * CONNECTIONS_MAX)), hard))


@pytest.mark.parametrize(("target", "outcome"), [("raft-log", "valid"), ("paxos-kv/local-read", "invalid")])
def test_nodes_survive_junk_on_all_ports_and_the_verdict_stays_right(target: str, outcome: str) -> None:
    assert under(all_junk, target, outcome) == outcome


def test_a_seat_is_taken_from_who_was_silent_for_the_longest() -> None:
    async def main() -> None:
        guests = Guests(2)
        first, second, third = trio.CancelScope(), trio.CancelScope(), trio.CancelScope()
        with guests.seat(first), guests.seat(second):
            guests.active(first)
            with guests.seat(third):
                assert [scope.cancel_called for scope in (first, second, third)] == [False, True, False]
                guests.active(second)
                assert len(guests) == 2
        assert len(guests) == 0

    trio.run(main)
