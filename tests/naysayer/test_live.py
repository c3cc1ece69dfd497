"""The live driver against nodes that answer as told, on a clock that jumps to the next thing that happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import trio
import trio.testing

from checker.errors import TargetError
from checker.history import Operation
from naysayer.harness.setup import REFUSED_MS, Setup
from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from targets.protocol.cluster import Client
from targets.protocol.node import NodeId, Reply, Request
from tests.benchmarks.live import Instant
from workloads.generator import Generator, Invocation, Turn, Wait

Answer = Callable[[Request], Awaitable[Reply]]


@dataclass(frozen=True)
class Writes:
    """Writes of 1, 2, 3 ...; `wait_ms` between them, if given."""

    count: int = 0
    wait_ms: float = 0.0
    waited: bool = True

    def next(self, turn: Turn) -> tuple[Invocation | Wait, Generator]:
        if not self.waited:
            return Wait(self.wait_ms), Writes(self.count, self.wait_ms)
        return Invocation("write", "x", self.count + 1), Writes(self.count + 1, self.wait_ms, not self.wait_ms)

    def observe(self, operation: Operation) -> Generator:
        return self


class Node(Instant):
    """One node that answers by a function; the clients that were made, and closed, are counted."""

    def __init__(self, answer: Answer) -> None:
        self.invoke = answer
        self.made = self.closed = 0

    def client(self, node: NodeId) -> Client:
        self.made += 1
        return self

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        self.closed += 1


def play(node: Node, generator: Generator, **bounds: Any) -> list[Operation]:
    """The operations of one client, in the order of their calls."""
    recorder = Recorder()

    async def main() -> None:
        await LiveRun(node, Setup(1, 1, generator, recover=False, **bounds), recorder).run()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return list(recorder.history())


async def ok(request: Request) -> Reply:
    return Reply(request.id, "ok")


async def slow(request: Request) -> Reply:
    await trio.sleep(0.7)
    return Reply(request.id, "ok")


async def hangs(request: Request) -> Reply:
    await trio.sleep(100 if request.input == 2 else 0.1)
    return Reply(request.id, "ok")


def test_times_are_taken_around_each_call_and_the_time_out_is_that_of_each_call() -> None:
    ops = play(Node(slow), Writes(), timeout_ms=1000.0, operations=5)
    assert [op.status for op in ops] == ["ok"] * 5
    assert {op.process for op in ops} == {0}
    assert [round((op.ret - op.call) / 1e6) for op in ops] == [700] * 5


def test_a_call_that_takes_too_long_is_unknown_and_a_new_process_with_a_new_connection_goes_on() -> None:
    node = Node(hangs)
    ops = play(node, Writes(), timeout_ms=1000.0, operations=4)
    assert [(op.process, op.status) for op in ops] == [(0, "ok"), (0, "info"), (1, "ok"), (1, "ok")]
    assert ops[1].error == "timeout"
    assert round((ops[2].call - ops[1].call) / 1e6) == 1000
    assert node.made == node.closed == 2


def test_a_client_that_waits_longer_than_the_time_out_does_not_lose_its_process() -> None:
    ops = play(Node(ok), Writes(wait_ms=5_000.0), timeout_ms=1000.0, operations=3)
    assert [(op.process, op.status) for op in ops] == [(0, "ok")] * 3
    assert round((ops[2].call - ops[0].call) / 1e6) == 10_000


def test_a_refusal_without_a_hint_is_followed_by_a_pause_even_beyond_the_time_out() -> None:
    async def refuses(request: Request) -> Reply:
        return Reply(request.id, "fail", None, "not now")

    ops = play(Node(refuses), Writes(), timeout_ms=1.0, operations=30)
    assert [(op.process, op.status) for op in ops] == [(0, "fail")] * 30
    pauses_ms = [(after.call - before.ret) / 1e6 for before, after in pairwise(ops)]
    assert REFUSED_MS / 3 < sum(pauses_ms) / len(pauses_ms) < 3 * REFUSED_MS


def test_an_answer_that_leaves_the_outcome_unknown_ends_the_process() -> None:
    async def unsure(request: Request) -> Reply:
        return Reply(request.id, "info" if request.input % 2 else "ok", None, "who knows")

    ops = play(Node(unsure), Writes(), operations=4)
    assert [op.process for op in ops] == [0, 1, 1, 2]


def test_an_error_of_the_system_under_test_ends_the_run_with_what_was_recorded() -> None:
    async def breaks(request: Request) -> Reply:
        if request.input == 3:
            raise TargetError("no such thing")
        return Reply(request.id, "ok")

    ops = play(Node(breaks), Writes(), operations=10)
    assert [op.status for op in ops] == ["ok", "ok", "info"]
    assert ops[2].error == "no such thing"


def test_a_run_ends_after_its_time() -> None:
    ops = play(Node(slow), Writes(), time_ms=7100.0)
    assert len(ops) == 11
