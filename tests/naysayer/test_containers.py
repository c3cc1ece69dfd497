"""Nodes in containers, with a stub of docker on PATH: each container is a process of this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import trio

from checker.errors import HarnessError, UsageError
from naysayer.cli import run
from nemesis.shapes import isolated_node
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import load
from targets.protocol.fault import Cut, Evidence, Heal, Kill, Pause, Restart, Resume

pytestmark = pytest.mark.slow

STORE = Path(__file__).parents[2] / "examples" / "line_store"
STUB = Path(__file__).parents[1] / "targets" / "engines" / "stub.py"
NODES = ("n1", "n2", "n3")

NODE = '[nodes.{node}]\nhost = "docker:app-{node}-1"\nclient = "127.0.0.1:{port}"\n'
CLIENT = '[client]\nkind = "{client}:LineClient"\noperations = ["read", "write"]\n'


class Stage:
    """Three containers of the line store that do not run, and their cluster.toml."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self.folder = folder
        self.engine = folder / "engine"
        self.engine.mkdir()
        self.toml = folder / "cluster.toml"
        self.ports = dict(zip(NODES, ports, strict=True))
        text = 'name = "app"\n'
        for node, port in self.ports.items():
            command = [sys.executable, str(STORE / "store.py"), node, str(port), str(ports[0])]
            self.write(node, {"command": command, "ports": [port], "networks": {"app_default": [node]}})
            text += NODE.format(node=node, port=port)
        self.toml.write_text(text + CLIENT.format(client=STORE / "client.py"))

    def file(self, node: str) -> Path:
        return self.engine / f"app-{node}-1.json"

    def read(self, node: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.file(node).read_text())
        return found

    def write(self, node: str, described: dict[str, object]) -> None:
        self.file(node).write_text(json.dumps(described))

    def change(self, node: str, **more: object) -> None:
        self.write(node, self.read(node) | more)

    def commands(self) -> list[str]:
        """What the engine was asked to do, without what only looks."""
        looks = ("container inspect", "logs")
        return [one for one in (self.engine / "commands").read_text().splitlines() if not one.startswith(looks)]

    def pid(self, node: str) -> int | None:
        """The process of a container that runs."""
        with suppress(OSError):
            pid = self.read(node).get("pid")
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                assert isinstance(pid, int)
                return pid
        return None

    def test(self, *options: str) -> int:
        return run(["test", "--cluster", str(self.toml), "--results", str(self.folder / "results"), *options])

    def result(self) -> Path:
        return self.folder / "results" / "app" / "latest"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    programs = tmp_path / "bin"
    programs.mkdir()
    shutil.copy(STUB, programs / "docker.py")
    (programs / "docker").write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {programs}/docker.py "$@"\n')
    (programs / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with ExitStack() as taken:
        sockets = [taken.enter_context(socket.socket()) for _ in NODES]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in sockets]
    made = Stage(tmp_path, ports)
    monkeypatch.setenv("STUB_ENGINE", str(made.engine))
    yield made
    for node in NODES:
        if (pid := made.pid(node)) is not None:
            os.kill(pid, signal.SIGKILL)


FAULTS = (
    (Kill(("n2",)), "n2: container app-n2-1 is exited with code 137"),
    (Restart(("n2",)), "n2: container app-n2-1 runs and accepts connections"),
    (Pause(("n3",)), "n3: container app-n3-1 is paused"),
    (Resume(("n3",)), "n3: container app-n3-1 is running"),
    (Pause(("n1",)), "n1: container app-n1-1 is paused"),
    (Kill(("n1",)), "n1: container app-n1-1 is exited with code 137"),
    (isolated_node(("n3", "n1", "n2")), "n3 was connected to none of app_default"),
    (Heal(), ""),
)


