"""The links between nodes on this machine, through proxies of ours: cut, slow, stalled and reset, without privileges.

A start command that names its peers as `{peer:n2}` gets the address of a proxy for the link from its own node to n2.
The proxies live as long as the cluster's block; nothing else on the machine is changed, so nothing has to be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from itertools import permutations
from types import TracebackType
from typing import Self

import trio

from checker.english import counted
from targets.backends.hosts.config import endpoint
from targets.backends.hosts.hosts import Finding, Hosts
from targets.backends.hosts.streams import Connection, StreamProxy
from targets.backends.processes.links import Links
from targets.protocol.fault import Evidence, Fault, Heal, ResetConnections
from targets.protocol.node import NodeId

STREAMING = (Links.FAULTS | ResetConnections.tags) - {"lose", "repeat", "duplicate-messages"}
"""What can be done to connections. TCP hides the loss of single packets and their duplication."""

FILES_MAX = 800
"""So many sockets all proxies may use; each connection takes two."""

CONNECTIONS_MIN = 16


class LocalLinks:
    """All links of a cluster on this machine: `async with LocalLinks(hosts, seed) as links` opens the proxies."""

    def __init__(self, hosts: Hosts, seed: int) -> None:
        self._hosts = hosts
        self._links = Links(seed, unit="chunk")
        self._proxies: list[StreamProxy] = []
        self._stack = AsyncExitStack()

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many messages of each kind the nodes sent to each other, in the order in which the kinds appeared."""
        return self._links.kinds

    async def __aenter__(self) -> Self:
        self._nursery = await self._stack.enter_async_context(trio.open_nursery())
        pairs = list(permutations(self._hosts.nodes, 2))
        for source, dest in pairs:
            to = endpoint(self._hosts.config.nodes[dest].reached_at)
            assert to is not None
            most = max(CONNECTIONS_MIN, FILES_MAX // (2 * len(pairs)))
            proxy = StreamProxy((source, dest), to, self._links, most)
            listeners = await proxy.open()
            self._nursery.start_soon(trio.serve_listeners, proxy.serve, listeners)
            self._proxies.append(proxy)
            self._hosts.proxies[source, dest] = f"127.0.0.1:{proxy.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        self._hosts.proxies.clear()
        self._nursery.cancel_scope.cancel()
        try:
            return await self._stack.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            if len(group.exceptions) == 1:  # users of the block want the error itself
                raise group.exceptions[0] from None
            raise

    async def examine(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """Nothing has to be tried: a proxy needs no privileges."""
        wanted = tags & STREAMING
        return [Finding(node, wanted, "its links pass through proxies on this machine")] if wanted else []

    async def apply(self, fault: Fault) -> None:
        """Begin a fault of links, or end them all (Heal). A connection whose data was lost is reset when healed."""
        now = self._hosts.now_ms()
        if isinstance(fault, ResetConnections):
            ended = self._reset(lambda one: one.link in fault.links or one.link[::-1] in fault.links)
            self._hosts.note(fault, f"{counted(len(ended), 'connection')} reset", shown=bool(ended))
            return
        self._links.apply(fault, now)
        if isinstance(fault, Heal):
            self._reset(lambda one: one.lost)

    def _reset(self, chosen: Callable[[Connection], bool]) -> list[Connection]:
        found = [one for proxy in self._proxies for one in proxy.connections if chosen(one)]
        for one in found:
            one.reset()
        return found

    async def undo(self, node: NodeId) -> list[str]:
        """Nothing: what is in force ends with the block."""
        return []

    async def left(self, node: NodeId) -> list[str]:
        """Nothing: proxies end with the process that has them."""
        return []

    def evidence(self) -> list[Evidence]:
        """What became of the data on the links, for each fault so far."""
        return self._links.evidence()
