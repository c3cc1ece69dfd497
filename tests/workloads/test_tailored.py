"""Workloads with other keys than their own: how many, for how many clients, for how many operations."""

from __future__ import annotations

from collections import Counter

import pytest

from checker.check import check
from checker.errors import UsageError
from checker.history import History, Operation
from tests.workloads.play import Registers, play
from workloads.registry import WORKLOADS
from workloads.tailored import Sizes, tailored

WITH_KEYS = [name for name, one in WORKLOADS.items() if one.keys is not None]
ON_ONE_KEY = [name for name in WITH_KEYS if WORKLOADS[name].operations != {"txn"}]


def played(
    name: str, sizes: Sizes, operations: int = 600, clients: int = 6, *, integers: bool = False
) -> list[Operation]:
    workload = tailored(WORKLOADS[name], sizes, integers=integers)
    return play(workload.start(), operations, clients=clients, answer=Registers(lost=0.0))[0]


@pytest.mark.parametrize("name", ON_ONE_KEY)
def test_so_many_keys_are_in_use_at_once(name: str) -> None:
    """Until the first is retired."""
    several = 12 if name.startswith("write-few") else 120
    for count in (1, 7):
        history = played(name, Sizes(key_count=count, ops_per_key=10_000), several * count)
        assert len({op.key for op in history}) == count


@pytest.mark.parametrize("name", ON_ONE_KEY)
def test_a_key_is_retired_after_so_many_operations(name: str) -> None:
    share = Counter(op.key for op in played(name, Sizes(ops_per_key=20)))
    assert len(share) > 20
    if name.startswith("write-few"):  # retired keys are read now and then
        assert sum(share.values()) / len(share) < 30
    else:
        assert max(share.values()) == 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_ONE_KEY)
def test_each_group_of_clients_has_keys_of_its_own(name: str) -> None:
    history = played(name, Sizes(clients_per_key=2, key_count=2))
    groups: dict[object, set[int]] = {}
    for op in history:
        assert isinstance(op.process, int)
        groups.setdefault(op.key, set()).add(op.process % 6 // 2)
    assert all(len(who) == 1 for who in groups.values())
    assert {group for who in groups.values() for group in who} == {0, 1, 2}
    written = {op.key for op in history if op.f in ("write", "append", "cas")}
    assert {group for key in written for group in groups[key]} == {0, 1, 2}, "no group only reads"
    assert check(History.of(history), WORKLOADS[name].model).outcome == "valid"


@pytest.mark.parametrize("name", ["lin-kv", "register", "kv", "write-few-read-many"])
def test_programs_for_maelstrom_get_integers(name: str) -> None:
    for sizes in (Sizes(), Sizes(key_count=40), Sizes(clients_per_key=3)):
        assert {type(op.key) for op in played(name, sizes, integers=True)} == {int}


def test_many_keys_have_names_that_no_retired_key_has() -> None:
    used = {op.key for op in played("register", Sizes(key_count=60, ops_per_key=3), 3000)}
    assert len(used) > 800
    assert {"x", "a", "z1", "aa"} <= used


def test_clients_that_only_read_are_counted_within_their_group() -> None:
    workload = tailored(WORKLOADS["write-few-read-many"], Sizes(clients_per_key=6))
    assert workload.only_reads is not None
    assert [workload.only_reads(client, 12) for client in range(12)] == 2 * [False, False, False, True, True, True]


def test_transactions_have_so_many_steps_over_so_many_keys() -> None:
    history = played("txn-list-append", Sizes(key_count=1, max_txn_length=7, ops_per_key=10_000))
    assert max(len(op.input) for op in history) == 7
    assert {key for op in history for _, key, _ in op.input} == {0}


@pytest.mark.parametrize(
    ("name", "sizes", "said"),
    [
        ("echo", Sizes(key_count=2), "--key-count is for workloads with keys, and echo has none"),
        ("set", Sizes(ops_per_key=2), "--ops-per-key is for workloads with keys, and set has none"),
        ("kafka", Sizes(max_txn_length=2), "--max-txn-length is for workloads of transactions, and kafka has none"),
        ("kafka", Sizes(clients_per_key=2), "are for operations on one key each, not for kafka"),
        ("txn-list-append", Sizes(clients_per_key=2), "--clients-per-key is for operations on one key each"),
    ],
)
def test_a_size_that_a_workload_has_no_use_for_is_refused(name: str, sizes: Sizes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        tailored(WORKLOADS[name], sizes)
