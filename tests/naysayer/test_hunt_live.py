"""Hunts of real systems: what each seed gets, which faults are suspected, and how a failure is reduced."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import msgspec
import pytest

from checker.history import PENDING, History, Operation
from naysayer.cli import run
from naysayer.hunt.mixes import SURVIVABLE, draw_mix
from naysayer.hunt.repetition import Setting, Tally, described, reduce, suspects_of
from naysayer.hunt.traffic import draw_traffic
from naysayer.judge import judge
from naysayer.plan import Plan, read, text
from nemesis.catalog import KINDS
from nemesis.repeated import Repeated, Suspect
from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.protocol.fault import Cut, Fault, Heal, Kill, LoseMessages, ResetConnections, Restart

NODE = Path(__file__).resolve().parents[1] / "targets" / "stdio_nodes" / "lin_kv.py"

LOSE = LoseMessages((("n1", "n2"), ("n1", "n3")), ("put",))
CUT = Cut((("n1", "n2"),))
MS = 1_000_000


def operation(index: int, f: str, value: int, call_ms: float, ret_ms: float | None) -> Operation:
    given, found = (value, None) if f == "write" else (None, value)
    ret = PENDING if ret_ms is None else int(ret_ms * MS)
    return Operation(
        index, index, f, "x", given, found, int(call_ms * MS), ret, "info" if ret_ms is None else "ok", "n1"
    )


STALE = (
    operation(0, "write", 1, 5000, 5010),
    operation(1, "write", 2, 5020, None),
    operation(2, "read", 2, 5100, 5110),
    operation(3, "read", 1, 5200, 5210),
)


def test_every_other_seed_has_the_defaults_and_the_others_take_turns() -> None:
    workloads, usual = ("first", "second", "third"), ("partition", "kill")
    mixes = [draw_mix(seed, workloads, usual, SURVIVABLE) for seed in range(1, 61)]
    assert mixes == [draw_mix(seed, workloads, usual, SURVIVABLE) for seed in range(1, 61)]
    assert {(one.workload, one.nemesis, one.deck) for one in mixes[::2]} == {("first", usual, True)}
    others = mixes[1::2]
    assert {one.workload for one in others} == set(workloads)
    assert {name for one in others for name in one.nemesis} == set(SURVIVABLE) <= set(KINDS)
    assert {len(one.nemesis) for one in others} == {2, 3, 4}
    assert {one.deck for one in others} == {True, False}
    assert draw_mix(2, workloads, (), ()).nemesis == ()


def test_faults_in_force_from_shortly_before_the_counterexample_to_its_end_are_suspected() -> None:
    events: list[tuple[float, Fault]] = [
        (1000.0, CUT),
        (1300.0, Heal()),
        (4500.0, Kill(("n2",))),
        (4600.0, Restart(("n2",))),
        (5015.0, LOSE),
        (5090.0, Heal()),
        (5150.0, ResetConnections((("n1", "n2"),))),
        (6000.0, CUT),
    ]
    verdict = judge(History.of(STALE), "register")
    assert verdict.outcome == "invalid"
    found = suspects_of(events, verdict, ())
    assert [(type(one.fault), one.lasts_ms) for one in found] == [
        (Kill, 100.0),
        (LoseMessages, 75.0),
        (ResetConnections, 0.0),
    ]
    assert found[1].label() == "lose put from n1 for 0.075 s"


def reduced(needs: set[Suspect], suspects: tuple[Suspect, ...], clients: int = 1) -> tuple[Setting, Tally | None]:
    """What reducing comes to where a run fails exactly if these suspects are injected, and so many clients ask."""

    def attempt(setting: Setting) -> Tally:
        faults = {(one.fault, one.lasts_ms) for one in setting.suspects or ()}
        enough = {(one.fault, one.lasts_ms) for one in needs}
        fails = setting.clients >= clients and all(
            any(fault == other and lasts >= least for fault, lasts in faults) for other, least in enough
        )
        tally = Tally()
        while not tally.decided:
            tally = tally.counting(1.5 if fails else None)
        return tally

    return reduce(Setting(None, 10), suspects, attempt)


def test_what_is_left_is_what_the_failure_needs() -> None:
    suspects = (*(Suspect(Kill((f"n{number}",)), 400.0) for number in (1, 2, 3)), Suspect(LOSE, 400.0))
    one, tally = reduced({Suspect(LOSE, 150.0)}, suspects, clients=4)
    assert one == Setting((Suspect(LOSE, 200.0),), 5, 1)
    assert tally is not None
    assert described(one, replace(tally, found=3, runs=3)) == (
        "lose put from n1 for 0.2 s: 3 of 3 runs, within 1.5 s, 5 clients, 1 key"
    )
    needed = {Suspect(Kill(("n1",)), 400.0), Suspect(Kill(("n3",)), 400.0)}
    two, _ = reduced(needed, suspects)
    assert (set(two.suspects or ()), two.clients) == (needed, 3)
    none, _ = reduced(set(), suspects)
    assert none == Setting((), 3, 1)


def test_what_does_not_fail_again_is_left_as_it_was() -> None:
    suspects = (Suspect(LOSE, 400.0),)
    assert reduced({Suspect(CUT, 1.0)}, suspects) == (Setting(None, 10), None)
    assert reduce(Setting(None, 10), suspects, lambda setting: None) == (Setting(None, 10), None)


def test_suspects_are_injected_in_turn_each_for_its_time_and_undone() -> None:
    schedule: Schedule = Repeated((), suspects=(Suspect(LOSE, 75.0), Suspect(Kill(("n2",)), 40.0)))
    now_ms, steps, down = 0.0, list[tuple[float, Fault]](), frozenset[str]()
    while len(steps) < 8:
        situation = Situation(now_ms, ("n1", "n2", "n3"), Random(1), down=down)
        for node in situation.nodes:
            situation.observed.take(node, "read", "ok", now_ms)
        step, schedule = schedule.next(situation)
        if isinstance(step, Step):
            steps.append((now_ms, step.fault))
            down = frozenset(step.fault.nodes) if isinstance(step.fault, Kill) else frozenset()
        else:
            assert isinstance(step, Poll)
            now_ms = step.at_ms
    assert [fault for _, fault in steps] == [LOSE, Heal(), Kill(("n2",)), Restart(("n2",))] * 2
    assert steps[1][0] - steps[0][0] == 75.0
    assert steps[3][0] - steps[2][0] == 40.0
    assert Repeated(()).next(Situation(10_000.0, ("n1",), Random(1)))[0] is not None  # it waits at first


def test_a_plan_with_suspects_can_be_kept_and_read(tmp_path: Path) -> None:
    plan = Plan("x", "register", (), 3, 3, 1, suspects=(Suspect(LOSE, 75.0),))
    (tmp_path / "test.toml").write_text(text(plan))
    assert read(tmp_path / "test.toml") == plan


def test_the_diagram_shows_who_knew_the_values_of_the_counterexample(tmp_path: Path) -> None:
    def line(ms: float, source: str, dest: str, body: dict[str, object], **fate: object) -> bytes:
        message = {"src": source, "dest": dest, "body": body}
        return msgspec.json.encode({"time": int(ms * MS), "message": message, **fate}) + b"\n"

    put = {"type": "put", "key": "x", "value": 2, "msg_id": 9}
    (tmp_path / "messages.jsonl").write_bytes(
        b'{"left_out":12}\n'
        + line(5020.1, "c1", "n1", {"type": "write", "key": "x", "value": 2, "msg_id": 4})
        + line(5021, "n1", "n2", put)
        + line(5022, "n1", "n3", put, lost=True)
        + line(5023, "n1", "n3", {**put, "value": 77})
        + line(5024, "n2", "n1", {"type": "put_ok", "in_reply_to": 9})
        + line(5025, "c8", "n1", {"type": "read", "key": "x", "msg_id": 5})
        + line(5200.1, "c3", "n1", {"type": "read", "key": "x", "msg_id": 6})
        + line(5209, "n1", "c3", {"type": "read_ok", "value": 1, "in_reply_to": 6})
    )
    drawn = draw_traffic(tmp_path, judge(History.of(STALE), "register"), [(5015.0, LOSE)])
    assert drawn is not None
    assert [row[12:].split("  ")[-1].strip() for row in drawn.splitlines()[2:]] == [
        "write x 2",
        'put key "x", value 2',
        'put key "x", value 2',
        "put_ok",
        "read x",
        "ok: 1",
        "━━ ✗ NOT LINEARIZABLE: " + drawn.splitlines()[-1].partition(": ")[2],
    ]
    assert "── lose put on n1→n2 n1→n3 ──" in drawn.splitlines()[1]
    assert drawn.count("╳") == 1
    assert draw_traffic(tmp_path, judge(History.of(STALE[:3]), "register"), []) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hunt"], "say what to test"),
        (["hunt", "quorum-kv", "--bin", "./x"], "exclude each other: a hunt is for one system"),
        (["hunt", "--live"], "say which target to run as processes"),
        (["hunt", "--bin", "./x", "--live"], "--live and --bin exclude each other"),
        (["hunt", "quorum-kv", "--live", "--shard", "1/2"], "--shard is for hunts in the simulator"),
        (["hunt", "--bin", "./x", "--ops", "9"], "--ops is for hunts in the simulator"),
        (["hunt", "--bin", "./x", "--engine", "dask:x"], "--engine is for hunts in the simulator"),
        (["hunt", "--bin", "./x", "--client", "a.py:B"], "--client needs --cluster"),
        (["hunt", "--bin", "./x", "--seeds", "0"], "--seeds is 0"),
        (["hunt", "--bin", "./x", "--workload", "kvv"], "workload"),
    ],
)
def test_what_does_not_fit_a_hunt_is_refused_before_anything_runs(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--results", str(tmp_path)]) == 3
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_bundled_target_is_hunted_as_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("naysayer.commands.hunt_live.REDUCE_S_MAX", 0.0)  # the reduction is that of --bin
    command = ["hunt", "quorum-kv/read-one", "--live", "--time", "30s", "--results", str(tmp_path), "--json"]
    assert run(command) == 1
    hunt = json.loads(capsys.readouterr().out)
    assert (hunt["outcome"], hunt["hunt"]["seed"], hunt["hunt"]["undecided"]) == ("invalid", 1, 0)
    assert (Path(hunt["folder"]) / "original" / "history.jsonl").exists()


@pytest.mark.slow
def test_a_binary_whose_nodes_do_not_talk_fails_without_faults_and_with_few_clients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["hunt", "--bin", f"{sys.executable} {NODE} local", "--time", "20s", "--results", str(tmp_path)]
    assert run([*command, "--json"]) == 1
    hunt = json.loads(capsys.readouterr().out)
    assert (hunt["outcome"], hunt["hunt"]["seed"], hunt["hunt"]["undecided"]) == ("invalid", 1, 0)
    assert hunt["hunt"]["reproduces"].startswith("without faults: 3 of 3 runs, within ")
    assert hunt["hunt"]["reproduces"].endswith(" s, 3 clients, 1 key")
    folder = Path(hunt["folder"])
    assert "read" in (folder / "diagram.txt").read_text()
    names = {path.name for path in folder.iterdir()}
    assert names >= {"history.jsonl", "verdict.json", "report.txt", "test.toml", "diagram.txt", "original"}
    assert not names & {"attempt", "hit", "reduced"}
    assert "without faults: 3 of 3" in (folder / "report.txt").read_text()


@pytest.mark.slow
def test_a_hunt_that_finds_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["hunt", "--bin", f"{sys.executable} {NODE}", "--time", "3s", "--nemesis", "partition"]
    assert run([*command, "--results", str(tmp_path)]) == 0
    assert "nothing found in 1 seed" in capsys.readouterr().out
