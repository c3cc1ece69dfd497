"""A failure as a scenario in which messages and timers go by hand: the simulator repeats it, step by step.

In a scenario a message is named by its number on its link, so all that was sent before is counted. What an exploration
leaves open, such as the random bits of an incarnation, the simulator draws from a seed: the first seed is taken with
which clients see the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from naysayer.explore.found import Action, Failure
from naysayer.explore.local import Crash, Delivery, Fired, Locals
from naysayer.explore.scope import Scope
from naysayer.play import timed
from naysayer.play.timed import Scenario, Timed, TimedFault, TimedOperation
from naysayer.simulate import Run
from targets.protocol.fault import ByHand, Fire, Kill, Restart, Steer
from targets.protocol.node import Request
from targets.protocol.target import Target
from workloads.parts import client_of

STEP_MS, RESTART_MS = 50.0, 25.0
"""Between two steps, and from a crash to the start after it: enough for requests, replies and syncs."""

SEEDS = 100
"""So many seeds are tried."""

RETURNING = ("read", "cas", "next")
"""Operations whose answers say something."""

Seen = list[tuple[Any, ...]]
"""What clients see: (client, operation, input) where it begins; (client, status, what it returned) at its end."""


def repeated(target: Target, scope: Scope, locals_: Locals, failure: Failure) -> Scenario | None:
    """The scenario of a failure; None if with no seed the simulator repeats it."""
    apart = 2 if target.sessions else 1  # every other client would send its request again
    items = tuple(_Steps(locals_, scope, apart).of(failure))
    end_ms = STEP_MS * (len(failure.actions) + 1)
    clients, workload = apart * len(scope.program), _workload(scope)
    scenario = Scenario(target.name, workload, scope.nodes, 0, (), (), timeout_ms=2 * end_ms, end_ms=end_ms).of(items)
    wanted = seen_in(locals_, failure)
    for recovers in (False, True):  # that a node which ended itself never runs again shows in the recovery
        for seed in range(SEEDS):
            one = replace(scenario, seed=seed, recovers=recovers)
            run, verdict = timed.play(one, weaker=False)
            seen = _seen(run, clients, apart)
            if verdict.outcome == "invalid" and (seen[: len(wanted)] if recovers else seen) == wanted:
                return one
    return None


def _workload(scope: Scope) -> str:
    """By the model of which the simulator judges it."""
    asked = {one.operation.f for row in scope.program for one in row}
    if "next" in asked:
        return "generation"
    if "append" in asked:
        return "kv-append"
    return "kv" if "delete" in asked else "cas-register" if "cas" in asked else "register"


def seen_in(locals_: Locals, failure: Failure) -> Seen:
    """What clients see in a failure."""
    seen: Seen = []
    waits: dict[str, tuple[int, str]] = {}
    for action, replies in zip(failure.actions, failure.replies, strict=True):
        given = locals_.inputs[action.input]
        if isinstance(given, Crash) and given.input is not None:
            given = locals_.inputs[given.input]
        if isinstance(given, Request):
            seen.append((action.client, given.f, given.input))
            waits[given.id] = (action.client, given.f)
        for reply in replies:
            client, f = waits.get(reply.id, (-1, ""))
            if client >= 0 and reply.status != "info":
                del waits[reply.id]
                seen.append(_ended(client, f, reply.status, reply.output))
    return seen


def _seen(run: Run, clients: int, apart: int) -> Seen:
    """What clients see in a run, in order of time."""
    events: list[tuple[int, tuple[Any, ...]]] = []
    for one in run.recorder.history():
        client = client_of(one, clients) // apart
        events.append((one.call, (client, one.f, one.input)))
        if one.status != "info" and one.ret is not None:
            events.append((one.ret, _ended(client, one.f, one.status, one.output)))
    return [event for _, event in sorted(events, key=lambda event: event[0])]


def _ended(client: int, f: str, status: str, output: Any) -> tuple[Any, ...]:
    """The end of an operation."""
    return client, status, output if status == "ok" and f in RETURNING else None


class _Steps:
    """The actions of a failure as operations and faults with times."""

    def __init__(self, locals_: Locals, scope: Scope, apart: int) -> None:
        """`apart`: how far the numbers of two clients are apart."""
        self._locals, self._names, self._apart = locals_, scope.names, apart
        self._sent: Counter[tuple[str, str]] = Counter()
        """How many messages were sent on each link."""
        self._under_way: defaultdict[int, deque[int]] = defaultdict(deque)
        """By the number of a delivery: the numbers of its messages on their link."""

    def of(self, failure: Failure) -> Iterator[Timed]:
        """In order; nothing arrives but what a step delivers."""
        yield TimedFault(0.0, ByHand())
        begun = [self._locals.first(index) for index in range(len(self._names))]
        states = [one.state for one in begun]
        for one in begun:
            self._note(one.sent)
        for number, action in enumerate(failure.actions, 1):
            step = self._locals.step(states[action.node], action.input)
            yield from self._step(STEP_MS * number, action, states[action.node])
            self._note(step.sent)
            states[action.node] = step.state

    def _note(self, sent: tuple[int, ...]) -> None:
        for message in sent:
            given = self._locals.inputs[message]
            assert isinstance(given, Delivery)
            link = (given.sender, given.to)
            self._sent[link] += 1
            self._under_way[message].append(self._sent[link])

    def _step(self, at_ms: float, action: Action, local: int) -> Iterator[Timed]:
        given, node = self._locals.inputs[action.input], self._names[action.node]
        match given:
            case Request():
                client = self._apart * action.client
                yield TimedOperation(at_ms, client, given.f, node, given.key, given.input)
            case Delivery():
                waiting, link = self._under_way[action.input], (given.sender, given.to)
                if action.copy:
                    yield TimedFault(at_ms, Steer("duplicate", link, waiting[0]))
                else:
                    yield TimedFault(at_ms, Steer("deliver", link, waiting.popleft()))
            case Fired():
                yield TimedFault(at_ms, Fire(node, str(given.timer)))
            case Crash():
                effects = None if given.input is None else self._locals.carried_out(local, given)
                yield TimedFault(at_ms, Kill((node,), given.loss != "kill", given.loss == "torn", effects))
                if given.input is not None:
                    yield from self._step(at_ms, action._replace(input=given.input), local)
                yield TimedFault(at_ms + RESTART_MS, Restart((node,)))
