"""The shapes of partitions as sets of links: who still hears whom."""

from __future__ import annotations

import pytest

from nemesis import shapes
from targets.protocol.fault import Cut
from targets.protocol.links import words

FIVE = ("a", "b", "c", "d", "e")


def hears(cut: Cut, nodes: tuple[str, ...] = FIVE) -> dict[str, set[str]]:
    """For each node, whose messages still reach it."""
    return {to: {source for source in nodes if source != to and (source, to) not in cut.links} for to in nodes}


def symmetric(cut: Cut) -> bool:
    return {(b, a) for a, b in cut.links} == set(cut.links)


def test_halves_leave_a_majority_that_hears_itself() -> None:
    heard = hears(shapes.halves(FIVE))
    assert heard == {"a": {"b"}, "b": {"a"}, "c": {"d", "e"}, "d": {"c", "e"}, "e": {"c", "d"}}


def test_an_isolated_node_hears_nobody_and_is_heard_by_nobody() -> None:
    cut = shapes.isolate(FIVE)
    heard = hears(cut)
    assert heard["a"] == set()
    assert all(heard[node] == set("bcde") - {node} for node in "bcde")
    assert symmetric(cut)


def test_a_bridge_is_heard_by_both_sides_which_do_not_hear_each_other() -> None:
    heard = hears(shapes.bridge(FIVE))
    assert heard == {"a": set("bcde"), "b": {"a", "c"}, "c": {"a", "b"}, "d": {"a", "e"}, "e": {"a", "d"}}


def test_in_a_ring_each_sees_a_majority_and_no_two_the_same() -> None:
    heard = hears(shapes.ring(FIVE))
    assert heard == {"a": {"b", "e"}, "b": {"a", "c"}, "c": {"b", "d"}, "d": {"c", "e"}, "e": {"d", "a"}}
    assert len({frozenset(sources | {node}) for node, sources in heard.items()}) == 5


def test_a_deaf_node_is_heard_and_a_mute_one_hears() -> None:
    deaf, mute = hears(shapes.deaf(FIVE)), hears(shapes.mute(FIVE))
    assert deaf["a"] == set()
    assert all("a" in deaf[node] for node in "bcde")
    assert mute["a"] == set("bcde")
    assert all("a" not in mute[node] for node in "bcde")


def test_a_crossed_cut_goes_one_way_between_the_sides() -> None:
    heard = hears(shapes.crossed(FIVE))
    assert heard["a"] == set("bcde")
    assert heard["c"] == {"d", "e"}


@pytest.mark.parametrize("shape", shapes.TWO_WAY)
@pytest.mark.parametrize("size", range(2, 8))
def test_two_way_shapes_cut_both_directions_and_no_link_twice(shape: shapes.Shape, size: int) -> None:
    cut = shape([f"n{i + 1}" for i in range(size)])
    assert symmetric(cut)
    assert len(set(cut.links)) == len(cut.links)
    assert all(a != b for a, b in cut.links)


@pytest.mark.parametrize("shape", shapes.ONE_WAY)
@pytest.mark.parametrize("size", range(2, 8))
def test_one_way_shapes_never_cut_a_link_in_both_directions(shape: shapes.Shape, size: int) -> None:
    cut = shape([f"n{i + 1}" for i in range(size)])
    assert cut.links
    assert not set(cut.links) & {(b, a) for a, b in cut.links}


def test_a_shape_names_the_nodes_in_the_same_way_whatever_their_drawn_order() -> None:
    assert shapes.isolate(("b", "c", "a")).shape == shapes.isolate(("b", "a", "c")).shape == "b ╳ a c"


@pytest.mark.parametrize("shape", [shapes.halves, shapes.isolate, shapes.crossed])
def test_two_sides_are_told_by_their_links_alone(shape: shapes.Shape) -> None:
    cut = shape(("n2", "n1", "n3"))
    assert words(cut.links) == cut.shape


def test_links_that_part_no_two_sides_are_told_one_by_one() -> None:
    assert words((("b", "a"), ("a", "c"))) == "a↛c, b↛a"
