"""What is no history is refused in one line that names the file and the line: never a traceback, never a verdict."""

from __future__ import annotations

import gzip
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.errors import HistoryError, UsageError
from checker.formats import FORMATS, read

EVENT = b'{"type":"invoke","process":0,"f":"write","input":1,"time":1}\n'
OP = b'{"client":0,"call":1,"return":2,"op":"write","key":"0","input":1}\n'
EDN = b"{:process 0 :type :invoke :f :write :value 1}\n"
LOG = b"INFO  jepsen.util - 0\t:invoke\t:read\tnil\n"
KV = b'{:process 0, :type :invoke, :f :get, :key "7", :value nil}\n'


def changed(line: bytes, old: bytes, new: bytes) -> bytes:
    """A good line and then the same with a fault in it."""
    assert old in line
    return line + line.replace(old, new)


BAD: dict[str, tuple[bytes, str]] = {
    "no return": (OP + OP.replace(b'"return":2,', b""), ":2: .*missing required field 'return'"),
    "return before call": (changed(OP, b'"return":2', b'"return":0'), ":2: returns at 0, before its call at 1"),
    "unknown operation": (changed(OP, b"write", b"wrote"), ":2: unknown operation 'wrote'"),
    "unknown field": (changed(OP, b'"input"', b'"inptu"'), ":2: .*unknown field 'inptu'"),
    "truncated operation": (OP + OP[:30] + b"\n" + OP, ":2: the line ends in the middle of its JSON"),
    "truncated event": (EVENT + EVENT[:20] + b"\n" + EVENT, ":2: the line ends in the middle of its JSON"),
    "two on a line": (OP + OP.strip() + OP, ":2: is not a JSON object on one line"),
    "field twice": (changed(OP, b'"key":"0"', b'"key":"0","key":"1"'), ":2: has the field 'key' twice"),
    "field twice, in disguise": (
        changed(OP, b'"input":1', b'"input":1,"inp\\u0075t":2'),
        ":2: has the field 'input' twice",
    ),
    "inner field twice": (changed(OP, b'"input":1', b'"input":{"a":1,"a":2}'), ":2: has the field 'a' twice"),
    "event field twice": (changed(EVENT, b'"time":1', b'"time":1,"time":2'), ":2: has the field 'time' twice"),
    "NaN": (changed(OP, b'"input":1', b'"input":NaN'), ":2: is not a JSON object"),
    "infinite": (changed(OP, b'"input":1', b'"input":1e999'), ":2: field 'input': number out of range"),
    "huge time": (changed(OP, b'"return":2', b'"return":9223372036854775807'), ":2: field 'return': expected"),
    "huge event time": (changed(EVENT, b'"time":1', b'"time":' + b"9" * 30), ":2: field 'time': expected"),
    "fraction of a ns": (changed(OP, b'"return":2', b'"return":2.5'), ":2: field 'return': expected 'int"),
    "wrong client": (changed(OP, b'"client":0', b'"client":[0]'), ":2: field 'client': expected 'int | str'"),
    "wrong type of event": (changed(EVENT, b"invoke", b"invoked"), ":2: field 'type': invalid enum value 'invoked'"),
    "deep": (changed(OP, b'"input":1', b'"input":' + b"[" * 99 + b"]" * 99), ":2: values are nested too deeply"),
    "abyss": (changed(OP, b'"input":1', b'"input":' + b"[" * 100_000), ":2: values are nested too deeply"),
    "not UTF-8": (changed(OP, b'"input":1', b'"input":"\xff"'), ":2: contains bytes that are not UTF-8"),
    "ok without return": (
        OP + b'{"client":0,"call":1,"return":null,"op":"write","input":1,"status":"ok"}\n',
        ":2: has the status 'ok' but no return time",
    ),
    "cas of one value": (changed(OP, b"write", b"cas"), ":1: unknown|:2: cas with the input 1, not a pair"),
    "completion of nothing": (
        EVENT + b'{"type":"ok","process":1,"f":"write","time":2}\n',
        ":2: process 1 completes an operation that it has not invoked",
    ),
    "completion twice": (
        EVENT + 2 * b'{"type":"ok","process":0,"f":"write","time":2}\n',
        ":3: process 0 completes an operation that it has not invoked",
    ),
    "no completion": (EVENT + EVENT, ":2: process 0 invokes again, but its operation on line 1 has no completion"),
    "other operation": (
        EVENT + b'{"type":"ok","process":0,"f":"read","time":2}\n',
        ':2: completes "read", but line 1 of this process invoked "write"',
    ),
    "other key": (
        EVENT + b'{"type":"ok","process":0,"f":"write","key":"b","time":2}\n',
        ':2: completes on key "b", but line 1 invoked on key null',
    ),
    "event before its call": (
        EVENT + b'{"type":"ok","process":0,"f":"write","time":0}\n',
        r":2: returns at 0, before its call at 1 \(line 1\)",
    ),
    "no operation named": (changed(EVENT, b'"f":"write",', b""), ":2: an event without the field 'f'"),
    "no process": (changed(EVENT, b'"process":0,', b""), ":2: an event without the field 'process'"),
    "no time": (changed(EVENT, b',"time":1', b""), ":2: has no time, but earlier events have one"),
    "empty": (b"", ": is empty"),
    "blank": (b"\n \n", ": is empty"),
    "only the nemesis": (b'{"type":"nemesis","f":"cut"}\n', ": contains no operations"),
    "junk": (bytes(range(256)) * 100, ":1: is not a history in a known format"),
    "zeros": (bytes(1000), ":1: is not a history in a known format"),
    "prose": (b"Dear checker,\nhow are you?\n", ":1: is not a history in a known format"),
    "array without f": (b'[{"type":"invoke"}]', ":1: an event without :f"),
    "array of ours": (b'[{"type":"invoke","input":1}]', ":1: has input or output"),
    "array not closed": (b'[{"type":"invoke","process":0,"f":"read"}\n', "the array is never closed"),
    "array without commas": (
        b'[{"type":"invoke","process":0,"f":"read"}\n{}]\n',
        ":2: events in the array must be separated",
    ),
    "array with more after it": (b'[{"type":"invoke","process":0,"f":"read"}]\n7', ":1: the array is followed by"),
    "array with a twin": (b'[{"type":"invoke","type":"ok"}]', ":1: has the field 'type' twice"),
    "array with NaN": (b'[{"type":"invoke","value":NaN}]', ":1: contains NaN"),
    "other JSON": (b'\n{"a":1}\n', ':2: the first line has neither "type"'),
    "JSON over lines": (b'{\n"type":"invoke"}\n', ":1: the first line ends in the middle of its JSON"),
    "EDN cut in an event": (b"[" + EDN + EDN[:20] + b"\n" + EDN, ":2: the text ends in the middle of a form"),
    "EDN cut between events": (b"[" + EDN, r":1: the '\[' on this line is never closed"),
    "EDN cut in a string": (b"[" + EDN + b'{:f "\n' + EDN, ":2: contains a string without an end"),
    "EDN key twice": (changed(EDN, b":value 1", b":value 1 :value 2"), ":2: has the key :value twice"),
    "EDN without type": (changed(EDN, b":type :invoke", b""), ":2: an event without :type"),
    "EDN of another type": (changed(EDN, b":invoke", b":ivnoke"), ":2: the type :ivnoke is not one of"),
    "EDN operation": (
        changed(EDN, b"0 :type :invoke :f :write", b"1 :type :invoke :f :wrote"),
        ":2: unknown operation",
    ),
    "EDN NaN": (changed(EDN, b":value 1", b":value ##NaN"), ":2: NaN does not equal itself"),
    "EDN symbol": (changed(EDN, b":value 1", b":value one"), ":2: 'one' is a symbol"),
    "EDN tag": (
        changed(EDN, b":value 1", b':value #inst "1"'),
        ":2: '#inst \"1\"' is not an EDN value that can be read",
    ),
    "EDN time": (EDN.replace(b":value", b":time 1.5 :value"), ":1: the time 1.5 is not a whole number"),
    "EDN time here and there": (
        EDN.replace(b":value", b":time 1 :value") + EDN.replace(b"0", b"1"),
        ":2: has no :time, but other events have",
    ),
    "EDN of numbers": (b"[1 2 3]", ":1: is not a map from keywords"),
    "EDN of nothing": (b"[]", ": contains no operations"),
    "EDN mismatched": (b"[{:process 0]}", ":1: has a ']' that closes nothing"),
    "EDN abyss": (b"({:a " + b"[" * 100_000, ":1: values are nested too deeply"),
    "log cut": (LOG + b"INFO  jepsen.util - 0\t:ok\t:re\n" + LOG, ":2: an event that ends before its value"),
    "log completion": (LOG + LOG.replace(b"0\t:invoke", b"1\t:ok"), ":2: process 1 completes"),
    "log value": (LOG.replace(b":read\tnil", b":write\t[1"), ":1: the text ends in the middle of a form"),
    "key-value cut": (KV + KV[:30] + b"\n" + KV, ":2: the text ends in the middle of a form"),
    "gzip cut": (gzip.compress(OP * 1000)[:60], ":1: the gzip data ends early"),
    "gzip junk": (b"\x1f\x8b" + bytes(100), ":1: the gzip data is damaged"),
    "gzip checksum": (gzip.compress(OP)[:-8] + b"12345678", ": the gzip data is damaged"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("content", "sentence"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_in_one_line_with_its_place(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=sentence) as refused:
        read(path)
    text = str(refused.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert len(text) < len(str(path)) + 300


@pytest.mark.parametrize(
    ("model", "odd", "sentence"),
    [
        ("log", b'"op":"read","input":"x"', ':2: read with the input "x", not a whole number'),
        ("log", b'"op":"append","input":1,"output":"x"', ':2: append with the output "x", not an offset or null'),
        ("generation", b'"op":"next","output":"a"', ':2: next with the output "a", not a whole number'),
        ("fenced-register", b'"op":"next","output":"a"', ':2: next with the output "a", not a whole number'),
        (
            "fenced-register",
            b'"op":"fenced-write","input":["a",1]',
            r':2: fenced-write with the input \["a", 1\], not a pair \[generation, value\]',
        ),
        ("pn-counter", b'"op":"read","output":"x"', ':2: read with the output "x", not a whole number'),
        ("kafka", b'"op":"send","output":"7"', ':2: send with the output "7", not a whole number'),
        ("kafka", b'"op":"poll","output":{"k":[["0",1]]}', r":2: poll with the output .*, not a map \{key: \[\["),
    ],
)
def test_what_a_model_cannot_compare_is_refused_with_its_place(
    tmp_path: Path, model: str, odd: bytes, sentence: str
) -> None:
    others = {"log": b'"op":"read","input":0', "pn-counter": b'"op":"add","input":1', "kafka": b'"op":"poll"'}
    good = others.get(model, b'"op":"next","output":1')
    path = tmp_path / "odd"
    path.write_bytes(b"".join(b'{"client":0,"call":1,"return":2,%s}\n' % what for what in (good, odd)))
    with pytest.raises(HistoryError, match=sentence):
        read(path, model=model)


def test_the_line_is_right_far_after_the_first_piece(tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_bytes(OP * 20_000 + b"\n" + OP[:-5] + b"\n" + OP)
    with pytest.raises(HistoryError, match=":20002: "):
        read(path)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"none: cannot be read: No such file or directory"):
        read(tmp_path / "none")
    with pytest.raises(HistoryError, match=r"is a directory"):
        read(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("begin", [b"", b'{"type":"', b"{:process "])
def test_a_line_of_200_megabytes_is_refused_without_being_held(tmp_path: Path, begin: bytes) -> None:
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(200 << 20)
    tracemalloc.start()
    with pytest.raises(HistoryError, match=":1: a line of more than 64 MB is not a line of a history"):
        read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80 << 20


@pytest.fixture(scope="module")
def junk_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("junk") / "junk"


def read_or_refuse(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for name in (None, *FORMATS):
        with suppress(UsageError):
            read(path, format=name)


@pytest.mark.slow
@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(junk_path: Path, content: bytes) -> None:
    read_or_refuse(junk_path, content)


@pytest.mark.slow
@given(st.data())
def test_files_cut_and_spoilt_anywhere_raise_nothing_else(junk_path: Path, data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([EVENT, OP, EDN, LOG, KV, b"[" + EDN + b"]", gzip.compress(OP)]))
    content = bytearray(good * data.draw(st.integers(1, 3)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(at, min(len(content), at + 12)))
        content[at:end] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"{", b"}", b"[", b'"', b":", b"null", b"-1"])
        )
    read_or_refuse(junk_path, bytes(content))
