"""`naysayer explore` as a user runs it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from naysayer.cli import run
from naysayer.explore.rungs import ladder
from targets.registry import find

SMALL = ("--program", "w | r r")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_scope_without_a_violation(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "wal-kv", *SMALL, "--timers", "1", "--crashes", "1"]) == 0
    said = capsys.readouterr().out
    assert "every schedule of w | r r on 1 node, 1 crash, 1 timer, any loss or delay: " in said
    assert "states, no violation" in said
    (folder,) = [one for one in Path("results/wal-kv").iterdir() if not one.is_symlink()]
    assert {file.name for file in folder.iterdir()} == {"verdict.json", "report.txt", "report.html"}
    assert json.loads((folder / "verdict.json").read_bytes())["outcome"] == "valid"
    assert "<td>w | r r</td>" in (folder / "report.html").read_text()


def test_the_shortest_failure_with_its_steps_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "wal-kv/ack-before-fsync", *SMALL, "--timers", "1", "--crashes", "1"]) == 1
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:6] == [
        "1  c0 asks n1: write 1",
        "2  n1: timer commit fires; n1 answers c0: write 1 ok",
        "3  n1 loses power and starts again",
        "4  c1 asks n1: read; n1 answers c1: read ok nil",
        "no order of the operations explains what n1 answers",
    ]


def test_the_ladder_names_the_scopes_that_are_free_of_violations(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "wal-kv", "--timers", "1", "--crashes", "1"]) == 0
    said = capsys.readouterr().out
    assert "scopes are free of violations" in said
    assert "  w | r r: 1 crash, 1 timer" in said
    assert "w w | r r: 0 crashes, 0 timers; 0 crashes, 1 timer; 1 crash, 0 timers; 1 crash, 1 timer" in said


@pytest.mark.slow
def test_a_tie_that_names_decide_is_in_the_ladder() -> None:
    """A write at n1 is lost to an earlier one at n2; the other way round it would win."""
    assert run(["explore", "quorum-kv/local-counter-version", "--states", "30000"]) == 1


def test_the_ladder_is_cut_with_what_is_certain_by_then(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "quorum-kv", "--states", "2000", "--json"]) == 2
    explored = json.loads(capsys.readouterr().out)["explore"]
    assert explored["cut"] == "--states 2,000 was reached"
    assert explored["states"] >= 2000
    assert [one["outcome"] for one in explored["scopes"]].count("cut") >= 0
    assert explored["not_begun"] > 0
    assert not explored["complete"]


def test_a_failure_is_kept_as_a_run_that_play_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "quorum-kv/sub-majority", "--json"]) == 1
    built = json.loads(capsys.readouterr().out)
    folder = Path(built["folder"])
    kept = {"verdict.json", "history.jsonl", "scenario.txt", "diagram.txt", "diagram.svg", "report.txt", "report.html"}
    assert kept <= {file.name for file in folder.iterdir()}
    assert json.loads((folder / "verdict.json").read_bytes())["explore"]["steps"] == built["explore"]["steps"]
    assert (folder / "scenario.txt").read_text().splitlines()[2] == "at 0 by hand"
    assert run(["play", str(folder / "scenario.txt")]) == 0
    assert "as expected" in capsys.readouterr().out
    assert run(["replay", str(folder)]) == 1
    assert "the history is identical" in capsys.readouterr().out


HUNTED = """cluster quorum-kv/no-read-repair nodes 3 seed 7 workload register
at 12 c2 writes x 9 at n2
at 14 kill n3
at 90.5 c1 reads x at n1
at 95 c1 reads x at n3
verdict
"""


def test_a_shorter_failure_than_one_that_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hunted.txt"
    file.write_text(HUNTED)
    assert run(["explore", "--from", str(file)]) == 1
    said = capsys.readouterr().out
    assert "✗ quorum-kv/no-read-repair: r@n1 r@n3 | w@n2 on 3 nodes, 0 crashes, 0 timers" in said
    assert "the shortest failure has 9 steps" in said
    assert (
        run(["explore", "quorum-kv", "--from", str(file), "--crashes", "0", "--timers", "0", "--states", "3000"]) == 2
    )
    assert "free of violations, with all that is smaller:\n    r@n1 r@n3 | w@n2: 0 crashes" in capsys.readouterr().out


GAVE_UP = """# a reader reads from the other node after the writer, which is the same client, gave up waiting
cluster quorum-kv/no-read-repair nodes 3 seed 6 workload register timeout 500
at 0 cut n2 - n1, n2 - n3 and what is under way
at 306 c0 writes x 1 at n1
at 314 cut n1 - n2, n1 - n3 and what is under way
at 1200 heal
at 1310 c0 reads x at n1
at 1348 c0 reads x at n3
verdict
"""


def test_a_client_that_gave_up_waiting_goes_on_as_another_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hunted.txt"
    file.write_text(GAVE_UP)
    assert run(["explore", "--from", str(file)]) == 1
    assert "✗ quorum-kv/no-read-repair: w@n1 | r@n1 r@n3 on 3 nodes" in capsys.readouterr().out


def test_what_is_known_of_a_cluster_that_is_led_begins_when_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hunted.txt"
    file.write_text(HUNTED.replace("quorum-kv/no-read-repair", "raft-log"))
    assert run(["explore", "--from", str(file), "--states", "300", "--crashes", "0", "--timers", "0"]) == 2
    assert "n2 leads: r@n1 r@n3 | w@n2: 0 crashes, 0 timers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            "at 5 c0 takes a generation at n1",
            "has operations that cannot be explored (next): it takes read, write, append, cas, delete",
        ),
        (
            "\n".join(f"at {ms} c0 reads x at n1" for ms in range(12)),
            "has 15 operations of 3 clients, and at most 12 of 5",
        ),
    ],
)
def test_what_is_known_may_be_too_much(
    step: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hunted.txt"
    file.write_text(HUNTED.replace("verdict", f"{step}\nverdict"))
    assert run(["explore", "--from", str(file)]) == 3
    assert said in capsys.readouterr().err
    assert run(["explore", "--from", str(file), "--program", "w"]) == 3
    assert "leave out --program and --nodes" in capsys.readouterr().err


def test_ctrl_c_reports_what_is_complete(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(1000))

    def interrupts(words: Callable[[], str]) -> None:
        if next(calls) == 30:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("naysayer.commands.explore.now_and_then", lambda: interrupts)
    assert run(["explore", "quorum-kv"]) == 2
    said = capsys.readouterr().out
    assert "? quorum-kv: interrupted; " in said
    assert "    w@n1 | r@n2 r@n3: 0 crashes, 0 timers" in said


@pytest.mark.slow
@pytest.mark.parametrize("target", ["quorum-kv", "quorum-kv/timestamp-tie"])
def test_several_processes_count_and_find_the_same(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for workers in ("1", "2"):
        run(["explore", target, "--states", "20000", "--crashes", "0", "--timers", "0", "--workers", workers, "--json"])
        explored = json.loads(capsys.readouterr().out)["explore"]
        del explored["cpu_s"]
        found.append(explored)
    assert found[0] == found[1]


def test_a_cut_is_unknown_and_an_empty_scope_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "quorum-kv", *SMALL, "--states", "100"]) == 2
    assert "--states 100 was reached; no violation in any schedule of up to " in capsys.readouterr().out
    assert run(["explore", "wal-kv", *SMALL]) == 2
    assert "lets c0's write 1 succeed, so it says nothing: allow more --timers" in capsys.readouterr().out


def test_the_document_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "quorum-kv/sub-majority", "--program", "w@n1 | r@n2", "--json"]) == 1
    built = json.loads(capsys.readouterr().out)
    assert (built["outcome"], built["explore"]["depth"], len(built["explore"]["steps"])) == ("invalid", 2, 2)
    assert built["sentence"] == built["explore"]["sentence"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["quorum-kv", "--program", "w | x"], "has 'x'; it takes clients separated by |"),
        (["quorum-kv", "--program", "w ||"], "has a client without operations"),
        (["quorum-kv", "--program", "w@n4"], "asks n4, and there are nodes n1 to n3"),
        (["quorum-kv", "--program", " ".join("w" * 13)], "more than 5 clients or 12 operations"),
        (["quorum-kv", "--nodes", "0"], "--nodes is 0; from 1 to 9"),
        (["wal-kv", "--nodes", "3"], "wal-kv runs on one node only, so --nodes must be 1, not 3"),
        (["quorum-kv", "--program", "w | c1"], "asks for cas, and quorum-kv offers read, write"),
        (["raft-log", "--program", "n1 leads: a"], "an append, which adds to a text, and those of raft-log do not"),
        (["quorum-kv", "--duplicates", "-1"], "--duplicates is -1"),
        (["quorum-kv", "--crashes", "-1"], "--crashes is -1"),
        (["quorum-kv", *SMALL, "--delays", "-1"], "--delays is -1"),
        (["quorum-kv", "--delays", "1"], "--delays is for one scope: give a --program"),
        (["quorum-kv", "--states", "0"], "--states is 0"),
        (["quorum-kv", *SMALL, "--states", "1000000000000"], "fit into this machine's memory"),
        (["quorum-kv", "--from", "nowhere"], "nowhere is no result"),
        (["--timers", "1"], "explore needs a target"),
        (["quorum-kv", "--time", "0s"], "--time is 0"),
        (["quorum-kv", "--workers", "0"], "--workers is 0; from 1 to "),
        (["quorum-kv", "--workers", "2", *SMALL], "a --program is one scope"),
        (["quorum-kv", "--engine", "spark"], "unknown engine 'spark'"),
        (["raft-txn"], "it has no register to read and write"),
        (["quorum"], "there is no target 'quorum'"),
    ],
)
def test_what_cannot_be_explored_gets_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explore", *arguments]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_generations_rise_and_are_given_out_once(capsys: pytest.CaptureFixture[str]) -> None:
    once = ["--program", "g@n1 | g@n2"]
    assert run(["explore", "generation-clock/equal-without-voted-for", *once, "--states", "30000"]) == 1
    assert "answers c1: next ok 1" in capsys.readouterr().out
    assert run(["explore", "generation-clock", "--program", "g | w"]) == 3
    assert "generations are explored by themselves" in capsys.readouterr().err


OWN = """from dataclasses import replace

