"""Keys are taken from values where the history shows it; where it does not, the file is rejected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checker.check import check
from checker.errors import HistoryError
from checker.formats import Recording, read
from checker.model import Model

Read = Callable[..., Recording]


@pytest.fixture
def recorded(tmp_path: Path) -> Read:
    """Writes events of one process, each as (type, f, value), and reads them as EDN."""

    def record(*events: str, **options: object) -> Recording:
        path = tmp_path / "history.edn"
        lines = []
        for number, event in enumerate(events):
            kind, f, value = event.split(" ", 2)
            process = "" if ":process" in value else f":process {number // 2} "
            lines.append(f"{{{process}:type :{kind} :f :{f} :value {value}}}\n")
        path.write_text("".join(lines))
        return read(path, **options)  # type: ignore[arg-type]

    return record


def brief(recording: Recording) -> list[tuple[object, ...]]:
    return [(op.f, op.key, op.input, op.output) for op in recording.history]


def test_key_and_value_are_parted(recorded: Read) -> None:
    recording = recorded(
        "invoke write [:a 1]", "ok write [:a 1]", "invoke cas [:a [1 2]]", "ok cas [:a [1 2]]",
        "invoke cas [:a [1 3]]", "ok cas [:a false]", "invoke read [:a nil]", "ok read [:a 2]",
        "invoke read [:b nil]", "ok read [:b nil]",
    )  # fmt: skip
    a, b = recording.history.by_key()
    assert brief(recording) == [
        ("write", a, 1, None),
        ("cas", a, (1, 2), True),
        ("cas", a, (1, 3), False),
        ("read", a, None, 2),
        ("read", b, None, None),
    ]
    assert recording.model == "kv"
    assert check(recording.history, "kv").outcome == "valid"


@pytest.mark.parametrize(
    ("events", "model"),
    [
        (["invoke add [0 1]", "ok add [0 1]", "invoke read [0 nil]", "ok read [0 #{1}]"], "set"),
        (["invoke add [0 1]", "ok add [0 1]", "invoke read [0 nil]", "ok read [0 1]"], "counter"),
        (["invoke enqueue [0 1]", "ok enqueue [0 1]", "invoke dequeue [0 nil]", "ok dequeue [0 1]"], "queue"),
        (["invoke acquire [0 nil]", "ok acquire [0 nil]", "invoke acquire [1 nil]", "ok acquire [1 nil]"], "mutex"),
    ],
)
def test_other_models_have_keys_in_values_too(recorded: Read, events: list[str], model: str) -> None:
    recording = recorded(*events)
    assert recording.model == model
    assert recording.keys is not None
    assert check(recording.history, model).outcome == "valid"


def test_a_violation_on_one_key_is_found(recorded: Read) -> None:
    recording = recorded(
        "invoke write [0 1]", "ok write [0 1]", "invoke write [1 2]", "ok write [1 2]",
        "invoke read [0 nil]", "ok read [0 2]",
    )  # fmt: skip
    verdict = check(recording.history, recording.model)
    assert {part.key: part.outcome for part in verdict.parts} == {0: "invalid", 1: "valid"}


def test_a_register_that_holds_pairs_stays_one(recorded: Read) -> None:
    events = ["invoke write [0 1]", "ok write [0 1]", "invoke write [1 1]", "ok write [1 1]"]
    recording = recorded(*events, "invoke read nil", "ok read [0 1]")
    assert recording.keys is None
    assert check(recording.history, recording.model).outcome == "invalid"


@pytest.mark.parametrize(
    "events",
    [
        ["invoke write [0 1]", "ok write [0 1]"],
        ["invoke cas [0 [1 2]]", "ok cas [0 [1 2]]"],
        ["invoke write [0 1]", "ok write [0 1]", "invoke read [0 1]", "ok read [0 1]"],
        [
            "invoke write [0 1]",
            "ok write [0 1]",
            "invoke read [0 nil]",
            "ok read [0 1]",
            "invoke read nil",
            "ok read 1",
        ],
        ["invoke write 1", "ok write 1", "invoke read [0 nil]", "ok read [0 1]"],
    ],
    ids=["only writes", "only a cas", "reads know their value", "reads of both kinds", "writes without a key"],
)
def test_what_may_be_either_is_refused_and_the_option_named(recorded: Read, events: list[str]) -> None:
    with pytest.raises(HistoryError, match=r"--keys tuple.*--keys none.*--keys field"):
        recorded(*events)


def test_the_user_decides(recorded: Read) -> None:
    writes = ["invoke write [0 1]", "ok write [0 1]"]
    assert brief(recorded(*writes, keys="tuple")) == [("write", 0, 1, None)]
    assert brief(recorded(*writes, keys="none")) == [("write", None, (0, 1), None)]
    assert brief(recorded(*writes, keys="field")) == [("write", None, (0, 1), None)]


def test_keys_that_the_values_do_not_have_are_refused(recorded: Read) -> None:
    with pytest.raises(HistoryError, match=r":1: write is invoked with 1, not with \[key value\]"):
        recorded("invoke write 1", "ok write 1", keys="tuple")


@pytest.mark.parametrize(("found", "said"), [("[1 5]", r"\[1, 5\]"), ("5", "5"), ("nil", "null")])
def test_a_read_that_completes_on_another_key_is_refused(recorded: Read, found: str, said: str) -> None:
    with pytest.raises(HistoryError, match=rf":3: read on key 0 completes with {said}"):
        recorded("invoke write [0 5]", "ok write [0 5]", "invoke read [0 nil]", f"ok read {found}")


def test_a_field_is_not_used_where_the_user_says_so(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(
        '{"type":"invoke","process":0,"f":"write","key":"x","input":1}\n{"type":"ok","process":0}\n'
        '{"type":"invoke","process":0,"f":"read","key":"y"}\n{"type":"ok","process":0,"output":1}\n'
    )
    assert set(read(path).history.by_key()) == {"x", "y"}
    recording = read(path, keys="none")
    assert (set(recording.history.by_key()), recording.keys) == ({None}, "the field key is not used")
    with pytest.raises(HistoryError, match=":1: has a field key beside its value"):
        read(path, keys="tuple")


def test_our_own_json_may_have_keys_in_values_too(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(
        '{"client":0,"call":1,"return":2,"op":"write","input":["x",1]}\n'
        '{"client":0,"call":3,"return":4,"op":"read","input":["x",null],"output":["x",1]}\n'
    )
    assert brief(read(path)) == [("write", "x", 1, None), ("read", "x", None, 1)]


def test_reads_that_were_given_what_they_returned_are_judged_with_a_note(recorded: Read) -> None:
    recording = recorded("invoke write 4", "ok write 4", "invoke read 4", "ok read 4")
    assert brief(recording)[1] == ("read", None, None, 4)
    assert "1 read operations are invoked with a value (first at line 3: 4)" in recording.history.notes[0]


def test_reads_that_were_given_something_else_are_never_judged_silently(recorded: Read) -> None:
    events = ["invoke write 4", "ok write 4", "invoke read 7", "ok read 4"]
    with pytest.raises(HistoryError, match=r":3: read is invoked with 7 and returns 4: .*--keys none"):
        recorded(*events)
    recording = recorded(*events, keys="none")
    assert check(recording.history, recording.model).outcome == "valid"
    assert "ignored, because of --keys none" in recording.history.notes[0]


def test_a_model_of_the_users_own_sees_what_reads_were_given(recorded: Read) -> None:
    class Own(Model):
        name = "own"
        operations = frozenset({"read", "write"})

    recording = recorded("invoke write 4", "ok write 4", "invoke read 7", "ok read 4", model=Own)
    assert brief(recording)[1] == ("read", None, 7, 4)


@pytest.mark.parametrize("said", ["nil", "5", ":ok", '"OK"', "true"])
def test_a_write_may_complete_with_its_value_or_an_acknowledgement(recorded: Read, said: str) -> None:
    recording = recorded("invoke write 5", f"ok write {said}", "invoke read nil", "ok read 5")
    assert check(recording.history, recording.model).outcome == "valid"


def test_a_write_that_completes_with_another_value_is_refused(recorded: Read) -> None:
    with pytest.raises(HistoryError, match=":1: the write of 5 completes with 6, so what was written is not known"):
        recorded("invoke write 5", "ok write 6", "invoke read nil", "ok read 6")


def test_single_values_written_and_many_read_are_no_register(recorded: Read) -> None:
    with pytest.raises(Exception, match="name it with --model"):
        recorded("invoke write 5", "ok write 5", "invoke read nil", "ok read #{5}")
