"""The small files that stand for what users bring: each is judged, or refused, as it must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.errors import HistoryError
from checker.formats import Recording, read
from naysayer.judge import judge

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"
FILES = CASES / "files"
TRANSACTIONS = sorted((CASES / "transactions").glob("*.edn"))

pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason=f"no cases at {FILES}")


def outcome(recording: Recording) -> str:
    return judge(recording.history, recording.model).outcome


@pytest.mark.parametrize("model", [None, "kv"])
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("c07-independent-keys.edn", {0, 1}),
        ("jepsen-independent-valid.edn", {0, 1}),
        ("jepsen-independent-two-keys-healthy.edn", {0, 1}),
        ("independent-valid.edn", {1, 2}),
        ("independent-cas.edn", {1}),
        ("tickloom-two-keys-valid.edn", {"key1", "key2"}),
        ("jepsen-independent-console.log", {0, 1}),
    ],
)
def test_keys_in_values_are_split_off(name: str, keys: set[object], model: str | None) -> None:
    recording = read(FILES / name, model=model)
    assert set(recording.history.by_key()) == keys
    noun = "1 key" if len(keys) == 1 else f"{len(keys)} keys"
    assert recording.keys == f"keys taken from [key value] ({noun})"
    assert outcome(recording) == "valid"


def test_values_with_versions_are_refused() -> None:
    with pytest.raises(HistoryError, match=r":5: read is invoked with \[0, \[null, null\]\].*--keys tuple"):
        read(FILES / "etcd-style.edn")
    with pytest.raises(HistoryError, match=r":1: the write of \[null, 1\] completes with \[1, 1\]: \[version value\]"):
        read(FILES / "etcd-style.edn", keys="tuple")


@pytest.mark.parametrize(
    ("name", "form", "model", "expected"),
    [
        ("c26-jepsen-history.txt", "history-txt", "register", "valid"),
        ("edn-set-value-valid.edn", "edn", "register", "valid"),
        ("edn-map-value-valid.edn", "edn", "register", "valid"),
        ("edn-vector-vs-set-invalid.edn", "edn", "register", "invalid"),
        ("txn-read-write-names-valid.edn", "edn", "txn-rw-register", "valid"),
        ("c10-txn-internal-nil-read.edn", "edn", "txn-list-append", "valid"),
        ("c11-txn-lost-append.edn", "edn", "txn-list-append", "invalid"),
        ("c27-edn-rw-register-healthy.edn", "edn", "txn-rw-register", "valid"),
    ],
)
@pytest.mark.slow
def test_a_file_is_read_and_judged(name: str, form: str, model: str, expected: str) -> None:
    recording = read(FILES / name, model=model if model.startswith("txn") else None)
    assert (recording.format, recording.model) == (form, model)
    assert outcome(recording) == expected


@pytest.mark.slow
def test_a_lost_append_shows_as_an_intermediate_read() -> None:
    recording = read(FILES / "c11-txn-lost-append.edn")
    (part,) = judge(recording.history, recording.model).parts
    assert part.explanation is not None
    assert part.explanation.kind == "intermediate-read"


def test_a_micro_operation_that_the_model_lacks_is_refused() -> None:
    with pytest.raises(HistoryError, match=':1: txn-list-append has no micro-operation "w"'):
        read(FILES / "t05-rw-given-to-list-append.jsonl", model="txn-list-append")


def test_a_process_that_continues_after_info_is_judged_with_a_warning() -> None:
    recording = read(FILES / "c02-process-goes-on-after-info.edn")
    verdict = judge(recording.history, recording.model)
    assert verdict.outcome == "valid"
    assert any("process 3 continues after an unknown outcome (#0, then #1)" in said for said in verdict.warnings)


def test_a_torn_last_line_is_left_out_with_a_warning() -> None:
    recording = read(FILES / "torn-last-line.jsonl", model="kv")
    verdict = judge(recording.history, recording.model)
    assert verdict.outcome == "valid"
    assert "the last line (39) is cut off and was left out" in verdict.warnings
    assert len(recording.history) == 21


def explanation(path: Path, model: str) -> tuple[str, str | None]:
    recording = read(path, model=model)
    (part,) = judge(recording.history, recording.model).parts
    return part.outcome, None if part.explanation is None else part.explanation.kind


@pytest.mark.slow
@pytest.mark.parametrize("path", TRANSACTIONS, ids=lambda path: path.stem)
def test_transactions_in_edn_get_the_verdict_of_their_twin_in_json(path: Path) -> None:
    model = "txn-list-append" if path.name.startswith("list") else "txn-rw-register"
    twin = path.with_suffix(".jsonl")
    if twin.exists():
        assert explanation(path, model) == explanation(twin, model)
        return
    recording = read(path)
    (part,) = judge(recording.history, recording.model).parts
    assert part.explanation is not None
    assert "#1 read 3 from :x" in part.explanation.sentence
