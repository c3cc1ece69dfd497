"""A cluster on hosts: started, broken, healed and inspected by commands; every fault checked by a probe.

Faults of links, processes and clocks are in separate files; this file has the order of steps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trio

from checker.errors import HarnessError, NaysayerError, TargetError, UsageError
from targets.backends.hosts.clock import Clocks
from targets.backends.hosts.config import MODEL, ClusterConfig, Commands
from targets.backends.hosts.container_links import ContainerLinks
from targets.backends.hosts.containers import Containers
from targets.backends.hosts.hosts import Finding, Hosts
from targets.backends.hosts.links import Links
from targets.backends.hosts.local_links import STREAMING, LocalLinks
from targets.backends.hosts.needs import ON_RUNNING, faults_of
from targets.backends.hosts.opening import Clients
from targets.backends.hosts.processes import Processes
from targets.backends.hosts.runtime import Runtime
from targets.backends.hosts.storage import Disks
from targets.backends.storage.build import STORING
from targets.protocol.cluster import Client, Death
from targets.protocol.fault import Corrupt, Cut, Evidence, Fault, Heal, Kill, Pause, Restart, Resume, Skew
from targets.protocol.node import NodeId

LOG_BYTES_MAX = 16 * 1024 * 1024
UNDO_S_MAX = 120.0


def _free_name(folder: Path, name: str) -> Path:
    """A file of that name in the folder, or name-2 ...: logs of several folders may have one name."""
    names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next(folder / one for one in names if not (folder / one).exists())


class RemoteCluster:
    """`async with RemoteCluster(config, wanted) as cluster: await cluster.start()`; at the end everything is undone.

    What this run started is stopped; a system that ran before is left running, and gets no fault of ON_RUNNING unless
    `faults_on_running`.

    `model`: of the workload, for clients that store each data type in its own way.
    `wanted`: the faults that will be asked for, by name with their tags; start refuses one that a host does not allow.
    `left`: afterwards, what could not be undone.
    """

    def __init__(
        self,
        config: ClusterConfig,
        wanted: Mapping[str, frozenset[str]] | None = None,
        *,
        faults_on_running: bool = False,
        model: str = MODEL,
        seed: int = 0,
    ) -> None:
        self.config = config
        self._faults_on_running = faults_on_running
        self.complaint: TargetError | None = None
        self.remarks: list[str] = []
        self._clients = Clients(config, model, self.remarks)
        self.nodes: tuple[NodeId, ...] = tuple(config.nodes)
        self.faults = faults_of(config)
        self.left: list[str] = []
        self._wanted = wanted or {}
        self._cleared: set[NodeId] = set()
        """The nodes whose links this run has touched."""
        self._hosts = Hosts(config)
        self._links: Links | LocalLinks | ContainerLinks = Links(self._hosts)
        self._processes: Runtime | None = None
        self._clocks: Clocks | None = None
        self._disks: Disks | None = None
        if config.has_containers:
            self._processes = Containers(self._hosts, config.commands or Commands(), self.remarks)
            self._links = ContainerLinks(self._hosts)
        elif config.has_proxies:
            self._links = LocalLinks(self._hosts, seed)
        if config.commands is not None and not config.has_containers:
            self._processes = processes = Processes(self._hosts, config.commands, self.remarks)
            if config.clock is not None:
                self._clocks = Clocks(self._hosts, processes, config.clock)
            if config.storage is not None:
                self._disks = Disks(self._hosts, processes, config.storage, seed)
        self.run, self.reach = self._hosts.run, self._hosts.reach

    @property
    def down(self) -> frozenset[NodeId]:
        doomed = frozenset() if self._disks is None else self._disks.doomed  # so that they are restarted, or spared
        return doomed.union(() if self._processes is None else self._processes.down)

    @property
    def paused(self) -> frozenset[NodeId]:
        return frozenset(() if self._processes is None else self._processes.paused)

    @property
    def message_kinds(self) -> Mapping[str, int]:
        return self._links.kinds

    async def __aenter__(self) -> Self:
        await self._links.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        try:
            with trio.CancelScope(shield=True):
                await self._end()
        finally:
            await self._links.__aexit__(kind, error, trace)
        return None

    async def _end(self) -> None:
        waiting = list(self.nodes)
        with trio.move_on_after(UNDO_S_MAX):
            while waiting:
                self.left += await self.undo(waiting[0], own=True)
                del waiting[0]
            await self._stop()
            self._hosts.proxies.clear()  # what is left running must not depend on them
            await self._restore()
        self.left += [f"{node}: not undone within {UNDO_S_MAX:.0f} s" for node in waiting]
        await self.close()

    async def _stop(self) -> None:
        """Stop the system on every host that answers, where this run started it."""
        if self._processes is None:
            return
        for node in sorted(self._processes.mine):
            with suppress(NaysayerError):
                await self._processes.stop(node)
                if self._clocks is not None:
                    await self._clocks.sweep(node)

    async def _restore(self) -> None:
        """Start again what ran before the run, if it was killed in it."""
        if self._processes is None:
            return
        for node in sorted(self._processes.killed & self.running.keys()):
            try:
                await self._processes.restore(node)
            except NaysayerError as error:
                self.left.append(f"{node}: ran before, and could not be started again: {error}")

    async def close(self) -> None:
        """Log out."""
        await self._hosts.close()

    async def start(self) -> None:
        """Reach every host, see what runs there, undo what an earlier run left, check whether the faults asked for are
        possible, start what does not run.

        Raises UsageError naming a fault that is not possible, the node, and what it would take.
        """
        tags = frozenset[str]().union(*self._wanted.values())
        for node in self.nodes:
            await self._hosts.open(node)
        await self.survey()
        self._refuse_on_running()
        for node in self.nodes:
            await self.clear(node)
            self._refuse(await self.examine_host(node, tags))
        await self.launch()
        for node in self.nodes:
            self._refuse(await self.examine_system(node, tags))
        await self._clients.attempt(patient=self._processes is not None)

    async def survey(self) -> None:
        """See on every host whether the system runs already. Nothing is changed; raises UsageError as
        Runtime.survey does."""
        for node in self.nodes:
            if (found := await self.look(node)) is not None:
                self.remarks.append(f"{node} ran before: {found}; it is used as it is and left running")

    async def look(self, node: NodeId) -> str | None:
        """The process of a node's system if it runs already. Only reads. Raises UsageError as Runtime.survey does,
        and if a lost run has left the clock of a running system skewed."""
        found = None if self._processes is None else await self._processes.survey(node)
        if found is not None and self._clocks is not None and (text := await self._clocks.left(node)) is not None:
            raise UsageError(f"{node}: {found} runs with a skewed clock ({text}): naysayer heal resets it")
        return found

    @property
    def running(self) -> dict[NodeId, list[str]]:
        """By node, the processes that ran before this run."""
        return {} if self._processes is None else self._processes.running

    def _refuse_on_running(self) -> None:
        if not self.running:
            return
        if self.config.has_proxies and (cut := [name for name, tags in self._wanted.items() if tags & STREAMING]):
            raise UsageError(
                f"{', '.join(cut)}: {', '.join(self.running)} ran before this run, and its links do not pass through "
                "the proxies of this run; stop it, or leave these faults out"
            )
        names = [name for name, tags in self._wanted.items() if tags & ON_RUNNING]
        if not names:
            return
        what_ran = "container" if self.config.has_containers else "process"
        nodes = ", ".join(f"{node} ({what_ran} {' '.join(pids)})" for node, pids in self.running.items())
        what = f"{', '.join(names)} on a system that ran before this run"
        if not self._faults_on_running:
            others = ",".join(name for name in self._wanted if name not in names) or "none"
            raise UsageError(
                f"{what} is refused: {nodes}. Stop it, so that this run starts it and stops it again; or leave these "
                f"faults out with --nemesis {others}; or add --allow-faults-on-running, and it is restarted and left "
                "running"
            )
        self.remarks.append(f"{what} was allowed: {nodes}; where it was killed it was started again, and left running")

    def _refuse(self, findings: list[Finding]) -> None:
        for one in findings:
            names = [name for name, tags in self._wanted.items() if tags & one.tags]
            if one.bad and names:
                raise UsageError(f"fault {', '.join(names)} cannot be carried out on {one.node}: {one.text}")

    async def clear(self, node: NodeId) -> None:
        """Undo on a host what an earlier run left, without touching a system that runs. Raises HarnessError if that
        cannot be done."""
        self._cleared.add(node)
        troubles = await self._links.undo(node)
        if self._clocks is not None and node not in self.running:
            troubles += await self._clocks.undo(node)
        if self._disks is not None and node not in self.running:
            troubles += await self._disks.undo(node)
        if troubles:
            raise HarnessError(troubles[0])

    async def refuse_stranger(self, node: NodeId) -> None:
        """Raises UsageError if what listens at a node's client port is not of the system. Only reads."""
        if self._processes is not None:
            await self._processes.refuse_stranger(node)

    async def remains(self, node: NodeId) -> list[str]:
        """What an earlier run has left on a host's links. Only reads."""
        return await self._links.left(node)

    async def examine_host(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """What a node's host has to carry out faults with these tags; the system need not run."""
        found = await self._links.examine(node, tags & self.faults)
        return found if self._disks is None else found + await self._disks.examine_host(node, tags & self.faults)

    async def examine_system(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """What a node's running system allows of faults with these tags."""
        found = [] if self._processes is None else await self._processes.examine(node, tags & self.faults)
        if self._clocks is not None:
            found += await self._clocks.examine(node, tags & self.faults)
        return found if self._disks is None else found + await self._disks.examine_system(node, tags & self.faults)

    async def launch(self) -> None:
        """Install and start the system where it does not run, and wait until each node accepts."""
        if self._processes is not None:
            await self._processes.install()
            await self._processes.start()

    async def runs(self, node: NodeId) -> bool:
        """Whether the system runs on a node; where cluster.toml has no way to find out, it is assumed to."""
        return self._processes is None or bool(await self._processes.pids(node))

    def now_ms(self) -> float:
        """Time since the cluster was made."""
        return self._hosts.now_ms()

    async def apply(self, fault: Fault) -> None:
        """Carry out one fault and check by a probe that it took effect."""
        match fault, self._processes, self._clocks:
            case Heal(), _, _:
                await self._links.apply(fault)
                if self._disks is not None:
                    await self._disks.spare_all()
            case Kill(), Processes(), _ if fault.needs() & STORING and self._disks is not None:
                await self._disks.kill(fault)
            case Kill(power=False, effects=None), Runtime() as processes, _:
                await processes.kill(fault)
            case Corrupt(), _, _ if self._disks is not None:
                await self._disks.corrupt(fault)
            case Restart(), Runtime() as processes, clocks:
                for node in fault.nodes:
                    if self._disks is not None:
                        await self._disks.restarts(node)
                    if clocks is not None:
                        await clocks.started_anew(node)
                await processes.restart(fault)
            case Pause(), Runtime() as processes, _:
                await processes.pause(fault)
            case Resume(), Runtime() as processes, _:
                await processes.resume(fault)
            case Skew(), _, Clocks() as clocks:
                await clocks.skew(fault)
            case Cut(), Containers(), _:
                await self._links.apply(fault)
            case _ if fault.needs() <= self.faults:
                await self._links.apply(fault)
            case _:
                raise HarnessError(f"{fault.label()} cannot be carried out on this cluster")

    async def deaths(self, *, thorough: bool = False) -> list[Death]:
        found = [] if self._processes is None else await self._processes.deaths(thorough=thorough)
        return found if self._disks is None else await self._disks.by_themselves(found, self.remarks)

    def evidence(self) -> list[Evidence]:
        stored = [] if self._disks is None else self._disks.evidence()
        return [*self._hosts.evidence, *self._links.evidence(), *stored]

    async def undo(self, node: NodeId, *, own: bool = False) -> list[str]:
        """Undo all faults that this or an earlier run left on a host; returns what could not be undone.

        Rules and queueing disciplines are removed, clocks reset, stopped processes resumed. What was killed stays down.
        `own`: of a system that ran before, only what this run did to it.
        """
        if own and node not in self._cleared:
            return []  # the run ended before it did anything there
        try:
            await self._hosts.reach(node)
        except NaysayerError as error:
            return [str(error)]  # and the parts would wait as long for it
        parts: list[Callable[[], Awaitable[list[str]]]] = [partial(self._links.undo, node)]
        if self._processes is not None:
            every = not own or node in self._processes.mine
            parts.append(partial(self._processes.undo, node, all_stopped=every))
        if self._clocks is not None and (not own or node in self._clocks.touched):
            parts.append(partial(self._clocks.undo, node))
        if self._disks is not None and (not own or node in self._cleared):
            parts.append(partial(self._disks.undo, node))
        troubles: list[str] = []
        for part in parts:
            try:
                troubles += await part()
            except NaysayerError as error:
                troubles.append(str(error))
        return troubles

    async def fetch_logs(self, directory: Path) -> list[str]:
        """Copy the logs named in cluster.toml to directory/<node>/; returns what could not be fetched."""
        troubles: list[str] = []
        if isinstance(self._processes, Containers):
            troubles += await self._processes.fetch_logs(directory)
        if self.config.commands is None:
            return troubles
        for node in self.nodes:
            for log in self.config.commands.logs:
                try:
                    text = (await self.run(node, f"tail -c {LOG_BYTES_MAX} {log}")).out
                except NaysayerError as error:
                    troubles.append(str(error))
                    continue
                name = Path(self._hosts.fill(node, log)).name
                place = _free_name(directory / node, "log" if name in ("", "..") else name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
        return troubles

    async def views(self) -> dict[NodeId, dict[str, Any]]:
        """Which node leads, where cluster.toml has a command for that; nothing else is known about a foreign system."""
        if self._processes is None or self.config.commands is None or self.config.commands.leader is None:
            return {}
        return {
            node: {"role": "leader" if await self._processes.leads(node) else "follower"}
            for node in self.nodes
            if node not in self.down and node not in self.paused
        }

    def client(self, node: NodeId) -> Client:
        return self._clients.client(node)
