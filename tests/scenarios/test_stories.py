"""Each story comes out as it is written down, every time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scenarios.stories import StoryError, play

STORIES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_comes_out_as_it_is_told(path: Path, request: pytest.FixtureRequest) -> None:
    told = path.read_text()
    played = play(told)
    if request.config.getoption("--rewrite", default=False):
        path.write_text(played)
        return
    assert played == told, "if this is right: python -m pytest tests/scenarios --rewrite, then read the difference"


def test_a_step_that_is_not_in_the_language_is_named() -> None:
    with pytest.raises(StoryError, match="no such step: alice thinks"):
        play("cluster quorum-kv nodes 3\nalice thinks\n")


def test_a_changed_outcome_does_not_pass_for_the_golden_one() -> None:
    told = play("cluster quorum-kv nodes 3\nalice writes x 1 at n1\nbob reads x at n2\n")
    assert "read x -> 1" in told
    forged = told.replace("read x -> 1", "read x -> 2")
    assert play(forged) == told != forged


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_healthy_twin_is_valid_and_the_broken_one_is_not(path: Path) -> None:
    """Whatever the golden output says: rewriting it must not turn a story into one without a point."""
    first, _, second = path.read_text().partition("\nagain ")
    broken, healthy = (first, second) if "/" in re.findall(r"^cluster (\S+)", first, re.M)[0] else (second, first)
    assert re.findall(r"^ +(invalid|valid)\b", broken, re.M) == ["invalid"]
    assert re.findall(r"^ +(invalid|valid)\b", healthy, re.M) == ["valid"]
    assert "violated:" not in healthy
