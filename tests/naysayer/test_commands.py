"""The commands as a user meets them: what they print, what they leave, and their exit codes."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from checker.verify import TOO_LARGE
from naysayer.cli import app, run
from naysayer.options import seconds
from workloads.registry import WORKLOADS

pytestmark = pytest.mark.slow

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"


def naysayer(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "naysayer", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def latest(results: Path, test: str) -> Path:
    return (results / test / "latest").resolve()


def test_a_healthy_target_is_valid_and_leaves_its_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test", "quorum-kv", "--ops", "800", "--results", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "✓ LINEARIZABLE" in printed
    last = printed.rstrip().splitlines()[-1]
    assert re.match(r"━━ (\d+) keys: \1 valid, 0 invalid, 0 unknown ━━ ", last), last
    folder = latest(tmp_path, "quorum-kv")
    left = {"history.jsonl", "verdict.json", "test.toml", "report.txt", "report.html"}
    assert {file.name for file in folder.iterdir()} == left
    verdict = json.loads((folder / "verdict.json").read_text())
    assert verdict["outcome"] == "valid"
    assert verdict["outcomes"]["ok"] > 0
    assert any(fault["shown"] for fault in verdict["faults"])
    plan = tomllib.loads((folder / "test.toml").read_text())
    assert (plan["target"], plan["operations"], plan["seed"]) == ("quorum-kv", 800, 1)
    events = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert {event["type"] for event in events} >= {"invoke", "ok", "nemesis"}
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)


def test_a_broken_target_is_invalid_and_the_report_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test", "quorum-kv/no-read-repair", "--results", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    for piece in (
        "✗ NOT LINEARIZABLE",
        "though #",
        "Why no order works",
        "Cycle   #",
        "Nodes when #",
        "Weaker models satisfied",
        "naysayer replay",
        "exit 1",
    ):
        assert piece in printed
    folder = latest(tmp_path, "quorum-kv.no-read-repair")
    assert (folder / "report.txt").read_text().strip() == printed.strip()
    verdict = json.loads((folder / "verdict.json").read_text())
    assert 2 <= len(verdict["not_valid"][0]["counterexample"]) <= 6


def test_the_recorded_history_can_be_checked_like_any_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["test", "quorum-kv/no-read-repair", "--results", str(tmp_path)])
    history = latest(tmp_path, "quorum-kv.no-read-repair") / "history.jsonl"
    assert run(["check", str(history), "--certify"]) == 1
    assert "confirmed by the independent verifier" in capsys.readouterr().out
    proof = json.loads(history.with_name("history.jsonl.proof.json").read_text())
    assert proof["outcome"] == "invalid"


OWN_MODEL = """
from checker import Inconsistent, Model

class Light(Model):
    name, summary, operations = "light", "flip, look", frozenset({"flip", "look"})

    def initial(self):
        return False

    def step(self, state, op):
        if op.f == "flip":
            return not state
        return state if op.pending or op.output == state else Inconsistent(f"saw {op.output}, but the light is {state}")

class Nameless(Model):
    pass
