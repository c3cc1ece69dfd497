"""The healthy Raft: its pieces, its life in a sound network, and runs under every fault, which must not accuse it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from checker import check
from checker.history import History
from naysayer.play import stage
from targets.protocol.fault import Cut, Heal, Kill, Reconfigure, Restart, Transfer
from targets.protocol.node import NodeId, Reply, Request
from targets.systems.raft import RAFT
from targets.systems.raft.log import Log
from targets.systems.raft.machine import Refusal, StateMachine
from targets.systems.raft.messages import Entry
from targets.systems.raft.sessions import ClusterClock, Sessions
from tests.targets.simulated import ANY_LOG, assert_healthy


class Stage(stage.Stage):
    """The stage of scenarios, with the questions that are asked here again and again."""

    def others(self, *nodes: NodeId) -> list[NodeId]:
        return [node for node in self.nodes if node not in nodes]

    def ready_leader(self, among: Iterable[NodeId] | None = None, after_term: int = 0) -> NodeId:
        """A leader that has committed its no-op."""
        leader = self.leader(among, after_term)
        self.wait(lambda: self.view(leader)["commit_index"] == self.view(leader)["last_index"])
        return leader

    def do(self, node: NodeId, f: str, key: Any = None, input: Any = None, **more: Any) -> Reply | None:
        return self.answer(self.ask(node, f, key, input, **more))


def entries(*terms: int) -> list[Entry]:
    return [Entry(term, 0.0) for term in terms]


def log_of(*terms: int) -> Log:
    log = Log(("n1", "n2", "n3"))
    for entry in entries(*terms):
        log.append(entry)
    return log


def test_a_compacted_log_keeps_the_indices_and_the_term_of_its_base() -> None:
    log = log_of(1, 1, 2, 3)
    log.compact(3)
    assert (log.base_index, log.base_term, log.last_index, log.last_term) == (3, 2, 4, 3)
    assert [log.term(index) for index in (2, 3, 4, 5)] == [0, 2, 3, 0]
    log.truncate_from(4)
    assert (log.last_index, log.last_term) == (3, 2)


def test_the_latest_configuration_in_the_log_counts_until_it_is_truncated() -> None:
    log = log_of(1)
    log.append(Entry(1, 0.0, None, ("n1", "n2")))
    assert log.configuration == ("n1", "n2")
    assert log.configuration_at(1) == ("n1", "n2", "n3")
    log.truncate_from(2)
    assert log.configuration == ("n1", "n2", "n3")


def test_a_compacted_log_keeps_the_configuration_of_its_base() -> None:
    log = log_of(1)
    log.append(Entry(1, 0.0, None, ("n1", "n2")))
    log.compact(2)
    assert (log.configuration, log.configuration_index) == (("n1", "n2"), 2)


def test_the_state_machine_does_what_the_operations_say() -> None:
    machine = StateMachine()
    assert machine.query("k", None) is None
    assert machine.apply("write", "k", 1) is None
    assert machine.apply("cas", "k", [1, 2]) is True
    assert machine.apply("cas", "k", [1, 3]) is False
    assert machine.query("k", None) == 2
    assert isinstance(machine.apply("append", "k", "x"), Refusal)
    assert [machine.apply("append", "log", item) for item in (7, 8)] == [0, 1]
    assert [machine.query("log", offset) for offset in (0, 1, 2, None)] == [7, 8, None, (7, 8)]
    machine.apply("append", "s", "ab")
    machine.apply("append", "s", "cd")
    assert machine.query("s", None) == "abcd"
    machine.apply("add", "n", 2)
    machine.apply("add", "n", 3)
    assert machine.query("n", None) == 5
    machine.apply("delete", "k", None)
    assert machine.query("k", None) is None


def test_a_session_is_forgotten_only_after_its_client_was_silent_for_the_whole_expiry() -> None:
    sessions = Sessions()
    one, two = Request("a", "c1", "write"), Request("b", "c2", "write")
    sessions.remember(one, 1, 0.0)
    sessions.remember(two, 2, 50.0)
    sessions.expire(0.0)
    assert sessions.has_answered(one)
    sessions.expire(50.0)
    assert not sessions.has_answered(one)
    assert sessions.answer(two) == 2
    assert Sessions(sessions.dump()).answer(two) == 2


def test_a_clock_that_jumps_moves_the_clusters_time_by_one_step_at_most() -> None:
    clock = ClusterClock(1000.0, 50.0, 100.0)
    assert clock.advance(60.0) == 1010.0
    assert clock.advance(1_000_000.0) == 1110.0
    assert clock.advance(0.0) == 1110.0
    assert clock.advance(20.0) == 1130.0


def test_a_retry_with_the_same_id_is_executed_once() -> None:
    stage = Stage(RAFT, 3, 1)
    leader = stage.ready_leader()
    stage.do(leader, "add", "n", 1, retry="same")
    stage.do(leader, "add", "n", 1, retry="same")
    reply = stage.do(leader, "read", "n")
    assert reply is not None
    assert reply.output == 1


def test_all_servers_come_back_from_power_loss_with_what_was_acknowledged_and_the_sessions() -> None:
    stage = Stage(RAFT, 3, 2)
    leader = stage.ready_leader()
    for i in range(50):
        stage.do(leader, "add", "n", 1, retry=f"add{i}")
    assert stage.view(leader)["snapshot_index"] > 0
    stage.apply(Kill(stage.nodes, power=True), Restart(stage.nodes))
    leader = stage.ready_leader()
    stage.do(leader, "add", "n", 1, retry="add49")
    reply = stage.do(leader, "read", "n")
    assert reply is not None
    assert reply.output == 50


def test_a_follower_far_behind_gets_the_snapshot() -> None:
    stage = Stage(RAFT, 3, 3)
    leader = stage.ready_leader()
    behind, other = stage.others(leader)
    stage.groups([leader, other])
    for i in range(45):
        stage.do(leader, "write", "k", i)
    stage.groups(stage.nodes)
    assert stage.wait(lambda: stage.view(behind)["last_applied"] == stage.view(leader)["last_applied"], 500)
    assert stage.view(behind)["values"] == {"k": 44}
    assert stage.view(behind)["snapshot_index"] > 0


def test_one_server_is_removed_and_added_again_and_the_removed_one_disturbs_nobody() -> None:
    stage = Stage(RAFT, 5, 4)
    leader = stage.ready_leader()
    out = stage.others(leader)[0]
    stage.apply(Reconfigure(tuple(node for node in stage.nodes if node != out)))
    stage.pass_ms(2000)
    assert stage.view(leader)["configuration"] == [node for node in stage.nodes if node != out]
    assert stage.view(leader)["role"] == "leader"
    stage.apply(Reconfigure(stage.nodes))
    assert stage.wait(lambda: stage.view(out)["last_applied"] == stage.view(leader)["last_applied"], 500)
    assert stage.view(out)["configuration"] == list(stage.nodes)


def test_a_leader_that_removes_itself_steps_down_when_the_change_is_committed() -> None:
    stage = Stage(RAFT, 3, 5)
    leader = stage.ready_leader()
    rest = stage.others(leader)
    stage.apply(Reconfigure(tuple(rest)))
    assert stage.leader(rest) in rest
    assert stage.view(leader)["role"] == "follower"


def test_leadership_is_handed_over_without_an_election_timeout() -> None:
    stage = Stage(RAFT, 3, 6)
    leader = stage.ready_leader()
    heir = stage.others(leader)[0]
    stage.apply(Transfer(heir))
    assert stage.wait(lambda: stage.view(heir)["role"] == "leader", 100)
    assert stage.wait(lambda: stage.view(leader)["role"] == "follower", 100)


def test_a_server_that_was_cut_off_does_not_raise_the_term_when_it_comes_back() -> None:
    stage = Stage(RAFT, 3, 7)
    leader = stage.ready_leader()
    term = stage.view(leader)["term"]
    stage.groups([leader, stage.others(leader)[0]])
    stage.pass_ms(3000)
    stage.groups(stage.nodes)
    stage.pass_ms(1000)
    assert [stage.view(node)["term"] for node in stage.nodes] == [term] * 3


def test_a_deposed_leader_answers_info_for_what_may_still_commit() -> None:
    stage = Stage(RAFT, 3, 8)
    deposed = stage.ready_leader()
    stage.groups(stage.others(deposed))
    write = stage.ask(deposed, "write", "k", 1, timeout_ms=5000)
    stage.leader(stage.others(deposed))
    stage.groups(stage.nodes)
    reply = stage.answer(write, 2000)
    assert reply is not None
    assert reply.status == "info"


def test_a_follower_refuses_and_names_the_leader() -> None:
    stage = Stage(RAFT, 3, 9)
    leader = stage.ready_leader()
    reply = stage.do(stage.others(leader)[0], "write", "k", 1)
    assert reply is not None
    assert (reply.status, reply.leader) == ("fail", leader)


def test_a_copy_of_a_refused_command_is_refused_by_the_leader_that_the_server_became() -> None:
    """Fail was said, and fail means that it never happens; a network may deliver a request twice."""
    stage = Stage(RAFT, 3, 1)
    leader = stage.ready_leader()
    follower = stage.others(leader)[0]
    refused = stage.ask(follower, "write", "k", 1)
    first = stage.answer(refused)
    assert first is not None
    assert first.status == "fail"
    stage.apply(Transfer(follower))
    assert stage.leader([follower]) == follower
    copy = stage.do(follower, "write", "k", 1, retry=f"r{refused}")
    assert copy is not None
    assert copy.status == "fail"
    read = stage.do(follower, "read", "k")
    assert read is not None
    assert read.status == "ok"
    assert (check(History.of(stage.records), "cas-register").outcome, stage.cluster.violations) == ("valid", [])


def test_a_follower_does_not_say_of_an_executed_command_that_it_failed() -> None:
    """The answer may have been lost, and this be the copy that a network made of the request."""
    stage = Stage(RAFT, 3, 1)
    leader = stage.ready_leader()
    asked = stage.ask(leader, "write", "k", 1)
    assert stage.answer(asked) is not None
    stage.apply(Kill((leader,)))
    stage.ready_leader(stage.others(leader))
    stage.apply(Restart((leader,)))
    stage.pass_ms(200)
    for node in stage.others(stage.leader()):
        copy = stage.do(node, "write", "k", 1, retry=f"r{asked}")
        assert copy is not None
        assert copy.status == "info"


def test_a_server_alone_commits_what_is_durable_and_answers() -> None:
    stage = Stage(RAFT, 1, 10)
    leader = stage.ready_leader()
    stage.apply(Kill((leader,), power=True, effects=1))
    stage.ask(leader, "write", "k", 1)
    stage.pass_ms(50)
    assert stage.cluster.down == {leader}
    stage.apply(Restart((leader,)))
    assert stage.do(stage.ready_leader(), "write", "k", 2) is not None
    reply = stage.do(leader, "read", "k")
    assert reply is not None
    assert (reply.output, stage.cluster.violations) == (2, [])


@pytest.mark.parametrize("seed", range(5))
def test_a_leader_is_elected_within_two_seconds_of_healing(seed: int) -> None:
    stage = Stage(RAFT, 5, seed)
    stage.apply(Cut(tuple((a, b) for a in stage.nodes for b in stage.nodes if a != b)))
    stage.pass_ms(3000)
    assert all(view["role"] != "leader" for view in stage.cluster.views().values())
    stage.apply(Heal())
    before = stage.cluster.now_ms
    stage.leader()
    assert stage.cluster.now_ms - before < 2000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 40, 8))
def test_no_fault_makes_it_break_its_promise_or_stop_for_good(seed: int) -> None:
    for number in range(seed, seed + 8):
        assert_healthy("raft-log", number, ANY_LOG, repeated=number % 2 == 0)


@pytest.mark.slow
def test_neither_do_strings_that_grow_and_lists() -> None:
    for number in range(8):
        assert_healthy("raft-log", number, ANY_LOG, workload=("kv-append", "append-list")[number % 2], nodes=3)


@pytest.mark.slow
def test_lease_reads_are_linearizable_while_clocks_agree() -> None:
    faults = tuple(kind for kind in ANY_LOG if kind not in ("clock", "depose-slow", "pause", "pause-leader"))
    for number in range(12):
        assert_healthy("raft-log/lease-under-skew", number, faults, nodes=3)
