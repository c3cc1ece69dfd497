"""Breadth-first search over every schedule of a scope, so that the first failure found has the fewest steps.

An action delivers a message, lets a client ask, fires a timer, or crashes a node, which starts again at once. What is
late, lost, partitioned or paused needs no action of its own: it is a message that is delivered later, or never. States
are kept whole: none is taken for another because a hash is the same.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from naysayer.explore.frontier import IMPOSSIBLE, Frontiers, Operation
from naysayer.explore.local import Crash, Delivery, Locals
from naysayer.explore.rules import Rules, rules_of
from naysayer.explore.scope import Asked, Scope
from targets.protocol.node import Node, Reply, Request

KEY = "x"
LOOK_EVERY = 256
"""After how many states the time and the stop request are looked at."""


class Action(NamedTuple):
    """Node `node` (from 0) takes input `input`. `client`: who asks, else -1."""

    node: int
    input: int
    client: int


class State(NamedTuple):
    """`progress`: for each client twice the operations it has finished, plus one while it waits. `messages`: the
    numbers of the deliveries that are under way, sorted."""

    locals: tuple[int, ...]
    frontier: int
    progress: tuple[int, ...]
    timers: int
    crashes: int
    messages: tuple[int, ...]


@dataclass(frozen=True)
class Failure:
    """What went wrong, after which actions; `replies` are those that each of them brought about."""

    why: str
    actions: tuple[Action, ...]
    replies: tuple[tuple[Reply, ...], ...]


@dataclass(frozen=True)
class Explored:
    """What was found. `cut`: why it ended early; then all schedules of up to `depth` steps were explored."""

    states: int
    transitions: int
    handled: int
    depth: int
    failure: Failure | None
    cut: str | None
    unanswered: tuple[Operation, ...] = ()
    """Operations that no schedule answers with ok: a scope in which nothing succeeds is free of violations too."""


Progress = Callable[[int, int], bool]
"""Given the states so far and the depth; whether to go on."""


class Search:
    """One exploration. `rules`: what makes the scope smaller; those of the target's protocol unless given."""

    def __init__(
        self, make: Callable[[], Node], scope: Scope, rules: Rules | None = None, *, remember: bool = True
    ) -> None:
        self._scope = scope
        self._rules = rules_of(make()) if rules is None else rules
        self.locals = Locals(make, scope.names, self._rules, disks=scope.crashes > 0, remember=remember)
        self._frontiers = Frontiers()
        self._requests = [[self._request(client, one) for one in row] for client, row in enumerate(scope.program)]
        self._dead: dict[tuple[int, int, int], bool] = {}
        self._crashes: dict[tuple[bool, int | None, int], int] = {}
        self._ends: dict[int, tuple[int, int]] = {}
        self._succeeded: set[str] = set()
        self._states: list[State] = []
        self._seen: set[State] = set()
        self._parents, self._actions = array("i"), list[Action]()

    def _request(self, client: int, asked: Asked) -> int:
        name, f, value = asked.operation
        return self.locals.input(Request(name, f"c{client}", f, KEY, value))

    def run(self, states_max: int, seconds: float | None = None, goes_on: Progress = lambda *_: True) -> Explored:
        """Explore until a failure is found, nothing is left, or a bound is reached."""
        began = time.monotonic()
        scope = self._scope
        started = [self.locals.first(index) for index in range(scope.nodes)]
        first = tuple(one.state for one in started)
        messages = self._alive(sorted(message for one in started for message in one.sent), first)
        progress = (0,) * len(scope.program)
        self._add(State(first, 0, progress, scope.timers, scope.crashes, messages), -1, Action(0, -1, -1))
        transitions = depth = at = 0
        layer_end = 1
        cut = None
        while at < len(self._states) and cut is None:
            if at == layer_end:
                depth, layer_end = depth + 1, len(self._states)
            for action in self._actions_in(self._states[at]):
                transitions += 1
                after = self._taken(self._states[at], action)
                if isinstance(after, str):
                    failure = self._failure(after, at, action)
                    return Explored(len(self._states), transitions, self.locals.handled, depth + 1, failure, None)
                if after is not None and after not in self._seen:
                    self._add(after, at, action)
            at += 1
            if len(self._states) > states_max:
                cut = f"--states {states_max} was reached"
            elif at % LOOK_EVERY == 0:
                if seconds is not None and time.monotonic() - began > seconds:
                    cut = f"--time {seconds:g}s was reached"
                elif not goes_on(len(self._states), depth):
                    cut = "interrupted"
        if at == len(self._states):
            cut = None
        elif at == layer_end:
            depth += 1
        asked = (one.operation for row in scope.program for one in row)
        unanswered = tuple(one for one in asked if one.id not in self._succeeded)
        return Explored(len(self._states), transitions, self.locals.handled, depth, None, cut, unanswered)

    def _add(self, state: State, parent: int, action: Action) -> None:
        self._seen.add(state)
        self._states.append(state)
        self._parents.append(parent)
        self._actions.append(action)

    # actions

    def _actions_in(self, state: State) -> Iterator[Action]:
        for message in dict.fromkeys(state.messages):
            to = self._ends_of(message)[1]
            yield from self._with_crashes(state, Action(to, message, -1))
        for client, row in enumerate(self._scope.program):
            done, waits = divmod(state.progress[client], 2)
            if waits or done == len(row):
                continue
            for index, name in enumerate(self._scope.names):
                if row[done].node in (None, name):
                    yield from self._with_crashes(state, Action(index, self._requests[client][done], client))
        for index, local in enumerate(state.locals):
            if state.timers:
                for timer in self.locals.timers[local]:
                    yield from self._with_crashes(state, Action(index, timer, -1))
            if state.crashes:
                for power in (False, True):
                    yield Action(index, self._crash(power, None, 0), -1)

    def _with_crashes(self, state: State, action: Action) -> Iterator[Action]:
        """The action, and the same with a crash between any two of its effects."""
        yield action
        if state.crashes:
            for effects in range(1, self.locals.step(state.locals[action.node], action.input).effects):
                for power in (False, True):
                    yield action._replace(input=self._crash(power, action.input, effects))

    def _crash(self, power: bool, what: int | None, effects: int) -> int:
        key = (power, what, effects)
        found = self._crashes.get(key)
        if found is None:
            found = self._crashes[key] = self.locals.input(Crash(*key))
        return found

    def _taken(self, state: State, action: Action) -> State | str | None:
        """The state after an action; None where nothing changes, a sentence where it is a failure."""
        index, what, client = action
        local = state.locals[index]
        step = self.locals.step(local, what)
        if step.died is not None:
            return f"{self._scope.names[index]} died of an exception: {step.died}"
        timers, crashes, messages = self._spent(state, what)
        if step.state == local and not step.sent and not step.replies and client < 0:
            return None  # the message may as well be lost, and the timer or crash not come
        frontier, progress = state.frontier, state.progress
        if client >= 0:
            asked = self._scope.program[client][progress[client] // 2]
            frontier = self._frontiers.invoke(frontier, asked.operation)
            progress = _onwards(progress, client)
        for reply in step.replies:
            frontier, progress = self._answered(frontier, progress, reply)
            if frontier == IMPOSSIBLE:
                return f"no order of the operations explains what {self._scope.names[index]} answers"
        locals_ = (*state.locals[:index], step.state, *state.locals[index + 1 :])
        alive = self._alive(sorted([*messages, *step.sent]), locals_)
        return State(locals_, frontier, progress, timers, crashes, alive)

    def _spent(self, state: State, what: int) -> tuple[int, int, list[int]]:
        """The timers, crashes and messages that are left when an input is taken."""
        given = self.locals.inputs[what]
        crashes = state.crashes
        if isinstance(given, Crash):
            crashes -= 1
            if given.input is None:
                return state.timers, crashes, list(state.messages)
            what = given.input
            given = self.locals.inputs[what]
        messages = list(state.messages)
        if isinstance(given, Delivery):
            messages.remove(what)
            return state.timers, crashes, messages
        return state.timers - (not isinstance(given, Request)), crashes, messages

    def _answered(self, frontier: int, progress: tuple[int, ...], reply: Reply) -> tuple[int, tuple[int, ...]]:
        """An answer that no client waits for is not seen."""
        for client, row in enumerate(self._scope.program):
            done, waits = divmod(progress[client], 2)
            if waits and row[done].operation.id == reply.id:
                if reply.status == "ok":
                    self._succeeded.add(reply.id)
                output = _comparable(reply.output) if row[done].operation.f == "read" else None
                return self._frontiers.answer(frontier, reply.id, reply.status, output), _onwards(progress, client)
        return frontier, progress

    def _alive(self, messages: list[int], locals_: tuple[int, ...]) -> tuple[int, ...]:
        """Without those that can have no effect any more."""
        if self._rules.dead is None:
            return tuple(messages)
        return tuple([one for one in messages if not self._is_dead(one, locals_)])

    def _is_dead(self, message: int, locals_: tuple[int, ...]) -> bool:
        sender, to = self._ends_of(message)
        key = (locals_[to], message, locals_[sender])
        found = self._dead.get(key)
        if found is None:
            dead, given, summaries = self._rules.dead, self.locals.inputs[message], self.locals.summaries
            assert dead is not None
            assert isinstance(given, Delivery)
            found = self._dead[key] = dead(summaries[key[0]], given.message, summaries[key[2]])
        return found

    def _ends_of(self, message: int) -> tuple[int, int]:
        found = self._ends.get(message)
        if found is None:
            given = self.locals.inputs[message]
            assert isinstance(given, Delivery)
            names = self._scope.names
            found = self._ends[message] = (names.index(given.sender), names.index(given.to))
        return found

    # what is reported

    def _failure(self, why: str, at: int, last: Action) -> Failure:
        taken = [(at, last)]
        while self._parents[at] >= 0:
            taken.append((self._parents[at], self._actions[at]))
            at = self._parents[at]
        taken.reverse()
        replies = [self.locals.step(self._states[one].locals[act.node], act.input).replies for one, act in taken]
        return Failure(why, tuple(act for _, act in taken), tuple(replies))


def _comparable(output: Any) -> Hashable:
    """What a read returned; what cannot be hashed is none of the values that were written."""
    return output if isinstance(output, Hashable) and not isinstance(output, tuple) else repr(output)


def _onwards(progress: tuple[int, ...], client: int) -> tuple[int, ...]:
    return (*progress[:client], progress[client] + 1, *progress[client + 1 :])
