"""Programs written for Maelstrom, from the command line: what it allows runs, what it promises is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from naysayer.cli import run
from tests.systems import needs, without

pytestmark = pytest.mark.slow  # each starts processes

NODES = Path(__file__).resolve().parents[1] / "targets" / "stdio_nodes"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(autouse=True)
def _given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("naysayer.harness.convergence.STILL_S_MAX", 1.0)


def play(mode: str, workload: str, results: Path, *more: str, command: str = "", nodes: int = 1) -> int:
    bounds = {"--nodes": str(nodes), "--time": "1s", "--nemesis": "none", "--results": str(results)}
    bounds |= dict(zip(more[::2], more[1::2], strict=True))
    command = command or f"{sys.executable} {NODES / 'odd.py'} {mode}"
    return run(["test", "--bin", command, "--workload", workload, *(word for pair in bounds.items() for word in pair)])


def folder(results: Path) -> Path:
    (found,) = results.glob("*/latest")
    return found.resolve()


def verdict(results: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder(results) / "verdict.json").read_text())
    return found


@pytest.mark.parametrize(
    ("mode", "workload"),
    [
        ("string", "echo"),
        ("intkeys", "txn-rw-register"),
        ("intkeys", "txn-list-append"),
        ("zero", "txn-rw-register"),
        ("kafka", "kafka"),
        ("null", "kafka"),
        ("allnull", "kafka"),
        ("strict", "kafka"),
    ],
)
def test_what_maelstrom_allows_is_valid(mode: str, workload: str, tmp_path: Path) -> None:
    assert play(mode, workload, tmp_path) == 0
    assert verdict(tmp_path)["outcomes"]["ok"] > 50
    assert verdict(tmp_path)["outcomes"]["info"] == 0
    assert ("read 0" in " ".join(verdict(tmp_path)["remarks"])) == (mode == "zero")


def test_offsets_that_were_not_committed_are_a_violation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert play("badcommit", "kafka", tmp_path) == 1
    assert "Wrong committed offset" in capsys.readouterr().out


def test_answers_of_another_form_are_reported(tmp_path: Path) -> None:
    play("typo", "txn-list-append", tmp_path)
    assert verdict(tmp_path)["outcomes"]["info"] > 20
    assert any("n0 answered txn in a form that is not its workload's" in what for what in verdict(tmp_path)["remarks"])


@pytest.mark.parametrize(("topology", "code"), [("grid", 1), ("line", 1), ("tree", 1), ("total", 0)])
def test_who_does_not_pass_messages_on_is_found_out_by_the_topology(
    topology: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("onehop", "broadcast", tmp_path, "--topology", topology, "--rate", "100", nodes=5) == code
    assert verdict(tmp_path)["outcomes"]["ok"] < 300, "at the given rate, and what reads come after it"
    printed = capsys.readouterr().out
    assert "between nodes and services" in printed
    assert code or "visible   median" in printed
    (message, *_) = (
        line for line in (folder(tmp_path) / "messages.jsonl").read_text().splitlines() if '"topology":{' in line
    )
    assert (
        json.loads(message)["message"]["body"]["topology"]["n4"]
        == {
            "grid": ["n1", "n3"],
            "line": ["n3"],
            "tree": ["n1"],
            "total": ["n0", "n1", "n2", "n3"],
        }[topology]
    )


@pytest.mark.parametrize(("share", "code"), [("total", 1), ("0.1", 0)])
def test_availability_is_judged(share: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = ["--nemesis", "partition", "--availability", share, "--time", "4s"]
    assert play("ids", "unique-ids", tmp_path, *faults, nodes=3) == code
    assert ("✗ NOT AVAILABLE" in capsys.readouterr().out) == bool(code)
    assert 0.1 < verdict(tmp_path)["availability"] < 1


@pytest.mark.parametrize("workload", ["lin-kv", "register", "kv"])
def test_a_store_without_cas_is_tested_without_it(workload: str, tmp_path: Path) -> None:
    assert play("plain", workload, tmp_path) == 0
    counted = verdict(tmp_path)["seen"]["by_kind"]
    assert counted["read"]["ok"] > 50
    for f in set(counted) - {"read", "write"}:
        assert counted[f]["fail"] <= 10, "each of the 10 clients may have asked once"
    assert any("error 10" in remark for remark in verdict(tmp_path)["remarks"]) == (workload != "register")


def test_a_program_that_refuses_everything_ends_soon_and_is_not_valid(tmp_path: Path) -> None:
    assert play("refuse", "lin-kv", tmp_path, "--time", "60s") == 2
    assert verdict(tmp_path)["outcomes"]["ok"] == 0


def test_messages_around_a_violation_and_stderr_are_in_the_result_folder(tmp_path: Path) -> None:
    assert play("", "lin-kv", tmp_path, command=f"{sys.executable} {NODES / 'lin_kv.py'} local", nodes=3) == 1
    where = folder(tmp_path)
    assert (where / "logs" / "n2.log").read_text() == "I am n2\n"
    history = [json.loads(line) for line in (where / "history.jsonl").read_text().splitlines()]
    (culprit, *_) = (part["counterexample"][-1] for part in verdict(tmp_path)["not_valid"])
    messages = [json.loads(line) for line in (where / "messages.jsonl").read_text().splitlines()]
    under_way = [m for m in messages if "time" in m and culprit["call"] <= m["time"] <= culprit["ret"]]
    assert any(m["message"]["dest"] == culprit["node"] for m in under_way)
    assert messages[-1]["time"] <= history[-1]["time"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bin", "x", "--workload", "broadcast", "--topology", "star"], "there is no topology 'star'"),
        (["--bin", "x", "--workload", "lin-kv", "--topology", "line"], "it is for broadcast only"),
        (["--bin", "x", "--workload", "echo", "--key-count", "2"], "--key-count is for workloads with keys"),
        (["--bin", "x", "--workload", "kafka", "--max-txn-length", "2"], "--max-txn-length is for workloads of"),
        (
            ["--bin", "x", "--workload", "lin-kv", "--consistency-model", "causal"],
            "--consistency-model is for",
        ),
        (
            ["--bin", "x", "--workload", "txn-rw-register", "--consistency-model", "snapshot"],
            "there is no level of isolation 'snapshot': did you mean snapshot-isolation",
        ),
        (["--bin", "x", "--key-count", "0"], "--key-count is 0; it must be between 1 and 10000"),
        (["--bin", "x", "--availability", "most"], "--availability is 'most'; write total, or a fraction"),
        (["quorum-kv", "--live", "--latency", "5"], "--latency is for programs that speak Maelstrom's protocol"),
        (["quorum-kv", "--rate", "5"], "--rate is for real systems"),
    ],
)
def test_options_without_a_use_are_refused_by_name(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["test", *arguments, "--results", str(tmp_path)]) == 3
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("asked", "level", "code"), [("read-committed", "PL-2", 0), ("serializable", "serializable", 1)]
)
def test_transactions_are_judged_at_the_level_that_maelstrom_means(
    asked: str, level: str, code: int, tmp_path: Path
) -> None:
    command = f"{sys.executable} {NODES / 'gossip.py'}"
    level_of = ("--consistency-model", asked, "--time", "3s")
    assert play("", "txn-rw-register", tmp_path, *level_of, command=command, nodes=3) == code
    assert verdict(tmp_path)["model"] == level


@pytest.mark.parametrize("workload", ["txn-list-append", "txn-rw-register"])
def test_a_node_on_lin_kv_is_strictly_serializable_under_faults(workload: str, tmp_path: Path) -> None:
    command = f"{sys.executable} {EXAMPLES / 'txn_node.py'}"
    more = ("--consistency-model", "strict-serializable", "--nemesis", "kill,partition", "--time", "4s")
    assert play("", workload, tmp_path, *more, command=command, nodes=3) == 0
    found = verdict(tmp_path)
    assert found["outcomes"]["ok"] > 50
    assert any(fault["shown"] for fault in found["faults"])


class TestJava:
    """A program of many threads, which ends if anything reaches it before it has answered init."""

    pytestmark = needs(without("javac", "java"))

    def test_nothing_is_sent_before_init_ok(self, tmp_path: Path) -> None:
        subprocess.run(["javac", "-d", str(tmp_path), str(NODES / "Early.java")], check=True)
        command = f"java -XX:TieredStopAtLevel=1 -cp {tmp_path} Early"
        results = tmp_path / "results"
        more = ["--nemesis", "kill", "--time", "6s"]
        assert play("", "echo", results, *more, command=command, nodes=3) == 0
        assert sum(fault["shown"] for fault in verdict(results)["faults"]) > 2
