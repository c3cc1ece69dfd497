"""Small random histories, for fast checkers to be judged by brute force.

An *author* knows one kind of object: which operations clients ask for, what the object does when it executes them one
after another, and what a liar might answer. To add a model, write its author and name it in AUTHORS.
Histories are of three styles: legal by construction, legal and then mutated, and arbitrary. All have pending
operations, failures, equal and negative times and reads of the initial value; values are unique or repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import structs

from checker.history import PENDING, STATUSES, Operation
from tests.checker.author import DID_NOT_HAPPEN, Author, Call
from tests.checker.authors import MORE_AUTHORS

STYLES = ("legal", "mutated", "arbitrary")


def history(author: Author, rng: Random, style: str, size: int) -> list[Operation]:
    """Up to `size` operations, numbered in order of call. `legal` ones are linearizable by construction."""
    unique = rng.random() < 0.6
    written = [0]

    def value() -> int:
        if not unique and rng.random() < 0.6:
            return rng.randint(1, 3)
        written[0] += 1
        return written[0]

    horizon = rng.choice((size, 2 * size, 5 * size))
    ops = []
    for i in range(size):
        f, given = author.invoke(rng, value)
        call = rng.randint(0, horizon)
        ret = call + rng.randint(0, max(1, rng.choice((horizon // 8, horizon // 3))))
        status = rng.choices(STATUSES, (80, 5 if author.fails else 0, 15))[0]
        ops.append(Operation(i, i, f, None, given, None, call, ret, status))
    ops = _executed(author, rng, ops)
    for _ in range(rng.randint(1, 2) if style == "mutated" else 0):
        _mutate(author, rng, ops, written[0], horizon)
    if style == "arbitrary":
        ops = [_answered(author, rng, op, written[0]) for op in ops]
    ops.sort(key=lambda op: op.call)
    start = rng.choice((0, 0, -horizon))  # times may be negative
    ops = [structs.replace(op, call=op.call + start, ret=op.ret if op.pending else op.ret + start) for op in ops]
    return [structs.replace(op, index=i, process=i) for i, op in enumerate(ops)]


def _executed(author: Author, rng: Random, ops: list[Operation]) -> list[Operation]:
    """Every operation takes effect at some instant of its interval; pending ones perhaps much later, or never."""
    latest = max(op.ret for op in ops)
    instants = []
    for i, op in enumerate(ops):
        if op.status == "fail" or (op.pending and rng.random() < 0.4):
            continue
        instants.append((rng.uniform(op.call, latest + 1 if op.pending else op.ret), i))
    state = author.initial()
    done = [structs.replace(op, ret=PENDING) if op.pending else op for op in ops]
    for _, i in sorted(instants):
        state, output = author.execute(state, ops[i].f, ops[i].input)
        if output is DID_NOT_HAPPEN:
            done[i] = done[i] if ops[i].pending else structs.replace(done[i], status="fail")
        elif not ops[i].pending:
            done[i] = structs.replace(done[i], output=output)
    return done


def _answered(author: Author, rng: Random, op: Operation, greatest: int) -> Operation:
    if op.status != "ok":
        return op
    return structs.replace(op, output=author.lie(rng, op.f, op.input, greatest))


def _mutate(author: Author, rng: Random, ops: list[Operation], greatest: int, horizon: int) -> None:
    """One operation answers something else, moves in time, ends otherwise, or is gone."""
    i = rng.randrange(len(ops))
    match rng.randrange(5):
        case 0 | 1:
            ops[i] = _answered(author, rng, ops[i], greatest)
        case 2 if not ops[i].pending:
            call = rng.randint(0, horizon)
            ops[i] = structs.replace(ops[i], call=call, ret=call + rng.randint(0, horizon // 3 + 1))
        case 3:
            ops[i] = structs.replace(ops[i], status="info", output=None, ret=PENDING)
        case _ if len(ops) > 1:
            del ops[i]


def _register(*fs: str) -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        f = rng.choice(fs)
        if f == "write":
            return f, value()
        if f == "cas":
            new = value()
            return f, (rng.choice((None, *range(1, new + 1), new)), new)
        return f, None

    def execute(state: Any, f: str, given: Any) -> tuple[Any, Any]:
        match f:
            case "write":
                return given, None
            case "delete":
                return None, None
            case "cas":
                return (given[1], True) if state == given[0] else (state, False)
        return state, state

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        if f == "read":
            return rng.choice((None, *range(1, greatest + 2)))
        return rng.choice((True, False)) if f == "cas" else None

    return Author(invoke, lambda: None, execute, lie)


def strings(*fs: str) -> Author:
    """The author of strings that are appended to; clients choose among `fs`."""

    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        f = rng.choice(fs)
        if f in ("append", "write"):
            return f, chr(96 + value())
        if f == "cas":
            return f, (rng.choice((None, "", "a", "ab")), rng.choice(("", chr(96 + value()))))
        return f, None

    def execute(state: str, f: str, given: Any) -> tuple[str, Any]:
        match f:
            case "append":
                return state + given, None
            case "write":
                return given, None
            case "delete":
                return "", None
            case "cas":
                return (given[1], True) if state == (given[0] or "") else (state, False)
        return state, state or None

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        if f == "read":
            return rng.choice((None, "", "a", "b", "ab", "ba", "abc", chr(97 + greatest)))
        return rng.choice((True, False)) if f == "cas" else None

    return Author(invoke, str, execute, lie)


AUTHORS: dict[str, Author] = {
    "register": _register("read", "read", "write"),
    "cas-register": _register("read", "read", "write", "cas", "cas"),
    "kv": _register("read", "read", "read", "write", "cas", "delete"),
    "kv-append": strings("read", "read", "append", "append", "write", "delete", "cas"),
    **MORE_AUTHORS,
}
