"""What the explorer's clock draws of a branch: operations, faults, bands of the nodes, and the messages of a window.

Times are ms. What the window holds too much of is counted, not sent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from checker.history import Operation
from naysayer.explorer.branch import Branch
from naysayer.explorer.replay import FURTHER
from naysayer.explorer.story import Telling
from naysayer.explorer.words import YOU, Words
from naysayer.fault_spans import fault_spans
from naysayer.notation import call_text, value_text
from naysayer.simulate import client_name
from naysayer.views import ROLE, held, standing
from targets.backends.simulator.network import MS, Sent
from targets.protocol.fault import Kill
from targets.protocol.node import NodeId
from workloads.parts import client_of

MESSAGES_MAX = 1500
"""So many messages of a window are sent."""

VALUES_MAX = 4


def clock_of(branch: Branch, key: Any) -> dict[str, Any]:
    """All of a branch but its messages."""
    replayed = branch.replayed
    script = replayed.simulation
    worst = branch.verdict.worst
    proof = [] if worst is None else [op.index for op in worst.counterexample]
    history = list(replayed.run.recorder.history())
    clients = branch.source.clients
    nemesis = replayed.run.recorder.nemesis
    return {
        "end": replayed.run.virtual_ms,
        "clients": [*branch.source.names] + ([YOU] if _further(history) else []),
        "operations": [_operation(op, clients) for op in history],
        "proof": proof,
        "culprit": branch.culprit,
        "faults": [[span.label, span.from_ms, span.to_ms] for span in fault_spans(nemesis)],
        "moments": [[ms, fault.in_full()] for ms, fault in nemesis if fault.momentary or not fault.begins()],
        "steps": script.begun if isinstance(script, Telling) else [],
        "called": script.nodes if isinstance(script, Telling) else {},
        "events": [event.time_ns // 1000 for event in branch.events],
        "nodes": {f"n{n + 1}": _band(branch, f"n{n + 1}", key) for n in range(branch.source.nodes)},
        "keys": list(dict.fromkeys(value_text(op.key) for op in history if op.key is not None))[:200],
    }


def _further(history: list[Operation]) -> bool:
    return any(isinstance(op.process, int) and op.process >= FURTHER for op in history)


def _operation(op: Operation, clients: int) -> list[Any]:
    """Index, lane, from, to (None: never answered), status, whether it reads, what it did, key, node, the value that
    it is about."""
    mine = isinstance(op.process, int) and op.process >= FURTHER
    about = op.output if op.input is None else op.input
    if op.f == "cas" and isinstance(op.input, tuple):
        about = op.input[-1]
    return [
        op.index,
        clients if mine else client_of(op, clients),
        op.call / MS,
        None if op.pending else op.ret / MS,
        op.status,
        op.input is None,
        call_text(op),
        "" if op.key is None else value_text(op.key),
        op.node,
        value_text(about) if op.status == "ok" or op.input is not None else "",
    ]


def _band(branch: Branch, node: NodeId, key: Any) -> list[list[Any]]:
    """From when on (ms) a node showed what: its standing, and the value that it held for the key; None: it was down."""
    found: list[list[Any]] = []
    down: list[Any] = [None, ""]

    def begin(time_ns: int, shown: list[Any]) -> None:
        if not found or found[-1][1:] != shown:
            found.append([time_ns / MS, *shown])

    for number, event in enumerate(branch.events, 1):
        if event.what == "fault" and isinstance(event.content, Kill):
            if node in event.content.nodes and event.content.effects is None:
                begin(event.time_ns, down)
        elif event.place == node and event.what == "death":
            begin(event.time_ns, down)
        elif event.place == node and number in branch.replayed.changes:
            view = branch.replayed.changes[number].after
            begin(event.time_ns, [_standing(view), "" if key is None else held(view, key)])
        elif event.place == node and event.what == "start":
            begin(event.time_ns, ["", ""])
    return found


def _standing(view: Mapping[str, Any]) -> str:
    shown = [(name, text) for name, text in standing(view).items() if name in (ROLE, "term")]
    return " ".join(text if name == ROLE else f"{name} {text}" for name, text in shown)


def messages_of(branch: Branch, from_ms: float, to_ms: float) -> dict[str, Any]:
    """The messages that are under way in a window: who sent them when, how they ended, and what they say."""
    every = branch.traffic
    words = branch.words
    held = {id(one) for one in branch.replayed.replay.held_back}
    clients = branch.source.clients
    last = bisect_left(every, to_ms * MS, key=lambda one: one.sent_ns)
    inside = [one for one in every[:last] if (one.delivered_ns or one.sent_ns) >= from_ms * MS]
    between = [one for one in inside if one.source[0] == "n" and one.dest[0] == "n"]
    return {
        "from": from_ms,
        "to": to_ms,
        "total": len(inside),
        "shown": [_message(one, words, clients, id(one) in held) for one in between[:MESSAGES_MAX]],
        "left": max(0, len(between) - MESSAGES_MAX),
    }


def _message(sent: Sent, words: Words, clients: int, held: bool) -> list[Any]:
    """Source, dest, sent, delivered (None: lost or held), text, operation, link number, whether it is held."""
    return [
        client_name(clients, sent.source),
        client_name(clients, sent.dest),
        sent.sent_ns / MS,
        None if sent.delivered_ns is None else sent.delivered_ns / MS,
        words.message(sent.message, sent.source),
        words.belongs((sent.source, sent.dest, sent.number)),
        sent.number,
        held,
    ]


def values_of(branch: Branch) -> list[str]:
    """The values that the proof of a branch is about, the oldest first, in the order in which they were written."""
    worst = branch.verdict.worst
    if worst is None:
        return []
    written = sorted((op for op in worst.counterexample if op.input is not None), key=lambda op: op.call)
    found = dict.fromkeys(value_text(op.input[-1] if op.f == "cas" else op.input) for op in written)
    read = dict.fromkeys(value_text(op.output) for op in worst.counterexample if op.input is None and op.status == "ok")
    return [*(text for text in read if text not in found), *found][-VALUES_MAX:]
