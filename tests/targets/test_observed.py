"""An observed run is the same run; its events have numbers, and one message or timer can be chosen at each of them."""

from __future__ import annotations

from io import BytesIO

import pytest

from naysayer.options import RunOptions
from naysayer.plan import make_plan
from naysayer.recorder import Recorder
from naysayer.simulate import Probe, Simulation
from targets.backends.simulator.observed import Event, ObservedCluster
from targets.protocol.fault import Fire, Kill, Release, Steer
from targets.protocol.fault_steps import Steering
from targets.protocol.node import Reply, Request
from targets.registry import find


def recorded(name: str, seed: int, events: list[Event] | None = None) -> bytes:
    file = BytesIO()
    plan = make_plan(RunOptions(target=name, seed=seed, operations=60))
    Simulation(plan, Recorder(file), probe=Probe(observe=None if events is None else events.append)).run()
    return file.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wal-kv", "quorum-kv/no-read-repair", "raft-log", "paxos-log"])
def test_a_run_is_the_same_byte_for_byte_when_it_is_observed(name: str) -> None:
    events: list[Event] = []
    assert recorded(name, 1, events) == recorded(name, 1)
    again: list[Event] = []
    recorded(name, 1, again)
    assert again == events
    assert [event.time_ns for event in events] == sorted(event.time_ns for event in events)
    assert {"start", "message", "sync", "invoke", "reply"} <= {event.what for event in events}


class Write:
    """A write of quorum-kv through n1, whose Get to n2 is under way: the first message on n1→n2."""

    link = ("n1", "n2")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.replies: list[Reply | None] = []
        self.cluster = ObservedCluster(find("quorum-kv"), 3, 1, observe=self.events.append)
        self.cluster.start()
        self.cluster.invoke(Request("r1", "c0", "write", "x", 7), "n1", 1000.0, self.replies.append)
        self.cluster.run(until=lambda: bool(self.under_way()))

    def under_way(self) -> list[float]:
        """When the Get will arrive (ms)."""
        return [at / 1e6 for at, *link, _, number in self.cluster.under_way() if (*link, number) == (*self.link, 1)]

    def arrivals(self) -> list[float]:
        mine = [one for one in self.events if one.what == "message" and (one.sender, one.place) == self.link]
        return [one.time_ns / 1e6 for one in mine if one.number == 1]

    def steer(self, do: Steering) -> None:
        self.cluster.apply(Steer(do, self.link, 1))

    def traced(self) -> list[float | None]:
        """The same as the trace has it; None for a message that was lost."""
        trace = [*(self.cluster.trace or ()), *self.cluster.held_back]
        mine = [one for one in trace if (one.source, one.dest, one.number) == (*self.link, 1)]
        return [None if one.delivered_ns is None else one.delivered_ns / 1e6 for one in mine]


@pytest.mark.parametrize("do", ["deliver", "drop", "hold", "duplicate"])
def test_one_message_is_steered_and_no_other(do: Steering) -> None:
    run, undisturbed = Write(), Write()
    undisturbed.cluster.run(until_ms=50.0)
    now_ms, due_ms = run.cluster.now_ms, run.under_way()
    assert due_ms == undisturbed.arrivals() > [now_ms]
    run.steer(do)
    assert run.cluster.evidence()[-1].shown
    run.cluster.run(until_ms=50.0)
    expected = {"deliver": [now_ms], "drop": [], "hold": [], "duplicate": [now_ms, *due_ms]}
    assert run.arrivals() == expected[do]
    assert sorted(run.traced(), key=str) == sorted(expected[do] or [None], key=str)
    assert run.replies == [Reply("r1", "ok")]


@pytest.mark.parametrize("do", ["deliver", "drop", "duplicate"])
def test_a_message_that_is_held_back_is_steered_too(do: Steering) -> None:
    run = Write()
    run.steer("hold")
    run.cluster.run(until_ms=20.0)
    run.steer(do)
    run.cluster.run(until_ms=30.0)
    run.cluster.apply(Release())
    run.cluster.run(until_ms=40.0)
    assert run.arrivals() == {"deliver": [20.0], "drop": [], "duplicate": [20.0, 30.0]}[do]
    run.steer(do)
    assert not run.cluster.evidence()[-1].shown, "it is neither under way nor held back"


def test_a_timer_fires_before_its_time_and_only_once() -> None:
    run = Write()
    (_, name), *more = run.cluster.hosts["n1"].timers
    assert not more
    run.cluster.apply(Fire("n1", name))
    fired = [event for event in run.events if event.what == "timer"]
    assert [(event.time_ns, event.content) for event in fired] == [(run.cluster.now_ns, name)]
    assert "send Get to n2" in fired[0].effects
    run.cluster.apply(Fire("n2", name))
    assert not run.cluster.evidence()[-1].shown


def test_a_kill_comes_before_the_effect_that_it_counts_to() -> None:
    """Of the handler of a Put: the record is written and synced, and then acknowledged."""

    def until_put() -> Write:
        run = Write()
        run.cluster.run(until=lambda: any(type(what[3]).__name__ == "Put" for what in run.cluster.under_way()))
        return run

    whole = until_put()
    before = len(whole.events)
    whole.cluster.run(until_ms=50.0)
    mine = [event for event in whole.events[before:] if event.place == "n2"]
    effects = [effect for event in mine for effect in event.effects]
    assert effects[-2:] == ["sync", "send Stored to n1"]
    for count in range(len(effects)):
        killed = until_put()
        killed.cluster.apply(Kill(("n2",), effects=count))
        killed.cluster.run(until_ms=50.0)
        done = [effect for event in killed.events[before:] if event.place == "n2" for effect in event.effects]
        assert done == effects[:count]
        assert killed.cluster.down == {"n2"}
