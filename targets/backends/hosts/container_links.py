"""The networks of containers: a node is isolated by disconnecting its container from every network that it shares with
another node.

Clients that connect through a published port do not reach it meanwhile either, unless the container has a network of
its own for them. The engine forgets where a container was connected, so a file in the user's home keeps it until it is
connected again: `naysayer heal` reads it after a run was lost.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import msgspec

from checker.errors import HarnessError, NaysayerError
from targets.backends.hosts.engine import Endpoint
from targets.backends.hosts.hosts import Finding, Hosts
from targets.protocol.fault import Cut, Evidence, Fault, Heal
from targets.protocol.node import NodeId

DISCONNECTING = frozenset({"disconnect"})


def isolated(cut: Cut, nodes: tuple[NodeId, ...]) -> list[NodeId]:
    """The nodes all of whose links are cut. Raises HarnessError if the cut has other links, which cannot be cut
    singly."""
    cut_links = set(cut.links)
    found = [
        node for node in nodes if all({(node, other), (other, node)} <= cut_links for other in nodes if other != node)
    ]
    if any(source not in found and dest not in found for source, dest in cut.links):
        raise HarnessError(f"{cut.label()} cannot be carried out on containers: only whole nodes can be disconnected")
    return found


class ContainerLinks:
    """Has what RemoteCluster uses of Links."""

    kinds: ClassVar[Mapping[str, int]] = {}

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._cut: dict[NodeId, dict[str, Endpoint]] = {}
        """By node that is disconnected, its place in each network."""
        self._in_force: list[tuple[Fault, float, list[str]]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing: `undo` has connected all containers."""

    def evidence(self) -> list[Evidence]:
        """Nothing beside what was noted when containers were connected again."""
        return []

    async def _networks(self, node: NodeId) -> dict[str, Endpoint]:
        engine, name = self._hosts.containers[node]
        return (await engine.inspect(name)).networks

    async def _of_others(self, node: NodeId) -> list[set[str]]:
        return [set(await self._networks(other)) for other in self._hosts.nodes if other != node]

    async def _shared(self, node: NodeId) -> dict[str, Endpoint]:
        """The networks that a node shares with others."""
        others = set[str]().union(*await self._of_others(node))
        return {name: place for name, place in (await self._networks(node)).items() if name in others}

    async def examine(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """The networks that a container could be disconnected from."""
        if not (wanted := tags & DISCONNECTING):
            return []
        shared = await self._shared(node)
        text = f"can be disconnected from {', '.join(shared)}" if shared else "shares no network with another node"
        return [Finding(node, wanted, text, bad=not shared)]

    async def apply(self, fault: Fault) -> None:
        """Isolate nodes, or connect all again. Raises HarnessError where that cannot be done."""
        match fault:
            case Cut():
                await self._disconnect(fault)
            case Heal():
                await self._heal()
            case _:
                raise HarnessError(f"{fault.label()} cannot be carried out on the networks of containers")

    async def _disconnect(self, fault: Cut) -> None:
        failed = []
        for node in isolated(fault, self._hosts.nodes):
            engine, name = self._hosts.containers[node]
            shared = await self._shared(node)
            self._cut[node] = self._recorded(node) | shared
            self._remember(node, self._cut[node])
            for network in shared:
                await engine.run("network", "disconnect", network, name)
            if left := await self._shared(node):
                failed.append(f"{node} is still connected to {', '.join(left)}")
        self._in_force.append((fault, self._hosts.now_ms(), failed))

    async def _heal(self) -> None:
        said = [f"{node} was connected to none of {', '.join(places)}" for node, places in self._cut.items()]
        for node in list(self._cut):
            if troubles := await self.undo(node):
                raise HarnessError(troubles[0])
        now_ms = self._hosts.now_ms()
        for fault, from_ms, failed in self._in_force:
            shown = bool(said) and not failed
            self._hosts.evidence.append(Evidence(fault, from_ms, now_ms, shown, "; ".join(failed or said)))
        self._in_force = []

    async def undo(self, node: NodeId) -> list[str]:
        """Connect a container again that this run or a lost one disconnected; returns what could not be undone."""
        engine, name = self._hosts.containers[node]
        troubles = []
        for network, place in self._recorded(node).items():
            try:
                if network not in await self._networks(node):
                    await engine.connect(name, network, place)
            except NaysayerError as error:
                troubles.append(f"{node}: container {name} is not connected to {network} again: {error}")
        if not troubles:
            self._record(node).unlink(missing_ok=True)
            self._cut.pop(node, None)
        return troubles

    def _record(self, node: NodeId) -> Path:
        """The file with the networks that a container is disconnected from."""
        engine, name = self._hosts.containers[node]
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return Path(state) / "naysayer" / f"disconnected-{engine.program}-{name}.json"

    def _remember(self, node: NodeId, places: dict[str, Endpoint]) -> None:
        record = self._record(node)
        try:
            record.parent.mkdir(parents=True, exist_ok=True)
            record.write_bytes(msgspec.json.encode(places))
        except OSError as error:
            raise HarnessError(f"{record}: {error.strerror}; the networks of {node} must be kept there") from error

    def _recorded(self, node: NodeId) -> dict[str, Endpoint]:
        """The networks that this run or a lost one disconnected a container from."""
        try:
            return msgspec.json.decode(self._record(node).read_bytes(), type=dict[str, Endpoint])
        except (OSError, msgspec.MsgspecError):
            return {}

    async def left(self, node: NodeId) -> list[str]:
        """What a run has left: networks that a container is disconnected from. Only reads."""
        return [f"a container that is disconnected from {network}" for network in self._recorded(node)]
