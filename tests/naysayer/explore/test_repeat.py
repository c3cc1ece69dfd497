"""The simulator repeats a failure that was explored: clients see the same, and `naysayer play` finds it again."""

from __future__ import annotations

import pytest

from naysayer.explore.ladder import search
from naysayer.explore.scope import scope
from naysayer.explore.search import Search
from naysayer.play import notation, play_scenario
from targets.protocol.fault import Kill, Restart
from targets.registry import find

MANY = 300_000


@pytest.mark.parametrize(
    ("target", "program", "budget"),
    [
        ("quorum-kv/no-read-repair", "w@n1 | r@n2 r@n3", {}),
        ("quorum-kv/memory-only", "w@n1 | r@n2", {"crashes": 1}),
        ("wal-kv/ack-before-fsync", "w | r", {"timers": 1, "crashes": 1}),
        ("wal-kv/apply-before-log", "w | r r", {"crashes": 1}),
        ("wal-kv/crc-ignored", "w", {"crashes": 2, "timers": 1}),
        ("paxos-kv/local-read", "w@n1 | r@n2", {}),
        ("generation-clock/equal-without-voted-for", "g@n1 | g@n2", {}),
        ("generation-clock/generation-volatile", "g@n1 | g@n2", {"crashes": 1}),
    ],
)
def test_the_simulator_repeats_it(target: str, program: str, budget: dict[str, int]) -> None:
    rung = search(target, scope(program, find(target).nodes, **budget), MANY, None, lambda *_: True)
    assert rung.scenario is not None
    played = play_scenario(notation.text(rung.scenario), "test")
    assert played.verdicts == ("invalid",)
    again = play_scenario(notation.text(rung.scenario), "test")
    assert again.text == played.text


def test_a_crash_between_two_effects_comes_at_the_same_place() -> None:
    target = find("wal-kv/apply-before-log")
    rung = search(target.name, scope("w | r r", 1, crashes=1), MANY, None, lambda *_: True)
    assert rung.scenario is not None
    faults = [one.fault for one in rung.scenario.faults]
    assert any(isinstance(fault, Kill) for fault in faults)
    assert isinstance(faults[-1], Restart)


def test_what_is_no_failure_of_the_target_is_not_repeated() -> None:
    """A scenario is kept only if clients see the same: the broken store's schedule is no failure of the healthy one."""
    from naysayer.explore.repeat import repeated

    broken, healthy = find("quorum-kv/sub-majority"), find("quorum-kv")
    wanted = scope("w@n1 | r@n2", 3)
    searched = Search(broken.node, wanted)
    failure = searched.run(MANY).failure
    assert failure is not None
    assert repeated(broken, wanted, searched.locals, failure) is not None
    assert repeated(healthy, wanted, searched.locals, failure) is None
