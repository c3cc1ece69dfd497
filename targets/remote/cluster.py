"""A cluster on hosts: started, broken, healed and inspected by commands; every fault checked by a probe."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trio

from checker.errors import HarnessError, NaysayerError, TargetError, UsageError
from targets.cluster import Client
from targets.fault import Cut, Degrade, Evidence, Fault, Heal, Kill, Pause, Restart, Resume
from targets.node import NodeId
from targets.remote import network
from targets.remote.config import ClusterConfig, make_client
from targets.remote.shell import LocalShell, Outcome, Shell, SshShell

START_S_MAX = 60.0
PROBE_PAUSE_S = 0.05
LOG_BYTES_MAX = 16 * 1024 * 1024


def faults_of(config: ClusterConfig) -> frozenset[str]:
    """What can be done to these hosts: processes where cluster.toml says how, links where there is SSH."""
    processes = {"kill", "restart", "pause", "resume"} if config.commands is not None else set()
    return frozenset(processes | ({"cut", "degrade", "heal"} if config.ssh is not None else {"heal"}))


class RemoteCluster:
    """`async with RemoteCluster(config) as cluster: await cluster.start()`; at the end everything is undone."""

    def __init__(self, config: ClusterConfig) -> None:
        self.config = config
        self.complaint: TargetError | None = None
        self.nodes: tuple[NodeId, ...] = tuple(config.nodes)
        self.faults = faults_of(config)
        self._shells: dict[NodeId, Shell] = {
            node: LocalShell() if config.ssh is None else SshShell(one.host, config.ssh, one.port)
            for node, one in config.nodes.items()
        }
        self._down: set[NodeId] = set()
        self._paused: dict[NodeId, str] = {}
        self._evidence: list[Evidence] = []
        self._cuts: list[tuple[Cut | Degrade, float]] = []
        self._began_s = trio.current_time()
        self._started = False

    @property
    def down(self) -> frozenset[NodeId]:
        return frozenset(self._down)

    @property
    def paused(self) -> frozenset[NodeId]:
        return frozenset(self._paused)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        with trio.CancelScope(shield=True), trio.move_on_after(120):
            await self.undo()
            await self._stop()
            for shell in self._shells.values():
                await shell.close()
        return None

    def fill(self, node: NodeId, command: str) -> str:
        """A command of cluster.toml with the node's own names in place."""
        one = self.config.nodes[node]
        for name, value in (("node", node), ("host", one.host), ("client", one.client)):
            command = command.replace("{" + name + "}", value)
        return command

    async def run(self, node: NodeId, command: str, *, check: bool = True, timeout_s: float = 30.0) -> Outcome:
        """Run a command on a node's host. Raises HarnessError with what it printed, if it fails and `check`."""
        done = await self._shells[node].run(self.fill(node, command), timeout_s)
        if check and done.code != 0:
            said = (done.err or done.out).strip()[-500:]
            raise HarnessError(f"{node}: exit code {done.code} of: {self.fill(node, command)}: {said}")
        return done

    async def start(self) -> None:
        """Reach every host, undo what an earlier run left, install, start, wait until each node accepts."""
        for node in self.nodes:
            await self._shells[node].open()
        if self.config.ssh is not None:
            for node in self.nodes:
                await self.run(node, network.UNDO)
        commands = self.config.commands
        if commands is None:
            return
        self._started = True
        for node in self.nodes:
            if commands.install is not None:
                await self.run(node, commands.install, timeout_s=600)
        for node in self.nodes:
            if not await self.pid(node):
                await self.run(node, commands.start)
        for node in self.nodes:
            await self._wait_ready(node)

    async def pid(self, node: NodeId) -> str:
        """The process id of the system on a node, "" if it is down."""
        assert self.config.commands is not None
        found = (await self.run(node, self.config.commands.pid, check=False)).out.split()
        if not found or (await self._state(node, found[0])) in ("", "Z"):
            return ""
        return found[0]

    async def _state(self, node: NodeId, pid: str) -> str:
        stat = await self.run(node, f"cat /proc/{pid}/stat 2>/dev/null", check=False)
        return stat.out.rpartition(")")[2].split()[0] if ")" in stat.out else ""

    async def _until(self, node: NodeId, what: str, probe: Callable[[], Any], limit_s: float) -> None:
        with trio.move_on_after(limit_s):
            while not await probe():
                await trio.sleep(PROBE_PAUSE_S)
            return
        raise TargetError(f"{node}: {what} did not happen within {limit_s:.0f} s")

    async def _wait_ready(self, node: NodeId) -> None:
        address = self.config.nodes[node].client.split("//")[-1].split("/")[0]
        host, _, port = address.rpartition(":")

        async def connects() -> bool:
            try:
                stream = await trio.open_tcp_stream(host, int(port))
            except (OSError, socket.gaierror):
                return False
            await stream.aclose()
            return True

        await self._until(node, f"an open port at {address} after the start command", connects, START_S_MAX)

    def now_ms(self) -> float:
        """Time since the cluster was made."""
        return (trio.current_time() - self._began_s) * 1000

    async def apply(self, fault: Fault) -> None:
        """Carry out one fault and check by a probe that it took effect."""
        match fault:
            case Kill() if not fault.power and fault.effects is None:
                for node in fault.nodes:
                    await self._kill(node, fault)
            case Restart():
                for node in fault.nodes:
                    await self._restart(node, fault)
            case Pause():
                for node in fault.nodes:
                    await self._pause(node, fault)
            case Resume():
                for node in fault.nodes:
                    await self._resume(node, fault)
            case Cut():
                await self._cut(fault)
            case Degrade():
                await self._degrade(fault)
            case Heal():
                await self._heal()
            case _:
                raise HarnessError(f"{fault} cannot be carried out on hosts by commands")

    async def _running(self, node: NodeId, to_be: str) -> str:
        """The process id of a node that must run for a fault."""
        pid = await self.pid(node)
        if not pid:
            raise TargetError(f"{node} was to be {to_be} but does not run: its pid command found no process")
        return pid

    async def _kill(self, node: NodeId, fault: Kill) -> None:
        pid = await self._running(node, "killed")
        await self.run(node, f"kill -9 {pid}")

        async def gone() -> bool:
            return await self._state(node, pid) in ("", "Z")

        await self._until(node, f"the end of process {pid} after SIGKILL", gone, 10)
        self._down.add(node)
        self._paused.pop(node, None)
        self._note(fault, f"{node}: process {pid} is gone")

    async def _restart(self, node: NodeId, fault: Restart) -> None:
        assert self.config.commands is not None
        await self.run(node, self.config.commands.start)
        await self._wait_ready(node)
        self._down.discard(node)
        self._note(fault, f"{node}: process {await self.pid(node)} accepts connections")

    async def _pause(self, node: NodeId, fault: Pause) -> None:
        pid = await self._running(node, "paused")
        await self.run(node, f"kill -STOP {pid}")
        self._paused[node] = pid

        async def stopped() -> bool:
            return await self._state(node, pid) in ("T", "t")

        await self._until(node, f"the stop of process {pid}", stopped, 5)
        self._note(fault, f"{node}: process {pid} in state T")

    async def _resume(self, node: NodeId, fault: Resume) -> None:
        pid = self._paused.pop(node, None) or await self.pid(node)
        await self.run(node, f"kill -CONT {pid}")
        state = await self._state(node, pid)
        self._note(fault, f"{node}: process {pid} in state {state or 'gone'}", shown=state not in ("T", "t", ""))

    async def _cut(self, fault: Cut) -> None:
        into: dict[NodeId, list[str]] = {}
        for source, dest in fault.links:
            into.setdefault(dest, []).append(self.config.nodes[source].host)
        for dest, hosts in into.items():
            await self.run(dest, f"{network.PREPARE}; {network.drop_from(hosts)}")
        self._cuts.append((fault, self.now_ms()))
        open_links: list[str] = []
        async with trio.open_nursery() as nursery:
            for source in sorted({source for source, _ in fault.links}):
                nursery.start_soon(self._probe_cut, source, fault, open_links)
        if open_links:
            self._note(fault, f"still connects: {', '.join(sorted(open_links))}", shown=False)

    async def _probe_cut(self, source: NodeId, fault: Cut, open_links: list[str]) -> None:
        """Try to connect over every cut link from `source`; where anything answers, even a refusal, it is not cut."""
        assert self.config.ssh is not None
        dests = [dest for one, dest in fault.links if one == source]
        ports = [(self.config.nodes[dest].host, self.config.nodes[dest].port or self.config.ssh.port) for dest in dests]
        said = (await self.run(source, network.probe(ports))).out.split()
        if "untried" in said:
            return  # then the packets counted until healed are the evidence
        open_links += [f"{source} to {dest}" for dest, one in zip(dests, said, strict=True) if one != "silent"]

    async def _degrade(self, fault: Degrade) -> None:
        if fault.delay_ms or fault.duplicate or fault.reorder:
            command = network.netem(self.config.interface, fault.delay_ms, fault.loss, fault.duplicate, fault.reorder)
            for node in sorted({source for source, _ in fault.links}):
                await self._netem(node, command)
                shown = (await self.run(node, f"tc qdisc show dev {self.config.interface}")).out.strip()
                self._note(fault, f"{node}: {shown}", shown="netem" in shown)
            return
        into: dict[NodeId, list[str]] = {}
        for source, dest in fault.links:
            into.setdefault(dest, []).append(self.config.nodes[source].host)
        for dest, hosts in into.items():
            await self.run(dest, f"{network.PREPARE}; {network.drop_from(hosts, fault.loss)}")
        self._cuts.append((fault, self.now_ms()))

    async def _netem(self, node: NodeId, command: str) -> None:
        done = await self.run(node, command, check=False)
        if done.code != 0:
            why = (done.err or done.out).strip()
            raise HarnessError(
                f"{node}: links cannot be made slow, tc netem says: {why}; leave out delay, duplicate and reorder "
                "(naysayer doctor says what a host can do)"
            )

    async def _heal(self) -> None:
        """Heal every host that answers. Raises HarnessError, for the first that does not, after all were tried."""
        if self.config.ssh is None:
            return
        lost = 0
        first: HarnessError | None = None
        for node in self.nodes:
            try:
                if self._cuts:
                    lost += network.dropped((await self.run(node, network.COUNTERS, check=False)).out)
                await self.run(node, f"{network.FLUSH}; {network.clear_netem(self.config.interface)}")
            except HarnessError as error:
                first = first or error
        for fault, from_ms in self._cuts:
            detail = f"{lost} packets lost until healed"
            self._evidence.append(Evidence(fault, from_ms, self.now_ms(), lost > 0, detail))
        self._cuts = []
        if first is not None:
            raise first

    def _note(self, fault: Fault, detail: str, *, shown: bool = True) -> None:
        self._evidence.append(Evidence(fault, self.now_ms(), None, shown, detail))

    def evidence(self) -> list[Evidence]:
        return list(self._evidence)

    async def undo(self) -> list[str]:
        """Undo all faults that this or an earlier run left, host by host; returns what could not be undone.

        Rules and queueing disciplines go, stopped processes go on. What was killed stays down.
        """
        troubles = []
        for node in self.nodes:
            try:
                troubles += await self._undo(node)
            except NaysayerError as error:
                troubles.append(str(error))
        self._paused.clear()
        return troubles

    async def _undo(self, node: NodeId) -> list[str]:
        troubles = []
        if self.config.ssh is not None:
            await self.run(node, network.UNDO)
            left = (await self.run(node, network.LEFT, check=False)).out.strip()
            if left:
                troubles.append(f"{node}: this could not be removed: {left}")
        if self.config.commands is not None:
            for pid in (await self.run(node, self.config.commands.pid, check=False)).out.split():
                await self.run(node, f"kill -CONT {pid}", check=False)
                if await self._state(node, pid) in ("T", "t"):
                    troubles.append(f"{node}: process {pid} is still stopped; kill -CONT {pid} did not help")
        return troubles

    async def _stop(self) -> None:
        """Stop the system on every host that answers, if this run started it."""
        if not self._started or self.config.commands is None or self.config.commands.stop is None:
            return
        for node in self.nodes:
            with suppress(NaysayerError):
                await self.run(node, self.config.commands.stop, check=False)

    async def fetch_logs(self, directory: Path) -> list[str]:
        """Copy the logs named in cluster.toml to directory/<node>/; returns what could not be fetched."""
        troubles: list[str] = []
        if self.config.commands is None:
            return troubles
        for node in self.nodes:
            for log in self.config.commands.logs:
                try:
                    text = (await self.run(node, f"tail -c {LOG_BYTES_MAX} {log}")).out
                except NaysayerError as error:
                    troubles.append(str(error))
                    continue
                place = directory / node / Path(self.fill(node, log)).name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
        return troubles

    async def views(self) -> dict[NodeId, dict[str, Any]]:
        """Who leads, where cluster.toml has a command that tells; nothing else is known of somebody else's system."""
        if self.config.commands is None or self.config.commands.leader is None:
            return {}
        found: dict[NodeId, dict[str, Any]] = {}
        for node in self.nodes:
            if node not in self._down and node not in self._paused:
                done = await self.run(node, self.config.commands.leader, check=False)
                found[node] = {"role": "leader" if done.code == 0 else "follower"}
        return found

    def client(self, node: NodeId) -> Client:
        if node not in self.config.nodes:
            raise UsageError(f"cluster.toml names no node {node}")
        return make_client(self.config.client, self.config.nodes[node].client)
