"""A relay: one directed fault alone, again and again, each in place of the one before."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from checker.errors import UsageError
from naysayer.hunt.swarm import draw
from naysayer.recorder import Recorder
from naysayer.simulate import Simulation
from nemesis.catalog import KINDS
from nemesis.named import find, schedule_of
from nemesis.relay import PATIENCE_MS, Habit, Relay
from nemesis.schedule import Schedule, Situation, Step
from targets.protocol.fault import Cut, Degrade, Fault, Heal
from targets.registry import find as find_target
from tests.nemesis.test_schedules import NODES, Model

RELAYED = [name for name in KINDS if KINDS[name].hold_ms]
AT_ONCE = Habit(hold_ms=0.0, recovers=0.0, recovery_ms=10.0, slow_ms=0.0)


def led(now_ms: float) -> dict[str, dict[str, Any]]:
    """Every 100 ms another node leads, and appends every 10 ms; all are members."""
    term, size = int(now_ms / 100), int(now_ms / 10)
    index = {"last_index": size, "commit_index": size, "configuration": list(NODES)}
    roles = ["leader" if term % len(NODES) == place else "follower" for place in range(len(NODES))]
    return {name: {"role": role, "term": term, **index} for name, role in zip(NODES, roles, strict=True)}


def steps_of(
    schedule: Schedule, until_ms: float, seed: int = 1, views: Any = led
) -> tuple[list[Step], Model, Schedule]:
    random, model, now_ms, steps = Random(seed), Model(), 0.0, list[Step]()
    while now_ms < until_ms:
        situation = Situation(
            now_ms, NODES, random, frozenset(model.down), frozenset(model.paused), lambda now_ms=now_ms: views(now_ms)
        )
        step, schedule = schedule.next(situation)
        assert step is not None, "it never ends by itself"
        if isinstance(step, Step):
            model.apply(step.fault)
            steps.append(step)
        else:
            now_ms = step.next_ms(now_ms) + 0.001
    return steps, model, schedule


def test_every_leader_is_cut_off_in_its_turn_as_soon_as_its_trigger_fires() -> None:
    steps, _, _ = steps_of(Relay(find("depose"), AT_ONCE), 1000.0)
    cuts = [step for step in steps if isinstance(step.fault, Cut)]
    leaders = [step.fault.label().rpartition("leader ")[2] for step in cuts]
    turns = [int(step.at_ms / 100) for step in cuts]
    assert turns == sorted(set(turns)), "no leadership has two"
    assert len(turns) >= 8
    assert leaders == [NODES[turn % len(NODES)] for turn in turns]
    assert all(isinstance(step.fault, Cut | Heal) for step in steps)


@pytest.mark.parametrize("name", RELAYED)
def test_a_relay_whose_trigger_fires_no_more_ends_what_it_began(name: str) -> None:
    stops_ms = 5000.0
    for seed in range(10):
        relay = replace(Relay(find(name)), habit=AT_ONCE)
        steps, model, _ = steps_of(
            relay, stops_ms + 3 * PATIENCE_MS, seed, views=lambda now_ms: led(min(now_ms, stops_ms))
        )
        assert len(steps) > 20
        model.members = set(NODES)  # a change of members is not undone: the next one may put it right
        assert model.sound


def test_a_slow_network_stays_slow_after_every_heal() -> None:
    steps, _, _ = steps_of(Relay(find("depose"), replace(AT_ONCE, slow_ms=10.0)), 1000.0)
    faults: list[Fault] = [step.fault for step in steps]
    after = [following for one, following in pairwise(faults) if one == Heal()]
    assert all(isinstance(one, Degrade) for one in after)


def test_a_fault_may_be_held_and_the_system_may_recover_after_it() -> None:
    held = len(steps_of(Relay(find("depose"), replace(AT_ONCE, hold_ms=400.0)), 10_000.0)[0])
    rested = len(steps_of(Relay(find("depose"), replace(AT_ONCE, recovers=1.0, recovery_ms=400.0)), 10_000.0)[0])
    at_once = len(steps_of(Relay(find("depose"), AT_ONCE), 10_000.0)[0])
    assert max(held, rested) < at_once


def test_where_nothing_is_shown_any_node_is_isolated() -> None:
    steps, _, _ = steps_of(Relay(find("isolate-changed"), AT_ONCE), 1000.0, views=lambda now_ms: {n: {} for n in NODES})
    assert {step.fault.links[0][0] for step in steps if isinstance(step.fault, Cut)} == set(NODES)


def test_a_relay_is_named_alone_and_by_a_kind_that_has_one() -> None:
    assert schedule_of(["depose:relay"]) == Relay(find("depose"))
    with pytest.raises(UsageError, match="whole schedule"):
        schedule_of(["depose:relay", "kill"])
    with pytest.raises(UsageError, match="kill has no relay; these do: depose"):
        find("kill:relay")


def test_figure_8_is_found_in_a_relay() -> None:
    """An entry of an earlier term is lost after three leaders were cut off in a row, each within milliseconds."""
    target = find_target("raft-log/commit-prior-term")
    deposing = (replace(draw(target, seed, 200, nodes=3), nemesis=("depose:relay",)) for seed in range(100))
    assert any(Simulation(plan, Recorder()).run().violations for plan in deposing)
