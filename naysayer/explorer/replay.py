"""Runs a source again with edits, to an event or to its end. The run up to the first edit is always the same.

An edit comes after an event, by its number. It is carried out at the next nanosecond, so that a scenario can give its
time; where another event follows within that nanosecond, at once, before that event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import msgspec

from checker.errors import UsageError
from checker.history import Status, freeze
from naysayer.explorer.source import Source
from naysayer.explorer.story import Telling
from naysayer.recorder import Recorder
from naysayer.simulate import Probe, Run, Simulation, further_client
from targets.backends.simulator.network import MS, Sent
from targets.backends.simulator.observed import Event, ObservedCluster
from targets.backends.simulator.traced import Step
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId, Reply, Request
from workloads.generator import Invocation

FURTHER = 1_000_000_000
"""Plus the number of a client that an edit has added: its process, a number that no other ever reaches."""


EVENTS_MAX = 250_000
"""The longest run that is explored: its events are kept, some 2 kB each."""


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """A further client invokes an operation."""

    f: str
    node: NodeId
    key: Any = None
    input: Any = None


Change = Fault | Ask


@dataclass(frozen=True)
class Edit:
    """A change after an event."""

    after: int
    change: Change
    at_ns: int | None = None
    """When it is carried out; None: as part of the event."""


@dataclass(frozen=True)
class Replayed:
    """What running to the end has shown."""

    replay: Replay
    run: Run

    @property
    def events(self) -> list[Event]:
        """They are counted from 1."""
        return self.replay.events

    @property
    def changes(self) -> dict[int, Step]:
        """By event: what it changed in what its node shows."""
        return self.replay.changes

    @property
    def operations(self) -> dict[str, int]:
        """By the id of a request: the index of the operation."""
        return self.replay.operations

    @property
    def simulation(self) -> Simulation | Telling:
        return self.replay.simulation

    @property
    def history(self) -> bytes:
        """As history.jsonl has it."""
        return self.replay.written


class Reached(BaseException):
    """The event that was asked for has happened. Not an Exception, so that no node catches it."""


class Replay:
    """One run of a source with edits, in order. `events` has what happened so far."""

    def __init__(
        self,
        source: Source,
        edits: Sequence[Edit] = (),
        *,
        until: int | None = None,
        until_ms: float | None = None,
        collect: bool = True,
        look: Callable[[Replay], None] | None = None,
    ) -> None:
        """`until`: it ends right after that event. `look` is called after each event. `collect` False: events are not
        collected, which is faster, and is possible where every edit has its time."""
        self.events: list[Event] = []
        self.changes: dict[int, Step] = {}
        self.operations: dict[str, int] = {}
        self.requests: dict[str, Request] = {}
        self._file = BytesIO()
        self._recorder = Recorder(self._file)
        self._edits = deque(edits)
        self._until = until
        self._look = look
        self._clients = source.clients
        self.names = source.names
        self._further = source.clients + source.clients % 2  # clients with odd numbers may repeat their requests
        observe = self._observe if collect or any(edit.at_ns is None for edit in edits) else None
        self.simulation = source.simulation(self._recorder, Probe(observe=observe, until_ms=until_ms))
        self._loop = self.simulation.cluster.loop
        if observe is None:
            for edit in edits:
                self._loop.at(edit.at_ns or 0, self._change, edit.change)

    @property
    def cluster(self) -> ObservedCluster:
        """What it runs on, where events are collected."""
        assert isinstance(self.simulation.cluster, ObservedCluster)
        return self.simulation.cluster

    @property
    def written(self) -> bytes:
        """What history.jsonl has so far."""
        return self._file.getvalue()

    @cached_property
    def held_back(self) -> list[Sent]:
        """The messages that are still held back when it has come to its end."""
        return self.cluster.held_back

    @cached_property
    def sent(self) -> list[Sent]:
        """Every message, when it has come to its end; those that are held back come last."""
        return [*(self.cluster.trace or ()), *self.held_back]

    @property
    def clients(self) -> int:
        """How many clients the run has, without those that edits added."""
        return self._clients

    @property
    def recorder(self) -> Recorder:
        """What clients have seen so far."""
        return self._recorder

    def to_the_end(self) -> Replayed:
        """Run to the end."""
        return Replayed(self, self.simulation.run())

    def to_the_event(self) -> bool:
        """Run until the event that it is to end after. Returns False if the run ended before."""
        try:
            self.simulation.run()
        except Reached:
            return True
        return False

    def _observe(self, event: Event) -> None:
        self.events.append(event)
        number = len(self.events)
        if number > EVENTS_MAX:
            raise UsageError(
                f"this run has more than {EVENTS_MAX:,} events, too many to explore: a hunt of its seed makes a "
                "failure small, and what is left can be explored"
            )
        steps = self.cluster.steps
        if steps and event.what in ("message", "timer", "start") and steps[-1] is not self._last_step:
            self._last_step = self.changes[number] = steps[-1]
        if event.what == "invoke" and event.content.client != "admin":
            self.requests[event.content.id] = event.content
            self.operations.setdefault(event.content.id, self._recorder.invocations - 1)
        if self._look is not None:
            self._look(self)
        while self._edits and self._edits[0].after == number:
            edit = self._edits.popleft()
            if edit.at_ns is None:
                self._change(edit.change)
            else:
                self._loop.at(edit.at_ns, self._change, edit.change)
        if number == self._until:
            raise Reached

    _last_step: Step | None = None

    def _change(self, change: Change) -> None:
        cluster = self.simulation.cluster
        if isinstance(change, Ask):
            self._ask(change)
            return
        cluster.apply(change)
        self.simulation.core.injected(change, cluster.now_ns)

    def _ask(self, ask: Ask) -> None:
        """Invoke an operation for a client of its own, which comes after those of the run."""
        client, cluster, recorder = self._further, self.simulation.cluster, self._recorder
        self._further += 2
        process = FURTHER + client
        invocation = Invocation(ask.f, ask.key, freeze(ask.input), ask.node)
        recorder.invoked(process, invocation, ask.node, cluster.now_ns)
        self.simulation.asked.append((cluster.now_ns / MS, client, invocation, ask.node))

        def done(reply: Reply | None) -> None:
            status: Status = "info" if reply is None else reply.status
            output, error = (None, "timeout") if reply is None else (reply.output, reply.error)
            recorder.completed(process, invocation, status, output, error, cluster.now_ns)

        request = Request(f"x{client}", further_client(client), ask.f, ask.key, invocation.input)
        cluster.invoke(request, ask.node, self.simulation.timeout_ms, done)


def moment(events: Sequence[Event], after: int) -> int | None:
    """The nanosecond after an event, if no other event comes by then."""
    now_ns, next_ns = events[after - 1].time_ns, events[after].time_ns
    return now_ns + 1 if next_ns > now_ns + 1 else None


def refuse_event(number: int, total: int) -> None:
    """Raises UsageError for an event that the run does not have."""
    if not 1 <= number <= total:
        raise UsageError(f"there is no event {number}: the run has events 1 to {total}")
