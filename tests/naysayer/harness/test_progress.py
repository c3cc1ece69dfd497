"""Progress during faults: which majority must get something done, what excuses it, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from naysayer.harness.progress import ASKED_MIN, MajorityProgress
from naysayer.judge import judge_run
from naysayer.plan import Plan
from naysayer.recorder import Recorder
from naysayer.simulate import Run, Simulation
from nemesis.schedule import Schedule, Situation, Step
from targets.protocol.fault import (
    KILLED,
    PAUSED,
    Condition,
    Corrupt,
    Cut,
    Degrade,
    Fault,
    Heal,
    Hold,
    Kill,
    Link,
    Pause,
    Reconfigure,
    Release,
    Restart,
    Resume,
    Skew,
)

NODES = ("n1", "n2", "n3")
WITHIN_MS = 3000.0


class Cluster:
    """Nodes that do at once what is injected."""

    nodes = NODES

    def __init__(self) -> None:
        self.in_force: frozenset[Condition] = frozenset()

    @property
    def down(self) -> frozenset[str]:
        return frozenset(one.where for one in self.in_force if one.what == KILLED)

    message_kinds: Mapping[str, int] = {}

    @property
    def paused(self) -> frozenset[str]:
        return frozenset(one.where for one in self.in_force if one.what == PAUSED)


class Watched(MajorityProgress):
    def __init__(self) -> None:
        self.cluster = Cluster()
        super().__init__(self.cluster, WITHIN_MS)

    def injected(self, fault: Fault, now_ms: float) -> None:
        self.cluster.in_force = (self.cluster.in_force - fault.ends()) | fault.begins()
        super().injected(fault, now_ms)


def deaf(node: str) -> Cut:
    """The node can send and not receive."""
    return Cut(tuple((other, node) for other in NODES if other != node))


def ask_in_vain(progress: MajorityProgress, from_ms: float, to_ms: float) -> bool:
    """Each node is asked ASKED_MIN times and more, the last time at `to_ms`."""
    seen = [
        progress.in_vain("c0", node, at_ms, at_ms)
        for at_ms in [from_ms + 1.0 + i for i in range(ASKED_MIN)] + [to_ms]
        for node in NODES
    ]
    return any(seen)


def test_a_majority_behind_a_deaf_leader_must_get_something_done() -> None:
    progress = Watched()
    progress.injected(deaf("n1"), 1000.0)
    assert progress.majority == {"n2", "n3"}
    assert ask_in_vain(progress, 1000.0, 4500.0)
    sentence = progress.sentence(4500.0, virtual=True)
    assert "the majority n2 n3 runs" in sentence
    assert "in 3.5 s of virtual time none succeeded" in sentence
    assert "messages from n2 n3 to n1 are lost or late" in sentence


def test_it_is_given_its_time_and_any_success_gives_it_more() -> None:
    progress = Watched()
    progress.injected(deaf("n1"), 1000.0)
    assert not ask_in_vain(progress, 1000.0, 1000.0 + WITHIN_MS - 1.0)
    progress.succeeded(3900.0)
    assert not ask_in_vain(progress, 3900.0, 3900.0 + WITHIN_MS - 1.0)
    assert ask_in_vain(progress, 3900.0, 3900.0 + WITHIN_MS)


def test_a_majority_that_was_not_asked_is_not_blamed() -> None:
    progress = Watched()
    progress.injected(deaf("n1"), 1000.0)
    assert not any(progress.in_vain("c0", "n2", at_ms, at_ms) for at_ms in (1001.0, 2000.0, 9000.0)), "n3 was not asked"
    assert not progress.in_vain("c0", "n3", 900.0, 9000.0), "asked before the fault"


def test_a_node_outside_may_lead_so_it_is_asked_too_unless_it_does_not_run() -> None:
    progress = Watched()
    progress.injected(Cut((("n1", "n2"),)), 1000.0)
    assert progress.majority == {"n2", "n3"}
    asked = [progress.in_vain("c0", node, at_ms, at_ms) for at_ms in (1001.0, 5000.0, 6000.0) for node in ("n2", "n3")]
    assert not any(asked), "n1 can lead with n3"
    progress.injected(Kill(("n1",)), 6500.0)
    assert progress.in_vain("c0", "n2", 7000.0, 7000.0)


@pytest.mark.parametrize(
    "fault",
    [
        Cut((("n2", "n3"),)),
        Degrade((("n3", "n2"),), delay_ms=50.0),
        Hold(("n2", "n3")),
        Kill(("n2",)),
        Pause(("n3",)),
        Skew("n2", 500.0),
        Corrupt("n3", "fsync-error"),
        Reconfigure(("n1", "n2")),
    ],
)
def test_what_hinders_the_rest_excuses_it(fault: Fault) -> None:
    progress = Watched()
    progress.injected(deaf("n1"), 1000.0)
    progress.injected(fault, 1100.0)
    assert progress.majority == frozenset()
    assert not ask_in_vain(progress, 1100.0, 20_000.0)


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        (Cut((("n2", "n3"),)), Heal()),
        (Hold(("n2", "n3")), Release()),
        (Kill(NODES), Restart(NODES)),
        (Pause(("n1", "n3")), Resume(("n1", "n3"))),
    ],
)
def test_time_is_counted_from_the_end_of_what_excused_it(fault: Fault, end: Fault) -> None:
    progress = Watched()
    progress.injected(fault, 1000.0)
    progress.injected(end, 5000.0)
    assert progress.majority == set(NODES)
    assert not ask_in_vain(progress, 5000.0, 5000.0 + WITHIN_MS - 1.0)
    assert ask_in_vain(progress, 5000.0, 5000.0 + WITHIN_MS)


@pytest.mark.parametrize("fault", [Skew("n1", 500.0), Corrupt("n1", "full")])
def test_a_run_in_which_a_clock_or_disk_was_struck_is_not_judged(fault: Fault) -> None:
    progress = Watched()
    progress.injected(fault, 1000.0)
    progress.injected(Skew("n1") if isinstance(fault, Skew) else Corrupt("n1", "full", undo=True), 2000.0)
    assert progress.majority == frozenset()
    assert not ask_in_vain(progress, 2000.0, 9000.0)


def test_a_node_that_stopped_without_being_asked_excuses_the_rest() -> None:
    """As one whose sync failed, or one that was to die some effects after a kill; nothing is injected then."""
    progress = Watched()
    progress.injected(deaf("n1"), 1000.0)
    progress.cluster.in_force |= {Condition(KILLED, "n3")}
    assert not ask_in_vain(progress, 1000.0, 9000.0)
    assert progress.majority == frozenset()


def test_an_operation_whose_client_was_cut_off_shows_nothing() -> None:
    progress = Watched()
    links: tuple[Link, ...] = tuple(("c0", node) for node in NODES)
    progress.injected(Cut(links), 1000.0)
    assert not ask_in_vain(progress, 1000.0, 9000.0)
    progress.injected(Heal(), 10_000.0)
    assert ask_in_vain(progress, 10_000.0, 14_000.0)


@dataclass(frozen=True)
class DeafLeader:
    """Once a node leads, it no longer receives anything from the others, for the rest of the fault phase."""

    done: bool = False

    def next(self, situation: Situation) -> tuple[Step | None, Schedule]:
        if self.done:
            return None, self
        leaders = [name for name, view in situation.views.items() if view.get("role") == "leader"]
        if not leaders:
            return Step(situation.now_ms + 20.0, Heal()), self
        return Step(situation.now_ms, deaf(leaders[0])), DeafLeader(True)


def run(target: str, seed: int) -> Run:
    plan = Plan(target, "cas-register", (), 3, 5, seed, 300, think_ms=20.0)
    return Simulation(plan, Recorder(), schedule=DeafLeader()).run()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.slow
def test_a_leader_without_check_quorum_is_found_and_its_twin_is_not(seed: int) -> None:
    broken = run("raft-log/no-check-quorum", seed)
    assert [one.kind for one in broken.findings] == ["not-live"]
    assert "of virtual time none succeeded, while messages from n" in broken.findings[0].sentence
    assert broken.findings[0].at_ms <= broken.fault_phase_ms, "found before anything was healed"
    verdict = judge_run(broken, "cas-register")
    assert (verdict.outcome, verdict.method) == ("invalid", "liveness")
    for healthy in ("raft-log", "paxos-log"):
        assert run(healthy, seed).findings == []
