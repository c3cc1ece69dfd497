"""Timed scenarios are written and read again without loss, whatever is in them, and play as they are expected to."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import fields, replace

from checker.history import freeze
from naysayer.cli import run
from naysayer.play import ScenarioError, notation, play_scenario
from naysayer.play.language import parse
from naysayer.play.timed import Scenario, TimedFault, TimedOperation
from targets.protocol.fault import Kill
from workloads.generator import Invocation, Turn
from workloads.registry import WORKLOADS

WRITE = TimedOperation(1.0, 0, "write", "n1", "x", 1)
LEAST = Scenario("quorum-kv", "register", 3, 1, (WRITE,), ())
OTHERS: dict[str, list[Any]] = {
    "target": ["raft-log/term-volatile", "my targets/own.py:Store", 'an "odd" name'],
    "workload": ["cas-register", "my loads/own.py:LOAD"],
    "nodes": [1, 5, 99],
    "seed": [0, -7, 10**30],
    "operations": [(), (replace(WRITE, at_ms=77.77777777777777), replace(WRITE, at_ms=1e21, client=9999))],
    "faults": [(TimedFault(1e-07, Kill(("n1", "n3"))), TimedFault(1.0, Kill(("n2",))))],
    "timeout_ms": [300.0, 0.1 + 0.2],
    "recovers": [True],
    "end_ms": [1234.5],
    "progress_ms": [0.0, 12.5],
}


def again(scenario: Scenario) -> Scenario:
    return notation.scenario_of(parse(notation.text(scenario, "a title"), "a.txt"), "a.txt")


def test_every_field_survives_its_text() -> None:
    assert set(OTHERS) == {field.name for field in fields(Scenario)}
    for name, values in OTHERS.items():
        for value in values:
            other = replace(LEAST, **{name: value})
            assert other != LEAST
            assert repr(again(other)) == repr(other)


@pytest.mark.slow
@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=lambda workload: workload.name)
def test_every_operation_of_every_workload_survives_its_text(workload: Any) -> None:
    generator, random, invoked = workload.start(), Random(1), []
    for number in range(200):
        asked, generator = generator.next(Turn(5.0 * number, number % 3, 3, random))
        if isinstance(asked, Invocation):
            invoked.append(TimedOperation(float(number), number % 3, asked.f, "n1", asked.key, freeze(asked.input)))
    assert invoked
    scenario = replace(LEAST, operations=tuple(invoked))
    assert again(scenario) == scenario


@pytest.mark.parametrize(
    "value", ["two words", "nothing", "7", "", 'a;b # \\u2028 "at n2"', True, 1.5, -3, (1, "x", None)]
)
def test_values_that_are_no_single_word_survive_their_text(value: Any) -> None:
    for key in (value, "x"):
        scenario = replace(
            LEAST, operations=(replace(WRITE, key=key, input=value), replace(WRITE, f="read", input=None))
        )
        assert repr(again(scenario)) == repr(scenario)


STALE = """cluster quorum-kv/read-one nodes 3 seed 1 workload register
at 0.5 cut n3 - n1, n3 - n2
at 1 c0 writes x 1 at n1
at 60 c1 reads x at n3
verdict
again quorum-kv
"""


def test_a_timed_scenario_shows_how_operations_end_and_what_its_twin_does_differently(tmp_path: Path) -> None:
    played = play_scenario(STALE, "a.txt")
    assert played.verdicts == ("invalid", "valid")
    lines = played.text.splitlines()
    assert lines[2:4] == ["at 1 c0 writes x 1 at n1", "    -> ok   (28 ms)"]
    assert lines[5].startswith("    -> nothing")
    assert lines[7].startswith("    invalid: Stale read")
    assert lines[-1] == "        valid"
    file = tmp_path / "mine.txt"
    file.write_text(played.text)
    assert run(["play", str(file)]) == 0
    assert run(["replay", str(file)]) == 1


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ("kill n1", r"a.txt:2: no such step: 'kill n1'; accepted: .*at"),
        ("at 5 look", r"a.txt:2: no such step: 'look'; accepted: .*CLIENT writes"),
        ("at 5 alice reads x at n1", r"a.txt:2: clients of a timed scenario are called c0, c1 and so on, not alice"),
        ("at 5 meanwhile c0 reads x at n1", r"a.txt:2: .* leave out `meanwhile`"),
        ("at 5 c0 reads x at n4", r"a.txt:2: there is no node n4: the nodes are n1, n2, n3"),
        ("at soon kill n1", r"a.txt:2: no such step: 'at soon kill n1'; accepted: at MS STEP"),
        ("again quorum", r"a.txt:2: there is no target 'quorum'"),
    ],
)
def test_what_cannot_be_played_is_named_with_its_line(steps: str, error: str) -> None:
    with pytest.raises(ScenarioError, match=error):
        play_scenario(f"cluster quorum-kv nodes 3 workload register\n{steps}\n", "a.txt")


def test_a_workload_that_does_not_fit_is_refused_with_the_file() -> None:
    with pytest.raises(ScenarioError, match=r"a.txt: workload queue needs dequeue, enqueue"):
        play_scenario("cluster quorum-kv nodes 3 workload queue\nverdict\n", "a.txt")


def test_a_scenario_of_steps_is_not_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("cluster quorum-kv nodes 3\nverdict\n")
    assert run(["replay", str(file)]) == 3
    assert "run it with naysayer play" in capsys.readouterr().err.replace("\n", " ")
