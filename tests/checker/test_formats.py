"""Each format is recognised by its content and read as its tool means it."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.errors import UsageError
from checker.formats import FORMATS, Recording, read
from checker.history import PENDING, Operation
from checker.models.register import Register
from tests.checker.written import json_events, json_operations


@pytest.fixture
def recorded(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Writes a text to a file and reads it."""

    def record(text: str, **options: str) -> Recording:
        path = tmp_path / "history"
        path.write_text(text)
        return read(path, **options)

    return record


def brief(recording: Recording) -> list[tuple[object, ...]]:
    return [(op.process, op.f, op.key, op.input, op.output, op.status) for op in recording.history]


EVENTS = """\
{"type":"invoke","process":0,"f":"write","key":"x","input":1,"time":10,"node":"n1"}
{"type":"nemesis","f":"cut","fault":{"fault":"cut","links":[["n1","n2"]]},"time":11,"detail":"n1 is: alone","more":1}
{"type":"invoke","process":1,"f":"get","key":"x","time":12}
{"type":"ok","process":0,"f":"write","key":"x","time":20}
{"type":"ok","process":1,"f":"get","key":"x","output":1,"time":21}
{"type":"invoke","process":0,"f":"write","key":"x","input":2,"time":30}
{"type":"info","process":0,"f":"write","key":"x","time":40,"error":"timed out"}
{"type":"invoke","process":2,"f":"write","key":"x","input":3,"time":31}
{"type":"fail","process":2,"f":"write","key":"x","time":41,"error":"no leader"}
{"type":"invoke","process":3,"f":"write","key":"x","input":4,"time":50}
"""


def test_events_in_json_lines_become_operations(recorded) -> None:  # type: ignore[no-untyped-def]
    recording = recorded(EVENTS)
    assert (recording.format, recording.model, recording.clock) == ("jsonl-events", "register", "ns")
    assert brief(recording) == [
        (0, "write", "x", 1, None, "ok"),
        (1, "read", "x", None, 1, "ok"),
        (0, "write", "x", 2, None, "info"),
        (2, "write", "x", 3, None, "fail"),
        (3, "write", "x", 4, None, "info"),
    ]
    assert [op.index for op in recording.history] == [0, 1, 2, 3, 4]
    assert recording.history[0] == Operation(
        index=0, process=0, f="write", key="x", input=1, call=10, ret=20, status="ok", node="n1"
    )
    assert recording.history[2].ret == PENDING
    assert recording.history[2].error == "timed out"
    assert recording.history[3].ret == 41
    assert recording.lines.tolist() == [1, 3, 6, 8, 10]


def test_events_without_times_are_ordered_by_their_lines(recorded) -> None:  # type: ignore[no-untyped-def]
    recording = recorded(
        '{"type":"invoke","process":0,"f":"write","input":1}\n{"type":"ok","process":0}\n'
        '{"type":"invoke","process":"nemesis","f":"start"}\n{"type":"invoke","process":1,"f":"read"}\n'
        '{"type":"ok","process":1,"output":1}\n'
    )
    assert recording.clock == "order"
    first, second = recording.history
    assert first.call < first.ret < second.call < second.ret


def test_operations_in_json_lines_are_sorted_by_call(recorded) -> None:  # type: ignore[no-untyped-def]
    recording = recorded(
        '{"client":1,"call":5,"return":9,"op":"cas","key":"0","input":[1,2],"output":false}\n\n'
        '{"client":"a","call":1,"return":null,"op":"write","key":"0","input":1,"output":null}\n'
        '{"client":2,"call":6,"return":7,"op":"write","key":"0","input":3,"status":"fail","error":"x","node":"n"}\n'
    )
    assert (recording.format, recording.model) == ("jsonl-operations", "cas-register")
    assert brief(recording) == [
        ("a", "write", "0", 1, None, "info"),
        (1, "cas", "0", (1, 2), False, "ok"),
        (2, "write", "0", 3, None, "fail"),
    ]
    assert recording.lines.tolist() == [3, 1, 4]


