"""The default load in real time: keys written few times, read many times, and retired."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from checker.check import check
from checker.history import PENDING, History, Operation, Status
from tests.workloads.play import Registers, play
from workloads.few_writes import FROZEN_MS, LIVE_KEYS, RETIRED_MAX, WRITES, FewWrites, only_reads
from workloads.generator import Generator, Invocation, Turn

SLOW_NS = 1_000_000_000


def ask(generator: Generator, now_ms: float, client: int = 0, clients: int = 5) -> tuple[Invocation, Any]:
    asked, rest = generator.next(Turn(now_ms, client, clients, Random(now_ms)))
    assert isinstance(asked, Invocation)
    return asked, rest


def first_write(generator: Any) -> tuple[Invocation, Any, float]:
    """The first write that is asked for, and when (ms)."""
    for ms in range(100):
        asked, generator = ask(generator, float(ms))
        if asked.f == "write":
            return asked, generator, float(ms)
    raise AssertionError("no write")


def ended(asked: Invocation, status: Status, took_ns: int = SLOW_NS) -> Operation:
    return Operation(0, 0, asked.f, asked.key, asked.input, None, 0, PENDING if status == "info" else took_ns, status)


def after(status: Status, took_ns: int = SLOW_NS) -> tuple[Any, list[tuple[float, Invocation]]]:
    """The key of a write that ended so, and what is asked for in 10 s after it; all else succeeds."""
    write, generator, now_ms = first_write(FewWrites())
    generator = generator.observe(ended(write, status, took_ns))
    later = []
    for step in range(2000):
        ms = now_ms + 5.0 * step
        asked, generator = ask(generator, ms)
        generator = generator.observe(ended(asked, "ok"))
        later.append((ms - now_ms, asked))
    return write.key, later


def test_keys_are_written_few_times_read_many_times_and_retired() -> None:
    played, rest = play(FewWrites(), 5000, clients=10, answer=Registers(lost=0.0))
    writes, reads = (Counter(op.key for op in played if op.f == f) for f in ("write", "read"))
    assert max(writes.values()) == WRITES
    assert len(writes) > 50
    assert reads.total() > 5 * writes.total()
    assert isinstance(rest, FewWrites)
    assert len(rest.keys) == LIVE_KEYS
    live = {one.key for one in rest.keys}
    again = [op for op in played[-300:] if op.key not in live]
    assert again, "retired keys are still read"
    assert {op.f for op in play(rest, 40, clients=10)[0] if op.key in rest.retired} == {"read"}
    assert len(rest.retired) <= RETIRED_MAX


def test_a_key_whose_write_is_unknown_or_failed_late_is_read_for_a_while_and_never_written_again() -> None:
    for status in ("info", "fail"):
        key, later = after(status)
        assert all(asked.f == "read" for _, asked in later if asked.key == key)
        soon = [asked for ms, asked in later if ms < FROZEN_MS]
        assert sum(asked.key == key for asked in soon) > len(soon) / 4


def test_a_write_that_was_refused_at_once_is_asked_for_again() -> None:
    key, later = after("fail", took_ns=1_000_000)
    assert sum(asked.f == "write" for _, asked in later if asked.key == key) == WRITES


def test_at_most_two_writes_of_a_key_are_under_way() -> None:
    generator: Any = FewWrites()
    under_way: Counter[Any] = Counter()
    for step in range(500):
        asked, generator = ask(generator, float(step))
        under_way[asked.key] += asked.f == "write"
    assert set(under_way.values()) <= {0, 1, 2}
    assert {1, 2} <= set(under_way.values())


@pytest.mark.slow
def test_while_no_key_may_be_written_fresh_ones_are_added() -> None:
    generator: Any = FewWrites()
    most = 0
    for step in range(4000):
        asked, generator = ask(generator, step / 2)
        generator = generator.observe(ended(asked, "info" if asked.f == "write" else "ok"))
        most = max(most, len(generator.keys))
    assert most == 8
    for step in range(4000):
        asked, generator = ask(generator, 10_000 + step)
        generator = generator.observe(ended(asked, "ok"))
    assert len(generator.keys) == LIVE_KEYS


def test_half_of_ten_clients_only_read_and_of_few_none_does() -> None:
    played, _ = play(FewWrites(), 3000, clients=10, answer=Registers(lost=0.0))
    writers = {op.process for op in played if op.f == "write"}
    assert writers == {client for client in range(10) if not only_reads(client, 10)} == {0, 1, 2, 6, 7, 8}
    assert not any(only_reads(client, 5) for client in range(5))


def test_an_honest_store_is_never_accused_though_answers_are_lost() -> None:
    played, _ = play(FewWrites(), 1500, clients=10, answer=Registers(lost=0.1))
    assert check(History.of(played), "register").outcome == "valid"


@pytest.mark.slow
def test_where_there_is_cas_a_third_of_the_keys_is_changed_by_it_from_the_value_seen_last() -> None:
    played, _ = play(FewWrites(cas=True), 5000, clients=10, answer=Registers(lost=0.02))
    assert check(History.of(played), "cas-register").outcome == "valid"
    cas = [op for op in played if op.f == "cas"]
    assert sum(op.output is True for op in cas) > len(cas) / 2 > 30
    keys = {op.key for op in played if op.f == "write"}
    assert len({op.key for op in cas}) > len(keys) / 5


def test_a_system_that_refuses_cas_has_its_keys_written() -> None:
    store = Registers(lost=0.0)

    def answer(invocation: Invocation, client: int) -> tuple[Status, Any]:
        return ("fail", None) if invocation.f == "cas" else store(invocation, client)

    played, _ = play(FewWrites(cas=True), 3000, clients=10, answer=answer)
    refused = [op.key for op in played if op.f == "cas"]
    assert len(refused) > 5
    assert max(Counter(refused).values()) <= 2, "two may be under way"
    assert min(sum(op.f == "write" and op.key == key for op in played) for key in refused[:5]) == WRITES