from targets.registry import find

STORE = replace(find("quorum-kv/sub-majority"), name="own")
"""


def test_a_target_in_a_file_of_the_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.py").write_text(OWN)
    assert run(["explore", "own.py:STORE", "--json"]) == 1
    built = json.loads(capsys.readouterr().out)
    assert built["explore"]["depth"] == 2
    assert run(["play", f"{built['folder']}/scenario.txt"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "program"),
    [
        ("wal-kv", "w | r"),
        ("generation-clock", "g@n1 | g@n2"),
        ("quorum-kv", "w@n1 | r@n2 r@n3"),
        ("paxos-register", "w@n1 | r@n2 r@n3"),
        ("paxos-kv", "w@n1 | r@n2 r@n3"),
        ("paxos-log", "n1 leads: w@n1 | r@n1"),
        ("raft-log", "n1 leads: w@n1 | r@n1"),
    ],
)
def test_every_family_has_programs_that_suit_it(target: str, program: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program in {one.words for one in ladder(find(target), find(target).nodes, None, None)}
    assert run(["explore", target, "--states", "3000", "--timers", "1", "--crashes", "0", "--json"]) in (0, 2)
    explored = json.loads(capsys.readouterr().out)["explore"]
    assert not [one for one in explored["scopes"] if one["outcome"] == "violation"]
