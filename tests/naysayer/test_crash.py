"""What is no verdict ends with exit code 3 and one sentence, whatever was raised, and wherever the output goes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from naysayer import cli
from naysayer.cli import run
from naysayer.hunt.campaign import Caught

pytestmark = pytest.mark.slow

HISTORY = b'{"client":0,"call":1,"return":2,"op":"write","key":"x","input":1}\n'

MODEL = """
from __future__ import annotations
import dataclasses, sys
from checker import Model

@dataclasses.dataclass
class Note:
    text: str = "a dataclass finds its module"

class Light(Model):
    name, summary, operations = "light", "write", frozenset({"write"})

    def initial(self):
        return False

    def step(self, state, op):
        %s
"""


def deep() -> None:
    deep()


def raises(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (deep, "RecursionError"),
        (raises(MemoryError()), "MemoryError"),
        (raises(SystemExit(0)), "SystemExit: 0"),
        (raises(SystemExit(1)), "SystemExit: 1"),
        (raises(AssertionError("a\nb \x1b[31m" + "x" * 1000)), "AssertionError: a b \\x1b[31mxxx"),
        (raises(BaseExceptionGroup("", [ExceptionGroup("", [KeyError("lost")])])), "KeyError: 'lost'"),
        (raises(GeneratorExit()), "GeneratorExit"),
    ],
)
def test_an_exception_that_nothing_expects_is_one_sentence_and_its_traceback_is_kept(
    command: Callable[[], None],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("naysayer.commands.listing.list_all", lambda broken: command())
    assert run(["list"]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"naysayer: internal error: {said}")
    assert printed.err.count("\n") == 1
    assert len(printed.err) < 600
    (kept,) = tmp_path.iterdir()
    assert f"this is not a verdict; the traceback is in {kept}" in printed.err
    text = kept.read_text()
    assert "Traceback" in text
    assert "in list_" in text


def test_a_run_that_crashes_keeps_the_traceback_in_its_result_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("naysayer.commands.test.simulate", lambda plan, recorder: deep())
    assert run(["test", "quorum-kv", "--results", str(tmp_path)]) == 3
    folder = (tmp_path / "quorum-kv" / "latest").resolve()
    assert f"the traceback is in {folder.parent / folder.name / 'traceback.txt'}" in capsys.readouterr().err
    assert "RecursionError" in (folder / "traceback.txt").read_text()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("naysayer.commands.listing.list_all", lambda broken: deep())
    assert run(["list"]) == 3  # the next command has not made that folder
    assert re.search(r"the traceback is in \S+/naysayer-\w+\.txt", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('lamp')", "raised KeyError: 'lamp'"),
        ("sys.exit(0)", "raised SystemExit: 0"),
        ("return self.step(state, op)", "raised RecursionError: "),
        ("raise MemoryError", "raised MemoryError"),
        ("raise ExceptionGroup('', [OSError('no')])", "OSError: no"),
    ],
)
def test_a_model_that_raises_is_named_with_its_place(
    body: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "files"))
    (tmp_path / "h.jsonl").write_bytes(HISTORY)
    (tmp_path / "light.py").write_text(MODEL % body)
    assert run(["check", str(tmp_path / "h.jsonl"), "--model", f"{tmp_path}/light.py:Light"]) == 3
    printed = capsys.readouterr()
    assert "LINEARIZABLE" not in printed.out
    assert said in printed.err
    if "Group" not in body:  # the members of a group have places of their own, or none
        line = next(number for number, text in enumerate((MODEL % body).splitlines(), 1) if body in text)
        assert f"{tmp_path}/light.py, line {line}, raised" in printed.err
    assert printed.err.count("\n") == 1


def test_a_file_that_ends_the_process_when_it_is_loaded_is_no_valid_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "h.jsonl").write_bytes(HISTORY)
    (tmp_path / "light.py").write_text("import sys\nsys.exit(0)\n")
    assert run(["check", str(tmp_path / "h.jsonl"), "--model", f"{tmp_path}/light.py:Light"]) == 3
    assert "light.py raised SystemExit in line 2: 0" in capsys.readouterr().err


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A command line in which {naysayer} is the real command."""
    program = f"{sys.executable} -m naysayer"
    (folder / "h.jsonl").write_bytes(HISTORY)
    root = Path(cli.__file__).resolve().parents[1]
    return subprocess.run(
        ["bash", "-c", command.replace("{naysayer}", program)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("code", [0, 1])
def test_a_file_that_calls_os_exit_is_named_and_its_code_is_no_verdict(code: int, tmp_path: Path) -> None:
    (tmp_path / "light.py").write_text(MODEL % f"__import__('os')._exit({code})")
    done = shell("{naysayer} check h.jsonl --model light.py:Light", tmp_path)
    assert done.returncode == 3
    assert done.stdout == b""
    assert f"light.py, line 17, called os._exit({code}); this is not a verdict" in done.stderr.decode()


@pytest.mark.slow
def test_output_that_cannot_be_written_is_no_verdict(tmp_path: Path) -> None:
    done = shell("{naysayer} check h.jsonl > /dev/full", tmp_path)
    assert done.returncode == 3
    assert done.stderr == b"naysayer: stdout: No space left on device\n"
    done = shell("{naysayer} check h.jsonl | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert done.returncode in (0, 3)  # by whether the reader had gone when it wrote
    assert done.stderr == b""
    done = shell("{naysayer} check h.jsonl >&-", tmp_path)
    assert done.returncode == 0
    assert shell("{naysayer} check nothing 2>&-", tmp_path).returncode == 3
    assert shell("{naysayer} check nothing 2>/dev/full", tmp_path).returncode == 3


@pytest.mark.slow
def test_an_encoding_without_our_symbols_and_a_name_without_an_encoding_are_printed(tmp_path: Path) -> None:
    done = shell("{naysayer} check h.jsonl", tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"LINEARIZABLE" in done.stdout
    done = shell("cp h.jsonl $'h\\xff.jsonl'; {naysayer} check $'h\\xff.jsonl'", tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"LINEARIZABLE" in done.stdout


def test_a_users_module_that_hides_one_of_ours_is_named(tmp_path: Path) -> None:
    for name in ("checker", "nemesis"):
        (tmp_path / f"{name}.py").write_text("")
        done = shell("{naysayer} list", tmp_path)
        assert done.returncode == 3
        assert done.stderr.decode() == (
            f"naysayer: {tmp_path / name}.py hides naysayer's own package {name!r}: rename it, or start naysayer from "
            "another folder\n"
        )
        (tmp_path / f"{name}.py").unlink()
    (tmp_path / "numpy.py").write_text("")  # not ours to look for, but no verdict either
    done = shell("TMPDIR=. {naysayer} check h.jsonl", tmp_path)
    assert done.returncode == 3
    assert done.stderr.count(b"\n") == 1
    assert len(list(tmp_path.glob("naysayer-*.txt"))) == 1, "the traceback"


def test_a_hunt_that_tried_no_seed_is_not_green(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Caught(None, seeds=0, cpu_s=0.0, undecided=0)
    monkeypatch.setattr("naysayer.commands.hunt.run_campaign", lambda *_: nothing)
    assert run(["hunt", "quorum-kv", "--time", "1ms"]) == 2
    assert "? quorum-kv: no seed was tried in the time given" in capsys.readouterr().out


DEEP = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    body = {"type": message["body"]["type"] + "_ok", "in_reply_to": message["body"]["msg_id"]}
    if body["type"] == "init_ok":
        me = message["body"]["node_id"]
    said = json.dumps({"src": me, "dest": message["src"], "body": body})
    print(said if body["type"] == "init_ok" else said[:-2] + ', "value": ' + "[" * 900 + "]" * 900 + "}}", flush=True)
"""


def test_an_answer_that_is_nested_too_deeply_is_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "deep.py").write_text(DEEP)
    node = ["--bin", f"{sys.executable} {tmp_path}/deep.py", "--nodes", "1", "--nemesis", "none", "--ops", "20"]
    assert run(["test", *node, "--workload", "lin-kv", "--results", str(tmp_path / "r")]) == 3
    assert capsys.readouterr().err == "naysayer: a reply is nested too deeply to be judged; history.jsonl contains it\n"
