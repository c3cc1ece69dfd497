"""Small histories as files: JSON lines in both forms, and EDN with the idioms of Jepsen."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from checker.formats.keys import Keys
from checker.history import Operation

Line = tuple[int, int, Any]


def json_events(operations: list[Operation]) -> bytes:
    """JSON lines, one event per line."""
    lines: list[Line] = []
    for op in operations:
        common = {"process": op.process, "f": op.f, "key": op.key}
        invoke = {"type": "invoke", **common, "input": op.input, "time": op.call, "node": op.node}
        lines.append((op.call, 0, invoke))
        if op.status != "info":
            lines.append((op.ret, 1, {"type": op.status, **common, "output": op.output, "time": op.ret}))
    lines.sort(key=lambda line: line[:2])
    return b"".join(msgspec.json.encode(line) + b"\n" for _, _, line in lines)


def json_operations(operations: list[Operation]) -> bytes:
    """JSON lines, one operation per line."""
    return b"".join(
        msgspec.json.encode(
            {
                "client": op.process, "call": op.call, "return": None if op.pending else op.ret, "op": op.f,
                "key": op.key, "input": op.input, "output": op.output, "status": op.status, "node": op.node,
            }
        )
        + b"\n"
        for op in operations
    )  # fmt: skip


EFFECTS = ("write", "append", "add", "remove", "enqueue", "push", "insert", "fenced-write")
"""Operations whose completion repeats their input."""

NOT_IN_EDN = ("log",)
"""Models with operations that have an input and an output, which the one :value of an event cannot hold."""

_ORDERS = (
    ("type", "f", "value", "process", "time", "index"),
    ("process", "type", "f", "value", "time"),
    ("index", "time", "type", "process", "f", "value"),
)


def jepsen_edn(operations: list[Operation], rng: Random) -> tuple[bytes, Keys]:
    """A file, and where its keys are. It is EDN as one of Jepsen's versions prints it: maps in this order or that,
    records with a tag or none, times or only an order, an unknown outcome as :info or as no end at all, a nemesis."""
    order, tag = rng.choice(_ORDERS), rng.choice(("", "#jepsen.history.Op"))
    keyed = rng.random() < 0.3 and all(op.f in ("read", "write", "cas") for op in operations)
    latest = max([op.ret for op in operations if not op.pending] + [op.call for op in operations])
    lines: list[Line] = []
    for op in operations:
        asked = _pair(_form(op, op.input), keyed)
        said = _pair(_answered(op, rng), keyed)
        lines.append((op.call, 0, {"type": ":invoke", "value": asked, "time": op.call, **_common(op)}))
        if op.status == "info" and rng.random() < 0.5:
            continue
        ret = latest + 1 + rng.randint(0, 3) if op.status == "info" else op.ret
        event = {"type": f":{op.status}", "value": said if op.status == "ok" else asked, "time": ret, **_common(op)}
        if op.status != "ok" and rng.random() < 0.5:
            event["error"] = rng.choice((":timeout", '"no, {such}"', "[:client-failed 7]"))
        lines.append((ret, 1, event))
    lines.sort(key=lambda line: line[:2])
    instants = [time for time, _, _ in lines]
    timed = len(set(instants)) < len(instants) or rng.random() < 0.7
    texts = []
    for number, (_, _, event) in enumerate(lines):
        names = [name for name in (*order, "error") if name in event or name == "index"]
        fields = [f":{name} {event.get(name, number)}" for name in names if timed or name != "time"]
        texts.append(f"{tag}{{{', '.join(fields)}}}")
    for place in sorted(rng.sample(range(len(texts) + 1), k=min(2, len(texts))), reverse=True):
        if rng.random() < 0.3:
            when = f", :time {instants[min(place, len(instants) - 1)]}" if timed else ""
            texts.insert(place, f"{{:process :nemesis, :type :info, :f :start, :value {{:n1 #{{:n2}}}}{when}}}")
    begin, end = rng.choice((("", "\n"), ("", ""), ("[", "]\n")))
    return "\n".join([begin + texts[0], *texts[1:]]).encode() + end.encode(), "tuple" if keyed else "none"


def _common(op: Operation) -> dict[str, Any]:
    return {"process": op.process, "f": f":{op.f}"}


def _pair(form: str, keyed: bool) -> str:
    """jepsen.independent puts the key in front of the value."""
    return f"[7 {form}]" if keyed else form


def _answered(op: Operation, rng: Random) -> str:
    """The value of a completion."""
    if op.f in EFFECTS:
        return _form(op, op.input)
    if op.f == "cas" and op.output is True and rng.random() < 0.5:
        return _form(op, op.input)
    return _form(op, op.output)


def _form(op: Operation, value: Any) -> str:
    """A value as Clojure prints it."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if not isinstance(value, tuple):
        return str(value)
    if op.f == "txn":
        return f"[{' '.join(f'[:{f} {json.dumps(key)} {_form(op, item)}]' for f, key, item in value)}]"
    return f"[{' '.join(_form(op, item) for item in value)}]"


FORMS: dict[str, Callable[[list[Operation], Random], tuple[bytes, Keys]]] = {
    "jsonl-events": lambda operations, rng: (json_events(operations), "field"),
    "jsonl-operations": lambda operations, rng: (json_operations(operations), "field"),
    "edn": jepsen_edn,
}
"""By the name of the reader."""