"""


def test_a_model_of_ones_own_is_judged_reported_and_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history, code = tmp_path / "light.jsonl", tmp_path / "light.py"
    code.write_text(OWN_MODEL)
    flip = '{"client":0,"call":1,"return":2,"op":"flip","key":"hall","input":null,"output":null}\n'
    history.write_text(flip + '{"client":0,"call":3,"return":4,"op":"look","key":"hall","input":null,"output":false}\n')
    assert run(["check", str(history), "--model", f"{code}:Light", "--certify"]) == 1
    printed = capsys.readouterr().out
    for piece in ("saw False, but the light is", "judged as light", "confirmed by the independent verifier"):
        assert piece in printed
    for model, said in (
        (f"{code}:Lamp", "defines no class Lamp derived from checker.Model"),
        (f"{code}:Nameless", "the model Nameless has no `name`"),
        (f"{tmp_path / 'dark.py'}:Light", "there is no Python file"),
    ):
        assert run(["check", str(history), "--model", model]) == 3
        assert said in capsys.readouterr().err
    assert run(["check", str(history), "--model", f"{code}:Light", "--engine", "processes"]) == 3
    assert "leave --engine out" in capsys.readouterr().err


def test_a_search_that_runs_out_of_what_it_may_use_is_undecided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history, code = tmp_path / "light.jsonl", tmp_path / "light.py"
    code.write_text(OWN_MODEL)
    flips = [f'{{"client":{i},"call":1,"return":99,"op":"flip","key":"hall","input":{i}}}\n' for i in range(12)]
    look = '{"client":99,"call":100,"return":101,"op":"look","key":"hall","input":null,"output":false}\n'
    history.write_text("".join(flips) + look)
    own = ["check", str(history), "--model", f"{code}:Light"]
    assert run([*own, "--steps", "10"]) == 2
    assert "out of steps (10)" in capsys.readouterr().out
    assert run(own) == 0
    for option in ("--steps", "--seconds", "--memory-mb"):
        assert run([*own, option, "0"]) == 3
        assert f"{option} is 0" in capsys.readouterr().err


def test_the_same_seed_gives_the_identical_history_whatever_the_hash_seed(tmp_path: Path) -> None:
    histories = []
    for number in ("1", "2"):
        results = tmp_path / number
        done = naysayer("test", "quorum-kv", "--ops", "200", "--results", str(results), PYTHONHASHSEED=number)
        assert done.returncode == 0, done.stderr
        histories.append((latest(results, "quorum-kv") / "history.jsonl").read_bytes())
    assert histories[0] == histories[1]
    assert histories[0].count(b"\n") > 400


def test_another_seed_gives_another_history(tmp_path: Path) -> None:
    histories = []
    for seed in ("1", "2"):
        run(["test", "quorum-kv", "--ops", "50", "--seed", seed, "--results", str(tmp_path / seed)])
        histories.append((latest(tmp_path / seed, "quorum-kv") / "history.jsonl").read_bytes())
    assert histories[0] != histories[1]


def test_replay_confirms_an_identical_history_and_notices_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["test", "quorum-kv/no-read-repair", "--results", str(tmp_path)])
    folder = latest(tmp_path, "quorum-kv.no-read-repair")
    assert run(["replay", str(folder)]) == 1
    assert "the history is identical" in capsys.readouterr().out
    with (folder / "history.jsonl").open("a") as file:
        file.write("{}\n")
    assert run(["replay", str(folder)]) == 3
    assert "DIFFERS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["test", "quorum-vk"], "did you mean quorum-kv"),
        (["test", "quorum-kv", "--workload", "cas-register"], "needs cas; quorum-kv offers only read, write"),
        (["test", "quorum-kv", "--workload", "nonsense"], "there is no workload 'nonsense'"),
        (["test", "quorum-kv", "--nemesis", "earthquake"], "there is no fault 'earthquake': choose one of"),
        (["test", "quorum-kv", "--nodes", "1", "--nemesis", "partition"], "needs at least 2 nodes, not 1"),
        (["test", "quorum-kv", "--clients", "0"], "--clients is 0"),
        (["test", "wal-kv", "--nodes", "3"], "wal-kv runs on one node"),
        (["hunt", "wal-kv", "--nodes", "3"], "wal-kv runs on one node"),
        (["test", "raft-log", "--workload", "g-set"], "g-set is for eventually consistent systems"),
        (["hunt", "quorum-kv", "--workload", "queue"], "needs dequeue, enqueue; quorum-kv offers only read, write"),
        (["hunt", "quorum-kv", "--ops", "0"], "--ops is 0"),
        (["hunt", "quorum-kv", "--seeds", "0"], "--seeds is 0"),
        (["hunt", "quorum-kv", "--time", "0s"], "--time is 0"),
        (["check", "h.jsonl", "--seconds", "nan"], "--seconds is nan"),
        (["test", "quorum-kv", "--ops", "many"], "many"),
        (["test", "quorum-kv", "--time", "soon"], "'soon' is not a valid duration"),
        (["test", "quorum-kv", "--wat", "1"], "--wat"),
        (["test", "quorum-kv", "--nemesis", "prtition"], "there is no fault 'prtition': did you mean partition"),
        (["test", "quorum-kv", "--nemesis", "none,kill"], "--nemesis none,kill: none and kill exclude each other"),
        (["hunt", "quorum-kv", "--nemesis", "kill, none"], "none and kill exclude each other"),
        (["doctor", "cluster.toml", "--nemesis", "none,kill"], "none and kill exclude each other"),
        (["test", "quorum-kv", "--nemesis", ""], "a name is empty"),
        (["test", "quorum-kv", "--nemesis", "kill,,pause"], "a name is empty"),
        (["test", "quorum-kv", "--live", "--nemesis", "transfer"], "cannot carry out; possible: partition"),
        (["test", "quorum-kv", "--workload", "regster"], "there is no workload 'regster': did you mean register"),
        (["test", "quorum-kv", "--workload", ""], "there is no workload ''"),
        (["test", "quorum-kv", "--ops", "5", "--time", "3s"], "--ops and --time exclude each other"),
        (["hunt", "quorum-kv", "--seeds", "5", "--time", "3s"], "--seeds and --time exclude each other"),
        (["test", "quorum-kv", "--bin", "node"], "the target quorum-kv and --bin exclude each other"),
        (["test", "quorum-kv", "--cluster", "c.toml"], "the target quorum-kv and --cluster exclude each other"),
        (["test", "--bin", "node", "--cluster", "c.toml"], "--bin and --cluster exclude each other"),
        (["test", "--bin", "node", "--live"], "--live and --bin exclude each other"),
        (["test", "--cluster", "c.toml", "--live"], "--live and --cluster exclude each other"),
        (["test", "--live"], "say which target to run as processes"),
        (["test", "quorum-kv", "--client", "c.py:C"], "--client needs --cluster"),
        (["test", "--bin", "n", "--topology", "line", "--workload", "echo"], "--topology and --workload echo exclude"),
        (["test", "--bin", "n", "--workload", "broadcast", "--topology", "lin"], "'lin': did you mean line"),
        (["test", "--bin", "", "--nodes", "1"], "--bin is empty"),
        (["test", "--bin", "'node", "--nodes", "1"], "No closing quotation"),
        (["node", "quorum-kv", "--stdio", "--listen", "127.0.0.1:1"], "--stdio and --listen exclude each other"),
        (["node", "quorum-kv", "--stdio", "--peers", "n2=127.0.0.1:1"], "--stdio and --peers exclude each other"),
        (["check", "h.jsonl", "--model", "regster"], "there is no model 'regster': did you mean register"),
        (["check", "h.jsonl", "--model", "g-sett"], "there is no model 'g-sett': did you mean g-set"),
        (["check", "h.jsonl", "--format", "edm"], "there is no format 'edm': did you mean edn"),
        (["test"], "say what to test"),
        (["frobnicate"], "frobnicate"),
        (["check", "no-such-file"], "no-such-file"),
        (["check", "no-such-file", "--engine", "cloud"], "unknown engine 'cloud'"),
        (["replay", "no-such-folder"], "is no result"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_3(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 3
    printed = capsys.readouterr()
    assert said.lower() in printed.err.lower()
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["test", "quorum-kv"], ["hunt", "quorum-kv/read-one", "--seeds", "10000000"]])
def test_results_that_cannot_be_written_are_told_before_the_run(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run([*command, "--results", str(tmp_path / "file")]) == 3
    printed = capsys.readouterr()
    assert "--results DIR chooses another place" in printed.err
    assert printed.out == ""


def test_an_interrupted_run_is_kept_and_judged(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "naysayer", "test", "quorum-kv", "--ops", "50000000", "--results", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    history = tmp_path / "quorum-kv" / "latest" / "history.jsonl"
    while process.poll() is None and not (history.exists() and history.stat().st_size > 10_000):
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "stopped" in out
    assert json.loads((history.parent / "verdict.json").read_text())["interrupted"] is True
    assert naysayer("check", str(history)).returncode == 0


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list"]) == 0
    printed = capsys.readouterr().out
    for name in ("quorum-kv", "raft-log", "paxos-kv", "cas-register", "partition", "kill", "kv-append"):
        assert name in printed
    lines = " ".join(printed.partition("Faults\n")[0].split())
    alone = [name for name in WORKLOADS if f" (judged as {WORKLOADS[name].model}; only with --cluster)" in lines]
    containers = ["queue", "unordered-queue", "stack", "priority-queue"]
    peeks = [f"{name}-with-peek" for name in containers if name != "unordered-queue"]
    assert alone == ["lock", "set", *containers, *peeks, "ids"]
    assert run(["list", "--broken"]) == 0
    assert "quorum-kv/no-read-repair" in capsys.readouterr().out


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of histories is not beside the project")
@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("etcd/etcd_000.log", 1),
        ("etcd/etcd_002.log", 0),
        ("kv/c10-bad.txt", 1),
        ("kv/c10-ok.txt", 0),
        ("edn/good/cas-register-bug.edn", 0),
        ("edn/bad/cas-failure.edn", 1),
        ("generated/b_reg1_c5_n10k_crash200_bad.jsonl.gz", 1),
    ],
)
def test_histories_of_others_get_their_known_exit_code(
    file: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(CORPUS / file)]) == code
    assert "read as" in capsys.readouterr().out


@pytest.mark.parametrize(
    "junk", [b"", b"\x00\xff\xfe\x01" * 50, b'{"type":"ok","process":0,"f":"read"}\n', b'{"client": 1, "call": 5, "ret']
)
def test_junk_is_never_judged(junk: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, data in (("junk.jsonl", junk), ("junk.jsonl.gz", gzip.compress(junk))):
        (tmp_path / name).write_bytes(data)
        assert run(["check", str(tmp_path / name)]) == 3
        printed = capsys.readouterr()
        assert name in printed.err
        assert printed.err.count("\n") == 1
        assert "LINEARIZABLE" not in printed.out


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("30s", 30.0), ("2m", 120.0), ("1h", 3600.0), ("7", 7.0)])
def test_durations_are_read(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("name", ["test", "check", "hunt", "replay", "node", "init", "doctor", "heal", "list"])
def test_the_help_of_a_command_explains_each_of_its_arguments(name: str) -> None:
    for argument in app[name].assemble_argument_collection(parse_docstring=True):
        if argument.name != "*":  # a group of options, each of which comes by itself
            assert argument.parameter.help, f"{name} {argument.name}"


def test_a_proof_that_is_too_large_to_be_confirmed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "h.jsonl"
    history.write_text(
        '{"client":0,"call":0,"return":1,"op":"write","input":1}\n{"client":0,"call":2,"return":3,"op":"read","output":2}\n'
    )
    monkeypatch.setattr("naysayer.commands.check.verify", lambda *given: [f"key 'x': {TOO_LARGE}"])
    assert run(["check", str(history), "--certify"]) == 1
    assert f"not confirmed: key 'x': {TOO_LARGE}" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.proof.json"))