EDN = """\
; a comment with a { in it
[{:process 4, :type :invoke, :f :write, :value 2, :index 0}
 #jepsen.history.Op{:process 4, :type :ok, :f :write, :value 2}  ; done
 #_{:process 5, :type :ok, :f :write, :value 2}
 {:process :nemesis, :type :info, :f :start, :value "cut off [:n1 #{:n2 :n3}]"}
 {:type :invoke :f :read :value 3 :process 6}
 {:process 5, :type :invoke, :f :cas,
  :value [2 3]}
 {:process 5, :type :ok, :f :cas, :value [2 3]}
 {:process 6, :type :ok, :f :read, :value 3}
 {:process 7, :type :invoke, :f :cas, :value [9 1]}
 {:process 7, :type :fail, :f :cas, :value [9 1], :error :did-not-match}
 {:process 8, :type :invoke, :f :cas, :value [9 1]}
 {:process 8, :type :ok, :f :cas, :value false}
 {:process 9, :type :invoke, :f :write, :value "a \\"quoted\\" ; text"}
 {:process 9, :type :info, :f :write, :value 8, :error :timed-out}]
"""


@pytest.mark.parametrize(
    "text",
    [
        EDN,
        EDN.replace("[{", "({", 1).removesuffix("]\n") + ") ; end }\n",
        EDN.replace("[{", "{", 1).removesuffix("]\n"),
    ],
    ids=["vector", "list", "one after another"],
)
def test_edn_is_read_whatever_holds_the_events(recorded, text: str) -> None:  # type: ignore[no-untyped-def]
    recording = recorded(text)
    assert (recording.format, recording.model, recording.clock) == ("edn", "cas-register", "order")
    assert brief(recording) == [
        (4, "write", None, 2, None, "ok"),
        (6, "read", None, None, 3, "ok"),
        (5, "cas", None, (2, 3), True, "ok"),
        (7, "cas", None, (9, 1), None, "fail"),
        (8, "cas", None, (9, 1), False, "ok"),
        (9, "write", None, 'a "quoted" ; text', None, "info"),
    ]
    assert recording.lines.tolist() == [2, 6, 7, 11, 13, 15]


def test_edn_times_are_the_clock(recorded) -> None:  # type: ignore[no-untyped-def]
    recording = recorded(
        "{:process 0 :type :invoke :f :add :value 5 :time 100}\n{:process 0 :type :ok :f :add :value 5 :time 250}\n"
        "{:process 0 :type :invoke :f :read :time 300}\n{:process 0 :type :ok :f :read :value #{5} :time 350}"
    )
    assert (recording.model, recording.clock) == ("set", "ns")
    assert [(op.call, op.ret, op.output) for op in recording.history] == [(100, 250, None), (300, 350, (5,))]


def test_console_logs_pass_over_what_is_no_event(recorded) -> None:  # type: ignore[no-untyped-def]
    recording = recorded(
        "INFO  jepsen.core - Running test\n"
        "INFO  jepsen.util - 0\t:invoke\t:write\t4\n"
        "WARN  jepsen.core - Process 1 indeterminate\njava.net.SocketTimeoutException: Read timed out\n"
        "INFO  jepsen.util - :nemesis\t:info\t:start\tnil\n"
        "INFO  jepsen.util - 0\t:info\t:write\t:timed-out\n"
        "INFO [2020-01-01 00:00:00,000] jepsen worker 1 - jepsen.util 1\t:invoke\t:cas\t[4 5]\n"
        "INFO [2020-01-01 00:00:00,001] jepsen worker 1 - jepsen.util 1\t:ok\t:cas\t[4 5]\n"
    )
    assert (recording.format, recording.model) == ("jepsen-log", "cas-register")
    assert brief(recording) == [(0, "write", None, 4, None, "info"), (1, "cas", None, (4, 5), True, "ok")]
    assert recording.history[0].error == "timed-out"


