"""How a scenario shows values, replies and messages."""

from __future__ import annotations

from typing import Any

import msgspec

from checker.history import PENDING, Operation
from checker.verdict import Verdict
from targets.backends.simulator.network import MS, Sent
from targets.protocol.node import Request

WITHOUT_OUTPUT = ("write", "fenced-write", "transfer", "reconfigure")
VIOLATIONS_SHOWN = 10
NOTHING = "nothing"
"""The value of a key that was never written."""


def value(text: str) -> Any:
    """The value that a word of a step stands for: a number, nothing, or the word itself."""
    return int(text) if text.isdigit() else None if text == NOTHING else text


def short(value: Any) -> str:
    """A value of a view, a message or a reply, on one line."""
    if isinstance(value, dict):
        return " ".join(f"{key}={short(one)}" for key, one in value.items()) or "none"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ".".join(map(short, value))
    if isinstance(value, list | tuple):
        return f"({' '.join(text for one in value if (text := short(one)))})"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Request):
        return f"{value.f} {value.key}{'' if value.input is None else f' {short(value.input)}'}"
    if isinstance(value, msgspec.Struct):
        return _carried(value)
    return NOTHING if value is None else str(value)


def answered(operation: Operation, number: int, client: str) -> str:
    """An operation that ended: its number, client, request, reply and duration."""
    return f"#{number} {client}: {_request(operation)} {ended(operation)}"


def ended(operation: Operation) -> str:
    """What came of an operation, and how long that took."""
    if operation.ret == PENDING:
        return "-> no answer by the end"
    return f"-> {_answer(operation)}   ({(operation.ret - operation.call) / MS:.0f} ms)"


def _request(operation: Operation) -> str:
    f, given = operation.f, operation.input
    match f:
        case "cas":
            return f"cas {operation.key} from {short(given[0])} to {short(given[1])}"
        case "fenced-write":
            return f"write {operation.key} {short(given[1])} under generation {given[0]}"
        case "transfer":
            return f"hand leadership to {given}"
        case "reconfigure":
            return f"set members to {' '.join(given)}"
        case "next":
            return "take a generation"
    return f"{f} {operation.key}{'' if f == 'read' else f' {short(given)}'}"


def _answer(operation: Operation) -> str:
    if operation.status == "info" and operation.error is None:
        return "no answer"
    if operation.status != "ok":
        return f"{'refused' if operation.status == 'fail' else 'unknown'}: {operation.error}"
    return "ok" if operation.f in WITHOUT_OUTPUT else short(operation.output)


def judged(verdict: Verdict, violations: list[str]) -> list[str]:
    """A verdict, its warnings, and the invariants that were violated inside the system."""
    worst = verdict.worst
    lines = [f"{verdict.outcome}: {worst.explanation.sentence}" if worst and worst.explanation else verdict.outcome]
    lines += [f"warning: {warning}" for warning in verdict.warnings]
    every = list(dict.fromkeys(violations))
    lines += [f"violated: {sentence}" for sentence in every[:VIOLATIONS_SHOWN]]
    return lines + ([f"and {left} more"] if (left := len(every) - VIOLATIONS_SHOWN) > 0 else [])


def message(sent: Sent) -> str:
    """A message with its fields, without defaults and without ids that only distinguish exchanges."""
    fields = [
        f"{field.name} {short(content)}"
        for field in msgspec.structs.fields(sent.message)
        if (content := getattr(sent.message, field.name)) != field.default and not _is_id(field.name, content)
    ]
    shown = f"{type(sent.message).__name__} {', '.join(fields)}".rstrip()
    return f"{shown}{' (lost)' if sent.delivered_ns is None else ''}"


def _is_id(name: str, content: Any) -> bool:
    return name in ("op", "round") or (name == "request" and isinstance(content, str))


def _carried(content: msgspec.Struct) -> str:
    """A row, entry or command, shown as the value or request that it carries."""
    for name in ("value", "request"):
        if hasattr(content, name):
            carried = getattr(content, name)
            return "no-op" if name == "request" and carried is None else short(carried)
    return str(content)
