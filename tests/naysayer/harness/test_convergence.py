"""Last reads wait for nodes that still come nearer to what must be there (on a clock that jumps ahead)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
import trio
import trio.testing

from checker.history import History, Operation
from checker.properties import decider, lacking
from checker.verdict import Decision
from naysayer.harness.convergence import SLOW_S, STILL_S_MAX, Convergence
from naysayer.harness.setup import Setup
from naysayer.judge import judge
from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from targets.protocol.cluster import Client
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId, Reply, Request
from tests.benchmarks.live import Instant
from workloads.registry import find

CLIENTS = 2

Shows = Callable[[NodeId, float, list[Any]], list[Any] | None]
"""What a node shows so many seconds after the healing of all that was added; None: it does not answer."""


class Sets(Instant):
    """A grow-only set on three nodes."""

    nodes = ("n1", "n2", "n3")

    def __init__(self, shows: Shows) -> None:
        self._shows = shows
        self.added: list[Any] = []
        self.left_of_recovery = 2 * CLIENTS
        self.healed_s: float | None = None

    async def apply(self, fault: Fault) -> None:
        self.healed_s = trio.current_time()

    def client(self, node: NodeId) -> Client:
        return SetClient(self, node)

    async def answer(self, node: NodeId, request: Request) -> Reply:
        await trio.sleep(0.01)
        self.left_of_recovery -= self.healed_s is not None
        if request.f == "add":
            self.added.append(request.input)
            return Reply(request.id, "ok")
        if self.healed_s is None:
            return Reply(request.id, "ok", [])
        if self.left_of_recovery >= 0:
            return Reply(request.id, "ok", list(self.added))
        shown = self._shows(node, trio.current_time() - self.healed_s, self.added)
        return Reply(request.id, "info", None, "crash") if shown is None else Reply(request.id, "ok", list(shown))


class SetClient:
    def __init__(self, cluster: Sets, node: NodeId) -> None:
        self._cluster = cluster
        self._node = node

    async def open(self) -> None:
        """Nothing to open."""

    async def invoke(self, request: Request) -> Reply:
        return await self._cluster.answer(self._node, request)

    async def close(self) -> None:
        """Nothing to close."""


def play(
    shows: Shows, stop_after_s: float | None = None, *, broken: bool = False
) -> tuple[Convergence, Decision, list[Operation]]:
    """How the nodes converged, the verdict, and the final reads."""
    recorder = Recorder()
    workload, must = find("g-set"), lacking("g-set")
    assert must is not None
    setup = Setup(
        clients=CLIENTS,
        seed=1,
        generator=workload.start(),
        operations=60,
        final=workload.finish,
        convergence=workload.convergence,
        lacking=lambda: must(recorder.ended(0)),
        broken=lambda: broken,
    )
    run = LiveRun(Sets(shows), setup, recorder)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            if stop_after_s is not None:

                async def stop() -> None:
                    await trio.sleep(stop_after_s)
                    run.stop()

                nursery.start_soon(stop)
            await run.run()

    async def in_this_thread(call: Callable[[], object]) -> object:
        return call()

    # while another thread judged, the clock would jump on and on
    with patch.object(trio.to_thread, "run_sync", in_this_thread):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert run.core.convergence is not None
    history = recorder.history()
    return run.core.convergence, decider("g-set")(history), [op for op in history if op.input == "final"]


def test_a_quick_system_is_done_at_once() -> None:
    convergence, decision, finals = play(lambda node, s, added: added)
    assert decision.outcome == "valid"
    assert sorted(str(op.node) for op in finals) == ["n1", "n2", "n3"]
    assert str(convergence) == "every node showed every value 0.0 s after healing"


@pytest.mark.slow
def test_a_system_that_is_slow_but_gets_better_is_not_accused() -> None:
    def shows(node: NodeId, s: float, added: list[Any]) -> list[Any]:
        return added if node != "n3" else added[: int(s / (STILL_S_MAX - 5))]

    convergence, decision, finals = play(shows)
    assert decision.outcome == "valid"
    assert convergence.complete
    assert min(op.call for op in finals) / 1e9 > 10 * STILL_S_MAX


def test_a_node_that_stands_still_is_accused_after_the_limit() -> None:
    convergence, decision, finals = play(lambda node, s, added: added if node != "n2" else added[:-1])
    assert decision.outcome == "invalid"
    assert decision.explanation is not None
    assert decision.explanation.kind in ("lost-write", "never-read")
    assert "1 missing" in str(convergence)
    assert STILL_S_MAX < min(op.call for op in finals) / 1e9 < STILL_S_MAX + 10


def test_a_node_that_does_not_answer_is_named_and_holds_up_the_others() -> None:
    convergence, decision, _ = play(lambda node, s, added: None if node == "n3" else added)
    assert decision.outcome == "valid", "of the two that answered"
    assert not convergence.complete
    assert "n3 silent" in str(convergence)


def test_a_run_that_is_stopped_before_nodes_converge_accuses_no_node() -> None:
    convergence, decision, finals = play(lambda node, s, added: added[:-1], stop_after_s=5.0)
    assert finals == []
    assert decision.outcome == "unknown"
    assert not convergence.complete


def test_nothing_is_waited_for_where_the_promise_is_broken_already() -> None:
    convergence, _, finals = play(lambda node, s, added: added[:-1], broken=True)
    assert finals == []
    assert SLOW_S < convergence.spent_s < SLOW_S + 5


def test_nodes_that_show_all_only_now_and_then_are_asked_again() -> None:
    """As a store whose replicas are merged with every request: the last answer of each node counts."""
    asked = {"n1": 0, "n2": 0, "n3": 0}

    def shows(node: NodeId, s: float, added: list[Any]) -> list[Any]:
        asked[node] += 1
        return added[:-1] if asked[node] == 2 else added

    convergence, decision, finals = play(shows)
    assert convergence.complete
    assert decision.outcome == "valid"
    assert len(finals) == 6


@pytest.mark.parametrize(
    ("model", "did", "answers", "lack"),
    [
        ("g-set", [("add", None, [1], None, "ok"), ("add", None, 2, None, "info")], [("read", None, None, [[1]])], 0),
        ("g-set", [("add", None, 1, None, "ok")], [("read", None, None, [1]), ("read", None, None, [2])], 1),
        ("g-counter", [("add", None, 5, None, "ok"), ("add", None, 2, None, "info")], [("read", None, None, 7)], 0),
        ("pn-counter", [("add", None, 5, None, "ok"), ("add", None, -2, None, "fail")], [("read", None, None, 3)], 2),
        (
            "kafka",
            [("send", "k", "a", 4, "ok")],
            [("poll", None, {"k": 0}, {"k": [[4, "a"]]}), ("poll", None, {}, {})],
            0,
        ),
        (
            "kafka",
            [("send", "k", "a", 4, "ok"), ("send", "l", "b", 0, "ok")],
            [("poll", None, {}, {"k": [[1, "z"]]})],
            2,
        ),
    ],
)
def test_what_answers_lack(model: str, did: list[Any], answers: list[Any], lack: int) -> None:
    must = lacking(model)
    assert must is not None
    ops = [Operation(i, 0, f, key, given, out, i, i, status) for i, (f, key, given, out, status) in enumerate(did)]
    shown = [Operation(9, 0, f, key, given, out, 9, 9) for f, key, given, out in answers]
    assert must(ops)(shown) == lack


def test_answers_of_a_form_that_a_property_does_not_know_leave_it_unknown() -> None:
    ops = [Operation(0, 0, "add", None, 5, None, 0, 1), Operation(1, 0, "read", None, "final", "5", 2, 3)]
    verdict = judge(History.of(ops), "g-counter")
    assert verdict.outcome == "unknown"
    assert "the checker failed" in str(verdict.parts[0].reason)


def test_what_holds_at_all_times_needs_no_convergence_wait() -> None:
    for model in ("echo", "unique-ids"):
        assert lacking(model) is None
