"""Wrong clocks on real hosts by Debian's libfaketime: seen by the process itself, shown by a probe, and undone."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from naysayer.cli import run
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import load
from targets.protocol.fault import Fault, Kill, Restart, Skew
from tests.systems import needs
from tests.targets.hosts import Hosts, hosts, missing

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
LACKING = missing() + ([] if LIBRARY else ["libfaketime"]) + ([] if shutil.which("etcd") else ["etcd (etcd-server)"])
pytestmark = needs(LACKING)

PORT = 7000
SETTINGS = "FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1"

CLOCK = f"""
import socket, sys, time
with socket.create_server((sys.argv[1], {PORT})) as listener:
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(f"{{time.time()}} {{time.monotonic()}}".encode())
"""
"""A system that tells its clocks to whoever connects."""


@contextmanager
def one(directory: Path) -> Iterator[Hosts]:
    """One host, gone afterwards."""
    assert not LACKING, "CI must have what the tests of hosts need"
    with hosts(1, directory) as made:
        yield made


def toml(made: Hosts, start: str | None = None, pid: str = "pgrep -f 'clock[.]py'") -> Path:
    """A host with the system CLOCK, by default started with libfaketime as the page says."""
    program = made.directory / "clock.py"
    program.write_text(CLOCK)
    file = made.directory / "offset-{node}"
    preload = f"LD_PRELOAD={LIBRARY} FAKETIME_TIMESTAMP_FILE={file} {SETTINGS}" if start is None else start
    command = (
        f"cd /; {preload} setsid nohup {sys.executable} {program} {{host}} >> {made.directory}/log 2>&1 < /dev/null &"
    )
    path = made.directory / "cluster.toml"
    path.write_text(
        f'name = "clock"\n[client]\nkind = "redis"\noperations = ["next"]\n[ssh]\nkey = "{made.key}"\n'
        f'known_hosts = "{made.known_hosts}"\n[clock]\nfaketime = "{file}"\n'
        f"[commands]\nstart = {json.dumps(command)}\npid = {json.dumps(pid)}\n"
        "stop = \"pkill -9 -f 'clock[.]py'\"\n"
        f'[nodes.n1]\nhost = "{made.addresses["n1"]}"\nclient = "{made.addresses["n1"]}:{PORT}"\n'
    )
    return path


def off_s(made: Hosts) -> tuple[float, float]:
    """How far the clocks of the system are from ours, the monotonic one too."""
    with socket.create_connection((made.addresses["n1"], PORT), timeout=5) as connection:
        said = connection.recv(100).split()
    return float(said[0]) - time.time(), float(said[1]) - time.monotonic()


async def left(cluster: RemoteCluster) -> list[str]:
    """The shared memory of libfaketime on the host."""
    return (await cluster.run("n1", "ls /dev/shm")).out.split()


def test_a_process_sees_the_clock_that_it_was_given_and_only_that_one(tmp_path: Path) -> None:
    with one(tmp_path) as made:
        seen: list[float] = []

        async def main() -> None:
            cluster = RemoteCluster(load(toml(made)), {"clock": frozenset({"skew"})})
            async with cluster:
                await cluster.start()
                faults: list[Fault] = [Skew("n1", 800.0), Skew("n1", -700.0, 3.0), Kill(("n1",)), Restart(("n1",))]
                for fault in (*faults, Skew("n1", 300.0, 0.2), Skew("n1")):
                    await cluster.apply(fault)
                    if not isinstance(fault, Kill):
                        wall, monotonic = off_s(made)
                        seen.append(round(wall, 1))
                        assert abs(monotonic) < 0.1
                        assert len(await left(cluster)) == 2, "only of the process that runs"
                await cluster.apply(Skew("n1", 900.0))
                # at the end of the run the system is stopped, so it must be looked at before
                assert await cluster.undo("n1") == []
                seen.append(round(off_s(made)[0], 1))
            assert cluster.left == []
            assert await left(cluster) == []
            await cluster.close()
            assert all(one.shown for one in cluster.evidence()), cluster.evidence()
            assert sum(isinstance(one.fault, Skew) for one in cluster.evidence()) == 5

        trio.run(main)
        wanted = [0.8, -0.7, -0.7, 0.3, 0.0, 0.0]
        for got, expected in zip(seen, wanted, strict=True):
            assert abs(got - expected) <= 0.8, seen  # a clock three times as fast is soon elsewhere
        assert seen[0] == 0.8
        assert seen[-2:] == [0.0, 0.0]
        assert (tmp_path / "offset-n1").read_text() == "+0 x1\n"


def test_heal_sets_the_clock_right_that_a_killed_harness_left_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skew = """
import sys, trio
from pathlib import Path
from targets.protocol.fault import Skew
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import load

