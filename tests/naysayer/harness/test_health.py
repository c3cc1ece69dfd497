"""Deaths and hangs: what is a finding, what a fault or a slow machine excuses, and who is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import trio
import trio.testing

from checker.verdict import Part, Verdict
from naysayer import simulate
from naysayer.findings import Finding, with_findings
from naysayer.harness.clients import NS, Answers
from naysayer.harness.core import Core
from naysayer.harness.health import GRACE_MS, LAG_MS_MAX, LATE_MIN, Health
from naysayer.harness.setup import Setup
from naysayer.judge import judge_run
from naysayer.live import LiveRun
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.report.report import Report
from naysayer.simulate import Simulation
from targets.protocol.cluster import Death, crashed
from targets.protocol.fault import Cut, Heal, Kill, Restart, Skew
from targets.protocol.node import Context, Message, NodeId, Reply
from targets.protocol.target import Target
from targets.registry import find
from targets.systems.quorum.node import QuorumNode
from tests.naysayer.harness.on_trio import OnTrio
from tests.naysayer.harness.test_both_loops import Good, Store
from workloads.registry import find as find_workload

CUT = Cut((("n1", "n2"),))


def kinds(health: Health) -> list[str]:
    return [one.kind for one in health.findings]


def test_a_death_with_no_fault_in_force_is_a_finding_that_names_node_and_exit_status() -> None:
    health = Health()
    health.died(Death("n2", "exited with code 1; its stderr ends: boom"), 500.0)
    assert [(one.kind, one.node) for one in health.findings] == [("node-died", "n2")]
    assert "Node n2 died" in health.findings[0].sentence
    assert "exited with code 1; its stderr ends: boom" in health.findings[0].sentence
    assert health.dead == {"n2"}


@pytest.mark.parametrize(("at_ms", "found"), [(1500.0, []), (2900.0, []), (2001.0 + GRACE_MS, ["node-died"])])
def test_a_death_during_a_fault_or_soon_after_is_only_remarked(at_ms: float, found: list[str]) -> None:
    """Cut from 1000 ms to 2000 ms."""
    health = Health()
    health.injected(CUT, 1000.0)
    if at_ms > 2000.0:
        health.injected(Heal(), 2000.0)
    health.died(Death("n2", "exited with code 1"), at_ms)
    assert kinds(health) == found
    assert len(health.remarks) == 1 - len(found)
    assert health.dead == {"n2"}, "down by its own doing all the same: it is not started again"


def test_healing_where_nothing_is_in_force_excuses_nothing() -> None:
    health = Health()
    health.injected(Heal(), 4900.0)
    health.injected(Skew("n1"), 4950.0)
    health.died(Death("n2", "exited with code 1"), 5000.0)
    assert kinds(health) == ["node-died"]


def test_an_exception_is_excused_by_nothing() -> None:
    health = Health()
    health.injected(CUT, 1000.0)
    health.died(Death("n2", "raised KeyError('x')", raised=True), 1100.0)
    assert kinds(health) == ["node-died"]


@pytest.mark.parametrize(
    ("log_end", "by_error"),
    [
        ("Traceback (most recent call last):\n  File x\nKeyError: 1", True),
        ('Exception in thread "main" java.lang.NullPointerException\n\tat Node.run(Node.java:7)', True),
        ("panic: runtime error: index out of range [3]\n\ngoroutine 1 [running]:", True),
        ("thread 'main' panicked at src/main.rs:4:5", True),
        ("lost the lease, so I stop", False),
        ("", False),
    ],
)
def test_a_crash_is_told_from_an_exit_by_design(log_end: str, by_error: bool) -> None:
    assert crashed(log_end) is by_error


def test_a_node_that_does_not_come_up_again_is_a_finding_unless_another_fault_is_in_force() -> None:
    death = Death("n1", "exited with code 3", in_start=True)
    alone, cut = Health(), Health()
    for health in (alone, cut):
        health.injected(Kill(("n1",)), 1000.0)
    cut.injected(CUT, 1100.0)
    for health in (alone, cut):
        health.injected(Restart(("n1",)), 1200.0)
        health.did_not_start(death, 1300.0)
    assert kinds(alone) == ["node-died"]
    assert alone.dead == {"n1"}
    assert kinds(cut) == []
    assert cut.dead == frozenset(), "so it is started once more when all is healed"
    alone.injected(Restart(("n1",)), 2000.0)
    assert alone.dead == frozenset()


def answers(count: int, late: int, silent_since_ms: float) -> Answers:
    seen = Answers()
    for number in range(count):
        seen.take(Reply("r", "ok"), number, number)
    for _ in range(late):
        seen.take(None, int(silent_since_ms * NS), int(silent_since_ms * NS) + 1)
    return seen


@pytest.mark.parametrize(
    ("seen", "elsewhere", "lag_ms", "hangs"),
    [
        (answers(5, LATE_MIN, 1000.0), True, 0.0, True),
        (answers(5, LATE_MIN, 1000.0), False, 0.0, False),
        (answers(0, LATE_MIN, 1000.0), True, 0.0, False),
        (answers(5, LATE_MIN - 1, 1000.0), True, 0.0, False),
        (answers(5, LATE_MIN, 15_000.0), True, 0.0, False),
        (answers(5, LATE_MIN, 1000.0), True, LAG_MS_MAX + 1, False),
        (None, True, 0.0, False),
    ],
)
def test_a_hang_needs_an_answer_before_silence_long_enough_others_that_answer_and_a_harness_in_time(
    seen: Answers | None, elsewhere: bool, lag_ms: float, hangs: bool
) -> None:
    health = Health()
    health.lag_ms = lag_ms
    assert health.hangs("n1", seen, elsewhere, 10_000.0, 20_000.0) is hangs
    assert kinds(health) == (["node-hung"] if hangs else [])


def test_silence_during_a_fault_is_no_hang() -> None:
    health = Health()
    health.injected(CUT, 2000.0)
    assert not health.hangs("n1", answers(5, 9, 1000.0), True, 10_000.0, 20_000.0)


def verdict(outcome: Any) -> Verdict:
    return Verdict(outcome, "register", "zones", 10, (Part(None, outcome, "zones", 10),), 0.0)


@pytest.mark.parametrize("outcome", ["valid", "unknown", "invalid"])
def test_a_finding_makes_the_exit_code_1_and_a_violation_stays_the_headline(outcome: str) -> None:
    findings = [Finding("node-died", 1.0, "Node n1 died.", "n1"), Finding("not-live", 2.0, "Not live.")]
    judged = with_findings(verdict(outcome), findings)
    assert Report(judged, "x").exit_code == 1
    assert judged.worst is not None
    assert judged.worst.method == ("zones" if outcome == "invalid" else "liveness")
    assert [part.method for part in judged.parts if part.explanation] == ["liveness", "node died"]
    assert with_findings(verdict(outcome), []) == verdict(outcome)


class Breaks(QuorumNode):
    """Raises in its handler after a while."""

    count = 0

    def receive(self, sender: NodeId, message: Message) -> None:
        Breaks.count += 1
        if Breaks.count == 300:
            raise IndexError("no such ballot")
        super().receive(sender, message)


class NeverStarts(QuorumNode):
    def start(self, ctx: Context) -> None:
        raise RuntimeError("no configuration")


PLAN = Plan("quorum-kv", "register", ("partition",), 3, 5, 1, 200)


def simulated(node: type[QuorumNode], monkeypatch: pytest.MonkeyPatch) -> simulate.Run:
    healthy = find("quorum-kv")
    target = Target("quorum-kv", "", node, healthy.operations, healthy.workload, healthy.messages)
    monkeypatch.setattr(simulate, "find_target", lambda name: target)
    return Simulation(PLAN, Recorder()).run()


def test_an_exception_in_a_simulated_node_is_a_finding_and_the_history_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Breaks.count = 0
    run = simulated(Breaks, monkeypatch)
    assert run.error is None
    assert run.recorder.counts["ok"] > 5
    judged = judge_run(run, "register")
    assert (judged.outcome, judged.method) == ("invalid", "node died")
    assert judged.parts[0].explanation is not None
    sentence = judged.parts[0].explanation.sentence
    assert "died: it raised IndexError('no such ballot') at test_health.py:" in sentence


def test_a_simulated_node_that_does_not_even_start_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    run = simulated(NeverStarts, monkeypatch)
    assert run.error is None
    assert [one.kind for one in run.findings] == ["node-died"]
    assert "no configuration" in run.findings[0].sentence


class HangsAtOneNode(Good):
    """n1 answers some requests and no more."""

    def serves(self, request: Any) -> bool:
        return self.ctx.me != "n1" or self.store.asked < 60


@dataclass
class Played:
    core: Core
    recorder: Recorder


def on_trio(make: type[Good], *, hung_ms: float) -> Played:
    made = type(make.__name__, (make,), {"store": Store()})
    workload = find_workload("register")
    setup = Setup(
        4, 1, workload.start(), timeout_ms=200.0, think_ms=15.0, time_ms=700.0, hung_ms=hung_ms, final=workload.finish
    )
    recorder, cluster = Recorder(), OnTrio(made, 3)
    run = LiveRun(cluster, setup, recorder)

    async def main() -> None:
        async with cluster:
            await cluster.start()
            await run.run()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return Played(run.core, recorder)


@pytest.mark.slow
def test_a_node_that_stops_answering_while_others_answer_hangs() -> None:
    played = on_trio(HangsAtOneNode, hung_ms=10_000.0)
    (found,) = played.core.health.findings
    assert (found.kind, found.node) == ("node-hung", "n1")
    assert "while other nodes answered" in found.sentence


def test_healthy_nodes_are_not_asked_for_longer_than_they_need() -> None:
    played = on_trio(Good, hung_ms=10_000.0)
    assert played.core.health.findings == []
    assert max(op.call for op in played.recorder.history()) < 2e9
