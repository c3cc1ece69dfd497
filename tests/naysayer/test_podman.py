"""Nodes in containers of podman: the store of examples/containers, with this machine's own Python in place of an
image, since tests load none."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio

from naysayer.cli import run
from nemesis.shapes import isolated_node
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import load
from targets.protocol.fault import Evidence, Heal, Kill, Pause, Restart, Resume
from tests.systems import needs, without

pytestmark = needs(without("podman"))

EXAMPLES = Path(__file__).parents[2] / "examples"
NODES = ("n1", "n2", "n3")
CONFIG = """
[engine]
{runtime}
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=2048:2048"]
"""
"""crun cannot do with some versions of cgroups, and the default limits are beyond those of some machines."""


def podman(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["podman", *words], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cluster.toml for three containers that are created and do not run."""
    runtime = 'runtime = "runc"' if shutil.which("runc") else ""
    (config := tmp_path / "containers.conf").write_text(CONFIG.format(runtime=runtime))
    monkeypatch.setenv("CONTAINERS_CONF", str(config))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    name = f"naysayer-{secrets.token_hex(4)}"
    subnet = f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(250)}"
    folders = [part for part in ("/usr", "/bin", "/lib", "/lib64") if Path(part).exists()]
    python = Path(sys.base_prefix).resolve()
    mounts = [word for part in (*folders, str(python)) for word in ("-v", f"{part}:{part}:ro")]
    peers = [f"{subnet}.{number + 10}:{8000 + number}" for number in (1, 2, 3)]
    with ExitStack() as undone:
        with ExitStack() as taken:
            sockets = [taken.enter_context(socket.socket()) for _ in NODES]
            for one in sockets:
                one.bind(("127.0.0.1", 0))
            ports = [one.getsockname()[1] for one in sockets]
        _or_skip(podman("network", "create", "--subnet", f"{subnet}.0/24", name))
        undone.callback(podman, "network", "rm", name)
        text = (EXAMPLES / "containers" / "cluster.toml").read_text()
        for number, (node, port) in enumerate(zip(NODES, ports, strict=True), 1):
            root = tmp_path / f"root-{node}"
            for part in (*folders, str(python), "/proc", "/sys", "/dev", "/etc", "/tmp", "/run"):
                (root / part.lstrip("/")).mkdir(parents=True, exist_ok=True)
            place = f"{name}:ip={subnet}.{number + 10},mac=02:42:00:00:00:{number + 10:02x}"
            store = ["-v", f"{EXAMPLES / 'http_store' / 'store.py'}:/store.py:ro", "-e", "LISTEN=0.0.0.0"]
            made = ["create", "--name", f"{name}-{node}", "--network", place, "-p", f"127.0.0.1:{port}:{8000 + number}"]
            command = [f"{python}/bin/python3", "/store.py", node, str(8000 + number), *peers]
            _or_skip(podman(*made, *mounts, *store, "--rootfs", str(root), *command))
            undone.callback(podman, "rm", "-f", "-t", "0", f"{name}-{node}")
            text = text.replace(f"docker:store-{node}-1", f"podman:{name}-{node}").replace(
                str(8000 + number), str(port)
            )
        _or_skip(podman("start", f"{name}-n1"))
        _or_skip(podman("stop", "-t", "0", f"{name}-n1"))
        (file := tmp_path / "cluster.toml").write_text(text)
        yield file


def _or_skip(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        pytest.skip(f"podman cannot run containers here: {done.stderr.strip()[-300:]}")


FAULTS = (
    isolated_node(("n1", "n2", "n3")),
    Heal(),
    Kill(("n2",)),
    Restart(("n2",)),
    Pause(("n3",)),
    Resume(("n3",)),
)


def test_podman_carries_out_every_fault_and_a_run_is_valid(
    toml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> list[Evidence]:
        async with RemoteCluster(load(toml)) as cluster:
            await cluster.start()
            for fault in FAULTS:
                await cluster.apply(fault)
            assert await cluster.deaths(thorough=True) == []
        assert cluster.left == []
        return cluster.evidence()

    shown = trio.run(main)
    assert [type(one.fault) for one in shown] == [type(FAULTS[0]), Kill, Restart, Pause, Resume]
    assert all(one.shown for one in shown), shown
    results = ["--results", str(tmp_path / "results"), "--time", "6s"]
    assert run(["test", "--cluster", str(toml), "--nemesis", "kill,disconnect", *results]) == 0, capsys.readouterr().out
    verdict = json.loads((tmp_path / "results" / "store" / "latest" / "verdict.json").read_text())
    assert all(one["shown"] for one in verdict["faults"])
    running = podman("ps", "--format", "{{.Names}}").stdout.split()
    assert not [one for one in running if one.startswith("naysayer-")]