async def main():
    async with RemoteCluster(load(Path(sys.argv[1]))) as cluster:
        await cluster.start()
        await cluster.apply(Skew("n1", -1500.0))
        print("wrong", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""
    with one(tmp_path) as made:
        file = toml(made)
        harness = subprocess.Popen([sys.executable, "-c", skew, str(file)], stdout=subprocess.PIPE)
        assert harness.stdout is not None
        assert harness.stdout.readline() == b"wrong\n"
        harness.send_signal(signal.SIGKILL)
        harness.communicate()
        assert abs(off_s(made)[0] + 1.5) < 0.1
        assert run(["heal", str(file)]) == 0
        assert "1 of 1 hosts healed" in capsys.readouterr().out
        assert abs(off_s(made)[0]) < 0.1


def doctor(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What doctor says of a cluster on which clocks cannot be set."""
    assert run(["doctor", str(file), "--nemesis", "clock,kill"]) == 3
    return capsys.readouterr().out


def test_doctor_and_test_say_how_a_process_must_be_started_for_wrong_clocks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with one(tmp_path) as made:
        file = toml(made)
        assert run(["doctor", str(file), "--nemesis", "clock,kill"]) == 0
        said = capsys.readouterr().out
        assert "✓ n1: clock: process " in said
        assert "takes its time from libfaketime" in said

        file = toml(made, start="")
        said = doctor(file, capsys)
        assert "✗ n1: clock: libfaketime is not loaded in process " in said
        assert f"LD_PRELOAD=/usr/lib/.../libfaketime.so.1 FAKETIME_TIMESTAMP_FILE={tmp_path}/offset-n1" in said
        assert "1 problem: a run cannot start; without them: --nemesis kill" in said
        results = ["--results", str(tmp_path / "results"), "--workload", "register"]
        file.write_text(file.read_text().replace('["next"]', '["read", "write"]'))
        assert run(["test", "--cluster", str(file), "--nemesis", "clock", *results]) == 3
        assert "fault clock cannot be carried out on n1: libfaketime" in capsys.readouterr().err

        preload = f"LD_PRELOAD={LIBRARY} FAKETIME_TIMESTAMP_FILE={tmp_path}/offset-n1"
        said = doctor(toml(made, start=f"{preload} FAKETIME_DONT_FAKE_MONOTONIC=1"), capsys)
        assert "was started without FAKETIME_NO_CACHE=1: else a change waits" in said
        said = doctor(toml(made, start=f"{preload} FAKETIME_NO_CACHE=1"), capsys)
        assert "was started without FAKETIME_DONT_FAKE_MONOTONIC=1: else the monotonic clock jumps too" in said


def test_the_clock_of_a_child_is_that_of_the_process_which_libfaketime_began_in(tmp_path: Path) -> None:
    with one(tmp_path) as made:
        file = toml(made, pid=f"pgrep -f '^{sys.executable} .*clock[.]py'")
        words = f"{sys.executable} {tmp_path}/clock.py {{host}}"
        assert words in file.read_text()
        file.write_text(file.read_text().replace(words, f"sh -c 'sleep 1; {words}; true'"))

        async def main() -> None:
            cluster = RemoteCluster(load(file), {"clock": frozenset({"skew"})})
            async with cluster:
                await cluster.start()
                await cluster.apply(Skew("n1", 500.0, 3.0))
                assert -0.1 < off_s(made)[0] - 0.5 < 1.0
            assert [one.shown for one in cluster.evidence()] == [True], cluster.evidence()

        trio.run(main)


def test_a_go_program_is_told_to_ask_the_kernel_for_the_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with one(tmp_path) as made:
        file = toml(made, pid="pgrep -x etcd")
        preload = f"LD_PRELOAD={LIBRARY} FAKETIME_TIMESTAMP_FILE={tmp_path}/offset-n1 {SETTINGS}"
        urls = f"--listen-client-urls http://{{host}}:{PORT} --advertise-client-urls http://{{host}}:{PORT}"
        command = f"cd ~; {preload} setsid nohup etcd {urls} > log 2>&1 < /dev/null &"
        text = file.read_text()
        start = next(line for line in text.splitlines() if line.startswith("start"))
        file.write_text(
            text.replace(start, f"start = {json.dumps(command)}").replace("pkill -9 -f 'clock[.]py'", "pkill -9 etcd")
        )
        said = doctor(file, capsys)
        assert "is a Go program, which asks the kernel for the time" in said or "libfaketime is not loaded" in said
