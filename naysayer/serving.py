"""How operations were served: what the node held, which nodes it asked, their replies, and its answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from checker.history import Operation
from naysayer.exchanges import Round, Served, by_operation, request_of, served
from naysayer.message_text import MessageText
from naysayer.notation import value_text
from naysayer.simulate import Run
from naysayer.views import held
from targets.backends.simulator.network import MS, Sent

OPERATIONS_MAX = 6
"""Of more operations, only the last ones are shown."""

ROUNDS_MAX, LATER_MAX = 6, 1
"""Of more rounds of messages, those before the answer and the first after it."""


@dataclass(frozen=True)
class Account:
    """How a node served an operation: what it held, whom it asked, what came back, and what it answered."""

    index: int
    node: str
    account: str


def accounts(operations: Sequence[Operation], run: Run) -> list[Account]:
    """For each operation, how it was served, if the traced run shows it."""
    trace = run.trace or []
    messages, words = by_operation(trace), MessageText()
    found = []
    for op in sorted(operations, key=lambda op: op.call)[-OPERATIONS_MAX:]:
        request = request_of(op, trace)
        how = None if request is None else served(request, messages.get(request.id, []))
        if request is None or how is None:
            continue
        view = run.held.get((request.id, how.node))
        own = [] if view is None or op.key is None else [f"held {held(view, op.key)}"]
        rounds = [_round(one, op, words) for one in how.rounds[-ROUNDS_MAX:]]
        if len(how.rounds) > ROUNDS_MAX:
            rounds.insert(0, "…")
        found.append(Account(op.index, how.node, " · ".join([*own, *rounds, *_end(op, how, words)])))
    return found


def _round(one: Round, op: Operation, words: MessageText) -> str:
    """Messages of one kind: `Get to n2 n3`, `Got from n2: 7 @3.n2`."""
    if one.sent:
        parts = [f"{one.kind} {text}".rstrip() + f" to {_dests(group)}" for text, group in _alike(one, op, words)]
        return ", ".join(parts)
    parts = [
        f"from {_names(sent.source for sent in group)}" + (f": {text}" if text else "")
        for text, group in _alike(one, op, words)
    ]
    return f"{one.kind} {', '.join(parts)}"


def _alike(one: Round, op: Operation, words: MessageText) -> list[tuple[str, list[Sent]]]:
    """The messages of a round, grouped by content."""
    told = [(words.carried(sent.message, sent.source, op.key), sent) for sent in one.messages]
    return [(text, [sent for _, sent in group]) for text, group in groupby(told, key=lambda pair: pair[0])]


def _dests(group: Sequence[Sent]) -> str:
    arrived = {sent.dest for sent in group if sent.delivered_ns is not None}
    named = dict.fromkeys(sent.dest for sent in group)
    return " ".join(name if name in arrived else f"{name} (undelivered)" for name in named)


def _names(names: Iterator[str]) -> str:
    return " ".join(dict.fromkeys(names))


def _end(op: Operation, how: Served, words: MessageText) -> Iterator[str]:
    answer = how.answer
    if answer is None:
        yield "gave no answer"
        return
    if answer.status != "ok":
        yield f"answered {answer.status}" + (f" ({answer.error})" if answer.error else "")
    else:
        yield "answered" if answer.output is None and op.f != "read" else f"answered {value_text(answer.output)}"
    for one in how.later[:LATER_MAX]:
        late_ms = (min(sent.sent_ns for sent in one.messages) - how.answered_ns) / MS
        yield f"{_round(one, op, words)}" + (f", {late_ms:.1f} ms later" if late_ms >= 0.05 else "")
