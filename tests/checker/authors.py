"""Authors of containers and of things that only grow: they execute by hand, apart from the models under test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from tests.checker.author import DID_NOT_HAPPEN, Author, Call


def _set() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        f = rng.choice(("add", "add", "remove", "contains", "contains", "read"))
        return f, None if f == "read" else rng.randint(1, 3)

    def execute(state: frozenset[int], f: str, given: Any) -> tuple[Any, Any]:
        match f:
            case "add":
                return state | {given}, None
            case "remove":
                return state - {given}, None
            case "contains":
                return state, given in state
        return state, tuple(sorted(state))

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        if f == "read":
            return tuple(x for x in (1, 2, 3) if rng.random() < 0.5)
        return rng.choice((True, False)) if f == "contains" else None

    return Author(invoke, frozenset, execute, lie)


def added_once(*fs: str) -> Author:
    """The author of sets whose elements are mostly added by one operation; clients choose among `fs`."""

    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        f = rng.choice(fs)
        return f, None if f == "read" else value() if f == "add" else rng.randint(1, 4)

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        if f == "read":
            return tuple(element for element in range(1, greatest + 2) if rng.random() < 0.5)
        return rng.choice((True, False)) if f == "contains" else None

    return replace(_set(), invoke=invoke, lie=lie)


def _append_list() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        return ("append", value()) if rng.random() < 0.5 else ("read", None)

    def execute(state: tuple[int, ...], f: str, given: Any) -> tuple[Any, Any]:
        return ((*state, given), None) if f == "append" else (state, state)

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        values = list(range(1, greatest + 1))
        rng.shuffle(values)
        return tuple(values[: rng.randint(0, 3)]) if f == "read" else None

    return Author(invoke, tuple, execute, lie)


def _counter() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        return ("add", rng.choice((1, 1, 1, 1, 1, 1, 1, 2))) if rng.random() < 0.6 else ("read", None)

    def execute(state: int, f: str, given: Any) -> tuple[Any, Any]:
        return (state + given, None) if f == "add" else (state, state)

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        return rng.randint(0, 6) if f == "read" else None

    return Author(invoke, int, execute, lie)


def _bag(put: str, take: str, where: Callable[[list[int]], int], *more: str) -> Author:
    """`where` says at which place of the values, in order of arrival, the next to be taken stands."""

    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        return (put, value()) if rng.random() < 0.55 else (rng.choice((take, take, *more)), None)

    def execute(state: tuple[int, ...], f: str, given: Any) -> tuple[Any, Any]:
        if f == put:
            return (*state, given), None
        if not state:
            return state, None
        values = list(state)
        taken = values.pop(where(values))
        return state if f == "peek" else tuple(values), taken

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        return None if f == put else rng.choice((None, *range(1, greatest + 2)))

    return Author(invoke, tuple, execute, lie)


def _multi_register() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        asked = []
        for _ in range(rng.randint(1, 3)):
            writes = rng.random() < 0.4
            asked.append(("w", rng.choice("xy"), value()) if writes else ("r", rng.choice("xy"), None))
        return "txn", tuple(asked)

    def execute(state: dict[str, Any], f: str, given: Any) -> tuple[Any, Any]:
        state, done = dict(state), []
        for f, register, value in given:
            if f == "w":
                state[register] = value
            done.append((f, register, state.get(register)))
        return state, tuple(done)

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        return tuple(
            (f, x, value if f == "w" else rng.choice((None, *range(1, greatest + 2)))) for f, x, value in given
        )

    return Author(invoke, dict, execute, lie)


def _log() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        return ("append", value()) if rng.random() < 0.5 else ("read", rng.randint(0, 3))

    def execute(state: tuple[int, ...], f: str, given: Any) -> tuple[Any, Any]:
        if f == "append":
            return (*state, given), len(state)
        return state, state[given] if given < len(state) else None

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        return rng.randint(0, 3) if f == "append" else rng.choice((None, *range(1, greatest + 2)))

    return Author(invoke, tuple, execute, lie)


def _mutex() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        return rng.choice(("acquire", "release")), None

    def execute(state: bool, f: str, given: Any) -> tuple[Any, Any]:
        acquires = f == "acquire"
        return (acquires, None) if acquires != state else (state, DID_NOT_HAPPEN)

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        return None

    return Author(invoke, bool, execute, lie)


def _rmw() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        f = rng.choice(("read", "write", "swap", "swap", "fetch-add"))
        return f, None if f == "read" else rng.choice((1, 10, value())) if f == "fetch-add" else value()

    def execute(state: int | None, f: str, given: Any) -> tuple[Any, Any]:
        match f:
            case "read":
                return state, state
            case "fetch-add":
                return (state or 0) + given, state
        return given, state if f == "swap" else None

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        return None if f == "write" else rng.choice((None, *range(greatest + 2)))

    return Author(invoke, lambda: None, execute, lie)


def _semaphore() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        return rng.choice(("acquire", "release")), rng.choice((None, 1, 1, 2))

    def execute(state: int, f: str, given: Any) -> tuple[Any, Any]:
        count = 1 if given is None else given
        if f == "release":
            return state + count, None
        return (state - count, True) if count <= state else (state, False)

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        return rng.choice((True, True, False)) if f == "acquire" else None

    return Author(invoke, lambda: 1, execute, lie)


def _numbers(f: str) -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        return f, None

    def execute(state: int, f: str, given: Any) -> tuple[Any, Any]:
        return state + 1, state + 1

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        return rng.randint(1, 8)

    return Author(invoke, int, execute, lie)


def _fenced() -> Author:
    def invoke(rng: Random, value: Callable[[], Any]) -> Call:
        f = rng.choice(("next", "read", "read", "fenced-write", "fenced-write"))
        return f, (rng.randint(1, 3), value()) if f == "fenced-write" else None

    def execute(state: tuple[int, Any], f: str, given: Any) -> tuple[Any, Any]:
        generation, value = state
        match f:
            case "next":
                return (generation + 1, value), generation + 1
            case "read":
                return state, value
        return ((given[0], given[1]), None) if given[0] >= generation else (state, DID_NOT_HAPPEN)

    def lie(rng: Random, f: str, given: Any, greatest: int) -> Any:
        if f == "next":
            return rng.randint(1, 4)
        return rng.choice((None, *range(1, greatest + 2))) if f == "read" else None

    return Author(invoke, lambda: (0, None), execute, lie)


MORE_AUTHORS: dict[str, Author] = {
    "set": _set(),
    "append-list": _append_list(),
    "counter": _counter(),
    "queue": _bag("enqueue", "dequeue", lambda values: 0, "peek"),
    "unordered-queue": _bag("enqueue", "dequeue", lambda values: values[0] * 7 % len(values)),
    "multi-register": _multi_register(),
    "stack": _bag("push", "pop", lambda values: -1, "peek"),
    "priority-queue": _bag("insert", "delete-min", lambda values: values.index(min(values)), "peek"),
    "log": _log(),
    "mutex": _mutex(),
    "semaphore": _semaphore(),
    "rmw-register": _rmw(),
    "ids": _numbers("generate"),
    "generation": _numbers("next"),
    "fenced-register": _fenced(),
}
