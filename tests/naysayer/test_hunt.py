"""Hunting: what a seed draws, what a campaign finds, and what shrinking leaves."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
from collections import Counter, deque
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from naysayer.cli import run
from naysayer.hunt import campaign, scoreboard, simplify
from naysayer.hunt.campaign import Hunt, attempt, try_plans
from naysayer.hunt.diagram import diagram
from naysayer.hunt.elections import SLOW_POLL_MS, RelativeFaults, leader_timeline, relative, replayed
from naysayer.hunt.finding import reproduce
from naysayer.hunt.scoreboard import Cleared
from naysayer.hunt.shrink import SIGHT, shrink, some_of
from naysayer.hunt.swarm import draw
from naysayer.judge import undecided
from naysayer.plan import Plan
from naysayer.play import notation, timed
from naysayer.play.timed import Scenario, TimedFault, TimedOperation
from naysayer.recorder import Recorder
from naysayer.simulate import Simulation
from nemesis import shapes
from nemesis.catalog import KINDS, LEADER
from nemesis.named import find as find_fault
from nemesis.schedule import Poll, Situation, Step
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Cut, Degrade, Heal, Kill, Restart
from targets.protocol.target import Target
from targets.registry import all_targets, family, find

pytestmark = pytest.mark.slow

BROKEN = "quorum-kv/local-counter-version"


def test_a_seed_draws_the_same_plan_always_and_seeds_differ() -> None:
    target = find("quorum-kv/sub-majority")
    plans = [draw(target, seed, 200) for seed in range(50)]
    assert plans == [draw(target, seed, 200) for seed in range(50)]
    assert len({plan.nemesis for plan in plans}) > 25
    assert len({plan.clients for plan in plans}) > 2


class Sealed(Target):
    """A target whose labels nothing may read."""

    def __getattribute__(self, name: str) -> Any:
        assert name != "broken", "a hunt reads what is known of a broken variant"
        return super().__getattribute__(name)


def test_a_hunt_never_reads_what_is_known_of_a_broken_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = {
        one.name: tuple(
            Sealed(**{field.name: getattr(other, field.name) for field in fields(other)}) for other in family(one.name)
        )
        for one in all_targets()
    }
    monkeypatch.setattr("targets.registry.family", lambda name: sealed[name])
    with pytest.raises(AssertionError, match="reads what is known"):
        find("quorum-kv").broken  # noqa: B018
    for name in sealed:
        hunt = Hunt(name, operations=20)
        hunt.validate()
        assert attempt(hunt, range(1, 2)).trouble is None


def test_every_fault_that_the_simulator_can_carry_out_is_drawn_alone_or_in_small_and_large_subsets() -> None:
    every = [draw(find("raft-log"), seed, 200) for seed in range(600)]
    alone = {plan.seed: plan for plan in every if any(":" in name for name in plan.nemesis)}
    relays = [plan for plan in alone.values() if plan.nemesis[0].endswith(":relay")]
    assert {plan.nemesis for plan in relays} == {(f"{name}:relay",) for name in KINDS if KINDS[name].hold_ms}
    drawn = [plan for plan in every if plan.seed not in alone]
    assert 220 < len(drawn) < 320
    possible = {kind.name for kind in KINDS.values() if kind.needs <= SimulatedCluster.faults}
    assert {name for plan in drawn for name in plan.nemesis} == possible
    sizes = Counter(len(plan.nemesis) for plan in drawn)
    assert sum(sizes[size] for size in (2, 3, 4)) > 150
    assert sum(count for size, count in sizes.items() if size > 4) > 75
    assert Counter(plan.nodes for plan in drawn)[5] > 90
    for_any = {name for seed in range(100) for name in draw(find("quorum-kv"), seed, 200).nemesis}
    assert "isolate-changed:relay" in for_any
    useless = {name for name in for_any if LEADER & find_fault(name).needs}
    assert useless == set(), "no node of it leads"


def test_every_fault_that_a_variant_names_is_known_and_every_workload_fits() -> None:
    for target in all_targets():
        for name in target.broken.faults if target.broken else ():
            assert name in KINDS, f"{target.name} names the fault {name}"
        plan = draw(target, 1, 10)
        assert plan.nodes >= 1


def test_a_healthy_target_is_not_accused() -> None:
    tried = attempt(Hunt("quorum-kv", operations=100), range(1, 16))
    assert (tried.failed, tried.trouble, tried.seeds) == (None, None, 15)


@pytest.mark.parametrize("nodes", [1, 2, 4])
@pytest.mark.parametrize(
    "name", ["quorum-kv", "generation-clock", "paxos-register", "paxos-kv", "paxos-log", "raft-log"]
)
def test_a_healthy_target_is_not_accused_on_an_unusual_number_of_nodes(name: str, nodes: int) -> None:
    hunt = Hunt(name, operations=60, nodes=nodes)
    assert hunt.plan(1).nodes == nodes
    tried = attempt(hunt, range(1, 9))
    assert (tried.failed, tried.trouble, tried.seeds) == (None, None, 8)


def test_definite_refusals_in_the_calm_are_no_lack_of_life() -> None:
    """All registers were written before the calm, so that every write and cas in it was refused."""
    plan = Plan(
        target="paxos-register",
        workload="write-once",
        nemesis=("partition", "delay", "duplicate", "kill", "power"),
        nodes=5,
        clients=3,
        seed=44,
        operations=200,
        think_ms=0.5,
        timeout_ms=2000.0,
    )
    assert Simulation(plan, Recorder()).run().live


def test_a_found_failure_shrinks_to_few_operations_that_still_fail() -> None:
    tried = attempt(Hunt(BROKEN), range(1, 21))
    assert tried.failed is not None
    found = reproduce(tried.failed)[0]
    assert timed.play(found)[1].outcome == "invalid", "the explicit scenario fails as the run did"
    smaller = shrink(found)
    assert len(smaller.scenario.operations) <= 20
    assert len(found.operations) > 100
    run_, verdict = timed.play(smaller.scenario, trace=True)
    assert verdict.outcome == "invalid"
    drawn = diagram(run_.trace or [])
    assert any(f"{ask.f} {ask.key}" in drawn for ask in smaller.scenario.operations)
    assert "●" in drawn
    for ask in smaller.scenario.operations:
        assert f"at {ask.at_ms:g} c{ask.client} " in notation.text(smaller.scenario)


@pytest.mark.parametrize("name", ["raft-log/truncate-on-any-append", "paxos-kv/accept-below-promise"])
def test_a_failing_run_fails_again_as_a_scenario_whatever_its_pace(name: str) -> None:
    first = 1
    for _ in range(3):
        tried = attempt(Hunt(name), range(first, first + 40))
        assert tried.failed is not None
        found = reproduce(tried.failed)[0]
        assert found.recovers or timed.play(found, weaker=False)[1].outcome == "invalid"
        first = tried.failed.seed + 1


@pytest.mark.parametrize("name", ["quorum-kv", "wal-kv", "raft-log/term-volatile"])
@pytest.mark.parametrize("seed", [*range(1, 6), 1_000_013])
def test_a_scripted_run_has_the_same_history_to_the_nanosecond(name: str, seed: int) -> None:
    simulation = Simulation(draw(find(name), seed, 120), recorder := Recorder())
    run = simulation.run()
    again, _ = timed.play(timed.of_run(simulation.plan, simulation, run), same := Recorder(), weaker=False)
    if run.live:
        assert _told(same) == _told(recorder)
        assert again.violations == run.violations
    else:
        assert not again.live


def _told(recorder: Recorder) -> list[tuple[object, ...]]:
    """What happened; how processes are numbered depends on how many clients asked anything."""
    return [(op.f, op.key, op.input, op.output, op.call, op.ret, op.status, op.node) for op in recorder.history()]


@pytest.mark.parametrize("name", ["quorum-kv/no-read-repair", "raft-log/no-session-dedup", "paxos-kv/local-read"])
def test_what_hangs_on_a_race_shrinks_to_few_operations_too(name: str) -> None:
    first, failed = 1, None
    while failed is None:
        failed = attempt(Hunt(name), range(first, first + 50)).failed
        first += 50
    smaller = shrink(reproduce(failed)[0])
    assert smaller.cut is None
    assert len(smaller.scenario.operations) <= 8


def test_a_failure_that_clients_saw_stays_one() -> None:
    """Of the first failing seeds, those that the checker found."""
    found = reproduce(_failing("raft-log/log-unsynced"))[0]
    seen = timed.play(found, weaker=False)[1].method
    after = timed.play(shrink(found).scenario, weaker=False)[1].method
    assert seen in SIGHT or after not in SIGHT


def _failing(name: str) -> Plan:
    failed = attempt(Hunt(name), range(1, 301)).failed
    assert failed is not None
    return failed


def test_a_time_that_is_no_whole_nanosecond_is_reached() -> None:
    asks = tuple(TimedOperation(at_ms, 0, "read", "n1", "x") for at_ms in (0.9999999, 1.0, 77.7777777777))
    run, verdict = timed.play(Scenario("quorum-kv", "register", 3, 1, asks, ()))
    assert run.recorder.invocations == 3
    assert verdict.outcome == "valid"


def test_what_happens_in_a_scenario_happens_in_order_of_time_as_its_story_says_however_it_is_listed() -> None:
    down, up = TimedFault(20.0, Kill(("n1",))), TimedFault(40.0, Restart(("n1",)))
    early, late = TimedOperation(10.0, 0, "write", "n2", "x", 1), TimedOperation(60.0, 0, "read", "n2", "x")
    listed = Scenario("quorum-kv", "register", 3, 1, (late, early), (up, down))
    run, _ = timed.play(listed, weaker=False)
    assert [fault for _, fault in run.recorder.nemesis] == [down.fault, up.fault]
    assert [operation.f for operation in run.recorder.history()] == ["write", "read"]
    assert notation.text(listed).splitlines()[1:] == [
        "at 10 c0 writes x 1 at n2",
        "at 20 kill n1",
        "at 40 restart n1",
        "at 60 c0 reads x at n2",
        "verdict",
    ]


def test_faults_at_the_same_time_are_shown_in_the_order_of_injection() -> None:
    strikes = (TimedFault(20.0, Heal()), TimedFault(20.0, Cut((("n1", "n2"),), "{n1} ↛ {n2}")))
    lines = notation.text(Scenario("quorum-kv", "register", 3, 1, (), strikes)).splitlines()
    assert lines[1:] == ["at 20 heal", "at 20 cut n1 -> n2", "verdict"]


THREE = Scenario(
    "quorum-kv",
    "register",
    5,
    1,
    (TimedOperation(10.0, 3, "write", "n4", "k7", 9), TimedOperation(33.3333, 5, "read", "n5", "k7")),
    (
        TimedFault(5.0, Cut((("n1", "n4"), ("n4", "n1"), ("n4", "n5"), ("n5", "n4")), "ring")),
        TimedFault(6.0, Kill(("n1", "n4"), power=True, torn=True)),
        TimedFault(7.0, Degrade((("c5", "n5"), ("n5", "n2")), delay_ms=5.0, loss=0.5)),
    ),
)


def test_fewer_nodes_are_those_that_are_asked_numbered_again() -> None:
    smaller = next(simplify.fewer_nodes(THREE))
    assert (smaller.nodes, [ask.node for ask in smaller.operations]) == (3, ["n2", "n3"])
    cut, kill, degrade = (strike.fault for strike in smaller.faults)
    assert cut == Cut((("n1", "n2"), ("n2", "n1"), ("n2", "n3"), ("n3", "n2")), "{n2} | {n1,n3}")
    assert kill == Kill(("n1", "n2"), power=True, torn=True)
    assert degrade == Degrade((("c5", "n3"),), delay_ms=5.0, loss=0.5)


def test_fewer_clients_take_their_links_with_them() -> None:
    merged, numbered = simplify.fewer_clients(THREE)
    assert [ask.client for ask in merged.operations] == [3, 3]
    assert [ask.client for ask in numbered.operations] == [0, 1]
    assert numbered.faults[2].fault.links[0] == ("c1", "n5")


def test_milder_faults_have_less_of_something_and_never_nothing_at_all() -> None:
    milder = [scenario.faults for scenario in simplify.milder_faults(THREE)]
    kills = {strikes[1].fault for strikes in milder} - {THREE.faults[1].fault}
    assert Kill(("n1",), power=True, torn=True) in kills
    assert Kill(("n1", "n4")) in kills
    degraded = {strikes[2].fault for strikes in milder} - {THREE.faults[2].fault}
    assert all(fault.links and (fault.loss or fault.delay_ms) for fault in degraded)
    assert len(degraded) == 4


def test_values_and_times_become_plain() -> None:
    assert [(ask.key, ask.input) for ask in next(simplify.plain_values(THREE)).operations] == [("x", 1), ("x", None)]
    assert [ask.at_ms for ask in list(simplify.round_times(THREE))[1].operations] == [10.0, 30.0]
    assert next(simplify.sooner(THREE)).items[0].at_ms == 1.0


def test_some_of_a_scenario_is_without_up_to_half_of_it() -> None:
    random, items = Random(1), THREE.items
    sizes = {len(some_of(items, random)) for _ in range(100)}
    assert sizes == {3, 4}


def test_a_scenario_lasts_as_long_as_it_says_though_nobody_asks_anything() -> None:
    strikes = (TimedFault(100.0, Kill(("n1",))), TimedFault(700.0, Restart(("n1",))))
    waits = Scenario("raft-log", "register", 3, 1, (), strikes, end_ms=900.0)
    run_, verdict = timed.play(waits, weaker=False)
    assert [fault for _, fault in run_.recorder.nemesis] == [strike.fault for strike in strikes]
    assert run_.virtual_ms == pytest.approx(900.0)
    assert verdict.outcome == "unknown", "no operation was seen to succeed"
    assert notation.text(waits).splitlines()[-2] == "end 900"


LED: list[tuple[float, tuple[int, str] | None]] = [(0.0, None), (200.0, (1, "n1")), (450.0, (2, "n3"))]
CUT_OFF = Cut((("n3", "n2"), ("n2", "n3")), "{n2} | {n3}")


def test_items_are_relative_to_the_item_before_or_to_the_election_of_their_leader() -> None:
    items = [
        TimedFault(100.0, Heal()),
        TimedOperation(260.0, 0, "read", "n1", "x"),
        TimedOperation(300.0, 0, "read", "n1", "x"),
    ]
    first, second, third, fourth = relative([*items, TimedFault(460.0, CUT_OFF)], LED)
    assert (first.gap_ms, first.leader, first.since_ms) == (100.0, None, None)
    assert (second.gap_ms, second.leader, second.since_ms) == (160.0, "n1", 60.0)
    assert (third.gap_ms, third.leader, third.since_ms) == (40.0, "n1", None)
    assert (fourth.leader, fourth.since_ms) == ("n3", 10.0)


def test_a_replayed_fault_hits_the_node_that_leads_now_and_as_soon_as_it_is_elected() -> None:
    """Here n2 leads, from 700 ms on, where n3 had led from 450 ms on."""
    nodes = ("n1", "n2", "n3")
    schedule = RelativeFaults(deque(relative([TimedFault(460.0, CUT_OFF)], LED)), dict(zip(nodes, nodes, strict=True)))

    def at(now_ms: float, leader: str | None) -> Step | Poll | None:
        views = {name: {"role": "leader" if name == leader else "follower", "term": 2} for name in nodes}
        return schedule.next(Situation(now_ms, nodes, Random(0), poll=lambda: views))[0]

    assert at(460.0, None) == Poll(460.0 + SLOW_POLL_MS)
    assert at(700.0, "n2") == Poll(710.0)
    step = at(710.0, "n2")
    assert isinstance(step, Step)
    assert step.fault == Cut((("n2", "n3"), ("n3", "n2")), "{n2} | {n3}")
    assert at(711.0, "n2") is None


def test_a_replay_relative_to_elections_fails_more_often_and_what_happened_is_a_failing_scenario() -> None:
    """Under delays of which most let another node win the first election."""
    alone, second = shapes.isolated_node(["n1", "n2", "n3"]), shapes.isolated_node(["n2", "n1", "n3"])
    strikes = (
        TimedFault(0.0, alone),
        TimedFault(100.0, Kill(("n3",))),
        TimedFault(1700.0, Heal()),
        TimedFault(3200.0, alone),
        TimedFault(3500.0, Restart(("n3",))),
        TimedFault(3900.0, Heal()),
        TimedFault(3900.0, second),
    )
    asks = (TimedOperation(3300.0, 0, "write", "n1", "x", 1), TimedOperation(4200.0, 0, "write", "n3", "x", 2))
    whole = Scenario("raft-log/no-previous-term-check", "cas-register", 3, 2, asks, strikes, 300.0, end_ms=5000.0)
    given = relative(whole.items, leader_timeline(whole, 5000.0))
    seeded = [replace(whole, seed=seed) for seed in range(100, 115)]
    plain = [scenario for scenario in seeded if timed.play(scenario, weaker=False)[1].outcome == "invalid"]
    replays = [replayed(scenario, given, 800.0, 10_000.0, invariants=True) for scenario in seeded]
    happened = [scenario for scenario in replays if scenario is not None]
    assert len(happened) > len(plain) + 3
    assert all(timed.play(scenario, weaker=False)[1].outcome == "invalid" for scenario in happened)


def test_a_chain_of_elections_shrinks_to_few_faults() -> None:
    failed = attempt(Hunt("raft-log/term-volatile", nodes=3, nemesis=("power", "isolate-leader")), range(1, 301)).failed
    assert failed is not None
    smaller = shrink(reproduce(failed)[0])
    assert smaller.cut is None
    assert len(smaller.scenario.items) <= 8
    assert timed.play(smaller.scenario, weaker=False)[1].outcome == "invalid"


def test_a_run_that_ends_at_its_violation_has_the_same_one() -> None:
    found = reproduce(_failing("paxos-kv/ballot-collision"))[0]
    whole, _ = timed.play(found, weaker=False)
    cut, verdict = timed.play(found, weaker=False, until_violation=True)
    assert verdict.outcome == "invalid"
    assert cut.violations[:1] == whole.violations[:1] != []
    assert cut.virtual_ms < whole.virtual_ms
    until_ms = cut.virtual_ms + 1.0
    assert timed.play(found, weaker=False, until_ms=until_ms)[0].virtual_ms <= until_ms


def test_a_fenced_write_may_show_whatever_generation_its_client_was_given_last(tmp_path: Path) -> None:
    asks = (
        TimedOperation(1.0, 0, "next", "n1", "x"),
        TimedOperation(50.0, 0, "next", "n1", "x"),
        TimedOperation(100.0, 0, "fenced-write", "n1", "x", (2, 5)),
        TimedOperation(150.0, 1, "read", "n2", "x"),
    )
    named = Scenario("generation-clock", "fenced-register", 3, 1, asks, ())
    (free,) = simplify.fed_back(named)
    assert list(simplify.fed_back(free)) == []
    assert "at 100 c0 writes x 5 at n1 under its generation" in notation.text(free)
    (tmp_path / "scenario.txt").write_text(notation.text(free))
    run, verdict = timed.play(notation.read(tmp_path / "scenario.txt"))
    *_, write, read = run.recorder.history()
    assert (write.input, write.status, read.output, verdict.outcome) == ((2, 5), "ok", 5, "valid")


def test_shrinking_says_so_when_the_scenario_does_not_fail() -> None:
    plan = draw(find("quorum-kv"), 1, 20)
    smaller = shrink(reproduce(plan)[0])
    assert smaller.runs == 1
    assert "did not fail again" in (smaller.cut or "")


def test_a_scenario_survives_its_file(tmp_path: Path) -> None:
    tried = attempt(Hunt("quorum-kv/client-side-cas", workload="cas-register"), range(1, 21))
    assert tried.failed is not None
    found = reproduce(tried.failed)[0]
    (tmp_path / "scenario.txt").write_text(notation.text(found))
    assert notation.read(tmp_path / "scenario.txt") == found


def test_a_full_disk_under_the_results_is_told_once_and_what_was_found_is_shown(tmp_path: Path) -> None:
    """No file may grow beyond 4 KiB, which a write meets as it meets a full disk."""
    done = subprocess.run(
        [sys.executable, "-m", "naysayer", "hunt", BROKEN, "--seeds", "40", "--results", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert done.returncode == 1
    assert "Minimised from" in done.stdout
    printed = "".join(done.stdout.split())  # a long path is broken wherever the line ends
    assert printed.count("isincomplete:Filetoolarge;freesomespace") == 1
    assert printed.endswith("theseedfindsitagain")
    assert done.stderr == ""


def test_nothing_found_is_exit_code_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hunt", "quorum-kv", "--seeds", "6", "--ops", "60", "--results", str(tmp_path)]) == 0
    assert "nothing found in 6 seeds" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_what_earlier_hunts_found_is_tried_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def hunt(target: str, *options: str) -> tuple[int, str]:
        code = run(["hunt", target, "--ops", "60", "--seeds", "4", "--results", str(tmp_path), *options])
        return code, " ".join(capsys.readouterr().out.split())

    first, again = hunt(BROKEN), hunt(BROKEN)
    assert (first[0], again[0]) == (1, 1)
    assert "fails again, as an earlier hunt found it" in again[1]
    assert "fails again" not in first[1] + hunt(BROKEN, "--first-seed", "2")[1] + hunt(BROKEN, "--shard", "1/2")[1]
    # mended: the same plan of the healthy twin
    [kept, *_] = sorted((tmp_path / BROKEN.replace("/", ".")).glob("2*/original/test.toml"))
    mended = tmp_path / "quorum-kv" / "20260101T000000" / "original" / "test.toml"
    mended.parent.mkdir(parents=True)
    mended.write_text(kept.read_text().replace(BROKEN, "quorum-kv"))
    code, said = hunt("quorum-kv")
    assert code == 0
    assert f"the failure of earlier hunts in {tmp_path} no longer occurs".replace(" ", "") in said.replace(" ", "")
    assert "no longer occurs" not in hunt("quorum-kv", "--nodes", "7")[1], "this hunt would not draw it"


def test_a_scenario_file_may_have_any_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asks = (TimedOperation(1.0, 0, "write", "n1", "x", 1), TimedOperation(50.0, 0, "read", "n2", "x"))
    for name in ("mine.txt", "lesson 3"):
        (tmp_path / name).write_text(notation.text(Scenario("quorum-kv", "register", 3, 1, asks, ())))
        assert run(["replay", str(tmp_path / name)]) == 0
        assert "at 50 c0 reads x at n2" in capsys.readouterr().out


def test_a_file_of_another_format_version_is_refused_with_both_versions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "test.toml"
    plan.write_text("version = 0\n")
    (tmp_path / "history.jsonl").touch()
    assert run(["replay", str(plan)]) == 3
    said = capsys.readouterr().err
    assert f"{plan} has format version 0, and this version of Naysayer runs format version 1" in said


def test_a_scenario_of_an_earlier_version_is_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("scenario.toml", "test.toml"):
        (tmp_path / name).write_text('target = "quorum-kv"\n[[asks]]\nat_ms = 1.0\n')
    (tmp_path / "history.jsonl").touch()
    for what in (tmp_path, tmp_path / "scenario.toml"):
        assert run(["replay", str(what)]) == 3
        assert "replay the folder `original` beside it" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize("text", ["", "target = 3\n", "not toml at all ["])
def test_a_bad_scenario_is_refused_with_its_name(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scenario.txt").write_text(text)
    assert run(["replay", str(tmp_path / "scenario.txt")]) == 3
    assert "scenario.txt" in capsys.readouterr().err


def test_the_scoreboard_continues_and_counts_what_was_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--only", BROKEN, "--hunts", "2", "--cpu", "20", "--out", str(tmp_path / "board.md")]
    assert scoreboard.main([*arguments, "--time", "0"]) == 0
    assert capsys.readouterr().out == "2 tasks are left; the same command continues\n"
    assert scoreboard.main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert scoreboard.main(arguments) == 0
    assert capsys.readouterr().out == "", "all is done"
    row = next(line for line in (tmp_path / "board.md").read_text().splitlines() if BROKEN in line)
    assert "| easy | 2 of 2 |" in row
    assert "2 of 2 | " in row.rpartition("| ")[0], "clients saw both"
    assert "nodes |" in row
    monkeypatch.setattr(scoreboard, "fingerprint", lambda root: "other code")
    assert scoreboard.main([*arguments, "--time", "0"]) == 0
    assert capsys.readouterr().out == "2 tasks are left; the same command continues\n"


def test_the_scoreboard_says_which_healthy_seeds_were_accused() -> None:
    cleared = [Cleared("quorum-kv", 0, 100, 1), Cleared("quorum-kv", 1, 7, 0, "seed 107 fails")]
    assert "| quorum-kv | 107 | 1 | seed 107 fails |" in scoreboard.table([find("quorum-kv")], cleared, 60.0)
    assert scoreboard.percentile_90(range(1, 21)) == 18
    assert scoreboard.clear_healthy("quorum-kv", 0, 3) == Cleared("quorum-kv", 0, 3)


def test_a_batch_of_seeds_leaves_nothing_in_memory() -> None:
    """The collector is held back while a batch runs; a campaign of hours must not grow."""
    gc.collect()
    assert attempt(Hunt("quorum-kv", operations=40), range(1, 4)).failed is None
    assert [left for left in gc.get_objects() if isinstance(left, SimulatedCluster)] == []


@pytest.mark.parametrize(("succeeded", "counted"), [([False, True], 1), ([True, True], 2), ([False, False], 2)])
def test_a_run_in_which_nothing_succeeded_leaves_a_hunt_undecided_only_if_nothing_ever_does(
    succeeded: list[bool], counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(succeeded)
    monkeypatch.setattr(campaign, "judge_run", lambda *_, **__: undecided("register", 0))
    monkeypatch.setattr(campaign, "nothing_succeeded", lambda _: not next(answers))
    plan = replace(Hunt("quorum-kv").plan(1), nemesis=(), operations=5)
    assert try_plans([plan, plan]).undecided == counted
