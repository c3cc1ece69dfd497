"""Directed scenarios for the mistakes that need several aligned events. Each returns what came of it: on the healthy
target always "valid", on the variant it is written about "invalid" (clients saw it) or "invariant".
"""

from __future__ import annotations

from collections.abc import Callable

from naysayer.play.stage import Stage
from targets.protocol.fault import Cut, Heal, Reconfigure, Release, Transfer
from targets.protocol.target import Target


def figure_8(target: Target, seed: int) -> str:
    """Figure 8 of the paper: an entry of an old term reaches a majority under a later leader, and is overwritten."""
    stage = Stage(target, 5, seed)
    first = stage.ready_leader()
    term = stage.view(first)["term"]
    partner, *rest = stage.others(first)
    stage.groups([first, partner], rest)
    writes = [stage.ask(first, "write", f"k{i}", 100 + i) for i in range(9)]
    stage.pass_ms(60)
    # a leader of the next term, isolated just after it appended its first entry
    between = stage.leader(rest, term)
    rest = [node for node in rest if node != between]
    stage.groups([first, partner, rest[0]])
    later = stage.leader([first, partner], stage.view(between)["term"])
    committed = stage.view(later)["commit_index"]
    stage.wait(lambda: stage.view(later)["commit_index"] > committed, 60)
    stage.groups([])
    # the old leader's client asks again whether its first write happened
    stage.do(later, "write", "k0", 100, retry=f"r{writes[0]}")
    stage.groups([between, *rest])
    stage.leader([between, *rest], stage.view(later)["term"])
    stage.read_somewhere([between, *rest], "k0")
    stage.groups(stage.nodes)
    stage.pass_ms(500)
    return stage.outcome()


def voter_crashes_in_election(target: Target, seed: int) -> str:
    """Two candidates of one term; their common voter crashes after its first vote, and is asked by the second."""
    stage = Stage(target, 3, seed)
    voter = stage.ready_leader()
    one, two = stage.others(voter)
    stage.hold(one, voter, "RequestVote", 1000)
    stage.hold(two, voter, "RequestVote", 1000)
    stage.apply(Cut(((one, two), (two, one))))
    stage.crash(voter)

    def both_campaign() -> bool:
        views = [stage.view(one), stage.view(two)]
        return all(view["role"] == "candidate" for view in views) and views[0]["term"] == views[1]["term"]

    if not stage.wait(both_campaign, 5000):
        return "no election of two candidates came about"
    stage.apply(Release())
    stage.wait(lambda: "leader" in (stage.view(one)["role"], stage.view(two)["role"]), 40)
    winner = one if stage.view(one)["role"] == "leader" else two
    stage.apply(Cut(((winner, voter),)))
    stage.crash(voter)
    stage.pass_ms(120)
    stage.groups(stage.nodes)
    stage.pass_ms(500)
    return stage.outcome()


def uncommitted_tail_acknowledged(target: Target, seed: int) -> str:
    """A deposed leader with an uncommitted tail gets a bare heartbeat of its successor, who misses a majority."""
    stage = Stage(target, 3, seed)
    deposed = stage.ready_leader()
    term = stage.view(deposed)["term"]
    rest = stage.others(deposed)
    stage.groups(rest)
    for i in range(8):
        stage.ask(deposed, "write", f"tail{i}", 100 + i)
    leader = stage.ready_leader(rest, term)
    third = next(node for node in rest if node != leader)
    stage.do(leader, "write", "a", 1)
    stage.groups()
    lost = stage.ask(leader, "write", "b", 2, timeout_ms=2000)
    stage.pass_ms(15)
    reads = [stage.ask(leader, "read", "a", timeout_ms=2000) for _ in range(3)]
    stage.groups([leader, deposed])
    for _ in range(20):
        reads.append(stage.ask(leader, "read", "a", timeout_ms=300))
        stage.pass_ms(2)
    stage.answer(lost, 100)
    stage.groups([deposed, third])
    stage.leader([deposed, third], stage.view(leader)["term"])
    stage.read_somewhere([deposed, third], "b")
    stage.groups(stage.nodes)
    stage.pass_ms(500)
    return stage.outcome()


