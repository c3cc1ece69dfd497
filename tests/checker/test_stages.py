"""Each stage of the search, alone, must agree with brute force."""

from __future__ import annotations

import pytest

from tests.checker.generate import AUTHORS
from tests.checker.stages import STAGES, disagreements


@pytest.mark.parametrize("name", ["cas-register", "queue"])
def test_every_stage_decides_as_brute_force_does(name: str) -> None:
    decided, wrong = disagreements(name, 200, "quick")
    assert not wrong, wrong[0]
    assert all(decided[f"{stage}: invalid"] for stage in STAGES), "or it was never asked"


@pytest.mark.slow
@pytest.mark.parametrize("name", AUTHORS)
def test_every_stage_decides_many_histories_as_brute_force_does(name: str) -> None:
    _, wrong = disagreements(name, 1000, "slow")
    assert not wrong, wrong[0]
