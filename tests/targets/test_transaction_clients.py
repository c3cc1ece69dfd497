"""Transactions of the clients for etcd and Redis: what is sent, and what an answer means."""

from __future__ import annotations

import msgspec
import pytest

from checker.errors import UsageError
from targets.backends.clients import redis
from targets.backends.clients.etcd import EtcdAnswer, EtcdClient, _revision, _text
from targets.backends.clients.resp import RespError
from targets.protocol.node import Request

STEPS = [["r", "x", None], ["w", "x", 2], ["r", "y", None]]
ASKED = Request("1", "c0", "txn", None, STEPS)
DONE = [["r", "x", 1], ["w", "x", 2], ["r", "y", None]]


def test_etcd_carries_out_the_steps_in_one_request() -> None:
    path, body = EtcdClient("http://127.0.0.1:1")._call(ASKED)
    assert path == "txn"
    assert [list(step) for step in body["success"]] == [["request_range"], ["request_put"], ["request_range"]]
    answer = {
        "header": {},
        "succeeded": True,
        "responses": [{"response_range": {"kvs": [{"value": _text(1)}]}}, {"response_put": {}}, {"response_range": {}}],
    }
    assert EtcdClient._output(ASKED, msgspec.convert(answer, EtcdAnswer)) == DONE
    told = msgspec.convert({"header": {"revision": "17"}}, EtcdAnswer)
    assert (_revision(ASKED, told), _revision(ASKED, msgspec.convert(answer, EtcdAnswer))) == (17, None)
    with pytest.raises(ValueError, match="shorter"):
        EtcdClient._output(ASKED, msgspec.convert({"header": {}}, EtcdAnswer))


def test_redis_carries_out_the_steps_between_multi_and_exec() -> None:
    commands = redis._commands(ASKED)
    assert [command[0] for command in commands] == ["MULTI", "ROLE", "GET", "SET", "GET", "EXEC"]
    assert redis._output(ASKED, [[b"master", 0], b"1", b"OK", None]) == DONE
    for wrong in (
        [[b"master", 0], b"1", None, None],
        [[b"slave", 0], b"1", b"OK", None],
        [[b"master", 0], 7, b"OK", None],
    ):
        with pytest.raises(RespError):
            redis._output(ASKED, wrong)


def test_lists_are_refused_with_the_step() -> None:
    append = Request("1", "c0", "txn", None, [["append", "x", 1]])
    with pytest.raises(UsageError, match="there is no append"):
        redis._commands(append)
    with pytest.raises(UsageError, match="there is no append"):
        EtcdClient("http://127.0.0.1:1")._call(append)
