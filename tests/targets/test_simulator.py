"""The simulator does what it is asked, shows that it did, and does it again for the same seed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest

from checker.errors import HarnessError, TargetError
from targets.backends.simulator import SimulatedCluster
from targets.backends.simulator.cluster import DELAY_MS
from targets.backends.simulator.disk import SimulatedDisk
from targets.backends.simulator.host import SYNC_NS
from targets.backends.simulator.loop import Loop
from targets.backends.simulator.time_keyed import SLOT_BITS, TimeKeyedRandom
from targets.protocol.fault import (
    Corrupt,
    Cut,
    Degrade,
    DelayMessages,
    DuplicateMessages,
    Evidence,
    Fault,
    Heal,
    Hold,
    Kill,
    LoseMessages,
    MessageFault,
    Pause,
    Release,
    Restart,
    Resume,
    Skew,
)
from targets.protocol.node import Context, Message, Node, NodeId, Reply, Request, Timer
from targets.protocol.target import Target

TICK_MS = 25.0
"""Longer than a message takes: a fault armed behind a tick meets the handler that it is meant for."""


class Note(Message, frozen=True, tag="note"):
    number: int


class Scribe:
    """Writes down what it gets: `notes` with times, and on its disk one byte a request, synced before the answer."""

    def __init__(self) -> None:
        self.notes: list[tuple[float, int]] = []
        self.ticks: list[float] = []
        self.length = 0

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        if "file" not in ctx.disk.names():
            ctx.disk.create("file")
            ctx.disk.sync_directory()
        self.length = len(ctx.disk.read("file"))
        ctx.set_timer("tick", TICK_MS)

    def receive(self, sender: NodeId, message: Message) -> None:
        if isinstance(message, Note):
            self.notes.append((self.ctx.now_ms(), message.number))
        elif isinstance(message, Request):
            self.serve(message)

    def serve(self, request: Request) -> None:
        if request.f == "read":
            self.ctx.reply(request, self.length)
        elif request.f == "tell":
            for number in range(request.input):
                self.ctx.send("n2", Note(number))
            self.ctx.reply(request)
        elif request.f == "write":
            self.ctx.disk.append("file", b"x")
            self.ctx.disk.sync("file")
            self.length += 1
            self.ctx.reply(request, self.length)
        else:
            raise ValueError(f"what is {request.f}?")

    def timeout(self, timer: Timer) -> None:
        self.ticks.append(self.ctx.now_ms())
        self.ctx.set_timer("tick", TICK_MS)

    def view(self) -> dict[str, Any]:
        return {"notes": self.notes, "ticks": self.ticks, "length": self.length}


def target(node: Callable[[], Node] = Scribe) -> Target:
    return Target("scribe", "for tests", node, frozenset({"read", "write", "tell"}), "register", (Note,))


class Stage:
    """A cluster of scribes and one client. `ask` returns the reply, after at most a second of virtual time."""

    def __init__(self, nodes: int = 2, seed: int = 1, node: Callable[[], Node] = Scribe) -> None:
        self.cluster = SimulatedCluster(target(node), nodes, seed, trace=True)
        self.cluster.start()
        self.cluster.run(until_ms=5.0)
        self.asked = 0

    def begin(self, f: str, given: Any = None, node: NodeId = "n1") -> list[Reply | None]:
        self.asked += 1
        got: list[Reply | None] = []
        self.cluster.invoke(Request(f"r{self.asked}", "c0", f, None, given), node, 1000.0, got.append)
        return got

    def ask(self, f: str, given: Any = None, node: NodeId = "n1") -> Reply | None:
        got = self.begin(f, given, node)
        self.cluster.run(until=lambda: bool(got))
        return got[0]

    def notes(self) -> list[int]:
        return [number for _, number in self.cluster.views()["n2"]["notes"]]

    def evidence(self, kind: type[Fault]) -> Evidence:
        return next(one for one in reversed(self.cluster.evidence()) if isinstance(one.fault, kind))


def output(reply: Reply | None) -> Any:
    assert reply is not None, reply
    assert reply.status == "ok", reply
    return reply.output


# the network


def test_a_link_keeps_the_order_and_takes_its_time() -> None:
    stage = Stage()
    stage.ask("tell", 50)
    stage.cluster.run(until_ms=stage.cluster.now_ms + 50)
    assert stage.notes() == list(range(50))
    assert stage.cluster.trace is not None
    delays = [(s.delivered_ns - s.sent_ns) / 1e6 for s in stage.cluster.trace if s.delivered_ns is not None]
    assert min(delays) >= 0.5
    assert max(delays) <= 10.01


def test_a_cut_loses_one_direction_until_it_is_healed() -> None:
    stage = Stage()
    stage.cluster.apply(Cut((("n1", "n2"),)))
    stage.ask("tell", 3)
    stage.cluster.run(until_ms=stage.cluster.now_ms + 50)
    assert stage.notes() == []
    assert stage.evidence(Cut).detail == "3 messages lost"
    stage.cluster.apply(Heal())
    stage.ask("tell", 2)
    stage.cluster.run(until_ms=stage.cluster.now_ms + 50)
    assert stage.notes() == [0, 1]
    assert stage.evidence(Cut).to_ms is not None


@pytest.mark.parametrize("under_way", [False, True])
def test_what_is_under_way_arrives_after_a_cut_unless_the_cable_was_pulled(under_way: bool) -> None:
    stage = Stage()
    trace = stage.cluster.trace
    assert trace is not None
    stage.begin("tell", 3)
    stage.cluster.run(until=lambda: any(isinstance(sent.message, Note) for sent in trace))
    stage.cluster.apply(Cut((("n1", "n2"),), under_way=under_way))
    stage.cluster.run(until_ms=stage.cluster.now_ms + 100)
    told = [sent for sent in trace if isinstance(sent.message, Note)]
    assert len(told) == 3
    assert len(stage.notes()) == (0 if under_way else 3)
    assert all((sent.delivered_ns is None) == under_way for sent in told)
    assert stage.evidence(Cut).shown == under_way


def test_a_cut_that_touched_nothing_is_no_evidence() -> None:
    stage = Stage()
    stage.cluster.apply(Cut((("n2", "n1"),)))
    stage.ask("tell", 3)
    assert not stage.evidence(Cut).shown


@pytest.mark.parametrize(
    ("fault", "holds"),
    [
        (Degrade((("n1", "n2"),), loss=0.3), lambda got: 0 < len(got) < 100 and got == sorted(got)),
        (Degrade((("n1", "n2"),), duplicate=0.3), lambda got: len(got) > 100 and set(got) == set(range(100))),
        (Degrade((("n1", "n2"),), reorder=0.3), lambda got: got != sorted(got) and sorted(got) == list(range(100))),
        (Degrade((("n1", "n2"),), delay_ms=100.0), lambda got: got == list(range(100))),
    ],
    ids=["loss", "duplicate", "reorder", "delay"],
)
def test_a_bad_link_does_what_it_says(fault: Degrade, holds: Callable[[list[int]], bool]) -> None:
    stage = Stage()
    stage.cluster.apply(fault)
    stage.ask("tell", 100)
    began = stage.cluster.now_ms
    stage.cluster.run(until_ms=began + 3000)
    assert holds(stage.notes())
    assert stage.evidence(Degrade).shown
    last = stage.cluster.views()["n2"]["notes"][-1][0]
    assert (last - began > 200) == (fault.delay_ms > 0)


@pytest.mark.parametrize(
    ("fault", "got", "detail"),
    [
        (LoseMessages((("n1", "n2"),), ("Note",), 3), [3, 4, 5], "3 messages lost"),
        (DelayMessages((("n1", "n2"),), ("Note",), 2, 40.0), [2, 3, 4, 5, 0, 1], "2 messages late"),
        (DuplicateMessages((("n1", "n2"),), after_ms=40.0), [*range(6), *range(6)], "6 messages duplicated"),
        (LoseMessages((("n1", "n2"),), ("Other",)), [*range(6)], "0 messages lost"),
    ],
    ids=["lose", "delay", "duplicate", "another kind"],
)
def test_a_fault_of_messages_affects_those_of_its_kinds(fault: MessageFault, got: list[int], detail: str) -> None:
    stage = Stage()
    stage.cluster.apply(fault)
    stage.ask("tell", 6)
    stage.cluster.run(until_ms=stage.cluster.now_ms + 100)
    assert sorted(stage.notes()) == sorted(got)
    if not isinstance(fault, DelayMessages):
        assert stage.notes()[:6] == got[:6]
    else:
        assert set(stage.notes()[:4]) == set(got[:4])
    evidence = stage.evidence(type(fault))
    assert (evidence.shown, evidence.detail) == (detail[0] != "0", detail)
    assert stage.cluster.message_kinds == {"Note": 6}


def test_held_messages_come_when_they_are_released() -> None:
    stage = Stage()
    stage.cluster.apply(Hold(("n1", "n2"), 2, "Note"))
    stage.ask("tell", 4)
    stage.cluster.run(until_ms=stage.cluster.now_ms + 50)
    assert stage.notes() == [2, 3]
    stage.cluster.apply(Release())
    stage.cluster.run(until_ms=stage.cluster.now_ms + 50)
    assert stage.notes() == [2, 3, 0, 1]
    assert stage.evidence(Release).detail == "2 messages released"


# life and death


def test_a_paused_node_does_nothing_and_then_catches_up() -> None:
    stage = Stage()
    stage.cluster.apply(Pause(("n2",)))
    before = len(stage.cluster.views()["n2"]["ticks"])
    stage.ask("tell", 5)
    stage.cluster.run(until_ms=stage.cluster.now_ms + 100)
    assert stage.notes() == []
    assert len(stage.cluster.views()["n2"]["ticks"]) == before
    stage.cluster.apply(Resume(("n2",)))
    assert stage.notes() == [0, 1, 2, 3, 4]
    assert "6 inputs had waited" in stage.evidence(Resume).detail


def test_a_killed_node_keeps_what_it_wrote_and_forgets_the_rest() -> None:
    stage = Stage()
    assert [output(stage.ask("write")) for _ in range(3)] == [1, 2, 3]
    stage.cluster.apply(Kill(("n1",)))
    assert stage.cluster.down == {"n1"}
    assert "n1" not in stage.cluster.views()
    assert stage.ask("read") is None
    stage.cluster.apply(Restart(("n1",)))
    assert output(stage.ask("read")) == 3
    assert stage.evidence(Kill).shown
    assert stage.evidence(Restart).shown


def test_the_clients_of_an_only_server_connect_again() -> None:
    stage = Stage(nodes=1)
    stage.cluster.apply(Kill(("n1",)))
    refused = stage.ask("read")
    assert refused is not None
    assert (refused.status, refused.error) == ("fail", "connection refused")
    waiting = stage.begin("read")
    stage.cluster.run(until_ms=stage.cluster.now_ms + 500)
    assert not waiting
    stage.cluster.apply(Restart(("n1",)))
    stage.cluster.run(until=lambda: bool(waiting))
    assert output(waiting[0]) == 0


def test_a_restart_resets_connections_over_which_nothing_will_come() -> None:
    stage = Stage(nodes=1)
    got = stage.begin("write")
    stage.cluster.run(until=lambda: stage.cluster.views()["n1"]["length"] > 0)
    stage.cluster.apply(Kill(("n1",)))
    stage.cluster.apply(Restart(("n1",)))
    began = stage.cluster.now_ms
    stage.cluster.run(until=lambda: bool(got))
    assert got == [None]
    assert stage.cluster.now_ms - began < 20


def test_a_refused_copy_of_a_request_says_nothing_of_the_copy_that_came_before() -> None:
    """The only server executes the first copy, dies before it answers, and refuses the second."""
    said = set()
    for seed in range(30):
        stage = Stage(nodes=1, seed=seed)
        stage.cluster.run(until_ms=TICK_MS + 0.5)
        stage.cluster.apply(Degrade((("c0", "n1"),), duplicate=1.0))
        stage.cluster.apply(Kill(("n1",), effects=2))
        got = stage.begin("write")
        stage.cluster.run(until_ms=stage.cluster.now_ms + 60)
        if stage.cluster.down:
            stage.cluster.run(until_ms=stage.cluster.now_ms + 2000)
            said.add("unknown" if got == [None] else str(got))
    assert said == {"unknown"}


def test_what_a_client_was_told_of_as_refused_is_not_done_by_a_late_copy() -> None:
    """The only server is down when the first copy comes, and up again when the second does, too late for the client."""
    late = 0
    for seed in range(60):
        stage = Stage(nodes=1, seed=seed)
        stage.cluster.apply(Degrade((("c0", "n1"),), duplicate=1.0))
        stage.cluster.apply(Kill(("n1",)))
        got: list[Reply | None] = []
        stage.cluster.invoke(Request("r", "c0", "write"), "n1", 8.0, got.append)
        stage.cluster.run(until_ms=stage.cluster.now_ms + 8.5)
        stage.cluster.apply(Restart(("n1",)))
        restarted_ns = stage.cluster.now_ns
        stage.cluster.run(until_ms=stage.cluster.now_ms + 100)
        if got[0] is not None:
            late += any(sent.delivered_ns and sent.delivered_ns > restarted_ns for sent in stage.cluster.trace or ())
            assert (got[0].status, stage.cluster.views()["n1"]["length"]) == ("fail", 0), seed
    assert late > 5


@pytest.mark.parametrize("effects", range(7))
def test_a_node_may_die_between_any_two_effects(effects: int) -> None:
    stage = Stage(seed=effects)
    stage.cluster.run(until_ms=TICK_MS + 0.5)
    stage.cluster.apply(Kill(("n1",), effects=effects))
    got = stage.begin("tell", 5)
    stage.cluster.run(until_ms=stage.cluster.now_ms + 24)
    assert stage.notes() == list(range(min(effects, 5)))
    assert [reply is not None for reply in got] == ([True] if effects > 5 else [])
    assert stage.evidence(Kill).shown == (effects < 6), "behind its last effect a handler is over"


def test_a_restart_calls_off_a_death_that_has_not_come() -> None:
    stage = Stage()
    stage.cluster.apply(Kill(("n1",), effects=3))
    stage.cluster.apply(Restart(("n1",)))
    assert stage.ask("tell", 9) is not None
    assert not stage.cluster.down
    assert not stage.evidence(Kill).shown


def test_leaving_out_a_message_leaves_the_delays_of_the_others_as_they_were() -> None:
    def times(skipped: int | None) -> dict[int, int | None]:
        stage = Stage()
        for number in range(20):
            stage.cluster.run(until_ms=10.0 * number + 20)
            if number != skipped:
                stage.begin("read")
        stage.cluster.run(until_ms=500)
        requests = [sent for sent in stage.cluster.trace or [] if isinstance(sent.message, Request)]
        return {sent.sent_ns: sent.delivered_ns for sent in requests}

    whole, part = times(None), times(7)
    assert len(part) == len(whole) - 1
    assert part.items() <= whole.items()


def test_delays_are_spread_over_all_that_a_healthy_link_may_take() -> None:
    stage = Stage()
    for number in range(500):
        stage.cluster.run(until_ms=20.0 * number + 20)
        stage.begin("read")
    took_ms = sorted(
        (sent.delivered_ns - sent.sent_ns) / 1e6 for sent in stage.cluster.trace or [] if sent.delivered_ns
    )
    least, most = DELAY_MS
    assert least <= took_ms[0] < least + 0.1
    assert most - 0.5 < took_ms[-1] <= most
    # the square of a uniform number: a quarter of the spread at the median
    assert took_ms[len(took_ms) // 2] == pytest.approx(least + (most - least) / 4, abs=0.4)


def test_time_keyed_numbers_depend_on_the_time_and_not_on_earlier_numbers() -> None:
    def numbers(before: int) -> list[float]:
        loop = Loop()
        random = TimeKeyedRandom(loop, "1 n1")
        for _ in range(before):
            random.random()
        loop.now_ns = 50_000_000
        return [random.random(), random.uniform(1, 2), random.randrange(10), random.getrandbits(100), random.random()]

    assert numbers(0) == numbers(5)
    assert len(set(numbers(0))) == 5


def test_time_keyed_numbers_are_evenly_distributed() -> None:
    loop = Loop()
    random = TimeKeyedRandom(loop, "2 n1")
    counts = Counter[int]()
    for slot in range(5000):
        loop.now_ns = slot << SLOT_BITS
        counts.update((random.randrange(5), int(5 * random.random())))
    assert all(abs(counts[value] - 2000) < 150 for value in range(5))


def test_only_what_was_synced_surely_survives_a_power_loss() -> None:
    found: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}
    for effects in found:
        for seed in range(20):
            stage = Stage(seed=seed)
            stage.cluster.apply(Kill(("n1",), power=True, effects=effects))
            stage.ask("write")  # effects: append, sync, reply
            stage.cluster.apply(Restart(("n1",)))
            found[effects].add(output(stage.ask("read")))
    assert found == {0: {0}, 1: {0, 1}, 2: {1}}


def test_syncs_take_time_and_inputs_wait_for_them_in_order() -> None:
    stage = Stage()
    replies = [stage.begin("write") for _ in range(20)] + [stage.begin("read")]
    stage.cluster.run(until=lambda: all(replies))
    assert [output(got[0]) for got in replies] == [*range(1, 21), 20]
    assert stage.cluster.trace is not None
    sent = [s.sent_ns for s in stage.cluster.trace if isinstance(s.message, Reply)]
    gaps = [later - sooner for sooner, later in pairwise(sent[:20])]
    assert min(gaps) >= SYNC_NS[0]
    assert len(set(gaps)) > 5
    assert sent[20] == sent[19], "a read needs no sync"


# disks and clocks


def test_a_failed_sync_stops_the_node() -> None:
    stage = Stage()
    stage.cluster.apply(Corrupt("n1", "fsync-error"))
    assert stage.ask("write") is None
    assert stage.cluster.down == {"n1"}
    stage.cluster.apply(Restart(("n1",)))
    assert output(stage.ask("write")) == 1, "as on Linux, what the failed sync was to write is lost"


def test_a_full_disk_stops_the_node_until_there_is_room() -> None:
    stage = Stage()
    stage.cluster.apply(Corrupt("n1", "full"))
    assert stage.ask("write") is None
    stage.cluster.apply(Restart(("n1",)))
    assert output(stage.ask("read")) == 0
    stage.cluster.apply(Corrupt("n1", "full", undo=True))
    assert output(stage.ask("write")) == 1


def test_a_flipped_bit_is_reported_with_its_place() -> None:
    stage = Stage()
    stage.cluster.apply(Corrupt("n1", "bit-flip"))
    assert not stage.evidence(Corrupt).shown
    stage.ask("write")
    stage.cluster.apply(Corrupt("n1", "bit-flip"))
    assert stage.evidence(Corrupt).detail == "bit flipped at byte 0 of file"


def test_a_skewed_clock_shows_the_offset_and_runs_at_its_rate() -> None:
    stage = Stage()
    stage.cluster.apply(Skew("n1", offset_ms=1000.0, rate=2.0))
    stage.cluster.run(until_ms=205.0)
    ticks = stage.cluster.views()["n1"]["ticks"]
    assert ticks[-1] == pytest.approx(1405.0, abs=30)
    assert len(ticks) == pytest.approx(2 * len(stage.cluster.views()["n2"]["ticks"]), abs=3)


def test_faults_that_make_no_sense_are_refused() -> None:
    with pytest.raises(HarnessError, match="torn write"):
        Stage().cluster.apply(Corrupt("n1", "torn-write"))


# what is watched


class Asked:
    """Holds, and notes about whom it is asked."""

    name = "asked"
    asked: ClassVar[list[NodeId]] = []

    def check(self, stepped: NodeId, nodes: dict[NodeId, Node]) -> str | None:
        self.asked.append(stepped)
        return None


class AtMostOne:
    name = "at most one"

    def check(self, stepped: NodeId, nodes: dict[NodeId, Node]) -> str | None:
        return "two were written" if nodes[stepped].view()["length"] > 1 else None


def test_a_broken_invariant_is_told_once_with_its_time() -> None:
    watched = Target("scribe", "", Scribe, frozenset(), "", (), invariants=(AtMostOne,))  # type: ignore[arg-type]
    cluster = SimulatedCluster(watched, 1, 1)
    cluster.start()
    for number in range(4):
        cluster.invoke(Request(f"r{number}", "c0", "write"), "n1", 100.0, lambda reply: None)
    cluster.run(until_ms=100)
    assert len(cluster.violations) == 1
    assert cluster.violations[0].startswith("at most one at ")
    assert cluster.violations[0].endswith("two were written")


def test_what_must_hold_after_a_recovery_is_asked_when_a_node_has_come_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Asked, "asked", [])
    watched = Target("scribe", "", Scribe, frozenset(), "", (), recovery=(Asked,))  # type: ignore[arg-type]
    cluster = SimulatedCluster(watched, 2, 1)
    cluster.start()
    cluster.invoke(Request("r1", "c0", "write"), "n1", 100.0, lambda reply: None)
    cluster.run(until_ms=100)
    assert Asked.asked == ["n1", "n2"]
    cluster.apply(Kill(("n2",)))
    cluster.apply(Restart(("n2",)))
    cluster.run(until_ms=200)
    assert Asked.asked == ["n1", "n2", "n2"]


def test_what_a_handler_did_is_watched_only_when_it_is_durable() -> None:
    """Nobody has heard of it before, and a node that dies of its sync has not done it."""

    def violations(fault: Corrupt | None) -> list[str]:
        watched = Target("scribe", "", Scribe, frozenset(), "", (), invariants=(AtMostOne,))  # type: ignore[arg-type]
        cluster = SimulatedCluster(watched, 1, 1)
        cluster.start()
        for number in range(2):
            cluster.invoke(Request(f"r{number}", "c0", "write"), "n1", 100.0, lambda reply: None)
            cluster.run(until=lambda: cluster.views()["n1"]["length"] == number + 1)  # noqa: B023 - runs at once
            if number == 0:
                cluster.run(until_ms=cluster.now_ms + 10)
                if fault is not None:
                    cluster.apply(fault)
        assert cluster.violations == [], "the second write is in memory, and its sync goes on"
        cluster.run(until_ms=cluster.now_ms + 10)
        return cluster.violations

    assert len(violations(None)) == 1
    assert violations(Corrupt("n1", "fsync-error")) == []


def test_an_exception_in_a_node_names_the_node_and_the_input() -> None:
    with pytest.raises(
        TargetError, match=r"node n1 raised ValueError\('what is dance\?'\) at test_simulator.py:\d+ in receive"
    ):
        Stage().ask("dance")


# determinism

PROGRAM = """
from hashlib import sha256
from tests.targets.simulated import ANY, ANY_LOG, drawn, simulate
for name, faults in (("quorum-kv", ANY), ("raft-log", ANY_LOG), ("wal-kv", ANY)):
    run = simulate(drawn(name, 7, faults))
    text = repr((run.recorder.ended(0), run.evidence, run.views, run.events))
    print(sha256(text.encode()).hexdigest())
