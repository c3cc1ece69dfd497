"""Which format a file is in, and which model its operations are those of."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np

from checker.errors import UsageError
from checker.formats import console, edn, jepsen_json, jsonl_events, jsonl_operations, kv_log, sessions
from checker.formats.micro_operations import KNOWN, name_of
from checker.formats.source import Source
from checker.history import OK, History, distinct
from checker.values import Map, Set, Token

_KV = re.compile(rb"\{:process [^\n]*:key ")


def detect_format(source: Source) -> str:
    """The name of the format, by the first lines. Raises HistoryError if it is none of ours."""
    head = source.head().lstrip()
    if not head:
        raise source.error("is empty: it contains no operations")
    first = head.split(b"\n", 1)[0].strip()
    if sessions.DBCOP_HEAD.search(head[:100_000]) and b'"events"' in head:
        return sessions.DBCOP
    if sessions.PLUME_LINE.fullmatch(first.decode(errors="replace")):
        return sessions.PLUME
    if sessions.AWDIT_LINE.fullmatch(first.decode(errors="replace")):
        return sessions.AWDIT
    if re.match(rb"\{\s*(\"|\}|$)", first):
        return _json_form(source, first)
    if re.match(rb"\[\s*\{\s*\"[^\"]*\"\s*:", head):
        return jepsen_json.NAME
    lines = [line.decode(errors="replace") for line in head[:1_000_000].split(b"\n")]
    if console.LINE.match(lines[0]):
        return console.HISTORY_TXT
    if any(console.EVENT.search(line) for line in lines):
        return console.NAME
    if _KV.match(first):
        return kv_log.NAME
    if first[:1] in b"{[(;#" and b"\0" not in head[:1000]:
        return edn.NAME
    raise source.error(
        "is not a history in a known format (JSON, EDN, Jepsen's history.txt or console log, or a key-value log)",
        1,
    )


def _json_form(source: Source, first: bytes) -> str:
    line = 1 + source.head().split(first, 1)[0].count(b"\n")
    try:
        fields = msgspec.json.decode(first)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        sentence = "ends in the middle of its JSON" if "truncated" in str(error) else f"is not a JSON object ({error})"
        raise source.error(f"the first line {sentence}", line) from None
    if "type" in fields:
        return _events_form(source)
    if "op" in fields:
        return jsonl_operations.NAME
    raise source.error('the first line has neither "type" (one event per line) nor "op" (one operation per line)', line)


def _events_form(source: Source) -> str:
    """Whose events: ours have input and output, Jepsen's one value. Where the first ones have neither, later ones."""
    for line in source.head().split(b"\n"):
        try:
            fields = msgspec.json.decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
        if not isinstance(fields, dict) or fields.get("type") == "nemesis":
            continue
        if "input" in fields or "output" in fields or "node" in fields:
            return jsonl_events.NAME
        if "value" in fields or "index" in fields:
            return jepsen_json.NAME
    return jsonl_events.NAME


_BY_NAMES: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"enqueue", "dequeue", "peek"}), "queue"),
    (frozenset({"enqueue", "dequeue", "drain"}), "unordered-queue"),  # drains are used with unordered queues
    (frozenset({"push", "pop", "peek"}), "stack"),
    (frozenset({"insert", "delete-min", "peek"}), "priority-queue"),
    (frozenset({"generate"}), "ids"),
    (frozenset({"next"}), "generation"),
    (frozenset({"next", "read", "fenced-write"}), "fenced-register"),
    (frozenset({"echo"}), "echo"),
    (frozenset({"broadcast", "read"}), "broadcast"),
    (frozenset({"send", "poll", "final_poll", "commit_offsets", "list_committed_offsets"}), "kafka"),
)


