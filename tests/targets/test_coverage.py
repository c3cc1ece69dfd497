"""Abstract states of a cluster: what counts as the same state, and that looking changes nothing."""

from __future__ import annotations

from typing import Any

from targets.backends.simulator import SimulatedCluster
from targets.backends.simulator.coverage import _flat, abstract
from targets.registry import find


def state(*views: dict[str, Any] | None) -> int:
    names = [f"n{number + 1}" for number in range(len(views))]
    return abstract({name: None if view is None else _flat(view) for name, view in zip(names, views, strict=True)})


def test_nodes_are_interchangeable_and_only_distances_of_numbers_count() -> None:
    leads, follows = {"role": "leader", "term": 4}, {"role": "follower", "term": 4}
    assert state(leads, follows, None) == state(None, leads, follows)
    assert state(leads, follows) == state({"role": "leader", "term": 9}, {"role": "follower", "term": 9})
    assert state(leads, follows) != state(leads, {"role": "follower", "term": 3})
    assert state(leads, {"term": -50}) == state(leads, {"term": -60}), "far behind is far behind"
    assert state({"voted_for": "n1"}, {"voted_for": "n1"}) == state({"voted_for": "n2"}, {"voted_for": "n2"})
    assert state({"voted_for": "n1"}, {"voted_for": "n1"}) != state({"voted_for": "n1"}, {"voted_for": "n2"})
    assert state({"values": {"x": ["new", "2@n1"]}}, {}) == state({"values": {"y": ["old", "7@n2"]}}, {})


def test_a_run_notes_its_states_and_is_the_same_run() -> None:
    plain, covered = (SimulatedCluster(find("raft-log"), 3, 1, cover=cover) for cover in (False, True))
    for cluster in (plain, covered):
        cluster.start()
        cluster.run(until_ms=1500.0)
    assert plain.coverage is None
    assert covered.coverage is not None
    assert covered.views() == plain.views()
    assert covered.events == plain.events
    assert 3 <= len(covered.coverage.states) < 100
