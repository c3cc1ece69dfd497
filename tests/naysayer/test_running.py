"""What a run did not start is never stopped, and what listens at the client port is the system: stores of our own."""

from __future__ import annotations

import json
import os
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
from targets.protocol.fault import Kill
from tests.naysayer.test_guide import block, free_port
from tests.systems import without

pytestmark = [
    pytest.mark.slow,  # each starts processes
    pytest.mark.skipif(bool(without("pgrep", "pkill")), reason="this machine lacks pgrep and pkill (procps)"),
]


class Place:
    """A folder with the guide's store, and ways to run it; what is started here is ended here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store.py"
        self.store.write_text(block("import json, sys"))
        self.processes: list[subprocess.Popen[bytes]] = []

    def run(self, port: int, store: Path | None = None, *, wait: bool = True) -> subprocess.Popen[bytes]:
        """Start a store, as somebody did before the run, in a session of its own."""
        command = [sys.executable, str(store or self.store), str(port)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        self.processes.append(process)
        while wait:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                os.sched_yield()
        return process

    def toml(self, *ports: int, **commands: str) -> str:
        """A cluster.toml for stores at these ports."""
        lines = ['name = "mine"']
        for number, port in enumerate(ports, 1):
            lines += [f"[nodes.n{number}]", 'host = "localhost"', f'client = "http://127.0.0.1:{port}"']
        log = self.folder / "log"
        script = f"{self.folder}/stor[e].py"
        parts = {
            "start": f"p=$(echo {{client}} | sed s/.*://); "
            f"nohup {sys.executable} {self.store} $p >> {log} 2>&1 < /dev/null &",
            "pid": f"pgrep -f '{script} '$(echo {{client}} | sed s/.*://)",
            "stop": f"pkill -9 -f '{script}'",
        } | commands
        lines += ["[commands]", *(f"{name} = {json.dumps(text)}" for name, text in parts.items() if text)]
        lines += ["[client]", 'kind = "http"', 'operations = ["read", "write"]']
        lines += ["[client.http.read]", 'method = "GET"', 'path = "/kv/{key}"', 'output = "value"']
        lines += ["[client.http.write]", 'method = "PUT"', 'path = "/kv/{key}"', 'body = { value = "{input}" }']
        file = self.folder / "cluster.toml"
        file.write_text("\n".join(lines) + "\n")
        return str(file)

    def left(self) -> list[str]:
        """The stores of this folder that run."""
        found = subprocess.run(["pgrep", "-f", f"{self.folder}/.*[.]py"], capture_output=True, text=True, check=False)
        return found.stdout.split()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    made = Place(tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()
    for pid in made.left():
        os.kill(int(pid), signal.SIGKILL)


def test_a_system_that_ran_before_is_used_and_left_running(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    before = place.run(port)
    file = place.toml(port)
    assert run(["test", "--cluster", file, "--time", "1s", "--nemesis", "none"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"n1 ran before: process {before.pid} (" in printed
    assert "left running" in printed
    assert before.poll() is None
    verdict = json.loads(Path("results/mine/latest/verdict.json").read_text())
    assert any("n1 ran before" in remark for remark in verdict["remarks"])


@pytest.mark.parametrize("faults", [[], ["--nemesis", "kill"], ["--nemesis", "pause"], ["--nemesis", "pause,kill"]])
def test_faults_on_a_system_that_ran_before_are_refused_with_the_choice(
    faults: list[str], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    before = place.run(port)
    assert run(["test", "--cluster", place.toml(port), "--time", "2s", *faults]) == 3
    said = capsys.readouterr().err
    assert f"on a system that ran before this run is refused: n1 (process {before.pid})" in said
    assert "--allow-faults-on-running" in said
    assert "--nemesis none" in said
    assert len(said.splitlines()) == 1
    assert before.poll() is None


def test_when_allowed_it_is_killed_restarted_and_left_running(place: Place) -> None:
    port = free_port()
    before = place.run(port)
    file = place.toml(port)
    arguments = ["test", "--cluster", file, "--time", "6s", "--nemesis", "kill", "--allow-faults-on-running"]
    assert run(arguments) == 1, "its map is in memory only"
    assert before.wait(10) == -signal.SIGKILL
    assert len(place.left()) == 1
    socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_what_this_run_started_is_stopped_and_a_system_beside_it_is_not(place: Place) -> None:
    """The stop command names neither node nor port: pkill would end both."""
    before = place.run(free_port())
    file = place.toml(free_port())
    assert run(["doctor", file, "--nemesis", "kill,pause"]) == 0
    assert run(["test", "--cluster", file, "--time", "1s", "--nemesis", "none"]) == 0
    assert place.left() == [str(before.pid)]
    assert before.poll() is None


def test_without_a_stop_command_what_was_started_is_ended_all_the_same(place: Place) -> None:
    assert run(["test", "--cluster", place.toml(free_port(), stop=""), "--time", "1s", "--nemesis", "none"]) == 0
    assert place.left() == []


def test_of_two_nodes_the_one_that_ran_before_is_left_and_the_other_stopped(place: Place) -> None:
    one, two = free_port(), free_port()
    before = place.run(one)
    file = place.toml(one, two, stop=f"sh -c 'pkill -9 -f {place.folder}/stor[e].py'")
    run(["test", "--cluster", file, "--time", "1s", "--nemesis", "none"])  # two maps know nothing of each other
    assert place.left() == [str(before.pid)]
    assert before.poll() is None


@pytest.mark.parametrize("command", [["doctor"], ["doctor", "--nemesis", "kill"], ["test", "--cluster"]])
def test_a_foreign_server_at_the_port_is_refused_and_lives(
    command: list[str], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """It speaks the very protocol: what ran yesterday, from another folder."""
    port = free_port()
    other = place.folder / "yesterday.py"
    other.write_text(place.store.read_text())
    before = place.run(port, other)
    file = place.toml(port)
    words = [*command, file] if command[-1] == "--cluster" else [command[0], file, *command[1:]]
    assert run(words) == 3
    printed = "".join(capsys.readouterr())
    assert f"process {before.pid} (" in printed
    assert "yesterday.py" in printed
    assert "the pid command does not print it" in printed
    assert before.poll() is None
    assert place.left() == [str(before.pid)]


def test_a_pid_command_that_prints_some_other_process_is_refused(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """yesterday.py is at the port, and pid prints a bystander."""
    port = free_port()
    bystander = subprocess.Popen(["sleep", "60"])
    place.processes.append(bystander)
    before = place.run(port)
    assert run(["test", "--cluster", place.toml(port, pid=f"echo {bystander.pid}"), "--nemesis", "none"]) == 3
    said = capsys.readouterr().err
    assert f"process {before.pid} (" in said
    assert f"the pid command prints {bystander.pid}" in said
    assert before.poll() is None
    assert bystander.poll() is None


def test_a_pid_that_listens_elsewhere_is_no_system_at_this_port(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("targets.backends.hosts.processes.ALIVE_S_MIN", 0.1)
    before = place.run(free_port())
    file = place.toml(free_port(), pid=f"pgrep -f '{place.folder}/stor[e].py'")
    assert run(["test", "--cluster", file, "--nemesis", "none"]) == 3
    assert "which ran before, but nothing listens at" in capsys.readouterr().err
    assert before.poll() is None


@pytest.mark.parametrize("printed", ["$$", "$(pgrep -P $$)"])
def test_a_wrapper_and_what_it_wraps_are_one_system(printed: str, place: Place) -> None:
    """pid prints the shell around the store, or the store itself; both are killed, so nothing is left at the port."""
    port, note = free_port(), place.folder / "pid"
    wrapper = place.folder / "wrapper.sh"
    find = f"echo $$ > {note}" if printed == "$$" else f"sleep 0.3; pgrep -P $$ -f stor[e].py > {note}"
    wrapper.write_text(f"#!/bin/sh\n{sys.executable} {place.store} $1 &\n{find}\nwait\n")
    wrapper.chmod(0o755)
    start = f"rm -f {note}; nohup {wrapper} {port} > /dev/null 2>&1 < /dev/null &"
    file = place.toml(port, start=start, pid=f"cat {note}")
    assert run(["doctor", file, "--nemesis", "kill"]) == 0
    assert run(["test", "--cluster", file, "--time", "6s", "--nemesis", "kill"]) == 1
    assert place.left() == []


def test_a_process_that_outlives_the_kill_at_the_port_ends_the_run(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """pid prints a child of the store; killing it does nothing to what answers."""
    port, note = free_port(), place.folder / "pid"
    odd = place.folder / "odd.py"
    fork = f"import subprocess\nopen({str(note)!r}, 'w').write(str(subprocess.Popen(['sleep', '60']).pid))\n"
    odd.write_text(fork + place.store.read_text())
    start = f"nohup {sys.executable} {odd} {port} > /dev/null 2>&1 < /dev/null &"
    file = place.toml(port, start=start, pid=f"cat {note} 2>/dev/null", stop=f"pkill -9 -f '{place.folder}/od[d].py'")
    assert run(["test", "--cluster", file, "--time", "5s", "--nemesis", "kill"]) == 3
    printed = " ".join(capsys.readouterr().out.split())
    assert "n1 was killed, but process" in printed
    assert "still listens at" in printed
    assert place.left() == []


def test_a_pid_command_that_prints_the_processes_of_all_nodes_is_refused_for_faults(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    file = place.toml(free_port(), free_port(), pid=f"pgrep -f '{place.folder}/stor[e].py'")
    assert run(["test", "--cluster", file, "--nemesis", "kill"]) == 3
    assert "is printed for n2 too" in capsys.readouterr().err
    assert place.left() == []


def test_doctor_without_faults_starts_nothing_signals_nothing_and_writes_nothing(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    file = place.toml(port)
    names = sorted(one.name for one in place.folder.iterdir())
    assert run(["doctor", file]) == 0
    printed = capsys.readouterr().out
    assert "naysayer test" not in printed, "nothing is recommended that was not seen to work"
    assert place.left() == []
    before = place.run(port)
    os.kill(before.pid, signal.SIGSTOP)
    state = Path(f"/proc/{before.pid}/stat")
    while ") T " not in state.read_text():
        time.sleep(0)
    assert run(["doctor", file]) == 3
    assert "is stopped (state T)" in capsys.readouterr().out
    assert run(["test", "--cluster", file, "--nemesis", "none"]) == 3
    assert ") T " in state.read_text(), "who stopped it lets it go on, or naysayer heal does"
    assert run(["heal", file]) == 0
    assert ") T " not in state.read_text()
    assert run(["doctor", file]) == 0
    assert "ready: naysayer test --cluster " in capsys.readouterr().out
    assert sorted(one.name for one in place.folder.iterdir() if one.name != "results") == names


def recommended(printed: str) -> list[str]:
    """The words of the command that doctor recommends."""
    (line,) = [line for line in printed.splitlines() if line.startswith("ready: naysayer ")]
    return line.removeprefix("ready: naysayer ").split()


@contextmanager
def generation(folder: Path, port: int) -> Iterator[Path]:
    """A generation clock behind HTTP: it offers no read, and no workload that stores have fits it."""
    script = folder / "gen.py"
    script.write_text(
        "import json, sys\nfrom http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n"
        "import itertools\nnumbers = itertools.count(1)\n"
        "class H(BaseHTTPRequestHandler):\n    def do_POST(self):\n"
        "        text = json.dumps({'generation': next(numbers)}).encode()\n"
        "        self.send_response(200); self.send_header('Content-Length', str(len(text)))\n"
        "        self.end_headers(); self.wfile.write(text)\n    def log_message(self, *a): pass\n"
        "ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
    )
    file = folder / "gen.toml"
    file.write_text(
        f'name = "clock"\n[nodes.n1]\nhost = "localhost"\nclient = "http://127.0.0.1:{port}"\n[commands]\n'
        f'start = "nohup {sys.executable} {script} {port} >> {folder}/gen.log 2>&1 < /dev/null &"\n'
        f"pid = \"pgrep -f '{folder}/ge[n].py {port}'\"\nstop = \"pkill -9 -f '{folder}/ge[n].py {port}'\"\n"
        '[client]\nkind = "http"\noperations = ["next"]\n[client.http.next]\nmethod = "POST"\npath = "/next"\n'
        'output = "generation"\n'
    )
    yield file


def test_what_doctor_recommends_runs_also_where_only_one_workload_fits(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with generation(place.folder, free_port()) as file:
        assert run(["doctor", str(file), "--nemesis", "pause"]) == 0
        words = recommended(capsys.readouterr().out)
        assert run([*words, "--time", "1s"]) == 0
        assert "generation" in capsys.readouterr().out


@pytest.mark.parametrize("faults", ["none", "kill", "kill,pause"])
def test_what_doctor_recommends_runs(faults: str, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file = place.toml(free_port())
    assert run(["doctor", file, "--nemesis", faults]) == 0
    assert run([*recommended(capsys.readouterr().out), "--ops", "50"]) in (0, 1, 2)


def test_where_no_workload_fits_doctor_says_so(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(place.toml(free_port()))
    file.write_text(file.read_text().replace('operations = ["read", "write"]', 'operations = ["read"]'))
    assert run(["doctor", str(file), "--nemesis", "none"]) == 3
    assert "no workload makes do with the operations read" in capsys.readouterr().out


def test_a_flag_without_a_cluster_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test", "quorum-kv", "--allow-faults-on-running"]) == 3
    assert "--allow-faults-on-running needs --cluster" in capsys.readouterr().err


def test_what_was_killed_with_leave_runs_again_also_when_the_run_is_broken_off(place: Place) -> None:
    """The harness gives up in the middle of a kill: the last thing that it does is to start the store again."""
    port = free_port()
    before = place.run(port)
    file = Path(place.toml(port))

    async def main() -> None:
        cluster = RemoteCluster(load(file), {"kill": frozenset({"kill", "restart"})}, faults_on_running=True)
        async with cluster:
            await cluster.start()
            await cluster.apply(Kill(("n1",)))
            assert before.wait(10) == -signal.SIGKILL
        assert cluster.left == []

    trio.run(main)
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    assert len(place.left()) == 1


def test_what_dies_by_itself_is_not_started_again_in_place_of_its_owner(place: Place) -> None:
    port = free_port()
    before = place.run(port)
    file = Path(place.toml(port))

    async def main() -> None:
        async with RemoteCluster(load(file)) as cluster:
            await cluster.start()
            before.kill()
            before.wait()
            assert [death.node for death in await cluster.deaths(thorough=True)] == ["n1"]

    trio.run(main)
    assert place.left() == []
