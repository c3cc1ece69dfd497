"""The shapes of partitions as sets of links: which node still reaches which."""

from __future__ import annotations

import pytest

from nemesis import shapes
from targets.protocol.fault import Cut
from targets.protocol.links import described

FIVE = ("a", "b", "c", "d", "e")


def reached(cut: Cut, nodes: tuple[str, ...] = FIVE) -> dict[str, set[str]]:
    """For each node, whose messages still reach it."""
    return {to: {node for node in nodes if node != to and (node, to) not in cut.links} for to in nodes}


def symmetric(cut: Cut) -> bool:
    return {(b, a) for a, b in cut.links} == set(cut.links)


def test_a_bisection_leaves_a_majority_whose_nodes_reach_each_other() -> None:
    reached_by = reached(shapes.bisection(FIVE))
    assert reached_by == {"a": {"b"}, "b": {"a"}, "c": {"d", "e"}, "d": {"c", "e"}, "e": {"c", "d"}}


def test_an_isolated_node_reaches_no_other_and_no_other_reaches_it() -> None:
    cut = shapes.isolated_node(FIVE)
    reached_by = reached(cut)
    assert reached_by["a"] == set()
    assert all(reached_by[node] == set("bcde") - {node} for node in "bcde")
    assert symmetric(cut)


def test_a_bridge_is_reached_by_both_sides_which_do_not_reach_each_other() -> None:
    reached_by = reached(shapes.bridge(FIVE))
    assert reached_by == {"a": set("bcde"), "b": {"a", "c"}, "c": {"a", "b"}, "d": {"a", "e"}, "e": {"a", "d"}}


def test_in_a_majorities_ring_each_node_is_reached_by_a_majority_and_no_two_by_the_same() -> None:
    reached_by = reached(shapes.majorities_ring(FIVE))
    assert reached_by == {"a": {"b", "e"}, "b": {"a", "c"}, "c": {"b", "d"}, "d": {"c", "e"}, "e": {"d", "a"}}
    assert len({frozenset(sources | {node}) for node, sources in reached_by.items()}) == 5


def test_a_node_without_incoming_links_still_sends_and_one_without_outgoing_links_receives() -> None:
    incoming, outgoing = reached(shapes.no_incoming(FIVE)), reached(shapes.no_outgoing(FIVE))
    assert incoming["a"] == set()
    assert all("a" in incoming[node] for node in "bcde")
    assert outgoing["a"] == set("bcde")
    assert all("a" not in outgoing[node] for node in "bcde")


def test_a_cut_in_one_direction_goes_one_way_between_the_sides() -> None:
    reached_by = reached(shapes.one_direction(FIVE))
    assert reached_by["a"] == set("bcde")
    assert reached_by["c"] == {"d", "e"}


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


def test_a_shape_names_the_nodes_in_the_same_way_whatever_their_order() -> None:
    assert shapes.isolated_node(("b", "c", "a")).shape == shapes.isolated_node(("b", "a", "c")).shape == "{b} | {a,c}"


@pytest.mark.parametrize("shape", [shapes.bisection, shapes.isolated_node, shapes.one_direction])
def test_two_sides_are_described_from_their_links_alone(shape: shapes.Shape) -> None:
    cut = shape(("n2", "n1", "n3"))
    assert described(cut.links) == cut.shape


def test_links_that_separate_no_two_sides_are_listed_one_by_one() -> None:
    assert described((("b", "a"), ("a", "c"))) == "a ↛ c, b ↛ a"
