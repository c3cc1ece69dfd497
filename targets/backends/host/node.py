"""A node of the simulator whose handlers run in the host process: each input goes there, its effects come back.

Effects are carried out in the order in which the handler asked for them, so that a crash may come between any two. One
object is one life of a node: the number by which the host knows it is never used again.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from typing import Any

import msgspec

from targets.backends.host.process import HostDiedError, HostProcess
from targets.backends.host.requests import OPERATIONS, to_body, to_reply
from targets.backends.simulator.node_errors import NodeRaisedError, ProtocolBrokenError
from targets.protocol.node import Context, Message, NodeId, Reply, Request, Timer

TIMER_MS_MIN = 1.0
"""A shorter timer takes this long: a node that sets a timer of 0 ms again and again would stop time."""

INPUTS_MAX = 20_000
"""So many inputs within WINDOW_MS are a flood: nodes that answer every message with two, say."""

WINDOW_MS = 1.0
SHOWN = 160
KINDS_MAX = 200
"""Classes of messages that a program may have; those of later types share one."""


class HostMessage(Message, frozen=True):
    """What a node of a host sends to another: its body, as the host wrote it. Each `type` of body has a class."""

    body: str

    def content(self) -> str:
        body = _decode_any(self.body)
        return ", ".join(f"{name} {_text(value)}" for name, value in body.items() if name != "type")

    @property
    def value(self) -> Any:
        """What it carries by that name, as messages of our own targets do. Raises AttributeError if nothing."""
        body = _decode_any(self.body)
        if "value" not in body:
            raise AttributeError("value")
        return body["value"]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _encode(value).decode()


@cache
def message_class(kind: str) -> type[HostMessage]:
    """The class of messages of a type: faults of phases, diagrams and scenarios know messages by it."""
    if message_class.cache_info().currsize >= KINDS_MAX:
        return HostMessage
    name = kind.replace("\0", "") or "message"
    made: Any = msgspec.defstruct(name, [], bases=(HostMessage,), frozen=True, tag=name, gc=False)
    found: type[HostMessage] = made
    return found


class Send(msgspec.Struct, array_like=True, tag="send"):
    to: str
    body: msgspec.Raw


class SetTimer(msgspec.Struct, array_like=True, tag="timer"):
    name: str
    after_ms: float


class CancelTimer(msgspec.Struct, array_like=True, tag="cancel"):
    name: str


class Log(msgspec.Struct, array_like=True, tag="log"):
    text: str


class Create(msgspec.Struct, array_like=True, tag="create"):
    name: str


class Append(msgspec.Struct, array_like=True, tag="append"):
    name: str
    data: bytes


class Truncate(msgspec.Struct, array_like=True, tag="truncate"):
    name: str
    size: int


class Sync(msgspec.Struct, array_like=True, tag="sync"):
    name: str


class Rename(msgspec.Struct, array_like=True, tag="rename"):
    old: str
    new: str


class Remove(msgspec.Struct, array_like=True, tag="remove"):
    name: str


class SyncDirectory(msgspec.Struct, array_like=True, tag="sync_directory"):
    pass


Effect = Send | SetTimer | CancelTimer | Log | Create | Append | Truncate | Sync | Rename | Remove | SyncDirectory


class Answer(msgspec.Struct):
    """What the host answers to an input: the effects, or the exception that the handler raised."""

    do: list[Effect] = []
    error: str | None = None
    text: str = ""
    at: list[str] = []
    """Places of the program, innermost first."""


class View(msgspec.Struct):
    view: dict[str, Any] = {}
    error: str | None = None
    text: str = ""
    at: list[str] = []


class _Typed(msgspec.Struct):
    type: Any = None


_decode = msgspec.json.Decoder(Answer).decode
_decode_view = msgspec.json.Decoder(View).decode
_decode_type = msgspec.json.Decoder(_Typed).decode
_decode_any = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class HostedNode:
    """One life of a node. The host forgets it after this object has gone."""

    ctx: Context

    def __init__(self, host: HostProcess) -> None:
        self._host = host
        self._life = host.new_life()
        self._waiting: dict[int, Request] = {}
        self._window_ms = -1.0
        self._inputs = 0

    def __del__(self) -> None:
        self._host.gone.append(self._life)

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self._nodes = frozenset(ctx.nodes)
        gone, self._host.gone = self._host.gone, []
        line = {
            "id": self._life,
            "event": "start",
            "node": ctx.me,
            "nodes": ctx.nodes,
            "seed": ctx.random.getrandbits(48),
            "now": ctx.now_ms(),
            "disk": {name: b64encode(ctx.disk.read(name)).decode() for name in ctx.disk.names()},
            "forget": gone,
        }
        self._input(_encode(line) + b"\n", "its start")

    def receive(self, sender: NodeId, message: Message) -> None:
        if isinstance(message, HostMessage):
            body = message.body.encode()
        elif isinstance(message, Request) and message.f in OPERATIONS:
            figures = message.id[1:].replace(".", "")
            number = int(figures) if figures.isdigit() else self._host.calls
            self._waiting[number] = message
            body = _encode(to_body(message, number))
        else:  # what a nemesis asks for that only some targets offer
            if isinstance(message, Request):
                self.ctx.fail(message, f"not offered: {message.f}")
            return
        line = b'{"id":%d,"event":"message","from":"%s","body":%s,"now":%a}\n' % (
            self._life,
            sender.encode(),
            body,
            self.ctx.now_ms(),
        )
        self._input(line, "a message from ", sender, body)

    def timeout(self, timer: Timer) -> None:
        name = _encode(timer)
        now_ms = self.ctx.now_ms()
        self._input(b'{"id":%d,"event":"timer","name":%s,"now":%a}\n' % (self._life, name, now_ms), "the timer ", timer)

    def view(self) -> dict[str, Any]:
        """What the node shows; an exception in its `view` is shown in its place. Nothing if its host has gone, which
        another node has ended."""
        if not self._host.running:
            return {}
        what = "a look at its view"
        answered = self._call(b'{"id":%d,"event":"view"}\n' % self._life, what)
        try:
            found = _decode_view(answered)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise self._broken(what, answered, error) from None
        if found.error is None:
            return found.view
        return {"view": f"raised {found.error}{f' at {found.at[0]}' if found.at else ''}"}

    def _input(self, line: bytes, *what: Any) -> None:
        self._count()
        answered = self._call(line, *what)
        try:
            answer = _decode(answered)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise self._broken(_words(what), answered, error) from None
        if answer.error is not None:
            raise NodeRaisedError(self.ctx.me, _raised(answer, _words(what)))
        for effect in answer.do:
            try:
                _CARRY_OUT[type(effect)](self, effect)
            except (KeyError, msgspec.MsgspecError, ValueError) as error:
                raise self._broken(_words(what), _encode(effect), error) from None

    def _call(self, line: bytes, *what: Any) -> bytes:
        try:
            return self._host.call(line, self.ctx.me)
        except HostDiedError as error:
            raise NodeRaisedError(self.ctx.me, f"{error.how} (on {_words(what)})", hung=error.hung) from None

    def _broken(self, what: str, answered: bytes, error: Exception) -> ProtocolBrokenError:
        shown = answered[:SHOWN].decode("utf-8", "replace")
        self._host.end()
        said = f"the host answered {what} of {self.ctx.me} with {shown!r}"
        return ProtocolBrokenError(f"{said}, against the node protocol (docs/node-protocol.md): {error}")

    def _count(self) -> None:
        now_ms = self.ctx.now_ms()
        if abs(now_ms - self._window_ms) > WINDOW_MS:
            self._window_ms, self._inputs = now_ms, 0
        self._inputs += 1
        if self._inputs > INPUTS_MAX:
            said = f"was given {INPUTS_MAX:,} inputs within {WINDOW_MS:g} ms: messages bring forth ever more messages"
            raise NodeRaisedError(self.ctx.me, said, hung=True)

    # effects

    def _send(self, effect: Send) -> None:
        body = bytes(effect.body).decode()
        if effect.to in self._nodes:
            kind = _decode_type(body).type
            self.ctx.send(effect.to, message_class(kind if isinstance(kind, str) else "message")(body))
            return
        decoded = _decode_any(body)
        request = self._waiting.pop(decoded.get("in_reply_to", -1), None)
        if request is not None and request.client == effect.to:
            reply: Reply = to_reply(request, decoded, self.ctx.me)
            self.ctx.send(effect.to, reply)
        elif effect.to[:1] != "c":
            raise NodeRaisedError(self.ctx.me, f"sent a message to {effect.to!r}, which is neither a node nor a client")
        # else a second answer to a request, or a message that answers nothing: clients ignore both

    def _set_timer(self, effect: SetTimer) -> None:
        self.ctx.set_timer(effect.name, max(effect.after_ms, TIMER_MS_MIN))

    def _cancel(self, effect: CancelTimer) -> None:
        self.ctx.cancel_timer(effect.name)

    def _log(self, effect: Log) -> None:
        """What a program logs concerns no other node."""

    def _create(self, effect: Create) -> None:
        self.ctx.disk.create(effect.name)

    def _append(self, effect: Append) -> None:
        self.ctx.disk.append(effect.name, effect.data)

    def _truncate(self, effect: Truncate) -> None:
        self.ctx.disk.truncate(effect.name, effect.size)

    def _sync(self, effect: Sync) -> None:
        self.ctx.disk.sync(effect.name)

    def _rename(self, effect: Rename) -> None:
        self.ctx.disk.rename(effect.old, effect.new)

    def _remove(self, effect: Remove) -> None:
        self.ctx.disk.remove(effect.name)

    def _sync_directory(self, effect: SyncDirectory) -> None:
        self.ctx.disk.sync_directory()


_CARRY_OUT: dict[type, Any] = {
    Send: HostedNode._send,
    SetTimer: HostedNode._set_timer,
    CancelTimer: HostedNode._cancel,
    Log: HostedNode._log,
    Create: HostedNode._create,
    Append: HostedNode._append,
    Truncate: HostedNode._truncate,
    Sync: HostedNode._sync,
    Rename: HostedNode._rename,
    Remove: HostedNode._remove,
    SyncDirectory: HostedNode._sync_directory,
}


def _words(what: tuple[Any, ...]) -> str:
    """An input in words: `a message from c3: {"type":"write", ...}`."""
    *words, last = what
    if isinstance(last, bytes):
        text = last.decode("utf-8", "replace")
        last = f": {text[:SHOWN]}{' ...' if len(text) > SHOWN else ''}"
    return "".join(map(str, (*words, last)))


def _raised(answer: Answer, what: str) -> str:
    """The exception of a handler, continuing a sentence that begins with the node's name."""
    place, *outer = answer.at or [""]
    called = f" (called from {', '.join(outer[:3])})" if outer else ""
    text = f": {answer.text[: 2 * SHOWN]}" if answer.text else ""
    return f"raised {answer.error}{f' at {place}' if place else ''}{text}{called}, on {what}"
