"""Messages and states of nodes: what the simulator records of them, and what stands in the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from checker import check
from checker.history import History, Operation
from naysayer.kept import reader_of
from naysayer.options import RunOptions
from naysayer.page.faults import fault_rows
from naysayer.page.render import render
from naysayer.page.source import Source
from naysayer.page.states import DOWN, STANDING
from naysayer.page.traffic import trace_of_file
from naysayer.plan import Plan, make_plan
from naysayer.recorder import Recorder
from naysayer.report.nodes import views_at
from naysayer.report.report import Report
from naysayer.simulate import Probe, Run, Simulation
from naysayer.views import held, standing
from targets.backends.simulator import SimulatedCluster
from targets.backends.simulator.network import MS
from targets.backends.wire import line
from targets.protocol.fault import Cut, Degrade, Heal, Hold, Kill
from targets.protocol.node import Message, Reply, Request
from targets.registry import find as find_target
from targets.systems.quorum.messages import Put, Stored, Version
from tests.naysayer.page.unpacked import filled, page_of, unpacked


def run(plan: Plan, **probe: Any) -> Run:
    return Simulation(plan, Recorder(), probe=Probe(**probe)).run()


@pytest.mark.slow
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


@pytest.mark.slow
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


LINES = b"""\
{"time":-5,"message":{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1}}}
{"time":100,"message":{"src":"c7","dest":"n1","body":{"type":"cas","key":"x","from":1,"to":2,"msg_id":2}}}
{"time":150,"message":{"src":"n1","dest":"n2","body":{"type":"put","key":"x","value":2,"msg_id":3}},"lost":true}
{"time":160,"message":{"src":"n1","dest":"n3","body":{"type":"put","key":"x","value":2,"msg_id":4}},"held":true}
{"left_out":3}
{"time":190,"message":{"src":"n1","dest":"c7","body":{"type":"cas_ok","in_reply_to":2}},"delay_ms":[1.0]}
"""


def test_the_messages_of_a_real_run_are_shown_where_they_were_kept(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_bytes(LINES)
    operation = Operation(0, 7, "cas", "x", (1, 2), True, 100, 200, "ok", "n1")
    history = History.of([operation])
    trace = trace_of_file(file, history, None)
    assert [(sent.source, sent.dest, sent.delivered_ns) for sent in trace.sent] == [
        *(("c0", "n1", -5), ("c7", "n1", 100), ("n1", "n2", None), ("n1", "n3", None)),
        ("n1", "c7", 190 + 1_000_000),
    ]
    of_operation = [sent for sent in trace.sent if trace.rows.get(id(sent)) == 0]
    assert [sent.source for sent in of_operation] == ["c7", "n1"], "of the nodes' own messages that is not known"
    source = Source(report=Report(check(history, "cas-register"), "a node"), history=history, kept=file)
    header, columns = unpacked(render(source))
    assert len(columns["m_sent"]) == 5
    assert header["states"] is None


def own(ms: int, source: str, dest: str, message: Message, cause: str | None = None, **fate: object) -> bytes:
    envelope = msgspec.json.decode(line(source, dest, message, cause))
    return msgspec.json.encode({"time": ms * MS, "message": envelope, **fate}) + b"\n"


def test_messages_of_processes_have_their_operation_and_the_fault_that_met_them(tmp_path: Path) -> None:
    """Those of --live are the target's own, and a node names the request that it handles."""
    file = tmp_path / "messages.jsonl"
    version: Version = (1, "n1")
    file.write_bytes(
        own(100, "c7", "n1", Request("r1", "c7", "write", "x", 2))
        + own(101, "n1", "n2", Put(5, "x", version, 2), "r1", lost=True)
        + own(102, "n1", "n3", Put(5, "x", version, 2), "r1", held=True)
        + own(103, "n3", "n1", Stored(5), delay_ms=[1.5])
        + own(104, "n1", "n2", Put(6, "x", version, 3))
        + own(109, "n1", "c7", Reply("r1", "ok"))
        + b'{"time":110,"mess'
    )
    history = History.of([Operation(0, 7, "write", "x", 2, None, 100 * MS, 110 * MS, "ok", "n1")])
    cut, hold, late = Cut((("n1", "n2"),)), Hold(("n1", "n3"), 3), Degrade((("n3", "n1"),), delay_ms=2.0)
    over = Cut((("n3", "n1"), ("n1", "n2")))
    rows = fault_rows([(10.0, over), (20.0, Heal()), (50.0, cut), (60.0, hold), (70.0, late), (400.0, Heal())], [])
    faults = list(zip(rows, (over, cut, hold, late), strict=True))
    trace = trace_of_file(file, history, None, faults, reader_of(find_target("quorum-kv").messages))
    assert [trace.rows.get(id(sent)) for sent in trace.sent] == [0, 0, 0, 0, None, 0]
    assert [sent.by for sent in trace.sent] == [None, cut, hold, late, None, None]
    assert [sent.delivered_ns for sent in trace.sent] == [100 * MS, None, 400 * MS, 104_500_000, 104 * MS, 109 * MS]
