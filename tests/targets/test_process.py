"""Processes under test: they live until they are ended, and not longer than the harness."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trio

from checker.errors import HarnessError
from targets.backends.processes.cluster import LiveCluster
from targets.backends.processes.process import NodeProcess, process_state
from targets.backends.processes.processes import ProcessCluster
from targets.protocol.cluster import Death
from targets.protocol.fault import Corrupt, Fault, Hold, Kill, Release, Restart
from targets.protocol.node import Reply, Request
from targets.registry import find

pytestmark = pytest.mark.slow

NODE = """
import signal
print("runs", flush=True)
signal.pause()
"""

HARNESS = """
import sys
from pathlib import Path
import trio
from targets.backends.processes.process import NodeProcess

async def main():
    node = NodeProcess("n1", [sys.executable, "-c", sys.argv[1]], log=Path(sys.argv[2]), pipes=True)
    node.start()
    await node.stdout.receive_some(100)
    print(node.process.pid, flush=True)
    await trio.sleep_forever()

trio.run(main)
"""


def test_a_node_outlives_the_threads_of_the_harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux takes the thread that started a process for its parent; idle threads of trio end after a while."""
    monkeypatch.setattr("trio._core._thread_cache.IDLE_TIMEOUT", 0.001)

    async def main() -> None:
        node = NodeProcess("n1", [sys.executable, "-c", NODE], log=tmp_path / "log", pipes=True)
        threads = threading.active_count()
        node.start()
        try:
            assert node.stdout is not None
            assert (await node.stdout.receive_some(100)).startswith(b"runs")
            await trio.to_thread.run_sync(threading.active_count)
            while threading.active_count() > threads:
                await trio.lowlevel.checkpoint()
            assert node.running
        finally:
            assert "signal 9" in await node.kill()
        assert not node.running

    trio.run(main)


def test_a_node_dies_with_the_harness_even_if_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HARNESS, NODE, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as harness:
        assert harness.stdout is not None
        pid = int(harness.stdout.readline())
        assert process_state(pid) not in ("gone", "Z")
        harness.kill()
        assert harness.wait() == -signal.SIGKILL
    while process_state(pid) not in ("gone", "Z"):
        os.sched_yield()


def test_a_node_of_ours_that_ends_by_itself_is_named() -> None:
    async def main() -> None:
        with trio.fail_after(60):
            async with LiveCluster(find("quorum-kv"), nodes=2, seed=1) as cluster:
                await cluster.start()
                assert await cluster.deaths() == []
                cluster._processes["n2"].send(signal.SIGTERM)
                deaths: list[Death] = []
                while not deaths:
                    await trio.lowlevel.checkpoint()
                    deaths = await cluster.deaths()
                (death,) = deaths
                assert (death.node, death.in_start) == ("n2", False)
                assert death.how.startswith("was ended by signal 15; its stderr")
                assert cluster.down == {"n2"}
                await cluster.apply(Kill(("n1",)))
                await cluster.apply(Restart(("n1", "n2")))
                assert await cluster.deaths() == []
                assert cluster.down == frozenset()

    trio.run(main)


def test_a_write_ends_when_the_messages_that_it_waits_for_are_released() -> None:
    async def main() -> None:
        with trio.fail_after(60):
            async with LiveCluster(find("quorum-kv"), nodes=2, seed=1) as cluster, trio.open_nursery() as nursery:
                await cluster.start()
                await cluster.apply(Hold(("n1", "n2"), message="put"))
                replies: list[Reply] = []

                async def write() -> None:
                    client = cluster.client("n1")
                    replies.append(await client.invoke(Request("1", "c1", "write", "x", 1)))
                    await client.close()

                nursery.start_soon(write)
                while not any(one.shown for one in cluster.evidence()):
                    await trio.lowlevel.checkpoint()
                assert replies == []
                await cluster.apply(Release())
                while not replies:
                    await trio.lowlevel.checkpoint()
                assert replies[0].status == "ok"
                assert [one.detail for one in cluster.evidence()] == ["1 message held back until released"]

    trio.run(main)


@pytest.mark.parametrize("fault", [Kill(("n1",), power=True), Kill(("n1",), effects=3), Corrupt("n1", "full")])
def test_a_storage_fault_without_a_watched_disk_is_refused_and_nothing_is_done(fault: Fault) -> None:
    async def main() -> None:
        cluster = ProcessCluster(2, seed=1)
        with pytest.raises(HarnessError, match="storage faults have to be asked for before the nodes are started"):
            await cluster.apply(fault)
        assert cluster.evidence() == []

    trio.run(main)
