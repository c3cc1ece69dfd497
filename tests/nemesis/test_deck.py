"""The deck: short faults in turn, each after the system has recovered, and nodes restarted one at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from nemesis.cards import BRIEF_MS
from nemesis.deck import ALONE_MS, FIRST_PROCESS_MS, RECOVERY_MS, WARM_UP_MS, Deck
from nemesis.observed import Observed
from nemesis.schedule import Schedule, Situation, Step
from targets.protocol.fault import (
    Cut,
    DelayMessages,
    Fault,
    Heal,
    Kill,
    LoseMessages,
    MessageFault,
    Pause,
    Restart,
    Resume,
    Skew,
)

NAMES = ("partition", "one-way", "lose-phase", "delay-phase", "duplicate-phase", "kill", "pause")
OPERATION_MS = 5.0
KINDS = ("prepare", "promise", "accept", "accepted")


@dataclass
class System:
    """Answers an operation every 5 ms, in turn at each of the nodes that answer."""

    names: tuple[str, ...] = NAMES
    nodes: tuple[str, ...] = ("n1", "n2", "n3")
    answering: tuple[str, ...] = ("n1", "n2", "n3")
    start_ms: float = 0.0
    kinds: tuple[str, ...] = KINDS
    now_ms: float = 0.0
    observed: Observed = field(default_factory=Observed)
    down: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)
    links: Fault | None = None
    steps: list[tuple[float, Fault]] = field(default_factory=list)
    asked: int = 0

    def work_until(self, ms: float) -> None:
        """One operation after another until then; those on a node that is down fail."""
        while self.now_ms + OPERATION_MS <= ms:
            node = self.answering[self.asked % len(self.answering)]
            self.asked += 1
            status = "fail" if node in self.down else "info" if node in self.paused else "ok"
            self.observed.take(node, "write" if self.asked % 2 else "read", status, self.now_ms)  # type: ignore[arg-type]
            self.now_ms += OPERATION_MS
        self.now_ms = max(self.now_ms, ms)

    def apply(self, fault: Fault) -> None:
        match fault:
            case Kill(nodes=nodes):
                self.down |= set(nodes)
            case Restart(nodes=nodes):
                self.work_until(self.now_ms + self.start_ms)
                self.down -= set(nodes)
            case Pause(nodes=nodes):
                self.paused |= set(nodes)
            case Resume(nodes=nodes):
                self.paused -= set(nodes)
            case Heal():
                self.links = None
            case _:
                self.links = fault
        assert len(self.down | self.paused) + (self.links is not None) <= 1, "one victim at a time"

    def drive(self, until_ms: float, seed: int = 1) -> list[tuple[float, Fault]]:
        schedule: Schedule = Deck(self.names)
        random = Random(seed)
        while self.now_ms < until_ms:
            sent = dict.fromkeys(self.kinds, self.asked // OPERATION_MS)
            situation = Situation(
                self.now_ms,
                self.nodes,
                random,
                frozenset(self.down),
                frozenset(self.paused),
                observed=self.observed,
                message_kinds=sent,
            )
            step, schedule = schedule.next(situation)
            if step is None:
                break
            if isinstance(step, Step):
                self.steps.append((self.now_ms, step.fault))
                self.apply(step.fault)
            else:
                assert step.at_ms > self.now_ms
                self.work_until(step.at_ms)
        return self.steps

    def of(self, *kinds: type[Fault]) -> list[tuple[float, Fault]]:
        return [(ms, fault) for ms, fault in self.steps if isinstance(fault, kinds)]


@pytest.mark.parametrize("seed", range(5))
def test_the_first_15_s_hold_every_kind_of_card_and_a_rolling_restart(seed: int) -> None:
    system = System()
    system.drive(15_000.0, seed)
    assert system.steps[0][0] >= WARM_UP_MS
    assert len(system.of(Cut, MessageFault)) >= 12
    lost = {fault.messages for _, fault in system.of(LoseMessages) if isinstance(fault, LoseMessages)}
    late = {fault.messages for _, fault in system.of(DelayMessages) if isinstance(fault, DelayMessages)}
    phases = {KINDS[first:] for first in (1, 2, 3)}
    assert len(phases & lost) >= 2
    assert phases & late
    killed = [fault.nodes for _, fault in system.of(Kill) if isinstance(fault, Kill)]
    assert Counter(killed[:3]) == Counter([("n1",), ("n2",), ("n3",)])
    assert FIRST_PROCESS_MS <= system.of(Kill)[0][0] < FIRST_PROCESS_MS + RECOVERY_MS


def test_a_deck_is_played_once_before_a_new_one_is_made() -> None:
    system = System(names=("partition", "one-way"))
    system.drive(30_000.0)
    cuts = [len(fault.links) for _, fault in system.of(Cut) if isinstance(fault, Cut)]
    assert [cuts[i : i + 4].count(2) for i in range(0, len(cuts) - 4, 4)] == [1] * ((len(cuts) - 1) // 4)


def test_no_fault_comes_before_an_operation_has_succeeded_again() -> None:
    system = System(names=NAMES[:5])
    system.observed.nodes_since = lambda ms: 0  # type: ignore[method-assign]
    system.drive(20_000.0)
    ends = [ms for ms, fault in system.steps if isinstance(fault, Heal)]
    begins = [ms for ms, fault in system.of(Cut, MessageFault)][1:]
    assert len(begins) >= 3
    assert all(begin - end >= RECOVERY_MS for end, begin in zip(ends, begins, strict=False))


def test_where_one_node_answers_one_is_enough_and_it_is_the_usual_victim() -> None:
    system = System(answering=("n2",))
    system.drive(30_000.0)
    victims = Counter(fault.links[0][0] for _, fault in system.of(Cut) if isinstance(fault, Cut))
    assert victims["n2"] > sum(victims.values()) * 0.7
    assert len(system.of(Cut, MessageFault)) >= 25, "it does not wait for nodes that never answer"


@pytest.mark.parametrize("seed", range(3))
def test_a_system_that_takes_4_s_to_start_is_up_most_of_the_time(seed: int) -> None:
    system = System(start_ms=4000.0)
    system.drive(60_000.0, seed)
    kills = [ms for ms, _ in system.of(Kill)]
    restarts = [ms for ms, _ in system.of(Restart)]
    assert len(kills) == len(restarts) >= 3
    assert all(kill - restart >= 4000.0 for restart, kill in zip(restarts, kills[1:], strict=False))
    assert all(kill > FIRST_PROCESS_MS for kill in kills)


def test_a_single_node_gets_process_faults_only_and_soon() -> None:
    system = System(nodes=("n1",), answering=("n1",))
    system.drive(10_000.0)
    assert {type(fault) for _, fault in system.steps} == {Kill, Restart, Pause, Resume}
    assert system.steps[0][0] <= WARM_UP_MS + ALONE_MS[1] + OPERATION_MS
    assert len(system.of(Kill, Pause)) >= 4


def test_without_messages_it_waits_and_without_any_fault_it_ends() -> None:
    silent = System(names=("lose-phase",), kinds=())
    assert silent.drive(5000.0) == []
    assert silent.now_ms >= 5000.0
    nothing = System(names=())
    assert nothing.drive(5000.0) == []
    assert nothing.now_ms < 5000.0


def test_a_brief_card_ends_when_the_victim_was_used() -> None:
    system = System(names=("delay-phase",), kinds=("get", "put"))
    system.drive(10_000.0)
    lasted = [end - begin for (begin, fault), (end, _) in zip(system.steps[::2], system.steps[1::2], strict=False)]
    assert min(lasted) < BRIEF_MS / 2
    assert max(lasted) <= 510.0


@pytest.mark.parametrize(("shares", "leader"), [((1.0, 0.0), "n1"), ((0.7, 0.3), None)])
def test_the_node_that_gives_most_answers_seems_to_lead(shares: tuple[float, float], leader: str | None) -> None:
    observed = Observed()
    for number in range(200):
        observed.take("n1" if number % 10 < shares[0] * 10 else "n2", "read", "ok", float(number))
    assert observed.apparent_leader() == leader
    assert observed.nodes_since(195.0) == (1 if leader else 2)
    assert Observed().apparent_leader() is None


def test_a_kill_after_some_effects_is_cancelled_before_the_next_fault() -> None:
    """The nodes of this system never reach those effects."""
    system = System(names=("power", "torn"))
    system.apply = lambda fault: None  # type: ignore[method-assign, assignment]
    system.drive(20_000.0)
    later = [fault for _, fault in system.steps]
    doomed = [number for number, fault in enumerate(later) if isinstance(fault, Kill) and fault.effects is not None]
    assert len(doomed) >= 3
    assert all(later[number + 1] == Restart(later[number].nodes) for number in doomed[:-1])  # type: ignore[attr-defined]


def test_kinds_without_cards_of_their_own_are_played_too_and_undone() -> None:
    system = System(names=("clock", "hold"))
    system.drive(20_000.0)
    steps = [fault for _, fault in system.steps]
    assert {fault.tag for fault in steps} == {"skew", "hold", "release"}
    assert len(system.of(Skew)) >= 8
    clocks = [fault for fault in steps if isinstance(fault, Skew)]
    assert all(clocks[number] == Skew(clocks[number].node) for number in range(1, len(clocks), 2)), "set right in turn"
