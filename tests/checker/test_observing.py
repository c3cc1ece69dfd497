"""Whether a history could have shown a lost or stale value: by model, with what succeeded and what did not."""

from __future__ import annotations

from typing import Any

import pytest

from checker.history import PENDING, History, Operation, Status
from checker.models import MODELS
from checker.observing import ROLES, noticeable, transactional
from checker.properties import PROPERTIES

LIST_WRITE, LIST_READ = (("append", "x", 1),), (("r", "x", (1,)),)
OTHER_READ = (("r", "y", ()),)


def history(*operations: tuple[Any, ...]) -> History:
    """Operations one after the other: (f, status, output) or (f, status, output, key)."""
    ops = []
    for number, (f, status, output, *key) in enumerate(operations):
        call = 10 * number
        state: Status = status
        ret = PENDING if status == "info" else call + 5
        ops.append(Operation(number, number, f, *(key or ["x"]), None, output, call, ret, state))
    return History.of(ops)


def test_every_model_says_what_puts_something_in_and_what_observes_it() -> None:
    lacking = [name for name in (*MODELS, *PROPERTIES) if name not in ROLES and not transactional(name)]
    assert lacking == []


@pytest.mark.parametrize("model", [name for name in ROLES if name in MODELS])
def test_the_roles_are_operations_of_the_model(model: str) -> None:
    for one in ROLES[model]:
        assert set(one.observes) & MODELS[model].operations
        assert set(one.updates) & MODELS[model].operations


@pytest.mark.parametrize(
    ("model", "operations"),
    [
        ("register", [("write", "ok", None), ("read", "ok", 1)]),
        ("register", [("write", "ok", None), ("read", "ok", None)]),
        ("register", [("write", "info", None), ("read", "ok", 1), ("read", "ok", 1)]),
        ("kv", [("write", "ok", None, "x"), ("read", "fail", None, "x"), ("cas", "ok", False, "x")]),
        ("cas-register", [("cas", "ok", True), ("cas", "ok", True)]),
        ("log", [("append", "ok", 0), ("read", "ok", None)]),
        ("set", [("add", "ok", None), ("contains", "ok", True)]),
        ("counter", [("add", "ok", None), ("read", "ok", 0)]),
        ("queue", [("enqueue", "ok", None), ("dequeue", "ok", None)]),
        ("stack", [("push", "ok", None), ("pop", "ok", 1)]),
        ("priority-queue", [("insert", "ok", None), ("delete-min", "ok", 1)]),
        ("mutex", [("acquire", "ok", None), ("release", "ok", None), ("acquire", "ok", None)]),
        ("mutex", [("acquire", "ok", None), ("acquire", "ok", False)]),
        ("ids", [("generate", "ok", 7), ("generate", "ok", 8)]),
        ("generation", [("next", "ok", 1), ("next", "ok", 2)]),
        ("fenced-register", [("next", "ok", 1), ("fenced-write", "ok", None)]),
        ("fenced-register", [("fenced-write", "ok", None), ("read", "ok", 1)]),
        ("echo", [("echo", "ok", 1)]),
        ("broadcast", [("broadcast", "ok", None), ("read", "ok", (1,))]),
        ("kafka", [("send", "ok", 0, "k1"), ("poll", "ok", (), None)]),
        ("txn-list-append", [("txn", "ok", LIST_WRITE, None), ("txn", "ok", LIST_READ, None)]),
        ("txn-rw-register", [("txn", "ok", LIST_READ, None), ("txn", "ok", (("w", "x", 2),), None)]),
        ("multi-register", [("txn", "ok", (("w", "x", 2),), None), ("txn", "ok", (("r", "x", None),), None)]),
        ("a-model-of-ones-own", [("flip", "ok", None)]),
    ],
)
def test_a_lost_or_stale_value_could_have_been_noticed(model: str, operations: list[tuple[Any, ...]]) -> None:
    assert noticeable(history(*operations), model) is None


@pytest.mark.parametrize(
    ("model", "operations", "reason"),
    [
        ("register", [("write", "ok", None), ("read", "info", None)], "no read succeeded after any write"),
        ("register", [("read", "ok", None), ("write", "ok", None)], "no read succeeded after any write"),
        ("register", [("write", "fail", None), ("read", "ok", None)], "no write succeeded"),
        ("register", [("write", "info", None), ("read", "ok", 1)], "no write succeeded"),
        ("kv", [("write", "ok", None, "x"), ("read", "ok", None, "y")], "no read succeeded after any write"),
        ("kv", [("write", "fail", None), ("cas", "ok", False), ("read", "ok", None)], "no write or cas succeeded"),
        ("queue", [("enqueue", "ok", None), ("dequeue", "info", None)], "no dequeue succeeded after any enqueue"),
        ("queue", [("dequeue", "ok", None), ("dequeue", "ok", None)], "no enqueue succeeded"),
        ("mutex", [("acquire", "ok", None), ("release", "ok", None)], "no acquire succeeded after another"),
        ("mutex", [("acquire", "ok", False), ("acquire", "ok", False)], "no acquire succeeded"),
        ("ids", [("generate", "ok", 7), ("generate", "info", None)], "no generate succeeded after another"),
        ("echo", [("echo", "info", None)], "no echo succeeded, so a lost or stale value"),
        ("txn-list-append", [("txn", "ok", LIST_WRITE, None), ("txn", "ok", OTHER_READ, None)], "no successful trans"),
        ("multi-register", [("txn", "ok", (("w", "x", 2),), None)], "no successful transaction read a key that"),
        ("txn-list-append", [("txn", "ok", (*LIST_WRITE, *LIST_READ), None)], "no successful transaction read a key"),
    ],
)
def test_nothing_could_have_been_noticed_and_the_reason_says_why(
    model: str, operations: list[tuple[Any, ...]], reason: str
) -> None:
    assert str(noticeable(history(*operations), model)).startswith(reason)
