"""Messages in words, for diagrams and reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from naysayer.notation import value_text
from targets.protocol.node import Message, NodeId, Reply, Request

NUMBER_MAX = 10**9
"""Larger numbers tell operations apart and mean nothing to a reader: they are numbered again."""

CARRIED_MAX = 60


class Plain(Message, frozen=True):
    """A message of a system that is not ours, in words."""

    text: str


class MessageText:
    """Puts messages into words; large numbers are numbered in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[int, str] = {}

    def whole(self, message: Message, source: NodeId) -> str:
        """The message with its kind: `Got 7 @3.n2, op 1`."""
        if isinstance(message, Plain):
            return message.text
        if isinstance(message, Request):
            given = "→".join(map(self._plain, message.input)) if message.f == "cas" else message.input
            return " ".join([message.f, *(self._plain(x) for x in (message.key, given) if x is not None)])
        if isinstance(message, Reply):
            said = message.error if message.status != "ok" else None if message.output is None else message.output
            return message.status if said is None else f"{message.status}: {self._plain(said)}"
        return f"{type(message).__name__} {', '.join(self._told(message, source))}".rstrip()

    def carried(self, message: Message, source: NodeId, key: Any) -> str:
        """What it carries for an operation on a key, without its kind and what is known; "" if nothing is left."""
        content = message.content()
        if content is None:
            known = [name for name in message.__struct_fields__ if key is not None and getattr(message, name) == key]
            told = self._sorted(message, source, (*message.exchange, *known))
            carrying = [text for is_number, text in told if not is_number]
            content = ", ".join(carrying or [text for _, text in told])
        return content if len(content) <= CARRIED_MAX else content[: CARRIED_MAX - 1] + "…"

    def _told(self, message: Message, source: NodeId) -> Iterator[str]:
        content = message.content()
        if content is None:
            yield from self._fields(message, source, ())
            return
        yield content
        yield from (f"{name} {self._plain(getattr(message, name))}" for name in message.exchange)

    def _fields(self, message: Message, source: NodeId, without: tuple[str, ...]) -> list[str]:
        return [text for _, text in self._sorted(message, source, without)]

    def _sorted(self, message: Message, source: NodeId, without: tuple[str, ...]) -> list[tuple[bool, str]]:
        """What it carries first, then its numbers (True); without zeros, defaults, ids of requests and who sends it."""
        fields = ((field, getattr(message, field.name)) for field in msgspec.structs.fields(message))
        told = [
            (not isinstance(value, tuple | msgspec.Struct) or hasattr(value, "_fields"), field.name, value)
            for field, value in fields
            if field.name != "request" and field.name not in without
            if value not in (field.default, source, ()) and (value != 0 or value is False)
        ]
        return [(plain, f"{name} {self._plain(value)}") for plain, name, value in sorted(told, key=lambda one: one[0])]

    def _plain(self, value: Any) -> str:
        if isinstance(value, Request):
            return self.whole(value, "")
        if isinstance(value, msgspec.Struct):
            # a row by its value, an entry of a log by its request: the rest is bookkeeping
            if hasattr(value, "value"):
                return self._plain(value.value)
            request = getattr(value, "request", None)
            return "no-op" if request is None else self._plain(request)
        if isinstance(value, tuple | list):
            items = [self._plain(item) for item in value]
            return ".".join(items) if hasattr(value, "_fields") else f"[{', '.join(items)}]"
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= NUMBER_MAX:
            return self._numbers.setdefault(value, str(len(self._numbers) + 1))
        return value if isinstance(value, str) else value_text(value, CARRIED_MAX)
