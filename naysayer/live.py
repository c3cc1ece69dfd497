"""The live driver: runs a workload and a nemesis against a cluster that really runs, on trio.

One task per client and one for the nemesis. A client takes the next operation, has it recorded, calls the cluster,
and has the outcome recorded right after the call; a call that takes longer than the time-out is info, and the client
goes on as a new process with new connections. At the end everything is healed, resumed and restarted, and the
workload's last round runs, once the nodes have had the time that they need.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Protocol

import trio

from checker.errors import NaysayerError
from checker.history import Operation, Status
from checker.properties.eventual import Lack
from naysayer.routing import Routing
from naysayer.settle import Settling
from naysayer.slow import TIMEOUT
from nemesis.schedule import Look, Schedule, Situation, Step
from targets.cluster import Client, Cluster
from targets.fault import Fault, Heal, Restart, Resume
from targets.node import NodeId, Reply, Request
from workloads.generator import Generator, Invocation, Moment, Wait
from workloads.parts import Pinned

REFUSED_PAUSE_S = 0.05
"""How long a client rests after a refused connection, so that a dead node is not asked a thousand times a second."""

FINAL_S_MAX = 10.0
"""How long a last round may take."""


class Journal(Protocol):
    """Where events go as they happen. Times are ns since the start of the run."""

    def invoked(self, process: int, invocation: Invocation, node: NodeId | None, time_ns: int) -> None: ...
    def completed(
        self, process: int, invocation: Invocation, status: Status, output: Any, error: str | None, time_ns: int
    ) -> Operation: ...
    def happened(self, fault: Fault, time_ns: int, detail: str) -> None: ...
    def last_round_begins(self) -> None: ...


@dataclass
class LiveRun:
    """One run. `time_s` or `operations` bounds it; `stop()` ends it early, and what was recorded stays."""

    cluster: Cluster
    generator: Generator
    schedule: Schedule | None
    journal: Journal
    clients: int
    seed: int
    timeout_s: float = 1.0
    time_s: float | None = None
    operations: int | None = None
    final: Callable[[], Generator] | None = None
    settle: Callable[[], Generator] | None = None
    """A round before the last, for nodes that may need time (Workload.settle)."""
    lacking: Callable[[], Lack] | None = None
    """Then tells what is missing in a round."""
    broken: Callable[[], bool] | None = None
    """Tells whether what was promised is broken already, so that nothing is to be waited for. It may take its time."""

    def __post_init__(self) -> None:
        self._began_s = 0.0
        self._invoked = 0
        self._processes = 0
        self._routing = Routing(self.cluster.nodes, self.clients, stay=False)
        self._stopped = False
        self._random = Random(f"{self.seed} clients")
        self.trouble: NaysayerError | None = None
        self.settling: Settling | None = None

    def now_ns(self) -> int:
        """Nanoseconds since the run began, on trio's clock, which never jumps."""
        return int((trio.current_time() - self._began_s) * 1e9)

    def stop(self) -> None:
        """End the run as soon as the calls under way have answered or timed out."""
        self._stopped = True

    def _broken_off(self) -> bool:
        self.trouble = self.trouble or self.cluster.complaint
        return self._stopped or self.trouble is not None

    def _over(self) -> bool:
        return (
            self._broken_off()
            or (self.operations is not None and self._invoked >= self.operations)
            or (self.time_s is not None and self.now_ns() >= self.time_s * 1e9)
        )

    async def run(self) -> None:
        """Start nothing (the cluster runs already); drive it until the run is over, then heal and read a last time.

        What the nemesis or the target did wrong is in `trouble` afterwards, with everything recorded.
        """
        self._began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            if self.schedule is not None:
                nursery.start_soon(self._nemesis, self.schedule)
            await self._round(self.generator, self.clients)
            nursery.cancel_scope.cancel()
        try:
            await self._heal()
        except NaysayerError as error:
            self.trouble = self.trouble or error
        self.operations, self._stopped = None, False
        if self.settle is not None and self.lacking is not None and self.final is not None:
            await self._settle(self.settle, self.final, self.lacking())
        elif self.final is not None:
            self.journal.last_round_begins()
            await self._last_round(self.final(), self.clients)

    async def _settle(self, settle: Callable[[], Generator], final: Callable[[], Generator], lack: Lack) -> None:
        """Ask all nodes in rounds until nothing is missing, or nothing gets better; then for their last word.

        Stopped before that, nobody is asked for a last word, so nobody is blamed for it.
        """
        nodes = self.cluster.nodes
        so_far = self.settling = Settling(nodes, lack, trio.current_time())
        hopeful = self.broken is None
        while not self._broken_off():
            if so_far.slow and not hopeful:
                hopeful = self.broken is not None and not await trio.to_thread.run_sync(self.broken)
                if not hopeful:
                    return
            so_far.look(await self._last_round(Pinned(settle(), nodes), len(nodes)), trio.current_time())
            if so_far.complete or so_far.still:
                self.journal.last_round_begins()
                so_far.look(await self._last_round(Pinned(final(), nodes), len(nodes)), trio.current_time())
                if so_far.complete or so_far.still:
                    return
            await trio.sleep(so_far.pause_s)

    async def _last_round(self, generator: Generator, clients: int) -> list[Operation]:
        self.time_s = self.now_ns() / 1e9 + FINAL_S_MAX
        return await self._round(generator, clients)

    async def _round(self, generator: Generator, clients: int) -> list[Operation]:
        """Let so many clients work the generator off, as processes that were not there before; returns what ended."""
        self.generator = generator
        self._ended: list[Operation] = []
        first = math.ceil(self._processes / clients) * clients  # process modulo clients is the client's number
        async with trio.open_nursery() as nursery:
            for number in range(clients):
                nursery.start_soon(self._client, number, clients, first + number)
        return self._ended

    async def _client(self, number: int, clients: int, process: int) -> None:
        """One client, to the end of the round: a new process with new connections after each unknown outcome."""
        more = True
        while more:
            connections: dict[NodeId, Client] = {}
            # making a scope for every call costs more than the call itself: this one serves until an outcome is unknown
            with trio.CancelScope() as patience:
                more = await self._process(process, number, clients, connections, patience)
            for client in connections.values():
                await client.close()
            process += clients
        self._processes = max(self._processes, process)

    async def _process(
        self, process: int, number: int, clients: int, connections: dict[NodeId, Client], patience: trio.CancelScope
    ) -> bool:
        """Invoke one operation after another, until one ends info: nobody knows whether it happened, so no later one
        may count as after it. `patience` bounds each call. Returns whether there is more to do."""
        requests = 0
        while not patience.cancel_called:
            moment = Moment(self.now_ns() / 1e6, number, clients, self._random)
            asked, self.generator = (None, self.generator) if self._over() else self.generator.next(moment)
            if asked is None:
                return False
            if isinstance(asked, Wait):
                patience.deadline = math.inf
                await trio.sleep(asked.ms / 1000)
                continue
            node = self._routing.choose(number, asked, self._random)
            client = connections.get(node)
            if client is None:
                client = connections[node] = self.cluster.client(node)
            requests += 1
            self._invoked += 1
            request = Request(f"{process}.{requests}", f"c{process}", asked.f, asked.key, asked.input)
            patience.deadline = trio.current_time() + self.timeout_s
            status, refused = await self._invoke(number, process, asked, node, client, request)
            if status == "info":
                break
            if status == "fail":
                patience.deadline = math.inf
                await trio.sleep(REFUSED_PAUSE_S if refused else 0)
        return True

    async def _invoke(
        self, number: int, process: int, asked: Invocation, node: NodeId, client: Client, request: Request
    ) -> tuple[Status, bool]:
        """Call the cluster and have it recorded; a call that is cancelled took too long. Returns how it ended, and
        whether the client was refused and knows no better place to ask."""
        reply = Reply(request.id, "info", None, TIMEOUT)
        self.journal.invoked(process, asked, node, self.now_ns())
        try:
            reply = await client.invoke(request)
        except NaysayerError as error:
            self.trouble = self.trouble or error
            reply = Reply(request.id, "info", None, str(error))
        finally:
            ended_ns = self.now_ns()
            operation = self.journal.completed(process, asked, reply.status, reply.output, reply.error, ended_ns)
            self.generator = self.generator.observe(operation)
            self._ended.append(operation)
            refused = self._routing.learn(number, node, operation, reply.leader)
        return operation.status, refused

    async def _nemesis(self, schedule: Schedule) -> None:
        random = Random(f"{self.seed} nemesis")
        try:
            while True:
                views = await self.cluster.views()
                situation = Situation(
                    self.now_ns() / 1e6,
                    self.cluster.nodes,
                    random,
                    self.cluster.down,
                    self.cluster.paused,
                    partial(dict, views),
                )
                step, schedule = schedule.next(situation)
                if step is None:
                    return
                now_ms = self.now_ns() / 1e6
                at_ms = step.next_ms(now_ms) if isinstance(step, Look) else step.at_ms
                await trio.sleep(max(0.0, (at_ms - now_ms) / 1000))
                if isinstance(step, Look):
                    continue
                with trio.CancelScope(shield=True):  # what was begun when the run ends is finished, and recorded
                    await self._apply(step)
        except NaysayerError as error:
            self.trouble = self.trouble or error

    async def _apply(self, step: Step) -> None:
        began_ns = self.now_ns()
        await self.cluster.apply(step.fault)
        self.journal.happened(step.fault, began_ns, f"took {(self.now_ns() - began_ns) / 1e6:.1f} ms")

    async def _heal(self) -> None:
        """End all faults: links first, then what is paused, then what is down."""
        await self._apply(Step(0.0, Heal()))
        if self.cluster.paused:
            await self._apply(Step(0.0, Resume(tuple(sorted(self.cluster.paused)))))
        if self.cluster.down:
            await self._apply(Step(0.0, Restart(tuple(sorted(self.cluster.down)))))
