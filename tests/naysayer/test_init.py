"""What `init` writes runs at once, and `doctor` says what a run would stumble over."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from naysayer.cli import run
from targets.backends.hosts.config import load

pytestmark = pytest.mark.slow


def test_the_written_cluster_toml_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init"]) == 0
    assert "next: naysayer doctor cluster.toml" in capsys.readouterr().out
    config = load(Path("cluster.toml"))
    assert list(config.nodes) == ["n1", "n2", "n3"]
    assert set(config.client.http) == set(config.client.operations)


def test_the_written_node_is_valid_alone_and_caught_as_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", "--node"]) == 0
    arguments = ["test", "--bin", "./node.py", "--workload", "lin-kv", "--nemesis", "none", "--ops", "300"]
    assert run([*arguments, "--nodes", "1"]) == 0
    assert run([*arguments, "--nodes", "3"]) == 1


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text("mine")
    assert run(["init", str(file)]) == 3
    assert "is there already" in capsys.readouterr().err
    assert file.read_text() == "mine"


def _local(tmp_path: Path, start: str) -> Path:
    file = tmp_path / "cluster.toml"
    file.write_text(
        'name = "mine"\n[nodes.n1]\nhost = "localhost"\nclient = "http://127.0.0.1:1"\n'
        f'[commands]\nstart = "{start}"\npid = "true"\n'
        '[client]\nkind = "http"\n[client.http.read]\nmethod = "GET"\npath = "/{key}"\n'
    )
    return file


def test_doctor_tells_of_a_start_command_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", str(_local(tmp_path, "no-such-program")), "--nemesis", "none"]) == 3
    printed = capsys.readouterr().out
    assert "n1: reachable; its clock is" in printed
    assert "no-such-program" in printed
    assert "a run cannot start" in printed


def test_doctor_tells_how_to_mend_a_start_command_that_does_not_return(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _local(tmp_path, "sleep 30")
    file.write_text(file.read_text().replace("[commands]", "[commands]\nstart_timeout_s = 0.2"))
    assert run(["doctor", str(file), "--nemesis", "none"]) == 3
    printed = " ".join(capsys.readouterr().out.split())
    assert "no end within 0 s of: sleep 30; a start command must return while the system runs" in printed


def test_doctor_shows_the_end_of_the_log_of_a_system_that_ends_right_after_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("targets.backends.hosts.processes.ALIVE_S_MIN", 0.1)
    log = tmp_path / "log"
    file = _local(tmp_path, f"nohup no-such-store >> {log} 2>&1 < /dev/null &")
    file.write_text(file.read_text().replace('pid = "true"', f'pid = "true"\nlogs = ["{log}"]'))
    assert run(["doctor", str(file), "--nemesis", "none"]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "n1: nothing listens at 127.0.0.1:1 0 s after the start; " in said
    assert "no-such-store" in said
    assert "No such file" in said


@pytest.mark.parametrize("client", ["127.0.0.1", "http://", "127.0.0.1:port", "/run/socket", "tcp://127.0.0.1"])
def test_an_address_without_a_port_is_one_sentence(
    client: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _local(tmp_path, "true")
    file.write_text(file.read_text().replace("http://127.0.0.1:1", client))
    assert run(["doctor", str(file)]) == 3
    assert f"[nodes.n1] client is {client!r}; write http://host:port" in capsys.readouterr().err


def test_doctor_refuses_a_pid_command_that_prints_no_process_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _local(tmp_path, "true")
    file.write_text(file.read_text().replace('pid = "true"', 'pid = "echo -1"'))
    assert run(["doctor", str(file)]) == 3
    assert "n1: the pid command of cluster.toml prints '-1', which is not a process id" in capsys.readouterr().out


def test_doctor_tells_of_a_host_that_cannot_be_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = _local(tmp_path, "true")
    known = tmp_path / "known_hosts"
    known.write_text("")
    file.write_text(file.read_text() + f'[ssh]\nport = 1\nknown_hosts = "{known}"\n')
    assert run(["doctor", str(file)]) == 3
    assert "✗ n1: localhost:1 cannot be reached over SSH" in capsys.readouterr().out


def test_a_host_that_speaks_no_ssh_is_one_line_and_no_traceback_of_the_library(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:
        pool.submit(lambda: [server.accept()[0].close() for _ in range(3)])
        file = _local(tmp_path, "true")
        known = tmp_path / "known_hosts"
        known.write_text("")
        file.write_text(file.read_text() + f'[ssh]\nport = {server.getsockname()[1]}\nknown_hosts = "{known}"\n')
        command = [sys.executable, "-m", "naysayer", "doctor", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        server.shutdown(socket.SHUT_RDWR)
    assert (done.returncode, done.stderr) == (3, "")
    assert "no SSH session" in done.stdout
