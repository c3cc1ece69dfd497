"""The same test against what really runs: our nodes as processes, a binary, and what is left behind (nothing)."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from naysayer.cli import run
from tests.naysayer.page.unpacked import unpacked
from tests.systems import needs, without

pytestmark = pytest.mark.slow

NODE = Path(__file__).resolve().parents[1] / "targets" / "stdio_nodes" / "lin_kv.py"


def children(token: str) -> list[str]:
    """Processes that a test with this token in its environment has started and that still run.

    Python's own resource tracker, started with the first pool of processes, ends with the process of the test.
    """
    found = []
    for entry in Path("/proc").iterdir():
        try:
            environment = (entry / "environ").read_bytes()
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if token.encode() in environment and not any(b"resource_tracker" in word for word in words):
            found.append(b" ".join(words).decode())
    return found


@pytest.fixture(autouse=True)
def _nothing_stays_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test here leaves a process behind: all that it starts inherits a token of the test's own."""
    token = f"naysayer-test-{uuid4()}"
    monkeypatch.setenv("NAYSAYER_TEST_TOKEN", token)
    with subprocess.Popen(["sleep", "60"]) as witness:
        while not children(token) and witness.poll() is None:
            os.sched_yield()  # its environment can be seen a moment after it began
        assert children(token) == ["sleep 60 "], "the token is found in whatever is started"
        witness.kill()
    yield
    assert children(token) == []


def test_a_healthy_store_as_processes_survives_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = "kill,pause,partition,delay"
    assert run(["test", "quorum-kv", "--live", "--time", "3s", "--nemesis", faults, "--results", str(tmp_path)]) == 0
    assert "as processes on this machine" in capsys.readouterr().out
    folder = (tmp_path / "quorum-kv" / "latest").resolve()
    verdict = json.loads((folder / "verdict.json").read_text())
    assert verdict["outcomes"]["ok"] > 20
    assert any(fault["shown"] for fault in verdict["faults"])
    assert run(["check", str(folder / "history.jsonl")]) == 0
    assert run(["replay", str(folder)]) == 3
    assert "only simulated runs replay" in capsys.readouterr().err


def test_raft_as_processes_answers_without_faults(tmp_path: Path) -> None:
    arguments = ["test", "raft-log", "--live", "--time", "3s", "--nemesis", "none", "--results", str(tmp_path)]
    assert run(arguments) == 0
    verdict = json.loads((tmp_path / "raft-log" / "latest" / "verdict.json").read_text())
    assert verdict["outcomes"]["ok"] > 20


def test_raft_as_processes_survives_crashes_pauses_partitions_and_wrong_clocks(tmp_path: Path) -> None:
    faults = "kill,pause,partition,clock"
    assert run(["test", "raft-log", "--live", "--time", "6s", "--nemesis", faults, "--results", str(tmp_path)]) == 0
    verdict = json.loads((tmp_path / "raft-log" / "latest" / "verdict.json").read_text())
    assert verdict["outcomes"]["ok"] > 20
    assert verdict["target_error"] is None
    assert any(fault["shown"] for fault in verdict["faults"])