def test_the_engine_kills_pauses_and_disconnects_and_its_state_is_the_evidence(stage: Stage) -> None:
    async def main() -> list[Evidence]:
        async with RemoteCluster(load(stage.toml)) as cluster:
            await cluster.start()
            assert None not in [stage.pid(node) for node in NODES]
            for fault, _ in FAULTS:
                await cluster.apply(fault)
                assert cluster.down == {"n2"} if fault == FAULTS[0][0] else True
                if isinstance(fault, Cut):
                    assert stage.read("n3")["networks"] == {}
                    assert list((stage.folder / "state" / "naysayer").iterdir())
            assert await cluster.deaths(thorough=True) == [], "what was killed did not end by itself"
            pid = stage.pid("n3")
            assert pid is not None
            (stage.engine / "app-n3-1.log").write_text("no more room\n")
            os.kill(pid, signal.SIGKILL)
            (death,) = await cluster.deaths(thorough=True)
            assert (death.node, death.how) == (
                "n3",
                "its container app-n3-1 exited with code 137; its log ends: no more room",
            )
            with pytest.raises(HarnessError, match="only whole nodes can be disconnected"):
                await cluster.apply(Cut((("n1", "n2"),), "n1 to n2"))
        assert cluster.left == []
        return cluster.evidence()

    shown = [(one.detail, one.shown) for one in trio.run(main)]
    assert shown == [(detail, True) for _, detail in FAULTS if detail]
    assert stage.read("n3")["networks"] == {"app_default": ["n3"]}
    assert not list((stage.folder / "state" / "naysayer").iterdir())
    assert [stage.pid(node) for node in NODES] == [None] * 3


def test_doctor_and_a_run_stop_what_they_started(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", str(stage.toml), "--nemesis", "kill,pause,disconnect"]) == 0, capsys.readouterr().out
    assert [stage.pid(node) for node in NODES] == [None] * 3
    assert stage.test("--nemesis", "none", "--ops", "100") == 0, capsys.readouterr().out
    assert [stage.pid(node) for node in NODES] == [None] * 3
    assert (stage.result() / "logs" / "n1" / "container.log").exists()


def test_containers_that_ran_before_are_used_and_left_running(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    for node in NODES:
        os.system(f"docker start app-{node}-1")
    pids = [stage.pid(node) for node in NODES]
    assert stage.test("--nemesis", "kill", "--time", "1s") == 3
    assert "n1 (container app-n1-1)" in capsys.readouterr().err
    assert stage.test("--nemesis", "disconnect", "--time", "1s") == 0, capsys.readouterr().out
    assert "docker container app-n1-1; it is used as it is and left running" in " ".join(
        capsys.readouterr().out.split()
    )
    assert [stage.pid(node) for node in NODES] == pids
    assert not {one.split()[0] for one in stage.commands()} & {"stop", "kill", "pause"}
    assert stage.test("--nemesis", "kill", "--time", "1s", "--allow-faults-on-running") == 0, capsys.readouterr().out
    assert None not in [stage.pid(node) for node in NODES], "what was killed was started again"


def test_heal_connects_and_resumes_what_a_lost_run_left(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    for node in NODES:
        os.system(f"docker start app-{node}-1")
    state = stage.folder / "state" / "naysayer"
    state.mkdir(parents=True)
    (state / "disconnected-docker-app-n2-1.json").write_text('{"app_default": {"Aliases": ["n2", "db"]}}')
    stage.change("n2", networks={})
    os.system("docker pause app-n3-1")
    assert stage.test("--nemesis", "none", "--time", "1s") == 3
    assert "container app-n3-1 is paused" in capsys.readouterr().err
    assert run(["heal", str(stage.toml)]) == 0
    assert stage.read("n2")["networks"] == {"app_default": ["n2", "db"]}
    assert "unpause app-n3-1" in stage.commands()
    assert not list(state.iterdir())


def test_what_cannot_be_tested_is_one_sentence(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.change("n2", ports=[1])
    assert stage.test("--nemesis", "none") == 3
    assert "n2: docker publishes no port" in capsys.readouterr().err
    stage.change("n2", ports=[stage.ports["n2"]], networks={})
    assert stage.test("--nemesis", "disconnect") == 3
    assert "cannot be carried out on n2: shares no network with another node" in capsys.readouterr().err
    assert stage.test("--nemesis", "partition") == 3
    assert "possible: " in capsys.readouterr().err
    stage.file("n3").unlink()
    assert stage.test("--nemesis", "none") == 3
    assert "docker has no container app-n3-1: Error: No such container" in capsys.readouterr().err
    assert [stage.pid(node) for node in ("n1", "n2")] == [None] * 2


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"docker:app-n2-1"', '"localhost"', r"\[nodes.n2\] is not a container"),
        ("[client]", "[ssh]\n[client]", r"\[ssh\] is not for containers"),
        ("[client]", '[commands]\nstart = "x"\npid = "y"\n[client]', "`start` in .commands. is not for containers"),
        ("docker:app-n2-1", "docker:a b", "write the name or address of a host"),
    ],
)
def test_a_file_that_mixes_containers_with_hosts_is_refused(before: str, after: str, said: str, stage: Stage) -> None:
    stage.toml.write_text(stage.toml.read_text().replace(before, after))
    with pytest.raises(UsageError, match=said):
        load(stage.toml)
