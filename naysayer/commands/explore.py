"""`naysayer explore TARGET`: every schedule of a small scope, and the shortest failure if there is one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from checker.errors import UsageError
from naysayer.explore.canonical import Opaque
from naysayer.explore.frontier import Operation
from naysayer.explore.local import Crash, Delivery, Fired, Locals
from naysayer.explore.scope import Scope, refuse_unsuited, scope
from naysayer.explore.search import Action, Explored, Failure, Search
from naysayer.explore.surroundings import Unexplorable
from naysayer.message_text import MessageText
from naysayer.options import ExploreOptions
from naysayer.report.conclusion import Conclusion
from naysayer.report.console import console
from naysayer.signals import StopRequest
from targets.protocol.node import Reply, Request
from targets.registry import find

FREE, VIOLATION, UNKNOWN = 0, 1, 2


def explore_target(name: str, options: ExploreOptions) -> Conclusion:
    """Explore, and say what was found of which scope. Raises UsageError for what cannot be explored."""
    if options.states < 1:
        raise UsageError(f"--states is {options.states}; it must be more than 0")
    target = find(name)
    nodes = target.nodes if options.nodes is None else options.nodes
    refuse_unsuited(target, nodes)
    wanted = scope(options.program, nodes, options.crashes, options.timers)
    screen = console()
    began = time.monotonic()
    try:
        search = Search(target.node, wanted)
        status = screen.status(f"exploring {name}: {wanted}")
        with StopRequest() as stop, status:

            def goes_on(states: int, depth: int) -> bool:
                if screen.is_terminal:
                    rate = states / max(time.monotonic() - began, 1e-9)
                    status.update(f"exploring {name}: {states:,} states, {depth} steps deep, {rate:,.0f} states/s")
                return not stop.made

            found = search.run(options.states, options.time, goes_on)
    except (Unexplorable, Opaque) as refused:
        raise UsageError(f"{name} cannot be explored: {refused}") from refused
    code, sentence = _concluded(wanted, found)
    steps = () if found.failure is None else tuple(_steps(search.locals, wanted, found.failure))
    effort = f"{found.states:,} states, {found.transitions:,} transitions, {time.monotonic() - began:.1f} s"
    screen.print(f"{'✓✗?'[code]} {name}: {sentence}", markup=False, highlight=False, soft_wrap=True)
    for step in steps:
        screen.print(f"  {step}", markup=False, highlight=False, soft_wrap=True)
    if steps and found.failure is not None:
        screen.print(f"  {found.failure.why}", markup=False, highlight=False, soft_wrap=True)
    screen.print(f"  {effort}", markup=False, highlight=False)
    return Conclusion(code, name, explore=_facts(wanted, found, sentence, steps))


def _concluded(wanted: Scope, found: Explored) -> tuple[int, str]:
    """The exit code and what can be said of the scope."""
    if found.failure is not None:
        return VIOLATION, f"{wanted}: the shortest failure has {len(found.failure.actions)} steps"
    if found.cut is not None:
        return UNKNOWN, f"{found.cut}; no violation in any schedule of up to {found.depth} steps of {wanted}"
    if found.unanswered:
        which = ", ".join(map(_words, found.unanswered))
        return UNKNOWN, f"no schedule of {wanted} lets {which} succeed, so it says nothing: allow more --timers"
    return FREE, f"every schedule of {wanted}: {found.states:,} states, no violation"


def _words(operation: Operation) -> str:
    client = operation.id.partition(".")[0]
    return f"{client}'s {operation.f}" if operation.value is None else f"{client}'s {operation.f} {operation.value}"


def _steps(locals_: Locals, wanted: Scope, failure: Failure) -> Iterator[str]:
    """The steps of a failure in words, numbered."""
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
            return f"{given.client} asks {node}: {_asked(given)}"
        case Delivery():
            return f"{given.sender} → {given.to}: {words.whole(given.message, given.sender)}"
        case Fired():
            return f"{node}: timer {given.timer} fires"
        case Crash():
            how = "loses power" if given.power else "is killed"
            if given.input is None:
                return f"{node} {how} and starts again"
            inner = _step(locals_, wanted, action._replace(input=given.input), words)
            return f"{inner}; {node} {how} after {given.effects} of its effects and starts again"


def _asked(request: Request) -> str:
    return request.f if request.input is None else f"{request.f} {request.input}"


def _answer(locals_: Locals, reply: Reply) -> str:
    asked = next(one for one in locals_.inputs if isinstance(one, Request) and one.id == reply.id)
    said = f" {'nil' if reply.output is None else reply.output}" if asked.f == "read" and reply.status == "ok" else ""
    return f"{_asked(asked)} {reply.status}{said}"


def _facts(wanted: Scope, found: Explored, sentence: str, steps: tuple[str, ...]) -> dict[str, Any]:
    return {
        "program": wanted.words,
        "nodes": wanted.nodes,
        "crashes": wanted.crashes,
        "timers": wanted.timers,
        "sentence": sentence,
        "complete": found.cut is None and found.failure is None,
        "states": found.states,
        "transitions": found.transitions,
        "depth": found.depth,
        "why": None if found.failure is None else found.failure.why,
        "steps": list(steps),
    }
