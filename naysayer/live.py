"""A run on a real cluster: the harness core on trio.

One task per client and one for the nemesis. A call that exceeds the time-out is info, and the client continues as a new
process with new connections.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import trio

from checker.errors import NaysayerError, TargetError
from naysayer.harness.actions import Consult, Inject, Invoke, Round, WaitUntil
from naysayer.harness.clients import Journal, Thread
from naysayer.harness.core import Core
from naysayer.harness.setup import Setup
from targets.protocol.cluster import Client, Cluster
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId, Reply

PULSE_S = 0.1
"""How often to check whether nodes died by themselves, and whether the harness gets enough time to run."""


@dataclass
class LiveRun:
    """One run of a setup. `stop()` ends it early and keeps what was recorded."""

    cluster: Cluster
    setup: Setup
    journal: Journal

    def __post_init__(self) -> None:
        self.core = Core(self.setup, self.cluster, self.journal)
        self.trouble: NaysayerError | None = None
        self._began_s = 0.0

    def now_ns(self) -> int:
        """Nanoseconds since the run began, on trio's clock, which never jumps."""
        return int((trio.current_time() - self._began_s) * 1e9)

    def stop(self) -> None:
        """End the run as soon as the calls under way have answered or timed out."""
        self.core.stop()

    async def run(self) -> None:
        """Carry out the core's actions until the run is over. The cluster runs already.

        An error of the nemesis or the target is in `trouble` afterwards; everything is recorded.
        """
        self._began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pulse)
            while (action := self.core.next(self.now_ns())) is not None:
                await self._carry_out(action)
            nursery.cancel_scope.cancel()

    async def _carry_out(self, action: Inject | WaitUntil | Round | Consult) -> None:
        if isinstance(action, Round):
            await self._round(action)
        elif isinstance(action, WaitUntil):
            await self._sleep_until(action.at_ms)
        elif isinstance(action, Inject):
            await self._inject(action.fault)
        else:
            self.core.consulted(await trio.to_thread.run_sync(action.call))

    async def _look(self, *, thorough: bool = False) -> bool:
        """Check the nodes. Returns whether one died."""
        self._trouble(self.cluster.complaint)
        try:
            deaths = await self.cluster.deaths(thorough=thorough)
        except NaysayerError as error:  # a host that has vanished, say
            self._trouble(error)
            return False
        for death in deaths:
            self.core.died(death, self.now_ns())
        return bool(deaths)

    def _trouble(self, error: NaysayerError | None) -> None:
        if error is not None:
            self.trouble = self.trouble or error
            self.core.abort()

    async def _sleep_until(self, at_ms: float) -> None:
        """Sleep; return at once if the time has passed."""
        at_s = self._began_s + at_ms / 1000
        if at_s > trio.current_time():
            await trio.sleep_until(at_s)

    async def _pulse(self) -> None:
        """Check the nodes and our own delay, at regular intervals."""
        while True:
            wakes_s = trio.current_time() + PULSE_S
            await trio.sleep_until(wakes_s)
            self.core.lagged((trio.current_time() - wakes_s) * 1000)
            await self._look()

    # a round

    async def _round(self, round: Round) -> None:
        async with trio.open_nursery() as faults:
            if round.faults:
                faults.start_soon(self._nemesis)
            async with trio.open_nursery() as clients:
                for thread in round.threads:
                    clients.start_soon(self._client, thread)
            faults.cancel_scope.cancel()
        await self._look(thorough=self.core.convergence is None)

    async def _client(self, thread: Thread) -> None:
        """One client, to the end of the round: new connections after each unknown outcome."""
        action: Invoke | WaitUntil | None = WaitUntil(thread.wakes_ms)
        while action is not None:
            connections: dict[NodeId, Client] = {}
            process = thread.process
            # a scope for every call costs more than the call itself: this one is used until an outcome is unknown
            with trio.CancelScope() as patience:
                while action is not None and thread.process == process and not patience.cancel_called:
                    if isinstance(action, Invoke):
                        patience.deadline = trio.current_time() + action.timeout_ms / 1000
                        reply = await self._call(action, connections)
                        action = self.core.completed(thread, reply, self.now_ns())
                    else:
                        patience.deadline = math.inf
                        await self._sleep_until(action.at_ms)
                        action = self.core.ask(thread, self.now_ns())
            if patience.cancelled_caught and isinstance(action, Invoke):
                action = self.core.completed(thread, None, self.now_ns())
            for client in connections.values():
                await client.close()

    async def _call(self, asked: Invoke, connections: dict[NodeId, Client]) -> Reply:
        client = connections.get(asked.node)
        if client is None:
            client = connections[asked.node] = self.cluster.client(asked.node)
        try:
            return await client.invoke(asked.request)
        except NaysayerError as error:
            self._trouble(error)
            return Reply(asked.request.id, "info", None, str(error))

    # faults

    async def _nemesis(self) -> None:
        try:
            while True:
                views = await self.cluster.views() if self.core.needs_views else {}
                action = self.core.fault(self.now_ns(), partial(dict, views))
                if action is None:
                    return
                await self._sleep_until(action.at_ms)
                if isinstance(action, Inject):
                    with trio.CancelScope(
                        shield=True
                    ):  # a fault that has begun when the round ends is completed and recorded
                        await self._inject(action.fault)
        except NaysayerError as error:
            self._trouble(error)

    async def _inject(self, fault: Fault) -> None:
        began_ns = self.now_ns()
        try:
            await self.cluster.apply(fault)
        except NaysayerError as error:
            if not isinstance(error, TargetError) or not await self._look(thorough=True):
                self._trouble(error)  # otherwise the node has died, and that is a finding
        else:
            self.core.injected(fault, began_ns, f"took {(self.now_ns() - began_ns) / 1e6:.1f} ms")
            await self._look()
