"""The messages of a real run that were kept (--bin, --live): the lines of messages.jsonl, each as a message of ours.

Those of --bin have the form of Maelstrom's. Those of --live are the bundled target's own, which are known by its
classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from naysayer.message_text import Plain
from naysayer.notation import value_text
from targets.backends.simulator.network import MS, Sent
from targets.backends.wire import JUNK
from targets.protocol.node import Message, NodeId, Reply, Request

EARLY_NS, SLACK_NS = MS // 10, 3 * MS
"""Times in the history and of messages differ by so much at most, and by so much an answer is noted later."""

VALUE_MAX = 24

OWN_REQUEST, OWN_REPLY = "request", "reply"
"""The types of what clients of our own targets send and get."""


def reader_of(kinds: Sequence[type[Message]]) -> Read:
    """Reads the messages of a target of ours, which has these classes of them; it raises msgspec.ValidationError."""
    union: Any = Request | Reply
    for kind in kinds:
        union = union | kind
    return partial(msgspec.convert, type=union)


Read = Callable[[dict[str, Any]], Message]
"""Makes a message of ours of the body of one."""


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
    cause: str | None
    """The id of the request that its sender was handling, where that is known."""
    lost: bool
    held: bool
    delay_ms: tuple[float, ...]
    text: bytes

    @property
    def of_client(self) -> bool:
        """Whether a client sends or gets it."""
        return self.source.startswith("c") or self.dest.startswith("c")

    def sent(self, read: Read | None = None) -> Sent:
        """The message as those of simulated runs. One that was held back is taken as not delivered. `read`: makes a
        message of its body, if it is one of ours."""
        late_ms = self.delay_ms[0] if self.delay_ms else 0.0
        arrives = None if self.lost or self.held else self.time_ns + round(late_ms * MS)
        cause = None if self.cause is None else ("", Request(self.cause, "", ""))
        return Sent(self.time_ns, arrives, self.source, self.dest, self._message(read), cause)

    @property
    def asks(self) -> object:
        """By what an answer names it, if it has any."""
        return self.body.get("id") if self.body.get("type") == OWN_REQUEST else self.body.get("msg_id")

    @property
    def answers(self) -> object:
        """What names the message that it answers, if it answers any."""
        return self.body.get("id") if self.body.get("type") == OWN_REPLY else self.body.get("in_reply_to")

    def _message(self, read: Read | None) -> Message:
        body = self.body
        if read is not None:
            try:
                return read(body)
            except JUNK:
                return Plain(" ".join(f"{name} {value_text(one, VALUE_MAX)}" for name, one in body.items()))
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
            try:
                line = decoder.decode(text)
            except JUNK:
                continue  # it was cut off
            if line.message is None or (first_ns or line.time) > line.time or (last_ns or line.time) < line.time:
                continue
            source, dest, body, cause = (line.message.get(name) for name in ("src", "dest", "body", "cause"))
            if isinstance(source, str) and isinstance(dest, str) and isinstance(body, dict):
                yield Kept(
                    line.time,
                    source,
                    dest,
                    body,
                    cause if isinstance(cause, str) else None,
                    line.lost,
                    line.held,
                    line.delay_ms,
                    text,
                )
