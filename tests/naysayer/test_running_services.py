"""Real Redis and etcd servers that ran before: used, never stopped, their data kept. All on free ports of loopback."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.naysayer.test_guide import free_port
from tests.naysayer.test_running import recommended
from tests.systems import IN_CI, needs, without

pytestmark = needs(without("redis-server", "etcd", "pkill"))


class Server:
    """A server that somebody else runs: it is ended at the end of the test, and by nothing else."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.port = free_port()
        self.kind = kind
        self.folder = folder
        folder.mkdir()
        if kind == "redis":
            command = ["redis-server", "--port", str(self.port), "--save", "", "--dir", str(folder)]
        else:
            here, peers = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{free_port()}"
            command = ["etcd", "--data-dir", str(folder / "data"), "--listen-client-urls", here]
            command += ["--advertise-client-urls", here, "--listen-peer-urls", peers]
            command += ["--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until_s = time.monotonic() + 30
        while not self._up():
            assert self.process.poll() is None
            assert time.monotonic() < until_s
        self.write("precious")

    def _up(self) -> bool:
        try:
            if self.kind == "redis":
                return self._redis("PING") == "+PONG"
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                return b"true" in answer.read()
        except OSError:
            return False

    def _redis(self, *words: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(1000).decode().replace("\r\n", " ").strip()

    def _etcd(self, what: str, **body: str) -> dict[str, object]:
        encoded = {name: base64.b64encode(text.encode()).decode() for name, text in body.items()}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v3/kv/{what}", json.dumps(encoded).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return dict(json.load(answer))

    def write(self, value: str) -> None:
        """Store something of value."""
        if self.kind == "redis":
            self._redis("SET", "treasure", value)
        else:
            self._etcd("put", key="treasure", value=value)

    @property
    def intact(self) -> bool:
        """Whether the server runs on, the very process, with its data."""
        if self.process.poll() is not None:
            return False
        if self.kind == "redis":
            return self._redis("GET", "treasure").endswith("precious")
        return base64.b64encode(b"precious").decode() in json.dumps(self._etcd("range", key="treasure"))

    def toml(self, port: int | None = None, **commands: str) -> str:
        """A cluster.toml for this server, or for one like it at another port, with commands as people write them."""
        port = port or self.port
        data = self.folder.parent / f"data-{port}"
        if self.kind == "redis":
            name, address = "redis-server", f"127.0.0.1:{port}"
            start = f"mkdir -p {data}; redis-server --port {port} --appendonly yes --dir {data} --daemonize yes"
            pid = f"pgrep -f 'redis-serve[r] .*:{port}'"
        else:
            name, address = "etcd", f"http://127.0.0.1:{port}"
            peers = f"http://127.0.0.1:{free_port()}"
            start = (
                f"nohup etcd --data-dir {data} --listen-client-urls {address} --advertise-client-urls {address} "
                f"--listen-peer-urls {peers} --initial-advertise-peer-urls {peers} --initial-cluster default={peers} "
                f"> {data}.log 2>&1 < /dev/null &"
            )
            pid = f"pgrep -f 'etc[d] .*--listen-client-urls {address} '"
        parts = {"start": start, "pid": pid, "stop": f"pkill -9 -x {name}"} | commands
        file = self.folder.parent / "cluster.toml"
        file.write_text(
            f'name = "mine"\n[nodes.n1]\nhost = "localhost"\nclient = "{address}"\n[commands]\n'
            + "".join(f"{name} = {json.dumps(text)}\n" for name, text in parts.items())
            + f'[client]\nkind = "{self.kind}"\noperations = ["read", "write", "cas", "delete"]\n'
        )
        return str(file)


def words_of(pid: str) -> str:
    """The command line of a process and its folder; nothing of one that has ended."""
    try:
        return f"{Path(f'/proc/{pid}/cmdline').read_text()} {os.readlink(f'/proc/{pid}/cwd')}"
    except OSError:
        return ""


@pytest.fixture(params=["redis", "etcd"])
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.chdir(tmp_path)
    made = Server(tmp_path / "server", request.param)
    yield made
    made.process.kill()
    made.process.wait()


def test_a_running_server_and_its_data_outlive_doctor_and_test(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    file = server.toml()
    assert run(["doctor", file]) == 0
    assert run([*recommended(capsys.readouterr().out), "--time", "1s"]) == 0
    assert "it is used as it is and left running" in " ".join(capsys.readouterr().out.split())
    assert run(["doctor", file, "--nemesis", "kill,pause"]) == 3
    assert "refused on a system that ran before" in capsys.readouterr().out
    assert run(["test", "--cluster", file, "--time", "2s"]) == 3
    assert "--allow-faults-on-running" in capsys.readouterr().err
    assert run(["heal", file]) == 0
    assert server.intact


def test_a_server_beside_the_one_that_a_run_starts_is_spared_by_pkill(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    file = server.toml(free_port())
    assert run(["doctor", file, "--nemesis", "kill,pause"]) == 0, capsys.readouterr().out
    assert run(["test", "--cluster", file, "--time", "4s", "--nemesis", "kill"]) == 0, capsys.readouterr().out
    assert server.intact
    name = "redis-server" if server.kind == "redis" else "etcd"
    running = subprocess.run(["pgrep", "-x", name], capture_output=True, text=True, check=True).stdout.split()
    folder = str(server.folder.parent)
    left = [pid for pid in running if pid != str(server.process.pid) and folder in words_of(pid)]
    assert left == [], "what the run started is gone"


def test_a_pid_command_by_name_only_finds_the_wrong_server_and_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("targets.backends.hosts.processes.ALIVE_S_MIN", 0.1)
    name = "redis-server" if server.kind == "redis" else "etcd"
    file = server.toml(free_port(), pid=f"pgrep -x {name}")
    for words in (["test", "--cluster", file], ["test", "--cluster", file, "--nemesis", "none"], ["doctor", file]):
        assert run(words) == 3
    assert "nothing listens at" in "".join(capsys.readouterr())
    assert server.intact


def test_a_server_at_the_port_that_pid_does_not_find_is_refused(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    file = server.toml(pid="pgrep -f '/no/such/serve[r]'")
    for words in (
        ["test", "--cluster", file, "--nemesis", "none"],
        ["doctor", file],
        ["doctor", file, "--nemesis", "none"],
    ):
        assert run(words) == 3
        assert f"process {server.process.pid} (" in "".join(capsys.readouterr())
    assert server.intact


def test_when_allowed_a_running_server_is_killed_started_again_and_left_running(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Started again with its data where `start` says so."""
    file = server.toml()
    arguments = ["test", "--cluster", file, "--time", "5s", "--nemesis", "kill", "--allow-faults-on-running"]
    run(arguments)  # the server kept nothing on disk that `start` would find: losing it is a violation
    assert server.process.wait(10) == -signal.SIGKILL
    assert "was allowed: n1 (process " in " ".join(capsys.readouterr().out.split())
    socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
    pattern = f":{server.port}" if server.kind == "redis" else f"listen-client-urls http://127.0.0.1:{server.port} "
    left = subprocess.run(["pgrep", "-f", "--", pattern], capture_output=True, text=True, check=True).stdout.split()
    assert len(left) == 1
    os.kill(int(left[0]), signal.SIGKILL)


@pytest.mark.skipif(
    not IN_CI and (os.geteuid() != 0 or bool(without("unshare"))), reason="needs root and unshare (util-linux)"
)
def test_a_system_in_a_network_of_its_own_behind_a_forwarder_is_used_with_a_remark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a container: redis is in its own network namespace, and a docker-proxy listens on the host for it.

    Any other program that listens there in its place is refused.
    """
    monkeypatch.chdir(tmp_path)
    port, path = free_port(), tmp_path / "redis.sock"
    forward = tmp_path / "forward.py"
    forward.write_text(
        "import asyncio, sys\n"
        "open('/proc/self/comm', 'w').write(sys.argv[3])\n"
        "async def pipe(r, w):\n    while data := await r.read(65536):\n        w.write(data); await w.drain()\n"
        "    w.close()\n"
        "async def serve(r, w):\n    other = await asyncio.open_unix_connection(sys.argv[2])\n"
        "    await asyncio.gather(pipe(r, other[1]), pipe(other[0], w))\n"
        "async def main():\n    server = await asyncio.start_server(serve, '127.0.0.1', int(sys.argv[1]))\n"
        "    await server.serve_forever()\n"
        "asyncio.run(main())\n"
    )
    inside = f"redis-server --port 0 --unixsocket {path} --save '' --dir {tmp_path}"
    redis = subprocess.Popen(["unshare", "-n", "sh", "-c", f"exec {inside}"], stdout=subprocess.DEVNULL)
    try:
        for name, code in (("docker-proxy", 0), ("leftover", 3)):
            proxy = subprocess.Popen([sys.executable, str(forward), str(port), str(path), name])
            try:
                until_s = time.monotonic() + 20
                while (
                    not path.exists()
                    or subprocess.run(
                        [sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"],
                        check=False,
                        capture_output=True,
                    ).returncode
                ):
                    assert time.monotonic() < until_s
                file = tmp_path / "cluster.toml"
                file.write_text(
                    f'name = "mine"\n[nodes.n1]\nhost = "localhost"\nclient = "127.0.0.1:{port}"\n[commands]\n'
                    f'start = "false"\npid = "echo {redis.pid}"\n'
                    '[client]\nkind = "redis"\noperations = ["read", "write"]\n'
                )
                assert run(["test", "--cluster", str(file), "--time", "1s", "--nemesis", "none"]) == code
                printed = " ".join("".join(capsys.readouterr()).split())
                said = "a separate network namespace" if code == 0 else f"process {proxy.pid} ("
                assert said in printed
            finally:
                proxy.kill()
                proxy.wait()
        assert redis.poll() is None
    finally:
        redis.kill()
        redis.wait()
