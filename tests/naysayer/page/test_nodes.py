"""Messages and states of nodes: what the simulator records of them, and what stands in the page."""

from __future__ import annotations

from typing import Any

import pytest

from checker import check
from naysayer.options import RunOptions
from naysayer.page.render import render
from naysayer.page.source import Source
from naysayer.page.states import DOWN, STANDING
from naysayer.plan import Plan, make_plan
from naysayer.recorder import Recorder
from naysayer.report.nodes import views_at
from naysayer.report.report import Report
from naysayer.simulate import Probe, Run, Simulation
from naysayer.views import held, standing
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Cut, Degrade, Hold, Kill
from targets.protocol.node import Request
from targets.registry import find as find_target
from tests.naysayer.page.unpacked import filled, page_of, unpacked


def run(plan: Plan, **probe: Any) -> Run:
    return Simulation(plan, Recorder(), probe=Probe(**probe)).run()


@pytest.mark.parametrize("target", ["quorum-kv", "raft-log", "wal-kv"])
def test_what_a_node_shows_at_a_time_is_what_its_steps_say(target: str) -> None:
    """In every phase of a run, the last reads included, and also while nodes are down."""
    plan = make_plan(RunOptions(target=target, operations=120, seed=2))
    traced = run(plan, trace=True)
    history = traced.recorder.history()
    for row in (5, len(history) // 2, len(history) - 3):
        call = history[row].call
        assert views_at(traced, call) == run(plan, until_ms=call / 1e6).views


def test_a_message_knows_the_fault_that_lost_it_or_held_it_back() -> None:
    cluster = SimulatedCluster(find_target("quorum-kv"), 3, 1, trace=True)
    cluster.start()
    lose, hold, cut = Degrade((("n1", "n2"),), loss=1.0), Hold(("n1", "n3"), 1), Cut((("n3", "n1"),))
    for fault in (lose, hold, cut):
        cluster.apply(fault)
    cluster.invoke(Request("r1", "c0", "write", "x", 1), "n1", 50.0, lambda reply: None)
    cluster.run(until_ms=100.0)
    by_link = {(sent.source, sent.dest): sent for sent in [*(cluster.trace or ()), *cluster.held_back]}
    assert by_link["n1", "n2"].by == lose
    assert by_link["n1", "n2"].delivered_ns is None
    assert by_link["n1", "n3"].by == hold
    assert by_link["c0", "n1"].by is None


def test_a_message_that_arrives_at_a_node_that_is_down_is_noted() -> None:
    cluster = SimulatedCluster(find_target("quorum-kv"), 3, 1, trace=True)
    cluster.start()
    cluster.apply(Kill(("n2",)))
    cluster.invoke(Request("r1", "c0", "write", "x", 1), "n1", 50.0, lambda reply: None)
    cluster.run(until_ms=100.0)
    assert [node for _, node in cluster.record.stopped] == ["n2"]
    assert {dest for _, _, dest in cluster.record.missed} == {"n2"}


FIELDS = ("time", "node", "key")


def traced_page(target: str, operations: int) -> tuple[Run, dict[str, Any], dict[str, list[int]]]:
    plan = make_plan(RunOptions(target=target, operations=operations, seed=3))
    traced = run(plan, trace=True)
    history = traced.recorder.history()
    judged = Report(check(history, "cas-register"), target, traced=traced)
    return traced, *unpacked(render(Source(report=judged, history=history, clients=plan.clients)))


def test_the_states_in_a_page_are_those_of_the_nodes() -> None:
    traced, header, columns = traced_page("raft-log", 60)
    history, states = traced.recorder.history(), header["states"]
    for row in range(0, len(history), 7):
        op = history[row]
        shown: dict[tuple[str, int], str] = {}
        tick = columns["call"][row]
        for at, (time, node, key) in enumerate(zip(*(columns[f"s_{one}"] for one in FIELDS), strict=True)):
            name = states["nodes"][node]
            if time > tick:
                break
            if key == DOWN:
                shown = {place: words for place, words in shown.items() if place[0] != name}
            else:
                shown[name, key] = filled(states["texts"], columns, "s_text", at)
        for node, view in views_at(traced, op.call).items():
            code = columns["key"][row]
            assert shown.get((node, code), "nothing") == held(view, op.key)
            assert shown[node, STANDING].split(", ")[0] == standing(view)["role"]


def test_every_message_of_a_short_run_is_in_its_page_with_its_operation() -> None:
    traced, header, columns = traced_page("quorum-kv", 40)
    trace = traced.trace or []
    assert len(columns["m_sent"]) == len(trace) == header["messages"]["total"] <= 800
    kinds = header["messages"]["kinds"]
    requests = [op for op, kind in zip(columns["m_op"], columns["m_kind"], strict=True) if kinds[kind] == "Request"]
    assert set(requests) == set(range(len(traced.recorder.history()))), "no request is without its operation"
    lost = [came for came in columns["m_took"] if came == -1]
    assert len(lost) == sum(sent.delivered_ns is None and not isinstance(sent.by, Hold) for sent in trace)


def test_a_history_alone_says_that_nothing_is_known_of_the_nodes() -> None:
    header, columns = unpacked(page_of([]))
    assert header["messages"] is None
    assert "m_sent" not in columns
    assert "history alone" in header["lacking"]