def detect_model(history: History, source: Source) -> str:
    """The name of the model that these operations belong to. Raises UsageError where several would do, or none."""
    model: str | None = None
    names = frozenset(str(history.tables.f.values[code]) for code in distinct(history.f))
    for operations, candidate in _BY_NAMES:
        if names <= operations and names not in ({"read"}, {"peek"}):
            return candidate
    if names <= {"acquire", "release"}:
        return "mutex"
    if names <= {"read", "write", "swap", "fetch-add"} and names & {"swap", "fetch-add"}:
        return "rmw-register"
    if names == {"txn"}:
        return _of_transactions(history, source)
    if names <= {"add", "remove", "contains", "read"} and names & {"add", "remove", "contains"}:
        model = _set_or_counter(history, names)
    elif names <= {"read", "write", "cas", "delete", "append"}:
        model = _register_or_store(history, names)
    if model is None:
        raise UsageError(
            f"{source.name}: the operations {', '.join(sorted(names))} do not determine the model: name it with --model"
        )
    return model


_TRANSACTIONAL = ("txn-list-append", "txn-rw-register", "txn-set", "txn-counter")
_MANY = frozenset({tuple, Set, Map})


def _one_written_many_read(history: History) -> bool:
    """Whether single values are written and reads return lists, sets or maps: no register does that."""
    table = history.tables
    many = np.fromiter((type(value) in _MANY for value in table.value.values), bool, len(table.value))
    written = history.input[(history.f == table.f.code("write")) & (history.input != 0)]
    found = history.output[(history.f == table.f.code("read")) & (history.status == OK) & (history.output != 0)]
    return bool(len(written) and len(found) and many[found].all() and not many[written].any())


def _of_transactions(history: History, source: Source) -> str:
    """By their micro-operations, of which reads alone are shared."""
    values = history.tables.value.values
    known = [values[code] for code in distinct(history.input).tolist()]
    given = {micro[0] for value in known if type(value) is tuple for micro in value if type(micro) is tuple and micro}
    micros = {name_of(f) for f in given if isinstance(f, Token | str)}
    found = [model for model in _TRANSACTIONAL if micros <= KNOWN[model].keys()]
    if len(found) != 1:
        wanted = f"{', '.join(_TRANSACTIONAL[:-1])} or {_TRANSACTIONAL[-1]}"
        raise UsageError(
            f"{source.name}: micro-operations {', '.join(sorted(micros)) or 'of no transaction'} "
            f"do not determine the model: name it with --model, {wanted}"
        )
    return found[0]


def _register_or_store(history: History, names: frozenset[str]) -> str | None:
    if "append" in names:
        reads = _outputs(history, "read") - {type(None)}
        if "delete" in names and not reads - {str}:
            return "kv-append"
        if names & {"write", "cas"}:
            return None if tuple in reads else "kv-append"
        if _inputs(history, "read") == {int}:
            return "log"  # reads by offset
        if reads == {tuple}:
            return "append-list"
        return "kv-append" if reads == {str} else None
    if not names & {"write", "cas", "delete"}:
        return None
    if _one_written_many_read(history):
        return None
    if "delete" in names or len(distinct(history.key)) > 1:
        return "kv"
    return "cas-register" if "cas" in names else "register"


def _set_or_counter(history: History, names: frozenset[str]) -> str | None:
    if names & {"remove", "contains"}:
        return "set"
    reads = _outputs(history, "read") - {type(None)}
    return "set" if reads and reads <= {tuple, Set} else "counter" if reads == {int} else None


def _inputs(history: History, f: str) -> set[type[Any]]:
    """The types of what the operations of this name were given."""
    rows = history.f == history.tables.f.code(f)
    return {type(history.tables.value.values[value]) for value in distinct(history.input[rows])}


def _outputs(history: History, f: str) -> set[type[Any]]:
    """The types of what the operations of this name returned."""
    code = history.tables.f.code(f)
    rows = (history.f == code) & (history.status == OK)
    return {type(history.tables.value.values[value]) for value in distinct(history.output[rows])}
