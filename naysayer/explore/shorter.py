"""A failure without the steps that it does not need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from naysayer.explore.found import Action, Failure
from naysayer.explore.local import Crash, Delivery, Fired, Locals
from naysayer.explore.outside import Outside
from targets.protocol.node import Reply, Request


def shortened(locals_: Locals, outside: Outside, nodes: int, failure: Failure, prefix: int) -> Failure:
    """A failure of which no step can be left out, but for the first `prefix`, which are kept."""
    at = len(failure.actions) - 1
    while at >= prefix:
        actions = failure.actions
        shorter = _failing(locals_, outside, nodes, (*actions[:at], *actions[at + 1 :]))
        if shorter is not None:
            failure, at = shorter, len(shorter.actions)
        at -= 1
    return failure


def _failing(locals_: Locals, outside: Outside, nodes: int, actions: Sequence[Action]) -> Failure | None:
    """The failure that comes of these actions; None if they are not possible one after the other, or nothing fails."""
    begun = [locals_.first(index) for index in range(nodes)]
    states = [step.state for step in begun]
    under_way = Counter(what for step in begun for what in step.sent)
    core = outside.first()
    for number, action in enumerate(actions, 1):
        given, what = locals_.inputs[action.input], action.input
        if isinstance(given, Crash) and given.input is not None:
            what = given.input
            if given.effects >= locals_.step(states[action.node], what).effects:
                return None
        match locals_.inputs[what]:
            case Delivery():
                if not under_way[what]:
                    return None
                under_way[what] -= not action.copy
            case Fired():
                if what not in locals_.timers[states[action.node]]:
                    return None
            case Request(id=id):
                if not outside.may_ask(core, action.client, id):
                    return None
                core = outside.asked(core, action.client)
        step = locals_.step(states[action.node], action.input)
        states[action.node] = step.state
        under_way.update(step.sent)
        core, why = outside.noticed(core, action.node, step, tuple(locals_.looks[state] for state in states))
        if why is not None:
            return Failure(why, tuple(actions[:number]), replies_of(locals_, actions[:number]))
    return None


def replies_of(locals_: Locals, actions: Sequence[Action]) -> tuple[tuple[Reply, ...], ...]:
    """What nodes reply in each of these steps, from their start."""
    states: dict[int, int] = {}
    replies = []
    for action in actions:
        if action.node not in states:
            states[action.node] = locals_.first(action.node).state
        step = locals_.step(states[action.node], action.input)
        states[action.node] = step.state
        replies.append(locals_.answers[step.replies])
    return tuple(replies)
