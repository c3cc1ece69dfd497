"""Which messages of a traced run belong to which operation, and what served an operation.

A message belongs to an operation if
  - it carries the operation's request, or the request's id in a field called `request`; or
  - it was sent by the handler of the request itself, or, in answer, by the handler of a message of the operation; or
  - its protocol names exchanges, and another message of the same exchange belongs to the operation.
Messages that merely came at the same time do not belong to it. If none of these rules applies, no message is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from checker.history import Operation
from targets.backends.simulator.network import Sent
from targets.protocol.node import Message, NodeId, Reply, Request


def request_of(op: Operation, trace: Sequence[Sent]) -> Request | None:
    """The request by which a client asked for an operation."""
    for sent in trace:
        message = sent.message
        if isinstance(message, Request) and sent.sent_ns == op.call and message.client == f"c{op.process}":
            return message
    return None


def by_operation(trace: Sequence[Sent]) -> dict[str, list[Sent]]:
    """The messages of each operation, by the id of its request, in order of sending."""
    found: defaultdict[str, list[Sent]] = defaultdict(list)
    known: dict[int, frozenset[str]] = {}  # by the identity of a message, which the trace keeps alive
    exchanges: dict[Hashable, frozenset[str]] = {}
    for sent in sorted(trace, key=lambda one: one.sent_ns):
        message, exchange = sent.message, _exchange(sent.message)
        ids = _carried(message) or exchanges.get(exchange, frozenset())
        if not ids and sent.cause is not None:
            sender, cause = sent.cause
            if isinstance(cause, Request):
                ids = frozenset({cause.id})
            elif exchange is None and sent.dest == sender:
                ids = known.get(id(cause), ids)
        if exchange is not None:
            exchanges.setdefault(exchange, ids)
        known[id(message)] = known.get(id(message), frozenset()) | ids
        for one in ids:
            found[one].append(sent)
    return dict(found)


def _exchange(message: Message) -> Hashable | None:
    return tuple(getattr(message, name) for name in message.exchange) or None


def _carried(message: Message) -> frozenset[str]:
    """The ids of the requests that a message carries or names."""
    if isinstance(message, Request | Reply):
        return frozenset({message.id})
    return frozenset(_ids(message))


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, Request):
        yield value.id
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            inner = getattr(value, name)
            if name == "request" and isinstance(inner, str) and inner:
                yield inner
            elif not isinstance(inner, str):
                yield from _ids(inner)
    elif isinstance(value, tuple):
        for item in value:
            yield from _ids(item)


@dataclass(frozen=True)
class Round:
    """Messages of one kind that a coordinator sent, or received, in a row."""

    kind: str
    sent: bool
    messages: list[Sent] = field(default_factory=list)


@dataclass(frozen=True)
class Served:
    """By which messages a node served an operation, up to its answer (`rounds`) and after it (`later`)."""

    node: NodeId
    rounds: list[Round]
    later: list[Round]
    answer: Reply | None
    answered_ns: int = 0
    decided_ns: int | None = None
    """When it received the last message on which the answer was based; None: there is no answer."""


def served(request: Request, messages: Sequence[Sent]) -> Served | None:
    """How a request was served, from the messages of its operation; None if that is not known.

    It is known if the node replied while handling the request or a message of the operation: the reply was based on
    the messages received until then. A reply from a timer is explained only if the node gave up. A request that was
    sent to several nodes is not explained.
    """
    asked = {sent.dest for sent in messages if sent.message is request or sent.message == request}
    if len(asked) != 1:
        return None
    node = asked.pop()
    answers = [sent for sent in messages if isinstance(sent.message, Reply) and sent.source == node]
    if not answers:
        rounds = list(_rounds(_dealings(node, messages)))
        return Served(node, rounds, [], None) if rounds else None
    answer = answers[0]
    decided_ns = _decided_ns(node, answer, messages)
    if decided_ns is None or not isinstance(answer.message, Reply):
        return None
    dealings = _dealings(node, messages)
    # a handler sends several messages at one time: their order counts
    sent_before = {id(sent) for sent in messages[: messages.index(answer)]}
    before = [(ns, out, one) for ns, out, one in dealings if (id(one) in sent_before if out else ns <= decided_ns)]
    after = [(ns, out, one) for ns, out, one in dealings if out and id(one) not in sent_before]
    return Served(node, list(_rounds(before)), list(_rounds(after)), answer.message, answer.sent_ns, decided_ns)


def _decided_ns(node: NodeId, answer: Sent, messages: Collection[Sent]) -> int | None:
    """When the node received the message that it answered; None if that message is not part of the operation."""
    if answer.cause is None:
        gave_up = isinstance(answer.message, Reply) and answer.message.status != "ok" and len(messages) > 2
        return answer.sent_ns if gave_up else None
    sender, cause = answer.cause
    came = [
        one.delivered_ns
        for one in messages
        if one.message is cause and (one.source, one.dest) == (sender, node)
        if one.delivered_ns is not None and one.delivered_ns <= answer.sent_ns
    ]
    return max(came, default=None)


def _dealings(node: NodeId, messages: Sequence[Sent]) -> list[tuple[int, bool, Sent]]:
    """The messages that the node sent to other nodes and received from them, in order of time."""
    found = []
    for sent in messages:
        if isinstance(sent.message, Request | Reply):
            continue
        if sent.source == node:
            found.append((sent.sent_ns, True, sent))
        elif sent.dest == node and sent.delivered_ns is not None:
            found.append((sent.delivered_ns, False, sent))
    return sorted(found, key=lambda one: one[0])


def _rounds(dealings: Sequence[tuple[int, bool, Sent]]) -> Iterator[Round]:
    """Consecutive messages of one kind and direction form a round."""
    last: Round | None = None
    for _, out, sent in dealings:
        kind = type(sent.message).__name__
        if last is None or (last.kind, last.sent) != (kind, out):
            if last is not None:
                yield last
            last = Round(kind, out)
        last.messages.append(sent)
    if last is not None:
        yield last
