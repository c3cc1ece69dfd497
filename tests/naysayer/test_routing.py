"""Which nodes clients ask: some stay, some follow the leader, and where all nodes answer all are asked."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from checker.history import Operation, Status
from naysayer.harness.routing import Routing
from workloads.few_writes import only_reads
from workloads.generator import Invocation

NODES = ("n1", "n2", "n3")
READ = Invocation("read", "x")


def asked(client: int, routing: Routing, times: int = 300) -> Counter[str]:
    random = Random(1)
    return Counter(routing.choose(client, READ, random) for _ in range(times))


def learn(routing: Routing, client: int, node: str, status: Status, referred: str | None = None) -> bool:
    return routing.learn(client, node, Operation(0, client, "read", status=status), referred)


@pytest.mark.parametrize("stay", [True, False])
def test_a_third_of_the_clients_stays_with_one_node_whatever_it_says(stay: bool) -> None:
    routing = Routing(NODES, 10, stay=stay)
    for client, node in ((0, "n1"), (3, "n2"), (6, "n3"), (9, "n1")):
        assert learn(routing, client, node, "fail", "n2"), "and rests where it was refused"
        assert asked(client, routing) == {node: 300}


@pytest.mark.parametrize("stay", [True, False])
def test_a_client_that_is_alone_finds_the_leader(stay: bool) -> None:
    routing = Routing(NODES, 1, stay=stay)
    learn(routing, 0, "n1", "fail", "n2")
    assert asked(0, routing)["n2"] > 150


def test_a_third_follows_the_leader_and_a_third_does_so_every_other_time() -> None:
    routing = Routing(NODES, 10, stay=False)
    for client in (1, 2):
        assert not learn(routing, client, "n1", "fail", "n3")
        learn(routing, client, "n3", "ok")
    assert asked(1, routing) == {"n3": 300}
    assert set(asked(2, routing)) == set(NODES)
    assert asked(2, routing)["n3"] > 150
    assert learn(routing, 1, "n3", "fail"), "refused by whom it took for the leader"
    assert set(asked(1, routing)) == set(NODES)


def test_where_every_node_answers_clients_stay_and_one_in_five_asks_any() -> None:
    routing = Routing(NODES, 10, stay=False)
    for client in range(10):
        learn(routing, client, "n1", "ok")
    assert min(asked(4, routing).values()) > 60
    assert [asked(client, routing) for client in (0, 1, 2, 3)] == [{n: 300} for n in ("n1", "n2", "n3", "n1")]
    assert asked(1, Routing(NODES, 10, stay=True))["n1"] < 150, "in the simulator they do not stay with n2"


def test_so_few_clients_that_a_node_would_be_left_out_ask_any() -> None:
    routing = Routing(NODES, 5, stay=False)
    for client in range(5):
        assert set(asked(client, routing)) == set(NODES)


def test_clients_that_only_read_stay_for_ever_and_the_others_do_not() -> None:
    routing = Routing(NODES, 10, stay=False, only_reads=only_reads)
    readers = [client for client in range(10) if only_reads(client, 10)]
    for client in range(10):
        assert learn(routing, client, "n1", "fail", "n3") == (client in readers)
    assert [asked(client, routing) for client in readers] == [{n: 300} for n in ("n1", "n2", "n3", "n1")]
    assert all(asked(client, routing)["n3"] > 150 for client in range(10) if client not in readers)


def test_an_operation_of_one_node_goes_there() -> None:
    routing = Routing(NODES, 10, stay=True)
    assert routing.choose(0, Invocation("read", "x", None, "n3"), Random(1)) == "n3"


def test_where_others_stay_to_read_a_refused_client_nearly_always_follows_the_leader() -> None:
    with_readers = Routing(NODES, 10, stay=False, only_reads=only_reads)
    without = Routing(NODES, 10, stay=False)
    for routing in (with_readers, without):
        learn(routing, 2, "n1", "fail", "n3")
        learn(routing, 2, "n3", "ok")
    assert 260 < asked(2, with_readers)["n3"] < 300
    assert asked(2, without)["n3"] < 240
