"""Each stage of the search, alone, must agree with brute force."""

from __future__ import annotations

import pytest

from checker import Inconsistent, NondeterministicModel, check, verify
from checker.history import PENDING, History, Operation
from checker.models import find
from tests.checker.generate import AUTHORS
from tests.checker.stages import STAGES, disagreements

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["cas-register", "queue"])
def test_every_stage_decides_as_brute_force_does(name: str) -> None:
    decided, wrong = disagreements(name, 200, "quick")
    assert not wrong, wrong[0]
    assert all(decided[f"{stage}: invalid"] for stage in STAGES), "or it was never asked"


@pytest.mark.slow
@pytest.mark.parametrize("name", AUTHORS)
def test_every_stage_decides_many_histories_as_brute_force_does(name: str) -> None:
    _, wrong = disagreements(name, 120, "slow")
    assert not wrong, wrong[0]


def rows(*given: tuple[str, object, object, int, int]) -> History:
    return History.of(
        Operation(i, i, f, None, value, output, call, ret, "info" if ret == PENDING else "ok")
        for i, (f, value, output, call, ret) in enumerate(given)
    )


def test_what_changes_nothing_now_may_be_needed_later() -> None:
    """A write of the value that is there already must not be linearized before the cas that replaces it."""
    part = rows(
        ("write", 0, None, 0, 1), ("cas", (0, 7), True, 0, 1), ("write", 0, None, 1, 2), ("read", None, 0, 4, 5)
    )
    for name, stage in STAGES.items():
        assert stage(part, find("cas-register"))[0] == "valid", name


def test_a_pending_write_happens_once_at_most() -> None:
    """Where it may be used twice (bit-parallel, sparse), this is not refuted, and that must not count as valid."""
    part = rows(
        ("write", 1, None, 0, PENDING),
        ("read", None, 1, 10, 11),
        ("write", 2, None, 20, 21),
        ("read", None, 1, 30, 31),
    )
    outcomes = {name: stage(part, find("cas-register"))[0] for name, stage in STAGES.items()}
    assert [outcomes.pop("bit-parallel"), outcomes.pop("sparse")] == ["unknown", "unknown"]
    assert set(outcomes.values()) == {"invalid"}


def test_a_pending_write_cannot_help_before_its_call() -> None:
    """Two equal ones are counted together: the second counts only from its own call on."""
    part = rows(
        ("write", 1, None, 0, PENDING),
        ("read", None, 1, 10, 11),
        ("write", 2, None, 20, 21),
        ("read", None, 1, 30, 31),
        ("write", 1, None, 40, PENDING),
        ("write", 3, None, 50, 51),
    )
    outcomes = {name: stage(part, find("cas-register"))[0] for name, stage in STAGES.items()}
    assert [outcomes.pop("bit-parallel"), outcomes.pop("sparse")] == ["unknown", "unknown"]
    assert set(outcomes.values()) == {"invalid"}


def test_what_used_up_fewer_replaces_what_was_there_first() -> None:
    """The first two cas in either order: as called last, they need both pending writes; otherwise none. Then the third
    finds 1 at once, or after one of them. What needed both is met first, and must make way: the last read needs one."""
    part = rows(
        ("write", 1, None, 0, PENDING),
        ("write", 0, None, 0, PENDING),
        ("write", 0, None, 1, 2),
        ("cas", (0, 1), True, 3, 10),
        ("cas", (1, 2), True, 3, 11),
        ("cas", (1, 3), True, 20, 21),
        ("read", None, 0, 30, 31),
    )
    decided = {name: stage(part, find("cas-register"))[0] for name, stage in STAGES.items()}
    assert [decided.pop("bit-parallel"), decided.pop("sparse")] == ["unknown", "unknown"]
    assert set(decided.values()) == {"valid"}


class Coin(NondeterministicModel):
    """A coin that falls on either side when it is thrown."""

    name = "coin"
    operations = frozenset({"throw", "look"})

    def initial_states(self) -> list[str]:
        return ["heads"]

    def next_states(self, state: object, op: Operation) -> list[str] | Inconsistent:
        if op.f == "throw":
            return ["heads", "tails"]
        return [str(state)] if op.pending or op.output == state else Inconsistent(f"saw {op.output}, not {state}")


@pytest.mark.parametrize(
    ("seen", "outcome"), [(("tails", "tails"), "valid"), (("tails", "heads"), "invalid"), (("edge",), "invalid")]
)
def test_a_step_may_lead_to_several_states(seen: tuple[str, ...], outcome: str) -> None:
    looks = [("look", None, side, 10 * i + 20, 10 * i + 25) for i, side in enumerate(seen)]
    history = rows(("throw", None, None, 0, 5), *looks)
    verdict = check(history, Coin)
    assert verdict.outcome == outcome
    assert verify(history, Coin(), verdict) == []
