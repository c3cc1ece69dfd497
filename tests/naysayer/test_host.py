"""`--host`: programs of a user's, in a host process, as nodes of the simulator."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from naysayer.cli import run
from naysayer.hunt.campaign import Hunt, attempt
from naysayer.page.traffic import value_of
from targets.backends.host import process
from targets.backends.host.determinism import compare
from targets.backends.host.node import message_class
from targets.backends.host.process import end_hosts

ROOT = Path(__file__).parents[2]
NODE = ROOT / "tests" / "targets" / "host_nodes" / "quorum_kv.py"
KIT = ROOT / "targets" / "kits" / "python" / "naysayer_kit.py"

CUT = ("--seed", "3", "--ops", "100", "--nemesis", "partition")
"""Here an operation finds no majority for so long that its node gives up."""


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is the target's name, which draws depend on: it is to be the same in every checkout."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def command(variant: str = "") -> str:
    return f"{Path(sys.executable).name} {NODE.relative_to(ROOT)} {variant}".strip()


def children() -> list[str]:
    """The command lines of the processes that this one has started."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            found.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
    return found


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """What a command that judges prints with --json."""
    run([*arguments, "--json"])
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.slow
def test_a_correct_store_is_valid_under_power_loss_and_replays_byte_for_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--seed", "7", "--ops", "300", "--nemesis", "partition,power,torn", "--results", str(tmp_path))
    found = outcome(capsys, "test", "--host", command(), *arguments)
    assert found["outcome"] == "valid"
    again = outcome(capsys, "replay", str(found["folder"]))
    assert again["identical"] is True


@pytest.mark.slow
def test_an_exception_is_a_minimised_finding_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["hunt", "--host", command("raises"), "--nodes", "3", "--seeds", "100", "--results", str(tmp_path)])
    printed = capsys.readouterr().out
    assert code == 1
    line = 1 + next(n for n, text in enumerate(NODE.read_text().splitlines()) if "raise KeyError" in text)
    assert "NODE DIED" in printed
    assert f"raised KeyError at quorum_kv.py:{line} in give_up" in " ".join(printed.split())
    scenario = next(path for path in tmp_path.glob("*/*/scenario.txt") if path.parent.name != "latest")
    steps = [text for text in scenario.read_text().splitlines() if text.startswith("at ")]
    assert len(steps) <= 4
    assert run(["replay", str(scenario.parent)]) == 1
    assert "the history is identical" in capsys.readouterr().out


@pytest.mark.slow
def test_an_exception_in_the_very_first_start_is_a_finding_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["hunt", "--host", command("stillborn"), "--seeds", "20", "--results", str(tmp_path)])
    printed = " ".join(capsys.readouterr().out.split())
    assert code == 1
    assert "Minimised from 0 operations and 0 faults" in printed
    assert "✗ NODE DIED ━━ host" in printed
    assert "Node n1 died: it raised ValueError at quorum_kv.py:" in printed
    assert "in on_start: no configuration, on its start." in printed


def test_the_value_of_a_message_is_known_where_its_body_has_one() -> None:
    got = message_class("got")
    assert value_of(got('{"type":"got","op":1,"value":7}')) == "7"
    assert value_of(got('{"type":"got","op":1,"value":null}')) == "nothing"
    assert not hasattr(got('{"type":"got","op":1,"held":7}'), "value")


@pytest.mark.slow
def test_power_loss_takes_what_was_not_synced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nemesis = ("--nemesis", "power", "--workload", "register", "--nodes", "3", "--clients", "5")
    code = run(["hunt", "--host", command("no-sync"), "--seeds", "100", *nemesis, "--results", str(tmp_path)])
    assert code == 1
    assert "NOT LINEARIZABLE" in capsys.readouterr().out


@pytest.mark.slow
def test_a_node_that_dies_of_its_restart_is_minimised_to_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(
        f"""
import sys
sys.path.insert(0, {str(KIT.parent)!r})
from naysayer_kit import Node, run

class Mine(Node):
    def on_start(self):
        if "wal" in self.ctx.disk.names():
            raise ValueError("it is there already")
        self.ctx.disk.create("wal")

    def on_message(self, message):
        self.ctx.error(message, 11, "it is busy")

run(Mine)
"""
    )
    host = f"{sys.executable} {tmp_path / 'mine.py'}"
    assert (
        run(["hunt", "--host", host, "--nodes", "1", "--nemesis", "kill", "--workers", "1", "--results", str(tmp_path)])
        == 1
    )
    printed = capsys.readouterr().out
    assert re.search(r"Minimised from \d+ operations and \d+ faults to 0 and 2 in", printed)
    assert "restart n1" in printed


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the platform has no affinity of processes")
def test_a_run_stays_on_one_core_with_its_host_and_leaves_it_after() -> None:
    before = os.sched_getaffinity(0)
    with process.on_one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


