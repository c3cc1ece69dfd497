"""The catalogue and the mix: pure values, repeatable from a seed, and everything that begins also ends."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from checker.errors import UsageError
from nemesis.catalog import DIRECTED, KINDS
from nemesis.mix import SEPARATE, Active, Armed, Mix
from nemesis.named import find
from nemesis.schedule import Poll, Schedule, Situation, Step
from nemesis.spare import Spare
from targets.protocol.fault import (
    Corrupt,
    Cut,
    Degrade,
    Fault,
    Heal,
    Hold,
    Kill,
    MessageFault,
    Pause,
    Reconfigure,
    Release,
    Restart,
    Resume,
    Skew,
)

NODES = ("n1", "n2", "n3", "n4", "n5")
VIEWS: dict[str, dict[str, Any]] = {
    "n1": {"role": "leader", "term": 3, "last_index": 7},
    "n2": {"role": "leader", "term": 4, "last_index": 9},
    "n3": {"role": "follower", "term": 4, "last_index": 9},
}
LATER_MS = 1e9


SENT = {"prepare": 9, "accept": 4}


def situation(seed: int = 1, **changes: Any) -> Situation:
    before: dict[str, dict[str, Any]] = {node: {} for node in NODES}
    poll, clients = lambda: VIEWS, ("c0", "c1")
    usual = Situation(0.0, NODES, Random(seed), poll=poll, clients=clients, message_kinds=SENT, before=before)
    return replace(usual, **changes)


class Model:
    """Which faults are in force, as a cluster would know."""

    def __init__(self) -> None:
        self.cut = self.degraded = self.held = False
        self.down: set[str] = set()
        self.paused: set[str] = set()
        self.skewed: set[str] = set()
        self.full: set[str] = set()
        self.members = set(NODES)

    def apply(self, fault: Fault) -> None:
        match fault:
            case Cut():
                self.cut = True
            case Degrade() | MessageFault():
                self.degraded = True
            case Hold():
                self.held = True
            case Heal():
                self.cut = self.degraded = self.held = False
            case Release():
                self.held = False
            case Kill(nodes=nodes):
                self.down |= set(nodes)
            case Restart(nodes=nodes):
                self.down -= set(nodes)
            case Pause(nodes=nodes):
                self.paused |= set(nodes)
            case Resume(nodes=nodes):
                self.paused -= set(nodes)
            case Skew(node=node, offset_ms=offset_ms, rate=rate):
                (self.skewed.add if offset_ms or rate != 1.0 else self.skewed.discard)(node)
            case Corrupt(node=node, kind="full", undo=undo):
                (self.full.discard if undo else self.full.add)(node)
            case Reconfigure(nodes=nodes):
                self.members = set(nodes)

    @property
    def sound(self) -> bool:
        broken = self.cut, self.degraded, self.held, self.down, self.paused, self.skewed, self.full
        return not any(broken) and self.members == set(NODES)


def drive(schedule: Schedule, seed: int, until_ms: float) -> tuple[list[Step], Model, Schedule]:
    """What a schedule does to a cluster that carries out everything at once."""
    random, model, now_ms, steps = Random(seed), Model(), 0.0, []
    while now_ms < until_ms:
        seen = Situation(now_ms, NODES, random, frozenset(model.down), frozenset(model.paused), lambda: VIEWS)
        step, schedule = schedule.next(seen)
        if step is None:
            break
        now_ms = max(now_ms, step.at_ms)
        if isinstance(step, Step):
            model.apply(step.fault)
            steps.append(step)
        else:
            now_ms += 0.001
    return steps, model, schedule


@pytest.mark.parametrize("name", KINDS)
def test_each_fault_begins_and_its_end_leaves_the_cluster_sound(name: str) -> None:
    kind, begun_ever = KINDS[name], False
    for seed in range(20):
        model, begun = Model(), kind.begin(situation(seed))
        if begun is None:
            continue
        begun_ever = True
        faults = begun if isinstance(begun, tuple) else (begun,)
        for fault in faults:
            # disconnecting a container cuts all of its links, and no others
            assert fault.needs() <= kind.needs | {"restart"} | (Cut.tags if kind.name == "disconnect" else set())
            model.apply(fault)
        now = situation(seed, down=frozenset(model.down), paused=frozenset(model.paused))
        for fault in kind.end(now, faults[0]):
            model.apply(fault)
        assert model.sound
    assert begun_ever


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_schedule_is_the_same_whenever_the_seed_is(seed: int) -> None:
    first = drive(Mix(tuple(KINDS)), seed, 20_000)[0]
    assert first == drive(Mix(tuple(KINDS)), seed, 20_000)[0]
    assert first != drive(Mix(tuple(KINDS)), seed + 1, 20_000)[0]
    assert len(first) > 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_what_a_mix_began_it_ends_when_nothing_new_begins(seed: int) -> None:
    kinds = tuple(name for name in KINDS if not KINDS[name].triggers)
    _, model, rest = drive(Mix(kinds), seed, 20_000)
    assert isinstance(rest, Mix)
    _, _, ended = drive(replace(rest, next_ms=LATER_MS), seed, 0.0)
    random, now_ms = Random(seed), 30_000.0
    for _ in range(200):
        step, ended = ended.next(
            Situation(now_ms, NODES, random, frozenset(model.down), frozenset(model.paused), lambda: VIEWS)
        )
        if isinstance(step, Step):
            model.apply(step.fault)
    assert model.sound


def test_faults_that_can_be_ended_separately_overlap_and_no_others() -> None:
    schedule: Schedule = Mix(tuple(KINDS))
    random, now_ms = Random(1), 0.0
    twice: set[str] = set()
    most = 0
    for _ in range(3_000):
        step, schedule = schedule.next(Situation(now_ms, NODES, random, poll=lambda: VIEWS))
        assert step is not None
        now_ms = max(now_ms + 0.001, step.at_ms)
        assert isinstance(schedule, Mix)
        channels = [one.kind.channel for one in schedule.active]
        twice |= {channel for channel in channels if channels.count(channel) > 1}
        most = max(most, len(channels))
    assert twice == SEPARATE
    assert most >= 3


N1, N2, N3 = (("n1", other) for other in ("n2", "n3", "n4"))


@pytest.mark.parametrize(
    ("first", "other", "ended", "stays"),
    [
        (("partition", Cut((N1,))), ("loss", Degrade((N2,), loss=0.5)), (Heal(), Degrade((N2,), loss=0.5)), ()),
        (("kill", Kill(("n1", "n2"))), ("power", Kill(("n3",), power=True)), (Restart(("n1", "n2")),), ("n3",)),
        (("pause", Pause(("n1",))), ("pause-leader", Pause(("n2",))), (Resume(("n1",)),), ("n2",)),
        (("clock", Skew("n1", 9.0)), ("clock", Skew("n2", 9.0)), (Skew("n1"),), ()),
        (("clock", Skew("n1", 9.0)), ("clock", Skew("n1", 8.0)), (), ()),
        (("partition", Cut((N1,))), ("hold", Hold(N2, 3)), (Heal(),), ()),
        (("partition", Cut((N1,))), ("outage", Kill(("n1",))), (Heal(),), ()),
    ],
    ids=["links", "kills", "pauses", "clocks", "one clock", "held messages", "a kill stays a kill"],
)
def test_a_fault_that_ends_leaves_in_force_what_outlives_it(
    first: tuple[str, Fault], other: tuple[str, Fault], ended: tuple[Fault, ...], stays: tuple[str, ...]
) -> None:
    one, another = Active(KINDS[first[0]], (first[1],), 1.0), Active(KINDS[other[0]], (other[1],), LATER_MS)
    schedule: Schedule = Mix(tuple(KINDS), next_ms=LATER_MS, active=(one, another))
    down = frozenset({"n1", "n2", "n3"} if isinstance(first[1], Kill) else ())
    paused = frozenset({"n1", "n2"} if isinstance(first[1], Pause) else ())
    steps = []
    step, schedule = schedule.next(situation(now_ms=2.0, down=down, paused=paused))
    while isinstance(step, Step):
        steps.append(step.fault)
        step, schedule = schedule.next(situation(now_ms=2.0, down=frozenset(stays), paused=frozenset(stays)))
    assert tuple(steps) == ended
    assert isinstance(schedule, Mix)
    assert schedule.active == (another,)


@pytest.mark.parametrize("seed", range(3))
def test_a_system_is_up_for_as_long_as_its_start_took(seed: int) -> None:
    schedule: Schedule = Mix(("kill", "pause"), stretch=8.0)
    random, now_ms, down, up_ms = Random(seed), 0.0, frozenset[str](), [0.0]
    kills_ms = []
    while now_ms < 120_000.0:
        step, schedule = schedule.next(Situation(now_ms, NODES, random, down, poll=lambda: VIEWS))
        assert step is not None
        now_ms = max(now_ms, step.at_ms)
        if isinstance(step, Step) and isinstance(step.fault, Kill):
            down |= frozenset(step.fault.nodes)
            kills_ms.append(now_ms)
        elif isinstance(step, Step) and isinstance(step.fault, Restart):
            now_ms, down = now_ms + 4000.0, down - frozenset(step.fault.nodes)
            up_ms.append(now_ms)
    assert len(kills_ms) >= 5
    assert all(kill - max(up for up in up_ms if up <= kill) >= 4000.0 for kill in kills_ms if kill >= up_ms[1])


@pytest.mark.slow
def test_longer_rests_make_faults_rarer_and_let_each_last_as_long() -> None:
    usual, rested = (drive(Mix(("partition",), rest=rest), 1, 600_000)[0] for rest in (1.0, 10.0))
    assert len(rested) < len(usual) / 2


def test_a_longer_stretch_makes_faults_rarer() -> None:
    fast, slow = (len(drive(Mix(("partition", "kill"), stretch), 1, 60_000)[0]) for stretch in (1.0, 10.0))
    assert fast > 3 * slow > 0


def test_without_kinds_nothing_goes_wrong() -> None:
    assert Mix(()).next(situation())[0] is None


def test_the_leader_is_who_claims_the_highest_term() -> None:
    cut = KINDS["isolate-leader"].begin(situation())
    assert isinstance(cut, Cut)
    assert {"n2"} == set.intersection(*({a, b} for a, b in cut.links))
    assert len(cut.links) == 8
    assert KINDS["kill-leader"].begin(situation()) == Kill(("n2",))


@pytest.mark.parametrize("name", ["isolate-leader", "kill-leader", "pause-leader"])
def test_without_a_leader_no_fault_of_the_leader_begins(name: str) -> None:
    assert KINDS[name].begin(situation(poll=lambda: {"n1": {"role": "follower"}})) is None


def test_power_losses_also_come_between_two_effects() -> None:
    deaths = [KINDS["power"].begin(situation(seed)) for seed in range(40)]
    kills = [death for death in deaths if isinstance(death, Kill)]
    assert len(kills) == 40
    assert all(kill.power for kill in kills)
    assert {kill.effects is None for kill in kills} == {True, False}


def grown(**of: Any) -> dict[str, dict[str, Any]]:
    return {**VIEWS, "n2": {**VIEWS["n2"], **of}}


def watch(
    name: str, before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]], seed: int = 1
) -> Step | Poll | None:
    """What the mix does when the views change while the directed fault waits."""
    waiting: Schedule = Mix((name,), next_ms=0.0)
    step, waiting = waiting.next(situation(seed, poll=lambda: before))
    assert isinstance(step, Poll)
    return waiting.next(situation(seed, poll=lambda: now, now_ms=1.0))[0]


@pytest.mark.parametrize("what", ["last_index", "commit_index"])
def test_a_leader_is_deposed_when_its_log_or_what_is_committed_grew_and_not_before(what: str) -> None:
    """Each wait is for one of these, or for a new leader, drawn at random."""
    before = grown(last_index=9, commit_index=5)
    assert all(isinstance(watch("depose", before, before, seed), Poll) for seed in range(20))
    after = {**before, "n2": {**before["n2"], what: 10}}
    steps = [watch("depose", before, after, seed) for seed in range(20)]
    injected = [step for step in steps if isinstance(step, Step)]
    assert 0 < len(injected) < 20
    assert all(step.fault == Heal() for step in injected), "the partition before is healed"


def test_leader_after_leader_is_deposed() -> None:
    """Leadership and logs move on with time: every trigger fires, and the last of a series is healed."""

    def views(now_ms: float) -> dict[str, dict[str, Any]]:
        term = int(now_ms / 100)
        size = int(now_ms / 10)
        return {
            name: {"role": "leader" if term % 5 == place else "follower", "term": term, "last_index": size}
            | {"commit_index": size}
            for place, name in enumerate(NODES)
        }

    schedule: Schedule = Mix(("depose",), next_ms=0.0)
    random, now_ms, cuts, longest = Random(1), 0.0, [], 0
    while now_ms < 20_000:
        step, schedule = schedule.next(Situation(now_ms, NODES, random, poll=lambda now_ms=now_ms: views(now_ms)))
        assert step is not None
        now_ms = max(now_ms + 0.001, step.at_ms)
        if isinstance(step, Step) and isinstance(step.fault, Cut):
            cuts.append(step.fault.shape)
        elif isinstance(step, Step):
            assert step.fault == Heal()
        assert isinstance(schedule, Mix)
        longest = max([longest, *(wait.rounds for wait in schedule.armed)])
        assert len(schedule.active) <= 1
    assert longest == 6
    assert {shape.rpartition(", ")[2] for shape in cuts} == {f"leader {name}" for name in NODES}


def test_a_series_injects_into_each_leadership_once() -> None:
    def at(now_ms: float, term: int, size: int) -> Situation:
        view = {"role": "leader", "term": term, "last_index": size, "commit_index": size}
        return Situation(now_ms, NODES, Random(1), poll=lambda: {"n1": view})

    grew = find("depose").triggers[0]
    wait = Armed(find("depose"), LATER_MS, grew, at(0.0, 1, 1).views, 2)
    series = Mix(("depose",), next_ms=LATER_MS, armed=(wait,))
    step, following = series.next(at(1.0, 1, 2))
    assert isinstance(step, Step)
    assert isinstance(following, Mix)
    following = replace(following, due=())
    assert isinstance(following.next(at(2.0, 1, 3))[0], Poll), "term 1 had its fault"
    assert isinstance(following.next(at(2.0, 2, 3))[0], Step), "it leads again"


def test_the_leader_is_cut_off_alone_or_with_up_to_a_bare_majority() -> None:
    sides = set()
    for seed in range(50):
        heal, cut = find("depose").begin(situation(seed))  # type: ignore[misc]
        assert heal == Heal()
        assert isinstance(cut, Cut)
        assert cut.under_way
        reached = {dest for source, dest in cut.links if source == "n2"}
        sides.add(len(NODES) - len(reached))
        assert all((b, a) in cut.links for a, b in cut.links)
    assert sides == {1, 2, 3}


def begun_by(name: str, seed: int, views: dict[str, dict[str, Any]] = VIEWS) -> tuple[Fault, ...]:
    begun = find(name).begin(situation(seed, poll=lambda: views))
    assert isinstance(begun, tuple)
    return begun


def test_a_leader_removes_a_member_that_it_cannot_reach() -> None:
    members = ("n1", "n2", "n3", "n4")
    for seed in range(30):
        heal, cut, change = begun_by("split-members", seed, grown(configuration=list(members)))
        assert heal == Heal()
        assert isinstance(cut, Cut)
        assert isinstance(change, Reconfigure)
        gone = set(members) - set(change.nodes)
        if gone:
            assert ("n2", gone.pop()) in cut.links
        else:
            assert change.nodes == NODES, "or the one that is missing comes back"
    two = [begun_by("split-members", seed, grown(configuration=["n2", "n3"])) for seed in range(30)]
    changes = {fault.nodes for begun in two for fault in begun if isinstance(fault, Reconfigure)}
    assert changes == {("n1", "n2", "n3")}, "a missing member comes back; one of two members would be no cluster"


def test_a_series_of_splits_ends_with_every_node_a_member() -> None:
    heal, change = find("split-members").end(
        situation(poll=lambda: grown(configuration=["n2", "n3", "n4", "n5"])), Heal()
    )
    assert heal == Heal()
    assert change == Reconfigure(NODES)


def test_an_outage_hits_all_followers_and_neither_leaders_nor_candidates() -> None:
    views = {**VIEWS, "n4": {"role": "candidate", "term": 4}, "n5": {"role": "follower", "term": 4}}
    for seed in range(20):
        kill, restart, heal, cut, slow = begun_by("outage", seed, views)
        assert kill == Kill(("n3", "n5"), power=True)
        assert restart == Restart(("n3", "n5"))
        assert heal == Heal()
        assert isinstance(cut, Cut)
        assert "leader n2" in cut.shape
        assert isinstance(slow, Degrade)
        assert slow.delay_ms > 0
    lonely = {"n2": VIEWS["n2"]}
    assert not any(isinstance(fault, Kill | Restart) for fault in begun_by("outage", 1, lonely)), (
        "there are no followers"
    )


def test_an_outage_waits_for_a_leader_that_is_new_or_whose_log_grew() -> None:
    assert all(isinstance(watch("outage", VIEWS, VIEWS, seed), Poll) for seed in range(20))
    elected = [watch("outage", {**VIEWS, "n2": VIEWS["n3"]}, VIEWS, seed) for seed in range(20)]
    appended = [watch("outage", VIEWS, grown(last_index=10), seed) for seed in range(20)]
    for steps in (elected, appended):
        assert any(isinstance(step, Step) and isinstance(step.fault, Kill) for step in steps)


@pytest.mark.parametrize("name", DIRECTED)
def test_a_directed_fault_whose_trigger_never_fires_does_not_stop_the_others(name: str) -> None:
    steps, _, _ = drive(Mix((name, "pause")), 1, 20_000)
    assert any(isinstance(step.fault, Pause) for step in steps)
    assert not any(isinstance(step.fault, Cut | Kill) for step in steps)


def test_aliases_name_the_same_fault_and_a_wrong_name_is_answered_with_the_right_ones() -> None:
    assert find("crash") is find("kill")
    assert find("skew") is find("clock")
    with pytest.raises(UsageError, match="there is no fault 'flood': choose one of partition, one-way"):
        find("flood")


def test_kills_are_left_out_where_nothing_is_kept_on_disk() -> None:
    """All that is left of them is the time that they would have taken."""
    durable, spared = False, 0

    def count() -> None:
        nonlocal spared
        spared += 1

    def steps(schedule: Schedule, situation: Situation) -> list[Fault]:
        found: list[Fault] = []
        now_ms = 0.0
        for _ in range(300):
            step, schedule = schedule.next(replace(situation, now_ms=now_ms))
            if isinstance(step, Step):
                found.append(step.fault)
            else:
                assert step is not None
                now_ms = step.at_ms
        return found

    situation = Situation(0.0, ("n0", "n1", "n2"), Random(1))
    spare = Spare(Mix(("kill", "partition")), lambda: durable, count)
    calm = steps(spare, situation)
    assert not any(isinstance(fault, Kill) for fault in calm)
    assert any(isinstance(fault, Cut) for fault in calm)
    assert spared > 10
    durable = True
    assert any(isinstance(fault, Kill) for fault in steps(spare, situation))


@pytest.mark.parametrize("name", ["isolate-changed", "crash-changed", "pause-changed"])
def test_a_fault_on_any_change_hits_a_node_that_has_just_changed(name: str) -> None:
    def at(now_ms: float, value: int) -> Situation:
        views = {node: {"values": {"x": value if node == "n2" else 0}} for node in NODES}
        return Situation(now_ms, NODES, Random(1), poll=lambda: views)

    schedule: Schedule = Mix((name,), next_ms=0.0)
    poll, schedule = schedule.next(at(0.0, 0))
    assert isinstance(poll, Poll)
    assert poll.watching_ms is not None, "views without a role do for this"
    step, schedule = schedule.next(at(1.0, 0))
    assert isinstance(step, Poll), "nothing has changed"
    step, _ = schedule.next(at(2.0, 7))
    assert isinstance(step, Step)
    if isinstance(step.fault, Cut):
        assert step.fault.under_way
        assert all("n2" in link for link in step.fault.links)
    else:
        assert step.fault.nodes == ("n2",)  # type: ignore[attr-defined]
