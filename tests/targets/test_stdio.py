"""A student's binary behind Maelstrom's protocol: real processes, routed by the harness."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest
import trio

from checker.errors import HarnessError, TargetError
from targets.fault import Cut, Degrade, Heal, Kill, Pause, Restart, Resume
from targets.live.links import Links
from targets.live.process import process_state
from targets.node import Reply, Request
from targets.stdio.cluster import StdioCluster
from targets.stdio.protocol import to_body, to_reply
from targets.stdio.services import LastWriteWinsKV, LinearizableKV, SequentialKV, TimestampOracle

pytestmark = pytest.mark.slow

NODE = Path(__file__).parent / "stdio_nodes" / "lin_kv.py"


def run(body: Callable[[StdioCluster], Awaitable[None]], *, workload: str = "lin-kv", fault: str = "") -> list[int]:
    """Run `body` on a started cluster of three; returns the pids of its processes, all certainly gone."""
    pids: list[int] = []

    async def main() -> None:
        command = [sys.executable, str(NODE), *([fault] if fault else [])]
        with trio.fail_after(30):
            async with StdioCluster(command, workload, nodes=3, seed=1) as cluster:
                try:
                    await cluster.start()
                    await body(cluster)
                finally:
                    pids.extend(p.process.pid for p in cluster._processes.values() if p.process)

    try:
        trio.run(main)
    finally:
        assert pids
        assert all(process_state(pid) in ("gone", "Z") for pid in pids)
    return pids


def request(number: int, f: str, key: object = None, input: object = None) -> Request:
    return Request(str(number), f"c{number}", f, key, input)


async def ask(cluster: StdioCluster, node: str, what: Request) -> Reply:
    return await cluster.client(node).invoke(what)


async def idle(cluster: StdioCluster) -> None:
    """Nothing."""


async def complained(cluster: StdioCluster) -> str:
    while cluster.complaint is None:
        await trio.lowlevel.checkpoint()
    return str(cluster.complaint)


def test_a_store_on_the_service_lin_kv_answers_through_every_node() -> None:
    async def body(cluster: StdioCluster) -> None:
        assert await ask(cluster, "n1", request(1, "read", "x")) == Reply("1", "ok", None)
        assert (await ask(cluster, "n2", request(2, "write", "x", 5))).status == "ok"
        assert (await ask(cluster, "n3", request(3, "read", "x"))).output == 5
        assert (await ask(cluster, "n1", request(4, "cas", "x", (5, 6)))).output is True
        refused = await ask(cluster, "n2", request(5, "cas", "x", (5, 7)))
        assert refused.status == "fail"
        assert "22" in (refused.error or "")
        assert (await ask(cluster, "n3", request(6, "read", "x"))).output == 6
        assert cluster.complaint is None

    run(body)


@pytest.mark.parametrize("number", ["1", [1], {}, True, None, -1, 10**6])
def test_an_answer_to_no_message_of_ours_is_named(number: object) -> None:
    async def body(cluster: StdioCluster) -> None:
        cluster._answer("n2", "c7", {"type": "echo_ok", "in_reply_to": number})
        assert "node n2 sent c7 an answer to a message that it was not sent" in await complained(cluster)

    run(body)


@pytest.mark.parametrize(("workload", "f", "given"), [("echo", "echo", "hello"), ("unique-ids", "generate", None)])
def test_the_simple_workloads_are_answered(workload: str, f: str, given: str | None) -> None:
    async def body(cluster: StdioCluster) -> None:
        replies = [await ask(cluster, node, request(i, f, None, given)) for i, node in enumerate(cluster.nodes)]
        assert {reply.status for reply in replies} == {"ok"}
        outputs = {reply.output for reply in replies}
        assert outputs == ({"hello"} if f == "echo" else {"n1-1", "n2-1", "n3-1"})

    run(body, workload=workload)


def test_a_killed_node_is_gone_and_answers_again_after_its_restart() -> None:
    async def body(cluster: StdioCluster) -> None:
        await cluster.apply(Kill(("n2",)))
        assert cluster.down == {"n2"}
        assert await ask(cluster, "n2", request(1, "read", "x")) == Reply("1", "fail", None, "n2 is down")
        await cluster.apply(Restart(("n2",)))
        assert cluster.down == frozenset()
        assert (await ask(cluster, "n2", request(2, "read", "x"))).status == "ok"
        assert [one.shown for one in cluster.evidence()] == [True, True]
        assert cluster.complaint is None

    run(body)


def test_a_paused_node_is_stopped_and_answers_after_it_resumes() -> None:
    async def body(cluster: StdioCluster) -> None:
        await cluster.apply(Pause(("n1",)))
        assert cluster.paused == {"n1"}
        async with trio.open_nursery() as nursery:
            replies: list[Reply] = []

            async def slow() -> None:
                replies.append(await ask(cluster, "n1", request(1, "read", "x")))

            nursery.start_soon(slow)
            await ask(cluster, "n2", request(2, "read", "x"))
            assert replies == []
            await cluster.apply(Resume(("n1",)))
        assert replies[0].status == "ok"

    run(body)


def test_messages_that_a_node_does_not_read_are_lost_in_the_end_which_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("targets.stdio.cluster.OUTBOX_MAX", 5)

    async def body(cluster: StdioCluster) -> None:
        await cluster.apply(Pause(("n1",)))
        for _ in range(20):
            cluster._call("c1", "n1", {"type": "echo", "echo": "x"})
        assert cluster.remarks == ["n1 did not read: 5 messages waited for it, and others were lost"]
        await cluster.apply(Resume(("n1",)))

    run(body)


def test_a_fault_that_processes_cannot_have_is_refused() -> None:
    async def body(cluster: StdioCluster) -> None:
        with pytest.raises(HarnessError, match="only in the simulator"):
            await cluster.apply(Kill(("n1",), power=True))

    run(body)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("junk", "node n. printed a line that is no message: 'listening on port 8080'"),
        ("exit", r"node n. ended by itself \(exit code 7\)"),
    ],
)
def test_a_node_that_breaks_the_protocol_is_named_with_its_stderr(fault: str, said: str) -> None:
    async def body(cluster: StdioCluster) -> None:
        raise TargetError(await complained(cluster))

    with pytest.raises(TargetError, match=said) as caught:  # while the nodes start, or after that
        run(body, fault=fault)
    assert "I am n" in str(caught.value)


def test_a_node_that_answers_twice_is_named() -> None:
    async def body(cluster: StdioCluster) -> None:
        await ask(cluster, "n3", request(1, "read", "x"))
        assert "node n3 answered twice" in await complained(cluster)

    run(body, fault="twice")


def test_a_node_that_never_answers_init_is_a_target_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("targets.stdio.cluster.INIT_S_MAX", 0.3)
    with pytest.raises(TargetError, match=r"node n. did not answer init"):
        run(idle, fault="mute")


def test_a_binary_that_is_not_there_is_a_target_error() -> None:
    async def main() -> None:
        async with StdioCluster(["./no-such-node"], "echo", nodes=1, seed=1) as cluster:
            await cluster.start()

    with pytest.raises(TargetError, match=r"cannot start \./no-such-node"):
        trio.run(main)


def test_links_lose_delay_and_double_as_told_and_count_it() -> None:
    links = Links(seed=3)
    assert links.plan(("n1", "n2")) == (0.0,)
    links.apply(Cut((("n1", "n2"),)), 10.0)
    assert links.plan(("n1", "n2")) == ()
    assert links.plan(("n2", "n1")) == (0.0,)
    links.apply(Heal(), 20.0)
    assert links.plan(("n1", "n2")) == (0.0,)
    links.apply(Degrade((("n1", "n2"),), delay_ms=5.0, loss=0.3, duplicate=0.3), 30.0)
    plans = [links.plan(("n1", "n2")) for _ in range(300)]
    assert {len(plan) for plan in plans} == {0, 1, 2}
    cut, degraded = links.evidence()
    assert (cut.from_ms, cut.to_ms, cut.shown, cut.detail) == (10.0, 20.0, True, "1 messages lost")
    assert degraded.to_ms is None
    again = Links(seed=3)
    again.apply(Degrade((("n1", "n2"),), delay_ms=5.0, loss=0.3, duplicate=0.3), 30.0)
    assert [again.plan(("n1", "n2")) for _ in range(300)] == plans


def test_requests_travel_under_the_names_of_the_protocol() -> None:
    assert to_body("lin-kv", request(1, "cas", "x", (1, 2))) == {"type": "cas", "key": "x", "from": 1, "to": 2}
    assert to_body("g-set", request(1, "add", None, 7)) == {"type": "add", "element": 7}
    assert to_body("pn-counter", request(1, "add", None, -7)) == {"type": "add", "delta": -7}
    assert to_body("kafka", request(1, "send", "k", 9)) == {"type": "send", "key": "k", "msg": 9}


CODES = [(0, "info"), (11, "fail"), (13, "info"), (22, "fail"), (1000, "info"), (True, "info"), ([11], "info")]


@pytest.mark.parametrize(("code", "status"), CODES)
def test_error_codes_are_definite_or_not(code: object, status: str) -> None:
    reply = to_reply("lin-kv", request(1, "write", "x", 1), {"type": "error", "code": code, "text": "no"}, "n2")
    assert reply.status == status
    assert reply.leader == ("n2" if code == 22 else None), "who knows the data is asked again"
    assert reply.error == f"error {code}: no"


def test_an_answer_of_another_kind_leaves_the_outcome_unknown() -> None:
    assert to_reply("lin-kv", request(1, "write", "x", 1), {"type": "read_ok"}, "n1").status == "info"
    assert to_reply("lin-kv", request(1, "read", "x"), {"type": "read_ok"}, "n1").status == "info"


@pytest.mark.parametrize(
    ("workload", "f", "given", "answer"),
    [
        ("g-counter", "read", None, {"value": "7"}),
        ("g-set", "read", None, {"value": 7}),
        ("broadcast", "read", None, {"messages": {"1": 1}}),
        ("kafka", "send", 1, {"offset": None}),
        ("kafka", "poll", {"k": 0}, {"msgs": {"k": [5]}}),
        ("txn-list-append", "txn", (("r", "x", None),), {"txn": None}),
        ("txn-list-append", "txn", (("r", "x", None),), {"txn": [["r", "y", []]]}),
        ("txn-rw-register", "txn", (("w", "x", 1),), {"txn": [["w", "x", 2]]}),
    ],
)
def test_an_answer_of_another_form_leaves_the_outcome_unknown(
    workload: str, f: str, given: object, answer: dict[str, object]
) -> None:
    reply = to_reply(workload, request(1, f, None, given), {"type": f"{f}_ok", **answer}, "n1")
    assert reply.status == "info"
    assert "of another form" in (reply.error or "")


def test_the_services_keep_their_promises() -> None:
    lin = LinearizableKV(Random(1))
    assert lin.handle("n1", {"type": "read", "key": [1]})["code"] == 20
    assert lin.handle("n1", {"type": "cas", "key": "k", "from": 0, "to": 1})["code"] == 20
    assert lin.handle("n1", {"type": "cas", "key": "k", "from": 0, "to": 1, "create_if_not_exists": True}) == {
        "type": "cas_ok"
    }
    assert lin.handle("n2", {"type": "read", "key": "k"})["value"] == 1
    assert lin.handle("n2", {"type": "frob", "key": "k"})["code"] == 10
    tso = TimestampOracle(Random(1))
    assert [tso.handle("n1", {"type": "ts"})["ts"] for _ in range(3)] == [0, 1, 2]
    seq = SequentialKV(Random(1))
    seen = []
    for value in range(50):
        seq.handle("n1", {"type": "write", "key": "k", "value": value})
        assert seq.handle("n1", {"type": "read", "key": "k"})["value"] == value
        seen.append(seq.handle("n2", {"type": "read", "key": "k"}).get("value", -1))
    assert seen == sorted(seen)
    assert seen != list(range(50)), "another node reads the past now and then"
    lww = LastWriteWinsKV(Random(1))
    for value in range(50):
        lww.handle("n1", {"type": "write", "key": "k", "value": value})
    reads = {lww.handle("n1", {"type": "read", "key": "k"}).get("value") for _ in range(50)}
    assert len(reads) > 1, "replicas differ"