def test_key_value_logs_are_read_with_other_names_for_read_and_write(recorded) -> None:  # type: ignore[no-untyped-def]
    recording = recorded(
        '{:process 0, :type :invoke, :f :append, :key "0", :value "x"}\n'
        '{:process 0, :type :ok, :f :append, :key "0", :value "x"}\n'
        '{:process 1, :type :invoke, :f :get, :key "0", :value nil}\n'
        '{:process 1, :type :ok, :f :get, :key "0", :value "x"}\n'
        "; a comment\n{:process :nemesis, :type :info, :f :start, :key nil}\n"
        '{:process 1, :type :invoke, :f :put, :key "1", :value "a \\"b\\""}\n'
    )
    assert (recording.format, recording.model) == ("kv-log", "kv-append")
    assert brief(recording) == [
        (0, "append", "0", "x", None, "ok"),
        (1, "read", "0", None, "x", "ok"),
        (1, "write", "1", 'a "b"', None, "info"),
    ]


def test_gzip_is_recognised_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(gzip.compress(EVENTS.encode()))
    assert len(read(path).history) == 5


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + EVENTS.replace("\n", "\r\n").encode())
    assert len(read(path).history) == 5


def test_names_of_fields_may_be_escaped(recorded) -> None:  # type: ignore[no-untyped-def]
    recording = recorded('{"client":1,"call":1,"return":2,"op":"write","inp\\u0075t":7}\n')
    assert recording.history[0].input == 7


def test_true_is_not_one(recorded) -> None:  # type: ignore[no-untyped-def]
    recording = recorded(
        '{"client":1,"call":1,"return":2,"op":"write","input":1}\n'
        '{"client":1,"call":3,"return":4,"op":"write","input":true}\n'
    )
    assert len(set(recording.history.input.tolist())) == 2


def test_a_format_can_be_named(recorded) -> None:  # type: ignore[no-untyped-def]
    assert recorded("{:process 0 :type :invoke :f :write :key 1 :value 1}\n", format="edn").format == "edn"
    with pytest.raises(UsageError, match="there is no format 'xml'"):
        recorded(EVENTS, format="xml")


OP = '{{"client":0,"call":{0},"return":{1},"op":"{2}","key":{3},"input":{4},"output":{5}}}\n'


def ops(*operations: tuple[str, str, str]) -> str:
    """A history of operations (name, input, output) as JSON, one after another."""
    return "".join(OP.format(10 * i, 10 * i + 5, f, '"k"', x, y) for i, (f, x, y) in enumerate(operations))


@pytest.mark.parametrize(
    ("operations", "model"),
    [
        ([("write", "1", "null"), ("read", "null", "1")], "register"),
        ([("write", "1", "null")], "register"),
        ([("write", "1", "null"), ("cas", "[1,2]", "true")], "cas-register"),
        ([("write", "1", "null"), ("delete", "null", "null")], "kv"),
        ([("append", '"a"', "null"), ("read", "null", '"a"')], "kv-append"),
        ([("append", "1", "null"), ("read", "null", "[1]")], "append-list"),
        ([("append", "1", "0"), ("read", "0", "1")], "log"),
        ([("acquire", "null", "null"), ("release", "null", "null")], "mutex"),
        ([("acquire", "null", "7"), ("release", "7", "null")], "mutex"),
        ([("add", "1", "null"), ("contains", "1", "true")], "set"),
        ([("add", "1", "null"), ("remove", "1", "null")], "set"),
        ([("add", "1", "null"), ("read", "null", "[1]")], "set"),
        ([("add", "1", "null"), ("read", "null", "1")], "counter"),
        ([("enqueue", "1", "null"), ("dequeue", "null", "1")], "queue"),
        ([("push", "1", "null"), ("pop", "null", "1")], "stack"),
        ([("insert", "1", "null"), ("delete-min", "null", "1")], "priority-queue"),
        ([("generate", "null", "1")], "ids"),
        ([("next", "null", "1")], "generation"),
        ([("next", "null", "1"), ("fenced-write", "[1,5]", "null")], "fenced-register"),
        ([("echo", '"a"', '"a"')], "echo"),
        ([("broadcast", "1", "null"), ("read", "null", "[1]")], "broadcast"),
        ([("send", "1", "0"), ("poll", '{"k":0}', '{"k":[[0,1]]}')], "kafka"),
    ],
)
def test_the_model_is_told_by_the_operations(recorded, operations, model: str) -> None:  # type: ignore[no-untyped-def]
    assert recorded(ops(*operations)).model == model


