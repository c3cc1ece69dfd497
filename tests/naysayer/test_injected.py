"""Faults are counted as faults: what ends them is not one, and of several nodes one is enough to show it."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from checker.history import History
from checker.verdict import Verdict
from naysayer.injected import injected
from naysayer.options import RunOptions
from naysayer.plan import make_plan
from naysayer.report.build import Result, build_report
from naysayer.seen import seen
from targets.protocol.fault import Corrupt, Cut, Evidence, Heal, Kill, Pause, Release, Restart, Resume, Skew, Transfer

KILL, PAUSE, CUT = Kill(("n1", "n2")), Pause(("n1",)), Cut((("n1", "n2"),))


def test_what_ends_a_fault_is_no_fault() -> None:
    for fault in (Heal(), Release(), Restart(("n1",)), Resume(("n1",)), Skew("n1"), Corrupt("n1", "full", undo=True)):
        assert fault.only_ends
    for other in (KILL, PAUSE, CUT, Skew("n1", 10.0), Skew("n1", 0.0, 3.0), Corrupt("n1", "full"), Transfer("n1")):
        assert not other.only_ends


def test_a_fault_took_effect_if_one_of_its_nodes_shows_it() -> None:
    events = [(1.0, KILL), (2.0, Restart(("n1", "n2"))), (3.0, CUT), (4.0, Heal()), (5.0, PAUSE), (6.0, PAUSE)]
    evidence = [
        Evidence(KILL, 1.1, None, True, "n1: process ended"),
        Evidence(KILL, 1.1, None, False, "n2 was down already"),
        Evidence(Restart(("n1", "n2")), 2.1, None, False, "nothing"),
        Evidence(CUT, 3.0, 4.0, False, "0 messages lost"),
        Evidence(PAUSE, 6.0, None, True, "stopped"),
    ]
    counted = injected(events, evidence)
    assert (counted.count, counted.took_effect) == (4, 2)
    assert [one.detail for one in counted.without] == ["0 messages lost"]


def test_the_report_counts_a_fault_on_two_nodes_once() -> None:
    events = [(1.0, KILL), (2.0, Restart(("n1", "n2")))]
    evidence = [
        Evidence(KILL, 1.1, None, True, "n1: process ended"),
        Evidence(KILL, 1.2, None, True, "n2: process ended"),
        Evidence(Restart(("n1", "n2")), 2.1, None, True, "n1 answers again"),
    ]
    plan = replace(make_plan(RunOptions(target="quorum-kv")), backend="as processes on this machine")
    verdict = Verdict("valid", "register", "zones", 0, (), 0.0)
    report = build_report(
        Result(plan=plan, verdict=verdict, seen=seen(History.of([]), "register"), nemesis=events, evidence=evidence),
        Path("there"),
    )
    assert [text for label, text in report.facts if label == "shown"] == [
        "1 × kill, the last: kill n1 n2: n2: process ended",
        "1 × restart, the last: restart n1 n2: n1 answers again",
    ]
    assert [label for label, _ in report.ends] == ["history", "judge"]
