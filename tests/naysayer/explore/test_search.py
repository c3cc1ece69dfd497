"""The search finds the shortest failure, and misses nothing that is in the scope."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from naysayer.explore.delays import DelayedSearch
from naysayer.explore.found import Explored
from naysayer.explore.local import Crash, started
from naysayer.explore.rules import Rules, rules_of
from naysayer.explore.rungs import LONG_APPENDED
from naysayer.explore.scope import scope
from naysayer.explore.search import Search
from targets.protocol.invariant import LocalInvariant
from targets.protocol.node import Context, Message, Request, Timer
from targets.registry import find
from targets.systems.quorum.node import QuorumNode

PINNED = "w@n1 | r@n2 r@n3"
MANY = 100_000


def explored(target: str, program: str, rules: Rules | None = None, remember: bool = True, **budget: int) -> Explored:
    found = find(target)
    search = Search(found.node, scope(program, **{"nodes": found.nodes, **budget}), rules, remember=remember)
    return search.run(MANY)


def test_the_healthy_store_is_free_of_violations() -> None:
    found = explored("quorum-kv", PINNED)
    assert (found.failure, found.cut, found.unanswered) == (None, None, ())
    assert found.states > 1000


def test_a_read_without_repair_fails_after_nine_steps() -> None:
    found = explored("quorum-kv/no-read-repair", PINNED)
    assert found.failure is not None
    assert len(found.failure.actions) == found.depth == 9
    assert [reply.output for replies in found.failure.replies for reply in replies] == [1, None]


@pytest.mark.parametrize(
    ("target", "budget", "steps"),
    [
        ("quorum-kv/async-read-repair", {}, 9),
        ("quorum-kv/sub-majority", {}, 2),
        ("quorum-kv/read-one", {}, 6),
        ("wal-kv/ack-before-fsync", {"timers": 1, "crashes": 1}, 4),
        ("wal-kv/apply-before-log", {"crashes": 1}, 4),
    ],
)
def test_a_broken_variant_fails_at_least_depth(target: str, budget: dict[str, int], steps: int) -> None:
    program = "w@n1 w@n1 | r@n2 r@n3" if target.startswith("quorum") else "w | r r"
    found = explored(target, program, **budget)
    assert found.failure is not None
    assert len(found.failure.actions) == steps


@pytest.mark.parametrize(
    ("target", "program", "budget"),
    [
        ("quorum-kv", "w@n1 | r@n2", {}),
        ("quorum-kv/no-read-repair", PINNED, {}),
        ("quorum-kv/memory-only", "w@n1 | r@n2", {"crashes": 1}),
        ("wal-kv", "w | r", {"timers": 1, "crashes": 1}),
        ("paxos-kv/local-read", "w@n1 | r@n2", {}),
    ],
)
@pytest.mark.slow
def test_steps_that_are_remembered_are_those_of_the_nodes(target: str, program: str, budget: dict[str, int]) -> None:
    one, other = (explored(target, program, remember=remember, **budget) for remember in (True, False))
    assert one.handled < other.handled
    assert (one.states, one.transitions, one.depth, one.failure) == (
        other.states,
        other.transitions,
        other.depth,
        other.failure,
    )


@pytest.mark.parametrize(
    ("target", "program", "budget"),
    [
        ("quorum-kv", "w@n1 | r@n2", {}),
        ("quorum-kv", "w@n1 r@n2", {}),
        ("quorum-kv", "w@n1", {"timers": 1, "crashes": 1}),
        ("quorum-kv/timestamp-tie", "w@n1 | w@n2", {}),
        ("paxos-register", "w@n1 | r@n2", {}),
        ("paxos-kv", "w@n1 | r@n2", {"nodes": 2}),
        ("paxos-kv", "w@n1", {"nodes": 2, "crashes": 1, "timers": 1}),
        ("paxos-kv", "w@n1", {"duplicates": 1}),
        ("paxos-kv/learn-from-minority", "w@n1 | r@n2", {}),
        ("paxos-kv/adopt-any-accepted", "w@n1 | w@n2 r@n2", {"nodes": 2}),
        ("generation-clock", "w@n1", {}),
        ("generation-clock", "w@n1", {"nodes": 2, "crashes": 1, "timers": 1}),
        ("raft-log", "w@n1", {"nodes": 2, "timers": 2}),
        ("raft-log", "w@n1", {"nodes": 2, "timers": 2, "crashes": 1}),
        ("paxos-log", "w@n1", {"nodes": 2, "timers": 3}),
    ],
)
@pytest.mark.slow
def test_messages_without_effect_may_be_dropped(target: str, program: str, budget: dict[str, int]) -> None:
    rules = rules_of(started(find(target).node, ("n1", "n2", "n3")), crashes="crashes" in budget)
    assert rules.dead is not None
    few, all_ = explored(target, program, **budget), explored(target, program, Rules(rules.ignored), **budget)
    assert few.states < all_.states
    assert few.cut is all_.cut is None
    assert (few.failure is None) == (all_.failure is None)
    if few.failure is not None and all_.failure is not None:
        assert len(few.failure.actions) == len(all_.failure.actions)


class CountsAnswers(QuorumNode):
    """One replica that answers twice counts twice."""

    def stored(self, sender: str, number: int) -> None:
        operation = self.operations.get(number)
        if operation is not None and operation.put is not None:
            operation.attempts += 1
            if operation.attempts > self.majority():
                self.finish(number, None)


def test_a_partition_of_five_nodes_is_one_delay() -> None:
    program = "w@n1 | r@n4 r@n5"
    assert DelayedSearch(QuorumNode, scope(program, 5, delays=1)).run(MANY).failure is None
    twice = scope(program, 5, duplicates=1, delays=1)
    assert DelayedSearch(CountsAnswers, twice).run(MANY).failure is not None


class CountsAnew(QuorumNode):
    """An answer to an operation from before a crash is taken for one to a new operation."""

    def start(self, ctx: Context) -> None:
        super().start(ctx)
        self.next_op = 0


def test_a_proof_that_no_longer_holds_drops_nothing() -> None:
    search = DelayedSearch(CountsAnew, scope("w@n1 | w@n2 r@n1", 3, crashes=1, delays=2))
    assert search.run(MANY).failure is not None


def test_a_crash_may_come_between_any_two_effects() -> None:
    target = find("wal-kv/apply-before-log")
    search = Search(target.node, scope("w", 1, crashes=1, timers=1))
    search.run(MANY)
    inside = {one.effects for one in search.locals.inputs if isinstance(one, Crash) and one.input is not None}
    assert len(inside) > 1
    assert {one.loss for one in search.locals.inputs if isinstance(one, Crash)} == {"kill", "power", "torn"}


@pytest.mark.slow
def test_a_search_that_is_cut_says_so() -> None:
    found = Search(find("paxos-kv").node, scope("w | r r", 3)).run(50)
    assert found.cut == "--states 50 was reached"
    stopped = Search(find("paxos-kv").node, scope("w | r r", 3)).run(MANY, goes_on=lambda *_: False)
    assert stopped.cut == "interrupted"


def test_operations_that_never_succeed_are_named() -> None:
    found = explored("wal-kv", "w | r")
    assert [one.f for one in found.unanswered] == ["write"]


class Fragile:
    """It dies of the second request."""

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.met = 0

    def receive(self, sender: str, message: Message) -> None:
        assert isinstance(message, Request)
        self.met += 1
        self.ctx.reply(message, 2 // (2 - self.met) if self.met else None)

    def timeout(self, timer: Timer) -> None: ...

    def view(self) -> dict[str, Any]:
        return {}


def test_an_exception_of_a_node_is_a_failure() -> None:
    found = Search(Fragile, scope("w | w", 1)).run(MANY)
    assert found.failure is not None
    assert found.failure.why == "n1 died of an exception: ZeroDivisionError: integer division or modulo by zero"
    assert len(found.failure.actions) == 2


class Greeting(Fragile):
    """It greets the others when it starts, and dies of a greeting."""

    def start(self, ctx: Context) -> None:
        super().start(ctx)
        for name in ctx.nodes:
            if name != ctx.me:
                ctx.send(name, Request("hello", ctx.me, "write", "x", 1))


def test_messages_that_nodes_send_when_they_start_are_under_way() -> None:
    found = Search(Greeting, scope("w@n1", 2)).run(MANY)
    assert found.failure is not None
    assert len(found.failure.actions) == 2


class Greeter:
    """It answers a read with how many greetings it has had, and sends one to the others when it starts."""

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.greeted: int | None = None
        for name in ctx.nodes:
            if name != ctx.me:
                ctx.send(name, Hello())

    def receive(self, sender: str, message: Message) -> None:
        if isinstance(message, Request):
            self.ctx.reply(message, self.greeted)
        else:
            self.greeted = (self.greeted or 0) + 1

    def timeout(self, timer: Timer) -> None: ...

    def view(self) -> dict[str, Any]:
        return {}


class Hello(Message, frozen=True): ...


def outputs(found: Explored) -> list[Any]:
    assert found.failure is not None
    return [reply.output for replies in found.failure.replies for reply in replies]


def test_what_nodes_send_when_they_start_arrives() -> None:
    found = Search(Greeter, scope("r", 2)).run(MANY)
    assert outputs(found) == [1]


def test_a_message_arrives_twice_where_that_is_in_the_scope() -> None:
    class Twice(Greeter):
        def receive(self, sender: str, message: Message) -> None:
            if isinstance(message, Request) and self.greeted == 1:
                self.ctx.reply(message)
            else:
                super().receive(sender, message)

    assert Search(Twice, scope("r", 2)).run(MANY).failure is None
    found = Search(Twice, scope("r", 2, duplicates=1)).run(MANY)
    assert outputs(found) == [2]
    assert found.failure is not None
    assert [action.copy for action in found.failure.actions] == [True, False, False]


@pytest.mark.parametrize(
    ("target", "program", "budget", "steps"),
    [
        ("wal-kv/crc-ignored", "w w | r r", {"timers": 2, "crashes": 1}, 5),
        ("wal-kv/append-after-torn-tail", "w | w | r", {"timers": 2, "crashes": 2}, 6),
        ("wal-kv/torn-batch", "w | w | r r", {"timers": 2, "crashes": 1}, 5),
        ("wal-kv/snapshot-index-ahead", LONG_APPENDED, {"timers": 11, "crashes": 1}, 22),
        ("wal-kv/replay-overlap", LONG_APPENDED, {"timers": 11, "crashes": 1}, 23),
        ("quorum-kv/client-side-cas", "c@n1 | c@n2", {}, 10),
    ],
)
def test_torn_writes_and_other_operations_find_what_needs_them(
    target: str, program: str, budget: dict[str, int], steps: int
) -> None:
    found = explored(target, program, **budget)
    assert found.failure is not None
    assert len(found.failure.actions) == steps


@pytest.mark.slow
@pytest.mark.parametrize(("nodes", "steps"), [(3, 2), (1, None)])
def test_a_program_of_another_language_is_explored(nodes: int, steps: int | None) -> None:
    register = Path(find.__code__.co_filename).parent / "kits" / "python" / "register.py"
    target = find(f"host:{sys.executable} {register}")
    found = Search(target.node, scope("w | r", nodes), opaque=True).run(MANY)
    assert (found.cut, found.unanswered) == (None, ())
    assert (found.failure and len(found.failure.actions)) == steps


class Alarm(Greeter):
    """A read returns the time at which its alarm went off."""

    def start(self, ctx: Context) -> None:
        self.ctx, self.greeted = ctx, None
        ctx.set_timer("alarm", 70.0)

    def timeout(self, timer: Timer) -> None:
        self.greeted = int(self.ctx.now_ms())


def test_a_clock_goes_on_when_a_timer_fires() -> None:
    assert Search(Alarm, scope("r", 1)).run(MANY).failure is None
    found = Search(Alarm, scope("r", 1, timers=1)).run(MANY)
    assert found.clocks
    assert outputs(found) == [70]


@pytest.mark.parametrize(
    ("target", "program", "budget", "steps", "name"),
    [
        ("paxos-kv/promise-volatile", "w@n1 | w@n2", {"crashes": 1}, 4, "promises never fall"),
        ("generation-clock/equal-without-voted-for", "w@n1 | w@n2", {}, 6, "one owner per generation"),
        ("generation-clock/generation-volatile", "w@n1 | w@n2", {"crashes": 1}, 7, "one owner per generation"),
    ],
)
def test_an_invariant_is_violated_before_clients_see_anything(
    target: str, program: str, budget: dict[str, int], steps: int, name: str
) -> None:
    found = Search(find(target).node, scope(program, 3, **budget), invariants=find(target).invariants).run(MANY)
    assert found.failure is not None
    assert found.failure.why.startswith(f"{name}: ")
    assert len(found.failure.actions) == steps


def test_what_invariants_remember_is_a_part_of_the_state() -> None:
    class Shrinks(LocalInvariant):
        name = "never shrinks"

        def look(self, node: Any) -> Any:
            return node.met

        def judge(self, history: dict[Any, Any], stepped: str, seen: Any) -> str | None:
            history["most"] = max(history.get("most", 0), *seen.values())
            return "it shrank" if seen[stepped] < history["most"] else None

    class Shrinking(Fragile):
        def receive(self, sender: str, message: Message) -> None:
            assert isinstance(message, Request)
            self.met = {0: 1, 1: 0}[self.met]
            self.ctx.reply(message)

    found = Search(Shrinking, scope("w | w", 1), invariants=[Shrinks]).run(MANY)
    assert found.failure is not None
    assert (found.failure.why, len(found.failure.actions)) == ("never shrinks: it shrank", 2)
