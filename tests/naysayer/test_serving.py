"""Which messages belong to which operation, and what is said of how an operation was served."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from checker.history import Operation
from naysayer.exchanges import by_operation, request_of, served
from naysayer.hunt.campaign import Hunt
from naysayer.play import timed
from naysayer.play.timed import Scenario, TimedFault, TimedOperation
from naysayer.recorder import Recorder
from naysayer.serving import accounts
from naysayer.simulate import Probe, Run, Simulation
from naysayer.views import held, standing, view_text
from targets.backends.simulator.network import Cause, Sent
from targets.protocol.fault import Hold
from targets.protocol.node import Message, Reply, Request
from targets.systems.quorum.messages import Get, Got, Put, Stored
from targets.systems.raft.messages import AppendEntries, AppendEntriesReply, Entry


def _accounts(run: Run) -> dict[int, str]:
    return {one.index: one.account for one in accounts(list(run.recorder.history()), run)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_quorum_store_each_exchange_belongs_to_one_operation_of_its_coordinator(seed: int) -> None:
    run = Simulation(Hunt("quorum-kv", operations=150).plan(seed), Recorder(), probe=Probe(trace=True)).run()
    owners: defaultdict[int, set[str]] = defaultdict(set)
    nodes: defaultdict[str, set[str]] = defaultdict(set)
    count = 0
    for request, messages in by_operation(run.trace or []).items():
        for sent in messages:
            if isinstance(sent.message, Request):
                nodes[request].add(sent.dest)
            elif isinstance(sent.message, Get | Put):
                owners[sent.message.op].add(request)
                nodes[request].add(sent.source)
                count += 1
            elif isinstance(sent.message, Got | Stored):
                owners[sent.message.op].add(request)
                nodes[request].add(sent.dest)
                count += 1
    assert all(len(requests) == 1 for requests in owners.values())
    assert all(len(coordinators) == 1 for coordinators in nodes.values())
    assert count == sum(not isinstance(sent.message, Request | Reply) for sent in run.trace or []), "none is left over"


OLD_AND_NEW = (
    TimedOperation(1.0, 0, "write", "n3", "x", 1),
    TimedOperation(50.0, 1, "write", "n2", "x", 2),
    TimedOperation(100.0, 2, "read", "n1", "x"),
    TimedOperation(150.0, 2, "read", "n1", "x"),
    TimedOperation(151.0, 3, "read", "n3", "x"),
)
"""The second write reaches nobody but its coordinator for a while, which the first read meets."""

HELD = (TimedFault(49.0, Hold(("n2", "n1"), 99, "Put")), TimedFault(49.0, Hold(("n2", "n3"), 99, "Put")))


def _served(target: str) -> dict[int, str]:
    for seed in range(100):
        run = timed.rerun(Scenario(target, "register", 3, seed, OLD_AND_NEW, HELD), trace=True, until_ms=400.0)
        told = _accounts(run)
        if "Got from n2" in told[2]:
            return told
    raise AssertionError("the first read never met n2")


def test_an_account_of_a_read_shows_the_repair_or_that_there_was_none() -> None:
    healthy, broken = _served("quorum-kv"), _served("quorum-kv/no-read-repair")
    asked = "held 1 @1.n3 · Get to n2 n3 · Got from n2: 2 @2.n2"
    assert healthy[2].startswith(f"{asked} · Put 2 @2.n2 to n2 n3 · ")
    assert healthy[2].endswith(" · answered 2")
    assert broken[2] == f"{asked} · answered 2"
    assert broken[1].startswith("held 1 @1.n3 · Get to n1 n3 · Got from ")
    assert "Put 2 @2.n2 to n1 (undelivered) n3 (undelivered)" in broken[1]
    assert broken[1].endswith("gave no answer")


def test_a_repair_after_the_answer_is_shown_as_later() -> None:
    asked, later = _served("quorum-kv/async-read-repair")[2].split(" · answered 2 · ")
    assert asked == "held 1 @1.n3 · Get to n2 n3 · Got from n2: 2 @2.n2"
    assert re.fullmatch(r"Put 2 @2.n2 to n2 n3, 20.\d ms later", later)


def test_a_read_of_the_own_copy_asks_nobody() -> None:
    assert (
        _accounts(timed.rerun(Scenario("quorum-kv/read-one", "register", 3, 1, OLD_AND_NEW, ()), trace=True))[3]
        == "held 2 @2.n2 · answered 2"
    )


def _trace(*messages: tuple[int, str, str, Message, Cause | None]) -> list[Sent]:
    return [Sent(at, at + 1, source, dest, message, cause) for at, source, dest, message, cause in messages]


ASK = Request("r7", "c0", "write", "x", 1)
OTHER = Request("r8", "c1", "write", "x", 2)
APPEND = AppendEntries(1, "n1", 0, 0, (Entry(1, 0.0, ASK), Entry(1, 0.0, OTHER)), 0, 1)
BEAT = AppendEntries(1, "n1", 2, 1, (), 0, 2)
ACK, LATE_ACK = AppendEntriesReply(1, True, 2, 0, 1), AppendEntriesReply(1, True, 2, 0, 2)


def test_what_carries_a_request_and_the_answer_to_it_belong_to_the_operation_and_heartbeats_do_not() -> None:
    trace = _trace(
        (1, "c0", "n1", ASK, None),
        (3, "n1", "n2", APPEND, ("c0", ASK)),
        (4, "n1", "n2", BEAT, None),
        (5, "n2", "n1", ACK, ("n1", APPEND)),
        (6, "n2", "n1", LATE_ACK, ("n1", BEAT)),
        (7, "n1", "c0", Reply("r7", "ok"), ("n2", ACK)),
    )
    found = by_operation(trace)
    assert [sent.message for sent in found["r7"]] == [ASK, APPEND, ACK, Reply("r7", "ok")]
    assert [sent.message for sent in found["r8"]] == [APPEND, ACK]
    how = served(ASK, found["r7"])
    assert how is not None
    assert [(one.kind, one.sent) for one in how.rounds] == [("AppendEntries", True), ("AppendEntriesReply", False)]


def test_nothing_is_said_where_it_is_not_known_what_the_answer_hangs_on() -> None:
    by_timer = _trace((1, "c0", "n1", ASK, None), (9, "n1", "c0", Reply("r7", "ok"), None))
    assert served(ASK, by_timer) is None
    asked_twice = _trace(
        (1, "c0", "n1", ASK, None), (5, "c0", "n2", ASK, None), (9, "n2", "c0", Reply("r7", "ok"), ("c0", ASK))
    )
    assert served(ASK, asked_twice) is None
    by_another = _trace((1, "c0", "n1", ASK, None), (9, "n1", "c0", Reply("r7", "ok"), ("n2", LATE_ACK)))
    assert served(ASK, by_another) is None
    unanswered = _trace((1, "c0", "n1", ASK, None))
    assert served(ASK, unanswered) is None


def test_what_came_too_late_is_no_part_of_the_decision() -> None:
    get, quick, slow = Get(5, "x"), Got(5, (1, "n2"), 1), Got(5, (2, "n3"), 2)
    trace = _trace(
        (10, "c0", "n1", ASK, None),
        (12, "n1", "n2", get, ("c0", ASK)),
        (12, "n1", "n3", get, ("c0", ASK)),
        (14, "n2", "n1", quick, ("n1", get)),
        (15, "n3", "n1", slow, ("n1", get)),
        (20, "n1", "c0", Reply("r7", "ok"), ("n2", quick)),
    )
    how = served(ASK, by_operation(trace)["r7"])
    assert how is not None
    assert [sent.message for sent in how.rounds[-1].messages] == [quick], "the other one waited until the sync was done"


def test_what_a_handler_sent_before_its_answer_is_shown_before_it_though_the_time_is_the_same() -> None:
    """With a quorum of one a read asks the others, and does not wait for them; a write answers, and then tells them."""
    told = _accounts(timed.rerun(Scenario("quorum-kv/sub-majority", "register", 3, 1, OLD_AND_NEW, ()), trace=True))
    assert told[2] == "held 2 @2.n2 · Get to n2 n3 · answered 2"
    assert told[0] == "held nothing · Get to n1 n2 · answered · Put 1 @1.n3 to n1 n2"


def test_the_request_of_an_operation_is_that_of_its_process_at_its_call() -> None:
    trace = _trace((10, "c0", "n1", ASK, None), (10, "c1", "n1", OTHER, None))
    assert request_of(Operation(0, 1, "write", "x", 2, call=10), trace) == OTHER
    assert request_of(Operation(0, 1, "write", "x", 2, call=11), trace) is None


def test_views_are_told_by_role_term_commit_index_and_what_they_hold_of_the_key() -> None:
    raft = {"role": "leader", "term": 3, "voted_for": "n1", "commit_index": 7, "values": {"x": [1, 2]}}
    assert standing(raft) == {"role": "leader", "term": "3", "commit": "7"}
    assert view_text(raft, "x") == "leader, term 3, commit 7, holds [1, 2]"
    assert view_text(raft, None) == "leader, term 3, commit 7, x = [1, 2]"
    assert view_text({"x": [5, "3.n1"]}, "x") == "5 @3.n1"
    assert view_text({"x": [5, "3.n1"]}, "y") == "nothing"
    assert held({"rows": {"x": [4, "a"]}, "ballots": {}}, "x") == '"a" @4'
    assert held({"generation": 2, "entries": {"x": [2, 9, 17]}}, "x") == "17 @2.9"