def test_several_keys_make_a_key_value_store(recorded) -> None:  # type: ignore[no-untyped-def]
    assert recorded(OP.format(1, 2, "write", 1, 1, "null") + OP.format(3, 4, "read", 2, "null", "null")).model == "kv"


@pytest.mark.parametrize(
    "operations",
    [
        [("read", "null", "1")],
        [("add", "1", "null")],
        [("append", "1", "null")],
        [("write", "1", "null"), ("enqueue", "1", "null")],
        [("write", "1", "null"), ("append", "1", "null"), ("read", "null", "[1]")],
    ],
)
def test_an_unclear_model_is_asked_for(recorded, operations) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match="name it with --model"):
        recorded(ops(*operations))


def test_a_model_that_is_named_is_not_guessed(recorded) -> None:  # type: ignore[no-untyped-def]
    assert recorded(ops(("read", "null", "1")), model="register").model == "register"
    with pytest.raises(UsageError, match="no model 'regster'"):
        recorded(ops(("read", "null", "1")), model="regster")


def test_a_property_can_be_named_in_place_of_a_model(recorded) -> None:  # type: ignore[no-untyped-def]
    assert recorded(ops(("add", "1", "null"), ("read", '"final"', "[1]")), model="g-set").model == "g-set"


def test_operations_that_the_named_model_lacks_are_refused(recorded) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match="history:2: unknown operation 'cas'; expected one of read, write"):
        recorded(ops(("read", "null", "1"), ("cas", "[1,2]", "true")), model="register")


def test_a_model_of_the_users_own_brings_its_own_names(recorded) -> None:  # type: ignore[no-untyped-def]
    class Latch(Register):
        name = "latch"
        operations = frozenset({"get", "trip"})

    recording = recorded(ops(("trip", "null", "null"), ("get", "null", "1")), model=Latch())
    assert recording.model == "latch"
    assert [op.f for op in recording.history] == ["trip", "get"]


scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5)
values = scalars | st.lists(scalars, max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    """Operations of distinct processes, in order of call."""
    times = sorted(draw(st.lists(st.integers(0, 10**12), min_size=1, max_size=20)))
    found = []
    for index, call in enumerate(times):
        status = draw(st.sampled_from(("ok", "fail", "info")))
        output = draw(values) if status == "ok" else None
        f = draw(st.sampled_from(("read", "write")))
        found.append(
            Operation(
                index=index,
                process=index,
                f=f,
                key=draw(st.sampled_from(("x", 'a:"b"', None))),
                input=draw(values) if f == "write" else None,
                output=tuple(output) if isinstance(output, list) else output,
                call=call,
                ret=PENDING if status == "info" else call + draw(st.integers(0, 10**6)),
                status=status,  # type: ignore[arg-type]
                node=draw(st.sampled_from(("n1", None))),
            )
        )
    return [msgspec.structs.replace(op, input=tuple(op.input)) if isinstance(op.input, list) else op for op in found]


@pytest.mark.slow
@given(histories())
def test_what_was_written_is_read_in_both_json_forms(tmp_path_factory, operations: list[Operation]) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.getbasetemp() / "round-trip.jsonl"
    for form in (json_events, json_operations):
        path.write_bytes(form(operations))
        assert list(read(path, model="register", keys="field").history) == operations


def test_every_format_has_a_reader_under_its_name() -> None:
    names = ["jsonl-events", "jsonl-operations", "edn", "jepsen-json", "history-txt", "jepsen-log", "kv-log"]
    names += ["plume", "awdit", "dbcop"]
    assert list(FORMATS) == names
