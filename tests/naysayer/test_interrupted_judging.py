"""Ctrl-C and SIGTERM after a run, while it is judged and told: the report comes, with what is known."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.history import History
from checker.verdict import Verdict
from naysayer.cli import run
from naysayer.judge import judge
from naysayer.signals import Reporting

pytestmark = pytest.mark.slow

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def signalled(number: signal.Signals, keys: int) -> Callable[..., Verdict]:
    """`judge`, but a signal comes when so many keys are decided, and again when it is over."""

    def judged(history: History, model: str, **more: Any) -> Verdict:
        def progress(done: int, total: int) -> None:
            if done == keys:
                signal.raise_signal(number)

        verdict = judge(history, model, **{**more, "progress": progress})
        signal.raise_signal(number)
        return verdict

    return judged


@pytest.mark.parametrize("number", SIGNALS)
def test_a_run_whose_judging_is_interrupted_is_told_as_undecided_and_kept(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = [signal.getsignal(one) for one in SIGNALS]
    with monkeypatch.context() as patched:
        patched.setattr("naysayer.commands.test.judge", signalled(number, keys=2))
        assert run(["test", "quorum-kv", "--ops", "200", "--results", "kept"]) == 2
    printed = capsys.readouterr().out
    folder = Path("kept", "quorum-kv", "latest")
    assert "Not decided: interrupted while judging: 2 of " in printed
    assert "stopped   while it was judged, by you" in printed
    again = f"naysayer check {folder.parent / folder.readlink() / 'history.jsonl'} --model register"
    assert f"  judge     {again}" in printed
    verdict = json.loads((folder / "verdict.json").read_text())
    assert (verdict["outcome"], verdict["interrupted"]) == ("unknown", True)
    assert "interrupted while judging" in (folder / "report.txt").read_text()
    assert [signal.getsignal(one) for one in SIGNALS] == before
    assert run(again.split()[1:]) == 0
    assert run(["replay", str(folder)]) == 0


def test_a_violation_found_before_the_interruption_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("naysayer.commands.test.judge", signalled(signal.SIGINT, keys=40))
    assert run(["test", "quorum-kv/no-read-repair", "--results", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "✗ NOT LINEARIZABLE" in printed
    assert "stopped   while it was judged, by you" in printed
    assert "Weaker models satisfied" not in printed
    assert "Nodes when" not in printed


def test_a_signal_before_anything_is_judged_or_while_nodes_are_looked_up_leaves_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: Any, **more: Any) -> Any:
        signal.raise_signal(signal.SIGINT)

    arguments = ["test", "quorum-kv/no-read-repair", "--results", str(tmp_path)]
    with monkeypatch.context() as patched:
        patched.setattr("naysayer.commands.test.with_nodes", interrupted)
        assert run(arguments) == 1
    assert "Weaker models satisfied" in capsys.readouterr().out
    monkeypatch.setattr("naysayer.commands.test.judge", interrupted)
    assert run(arguments) == 2
    assert "Not decided: interrupted while judging." in capsys.readouterr().out


def test_a_live_run_whose_judging_is_interrupted_is_told_as_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("naysayer.commands.drive.judge", signalled(signal.SIGINT, keys=1))
    arguments = ["test", "quorum-kv", "--live", "--ops", "60", "--nemesis", "none"]
    assert run([*arguments, "--results", str(tmp_path)]) == 2
    assert "Not decided: interrupted while judging: 1 of " in capsys.readouterr().out
    verdict = json.loads((tmp_path / "quorum-kv" / "latest" / "verdict.json").read_text())
    assert (verdict["outcome"], verdict["interrupted"]) == ("unknown", True)


def hard(file: Path, keys: int, writers: int) -> None:
    """A history whose keys need a search beyond any budget: on all but the first, a sum that nothing adds up to."""
    events: list[tuple[int, dict[str, Any]]] = []
    for key in range(keys):
        asked: list[tuple[str, int | None]] = [("add", 1 << number) for number in range(writers)]
        for f, given in [*asked, ("read", None)]:
            call, ret = (200, 300) if f == "read" and key else (0, 100)
            what = {"process": len(events), "f": f, "key": f"k{key}", "input": given}
            output = None if given else 3 if key else 0
            events.append((call, {**what, "type": "invoke", "time": call}))
            events.append((ret, {**what, "type": "ok", "output": output, "time": ret}))
    events.sort(key=lambda event: event[0])
    file.write_text("".join(json.dumps(event) + "\n" for _, event in events))


def test_ctrl_c_ends_a_check_and_its_workers_with_a_report(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    hard(file, keys=3, writers=20)
    command = subprocess.Popen(
        [sys.executable, "-m", "naysayer", "check", str(file), "--model", "counter", "--certify"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a terminal sends Ctrl-C to the whole group
    )
    workers = set[int]()
    while command.poll() is None and not workers:
        children = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
        workers = {pid for pid in map(int, children) if b"spawn_main" in cmdline(pid)}
        os.sched_yield()
    os.killpg(command.pid, signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert (command.returncode, err) == (2, ""), (out, err)
    assert "Not decided: interrupted while judging: " in out
    assert "proof     none: interrupted" in out
    assert not any(b"spawn_main" in cmdline(pid) for pid in workers)


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_ctrl_c_before_anything_is_known_is_told_as_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("naysayer.commands.check.read", interrupted)
    assert run(["check", "history.jsonl"]) == 3
    assert capsys.readouterr().err == "naysayer: interrupted\n"


def test_nothing_is_attempted_after_a_signal_and_none_ends_what_is_not_attempted() -> None:
    with Reporting() as reporting:
        assert reporting.attempt(lambda: 1) == 1
        signal.raise_signal(signal.SIGTERM)
        assert reporting.attempt(lambda: 1) is None
        signal.raise_signal(signal.SIGINT)
