"""A student's binary behind Maelstrom's protocol: real processes, routed by the harness."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from random import Random

import msgspec
import pytest
import trio
import trio.testing

from checker.errors import HarnessError, TargetError
from targets.backends.processes.links import UNTIL_RELEASED, Links, kind_of
from targets.backends.processes.messages import MessageLog
from targets.backends.processes.process import process_state
from targets.backends.stdio.cluster import StdioCluster, StdioEnvelope
from targets.backends.stdio.delays import Delays
from targets.backends.stdio.protocol import to_body, to_reply
from targets.backends.stdio.services import LastWriteWinsKV, LinearizableKV, SequentialKV, TimestampOracle
from targets.backends.stdio.topology import TOPOLOGIES
from targets.protocol.fault import (
    Cut,
    Degrade,
    DelayMessages,
    DuplicateMessages,
    Heal,
    Hold,
    Kill,
    LoseMessages,
    Pause,
    Release,
    Restart,
    Resume,
    Transfer,
)
from targets.protocol.node import Reply, Request

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
        assert await ask(cluster, "n0", request(1, "read", "x")) == Reply("1", "ok", None)
        assert (await ask(cluster, "n1", request(2, "write", "x", 5))).status == "ok"
        assert (await ask(cluster, "n2", request(3, "read", "x"))).output == 5
        assert (await ask(cluster, "n0", request(4, "cas", "x", (5, 6)))).output is True
        refused = await ask(cluster, "n1", request(5, "cas", "x", (5, 7)))
        assert refused.status == "fail"
        assert "22" in (refused.error or "")
        assert (await ask(cluster, "n2", request(6, "read", "x"))).output == 6
        assert cluster.complaint is None

    run(body)


@pytest.mark.parametrize("number", ["1", [1], {}, True, None, -1, 10**6])
def test_an_answer_to_no_message_of_ours_is_named(number: object) -> None:
    async def body(cluster: StdioCluster) -> None:
        cluster._answer("n1", "c7", {"type": "echo_ok", "in_reply_to": number})
        assert "node n1 sent c7 an answer to a message that it was not sent" in await complained(cluster)

    run(body)


@pytest.mark.parametrize(("workload", "f", "given"), [("echo", "echo", "hello"), ("unique-ids", "generate", None)])
def test_the_simple_workloads_are_answered(workload: str, f: str, given: str | None) -> None:
    async def body(cluster: StdioCluster) -> None:
        replies = [await ask(cluster, node, request(i, f, None, given)) for i, node in enumerate(cluster.nodes)]
        assert {reply.status for reply in replies} == {"ok"}
        outputs = {reply.output for reply in replies}
        assert outputs == ({"hello"} if f == "echo" else {"n0-1", "n1-1", "n2-1"})

    run(body, workload=workload)


def test_a_killed_node_is_gone_and_answers_again_after_its_restart() -> None:
    async def body(cluster: StdioCluster) -> None:
        await cluster.apply(Kill(("n1",)))
        assert cluster.down == {"n1"}
        assert await ask(cluster, "n1", request(1, "read", "x")) == Reply("1", "fail", None, "n1 is down")
        await cluster.apply(Restart(("n1",)))
        assert cluster.down == frozenset()
        assert (await ask(cluster, "n1", request(2, "read", "x"))).status == "ok"
        assert [one.shown for one in cluster.evidence()] == [True, True]
        assert cluster.complaint is None

    run(body)


def test_a_paused_node_is_stopped_and_answers_after_it_resumes() -> None:
    async def body(cluster: StdioCluster) -> None:
        await cluster.apply(Pause(("n0",)))
        assert cluster.paused == {"n0"}
        async with trio.open_nursery() as nursery:
            replies: list[Reply] = []

            async def slow() -> None:
                replies.append(await ask(cluster, "n0", request(1, "read", "x")))

            nursery.start_soon(slow)
            await ask(cluster, "n1", request(2, "read", "x"))
            assert replies == []
            await cluster.apply(Resume(("n0",)))
        assert replies[0].status == "ok"

    run(body)


def test_messages_that_a_node_does_not_read_are_lost_in_the_end_which_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("targets.backends.stdio.cluster.OUTBOX_MAX", 5)

    async def body(cluster: StdioCluster) -> None:
        await cluster.apply(Pause(("n0",)))
        for _ in range(20):
            cluster._call("c1", "n0", {"type": "echo", "echo": "x"})
        assert cluster.remarks == ["n0 did not read: 5 messages waited for it, and others were lost"]
        await cluster.apply(Resume(("n0",)))

    run(body)


def test_a_fault_that_processes_cannot_have_is_refused() -> None:
    async def body(cluster: StdioCluster) -> None:
        with pytest.raises(HarnessError, match="only in the simulator"):
            await cluster.apply(Transfer("n0"))

    run(body)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("junk", "node n. printed a line that is not a message: 'listening on port 8080'"),
    ],
)
def test_a_node_that_breaks_the_protocol_is_named_with_its_stderr(fault: str, said: str) -> None:
    async def body(cluster: StdioCluster) -> None:
        raise TargetError(await complained(cluster))

    with pytest.raises(TargetError, match=said) as caught:  # while the nodes start, or after that
        run(body, fault=fault)
    assert "I am n" in str(caught.value)


def test_a_second_answer_is_ignored_and_remarked() -> None:
    async def body(cluster: StdioCluster) -> None:
        await ask(cluster, "n2", request(1, "write", "x", 1))
        assert (await ask(cluster, "n2", request(2, "read", "x"))).output == 1
        assert cluster.complaint is None
        assert cluster.remarks == ["n2 answered some messages more than once; their first answers count"]

    run(body, fault="twice")


def test_a_second_answer_is_not_blamed_where_the_network_doubled_messages() -> None:
    async def body(cluster: StdioCluster) -> None:
        cluster._links.duplicated = True
        await ask(cluster, "n2", request(1, "write", "x", 1))
        await ask(cluster, "n2", request(2, "read", "x"))
        assert cluster.remarks == []

    run(body, fault="twice")


def test_a_message_to_a_client_that_answers_nothing_is_ignored_and_remarked() -> None:
    async def body(cluster: StdioCluster) -> None:
        cluster._answer("n1", "c7", {"type": "gossip", "values": [1]})
        assert cluster.complaint is None
        (remark,) = cluster.remarks
        assert remark.startswith("n1 sent clients messages that answer nothing, which were ignored, the first: ")

    run(body)


def test_a_node_that_has_not_answered_init_gets_nothing_else() -> None:
    """Messages of other nodes wait until it has, requests of clients are refused."""
    seen: list[str] = []

    async def body(cluster: StdioCluster) -> None:
        await cluster.apply(Kill(("n1",)))
        cluster._start("n1")
        refused = await ask(cluster, "n1", request(1, "read", "x"))
        assert refused == Reply("1", "fail", None, "n1 has not answered init yet")
        gossip = StdioEnvelope("n0", "n1", msgspec.Raw(b'{"type":"read","key":"x","msg_id":7}'))
        cluster._route("n0", gossip, b"{}")
        put = cluster._inboxes["n1"].put

        def spy(text: bytes) -> None:
            seen.append(msgspec.json.decode(text)["body"]["type"])
            put(text)

        cluster._inboxes["n1"].put = spy  # type: ignore[method-assign]
        await cluster._initialise("n1", cluster._init("n1"))
        assert seen == ["init", "read"]
        assert (await ask(cluster, "n1", request(2, "read", "x"))).status == "ok"

    run(body)


def test_a_node_may_ask_a_service_before_it_answers_init() -> None:
    async def body(cluster: StdioCluster) -> None:
        assert (await ask(cluster, "n0", request(1, "read", "x"))).output == "set by n0"

    run(body, fault="early")


def test_the_folder_for_data_exists_when_a_node_starts() -> None:
    async def body(cluster: StdioCluster) -> None:
        assert (await ask(cluster, "n0", request(1, "echo", None, "x"))).output == "x"

    run(body, workload="echo", fault="data")


def test_messages_between_nodes_and_services_take_their_time() -> None:
    async def main() -> None:
        command = [sys.executable, str(NODE)]
        async with StdioCluster(command, "lin-kv", nodes=1, seed=1, latency_ms=40.0) as cluster:
            await cluster.start()
            began_s = trio.current_time()
            await ask(cluster, "n0", request(1, "read", "x"))
            assert trio.current_time() - began_s >= 0.08, "to the service and back"
            assert cluster.between_nodes == 2

    trio.run(main)


def test_messages_that_are_due_at_once_keep_their_order() -> None:
    came: list[tuple[str, float]] = []

    async def main() -> None:
        delays = Delays()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(delays.run)
            for name, delay_ms in (("b", 20.0), ("c", 20.0), ("a", 10.0), ("now", 0.0)):
                delays.after(delay_ms, lambda name=name: came.append((name, round(trio.current_time(), 3))))
            assert [name for name, _ in came] == ["now"]
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert came[1:] == [("a", 0.01), ("b", 0.02), ("c", 0.02)]


def test_the_messages_and_logs_of_a_run_are_kept(tmp_path: Path) -> None:
    async def main() -> MessageLog:
        async with StdioCluster([sys.executable, str(NODE)], "lin-kv", nodes=2, seed=1) as cluster:
            cluster.keep(tmp_path)
            await cluster.start()
            assert cluster.messages is not None
            cluster.messages.run_began(trio.current_time())
            await ask(cluster, "n1", request(1, "write", "x", 5))
            return cluster.messages

    trio.run(main).keep([])
    lines = [msgspec.json.decode(line) for line in (tmp_path / "messages.jsonl").read_bytes().splitlines()]
    sent = [(line["message"]["src"], line["message"]["dest"], line["message"]["body"]["type"]) for line in lines]
    assert sent[:2] == [("c0", "n0", "init"), ("c0", "n1", "init")]
    assert sent[4:] == [
        ("c1", "n1", "write"),
        ("n1", "lin-kv", "write"),
        ("lin-kv", "n1", "write_ok"),
        ("n1", "c1", "write_ok"),
    ]
    assert all((line["time"] < 0) == (place < 4) for place, line in enumerate(lines))
    assert (tmp_path / "logs" / "n1.log").read_text() == "I am n1\n"


def test_of_many_messages_those_of_the_counterexample_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BLOCK_BYTES", 2000), ("KEPT_BYTES_MAX", 30_000), ("HEAD_BYTES", 6000)):
        monkeypatch.setattr(f"targets.backends.processes.messages.{name}", value)

    async def main() -> MessageLog:
        log = MessageLog(tmp_path)
        log.run_began(trio.current_time())
        for number in range(5000):
            log.note(b"%d" % number, delays_ms=() if number == 2500 else (0.0,))
            await trio.sleep(0.001)
        return log

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)).keep([(2_499_000_000, 2_501_000_000)])
    lines = [msgspec.json.decode(line) for line in (tmp_path / "messages.jsonl").read_bytes().splitlines()]
    kept = {line["message"]: line for line in lines if "message" in line}
    assert {0, 1, 2499, 2500, 2501, 4998, 4999} <= set(kept)
    assert kept[2500]["lost"] is True
    assert kept[2499]["time"] == 2_499_000_000
    gaps = [line["left_out"] for line in lines if "left_out" in line]
    assert len(gaps) == 2
    assert sum(gaps) + len(kept) == 5000
    assert (tmp_path / "messages.jsonl").stat().st_size < 40_000


def test_messages_of_a_run_that_never_began_count_from_the_first(tmp_path: Path) -> None:
    async def main() -> MessageLog:
        log = MessageLog(tmp_path)
        for text in (b'"init"', b'"silence"'):
            log.note(text, delays_ms=(0.0, 5.0))
            await trio.sleep(0.25)
        return log

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)).keep([])
    assert (tmp_path / "messages.jsonl").read_text().splitlines() == [
        '{"time":0,"message":"init","copies":2,"delay_ms":[0.000,5.000]}',
        '{"time":250000000,"message":"silence","copies":2,"delay_ms":[0.000,5.000]}',
    ]


def test_topologies_are_maelstroms() -> None:
    five = ("n0", "n1", "n2", "n3", "n4")
    assert TOPOLOGIES["grid"](five) == {
        "n0": ["n3", "n1"],
        "n1": ["n4", "n2", "n0"],
        "n2": ["n1"],
        "n3": ["n0", "n4"],
        "n4": ["n1", "n3"],
    }
    assert TOPOLOGIES["line"](five[:3]) == {"n0": ["n1"], "n1": ["n0", "n2"], "n2": ["n1"]}
    assert TOPOLOGIES["tree"](five) == {
        "n0": ["n1", "n2"],
        "n1": ["n0", "n3", "n4"],
        "n2": ["n0"],
        "n3": ["n1"],
        "n4": ["n1"],
    }
    assert TOPOLOGIES["tree4"](five)["n0"] == ["n1", "n2", "n3", "n4"]
    assert TOPOLOGIES["total"](five[:2]) == {"n0": ["n1"], "n1": ["n0"]}
    for name, make in TOPOLOGIES.items():
        for count in range(1, 27):
            nodes = tuple(f"n{number}" for number in range(count))
            found = make(nodes)
            assert set(found) == set(nodes), name
            assert all(node in found[other] for node, others in found.items() for other in others), "both ways"
            reached = {"n0"}
            for _ in nodes:
                reached |= {other for node in reached for other in found[node]}
            assert reached == set(nodes), f"{name} of {count} is connected"


def test_a_node_that_never_answers_init_is_a_target_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("targets.backends.stdio.cluster.INIT_S_MAX", 0.3)
    with pytest.raises(TargetError, match=r"node n. did not answer init"):
        run(idle, fault="mute")


def test_a_binary_that_is_not_there_is_a_target_error() -> None:
    async def main() -> None:
        async with StdioCluster(["./no-such-node"], "echo", nodes=1, seed=1) as cluster:
            await cluster.start()

    with pytest.raises(TargetError, match=r"cannot start \./no-such-node"):
        trio.run(main)


def test_links_lose_delay_and_duplicate_as_injected_and_count_it() -> None:
    links = Links(seed=3)
    assert links.plan(("n0", "n1")) == (0.0,)
    links.apply(Cut((("n0", "n1"),)), 10.0)
    assert links.plan(("n0", "n1")) == ()
    assert links.plan(("n1", "n0")) == (0.0,)
    links.apply(Heal(), 20.0)
    assert links.plan(("n0", "n1")) == (0.0,)
    links.apply(Degrade((("n0", "n1"),), delay_ms=5.0, loss=0.3, duplicate=0.3), 30.0)
    plans = [links.plan(("n0", "n1")) for _ in range(300)]
    assert {len(plan) for plan in plans} == {0, 1, 2}
    cut, degraded = links.evidence()
    assert (cut.from_ms, cut.to_ms, cut.shown, cut.detail) == (10.0, 20.0, True, "1 message lost")
    assert degraded.to_ms is None
    again = Links(seed=3)
    again.apply(Degrade((("n0", "n1"),), delay_ms=5.0, loss=0.3, duplicate=0.3), 30.0)
    assert [again.plan(("n0", "n1")) for _ in range(300)] == plans


def test_faults_of_messages_affect_only_their_kinds_on_their_links_and_count_it() -> None:
    links = Links(seed=3)
    link, other = ("n0", "n1"), ("n1", "n0")
    links.apply(LoseMessages((link,), ("accept", "learn")), 10.0)
    kinds = ("prepare", "accept", "learn")
    assert [links.plan(link, kind) for kind in kinds] == [(0.0,), (), ()]
    assert [links.plan(other, kind) for kind in kinds] == [(0.0,)] * 3
    links.apply(Heal(), 20.0)
    links.apply(DelayMessages((link, other), ("accept",), 1, 500.0), 30.0)
    assert [links.plan(link, kind) for kind in ("prepare", "accept", "accept")] == [(0.0,), (500.0,), (0.0,)]
    assert links.plan(other, "accept") == (500.0,), "the count is of each link"
    links.apply(DuplicateMessages((link,), after_ms=100.0), 40.0)
    assert links.plan(link, "learn") == (0.0, 100.0)
    links.apply(Heal(), 50.0)
    links.apply(LoseMessages((link,), ("commit",)), 60.0)
    assert links.plan(link, "accept") == (0.0,)
    assert links.kinds == {"prepare": 3, "accept": 6, "learn": 3}
    shown = [(one.shown, one.detail) for one in links.evidence()]
    assert shown == [
        (True, "2 messages lost"),
        (True, "2 messages late"),
        (True, "1 message duplicated"),
        (False, "no message was affected"),
    ]


def test_messages_that_are_held_back_are_delivered_in_order_by_a_release_or_by_a_heal() -> None:
    links, link, arrived = Links(seed=3), ("n0", "n1"), list[int]()
    links.apply(Hold(link, 2, "accept"), 10.0)
    links.apply(Cut((("n1", "n0"),)), 10.0)
    for number, kind in enumerate(("accept", "prepare", "accept", "accept")):
        (delay_ms,) = links.plan(link, kind)
        if delay_ms == UNTIL_RELEASED:
            links.hold(partial(arrived.append, number))
        else:
            arrived.append(number)
    assert arrived == [1, 3], "two of its kind are held back, and others overtake them"
    links.apply(Release(), 20.0)
    assert arrived == [1, 3, 0, 2]
    assert links.plan(link, "accept") == (0.0,)
    assert links.plan(("n1", "n0")) == (), "a release ends no cut"
    links.apply(Hold(link), 30.0)
    assert links.plan(link) == (UNTIL_RELEASED,)
    links.hold(partial(arrived.append, 4))
    links.apply(Heal(), 40.0)
    assert arrived[4:] == [4]
    shown = [(one.fault.tag, one.to_ms, one.detail) for one in links.evidence()]
    kept = "held back until released"
    assert shown == [
        ("hold", 20.0, f"2 messages {kept}"),
        ("cut", 40.0, "1 message lost"),
        ("hold", 40.0, f"1 message {kept}"),
    ]


@pytest.mark.parametrize(
    ("body", "kind"), [(b'{"value": {"type": "x"}, "type": "put"}', "put"), (b'{"type": 3}', ""), (b"{}", "")]
)
def test_the_kind_of_a_message_is_the_type_of_its_body(body: bytes, kind: str) -> None:
    assert kind_of(body) == kind


def test_requests_travel_under_the_names_of_the_protocol() -> None:
    assert to_body("lin-kv", request(1, "cas", "x", (1, 2))) == {"type": "cas", "key": "x", "from": 1, "to": 2}
    assert to_body("g-set", request(1, "add", None, 7)) == {"type": "add", "element": 7}
    assert to_body("pn-counter", request(1, "add", None, -7)) == {"type": "add", "delta": -7}
    assert to_body("kafka", request(1, "send", "k", 9)) == {"type": "send", "key": "k", "msg": 9}


CODES = [(0, "info"), (11, "fail"), (13, "info"), (22, "fail"), (1000, "info"), (True, "info"), ([11], "info")]


@pytest.mark.parametrize(("code", "status"), CODES)
def test_error_codes_are_definite_or_not(code: object, status: str) -> None:
    reply = to_reply("lin-kv", request(1, "write", "x", 1), {"type": "error", "code": code, "text": "no"}, "n1")
    assert reply.status == status
    assert reply.leader == ("n1" if code == 22 else None), "who knows the data is asked again"
    assert reply.error == f"error {code}: no"


def test_an_answer_of_another_kind_leaves_the_outcome_unknown() -> None:
    assert to_reply("lin-kv", request(1, "write", "x", 1), {"type": "read_ok"}, "n0").status == "info"
    assert to_reply("lin-kv", request(1, "read", "x"), {"type": "read_ok"}, "n0").status == "info"


@pytest.mark.parametrize(
    ("workload", "f", "given", "answer", "output"),
    [
        ("g-set", "read", None, {"value": None}, []),
        ("broadcast", "read", None, {"messages": None}, []),
        ("kafka", "poll", {"k": 0}, {"msgs": {"k": None, "l": [[0, 1]]}}, {"k": [], "l": [[0, 1]]}),
        ("kafka", "final_poll", {"k": 0}, {"msgs": None}, {}),
        ("kafka", "list_committed_offsets", ["k"], {"offsets": None}, {}),
        ("txn-list-append", "txn", (("r", 1, None),), {"txn": [["r", 1, None]]}, [["r", 1, None]]),
        (
            "txn-rw-register",
            "txn",
            (("r", 0, None), ("w", 1, 0), ("r", 1, None)),
            {"txn": [["r", 0, 0], ["w", 1, 0], ["r", 1, 3]]},
            [["r", 0, None], ["w", 1, 0], ["r", 1, 3]],
        ),
    ],
)
def test_null_is_an_empty_collection(
    workload: str, f: str, given: object, answer: dict[str, object], output: object
) -> None:
    kind = "poll" if f == "final_poll" else f
    assert to_reply(workload, request(1, f, None, given), {"type": f"{kind}_ok", **answer}, "n0") == Reply(
        "1", "ok", output
    )


@pytest.mark.parametrize(
    ("workload", "f", "given", "answer"),
    [
        ("g-counter", "read", None, {"value": "7"}),
        ("g-counter", "read", None, {"value": None}),
        ("kafka", "list_committed_offsets", ["k"], {"offsets": {"k": "1"}}),
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
    reply = to_reply(workload, request(1, f, None, given), {"type": f"{f}_ok", **answer}, "n0")
    assert reply.status == "info"
    assert "of another form" in (reply.error or "")


def test_the_services_keep_their_promises() -> None:
    lin = LinearizableKV(Random(1))
    assert lin.handle("n0", {"type": "read", "key": [1]})["code"] == 20
    assert lin.handle("n0", {"type": "cas", "key": "k", "from": 0, "to": 1})["code"] == 20
    assert lin.handle("n0", {"type": "cas", "key": "k", "from": 0, "to": 1, "create_if_not_exists": True}) == {
        "type": "cas_ok"
    }
    assert lin.handle("n1", {"type": "read", "key": "k"})["value"] == 1
    assert lin.handle("n1", {"type": "frob", "key": "k"})["code"] == 10
    tso = TimestampOracle(Random(1))
    assert [tso.handle("n0", {"type": "ts"})["ts"] for _ in range(3)] == [0, 1, 2]
    lww = LastWriteWinsKV(Random(1))
    for value in range(50):
        lww.handle("n0", {"type": "write", "key": "k", "value": value})
    reads = {lww.handle("n0", {"type": "read", "key": "k"}).get("value") for _ in range(50)}
    assert len(reads) > 1, "replicas differ"


def test_seq_kv_shows_the_past_but_never_goes_back() -> None:
    seq = SequentialKV(Random(1))
    seen = []
    for value in range(50):
        seq.handle("n1", {"type": "write", "key": "k", "value": value})
        assert seq.handle("n1", {"type": "read", "key": "k"})["value"] == value, "a sender sees its own changes"
        seen.append(seq.handle("n2", {"type": "read", "key": "k"}).get("value", -1))
    assert seen == sorted(seen)
    assert seen != list(range(50)), "another sender reads the past now and then"
    seq.handle("n2", {"type": "write", "key": "other", "value": 1})
    assert seq.handle("n2", {"type": "read", "key": "k"})["value"] == 49, "a change brings its sender up to date"


def test_for_seq_kv_what_changes_nothing_is_no_fence() -> None:
    """A cas from a value to itself, a write of what is there and a cas that fails may all meet the past."""
    fences = (
        {"type": "cas", "key": "fence", "from": 0, "to": 0, "create_if_not_exists": True},
        {"type": "write", "key": "fence", "value": 0},
        {"type": "cas", "key": "fence", "from": 8, "to": 9},
    )
    for fence in fences:
        stale = 0
        for seed in range(100):
            seq = SequentialKV(Random(seed))
            seq.handle("n2", {"type": "write", "key": "fence", "value": 0})
            for value in range(20):
                seq.handle("n1", {"type": "write", "key": "k", "value": value})
            seq.handle("n2", fence)
            stale += seq.handle("n2", {"type": "read", "key": "k"}).get("value") != 19
        assert stale > 50, fence
    changing = SequentialKV(Random(1))
    changing.handle("n1", {"type": "write", "key": "k", "value": 1})
    changing.handle("n2", {"type": "cas", "key": "fence", "from": 0, "to": 1, "create_if_not_exists": True})
    assert changing.handle("n2", {"type": "read", "key": "k"})["value"] == 1


def test_a_cas_on_a_past_state_succeeds_only_if_it_changes_nothing() -> None:
    outcomes = set()
    for seed in range(50):
        seq = SequentialKV(Random(seed))
        seq.handle("n1", {"type": "write", "key": "k", "value": 1})
        seq.handle("n1", {"type": "write", "key": "k", "value": 2})
        assert seq.handle("n2", {"type": "cas", "key": "k", "from": 1, "to": 3}).get("code") in (20, 22)
        assert seq.handle("n1", {"type": "read", "key": "k"})["value"] == 2
        outcomes.add(seq.handle("n3", {"type": "cas", "key": "k", "from": 1, "to": 1})["type"])
    assert outcomes == {"cas_ok", "error"}


def test_services_compare_values_as_json_does() -> None:
    lin = LinearizableKV(Random(1))
    lin.handle("n1", {"type": "write", "key": "k", "value": True})
    assert lin.handle("n1", {"type": "cas", "key": "k", "from": 1, "to": 2})["code"] == 22
    assert lin.handle("n1", {"type": "read", "key": ["k"]})["code"] == 20
    lin.handle("n1", {"type": "write", "key": "k", "value": {"a": 1, "b": [2]}})
    assert lin.handle("n1", {"type": "cas", "key": "k", "from": {"b": [2], "a": 1}, "to": 2}) == {"type": "cas_ok"}
    lin.handle("n1", {"type": "write", "key": 1, "value": "one"})
    assert lin.handle("n1", {"type": "read", "key": True})["code"] == 20
