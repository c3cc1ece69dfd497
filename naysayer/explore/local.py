"""The local states of nodes and the steps between them, each computed once.

A handler is a pure function of the node's state and its input. So a step from one local state by one input runs the
node's own code the first time, and is two numbers from then on. A node in some local state is made by a fresh one that
goes through the inputs that first led there: nothing has to be copied.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import NamedTuple

from checker.errors import NaysayerError, TargetError, UsageError
from naysayer.explore.canonical import canonical
from naysayer.explore.rules import Rules, Summary
from naysayer.explore.surroundings import Crashed, Surroundings, WatchedDisk
from targets.protocol.node import Message, Node, NodeId, Reply, Request, Timer


class Delivery(NamedTuple):
    """A message arrives."""

    sender: NodeId
    to: NodeId
    message: Message


class Fired(NamedTuple):
    """A timer that is set fires."""

    timer: Timer


class Crash(NamedTuple):
    """The process ends after `effects` effects of what it does with an input (None: between two inputs), and starts
    again at once. A power loss (`power`) takes all that was not synced."""

    power: bool
    input: int | None
    effects: int


Input = Request | Delivery | Fired | Crash


class Step(NamedTuple):
    """What comes of an input: the next local state, messages (numbers of their Deliveries), replies."""

    state: int
    sent: tuple[int, ...]
    replies: tuple[Reply, ...]
    effects: int
    """Between which a crash may come."""
    died: str | None
    """The exception that the handler raised."""


class Locals:
    """All local states and inputs that were met, by number.

    `disks`: whether what is on disk is a part of the state, as it is where a crash may come. Without `remember` every
    step runs the node again, for tests.
    """

    def __init__(
        self, make: Callable[[], Node], nodes: Sequence[NodeId], rules: Rules, *, disks: bool, remember: bool = True
    ) -> None:
        self._make, self._nodes, self._rules = make, tuple(nodes), rules
        self._disks, self._remember = disks, remember
        self._states: dict[Hashable, int] = {}
        self._inputs: dict[Hashable, int] = {}
        self.inputs: list[Input] = []
        self._came: list[tuple[int, int] | None] = []
        self._node: list[int] = []
        self.steps: list[dict[int, Step]] = []
        self.timers: list[tuple[int, ...]] = []
        """Of each state: the numbers of the timers that are set."""
        self.summaries: list[Summary] = []
        self.handled = 0
        """How many inputs the nodes' own code has handled."""

    def __len__(self) -> int:
        return len(self._states)

    def first(self, index: int) -> Step:
        """What comes of a node's first start. Raises TargetError if that fails."""
        try:
            node, around = self._fresh(index)
            return Step(self._number(index, node, around, came=None), self._sent(index, around), (), 0, None)
        except NaysayerError:
            raise
        except Exception as error:
            raise TargetError(f"{self._nodes[index]} does not start: {type(error).__name__}: {error}") from error

    def _sent(self, index: int, around: Surroundings) -> tuple[int, ...]:
        return tuple(self.input(Delivery(self._nodes[index], to, message)) for to, message in around.sent)

    def input(self, one: Input) -> int:
        """The number of an input."""
        key = canonical(one)
        found = self._inputs.get(key)
        if found is None:
            found = self._inputs[key] = len(self.inputs)
            self.inputs.append(one)
        return found

    def step(self, state: int, what: int) -> Step:
        """What comes of an input in a state."""
        found = self.steps[state].get(what)
        if found is None:
            found = self._computed(state, what)
            if self._remember:
                self.steps[state][what] = found
        return found

    def _computed(self, state: int, what: int) -> Step:
        index = self._node[state]
        node, around = self._at(state)
        around.begin()
        died = None
        try:
            node, around = self._handle(node, around, self.inputs[what])
        except UsageError:
            raise
        except Exception as error:
            died = f"{type(error).__name__}: {error}"
        sent = self._sent(index, around)
        replies, effects = tuple(around.replies), around.effects
        after = state if died else self._number(index, node, around, came=(state, what))
        return Step(after, sent, replies, effects, died)

    def carried_out(self, state: int, crash: Crash) -> int:
        """How many effects come before a crash within an input, those that set timers included, as the simulator counts
        them."""
        assert crash.input is not None
        node, around = self._at(state)
        around.begin()
        around.left = crash.effects
        with suppress(Crashed):
            self._give(node, around, self.inputs[crash.input])
        return around.effects + around.settings

    def _fresh(self, index: int) -> tuple[Node, Surroundings]:
        around = Surroundings(self._nodes, index, WatchedDisk(), incarnation=1, disk_counts=self._disks)
        return self._started(around), around

    def _started(self, around: Surroundings) -> Node:
        node = self._make()
        around.starting = True
        node.start(around)
        around.starting = False
        return node

    def _at(self, state: int) -> tuple[Node, Surroundings]:
        """A node in a local state, which may be changed."""
        inputs = []
        came = self._came[state]
        while came is not None:
            inputs.append(came[1])
            came = self._came[came[0]]
        node, around = self._fresh(self._node[state])
        for what in reversed(inputs):
            around.begin()
            node, around = self._handle(node, around, self.inputs[what])
        return node, around

    def _handle(self, node: Node, around: Surroundings, what: Input) -> tuple[Node, Surroundings]:
        if not isinstance(what, Crash):
            self._give(node, around, what)
            return node, around
        if what.input is not None:
            around.left = what.effects
            with suppress(Crashed):
                self._give(node, around, self.inputs[what.input])
        after = around.restarted(power=what.power)
        return self._started(after), after

    def _give(self, node: Node, around: Surroundings, what: Input) -> None:
        self.handled += 1
        match what:
            case Request():
                node.receive(what.client, what)
            case Delivery(sender, _, message):
                node.receive(sender, message)
            case Fired(timer):
                del around.timers[timer]
                node.timeout(timer)

    def _number(self, index: int, node: Node, around: Surroundings, came: tuple[int, int] | None) -> int:
        outside = {id(around): "context", id(around.disk): "disk", id(around.random): "random"}
        timers = sorted(around.timers, key=repr)
        memory = canonical((node, timers), outside, self._rules.ignored)
        form = (index, around.incarnation, memory, canonical(around.disk) if self._disks else None)
        found = self._states.get(form)
        if found is None:
            found = self._states[form] = len(self._came)
            self._came.append(came)
            self._node.append(index)
            self.steps.append({})
            self.timers.append(tuple(self.input(Fired(timer)) for timer in timers))
            self.summaries.append(self._rules.summary(node))
        return found
