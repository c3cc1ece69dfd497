"""What Jepsen, Knossos, Elle and elle-cli write is read as they mean it; what was cut off at its end is judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checker.check import check
from checker.errors import HistoryError, UsageError
from checker.formats import Recording, read
from checker.formats.columns import Span
from checker.formats.vocabulary import PROMISES
from checker.history import PENDING
from checker.properties import PROPERTIES
from checker.transactions import MODELS as TRANSACTIONS
from naysayer.judge import judge

Read = Callable[..., Recording]


@pytest.fixture
def recorded(tmp_path: Path) -> Read:
    """Writes a text to a file and reads it."""

    def record(text: str, **options: str) -> Recording:
        path = tmp_path / "history"
        path.write_text(text)
        return read(path, **options)  # type: ignore[arg-type]

    return record


def brief(recording: Recording) -> list[tuple[object, ...]]:
    return [(op.process, op.f, op.input, op.output, op.status) for op in recording.history]


HISTORY_TXT = """\
0\t:invoke\t:write\t1
:nemesis\t:info\t:start\tnil
0\t:info\t:write\t1\tjava.net.SocketTimeoutException: Read timed out
\tat java.net.SocketInputStream.read
1\t:invoke\t:cas\t[1 2]
1\t:fail\t:cas\t[1 2]\t:did-not-match
2\t:invoke\t:read\tnil
2\t:ok\t:read\t1
"""


def test_history_txt_is_read_with_its_errors(recorded: Read) -> None:
    recording = recorded(HISTORY_TXT)
    assert (recording.format, recording.model, recording.clock) == ("history-txt", "cas-register", "order")
    assert brief(recording) == [
        (0, "write", 1, None, "info"),
        (1, "cas", (1, 2), None, "fail"),
        (2, "read", None, 1, "ok"),
    ]
    assert [op.error for op in recording.history] == [
        "java.net.SocketTimeoutException: Read timed out",
        ":did-not-match",
        None,
    ]
    assert recording.lines.tolist() == [1, 5, 7]


def test_history_txt_may_name_operations_by_strings_and_part_by_spaces(recorded: Read) -> None:
    recording = recorded('0 :invoke "write" "a b"\n0 :ok "write" "a b"\n1 :invoke :read nil\n1 :ok :read "a b"\n')
    assert brief(recording) == [(0, "write", "a b", None, "ok"), (1, "read", None, "a b", "ok")]


def test_junk_between_the_events_of_history_txt_is_refused(recorded: Read) -> None:
    with pytest.raises(HistoryError, match=r":2: is not an event"):
        recorded("0\t:invoke\t:write\t1\nhello\n0\t:ok\t:write\t1\n")


@pytest.mark.parametrize(
    "text",
    [
        "[70 :invoke :write 1]\n[70 :ok :write 1]\n[71 :invoke :read nil]\n[71 :ok :read 1]\n[:nemesis :info :a 1]",
        "[[70 :invoke :write 1] [70 :ok :write 1]\n [71 :invoke :read nil] [71 :ok :read 1]]",
        "((70 :invoke :write 1)\n (70 :ok :write 1)\n (71 :invoke :read) (71 :ok :read 1))",
        '[70 :invoke "write" 1]\n[70 :ok "write" 1]\n[71 :invoke "read" nil]\n[71 :ok "read" 1]',
    ],
    ids=["one after another", "in a vector", "lists in a list", "strings"],
)
def test_the_vectors_of_knossos_are_events(recorded: Read, text: str) -> None:
    recording = recorded(text)
    assert recording.format == "edn"
    assert brief(recording) == [(70, "write", 1, None, "ok"), (71, "read", None, 1, "ok")]


@pytest.mark.parametrize("name", [":read", '"read"', ":get", '"get"'])
def test_operations_may_be_keywords_or_strings(recorded: Read, name: str) -> None:
    recording = recorded(
        '{:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type "ok" :f "write" :value 1}\n'
        f"{{:process 1 :type :invoke :f {name} :value nil}}\n{{:process 1 :type :ok :f {name} :value 1}}\n"
    )
    assert brief(recording) == [(0, "write", 1, None, "ok"), (1, "read", None, 1, "ok")]


def test_clients_may_have_names_and_other_keywords_are_noted(recorded: Read) -> None:
    recording = recorded(
        '{:process "a" :type :invoke :f :write :value 1}\n{:process :watcher :type :info :f :look}\n'
        '{:process "a" :type :ok :f :write :value 1}\n{:process "nemesis" :type :info :f :start}\n'
    )
    assert brief(recording) == [("a", "write", 1, None, "ok")]
    assert recording.history.notes == (
        "1 event of process :watcher not judged: client processes are numbers, or names as strings",
    )


APPENDS = """\
{:index 2 :type :invoke, :value [[:append 255 8] [:r 253 nil]]}
{:index 3 :type :ok,     :value [[:append 255 8] [:r 253 [1 3 4]]]}
{:index 4 :type :invoke, :value [[:append 253 1] [:append 253 3] [:append 253 4]]}
{:index 5 :type :ok,     :value [[:append 253 1] [:append 253 3] [:append 253 4]]}
"""


def test_elle_events_need_neither_f_nor_process(recorded: Read) -> None:
    recording = recorded(APPENDS)
    assert recording.model == "txn-list-append"
    assert brief(recording) == [
        (0, "txn", (("append", 255, 8), ("r", 253, None)), (("append", 255, 8), ("r", 253, (1, 3, 4))), "ok"),
        (1, "txn", *2 * ((("append", 253, 1), ("append", 253, 3), ("append", 253, 4)),), "ok"),
    ]


def test_elle_events_without_processes_may_overlap(recorded: Read) -> None:
    lines = APPENDS.splitlines()
    recording = recorded("\n".join([lines[0], lines[2], lines[1], lines[3]]))
    assert [op.output[0] for op in recording.history] == [("append", 255, 8), ("append", 253, 1)]


def test_elle_histories_may_hold_completions_alone(recorded: Read) -> None:
    recording = recorded(
        "{:type :ok, :process 0, :value [[:append :x 1]]}\n{:type :ok, :process 1, :value [[:r :x [1]]]}\n"
        "{:type :fail, :process 0, :value [[:append :x 2]]}\n"
    )
    first, other, second = sorted(recording.history, key=lambda op: (op.process, op.call))[0:3:2] + [
        op for op in recording.history if op.status == "fail"
    ]
    assert (first.process, other.process, second.process) == (0, 1, 0)
    assert first.ret < second.call  # one process, one operation at a time
    assert other.call < first.ret  # and nothing is known between processes
    assert "no invocations" in recording.history.notes[0]
    assert judge(recording.history, recording.model).outcome == "valid"


def test_a_completion_that_may_belong_to_two_invocations_is_refused(recorded: Read) -> None:
    write = "{:type :invoke :f :write :value 1}\n{:type :ok :f :write :value 1}\n"
    read_ = "{:type :invoke :f :read :value nil}\n"
    assert len(recorded(write + read_ + "{:type :ok :f :read :value 1}").history) == 2
    with pytest.raises(HistoryError, match=r":5: may complete the invocation of line 3 and 4: .* :process"):
        recorded(write + 2 * read_ + "{:type :ok :f :read :value 1}")
    with pytest.raises(HistoryError, match=":3: completes an operation that no open invocation asked for"):
        recorded(write + "{:type :ok :f :read :value 1}")
    with pytest.raises(HistoryError, match=":3: has no :process, but other events have"):
        recorded(write.replace(":type", ":process 0 :type") + read_)


JSON = (
    '{"type":"invoke","process":0,"f":"write","value":{"a":1},"time":10,"index":0}',
    '{"type":"info","process":"nemesis","f":"kill","value":["n1"],"time":15}',
    '{"type":"ok","process":0,"f":"write","value":{"a":1},"time":20,"index":1}',
    '{"type":"invoke","process":1,"f":"read","value":null,"time":30,"index":2}',
    '{"type":"ok","process":1,"f":":read","value":{"a":1},"time":40,"index":3}',
)


@pytest.mark.parametrize(
    "text",
    ["\n".join(JSON), f"[{','.join(JSON)}]", "[\n " + ",\n ".join(JSON) + "\n]\n"],
    ids=["lines", "array in one line", "array"],
)
def test_jepsen_events_in_json_are_read(recorded: Read, text: str) -> None:
    recording = recorded(text)
    assert (recording.format, recording.model, recording.clock) == ("jepsen-json", "register", "ns")
    assert [(op.process, op.f, op.call, op.ret) for op in recording.history] == [
        (0, "write", 10, 20),
        (1, "read", 30, 40),
    ]
    assert check(recording.history, recording.model).outcome == "valid"
    assert recording.faults == (Span("kill n1", 15, None),)


def test_the_lines_of_a_json_array_are_counted(recorded: Read) -> None:
    text = "[\n " + ",\n ".join(JSON) + ",\n\n {}]"
    with pytest.raises(HistoryError, match=":8: an event without :type"):
        recorded(text)


TORN = {
    "events": '{"type":"invoke","process":0,"f":"write","input":1}\n{"type":"ok","process":0}\n{"type":"invoke","proc',
    "in a character": b'{"type":"invoke","process":0,"f":"write","input":1}\n{"type":"ok","process":0,"f":"\xc3',
    "edn": "{:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type :ok :f :write}\n{:process 1 :type :inv",
    "edn string": '{:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type :ok :f :write}\n{:error "what',
    "edn vector": "[{:process 0 :type :invoke :f :write :value 1}\n {:process 0 :type :ok :f :write}\n {:proc",
    "edn in one line": "[{:process 0 :type :invoke :f :write :value 1} {:process 0 :type :ok :f :write} {:proc",
    "knossos": "[0 :invoke :write 1]\n[0 :ok :write 1]\n[1 :inv",
    "json array": '[{"type":"invoke","process":0,"f":"write","value":1},\n{"type":"ok","process":0},\n{"ty',
    "history.txt": "0\t:invoke\t:write\t1\n0\t:ok\t:write\t1\n1\t:inv",
    "history.txt value": "0\t:invoke\t:write\t1\n0\t:ok\t:write\t1\n1\t:invoke\t:write\t[1 2",
    "log": "INFO jepsen.util - 0\t:invoke\t:write\t1\nINFO jepsen.util - 0\t:ok\t:write\t1\nINFO jepsen.util - 1\t:ok",
    "kv-log": '{:process 0, :type :invoke, :f :put, :key "7", :value "1"}\n{:process 0, :type :ok, :f :put, :ke',
}


@pytest.mark.parametrize(
    ("text", "end"),
    [(text, end) for text in TORN.values() for end in ("", "\n", "\r\n  \n") if not end or isinstance(text, str)],
)
def test_a_last_line_that_was_cut_off_is_left_out_with_a_note(tmp_path: Path, text: str | bytes, end: str) -> None:
    path = tmp_path / "torn"
    path.write_bytes(text + end.encode() if isinstance(text, bytes) else (text + end).encode())
    recording = read(path, model="kv")
    assert len(recording.history) == 1
    assert any("is cut off and was left out" in note for note in recording.history.notes)
    assert any("cut off" in said for said in check(recording.history, "kv").warnings)


@pytest.mark.parametrize("name", TORN)
def test_a_cut_off_line_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    text = TORN[name]
    whole = text if isinstance(text, bytes) else text.encode()
    lines = whole.split(b"\n")
    path = tmp_path / "torn"
    path.write_bytes(b"\n".join([*lines[:1], lines[-1], *lines[1:]]) + b"\n" if len(lines) > 1 else whole + b"\n{}")
    with pytest.raises(HistoryError):
        read(path, model="kv")


OPERATION = '{"client":0,"call":1,"return":2,"op":"write","key":"x","input":1}\n'


@pytest.mark.parametrize(
    ("last", "pending", "said"),
    [
        (
            '{"client":1,"call":3,"return":4,"op":"write","key":"x","input":2,"out',
            True,
            "; its write counts as pending",
        ),
        ('{"client":1,"call":3,"return":4,"op":"write","key":"x","input":2', False, "; if it was a write, reads of"),
        ('{"client":1,"call":3,"return":4,"op":"read","key":"x","inp', False, ""),
        ('{"client":1,"call":3,"ret', False, "; if it was a write, reads of"),
    ],
)
def test_of_a_torn_operation_what_others_may_have_seen_is_kept(
    recorded: Read, last: str, pending: bool, said: str
) -> None:
    recording = recorded(OPERATION + last, model="register")
    assert recording.history.notes[0].startswith(f"the last line (2) is cut off and was left out{said}")
    assert len(recording.history) == 1 + pending
    if pending:
        op = recording.history[1]
        assert (op.f, op.input, op.status, op.ret) == ("write", 2, "info", PENDING)


def test_a_number_at_the_end_of_a_line_without_an_end_may_be_cut(recorded: Read) -> None:
    recording = recorded("0\t:invoke\t:write\t12\n0\t:ok\t:write\t12\n1\t:invoke\t:read\tnil\n1\t:ok\t:read\t12")
    assert "the last line (4) has no line end" in recording.history.notes[0]


def test_a_form_that_swallows_events_is_damage_and_no_torn_end(recorded: Read) -> None:
    one = "{:process 0 :type :invoke :f :write :value 1} {:process 0 :type :ok :f :write :value {:a 1 } "
    with pytest.raises(HistoryError, match="ends in the middle of a form"):
        recorded(f"[{one} {one}")


@pytest.mark.parametrize("name", ["history.edn", "history.txt", "jepsen.log"])
def test_the_folder_of_a_run_is_read(tmp_path: Path, name: str) -> None:
    event = {
        "history.edn": "{{:process 0 :type {} :f :write :value 1}}\n",
        "history.txt": "0\t{}\t:write\t1\n",
        "jepsen.log": "INFO jepsen.util - 0\t{}\t:write\t1\n",
    }[name]
    run = tmp_path / "etcd" / "20200101"
    run.mkdir(parents=True)
    (run / "results.edn").write_text("{:valid? true}")
    (run / name).write_text(event.format(":invoke") + event.format(":ok"))
    recording = read(run)
    assert recording.source == str(run / name)
    assert len(recording.history) == 1
    with pytest.raises(HistoryError, match=r"is a directory without .*; name the folder of one run, such as .*2020"):
        read(run.parent)


def test_of_several_histories_in_a_folder_the_one_with_times_is_read(tmp_path: Path) -> None:
    (tmp_path / "history.edn").write_text("{:process 0 :type :invoke :f :write :value 1}")
    (tmp_path / "history.txt").write_text("junk")
    assert read(tmp_path).format == "edn"


@pytest.mark.parametrize(
    ("micro", "model", "said"),
    [
        ('["w","x",1]', "txn-list-append", 'has no micro-operation "w"'),
        ('["append","x",1]', "txn-rw-register", 'has no micro-operation "append"'),
        ('["cas","x",1]', "txn-rw-register", 'has no micro-operation "cas"'),
        ('["r","x"]', "txn-rw-register", "is not a list of micro-operations"),
        ("7", "txn-rw-register", "is not a list of micro-operations"),
    ],
)
def test_micro_operations_are_known_or_refused(recorded: Read, micro: str, model: str, said: str) -> None:
    text = f'{{"type":"invoke","process":0,"f":"txn","input":[{micro}],"time":1}}\n'
    with pytest.raises(HistoryError, match=f":1: .*{said}"):
        recorded(text, model=model)


@pytest.mark.parametrize(("read_", "write"), [("r", "w"), ("read", "write"), ("r", "write")])
def test_reads_and_writes_have_two_names(recorded: Read, read_: str, write: str) -> None:
    recording = recorded(
        f"{{:process 0 :type :invoke :f :txn :value [[:{write} :x 1] [:{read_} :x nil]]}}\n"
        f"{{:process 0 :type :ok :f :txn :value [[:{write} :x 1] [:{read_} :x 2]]}}\n"
    )
    assert recording.model == "txn-rw-register"
    assert judge(recording.history, recording.model).outcome == "invalid"


@pytest.mark.parametrize(
    ("asked", "found", "said"),
    [
        ("[[:r :x nil]]", "nil", "without the values that it read"),
        ("[[:r :x nil]]", "[[:r :y 1]]", "different transaction"),
        ("[[:w :x 1] [:r :x nil]]", "[[:w :x 2] [:r :x 2]]", "different transaction"),
        ("[[:w :x 1] [:r :x nil]]", "[[:w :x 1]]", "different transaction"),
    ],
)
def test_a_transaction_completes_as_it_was_invoked(recorded: Read, asked: str, found: str, said: str) -> None:
    with pytest.raises(HistoryError, match=f":1: .*{said}"):
        recorded(
            f"{{:process 0 :type :invoke :f :txn :value {asked}}}\n{{:process 0 :type :ok :f :txn :value {found}}}\n",
            model="txn-rw-register",
        )


def test_a_transaction_of_writes_may_complete_without_a_value(recorded: Read) -> None:
    recording = recorded(
        "{:process 0 :type :invoke :f :txn :value [[:w :x 1]]}\n{:process 0 :type :ok :f :txn :value nil}\n"
    )
    assert judge(recording.history, recording.model).outcome == "valid"


def test_transactions_that_only_read_do_not_say_their_model(recorded: Read) -> None:
    with pytest.raises(UsageError, match="micro-operations r do not determine the model"):
        recorded("{:process 0 :type :invoke :f :txn :value [[:r :x nil]]}\n")


def test_transactions_may_be_named_after_what_they_do(recorded: Read) -> None:
    text = (
        "{:process 0 :type :invoke :f :write :value [[:w 1 5]]}\n{:process 0 :type :fail :f :write :value nil}\n"
        "{:process 0 :type :invoke :f :read :value [[:r 1 nil]]}\n{:process 0 :type :ok :f :read :value [[:r 1 5]]}\n"
        "{:process 1 :type :invoke :f :txn :value [[:r 1 nil] [:w 1 6]]}\n"
    )
    recording = recorded(text)
    assert recording.model == "txn-rw-register"
    assert {op.f for op in recording.history} == {"txn"}
    (part,) = judge(recording.history, recording.model).parts
    assert part.explanation is not None
    assert part.explanation.kind == "aborted-read"
    with pytest.raises(HistoryError, match="unknown operation 'txn'"):
        recorded(text, model="register")


def test_the_console_logs_of_newer_versions_are_read(recorded: Read) -> None:
    line = "2024-11-05 15:17:58,885{{GMT}}\tINFO\t[jepsen worker 1] jepsen.util: 1\t{}\t:write\t5\n"
    recording = recorded(line.format(":invoke") + "java.lang.Exception: no\n\tat x\n" + line.format(":ok"))
    assert recording.format == "jepsen-log"
    assert brief(recording) == [(1, "write", 5, None, "ok")]
    with pytest.raises(HistoryError, match=":2: an event that ends before its value"):
        recorded(line.format(":invoke") + line.format(":ok").replace("\t:write\t5", "\t:wri") + line.format(":ok"))


def test_promises_are_judged_with_the_warnings_about_the_record(recorded: Read) -> None:
    recording = recorded("{:type :ok, :process 0, :value [[:append :x 1]]}\n{:type :ok, :pro")
    assert recording.model == "txn-list-append"
    said = judge(recording.history, recording.model).warnings
    assert any("cut off" in one for one in said)
    assert any("no invocations" in one for one in said)


@pytest.mark.parametrize("model", [*PROPERTIES, *TRANSACTIONS])
def test_operations_that_a_promise_is_not_about_are_refused(recorded: Read, model: str) -> None:
    text = "{:process 0 :type :invoke :f :write :value 1}\n{:process 0 :type :ok :f :write :value 1}\n"
    with pytest.raises(HistoryError, match=":1: unknown operation 'write'; expected one of"):
        recorded(text, model=model)
    assert PROMISES.keys() == PROPERTIES.keys() | TRANSACTIONS.keys()


def test_a_promise_about_one_object_is_not_judged_over_several(recorded: Read) -> None:
    event = "{{:process 0 :type {} :f :{} :value [{} {}]}}\n"
    adds = "".join(
        event.format(":invoke", f, key, value) + event.format(":ok", f, key, found)
        for f, key, value, found in (("add", 0, 1, 1), ("add", 1, 2, 2), ("read", 0, "nil", "[1]"))
    )
    assert check(recorded(adds, model="set").history, "set").outcome == "valid"
    with pytest.raises(HistoryError, match="has several keys, but g-set is judged as one object"):
        recorded(adds, model="g-set")


def faults(*events: str) -> str:
    """The nemesis' events between two operations, each at a time of its own."""
    lines = ["{:process 0 :type :invoke :f :write :value 1 :time 0}", "{:process 0 :type :ok :f :write :time 5}"]
    for number, event in enumerate(events):
        f, _, value = event.partition(" ")
        lines.append(f"{{:process :nemesis :type :info :f :{f} :value {value or 'nil'} :time {10 * (number + 1)}}}")
    lines.append("{:process 1 :type :invoke :f :read :time 1000}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("events", "spans"),
    [
        (["start", 'start "Cut off n1"', "stop", "stop"], [("Cut off n1", 10, 40)]),
        (["start-partition :one", 'start-partition [:isolated {"a" #{"b" "c"}, "b" #{"a"}, "c" #{"a"}}]',
          "stop-partition", "stop-partition :healed"], [("partition a | b c", 10, 40)]),
        (["start-partition", 'start-partition {"a" #{"b"}, "b" #{"c"}, "c" #{"a"}}'], [("partition a b c", 10, None)]),
        (["start", "start", 'kill ["n1"]', 'kill {"n1" ""}', "start", "start {}", "start", "start"],
         [("kill n1", 30, 60)]),
        (['add "n5"', 'add "OK"'], [("add n5", 10, 20)]),
        (["kill", 'kill {"n1" :killed}', "start", "start"], [("kill n1", 10, 40)]),
        (["pause", 'pause #{"n2"}', "resume", "resume"], [("pause n2", 10, 40)]),
        (["bump-clock", "bump-clock", "reset-clock", "reset-clock"], [("bump-clock", 10, 40)]),
        (["kill", "kill"], [("kill", 10, None)]),
        (["check-offsets", "check-offsets"], [("check-offsets", 10, 20)]),
        (["stop", "stop"], []),
        (["start nil"], [("start", 10, None)]),
        (["kill", "kill", "start-partition", "start-partition", "stop-partition", "stop-partition", "start", "start"],
         [("kill", 10, 80), ("partition", 30, 60)]),
        (["kill", "kill", "kill", "kill", "start", "start"], [("kill", 10, 60), ("kill", 30, 60)]),
    ],
    ids=lambda value: " ".join(str(value)[:30].split()),
)  # fmt: skip
def test_the_nemesis_events_are_spans(
    recorded: Read, events: list[str], spans: list[tuple[str, int, int | None]]
) -> None:
    assert recorded(faults(*events)).faults == tuple(Span(*span) for span in spans)