@pytest.mark.slow
def test_nodes_that_keep_no_file_are_not_killed_unless_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register = Path(__file__).parents[2] / "targets" / "kits" / "python" / "register.py"
    host = ("--host", f"{sys.executable} {register}", "--ops", "100", "--results", str(tmp_path))
    run(["test", *host])
    printed = " ".join(capsys.readouterr().out.split())
    assert "its nodes keep no file, so kill, power, torn are left out unless --nemesis names them" in printed
    run(["test", *host, "--nemesis", "kill"])
    assert "left out" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("no-such-program", "--host: cannot run no-such-program: No such file or directory"),
        (f"{sys.executable} -c pass", "ended its process with exit code 0 before its hello"),
        (f"{sys.executable} -c 'print(1)'", "printed '1' where its hello was due"),
        (f'{sys.executable} -c \'print("{{\\"naysayer\\":9}}")\'', "speaks version 9 of the node protocol, not 1"),
        ("", "--host is empty"),
        ("'", "No closing quotation"),
    ],
)
def test_a_program_that_is_no_host_is_refused_in_one_sentence(
    host: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["test", "--host", host]) == 3
    assert said in capsys.readouterr().err


def test_workers_beyond_the_cores_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for workers in ("0", "10000"):
        assert run(["hunt", "quorum-kv", "--seeds", "1", "--workers", workers, "--results", str(tmp_path)]) == 3
        assert f"--workers is {workers}; from 1 to" in capsys.readouterr().err


def test_hosts_exclude_other_systems(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["test", "quorum-kv", "--host", "x"], ["hunt", "--bin", "x", "--host", "x"]):
        assert run(arguments) == 3
        assert "exclude each other" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="only Linux shows the children of a process")
def test_a_host_that_dies_is_a_finding_and_no_process_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["test", "--host", command("dies"), *CUT, "--results", str(tmp_path)])
    printed = " ".join(capsys.readouterr().out.split())
    assert code == 1
    assert "died: it ended its process with exit code 7; its stderr ends: giving up for good (on the timer" in printed
    end_hosts()
    assert not [one for one in children() if "quorum_kv" in one]


def processes_of(text: str) -> set[int]:
    """The processes of this machine with this text in their command lines."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if text in file.read_bytes().decode("utf-8", "replace"):
                found.add(int(file.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/cmdline"), reason="only Linux shows the processes of others")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_hunt_with_seeds_under_way_and_leaves_no_host(number: signal.Signals, tmp_path: Path) -> None:
    node = shutil.copy(NODE, tmp_path)
    shutil.copy(KIT, tmp_path)
    words = ("hunt", "--host", f"{sys.executable} {node}", "--nodes", "3", "--ops", "20000", "--workers", "1")
    command = [sys.executable, "-m", "naysayer", *words, "--results", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as hunt:
        while len(processes_of(str(node)) - {hunt.pid}) < 2 and hunt.poll() is None:  # ours, and the worker's
            os.sched_yield()
        os.killpg(hunt.pid, number)  # the hosts have a session of their own
        out, err = hunt.communicate()
    assert (hunt.returncode, err) == (2, "")
    assert "interrupted; nothing found in 0 seeds" in " ".join(out.split())
    while processes_of(str(node)):
        os.sched_yield()


@pytest.mark.slow
def test_an_endless_loop_is_a_finding_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CPU_S_MAX", 0.2)
    code = run(["test", "--host", command("hangs"), *CUT, "--results", str(tmp_path)])
    printed = " ".join(capsys.readouterr().out.split())
    assert code == 1
    assert "NODE HUNG" in printed
    assert "hangs: it gave no answer; it was at quorum_kv.py:" in printed
    assert "in give_up (called from quorum_kv.py:" in printed


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["draws", "shares"])
def test_a_node_that_is_not_deterministic_is_named_with_the_first_difference(variant: str) -> None:
    tried = attempt(Hunt(f"host:{command(variant)}", operations=20, nodes=3, workload="register"), range(1, 2))
    said = tried.trouble or tried.unlike or ""
    assert "is not deterministic: after the same inputs, the last of which was {" in said
    assert "ctx.random" in said


@pytest.mark.slow
def test_a_deterministic_node_answers_alike_in_a_used_and_a_fresh_process() -> None:
    tried = attempt(Hunt(f"host:{command()}", operations=20, nodes=3, workload="register"), range(1, 2))
    assert (tried.seeds, tried.trouble, tried.unlike, tried.failed) == (1, None, None, None)


def test_the_first_effect_that_differs_is_shown() -> None:
    given = b'{"id":7,"event":"timer","name":"t","now":5.0}\n'
    used = [("n1", given, b'{"do":[["log","a"],["send","n2",{"x":1}]]}')]
    fresh = [("n1", given.replace(b"7", b"1"), b'{"do":[["log","a"],["send","n3",{"x":1}]]}')]
    assert compare(used, used) is None
    said = compare(used, fresh)
    assert said is not None
    assert 'it did ["send","n2",{"x":1}] in a process that had been in use, and ["send","n3",{"x":1}]' in said
    assert "one run ended where the same run went on" in (compare(used, []) or "")
