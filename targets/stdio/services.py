"""The services that a node may call as if they were nodes: lin-kv, seq-kv, lww-kv and lin-tso.

lin-kv answers in the order of arrival: linearizable. seq-kv is sequentially consistent and no more: each node sees a
prefix of one order of writes that only grows, and a write takes it to the end. lww-kv keeps several replicas, merged
by the later (fake) time stamp, and asks one of them. lin-tso hands out ever larger integers.
Error codes as in Maelstrom's protocol: 20 key does not exist, 22 precondition failed, 10 not supported.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from checker.history import freeze

Body = dict[str, Any]


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
        key = freeze(body.get("key"))
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
                elif self.values[key] != body.get("from"):
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
    """seq-kv: each sender reads at a position of the one log of writes, which only moves forward."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._log: list[Body] = []
        self._latest = _Map()
        self._seen: dict[str, tuple[int, _Map]] = {}

    def handle(self, sender: str, body: Body) -> Body:
        if body.get("type") != "read":
            reply = self._latest.apply(body)
            if reply["type"] != "error":
                self._log.append(body)
            self._advance(sender, len(self._log))
            return reply
        position = self._seen.get(sender, (0, _Map()))[0]
        return self._advance(sender, self._random.randint(position, len(self._log))).apply(body)

    def _advance(self, sender: str, to: int) -> _Map:
        position, state = self._seen.get(sender, (0, _Map()))
        for body in self._log[position:to]:
            state.apply(body)
        self._seen[sender] = (to, state)
        return state


class LastWriteWinsKV:
    """lww-kv: replicas with drifting clocks; a request meets one of them, and now and then two merge."""

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
            key = freeze(body.get("key"))
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
