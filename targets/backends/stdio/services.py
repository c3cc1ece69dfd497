"""The services that a node may call as if they were nodes: lin-kv, seq-kv, lww-kv and lin-tso.

lin-kv answers in the order of arrival: linearizable. seq-kv is sequentially consistent and no more: an operation that
changes nothing may meet any state of the past that its sender may still be in; one that does change something meets the
latest. lww-kv keeps several replicas, merged by the later (fake) time stamp, and asks one of them. lin-tso hands out
ever larger integers. Error codes as in Maelstrom's protocol: 20 key does not exist, 22 precondition failed, 10 not
supported.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from operator import itemgetter
from random import Random
from typing import Any, Protocol

import msgspec

Body = dict[str, Any]

STATES_KEPT = 10_000
"""How many changes ago the oldest state is that seq-kv may still show."""

FORGOTTEN_AT_ONCE = 64
"""Older values of a key are dropped in batches of at least this size."""

UNCHANGED: Any = object()


_encode = msgspec.json.Encoder(order="sorted").encode


def text_of(value: Any) -> bytes:
    """A JSON value as its text, the same for equal values: true is not 1, 1 is not 1.0, maps compare by content."""
    return _encode(value)


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal."""
    return UNCHANGED not in (one, other) and text_of(one) == text_of(other)


def error(code: int, text: str) -> Body:
    """An error body of the protocol."""
    return {"type": "error", "code": code, "text": text}


class Service(Protocol):
    def handle(self, sender: str, body: Body) -> Body:
        """The reply's body, without in_reply_to."""
        ...


class _Map:
    """A map from keys (any JSON value) to values with the three operations of the key-value services."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}

    def apply(self, body: Body) -> Body:
        key = text_of(body.get("key"))
        match body.get("type"):
            case "read":
                if key not in self.values:
                    return error(20, "key does not exist")
                return {"type": "read_ok", "value": self.values[key]}
            case "write":
                self.values[key] = body.get("value")
                return {"type": "write_ok"}
            case "cas":
                if key not in self.values:
                    if not body.get("create_if_not_exists"):
                        return error(20, "key does not exist")
                elif not same(self.values[key], body.get("from")):
                    return error(22, f"expected {body.get('from')!r}, but had {self.values[key]!r}")
                self.values[key] = body.get("to")
                return {"type": "cas_ok"}
            case other:
                return error(10, f"this service does not know {other!r}")


class LinearizableKV:
    """lin-kv: one map."""

    def __init__(self, random: Random) -> None:
        self._map = _Map()

    def handle(self, sender: str, body: Body) -> Body:
        return self._map.apply(body)


class SequentialKV:
    """seq-kv: one order of all changes, in which each sender only moves forward.

    An operation is first tried on a random state of those between the sender's position and the latest. If it changes
    nothing there (a read, a cas that fails or sets what is there already, a write of the value that is there) it may
    take its place in the order there, and the sender moves to it. Otherwise it is carried out on the latest state. So
    a cas from a value to itself is not a fence: it does not bring the sender up to date.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._changes: dict[Any, list[tuple[int, Any]]] = {}
        """By key, after which number of changes it got which value."""
        self._latest = 0
        self._positions: dict[str, int] = {}

    def handle(self, sender: str, body: Body) -> Body:
        oldest = max(self._positions.get(sender, 0), self._latest - STATES_KEPT)
        position = self._random.randint(oldest, self._latest)
        reply, change = self._try(body, position)
        if change is not UNCHANGED:
            reply, change = self._try(body, self._latest)
            position = self._latest
        if change is not UNCHANGED:
            position = self._latest = self._latest + 1
            self._store(text_of(body.get("key")), change)
        self._positions[sender] = position
        return reply

    def _try(self, body: Body, position: int) -> tuple[Body, Any]:
        """The answer in the state after so many changes, and the key's new value or UNCHANGED."""
        key = text_of(body.get("key"))
        changes = self._changes.get(key, [])
        place = bisect_right(changes, position, key=itemgetter(0))
        state = _Map()
        if place:
            state.values = {key: changes[place - 1][1]}
        before = state.values.get(key, UNCHANGED)
        reply = state.apply(body)
        after = state.values.get(key, UNCHANGED)
        return reply, UNCHANGED if after is before or same(after, before) else after

    def _store(self, key: Any, value: Any) -> None:
        changes = self._changes.setdefault(key, [])
        changes.append((self._latest, value))
        forgotten = bisect_right(changes, self._latest - STATES_KEPT, key=itemgetter(0)) - 1
        if forgotten >= FORGOTTEN_AT_ONCE:
            del changes[:forgotten]


class LastWriteWinsKV:
    """lww-kv: replicas with drifting clocks; a request meets one of them, and sometimes two merge."""

    def __init__(self, random: Random, replicas: int = 5) -> None:
        self._random = random
        self._clock = 0
        self._replicas: list[dict[Any, tuple[int, Any]]] = [{} for _ in range(replicas)]

    def handle(self, sender: str, body: Body) -> Body:
        one, other = self._random.sample(self._replicas, 2)
        if self._random.random() < 0.5:
            for key, stamped in other.items():
                if key not in one or one[key][0] < stamped[0]:
                    one[key] = stamped
        view = _Map()
        view.values = {key: value for key, (_, value) in one.items()}
        reply = view.apply(body)
        if reply["type"] in ("write_ok", "cas_ok"):
            key = text_of(body.get("key"))
            self._clock += 1
            one[key] = (self._clock + self._random.randint(-3, 3), view.values[key])
        return reply


class TimestampOracle:
    """lin-tso: `ts` answers the next integer."""

    def __init__(self, random: Random) -> None:
        self._last = -1

    def handle(self, sender: str, body: Body) -> Body:
        if body.get("type") != "ts":
            return error(10, f"lin-tso does not know {body.get('type')!r}")
        self._last += 1
        return {"type": "ts_ok", "ts": self._last}


SERVICES: dict[str, Callable[[Random], Service]] = {
    "lin-kv": LinearizableKV,
    "seq-kv": SequentialKV,
    "lww-kv": LastWriteWinsKV,
    "lin-tso": TimestampOracle,
}