@pytest.mark.parametrize(
    ("target", "nemesis"),
    [
        ("quorum-kv/local-counter-version", "none"),
        ("paxos-kv/local-read", "partition"),
        ("raft-log/majority-of-live", "partition"),
    ],
)
def test_a_broken_store_is_caught_as_processes_too_and_the_run_stops_there(
    target: str, nemesis: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["test", target, "--live", "--time", "60s", "--nemesis", nemesis, "--results", str(tmp_path)]
    assert run(arguments) == 1
    verdict = json.loads((tmp_path / target.replace("/", ".") / "latest" / "verdict.json").read_text())
    assert verdict["stopped_ms"] is not None
    assert "stopped   at the first violation" in capsys.readouterr().out
    header, columns = unpacked((tmp_path / target.replace("/", ".") / "latest" / "report.html").read_bytes())
    assert header["messages"]["total"] >= len(columns["m_op"]) > 0
    matter = set(header["proof"]["ops"])
    assert matter & set(columns["m_op"]), "the messages of what matters are there, with their operations"


def test_a_run_that_is_not_to_stop_goes_on_after_a_violation(tmp_path: Path) -> None:
    target = "quorum-kv/local-counter-version"
    arguments = ["test", target, "--live", "--ops", "300", "--nemesis", "none", "--no-stop", "--results", str(tmp_path)]
    assert run(arguments) == 1
    verdict = json.loads((tmp_path / target.replace("/", ".") / "latest" / "verdict.json").read_text())
    assert verdict["stopped_ms"] is None
    assert verdict["seen"]["final_reads"]["ok"] > 0


def test_a_students_binary_is_tested_over_stdio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    healthy = f"{sys.executable} {NODE}"
    common = ["--workload", "lin-kv", "--time", "2s", "--nemesis", "partition,kill", "--results", str(tmp_path)]
    assert run(["test", "--bin", healthy, *common]) == 0
    assert run(["test", "--bin", f"{healthy} local", *common]) == 1
    assert "✗ NOT LINEARIZABLE" in capsys.readouterr().out


def test_our_own_nodes_speak_the_protocol_too(tmp_path: Path) -> None:
    common = ["--workload", "lin-kv", "--time", "3s", "--nemesis", "kill,partition", "--results", str(tmp_path)]
    command = f"{sys.executable} -m naysayer node raft-log --stdio"
    assert run(["test", "--bin", command, *common]) == 0
    verdict = json.loads(next(tmp_path.glob("*/latest/verdict.json")).read_text())
    assert verdict["outcomes"]["ok"] > 20


@pytest.mark.parametrize(("workload", "code"), [("echo", 0), ("unique-ids", 0)])
def test_the_other_workloads_are_judged_by_their_property(workload: str, code: int, tmp_path: Path) -> None:
    command = f"{sys.executable} {NODE}"
    common = ["--workload", workload, "--ops", "60", "--nemesis", "none", "--results", str(tmp_path)]
    assert run(["test", "--bin", command, *common]) == code


def test_a_binary_that_prints_junk_is_named_and_the_history_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--workload", "lin-kv", "--time", "2s", "--nemesis", "none", "--results", str(tmp_path)]
    assert run(["test", "--bin", f"{sys.executable} {NODE} junk", *common]) == 3
    printed = capsys.readouterr().out
    assert "printed a line that is not a message" in printed
    assert "listening on port 8080" in printed
    assert len(list(tmp_path.glob("*/*/history.jsonl"))) >= 1


@pytest.mark.parametrize("where", [["quorum-kv"], ["--bin", f"{sys.executable} {NODE}", "--workload", "lin-kv"]])
def test_a_full_disk_under_the_results_is_told_and_what_was_seen_is_judged(where: list[str], tmp_path: Path) -> None:
    """No file may grow beyond 8 KiB, which a write meets as it meets a full disk."""
    common = ["--ops", "300", "--nemesis", "none", "--results", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "naysayer", "test", *where, *common],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    assert done.returncode == 3
    printed = "".join(done.stdout.split())  # a long path is broken wherever the line ends
    assert "history.jsonlisincomplete:Filetoolarge;freesomespace" in printed
    assert "ABORTED" in done.stdout
    assert done.stderr == ""
    (history,) = tmp_path.glob("*/2*/history.jsonl")
    assert history.stat().st_size == 8192


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_live_run_leaves_nothing_and_judges(number: signal.Signals, tmp_path: Path) -> None:
    arguments = ["test", "quorum-kv", "--live", "--time", "60s", "--nemesis", "none", "--results", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "naysayer", *arguments], stdout=subprocess.PIPE, text=True)
    history = tmp_path / "quorum-kv" / "latest" / "history.jsonl"
    while process.poll() is None and not (history.exists() and history.stat().st_size > 5_000):
        os.sched_yield()
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "✓ LINEARIZABLE" in out


