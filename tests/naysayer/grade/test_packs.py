"""Assignments: those that come with Naysayer, and what is wrong with one of a teacher's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.errors import UsageError
from naysayer.grade.pack import FILE, load, packs
from naysayer.grade.teacher import does_harm, not_asked_for, targets_of
from naysayer.grade.trial import applies, batches, hidden_seed, plan_of, workloads_of
from targets.registry import FAMILIES

ONE = """
title = "T"
about = "A"
[[test]]
name = "works"
points = 1
workloads = ["register"]
"""


def test_there_is_an_assignment_for_every_system_of_the_course() -> None:
    found = [load(name) for name in packs()]
    assert [one.title.partition(":")[0] for one in found] == [f"Assignment {number}" for number in range(1, 6)]
    assert {one.points for one in found} == {100}
    graded = {family for one in found for family in one.families}
    assert graded <= set(FAMILIES)
    assert graded >= {"wal-kv", "quorum-kv", "generation-clock", "paxos-kv", "paxos-log", "raft-log"}


@pytest.mark.parametrize("name", packs())
def test_every_test_of_an_assignment_asks_its_healthy_targets_for_something(name: str) -> None:
    assignment = load(name)
    for one in assignment.test:
        assert any(applies(one, target) for target in assignment.families)
        assert one.hints
    assert len(targets_of(assignment)) > len(assignment.families)


def test_all_submissions_are_given_the_same_load_and_faults() -> None:
    assignment = load("quorum-store")
    for one in assignment.test:
        mine, healthy = (plan_of(assignment, one, 7, name) for name in ("quorum-kv/read-one", "quorum-kv"))
        assert (mine.workload, mine.nemesis, mine.nodes, mine.clients) == (
            healthy.workload,
            healthy.nemesis,
            healthy.nodes,
            healthy.clients,
        )
        assert workloads_of(one, "quorum-kv") == list(one.workloads)


def test_hidden_seeds_follow_from_the_secret_alone() -> None:
    assignment = load("quorum-store")
    public, one, other = (list(batches(assignment, secret)) for secret in (None, b"s" * 16, b"t" * 16))
    assert one == list(batches(assignment, b"s" * 16))
    assert one != other
    assert not any(hidden for _, seeds in public for _, hidden in seeds)
    assert hidden_seed(b"s", "a", "t", 0) != hidden_seed(b"s", "a", "t", 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("points = 1", "points = 0"), "test 1 (works): points are 0"),
        (('["register"]', '["registers"]'), "did you mean register?"),
        (('workloads = ["register"]', ""), "give either a scenario or workloads"),
        (('["register"]', '["register"]\nfaults = ["kil"]'), "did you mean kill"),
        (('["register"]', '["register"]\ncredit = { linear = 0.5 }'), "name one of staleness"),
        (('["register"]', '["register"]\nsead = 3'), "sead"),
        (('workloads = ["register"]', 'scenario = "none.txt"'), "none.txt"),
        ((ONE[ONE.index("[[") :], ""), "missing required field `test`"),
    ],
)
def test_what_is_wrong_with_an_assignment_is_said_with_its_place(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    (tmp_path / FILE).write_text(ONE.replace(*change))
    with pytest.raises(UsageError) as error:
        load(str(tmp_path))
    assert said in str(error.value)
    assert FILE in str(error.value)


def test_an_unknown_assignment_is_refused_with_what_is_close() -> None:
    with pytest.raises(UsageError, match="did you mean quorum-store"):
        load("quorum-stor")


def test_a_mistake_in_an_operation_that_no_test_asks_for_is_not_missed() -> None:
    assignment = load("quorum-store")
    assert not_asked_for(assignment, "quorum-kv/client-side-cas") == ["cas"]
    assert not_asked_for(assignment, "quorum-kv/read-one") == []


def test_a_control_counts_as_healthy() -> None:
    assert not does_harm("raft-log/clear-voted-for-on-step-down")
    assert does_harm("raft-log/term-volatile")
    assert not does_harm("raft-log")
