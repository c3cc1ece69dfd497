"""Requests of our workloads as bodies of Maelstrom's protocol, and its replies as ours.

Error codes 1, 10, 11, 12, 14, 20, 21, 22 and 30 are definite (it did not happen: fail); all others, 0 (timeout) and
13 (crash) among them, leave the outcome unknown (info). A read of a key that does not exist (20) is an observation.
"""

from __future__ import annotations

from typing import Any

from targets.protocol.node import NodeId, Reply, Request

DEFINITE = frozenset({1, 10, 11, 12, 14, 20, 21, 22, 30})
NOT_SUPPORTED = 10
KEY_DOES_NOT_EXIST = 20
CONDITIONS = frozenset({20, 21, 22, 30})
"""Those of them that concern the data: the node that answers so is the right one to ask."""

MALFORMED = "malformed answer"
"""How the error of an operation begins whose answer has a form that its workload does not know."""

SHOWN = 200
"""How many characters of a node's output an error repeats."""

Body = dict[str, Any]
Fields = tuple[str | tuple[str, ...] | None, str | None]
"""The names under which an operation's input and output travel; several names if the input is a tuple."""

COUNTER: dict[str, Fields] = {"add": ("delta", None), "read": (None, "value")}
STORE: dict[str, Fields] = {"read": (None, "value"), "write": ("value", None), "cas": (("from", "to"), None)}
TRANSACTIONS: dict[str, Fields] = {"txn": ("txn", "txn")}
DIALECTS: dict[str, dict[str, Fields]] = {
    "echo": {"echo": ("echo", "echo")},
    "unique-ids": {"generate": (None, "id")},
    "broadcast": {"broadcast": ("message", None), "read": (None, "messages")},
    "g-set": {"add": ("element", None), "read": (None, "value")},
    "g-counter": COUNTER,
    "pn-counter": COUNTER,
    "lin-kv": STORE,
    "register": STORE,
    "write-few-read-many": STORE,
    "write-few-with-cas": STORE,
    "kv": {**STORE, "delete": (None, None)},
    "txn-list-append": TRANSACTIONS,
    "txn-rw-register": TRANSACTIONS,
    "kafka": {
        "send": ("msg", "offset"),
        "poll": ("offsets", "msgs"),
        "final_poll": ("offsets", "msgs"),
        "commit_offsets": ("offsets", None),
        "list_committed_offsets": ("keys", "offsets"),
    },
}
"""Maelstrom's workloads, and three of ours for key-value stores: for each operation the names of its fields.
`delete` is not an operation of Maelstrom; a store without it refuses it."""


SAME_AS = {"final_poll": "poll"}
"""Operations that only the checker distinguishes."""


def shown(output: Any) -> str:
    """Output of a node, for errors and reports: shortened, and marked so, if it is long."""
    text = str(output)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def to_body(workload: str, request: Request) -> Body:
    """The body of a request, without msg_id."""
    names = DIALECTS[workload][request.f][0]
    body: Body = {"type": SAME_AS.get(request.f, request.f)}
    if request.key is not None:
        body["key"] = request.key
    if isinstance(names, str):
        body[names] = request.input
    elif names is not None:
        body.update(zip(names, request.input, strict=True))
    return body


def to_reply(workload: str, request: Request, body: Body, node: NodeId) -> Reply:
    """What `node` answered, as a Reply. A cas that answers cas_ok returned True."""
    kind = body.get("type")
    if kind == "error":
        code, text = body.get("code"), body.get("text", "")
        if code == KEY_DOES_NOT_EXIST and request.f == "read":
            return Reply(request.id, "ok", None)
        error = f"error {code}: {shown(text)}"
        if type(code) is not int or code not in DEFINITE:
            return Reply(request.id, "info", None, error)
        return Reply(request.id, "fail", None, error, node if code in CONDITIONS else None)
    expected = f"{SAME_AS.get(request.f, request.f)}_ok"
    if kind != expected:
        return Reply(request.id, "info", None, f"{MALFORMED}: {kind!r}, expected {expected}")
    if request.f == "cas":
        return Reply(request.id, "ok", True)
    name = DIALECTS[workload][request.f][1]
    if name is None:
        return Reply(request.id, "ok", None)
    if name not in body:
        return Reply(request.id, "info", None, f"{MALFORMED}: {kind} without {name!r}")
    value = filled(workload, request.f, body[name])
    if not fits(workload, request, value):
        return Reply(request.id, "info", None, f"{MALFORMED}: {kind} with {name!r} of another form: {shown(value)}")
    return Reply(request.id, "ok", value)


def not_supported(reply: Reply) -> bool:
    """Whether a node answers that it has no such operation."""
    return reply.status == "fail" and (reply.error or "").startswith(f"error {NOT_SUPPORTED}:")


def filled(workload: str, f: str, value: Any) -> Any:
    """An answer with empty collections in the place of null, which is what some languages make of them."""
    match workload, f:
        case ("g-set" | "broadcast", _):
            return [] if value is None else value
        case ("kafka", "poll" | "final_poll"):
            if not isinstance(value, dict):
                return {} if value is None else value
            return {key: [] if messages is None else messages for key, messages in value.items()}
        case ("kafka", "list_committed_offsets"):
            return {} if value is None else value
        case ("txn-rw-register", _) if isinstance(value, list):
            return [[*step[:2], None] if _reads_zero(step) else step for step in value]
    return value


def _reads_zero(step: Any) -> bool:
    """A step that read 0, which no client ever writes: some languages know no register without a value."""
    return isinstance(step, list) and len(step) == 3 and step[0] == "r" and step[2] == 0 and type(step[2]) is int


def fits(workload: str, request: Request, value: Any) -> bool:
    """Whether an answer has the form that its workload requires, so that it can be judged."""
    match workload, request.f:
        case ("g-counter" | "pn-counter", _) | ("kafka", "send"):
            return type(value) is int
        case ("g-set" | "broadcast", _):
            return isinstance(value, list)
        case ("kafka", "poll" | "final_poll"):
            return isinstance(value, dict) and all(
                isinstance(messages, list) and all(_is_pair(message) for message in messages)
                for messages in value.values()
            )
        case ("kafka", _):
            return isinstance(value, dict) and all(type(offset) is int for offset in value.values())
        case ("txn-list-append" | "txn-rw-register", _):
            return isinstance(value, list) and len(value) == len(request.input) and all(map(_did, request.input, value))
    return True


def _is_pair(message: Any) -> bool:
    return isinstance(message, list) and len(message) == 2 and type(message[0]) is int


def _did(asked: tuple[str, Any, Any], done: Any) -> bool:
    """One step of a transaction came back as it was asked; only what a read returns is new."""
    f, key, value = asked
    if not isinstance(done, list) or done[:2] != [f, key] or len(done) != 3:
        return False
    return done[2] == value if f != "r" else done[2] is None or isinstance(done[2], list | int)