def uncommitted_tail_committed(target: Target, seed: int) -> str:
    """A deposed leader with an uncommitted tail gets a bare heartbeat that tells it how far the others committed."""
    stage = Stage(target, 3, seed)
    deposed = stage.ready_leader()
    term = stage.view(deposed)["term"]
    rest = stage.others(deposed)
    stage.groups(rest)
    for i in range(8):
        stage.ask(deposed, "write", f"tail{i}", 100 + i)
    leader = stage.ready_leader(rest, term)
    for i in range(4):
        stage.do(leader, "write", f"new{i}", i)
    stage.groups(stage.nodes)
    for _ in range(20):
        stage.ask(leader, "read", "new0", timeout_ms=300)
        stage.pass_ms(2)
    stage.pass_ms(200)
    stage.apply(Transfer(deposed))
    stage.pass_ms(300)
    for i in range(4):
        stage.read_somewhere([deposed, *rest], f"new{i}")
    return stage.outcome()


def new_leader_reads_at_once(target: Target, seed: int) -> str:
    """The leader is isolated after it acknowledged a write; the next is read before its no-op gets through."""
    stage = Stage(target, 3, seed)
    deposed = stage.ready_leader()
    term = stage.view(deposed)["term"]
    rest = stage.others(deposed)
    stage.pass_ms(200)
    stage.do(deposed, "write", "k", 1)
    stage.pass_ms(200)
    stage.do(deposed, "write", "k", 2)
    stage.groups(rest)
    for one, other in (rest, rest[::-1]):
        stage.hold(one, other, "AppendEntries", 1)
    leader = stage.leader(rest, term)
    for _ in range(10):
        stage.ask(leader, "read", "k", timeout_ms=300)
        stage.pass_ms(2)
    stage.pass_ms(100)
    stage.groups(stage.nodes)
    stage.pass_ms(300)
    return stage.outcome()


def old_snapshot_arrives_late(target: Target, seed: int) -> str:
    """An InstallSnapshot is repeated, and one copy is delayed until the follower has acknowledged newer entries."""
    stage = Stage(target, 3, seed)
    leader = stage.ready_leader()
    lagging, third = stage.others(leader)
    stage.groups([leader, third])
    for i in range(45):
        stage.do(leader, "write", "k", i)
    stage.apply(Heal())
    stage.hold(leader, lagging, "InstallSnapshot", 1)
    stage.wait(lambda: stage.view(lagging)["last_index"] == stage.view(leader)["last_index"], 1000)
    stage.apply(Cut(((leader, third), (third, leader), (third, lagging), (lagging, third))))
    stage.do(leader, "write", "k", 1000)
    stage.do(leader, "write", "k", 1001)
    stage.pass_ms(10)
    stage.apply(Release())
    stage.pass_ms(5)
    stage.groups([lagging, third])
    stage.leader([lagging, third], stage.view(leader)["term"])
    stage.read_somewhere([lagging, third], "k")
    return stage.outcome()


def two_changes_at_once(target: Target, seed: int) -> str:
    """Ongaro's example of 2015: two leaders change one server each, from the same configuration."""
    stage = Stage(target, 5, seed)
    first = stage.ready_leader()
    outsider = stage.others(first)[-1]
    members = [node for node in stage.nodes if node != outsider]
    stage.apply(Reconfigure(tuple(members)))
    stage.wait(lambda: all(sorted(stage.view(node)["configuration"]) == sorted(members) for node in members), 1000)
    stage.pass_ms(100)
    term = stage.view(first)["term"]
    rest = [node for node in members if node != first]
    # the first leader adds the outsider, and is isolated just after it appended the change
    stage.ask(first, "reconfigure", None, tuple(stage.nodes), timeout_ms=300)
    stage.wait(lambda: len(stage.view(first)["configuration"]) == 5, 100)
    stage.groups(rest)
    second = stage.leader(rest, term)
    near, far = [node for node in rest if node != second]
    stage.groups([second, near])
    stage.do(second, "reconfigure", None, tuple(rest), timeout_ms=300)
    stage.do(second, "write", "k", 1, timeout_ms=400)
    stage.groups([first, outsider, far])
    stage.wait(
        lambda: stage.view(first)["role"] == "leader" and stage.view(first)["term"] > stage.view(second)["term"], 3000
    )
    stage.read_somewhere([first], "k", tries=3)
    stage.groups(stage.nodes)
    stage.pass_ms(500)
    return stage.outcome()


Scenario = Callable[[Target, int], str]

SEEDS: dict[Scenario, int] = {
    figure_8: 0,
    voter_crashes_in_election: 1,
    uncommitted_tail_acknowledged: 0,
    uncommitted_tail_committed: 0,
    new_leader_reads_at_once: 0,
    old_snapshot_arrives_late: 0,
    two_changes_at_once: 0,
}
"""Each scenario with a seed under which the elections go its way."""

SCENARIOS = tuple(SEEDS)
