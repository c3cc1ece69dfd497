"""What is true of every fault: walks all classes, so that a new one is covered when it is written."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect as types
import pytest

from checker.formats import read
from naysayer.fault_spans import fault_spans
from naysayer.harness.faults import InForce, undoing
from naysayer.harness.progress import MajorityProgress
from naysayer.hunt import simplify
from naysayer.play import notation, timed
from naysayer.play.timed import Scenario, TimedFault, TimedOperation
from naysayer.recorder import Recorder
from nemesis.catalog import KINDS
from targets.backends.hosts.local_links import STREAMING
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import (
    FAULT,
    ByHand,
    Fault,
    Fire,
    Heal,
    Kill,
    Pause,
    Redraw,
    Restart,
    Resume,
    Steer,
    fault_types,
)
from targets.protocol.fault_base import HELD, KILLED, LINKS, PAUSED
from workloads.generator import Invocation

NODES = ("n1", "n2", "n3", "n4")


def values(of: types.Type, name: str = "") -> list[Any]:
    """Values of a field that a fault may have."""
    match of:
        case types.VarTupleType(item_type=types.StrType()) if name == "messages":
            return [("AppendEntries", "RequestVote")]
        case types.VarTupleType(item_type=types.TupleType()):
            return [(("n1", "n2"), ("n2", "n1"), ("n3", "c1"))]
        case types.VarTupleType():
            return [("n1", "n2")]
        case types.TupleType():
            return [("n1", "n2")]
        case types.StrType():
            return ["election" if name == "timer" else "n1"]
        case types.BoolType():
            return [False, True]
        case types.IntType():
            return [3]
        case types.FloatType():
            return [0.5]
        case types.LiteralType():
            return list(of.values)
        case types.UnionType():
            some = [value for one in of.types if not isinstance(one, types.NoneType) for value in values(one)]
            return ["AppendEntries" if value == "n1" else value for value in some]  # the class of a message
    raise AssertionError(f"a field of a type that this test does not know: {of}")


def examples() -> list[Fault]:
    """Of each class: with what it needs alone, and with each of its other fields."""
    found: list[Fault] = []
    for kind in fault_types():
        fields = types.type_info(kind).fields  # type: ignore[attr-defined]
        least = [{}]
        for field in fields:
            if field.required:
                least = [{**one, field.name: value} for one in least for value in values(field.type, field.name)]
        found += [kind(**one) for one in least]
        for field in fields:
            if not field.required:
                found += [
                    kind(**one, **{field.name: value}) for one in least for value in values(field.type, field.name)
                ]
    return list(dict.fromkeys(found))


FAULTS = examples()
every_fault = pytest.mark.parametrize("fault", FAULTS, ids=str)


def scenario(fault: Fault) -> Scenario:
    ask = TimedOperation(1.0, 0, "write", "n1", "x", 1)
    return Scenario("quorum-kv", "register", len(NODES), 1, (ask,), (TimedFault(2.0, fault),))


def test_there_is_an_example_of_every_class() -> None:
    assert {type(fault) for fault in FAULTS} == set(fault_types())
    assert len({fault.tag for fault in FAULTS}) == len(fault_types()) >= 13


@every_fault
def test_a_line_of_the_history_holds_it_whole_and_readers_take_it(fault: Fault, tmp_path: Path) -> None:
    file = io.BytesIO()
    recorder = Recorder(file)
    recorder.invoked(0, Invocation("write", "x", 1), "n1", 1_000_000)
    recorder.happened(fault, 2_000_000)
    recorder.completed(0, Invocation("write", "x", 1), "ok", None, None, 3_000_000)
    line = msgspec.json.decode(file.getvalue().splitlines()[1])
    assert line["f"] == fault.tag
    assert msgspec.convert(line["fault"], FAULT) == fault
    path = tmp_path / "history.jsonl"
    path.write_bytes(file.getvalue())
    found = read(path)
    assert len(found.history) == 1
    assert len(found.faults) == (0 if fault.only_ends else 1)


@every_fault
def test_a_scenario_file_holds_it_whole(fault: Fault, tmp_path: Path) -> None:
    path = tmp_path / "scenario.txt"
    path.write_text(notation.text(scenario(fault)))
    assert notation.read(path) == scenario(fault)


@every_fault
def test_the_minimiser_renames_its_nodes_and_leaves_it_out_where_none_stays(fault: Fault) -> None:
    others = {"n1": "n7", "n2": "n8", "n3": "n9", "n4": "n6"}
    back = {new: old for old, new in others.items()}
    renamed = fault.renamed(others)
    assert renamed is not None
    assert type(renamed) is type(fault)
    assert not any(f'"{node}"'.encode() in msgspec.json.encode(renamed) for node in NODES)
    again = renamed.renamed(back)
    assert again is not None
    assert again.renamed(others) == renamed
    named = any(f'"{node}"'.encode() in msgspec.json.encode(fault) for node in NODES)
    assert (fault.renamed({}) is None) == named
    assert fault.with_clients({"c1": "c0"}).with_clients({"c0": "c1"}) == fault


@every_fault
def test_the_minimiser_ends_when_it_makes_it_milder_and_milder(fault: Fault) -> None:
    found, following = {fault}, [fault]
    while following:
        one = following.pop()
        for milder in one.milder():
            assert type(milder) is type(fault)
            assert milder != one
            if milder not in found:
                found.add(milder)
                following.append(milder)
            assert len(found) < 200
        assert one not in one.milder()
    assert [smaller.faults[0].fault for smaller in simplify.milder_faults(scenario(fault))] == list(fault.milder())


@every_fault
def test_reports_name_it_in_one_line_and_where_it_struck(fault: Fault) -> None:
    for text in (fault.label(), fault.in_full()):
        assert text.strip() == text != ""
        assert "\n" not in text
        assert type(fault).__name__ + "(" not in text
    for at in fault.begins() | fault.ends():
        assert at.where in fault.in_full()
    assert fault.in_full() in [text for _, text in timed.marks(scenario(fault))]


@every_fault
def test_reports_draw_it_until_it_is_undone(fault: Fault) -> None:
    ending = fault.undone_by()
    events = [(1.0, fault), (5.0, ending)] if ending is not None else [(1.0, fault)]
    spans = [(span.label, span.from_ms, span.to_ms) for span in fault_spans(events)]
    lasts = bool(fault.begins()) and not fault.momentary
    assert spans == ([(fault.label(), 1.0, 5.0)] if lasts else [])
    assert not lasts or ending is not None
    if ending is not None:
        assert fault.begins() <= ending.ends()
        assert ending.only_ends


@every_fault
def test_the_end_of_a_run_leaves_nothing_in_force_that_can_be_undone(fault: Fault) -> None:
    in_force = InForce()
    in_force.injected(fault, 1.0)
    assert bool(in_force) == bool(fault.begins())
    for ending in undoing(System(fault), [fault]):
        assert ending.only_ends
        in_force.injected(ending, 2.0)
    assert not in_force or (fault.momentary and fault.undone_by() is None)


class System:
    """What a cluster shows that a fault was injected into."""

    nodes = NODES
    message_kinds: Mapping[str, int] = {}

    def __init__(self, fault: Fault) -> None:
        self.down = frozenset(at.where for at in fault.begins() if at.what == KILLED)
        self.paused = frozenset(at.where for at in fault.begins() if at.what == PAUSED)


@every_fault
def test_a_majority_is_not_blamed_for_what_it_hinders(fault: Fault) -> None:
    system = System(fault)
    progress = MajorityProgress(system, 1000.0)
    progress.injected(fault, 1.0)
    assert bool(fault.bad_links()) == bool(fault.begins() & {LINKS, HELD})
    if fault.begins():
        assert progress.majority < set(NODES), "it says neither which nodes it stops nor which links it makes bad"
    elif not fault.ends():
        assert progress.since_ms == 1.0, "it may touch any node, so all are given time again"
    ending = fault.undone_by()
    if ending is not None and progress.majority:
        system.down = system.paused = frozenset()
        progress.injected(ending, 2.0)
        assert (progress.majority, progress.since_ms) == (set(NODES), 2.0)


def test_a_fault_of_some_nodes_is_not_over_when_another_node_is_started() -> None:
    kill = next(fault for fault in FAULTS if fault.tag == "kill")
    events: list[tuple[float, Fault]] = [(1.0, kill), (2.0, Restart(("n3",))), (3.0, Restart(("n1",)))]
    assert [span.to_ms for span in fault_spans(events)] == [None]
    assert [span.to_ms for span in fault_spans([*events, (4.0, Resume(("n2",)))])] == [None]
    assert [span.to_ms for span in fault_spans([*events, (4.0, Heal()), (5.0, Restart(("n2",)))])] == [5.0]


def test_a_pause_is_over_when_the_node_is_resumed_or_killed_and_not_when_nodes_are_started() -> None:
    pause = Pause(("n1",))
    for later, end_ms in ((Restart(("n1",)), None), (Resume(("n1",)), 9.0), (Kill(("n1",)), 9.0)):
        assert [span.to_ms for span in fault_spans([(1.0, pause), (9.0, later)])][:1] == [end_ms]
    assert fault_spans([(1.0, pause), (9.0, Kill(("n1",), effects=3))])[0].to_ms is None, "it may come much later"


@every_fault
def test_a_backend_and_the_catalogue_can_have_it(fault: Fault) -> None:
    assert fault.tag in fault.tags <= fault.needs() <= SimulatedCluster.faults | STREAMING
    ending = fault.undone_by()
    assert ending is None or ending.tag in fault.tags
    assert isinstance(fault, Redraw | Steer | Fire | ByHand) or any(fault.tag in kind.needs for kind in KINDS.values())
