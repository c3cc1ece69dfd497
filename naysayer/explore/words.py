"""The steps of a failure in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from naysayer.explore.found import Action, Failure
from naysayer.explore.frontier import Operation
from naysayer.explore.local import Crash, Delivery, Fired, Locals, Passed
from naysayer.explore.scope import Scope
from naysayer.message_text import MessageText
from targets.protocol.node import Reply, Request

_HOW = {"kill": "is killed", "power": "loses power", "torn": "loses power in the middle of its last write"}


def operation_words(operation: Operation) -> str:
    """Whose operation it is, and which."""
    client = operation.id.partition(".")[0]
    return f"{client}'s {_asked(operation.f, operation.value)}"


def steps_of(locals_: Locals, wanted: Scope, failure: Failure) -> Iterator[str]:
    """The steps, numbered."""
    words = MessageText()
    width = len(str(len(failure.actions)))
    for number, (action, replies) in enumerate(zip(failure.actions, failure.replies, strict=True), 1):
        said = _step(locals_, wanted, action, words)
        for reply in replies:
            said += f"; {wanted.names[action.node]} answers {reply.id.partition('.')[0]}: {_answer(locals_, reply)}"
        yield f"{number:{width}}  {said}"


def _step(locals_: Locals, wanted: Scope, action: Action, words: MessageText) -> str:
    node, given = wanted.names[action.node], locals_.inputs[action.input]
    match given:
        case Request():
            return f"{given.client} asks {node}: {_asked(given.f, given.input)}"
        case Delivery():
            again = " (a copy of it stays under way)" if action.copy else ""
            return f"{given.sender} → {given.to}: {words.whole(given.message, given.sender)}{again}"
        case Fired():
            return f"{node}: timer {given.timer} fires"
        case Passed(ms):
            return f"{ms:g} ms pass at {node}"
        case Crash():
            how = _HOW[given.loss]
            if given.input is None:
                return f"{node} {how} and starts again"
            inner = _step(locals_, wanted, action._replace(input=given.input), words)
            return f"{inner}; {node} {how} after {given.effects} of its effects and starts again"


def _asked(f: str, given: Any) -> str:
    if f == "cas":
        return f"cas {'nil' if given[0] is None else given[0]}→{given[1]}"
    return f if given is None else f"{f} {given}"


def _answer(locals_: Locals, reply: Reply) -> str:
    asked = next(one for one in locals_.inputs if isinstance(one, Request) and one.id == reply.id)
    returns = reply.status == "ok" and asked.f in ("read", "cas", "next")
    said = f" {'nil' if reply.output is None else reply.output}" if returns else ""
    return f"{_asked(asked.f, asked.input)} {reply.status}{said}"
