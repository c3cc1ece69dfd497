"""What is drawn and shown of the run that a hunt found: up to the violation, and what carries its cause."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

from naysayer.cli import run
from naysayer.commands.test import result_of
from naysayer.hunt.diagram import ROWS_MAX, Change, Ending, diagram
from naysayer.hunt.drawing import draw
from naysayer.judge import judge_run
from naysayer.play import notation, timed
from naysayer.play.timed import Scenario, TimedFault, TimedOperation
from naysayer.report.build import build_report
from naysayer.report.console import as_text
from naysayer.report.nodes import with_nodes
from naysayer.report.terminal import show
from targets.backends.simulator.network import MS, Sent
from targets.backends.simulator.traced import Step
from targets.protocol.fault import Cut, Kill
from targets.protocol.node import Message, Reply, Request
from targets.systems.quorum.messages import Get, Got


def test_a_diagram_tells_what_is_new_counts_the_rest_and_ends_with_the_last_answer() -> None:
    def sent(at: int, message: Message, source: str = "n1", dest: str = "n2", lost: bool = False) -> Sent:
        return Sent(at * MS, None if lost else (at + 1) * MS, source, dest, message)

    ask = Request("r1", "c0", "cas", "x", (None, 1))
    trace = [
        sent(1, Get(5_000_000_001, "x")),
        *(sent(at, Get(5_000_000_001, "x")) for at in (2, 3)),
        sent(4, Get(5_000_000_002, "x"), lost=True),
        *(sent(at, ask, "c0", "n1") for at in (5, 6)),
        sent(7, Reply("r1", "fail", None, "not the leader"), "n1", "c0"),
        sent(9, Got(5_000_000_002, (3, "n2"), 0)),
    ]
    assert diagram(trace, [(2.5, "kill n3")]).splitlines() == [
        "  time ms   c0        n1        n2",
        "      2.0   │         ●─────────▶           Get op 1, key x",
        "      2.5   ── kill n3 ───────────────────",
        "        ⋮   │         │         │           2 that were sent before",
        "      4.0   │         ●────╳────│           Get op 2, key x",
        "      6.0   ●─────────▶         │           cas x nothing→1",
        "      7.0   ●─────────▶         │           cas x nothing→1",
        "      8.0   ◀─────────●         │           fail: not the leader",
        "  … 1 more message after the last answer to a client",
    ]


def test_a_diagram_ends_at_the_violation_with_what_each_node_is_then() -> None:
    vote = Got(1, (1, "n2"), 1)
    trace = [
        Sent(1 * MS, 2 * MS, "n2", "n1", vote),
        Sent(5 * MS, 6 * MS, "c0", "n1", Request("r1", "c0", "read", "x")),
        Sent(7 * MS, 9 * MS, "n1", "c0", Reply("r1", "ok", 1)),
    ]
    elected = Step(2 * MS, "n1", ("n2", vote), {}, {})
    by_timer = Step(4 * MS, "n2", None, {}, {})
    changes = [Change(elected, "leader, term 3"), Change(by_timer, "candidate, term 4")]
    states = {"n1": {"role": "leader", "term": "3"}, "n2": {"role": "down"}}
    assert diagram(trace, [(3.0, "cut n1"), (8.0, "heal")], changes, Ending(6.0, "✗ BROKEN: two leaders", states)) == (
        "  time ms   c0        n1        n2\n"
        "      2.0   │         ◀─────────●           Got 1 @1.n2, op 1  ⇒ n1: leader, term 3\n"
        "      3.0   ── cut n1 ────────────────────\n"
        "      4.0   │         │         ◆           n2: candidate, term 4\n"
        "      6.0   ●─────────▶         │           read x\n"
        "      6.0   ━━ ✗ BROKEN: two leaders\n"
        "                      leader    down        role\n"
        "                      3         -           term\n"
        "  … 1 more message after it"
    )


def test_what_is_drawn_of_a_broken_invariant_reaches_it_with_roles_terms_and_commit_indexes() -> None:
    asks = (TimedOperation(300.0, 0, "cas", "n1", "x", (1, 2)), TimedOperation(301.0, 1, "cas", "n2", "x", (1, 2)))
    collision = Scenario("paxos-kv/ballot-collision", "cas-register", 3, 6, asks, ())
    run_, verdict = timed.play(collision, trace=True)
    drawn = draw(collision, run_, verdict).splitlines()
    assert (verdict.method, run_.violated_ms) == ("invariant", pytest.approx(312.8, abs=0.1))
    (at,) = [number for number, line in enumerate(drawn) if "━━ ✗ INVARIANT BROKEN: " in line]
    assert drawn[at].split()[0] == f"{run_.violated_ms:.1f}"
    assert "one value chosen per instance" in drawn[at]
    assert drawn[at + 1].split() == ["nothing@1", "nothing@1", "nothing", "value", "of", "x"]
    strikes = (TimedFault(400.0, Kill(("n1",))),)
    led = Scenario("raft-log", "register", 3, 1, (TimedOperation(600.0, 0, "write", "n2", "x", 1),), strikes)
    traced = timed.rerun(led, trace=True, until_ms=900.0)
    traced.violations.append("made up at 900.0 ms: for this test")
    traced.violated_ms = 900.0
    rows = draw(led, traced, judge_run(traced, "register", weaker=False)).splitlines()
    told = {row.split()[-1]: row.split()[:-1] for row in rows if row.split()[-1] in ("role", "term", "commit")}
    assert sorted(told["role"]) == ["down", "follower", "leader"]
    assert len(set(told["term"]) - {"-"}) == 1
    assert len(told["commit"]) == 3
    assert any("⇒" in row and "leader" in row for row in rows), "an election is drawn, though no operation needs it"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_row_is_longer_than_the_terminal_is_wide_and_nothing_is_lost(width: int) -> None:
    asks = (TimedOperation(300.0, 0, "cas", "n1", "x", (1, 2)), TimedOperation(301.0, 1, "cas", "n2", "x", (1, 2)))
    collision = Scenario("paxos-kv/ballot-collision", "cas-register", 3, 6, asks, (TimedFault(5.0, Kill(("n3",))),))
    run_, verdict = timed.play(collision, trace=True)
    rows = draw(collision, run_, verdict, width).splitlines()
    assert max(map(len, rows)) <= width
    arrows = re.compile("[─│●▶◀╳◆]")
    messages = [text.split("━━")[0] for text in (draw(collision, run_, verdict), "\n".join(rows))]
    words = [sorted(arrows.sub(" ", text).split()) for text in messages]
    assert words[0] == words[1]


@pytest.mark.parametrize("columns", [70, 110])
def test_a_piped_diagram_is_as_wide_as_the_environment_says(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asks = (TimedOperation(300.0, 0, "cas", "n1", "x", (1, 2)), TimedOperation(301.0, 1, "cas", "n2", "x", (1, 2)))
    collision = Scenario("paxos-kv/ballot-collision", "cas-register", 3, 6, asks, (TimedFault(5.0, Kill(("n3",))),))
    file = tmp_path / "collision.txt"
    file.write_text(notation.text(collision))
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run(["replay", str(file)]) == 1
    diagram = capsys.readouterr().out.split("  time ms")[1].split("\n━━")[0].splitlines()
    assert columns - 10 < max(map(len, diagram)) <= columns


def test_a_client_keeps_its_lane_after_an_unknown_outcome() -> None:
    alone = Cut((("n1", "n2"), ("n1", "n3")), "n1 mute")
    asks = tuple(TimedOperation(10.0 + at, 0, "write", "n1", "x", at) for at in range(3))
    scenario = Scenario("quorum-kv", "register", 3, 1, asks, (TimedFault(1.0, alone),), timeout_ms=50.0)
    run_, verdict = timed.play(scenario, trace=True)
    assert {op.process for op in run_.recorder.history()} == {0, 1, 2}
    assert draw(scenario, run_, verdict).splitlines()[0].split() == ["time", "ms", "c0", "n1", "n2", "n3"]


def test_messages_of_other_operations_are_not_drawn() -> None:
    """Two clients; what one of them reads proves the violation, and the other has a key of its own."""
    stale = (TimedOperation(1.0, 0, "write", "n1", "x", 1), TimedOperation(60.0, 0, "read", "n2", "x"))
    others = tuple(TimedOperation(2.0 + 3 * at, 1, "read", "n3", "y") for at in range(20))
    cut = Cut((("n1", "n2"), ("n2", "n1"), ("n2", "n3"), ("n3", "n2")), "n2 alone")
    scenario = Scenario("quorum-kv/read-one", "register", 3, 1, (*stale, *others), (TimedFault(0.5, cut),))
    run_, verdict = timed.play(scenario, trace=True)
    drawn = draw(scenario, run_, verdict)
    assert verdict.outcome == "invalid"
    assert "write x 1" in drawn
    assert "read y" not in drawn
    assert "not drawn" in drawn.splitlines()[-1]


def test_the_failed_operation_that_is_blamed_is_in_the_picture_and_in_the_list() -> None:
    asks = (TimedOperation(0.0, 0, "write", "n2", "x", 1), TimedOperation(0.0, 0, "read", "n1", "x"))
    deaf = TimedFault(10.0, Cut((("n1", "n2"), ("n3", "n2")), "n2 deaf", under_way=False))
    scenario = Scenario("quorum-kv/timeout-is-fail", "register", 3, 2, asks, (deaf,))
    run_, verdict = timed.play(scenario, trace=True)
    plan = timed.plan_of(scenario)
    report = with_nodes(plan, build_report(result_of(plan, run_, verdict), None), partial(timed.rerun, scenario))
    shown = as_text(lambda screen: show(report, screen))
    assert re.search(r"p0→n2 +#0 +├─+ write 1 ─+┤ failed", shown)
    assert re.search(r"#0 +write 1 +failed: no majority has stored it", shown)
    assert re.search(r"#0 +n2 +held nothing · Get to n1 n3 · .* · Put 1 @1.n2 to n1 n3", shown)


def test_a_long_diagram_keeps_its_end() -> None:
    trace = [Sent(at * MS, at * MS, "c0", "n1", Request(f"r{at}", "c0", "write", "x", at)) for at in range(200)]
    lines = diagram(trace).splitlines()
    assert len(lines) == ROWS_MAX + 2
    assert lines[1] == "  … 120 rows before"
    assert lines[-1].endswith("write x 199")