def test_faults_of_a_record_without_times_lie_between_its_events(recorded: Read) -> None:
    recording = recorded(HISTORY_TXT)
    assert recording.faults == (Span("start", 1, None),)


def test_faults_of_our_own_records_are_spans(recorded: Read) -> None:
    recording = recorded(
        '{"type":"invoke","process":0,"f":"write","input":1,"time":0}\n'
        '{"type":"nemesis","f":"cut","fault":{"fault":"cut","links":[["n1","n2"]],"shape":"{n1} | {n2}"},"time":5}\n'
        '{"type":"nemesis","f":"kill","fault":{"fault":"kill","nodes":["n1"]},"time":6}\n'
        '{"type":"nemesis","f":"skew","fault":{"fault":"skew","node":"n2","offset_ms":50.0},"time":7}\n'
        '{"type":"nemesis","f":"heal","fault":{"fault":"heal"},"time":8}\n'
        '{"type":"nemesis","f":"skew","fault":{"fault":"skew","node":"n2"},"time":9}\n'
        '{"type":"ok","process":0,"time":10}\n'
    )
    assert recording.faults == (Span("partition {n1} | {n2}", 5, 8), Span("kill n1", 6, None), Span("skew n2", 7, 9))


@pytest.mark.parametrize("said", ['#object[java.net.Socket 0x1 "x"]', "[[java.lang.Thread run]]", '#"a b"'])
@pytest.mark.parametrize(
    "event", ["{{:process :nemesis, :type :info, :f :kill, :value {}}}", "[:nemesis :info :kill {}]"]
)
def test_what_a_nemesis_says_in_no_edn_loses_no_history(recorded: Read, said: str, event: str) -> None:
    write = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n"
    recording = recorded(f"{write}{event.format(said)}\n", model="register")
    assert brief(recording) == [(0, "write", 1, None, "ok")]
    assert [fault.label.split()[0] for fault in recording.faults] == ["kill"]


@pytest.mark.parametrize(
    "read_ok",
    [
        "{:process 1, :type :ok, :f :read, :val 1}",
        "[1 :ok :read]",
        '{"process": 1, "type": "ok", "f": "get", "val": 1}',
    ],
)
def test_a_read_whose_value_is_not_given_is_not_a_read_of_nothing(recorded: Read, read_ok: str) -> None:
    text = {
        "{:": "{:process 1, :type :invoke, :f :read, :value nil}",
        "[1": "[1 :invoke :read nil]",
        '{"': '{"process": 1, "type": "invoke", "f": "get", "value": null}',
    }[read_ok[:2]]
    with pytest.raises(HistoryError, match=":2: an ok read without a value"):
        recorded(f"{text}\n{read_ok}\n", model="register")
