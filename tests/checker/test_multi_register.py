"""Registers that are read and written together."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.check import check
from checker.formats import read
from checker.history import Operation
from checker.models import find
from tests.checker.fuzz import agreed, disagreement
from tests.checker.generate import AUTHORS, STYLES, history

pytestmark = pytest.mark.slow


def txn(index: int, *micros: tuple[Any, ...]) -> Operation:
    asked = tuple((f, x, None if f in ("r", "read") else value) for f, x, value in micros)
    return Operation(index, index, "txn", None, asked, micros, 10 * index, 10 * index + 5)


def test_brute_force_agrees_and_every_proof_holds() -> None:
    decided = agreed("multi-register", AUTHORS["multi-register"], 600, "multi")
    assert min(decided["valid by search"], decided["invalid by search"]) > 100


def test_brute_force_agrees_whatever_the_registers_begin_with() -> None:
    for number in range(300):
        rng = Random(f"multi {number}")
        ops = history(AUTHORS["multi-register"], rng, STYLES[number % 3], rng.randint(1, 6))
        assert disagreement(find("multi-register", begins_with=rng.randint(1, 2)), ops)[1] is None, ops


def test_both_registers_change_at_once() -> None:
    both = txn(0, ("w", "x", 1), ("w", "y", 2))
    assert check([both, txn(1, ("r", "x", 1), ("r", "y", 2))], "multi-register").outcome == "valid"
    torn = check([both, txn(1, ("r", "x", 1), ("r", "y", None))], "multi-register")
    assert torn.worst is not None
    assert torn.worst.explanation is not None
    assert 'read nothing of "y", but it holds 2' in torn.worst.explanation.sentence


def test_a_transaction_sees_its_own_writes_and_long_names_mean_the_same() -> None:
    own = txn(0, ("write", "x", 1), ("read", "x", 1), ("write", "x", 2))
    assert check([own, txn(1, ("read", "x", 2))], "multi-register").outcome == "valid"
    assert check([own, txn(1, ("read", "x", 1))], "multi-register").outcome == "invalid"


def test_transactions_of_jepsen_may_be_called_read_and_write(tmp_path: Path) -> None:
    path = tmp_path / "h.edn"
    path.write_text(
        """{:type :invoke, :process 0, :f :write, :value [[:write :x 1] [:write :y 2]]}
{:type :ok, :process 0, :f :write, :value [[:write :x 1] [:write :y 2]]}
{:type :invoke, :process 1, :f :read, :value [[:read :x nil] [:read :y nil]]}
{:type :ok, :process 1, :f :read, :value [[:read :x 1] [:read :y nil]]}
"""
    )
    recording = read(path, model="multi-register")
    assert check(recording.history, recording.model).outcome == "invalid"


@pytest.mark.parametrize("second", [2, None])
def test_it_is_linearizable_and_not_only_serializable(tmp_path: Path, second: int | None) -> None:
    lines = [
        {"client": 0, "call": 0, "return": 1, "op": "txn", "input": [["w", "x", 2]], "output": [["w", "x", 2]]},
        {"client": 1, "call": 2, "return": 3, "op": "txn", "input": [["r", "x", None]], "output": [["r", "x", second]]},
    ]
    path = tmp_path / "h.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    recording = read(path, model="multi-register")
    assert check(recording.history, recording.model).outcome == ("valid" if second else "invalid")


def test_a_first_read_of_what_no_transaction_wrote_names_the_option() -> None:
    first = txn(0, ("r", "x", 5), ("r", "y", None))
    for later in ([], [txn(1, ("w", "x", 5))]):
        explanation = check([first, *later], "multi-register").worst
        assert explanation is not None
        assert explanation.explanation is not None
        assert explanation.explanation.sentence.endswith("If registers initially hold 5, check with --initial 5.")
    explanation = check([txn(0, ("w", "x", 1)), txn(1, ("r", "x", 5))], "multi-register").worst
    assert explanation is not None
    assert explanation.explanation is not None
    assert "--initial" not in explanation.explanation.sentence