def test_an_interrupted_run_of_a_binary_leaves_nothing_and_judges(tmp_path: Path) -> None:
    arguments = ["test", "--bin", f"{sys.executable} {NODE}", "--time", "60s", "--nemesis", "none"]
    command = [sys.executable, "-m", "naysayer", *arguments, "--results", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def recorded() -> int:
        return max((history.stat().st_size for history in tmp_path.glob("*/2*/history.jsonl")), default=0)

    while process.poll() is None and recorded() <= 5_000:
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "✓ LINEARIZABLE" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["test"], "say what to test"),
        (["test", "quorum-kv", "--bin", "x"], "the target quorum-kv and --bin exclude each other"),
        (["test", "--bin", "x", "--workload", "queue"], "--bin speaks Maelstrom's workloads"),
        (["test", "raft-log", "--live", "--nemesis", "transfer"], "fault transfer needs transfer"),
        (["test", "wal-kv", "--live", "--nodes", "3"], "wal-kv runs on one node"),
        (["test", "raft-log", "--live", "--workload", "g-counter"], "is for eventually consistent systems"),
        (["test", "wal-kv", "--live", "--nemesis", "partition"], "fault partition needs at least 2 nodes"),
        (["test", "quorum-kv", "--live", "--nodes", "0"], "--nodes is 0; it must be between 1 and 99"),
        (["test", "--bin", "x", "--clients", "0"], "--clients is 0; it must be between 1 and 10000"),
        (["test", "--bin", "./no-such-node", "--workload", "echo"], "cannot start ./no-such-node"),
        (["test", "--cluster", "no-such.toml"], "no-such.toml"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 3
    printed = capsys.readouterr()
    assert said in printed.err + printed.out
    assert "Traceback" not in printed.err


class TestStorage:
    """Power losses of real nodes: what was not synced is lost."""

    pytestmark = needs(without("cc"))

    def lost(self, arguments: list[str], code: int, results: Path) -> bool:
        """Whether a power loss of a run, which ends with this exit code, took something away.

        Time is real here, and a power loss may come at a good moment: what loses data has three runs.
        """
        for seed in ("1", "2", "3") if code else ("1",):
            ended = run(["test", *arguments, "--seed", seed, "--results", str(results)])
            if ended == code:
                break
        assert ended == code
        (folder,) = results.glob("*/latest")
        faults = json.loads((folder / "verdict.json").read_text())["faults"]
        return any("lost" in one["detail"] and "nothing" not in one["detail"] for one in faults)

    @pytest.mark.parametrize(("target", "code"), [("wal-kv", 0), ("wal-kv/ack-before-fsync", 1)])
    def test_a_target_that_does_not_sync_is_caught(self, target: str, code: int, tmp_path: Path) -> None:
        assert self.lost([target, "--live"], code, tmp_path)

    @pytest.mark.skipif(bool(without("java", "javac")), reason="this machine lacks java or javac")
    @pytest.mark.parametrize(("mode", "code"), [("", 0), ("unsynced", 1)])
    def test_a_log_in_java_that_does_not_sync_is_caught(self, mode: str, code: int, tmp_path: Path) -> None:
        subprocess.run(["javac", "-d", str(tmp_path), str(NODE.with_name("WalNode.java"))], check=True)
        command = f"java -XX:TieredStopAtLevel=1 -cp {tmp_path} WalNode {mode}"
        arguments = ["--bin", command, "--nodes", "1", "--nemesis", "power", "--time", "60s" if code else "15s"]
        assert self.lost(arguments, code, tmp_path / "results")

    @pytest.mark.parametrize(("synchronous", "code"), [("extra", 0), ("full", 1)])
    def test_sqlite_keeps_and_loses_what_its_documentation_says(
        self, synchronous: str, code: int, tmp_path: Path
    ) -> None:
        """With synchronous=FULL the removal of a rollback journal, which commits, is not synced: it comes back."""
        command = f"{sys.executable} {NODE.with_name('sqlite_kv.py')} {synchronous}"
        arguments = ["--bin", command, "--nodes", "1", "--nemesis", "power"]
        assert self.lost(arguments, code, tmp_path)
