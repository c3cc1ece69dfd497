"""What holds for every workload: it keeps to what it declares, never repeats itself, and follows from its seed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from checker.check import check
from checker.errors import UsageError
from checker.history import History, Operation, Status
from checker.models import MODELS
from tests.workloads.play import Registers, play
from workloads.generator import Invocation, Workload
from workloads.parts import Limited, Pinned
from workloads.registry import WORKLOADS, find, names

EVERY = pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS.keys())

PUTS = {
    "register": {"write"},
    "kv-append": {"write", "append"},
    "append-list": {"append"},
    "log": {"append"},
    "set": {"add"},
    "kv-append-with-cas": {"write", "append"},
    "queue": {"enqueue"},
    "unordered-queue": {"enqueue"},
    "queue-with-peek": {"enqueue"},
    "stack": {"push"},
    "priority-queue": {"insert"},
    "cas-register": {"write"},
    "write-once": {"write"},
    "write-few-read-many": {"write"},
    "kv": {"write"},
    "echo": {"echo"},
    "broadcast": {"broadcast"},
    "g-set": {"add"},
    "lin-kv": {"write"},
    "kafka": {"send"},
}


@pytest.mark.slow
@EVERY
def test_only_declared_operations_are_invoked_and_each_of_them_is(workload: Workload) -> None:
    played, _ = play(workload.start(), 2000, answer=Logs() if workload.name == "kafka" else Registers())
    assert {op.f for op in played} == workload.operations


@EVERY
def test_the_same_seed_plays_the_same_operations(workload: Workload) -> None:
    first, _ = play(workload.start(), 300, seed=7, answer=Registers())
    again, _ = play(workload.start(), 300, seed=7, answer=Registers())
    assert first == again


@EVERY
def test_asking_leaves_a_generator_as_it_was(workload: Workload) -> None:
    """A generator is a value: playing from it twice gives the same, whatever was played in between."""
    _, halfway = play(workload.start(), 100, answer=Registers())
    first, _ = play(halfway, 100, seed=3, answer=Registers())
    again, _ = play(halfway, 100, seed=3, answer=Registers())
    assert first == again


@EVERY
def test_a_bounded_workload_runs_dry(workload: Workload) -> None:
    played, rest = play(Limited(workload.start(), 40), 1000, answer=Registers())
    assert len(played) == 40
    assert play(rest, 10)[0] == []


TAKES = {"queue": "dequeue", "unordered-queue": "dequeue", "stack": "pop", "priority-queue": "delete-min"}
CONTAINERS = {one.name: TAKES[one.model] for one in WORKLOADS.values() if one.model in TAKES}


@pytest.mark.parametrize(("name", "take"), CONTAINERS.items())
def test_a_container_is_emptied_in_the_last_round(name: str, take: str) -> None:
    finish = WORKLOADS[name].finish
    assert finish is not None
    left = [1, 2, 3, 4, 5, 6, 7]
    played, rest = play(finish(["q"]), 100, clients=3, answer=lambda *_: ("ok", left.pop() if left else None))
    assert [op.f for op in played] == [take] * 8
    assert [op.output for op in played] == [7, 6, 5, 4, 3, 2, 1, None]
    assert play(rest, 10)[0] == []


def test_a_take_that_failed_or_is_unknown_does_not_end_the_last_round() -> None:
    finish = WORKLOADS["queue"].finish
    assert finish is not None
    answers: list[tuple[Status, Any]] = [("info", None), ("fail", None), ("ok", 1), ("ok", None)]
    played, _ = play(finish(["q"]), 100, clients=2, answer=lambda *_: answers.pop(0))
    assert [op.status for op in played] == ["info", "fail", "ok", "ok"]


@pytest.mark.parametrize(
    "workload", [w for w in WORKLOADS.values() if w.finish and w.name not in CONTAINERS], ids=lambda w: w.name
)
def test_a_last_round_asks_every_client_the_same_and_ends(workload: Workload) -> None:
    assert workload.finish is not None
    played, _ = play(workload.finish(["x", "y"]), 10_000, clients=3, answer=Registers())
    by_client = [[(op.f, op.key, op.input) for op in played if op.process % 3 == client] for client in range(3)]
    assert by_client[0]
    assert by_client[0] == by_client[1] == by_client[2]
    assert {f for f, _, _ in by_client[0]} <= {"read", "final_poll"}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUTS)
def test_what_is_put_in_is_never_put_in_twice(name: str) -> None:
    played, _ = play(WORKLOADS[name].start(), 3000, answer=Registers())
    values = [op.input for op in played if op.f in PUTS[name]]
    assert len(values) > 50
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("workload", [w for w in WORKLOADS.values() if w.model in MODELS], ids=lambda w: w.name)
def test_the_model_of_a_workload_knows_its_operations(workload: Workload) -> None:
    assert workload.operations <= MODELS[workload.model].operations


@pytest.mark.parametrize("name", sorted(MODELS.keys() & {workload.model for workload in WORKLOADS.values()}))
def test_every_operation_of_a_model_occurs_in_a_workload(name: str) -> None:
    invoked = [workload.operations for workload in WORKLOADS.values() if workload.model == name]
    assert frozenset[str]().union(*invoked) == MODELS[name].operations


@pytest.mark.parametrize("name", ["register", "cas-register", "write-once", "kv", "kv-append", "kv-append-with-cas"])
def test_an_honest_system_is_never_accused(name: str) -> None:
    """Also a proof that the values fed back are real: a cas with made-up values would still be judged right, but
    answers that were mixed up would not."""
    workload = WORKLOADS[name]
    played, _ = play(workload.start(), 400, answer=Registers(lost=0.02))
    assert check(History.of(played), workload.model).outcome == "valid"


@pytest.mark.parametrize("name", ["cas-register", "kv", "write-once"])
def test_cas_is_fed_with_what_was_seen_and_often_succeeds(name: str) -> None:
    played, _ = play(WORKLOADS[name].start(), 2000, answer=Registers(lost=0.0))
    cas = [op for op in played if op.f == "cas"]
    succeeded = sum(op.output is True for op in cas)
    assert len(cas) > 300
    assert succeeded > len(cas) / (3 if name != "write-once" else 8)
    assert succeeded < len(cas), "a cas that fails is worth a look as well"


def test_some_cas_are_asked_for_again_word_for_word() -> None:
    played, _ = play(WORKLOADS["cas-register"].start(), 2000, answer=Registers())
    repeats = Counter((op.key, op.input) for op in played if op.f == "cas")
    assert sum(count > 1 for count in repeats.values()) > 20


def test_a_register_written_once_sees_a_race_and_then_a_fresh_key() -> None:
    played, _ = play(WORKLOADS["write-once"].start(), 600, answer=Registers())
    per_key = Counter(op.key for op in played)
    assert len(per_key) >= 40
    assert max(per_key.values()) <= 15
    assert any(op.f == "cas" and op.input[0] is None for op in played)


def test_keys_are_few_and_one_is_hot() -> None:
    played, _ = play(WORKLOADS["register"].start(), 3000)
    share = Counter(op.key for op in played)
    assert {key[0] for key in share} == {"x", "y", "z"}
    assert sum(count for key, count in share.items() if key[0] == "x") > 1500
    assert max(share.values()) == 200, "then a key is retired, or judging it would take ever longer"


def test_growing_values_are_left_behind_in_time() -> None:
    """Else the reads of a run would cost the square of its length."""
    played, _ = play(WORKLOADS["append-list"].start(), 5000, answer=Registers(lost=0.0))
    assert max(len(op.output or ()) for op in played if op.f == "read") <= 200


@pytest.mark.parametrize("name", ["txn-list-append", "txn-rw-register"])
def test_transactions_write_each_value_once(name: str) -> None:
    played, _ = play(WORKLOADS[name].start(), 500)
    steps = [step for op in played for step in op.input]
    written = [value for f, _, value in steps if f != "r"]
    assert all(value is None for f, _, value in steps if f == "r")
    assert len(set(written)) == len(written) > 200
    assert {len(op.input) for op in played} == {1, 2, 3, 4}


def test_polls_start_near_the_end_of_a_log() -> None:
    offsets: Counter[Any] = Counter()

    def answer(invocation: Invocation, client: int) -> tuple[Status, Any]:
        offsets[invocation.key] += invocation.f == "send"
        return "ok", offsets[invocation.key] - 1 if invocation.f == "send" else {}

    played, _ = play(WORKLOADS["kafka"].start(), 1000, answer=answer)
    asked = [op.input["1"] for op in played if op.f == "poll"]
    assert asked[-1] > 80
    assert all(op.input for op in played if op.f != "send")


class Logs:
    """Honest logs: offsets count from 0, polls give at most ten messages of each log."""

    def __init__(self) -> None:
        self.logs: dict[str, list[int]] = {}

    def __call__(self, invocation: Invocation, client: int) -> tuple[Status, Any]:
        if invocation.f == "send":
            log = self.logs.setdefault(invocation.key, [])
            log.append(invocation.input)
            return "ok", len(log) - 1
        if invocation.f in ("poll", "final_poll"):
            polled = {
                key: [[at, message] for at, message in enumerate(self.logs.get(key, []))][first:][:10]
                for key, first in invocation.input.items()
            }
            return "ok", polled
        return "ok", {} if invocation.f == "list_committed_offsets" else None


@pytest.mark.slow
def test_a_client_commits_only_what_it_has_polled() -> None:
    played, _ = play(WORKLOADS["kafka"].start(), 3000, answer=Logs())
    polled: dict[tuple[int, str], set[int]] = {}
    commits = [op for op in played if op.f == "commit_offsets"]
    assert len(commits) > 50
    for op in played:
        client = op.process % 5
        if op.f == "poll":
            for key, messages in op.output.items():
                polled.setdefault((client, key), set()).update(at for at, _ in messages)
        if op.f == "commit_offsets":
            assert op.input
            assert all(offset in polled[client, key] for key, offset in op.input.items())


def test_payloads_are_as_maelstrom_sends_them() -> None:
    (echo,) = play(WORKLOADS["echo"].start(), 1)[0]
    assert isinstance(echo.input, str)
    steps = [step for op in play(WORKLOADS["txn-rw-register"].start(), 2000)[0] for step in op.input]
    assert {type(key) for _, key, _ in steps} == {int}
    assert len({key for _, key, _ in steps}) > 3, "a key that was used often gives way to a fresh one"
    keys = {op.key for op in play(WORKLOADS["kafka"].start(), 200)[0] if op.f == "send"}
    assert {key.isdigit() for key in keys} == {True}


class Locks:
    """One lock, whose answers are sometimes lost; `held` is the process number of nobody but the client."""

    def __init__(self) -> None:
        self.holder: int | None = None
        self.turn = 0

    def __call__(self, invocation: Invocation, client: int) -> tuple[Status, Any]:
        self.turn += 1
        if invocation.f == "acquire":
            if self.holder is not None:
                return "fail", None
            self.holder = client
            return "ok", self.turn
        assert self.holder == client, "released a lock of somebody else"
        if self.turn % 7 == 0:
            return "fail", None
        self.holder = None
        return ("info", None) if self.turn % 5 == 0 else ("ok", None)


def test_nobody_releases_a_lock_that_it_does_not_hold() -> None:
    played, _ = play(WORKLOADS["lock"].start(), 2000, clients=4, answer=Locks())
    releases = [op for op in played if op.f == "release"]
    assert len(releases) > 100
    tokens = {op.output for op in played if op.f == "acquire" and op.status == "ok"}
    assert {op.input for op in releases} <= tokens


class Fence:
    """Hands out generations, and refuses the writes of older ones; now and then an answer is lost."""

    def __init__(self) -> None:
        self.newest = 0
        self.value: Any = None
        self.refused = 0
        self.turn = 0

    def __call__(self, invocation: Invocation, client: int) -> tuple[Status, Any]:
        self.turn += 1
        if invocation.f == "next":
            self.newest += 1
            return "ok", self.newest
        if invocation.f == "read":
            return "ok", self.value
        generation, value = invocation.input
        if generation < self.newest:
            self.refused += 1
            return "fail", None
        self.value = value
        return ("info", None) if self.turn % 9 == 0 else ("ok", None)


def test_fenced_writes_show_the_generation_given_last_and_some_come_too_late() -> None:
    fence = Fence()
    played, _ = play(WORKLOADS["fenced-register"].start(), 1000, clients=4, answer=fence)
    given: dict[int, Any] = {}
    for op in played:
        client = op.process % 4
        if op.f == "next":
            given[client] = op.output
        elif op.f == "fenced-write":
            assert op.input[0] == given[client]
    assert fence.refused > 50
    assert sum(op.f == "fenced-write" and op.status == "ok" for op in played) > 100
    assert check(History.of(played), "fenced-register").outcome == "valid"


def test_after_an_acquire_of_unknown_outcome_the_client_asks_again() -> None:
    def lost(invocation: Invocation, client: int) -> tuple[Status, Any]:
        return "info", None

    played, _ = play(WORKLOADS["lock"].start(), 50, answer=lost)
    assert {op.f for op in played} == {"acquire"}


def test_log_reads_follow_the_end_of_the_log() -> None:
    items: list[Any] = []

    def answer(invocation: Invocation, client: int) -> tuple[Status, Any]:
        if invocation.f == "append":
            items.append(invocation.input)
            return "ok", len(items) - 1
        return "ok", items[invocation.input] if invocation.input < len(items) else None

    played, _ = play(WORKLOADS["log"].start(), 1000, answer=answer)
    found = [op.output is not None for op in played if op.f == "read"]
    assert sum(found) > len(found) / 2
    assert not all(found), "a read behind the end is part of it"


def test_pinned_clients_stay_with_their_node() -> None:
    played, _ = play(Pinned(WORKLOADS["register"].start(), ("n1", "n2", "n3")), 100, clients=5)
    where: dict[Any, set[str | None]] = {}
    for op in played:
        where.setdefault(op.process, set()).add(op.node)
    assert where == {0: {"n1"}, 1: {"n2"}, 2: {"n3"}, 3: {"n1"}, 4: {"n2"}}


def test_pinning_changes_nothing_else() -> None:
    free, _ = play(WORKLOADS["cas-register"].start(), 200, answer=Registers())
    pinned, _ = play(Pinned(WORKLOADS["cas-register"].start(), ("n1",)), 200, answer=Registers())

    def bare(op: Operation) -> tuple[Any, ...]:
        return op.process, op.f, op.key, op.input, op.output

    assert [bare(op) for op in free] == [bare(op) for op in pinned]


def test_workloads_are_found_by_name() -> None:
    assert find("register").model == "register"
    assert names() == tuple(WORKLOADS)
    with pytest.raises(UsageError) as misspelt:
        find("regster")
    assert str(misspelt.value) == "there is no workload 'regster': did you mean register?"
    with pytest.raises(UsageError, match="no workload 'zzz': choose one of register, cas-register"):
        find("zzz")


def test_every_workload_has_a_line_for_people() -> None:
    for workload in WORKLOADS.values():
        assert workload.summary
        assert "\n" not in workload.summary
