"""Broken variants say what they get wrong, once: in the docstring of their class. Majorities are counted in one way."""

from __future__ import annotations

from itertools import combinations

import pytest

from targets.protocol.target import Target
from targets.registry import all_targets
from targets.systems.majority import majority
from targets.systems.quorum import HEALTHY
from targets.systems.quorum.node import QuorumNode
from targets.systems.variant import variant

BROKEN = [target for target in all_targets() if target.broken is not None]


@pytest.mark.parametrize("target", BROKEN, ids=[target.name for target in BROKEN])
def test_a_variant_says_what_it_does_and_why_that_seems_right(target: Target) -> None:
    assert target.broken is not None
    assert target.broken.misconception, target.name
    assert target.broken.misconception.count("\n") == 0
    assert target.summary.endswith("."), "the first line of a docstring is a sentence"
    assert target.summary != next(t for t in all_targets() if t.name == target.name.partition("/")[0]).summary


def test_what_a_variant_gets_wrong_is_read_from_its_docstring() -> None:
    class Hasty(QuorumNode):
        """Answers before anything is stored.

        Misconception: it will be stored in a moment (or two). Then the power fails.
        """

    made = variant(HEALTHY, "hasty", Hasty, ("power",), "lost acknowledged write", "easy", nodes=5)
    assert made.name == "quorum-kv/hasty"
    assert made.summary == "Answers before anything is stored."
    assert made.broken is not None
    assert made.broken.misconception == "it will be stored in a moment (or two)"
    assert (made.nodes, made.operations) == (5, HEALTHY.operations)


def test_a_docstring_without_a_misconception_is_refused() -> None:
    class Silent(QuorumNode):
        """Answers before anything is stored."""

    with pytest.raises(ValueError, match="the docstring of Silent has no line that begins with 'Misconception: '"):
        variant(HEALTHY, "silent", Silent, (), "stale read", "easy")


@pytest.mark.parametrize("count", range(1, 8))
def test_two_majorities_have_a_node_in_common_and_smaller_sets_need_not(count: int) -> None:
    nodes = [f"n{i}" for i in range(count)]
    sets = list(combinations(nodes, majority(nodes)))
    assert all(set(a) & set(b) for a in sets for b in sets)
    if count > 1:
        less = list(combinations(nodes, majority(nodes) - 1))
        assert any(not set(a) & set(b) for a in less for b in less)
