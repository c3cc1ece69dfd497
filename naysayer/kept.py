"""The messages of a real run that were kept (--bin): the lines of messages.jsonl, and each as a message of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from naysayer.message_text import Plain
from naysayer.notation import value_text
from targets.backends.simulator.network import MS, Sent
from targets.protocol.node import Message, NodeId, Reply, Request

EARLY_NS, SLACK_NS = MS // 10, 3 * MS
"""Times in the history and of messages differ by so much at most, and by so much an answer is noted later."""

VALUE_MAX = 24


class _Line(msgspec.Struct):
    """A line of messages.jsonl; one that says how many were left out has no message."""

    time: int = 0
    message: dict[str, Any] | None = None
    lost: bool = False
    held: bool = False
    delay_ms: tuple[float, ...] = ()


class Kept(NamedTuple):
    """One message as it was kept. `text`: its line."""

    time_ns: int
    source: NodeId
    dest: NodeId
    body: dict[str, Any]
    lost: bool
    held: bool
    delay_ms: tuple[float, ...]
    text: bytes

    @property
    def of_client(self) -> bool:
        """Whether a client sends or gets it."""
        return self.source.startswith("c") or self.dest.startswith("c")

    def sent(self) -> Sent:
        """The message as those of simulated runs. One that was held back is taken as not delivered."""
        late_ms = self.delay_ms[0] if self.delay_ms else 0.0
        arrives = None if self.lost or self.held else self.time_ns + round(late_ms * MS)
        return Sent(self.time_ns, arrives, self.source, self.dest, self._message())

    def _message(self) -> Message:
        body = self.body
        kind = str(body.get("type", "?"))
        if self.of_client and "in_reply_to" not in body:
            given = (body.get("from"), body.get("to")) if kind == "cas" else body.get("value", body.get("to"))
            return Request(str(body.get("msg_id")), "", kind, body.get("key"), given)
        if self.of_client:
            error = body.get("text") or f"error {body.get('code')}" if kind == "error" else None
            return Reply(str(body["in_reply_to"]), "info" if error else "ok", body.get("value"), error)
        told = (f"{name} {value_text(one, VALUE_MAX)}" for name, one in body.items() if name not in ("type", "msg_id"))
        told = (text for text in told if not text.startswith("in_reply_to "))
        return Plain(f"{kind} {', '.join(told)}{' (held back)' if self.held else ''}")


def kept_messages(file: Path, first_ns: int | None = None, last_ns: int | None = None) -> Iterator[Kept]:
    """The messages of a messages.jsonl, in order; of a time only, if that is given."""
    decoder = msgspec.json.Decoder(_Line)
    with file.open("rb") as lines:
        for text in lines:
            line = decoder.decode(text)
            if line.message is None or (first_ns or line.time) > line.time or (last_ns or line.time) < line.time:
                continue
            source, dest, body = (line.message.get(name) for name in ("src", "dest", "body"))
            if isinstance(source, str) and isinstance(dest, str) and isinstance(body, dict):
                yield Kept(line.time, source, dest, body, line.lost, line.held, line.delay_ms, text)
