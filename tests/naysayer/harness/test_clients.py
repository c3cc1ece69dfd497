"""The clients of a run: at which rate they invoke, and what they no longer ask for. No time passes here."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from checker.history import Operation, Status
from naysayer.harness.actions import Invoke, WaitUntil
from naysayer.harness.clients import KEYS_MAX, NS, Clients
from naysayer.harness.setup import Setup
from naysayer.recorder import Recorder
from targets.backends.stdio.protocol import not_supported
from targets.protocol.node import Reply, Request
from workloads.few_writes import only_reads
from workloads.generator import Generator, Invocation, Turn


class Alternating:
    """A read, a cas, a read, ..."""

    def __init__(self, asked: int = 0) -> None:
        self.asked = asked

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        return Invocation("cas" if self.asked % 2 else "read", 0), Alternating(self.asked + 1)

    def observe(self, operation: Operation) -> Generator:
        return self


def play(setup: Setup, replies: dict[str, tuple[Status, str | None]], until_ms: float) -> list[tuple[float, str]]:
    """When (ms) the clients invoked what; every call takes 1 ms."""
    clients = Clients(setup, ("n0",), Recorder())
    clients.until_ms = until_ms
    waiting = [(thread.wakes_ms, number, thread) for number, thread in enumerate(clients.start(setup.clients, 0))]
    invoked = []
    while waiting:
        waiting.sort(key=lambda one: one[:2])
        now_ms, number, thread = waiting.pop(0)
        action = clients.next(thread, int(now_ms * NS))
        if isinstance(action, Invoke):
            request: Request = action.request
            invoked.append((now_ms, request.f))
            status, error = replies.get(request.f, ("ok", None))
            action = clients.completed(thread, Reply(request.id, status, None, error), int((now_ms + 1) * NS))
        if isinstance(action, WaitUntil):
            waiting.append((max(action.at_ms, now_ms + 0.001), number, thread))
    return invoked


@pytest.mark.slow
def test_all_clients_together_keep_to_the_rate() -> None:
    invoked = play(Setup(5, 1, Alternating(), rate=100.0), {}, 10_000.0)
    assert 900 < len(invoked) < 1100
    gaps = [later - before for (before, _), (later, _) in pairwise(invoked)]
    assert max(gaps) < 25.0, "spread evenly, not in bursts"
    assert len(play(Setup(5, 1, Alternating()), {}, 1000.0)) > 4000, "without a rate as many as are answered"


def test_after_the_fault_phase_there_is_no_rate() -> None:
    clients = Clients(Setup(1, 1, Alternating(), rate=0.1), ("n0",), Recorder())
    clients.begin_recovery()
    (thread,) = clients.start(1, 0)
    for at_ns in range(0, 10 * NS, NS):
        assert isinstance(clients.next(thread, at_ns), Invoke)
        clients.completed(thread, Reply("", "ok"), at_ns)


def test_what_the_system_does_not_have_is_asked_for_once_and_costs_no_pause() -> None:
    setup = Setup(1, 1, Alternating(), unsupported=not_supported)
    invoked = play(setup, {"cas": ("fail", "error 10: no cas here")}, 100.0)
    assert [f for _, f in invoked[:5]] == ["read", "cas", "read", "read", "read"]
    assert len(invoked) >= 99
    busy = play(setup, {"cas": ("fail", "error 11: no leader")}, 100.0)
    assert [f for _, f in busy].count("cas") == [f for _, f in busy].count("read"), "another refusal is no such sign"


def test_where_the_system_has_nothing_that_is_asked_for_the_round_ends() -> None:
    refused: tuple[Status, str | None] = ("fail", "error 10: no")
    setup = Setup(2, 1, Alternating(), unsupported=not_supported)
    assert len(play(setup, {"cas": refused, "read": refused}, 1e9)) <= 4


def test_where_some_clients_only_read_most_of_the_others_send_a_request_again() -> None:
    def again(setup: Setup) -> list[int]:
        clients = Clients(setup, ("n0",), Recorder())
        threads = clients.start(setup.clients, 0)
        invoked = [clients.next(thread, 0) for thread in threads]
        assert all(isinstance(one, Invoke) for one in invoked)
        return [thread.client for thread in threads if thread.attempts > 1]

    assert again(Setup(10, 1, Alternating(), sessions=True)) == [1, 3, 5, 7, 9]
    assert again(Setup(10, 1, Alternating(), sessions=True, only_reads=only_reads)) == [1, 2, 7, 8]
    assert again(Setup(5, 1, Alternating(), sessions=True, only_reads=only_reads)) == [1, 3], "too few to only read"
    assert again(Setup(10, 1, Alternating())) == []


def test_a_client_that_is_refused_again_and_again_asks_less_and_less_often() -> None:
    refused: dict[str, tuple[Status, str | None]] = {"read": ("fail", "not the leader"), "cas": ("fail", "no")}
    often = play(Setup(1, 1, Alternating(), refused_ms=10.0), refused, 10_000.0)
    seldom = play(Setup(1, 1, Alternating(), refused_ms=10.0, refused_ms_max=80.0), refused, 10_000.0)
    assert len(seldom) < len(often) / 5
    answered = play(Setup(1, 1, Alternating(), refused_ms=10.0, refused_ms_max=80.0), {"read": refused["read"]}, 1000.0)
    assert len(answered) > 100, "an answer makes it ask as before"


class Fresh:
    """Reads of one key after another."""

    def __init__(self, asked: int = 0) -> None:
        self.asked = asked

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        return Invocation("read", self.asked), Fresh(self.asked + 1)

    def observe(self, operation: Operation) -> Generator:
        return self


def test_final_reads_are_of_the_keys_used_last_the_latest_first() -> None:
    clients = Clients(Setup(1, 1, Fresh(), operations=500), ("n0",), Recorder())
    (thread,) = clients.start(1, 0)
    for now_ms in range(KEYS_MAX + 50):
        assert isinstance(clients.next(thread, now_ms * NS), Invoke)
        clients.completed(thread, Reply("", "ok"), now_ms * NS)
    assert clients.keys == tuple(reversed(range(50, KEYS_MAX + 50)))


def retried(replies: list[Reply | None], **setup: Any) -> tuple[list[Invoke], Recorder]:
    """What client 1 of two sends for one operation that is answered so, and the record."""
    recorder = Recorder()
    clients = Clients(Setup(2, 1, Fresh(), timeout_ms=900.0, **setup), ("n1", "n2", "n3"), recorder)
    thread = clients.start(2, 0)[1]
    action: Any = clients.next(thread, 0)
    sent = []
    for now_ms, reply in enumerate(replies):
        assert isinstance(action, Invoke)
        sent.append(action)
        action = clients.completed(thread, reply, now_ms * NS)
    assert isinstance(action, WaitUntil)
    return sent, recorder


BROKEN = Reply("", "info", None, "n1 reset the connection")
REFUSED = Reply("", "fail", None, "not the leader", "n3")


def test_a_request_whose_outcome_is_unknown_is_sent_again_with_its_id_and_its_share_of_the_time() -> None:
    sent, recorder = retried([None, BROKEN, Reply("", "ok", 7)], sessions=True)
    assert {action.request.id for action in sent} == {"r1"}
    assert {action.timeout_ms for action in sent} == {300.0}
    (operation,) = recorder.history()
    assert (operation.status, operation.output) == ("ok", 7)


def test_a_retry_that_is_refused_goes_to_the_leader_and_the_first_request_may_still_have_happened() -> None:
    sent, recorder = retried([BROKEN, REFUSED, Reply("", "ok")], sessions=True)
    assert sent[2].node == "n3"
    assert recorder.counts["ok"] == 1
    assert retried([BROKEN, REFUSED, REFUSED], sessions=True)[1].counts == {"ok": 0, "fail": 0, "info": 1}
    assert retried([REFUSED], sessions=True)[1].counts["fail"] == 1, "the first request was refused: it never happened"


def test_a_system_that_may_execute_a_request_twice_is_never_sent_one_twice() -> None:
    for reply in (None, BROKEN):
        assert retried([reply])[1].counts["info"] == 1


class Writes(Fresh):
    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        return Invocation("write", 0, 1), self


def test_where_no_fault_reaches_the_replies_a_client_takes_some_as_lost() -> None:
    def twice(generator: Generator, **lost: bool) -> int:
        """Of 2000 operations that are answered at once, how many are sent again."""
        clients = Clients(Setup(2, 1, generator, sessions=True, **lost), ("n1",), Recorder())
        thread, again = clients.start(2, 0)[1], 0
        for at_ns in range(0, 2000 * NS, NS):
            asked = clients.next(thread, at_ns)
            assert isinstance(asked, Invoke)
            action = clients.completed(thread, Reply("", "ok"), at_ns)
            if isinstance(action, Invoke):
                assert action.request == asked.request
                again += 1
                action = clients.completed(thread, Reply("", "ok"), at_ns + 1)
            assert isinstance(action, WaitUntil), "once is enough"
        return again

    assert 150 < twice(Writes(), lost_replies=True) < 250
    assert twice(Fresh(), lost_replies=True) == 0, "a read changes nothing"
    assert twice(Writes()) == 0


def test_an_operation_that_is_not_supported_has_failed_for_the_generator() -> None:
    seen = []

    class Watching(Alternating):
        def next(self, turn: Turn) -> tuple[Invocation, Generator]:
            return super().next(turn)[0], Watching(self.asked + 1)

        def observe(self, operation: Operation) -> Generator:
            seen.append((operation.f, operation.status))
            return self

    play(Setup(1, 1, Watching(), unsupported=not_supported), {"cas": ("fail", "error 10: not supported")}, 4.0)
    assert ("cas", "fail") in seen[2:], "also when it is no longer invoked"
