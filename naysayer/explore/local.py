"""The local states of nodes and the steps between them, each computed once.

A handler is a pure function of the node's state and its input. So a step from one local state by one input runs the
node's own code the first time, and is two numbers from then on. A node in some local state is made by a fresh one that
goes through the inputs that first led there: nothing has to be copied.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from checker.errors import NaysayerError, TargetError, UsageError
from naysayer.explore.canonical import canonical
from naysayer.explore.rules import Rules, Summary
from naysayer.explore.surroundings import Crashed, Loss, Surroundings, WatchedDisk
from targets.protocol.invariant import LocalInvariant
from targets.protocol.node import Message, Node, NodeId, Reply, Request, Timer

PASSED_MS = 1000.0
"""Longer than leases are."""

SPARE_MAX = 1000
"""How many nodes are kept at hand in the states that they have reached."""


class Delivery(NamedTuple):
    """A message arrives."""

    sender: NodeId
    to: NodeId
    message: Message


class Fired(NamedTuple):
    """A timer that is set fires."""

    timer: Timer


class Passed(NamedTuple):
    """So much time passes by the clock of a node that has no timer set, which would prove it."""

    ms: float


class Crash(NamedTuple):
    """The process ends after `effects` effects of what it does with an input (None: between two inputs), and starts
    again at once."""

    loss: Loss
    input: int | None
    effects: int


Input = Request | Delivery | Fired | Passed | Crash


class Step(NamedTuple):
    """What comes of an input: the next local state, messages (numbers of their Deliveries), the number of the replies
    (0: none)."""

    state: int
    sent: tuple[int, ...]
    replies: int
    effects: int
    """Between which a crash may come."""
    died: str | None
    """The exception that the handler raised."""


def started(make: Callable[[], Node], nodes: Sequence[NodeId]) -> Node:
    """A node of the kind, of a cluster of its own. Raises TargetError if it does not start."""
    locals_ = Locals(make, nodes, Rules(), disks=True, clocks=True, opaque=True)
    return locals_.node_in(locals_.first(0).state)


class Locals:
    """All local states and inputs that were met, by number.

    `disks`, `clocks`: whether what is on disk, and what their clocks show, is a part of the state, as it is where a
    crash may come, and where nodes read clocks. `opaque`: the memory of a node cannot be read, so that two nodes are
    in the same state if they had the same inputs all along. Without `remember` every
    step runs the node again, for tests.
    """

    def __init__(
        self,
        make: Callable[[], Node],
        nodes: Sequence[NodeId],
        rules: Rules,
        invariants: Sequence[LocalInvariant] = (),
        *,
        disks: bool,
        clocks: bool = False,
        opaque: bool = False,
        remember: bool = True,
    ) -> None:
        self._make, self._nodes, self._rules, self._invariants = make, tuple(nodes), rules, tuple(invariants)
        self._disks, self._clocks, self._opaque, self._remember = disks, clocks, opaque, remember
        self._states: dict[Hashable, int] = {}
        self._inputs: dict[Hashable, int] = {}
        self.inputs: list[Input] = []
        self._came: list[tuple[int, int] | None] = []
        self._node: list[int] = []
        self.steps: list[dict[int, Step]] = []
        self.timers: list[tuple[int, ...]] = []
        """Of each state: numbers of timers that are set; of time that passes, if there is none and clocks count."""
        self.summaries: list[Summary] = []
        self.looks: list[int] = []
        """Of each state: the number of what the invariants see of it."""
        self.views: list[tuple[Any, ...]] = []
        self._views: dict[tuple[Any, ...], int] = {}
        self.answers: list[tuple[Reply, ...]] = [()]
        """Replies, by number."""
        self._answers: dict[Hashable, int] = {canonical(()): 0}
        self._spare: dict[int, tuple[Node, Surroundings]] = {}
        """Nodes in the last states that were new: the first step from there need not make one again."""
        self.handled = 0
        """How many inputs the nodes' own code has handled."""

    def __len__(self) -> int:
        return len(self._states)

    def first(self, index: int) -> Step:
        """The first start of a node. Raises TargetError if that fails."""
        try:
            node, around = self._fresh(index)
            return self._stepped(index, node, around, None)
        except NaysayerError:
            raise
        except Exception as error:
            raise TargetError(f"{self._nodes[index]} does not start: {type(error).__name__}: {error}") from error

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
        if died:
            return self._stepped(index, None, around, (state, what), state, died)
        return self._stepped(index, node, around, (state, what))

    def _stepped(
        self,
        index: int,
        node: Node | None,
        around: Surroundings,
        came: tuple[int, int] | None,
        state: int = -1,
        died: str | None = None,
    ) -> Step:
        """What an input (`came`: a state and an input, None for the first start) made of a node; `state` if it died."""
        me = self._nodes[index]
        sent = tuple(self.input(Delivery(me, to, message)) for to, message in around.sent)
        replies = self._answer(tuple(around.replies))
        effects = around.effects
        return Step(state if node is None else self._number(index, node, around, came), sent, replies, effects, died)

    def _answer(self, replies: tuple[Reply, ...]) -> int:
        form = canonical(replies)
        found = self._answers.get(form)
        if found is None:
            found = self._answers[form] = len(self.answers)
            self.answers.append(replies)
        return found

    def node_in(self, state: int) -> Node:
        """A node in a local state."""
        return self._at(state)[0]

    def shown(self, state: int) -> Mapping[str, Any]:
        """What a node in a local state shows of itself."""
        return self.node_in(state).view()

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
        around = Surroundings(self._nodes, index, WatchedDisk(), 1, disk_counts=self._disks, clock_counts=self._clocks)
        return self._started(around), around

    def _started(self, around: Surroundings) -> Node:
        node = self._make()
        around.starting = True
        node.start(around)
        around.starting = False
        return node

    def _at(self, state: int) -> tuple[Node, Surroundings]:
        """A node in a local state, which may be changed."""
        if state in self._spare:
            return self._spare.pop(state)
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
        after = around.restarted(what.loss)
        return self._started(after), after

    def _give(self, node: Node, around: Surroundings, what: Input) -> None:
        self.handled += 1
        match what:
            case Passed(ms):
                around.clock_ms += ms
            case Request():
                node.receive(what.client, what)
            case Delivery(sender, _, message):
                node.receive(sender, message)
            case Fired(timer):
                around.fired(timer)
                node.timeout(timer)

    def _number(self, index: int, node: Node, around: Surroundings, came: tuple[int, int] | None) -> int:
        timers = sorted(around.timers, key=repr)
        clock = (around.clock_ms, *[around.timers[timer] for timer in timers]) if self._clocks else None
        disk = canonical(around.disk) if self._disks else None
        form = (index, around.incarnation, self._memory(node, timers, around, came), clock, disk)
        found = self._states.get(form)
        if found is None:
            found = self._states[form] = len(self._came)
            self._came.append(came)
            self._node.append(index)
            self.steps.append({})
            passes = [self.input(Passed(PASSED_MS))] if self._clocks and not timers else []
            self.timers.append((*[self.input(Fired(timer)) for timer in timers], *passes))
            self.summaries.append(self._rules.summary(node))
            self.looks.append(self._look(node))
            self._spare[found] = (node, around)
            if len(self._spare) > SPARE_MAX:
                del self._spare[next(iter(self._spare))]
        return found

    def _memory(self, node: Node, timers: list[Timer], around: Surroundings, came: tuple[int, int] | None) -> Hashable:
        if self._opaque:
            return canonical(timers), came
        outside = {id(around): "context", id(around.disk): "disk", id(around.random): "random"}
        return canonical((node, timers), outside, self._rules.ignored)

    def _look(self, node: Node) -> int:
        seen = tuple(invariant.look(node) for invariant in self._invariants)
        found = self._views.get(seen)
        if found is None:
            found = self._views[seen] = len(self.views)
            self.views.append(seen)
        return found
