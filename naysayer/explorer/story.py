"""A scripted scenario, whose steps have no times, as something that repeats: each run goes through its steps in order.

What a step waits for may not come in a branch; then the run ends there, and says so. A request that is repeated with
the same id is one operation, from the first request to the last reply.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec

from checker.errors import TargetError, UsageError
from checker.history import Operation, freeze
from naysayer.play.language import INVOKE, Line, content, is_timed, parse, unquoted
from naysayer.play.operations import operation_of
from naysayer.play.running import DELAY_MS, MODEL, TIMEOUT_MS, Running
from naysayer.play.stage import ADMINISTRATION, Stage
from naysayer.recorder import Recorder
from naysayer.simulate import Probe, Run, client_name
from targets.backends.simulator import SimulatedCluster
from targets.backends.simulator.observed import ObservedCluster
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId, Request
from targets.registry import find as find_target
from workloads.generator import Invocation

ASKS = frozenset([*(form.action for form in INVOKE), "repeat", "transfer", "members"])
"""Steps in which a client sends a request; the client is their second argument."""


class Story(msgspec.Struct, frozen=True):
    """The steps of a scenario, without its twin."""

    target: str
    nodes: int
    seed: int
    lines: tuple[Line, ...]
    asks: tuple[str, ...]
    """The client of each request, in order."""
    followed: frozenset[int]
    """The requests, counted from 1, that their client repeats with the same id."""
    model: str
    offers: tuple[str, ...]
    """The operations that clients of it invoke."""

    @property
    def twin(self) -> str | None:
        """The target with which it is played again, if it is."""
        again = (line.steps[0].arguments[0] for line in self.lines if line.kind == "again")
        return next((unquoted(target) for target in again), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The clients, in order of their first requests."""
        return tuple(dict.fromkeys(self.asks)) or ("nobody",)

    @property
    def clients(self) -> int:
        """How many clients it has."""
        return len(self.names)

    @property
    def workload(self) -> str:
        """What stands in the place of a workload."""
        return "script"


def read_story(path: Path) -> Story | None:
    """The story of a file; None for a timed scenario. Raises UsageError, with the line, for what is no scenario."""
    lines = parse(content(path), str(path))
    return None if is_timed(lines) else story_of(lines)


def story_of(lines: tuple[Line, ...]) -> Story:
    """The story of these lines."""
    target, nodes, seed, *_ = next(line for line in lines if line.kind == "cluster").steps[0].arguments
    steps = [step for line in lines if line.kind == "steps" for step in line.steps]
    asks = tuple(str(step.arguments[1]) for step in steps if step.form.action in ASKS)
    last: dict[str, int] = {}
    followed = set()
    for number, step in enumerate((step for step in steps if step.form.action in ASKS), 1):
        client = str(step.arguments[1])
        if step.form.action == "repeat" and client in last:
            followed.add(last[client])
        last[client] = number
    judged = (step.arguments[0] for step in steps if step.form.action == "verdict")
    return Story(
        unquoted(target),
        int(nodes or 0),
        int(seed or 0),
        lines,
        asks,
        frozenset(followed),
        str(next((model for model in judged if model), MODEL)),
        tuple(sorted({operation_of(step).f for step in steps if step.form in INVOKE})),
    )


class Telling:
    """One run of a story, as Simulation is one of a plan."""

    timeout_ms = TIMEOUT_MS

    def __init__(self, story: Story, recorder: Recorder, probe: Probe) -> None:
        self.story = story
        self.recorder = recorder
        self.core = self
        self.asked: list[tuple[float, int, Invocation, NodeId]] = []
        """What edits have invoked."""
        self.begun: list[tuple[float, str]] = []
        """The steps, with the times at which they began (ms)."""
        self.nodes: dict[str, NodeId] = {}
        """By its name in the script: a node."""
        make = SimulatedCluster if probe.observe is None else partial(ObservedCluster, observe=probe.observe)
        place = partial(client_name, story.clients)
        target = find_target(story.target)
        self.cluster = make(target, story.nodes, story.seed, delay_ms=DELAY_MS, trace=True, place=place)

    def injected(self, fault: Fault, now_ns: int) -> None:
        """A fault of an edit was carried out."""
        self.recorder.happened(fault, now_ns)

    def run(self) -> Run:
        """Go through all steps, or to one that cannot be carried out (`error`)."""
        cluster, error = self.cluster, None
        try:
            running = Running(RecordedStage(self.story, cluster, self.recorder))
            self.nodes = running.names
            for line in self.story.lines:
                if line.kind == "steps":
                    self.begun.append((cluster.now_ms, line.text))
                    running.line(line)
        except UsageError as failure:
            error = f"the script ends here: {failure}"
        except TargetError as failure:
            error = str(failure)
        return Run(
            self.recorder,
            cluster.evidence(),
            cluster.violations,
            True,
            cluster.events,
            cluster.now_ms,
            cluster.now_ms,
            error,
            views=dict(cluster.views()),
            trace=[*(cluster.trace or ()), *cluster.held_back],
            violated_ms=cluster.violated_ms,
            steps=cluster.steps,
            held=cluster.held,
            record=cluster.record,
        )


class RecordedStage(Stage):
    """Records what clients see and which faults are injected, as a test does. Each request is that of a process of its
    own, whose number tells its client; a repeated one that of the first."""

    def __init__(self, story: Story, cluster: SimulatedCluster, recorder: Recorder) -> None:
        self._story = story
        self._recorder = recorder
        self._process: dict[str, int] = {}
        """By the id of a request."""
        self._invoked: dict[str, Invocation] = {}
        super().__init__(cluster.target, story.nodes, story.seed, cluster=cluster)

    def apply(self, *faults: Fault) -> None:
        """Carry them out, and record them."""
        for fault in faults:
            super().apply(fault)
            self._recorder.happened(fault, self.cluster.now_ns)

    def client(self, index: int, name: str, f: str) -> NodeId:
        """The process that sends a request; requests that administer the cluster are nobody's."""
        if f in ADMINISTRATION:
            return "admin"
        names = self._story.names
        if name not in self._process:
            self._process[name] = names.index(self._story.asks[index - 1]) + index * len(names)
        return f"c{self._process[name]}"

    def sent(self, request: Request, node: NodeId) -> None:
        """A request that is repeated is one operation."""
        if request.client == "admin" or request.id in self._invoked:
            return
        invocation = Invocation(request.f, request.key, freeze(request.input), node)
        self._invoked[request.id] = invocation
        self._recorder.invoked(self._process[request.id], invocation, node, self.cluster.now_ns)

    def over(self, one: Operation, request: Request) -> None:
        """It ends with the reply to the last repetition."""
        super().over(one, request)
        invocation = self._invoked.get(request.id)
        if invocation is None or one.index in self._story.followed:
            return
        process = self._process[request.id]
        self._recorder.completed(process, invocation, one.status, one.output, one.error, self.cluster.now_ns)