"""


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run_in_any_process() -> None:
    def run(hash_seed: str) -> str:
        root = Path(__file__).resolve().parents[2]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
        words = [sys.executable, "-c", PROGRAM]
        return subprocess.run(words, cwd=root, env=environment, check=True, capture_output=True, text=True).stdout

    first = run("1")
    assert len(first.split()) == 3
    assert run("2") == first


def test_what_is_durable_is_what_a_power_loss_leaves_that_keeps_nothing_else() -> None:
    class Least(Random):
        """Of what was not synced, none is kept."""

        def randint(self, a: int, b: int) -> int:
            return a

        def random(self) -> float:
            return 0.0

    for seed in range(200):
        random, disk = Random(seed), SimulatedDisk()
        for _ in range(12):
            names = disk.names()
            name = random.choice(names) if names else ""
            match random.choice(
                ("create", "append", "append", "truncate", "sync", "sync_directory", "rename", "remove")
            ):
                case "create":
                    disk.create(f"file-{random.randrange(4)}")
                case "sync_directory":
                    disk.sync_directory()
                case "append" if names:
                    disk.append(name, bytes(random.choices(b"abcd", k=random.randrange(1, 6))))
                case "truncate" if names:
                    disk.truncate(name, random.randint(0, len(disk.read(name))))
                case "sync" if names:
                    disk.sync(name)
                case "rename" if names:
                    disk.rename(name, f"file-{random.randrange(4, 8)}")
                case "remove" if names:
                    disk.remove(name)
        durable = disk.durable()
        disk.lose_power(Least(), torn=False)
        assert {one: durable.read(one) for one in durable.names()} == {one: disk.read(one) for one in disk.names()}, (
            seed
        )
