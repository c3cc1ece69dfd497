"""Requests of our workloads as bodies of Maelstrom's form, and bodies as replies.

Names of fields are Maelstrom's where it has the operation, error codes are Maelstrom's, and an error may name the
`leader`, where to ask instead.
"""

from __future__ import annotations

from targets.backends.stdio.protocol import (
    CONDITIONS,
    DEFINITE,
    DIALECTS,
    KEY_DOES_NOT_EXIST,
    MALFORMED,
    Body,
    Fields,
    fits,
    shown,
)
from targets.protocol.json_values import objection
from targets.protocol.node import NodeId, Reply, Request

_VALUE: Fields = ("value", "value")
_IN: Fields = ("value", None)
_OUT: Fields = (None, "value")

OPERATIONS: dict[str, Fields] = {
    **DIALECTS["kv"],
    **DIALECTS["echo"],
    **DIALECTS["unique-ids"],
    **DIALECTS["txn-list-append"],
    **dict.fromkeys(("append", "delete-min", "contains", "acquire", "release"), _VALUE),
    **dict.fromkeys(("add", "remove", "enqueue", "push", "insert"), _IN),
    **dict.fromkeys(("dequeue", "pop"), _OUT),
    "next": (None, "generation"),
    "fenced-write": (("generation", "value"), None),
}
"""The fields of an operation's input and of its output: those of Maelstrom's store, `value` in most others."""


def to_body(request: Request, msg_id: int) -> Body:
    """The body of a request. Raises KeyError for an operation that hosts are not asked for."""
    names = OPERATIONS[request.f][0]
    body: Body = {"type": request.f, "msg_id": msg_id}
    if request.key is not None:
        body["key"] = request.key
    if isinstance(names, tuple):
        body.update(zip(names, request.input, strict=True))
    elif names is not None or request.input is not None:  # a read of a log has an input too: the offset
        body[names or "value"] = request.input
    return body


def to_reply(request: Request, body: Body, node: NodeId) -> Reply:
    """What `node` answered, as a Reply. A cas that answers cas_ok returned True."""
    kind = body.get("type")
    if kind == "error":
        return _refusal(request, body, node)
    if kind != f"{request.f}_ok":
        return Reply(request.id, "info", None, f"{MALFORMED}: {shown(kind)}, expected {request.f}_ok")
    if request.f == "cas":
        return Reply(request.id, "ok", True)
    name = OPERATIONS[request.f][1]
    if name is None:
        return Reply(request.id, "ok", body.get("value"))
    if name not in body:
        return Reply(request.id, "info", None, f"{MALFORMED}: {kind} without {name!r}")
    value = body[name]
    wrong = objection(value)
    if wrong is None and request.f == "txn" and not fits("txn-list-append", request, value):
        wrong = f"is of another form: {shown(value)}"
    if wrong is not None:
        return Reply(request.id, "info", None, f"{MALFORMED}: {kind} with {name!r} that {wrong}")
    return Reply(request.id, "ok", value)


def _refusal(request: Request, body: Body, node: NodeId) -> Reply:
    code, leader = body.get("code"), body.get("leader")
    if code == KEY_DOES_NOT_EXIST and request.f == "read":
        return Reply(request.id, "ok", None)
    error = f"error {shown(code)}: {shown(body.get('text', ''))}"
    if type(code) is not int or code not in DEFINITE:
        return Reply(request.id, "info", None, error)
    found = leader if isinstance(leader, str) else node if code in CONDITIONS else None
    return Reply(request.id, "fail", None, error, found)
