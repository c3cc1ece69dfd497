"""How a story shows values, answers and messages."""

from __future__ import annotations

from typing import Any

import msgspec

from checker.history import Operation
from targets.backends.simulator.network import MS, Sent
from targets.protocol.node import Reply

NOTHING = "nothing"
"""Stands for the value of a key that was never written."""


def value(text: str) -> Any:
    """The value that a word of a step stands for: a number, nothing, or the word itself."""
    return int(text) if text.isdigit() else None if text == NOTHING else text


def short(value: Any) -> str:
    """A value of a view, a message or an answer, on one line."""
    if isinstance(value, dict):
        return " ".join(f"{key}={short(one)}" for key, one in value.items()) or "none"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ".".join(map(short, value))
    if isinstance(value, list | tuple):
        return f"({' '.join(short(one) for one in value)})"
    return NOTHING if value is None else str(value)


def answered(operation: Operation, number: int, client: str, reply: Reply | None) -> str:
    """An operation that ended: who asked what, under which number, and what came back."""
    given = {"write": " {}", "cas": " from {} to {}"}.get(operation.f, "")
    blanks = operation.input if operation.f == "cas" else (operation.input,)
    request = f"#{number} {client}: {operation.f} {operation.key}{given.format(*map(short, blanks))}"
    return f"{request} -> {_answer(operation.f, reply)}   ({(operation.ret - operation.call) / MS:.0f} ms)"


def _answer(f: str, reply: Reply | None) -> str:
    if reply is None:
        return "no answer"
    if reply.status != "ok":
        return f"{'refused' if reply.status == 'fail' else 'unknown'}: {reply.error}"
    return "ok" if f == "write" else short(reply.output)


def message(sent: Sent) -> str:
    """A message with the fields that say something."""
    fields = [
        f"{field.name} {short(_plain(content))}"
        for field in msgspec.structs.fields(sent.message)
        if (content := getattr(sent.message, field.name)) != field.default
    ]
    return f"{type(sent.message).__name__} {', '.join(fields)}{' (lost)' if sent.delivered_ns is None else ''}"


def _plain(content: Any) -> Any:
    """A row of Paxos by the value it carries: the rest is bookkeeping."""
    return content.value if isinstance(content, msgspec.Struct) and hasattr(content, "value") else content
