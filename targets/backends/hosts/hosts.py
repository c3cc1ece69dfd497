"""What all parts of a cluster on hosts use: a shell on each host, and the evidence of faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import trio

from checker.errors import HarnessError, NaysayerError
from targets.backends.hosts.config import ClusterConfig, container_of
from targets.backends.hosts.engine import ContainerShell, Engine
from targets.backends.hosts.shell import LocalShell, Outcome, Shell, SshShell
from targets.backends.hosts.variables import filled
from targets.protocol.fault import Evidence, Fault, Link
from targets.protocol.node import NodeId


@dataclass(frozen=True)
class Finding:
    """What was found on a node of the means to carry out the faults with these tags; `bad`: they are not there."""

    node: NodeId
    tags: frozenset[str]
    text: str
    bad: bool = False


class Hosts:
    """Runs commands for nodes, each on its own host; keeps what was shown of faults."""

    def __init__(self, config: ClusterConfig) -> None:
        self.config = config
        self.nodes: tuple[NodeId, ...] = tuple(config.nodes)
        self.evidence: list[Evidence] = []
        self.proxies: dict[Link, str] = {}
        """Where a node reaches another one through a proxy of ours, while there are any."""
        self.prefix: dict[NodeId, str] = {}
        """What stands for {storage} in commands: nothing, unless storage faults will be asked for."""
        self.containers: dict[NodeId, tuple[Engine, str]] = {
            node: (Engine(found[0]), found[1])
            for node, one in config.nodes.items()
            if (found := container_of(one.host)) is not None
        }
        """By node, the engine and the name of its container; for nodes in containers."""
        self._shells: dict[NodeId, Shell] = {node: self._shell(node) for node in self.nodes}
        self._began_s = trio.current_time()

    def _shell(self, node: NodeId) -> Shell:
        one, ssh = self.config.nodes[node], self.config.ssh
        if node in self.containers:
            return ContainerShell(*self.containers[node])
        return LocalShell() if ssh is None else SshShell(one.host, ssh, one.ssh_port)

    def now_ms(self) -> float:
        """Time since the cluster was made."""
        return (trio.current_time() - self._began_s) * 1000

    def note(self, fault: Fault, detail: str, *, shown: bool = True, from_ms: float | None = None) -> None:
        """Keep what shows that a fault took effect, or that it did not. `from_ms`: when it began; None: now."""
        self.evidence.append(Evidence(fault, self.now_ms() if from_ms is None else from_ms, None, shown, detail))

    def fill(self, node: NodeId, command: str) -> str:
        """A command of cluster.toml with the node's own values in place."""
        places = {peer: self.proxies.get((node, peer)) or self.config.nodes[peer].reached_at for peer in self.nodes}
        values = self.config.values(node) | {"storage": self.prefix.get(node, "")}
        return filled(command, values | {f"peer:{peer}": place for peer, place in places.items()})

    async def open(self, node: NodeId) -> None:
        """Log in. Raises UsageError or HarnessError naming the host."""
        await self._shells[node].open()

    async def reach(self, node: NodeId) -> None:
        """Raises UsageError or HarnessError if a node's host, or its container, cannot be reached now."""
        if node in self.containers:
            await self.open(node)  # a container that does not run cannot run commands
        else:
            await self.run(node, "true")

    async def run(self, node: NodeId, command: str, *, check: bool = True, timeout_s: float = 30.0) -> Outcome:
        """Run a command on a node's host. Raises HarnessError with what it printed, if it fails and `check`."""
        done = await self._shells[node].run(self.fill(node, command), timeout_s)
        if check and done.code != 0:
            output = (done.err or done.out).strip()[-500:]
            raise HarnessError(f"{node}: exit code {done.code} of: {self.fill(node, command)}: {output}")
        return done

    async def close(self) -> None:
        """Log out everywhere."""
        for shell in self._shells.values():
            await shell.close()


async def side_by_side(calls: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Make calls at the same time. Raises the first of our errors, after all have ended."""
    errors: list[NaysayerError] = []

    async def one(call: Callable[[], Awaitable[object]]) -> None:
        try:
            await call()
        except NaysayerError as error:
            errors.append(error)

    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(one, call)
    if errors:
        raise errors[0]


def last_line(done: Outcome) -> str:
    """The last line that a command printed: mostly its error."""
    lines = (done.err.strip() or done.out.strip()).splitlines()
    return lines[-1].strip() if lines else f"exit code {done.code}"
