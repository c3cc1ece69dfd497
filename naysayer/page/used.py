"""What the node of an operation had when it decided on its answer: its own copy, and the answers of other nodes."""

from __future__ import annotations

from collections.abc import Sequence

from checker.history import History
from naysayer.exchanges import Served, by_operation, request_of, served
from naysayer.page.traffic import value_of
from naysayer.simulate import Run
from naysayer.views import held
from targets.backends.simulator.network import Sent
from targets.protocol.node import Reply, Request

Used = tuple[str, str, str]
"""A node, the value that it gave, and how: "", "lost" on the way, or "late" (after the decision)."""


def used_of(run: Run, history: History, rows: Sequence[int]) -> dict[int, list[Used]]:
    """By row, in order of arrival, for those operations of which it is known."""
    trace = run.trace or []
    messages = by_operation(trace)
    found = {}
    for row in rows:
        request = request_of(history[row], trace)
        how = None if request is None else served(request, messages.get(request.id, []))
        if request is None or how is None or how.decided_ns is None:
            continue
        answers = _answers(how, messages[request.id], how.decided_ns)
        view = run.held.get((request.id, how.node))
        if answers and view is not None:
            found[row] = [(how.node, held(view, request.key).partition(" @")[0], ""), *answers]
    return found


def _answers(how: Served, messages: Sequence[Sent], decided_ns: int) -> list[Used]:
    """Of each other node the last value that came before the decision, else what became of the first it sent."""
    by_node: dict[str, list[Sent]] = {}
    for sent in messages:
        between_nodes = not isinstance(sent.message, Request | Reply) and sent.source != how.node
        # a program of the user's may name it otherwise: then nothing is known of what it gave
        if (
            between_nodes
            and sent.dest == how.node
            and hasattr(sent.message, "value")
            and sent.message.content() is not None
        ):
            by_node.setdefault(sent.source, []).append(sent)
    found = []
    for node, sents in by_node.items():
        came = [one for one in sents if one.delivered_ns is not None and one.delivered_ns <= decided_ns]
        one = max(came, key=lambda sent: sent.delivered_ns or 0) if came else sents[0]
        fate = "" if came else "lost" if one.delivered_ns is None else "late"
        arrived = one.delivered_ns if one.delivered_ns is not None else one.sent_ns
        found.append((arrived, (node, value_of(one.message) or "nothing", fate)))
    return [used for _, used in sorted(found)]
