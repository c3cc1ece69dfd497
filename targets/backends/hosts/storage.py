"""Storage faults on hosts: the program of targets/backends/storage, compiled on each and started beside the system.

It sees the calls of what `{storage}` stands before in the start command. At the end it goes as soon as the system has
stopped; until then it lets all calls pass.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shlex
import tarfile

from checker.errors import HarnessError, NaysayerError
from targets.backends.hosts.config import Storage
from targets.backends.hosts.hosts import Finding, Hosts, last_line
from targets.backends.hosts.processes import Processes
from targets.backends.storage.build import COMPILERS, FLAGS, PROGRAM, STORING, sources
from targets.backends.storage.disk import Disk
from targets.protocol.cluster import Death
from targets.protocol.fault import Corrupt, Evidence, Fault, Kill
from targets.protocol.node import NodeId

COMPILE_S_MAX = 60.0
DATA_KIB_MAX = 1024 * 1024
"""A data folder must not be larger when the run begins, as it is copied."""


NOT_SEEN = (
    "its calls are not seen: let {storage} stand before the program itself in `start` of [commands]; a service or a "
    "container, which another process starts, cannot be seen"
)


def _packed() -> str:
    """The sources, as base64 of a tar.gz."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for source in sources():
            archive.add(source, source.name, filter=_plain)
    return base64.b64encode(out.getvalue()).decode()


def _plain(file: tarfile.TarInfo) -> tarfile.TarInfo:
    file.uid = file.gid = file.mtime = 0
    file.uname = file.gname = ""
    file.mode = 0o644
    return file


class Disks:
    """The disks of the nodes: their data folders, as [storage] names them."""

    def __init__(self, hosts: Hosts, processes: Processes, storage: Storage, seed: int) -> None:
        self._hosts = hosts
        self._processes = processes
        self._storage = storage
        self._seed = seed
        self._disks: dict[NodeId, Disk] = {}

    def _folder(self, node: NodeId) -> str:
        """On the node's host, the same in each run: so what a lost run left is found."""
        return f"/tmp/naysayer-storage-{hashlib.sha256(f'{node} {self._data(node)}'.encode()).hexdigest()[:12]}"

    @property
    def doomed(self) -> frozenset[NodeId]:
        """The nodes that are to be killed at one of their next calls, or have been."""
        return frozenset(node for node, disk in self._disks.items() if disk.doomed)

    async def _try(self, node: NodeId, command: str, timeout_s: float = 30.0) -> str | None:
        """What a command printed last, if it fails."""
        done = await self._hosts.run(node, command, check=False, timeout_s=timeout_s)
        return last_line(done) if done.code else None

    async def _tell(self, node: NodeId, line: str) -> str:
        folder = self._folder(node)
        done = await self._hosts.run(node, f"{folder}/{PROGRAM} tell {folder} {line}", check=False)
        if done.code:
            raise HarnessError(f"{node}: the program that looks after its disk has ended: {last_line(done)}")
        return done.out

    async def examine_host(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """Compile and start the program, so that the system can be started. Says what is in the way."""
        if not (wanted := tags & STORING):
            return []
        trouble = await self._begin(node)
        text = trouble or f"a program sees the calls of what {{storage}} starts, and looks after {self._data(node)}"
        return [Finding(node, wanted, text, bad=trouble is not None)]

    def _data(self, node: NodeId) -> str:
        return self._hosts.fill(node, self._storage.data)

    async def _begin(self, node: NodeId) -> str | None:
        folder, data = self._folder(node), shlex.quote(self._data(node))
        names = " ".join(COMPILERS)
        steps = (
            (f"for c in {names}; do command -v $c && exit; done; exit 1", "there is no C compiler: install gcc"),
            (
                f"mkdir -p {folder} {data} && chmod 755 {folder} && cd {folder} && "
                f"echo {_packed()} | base64 -d | tar xz && for c in {names}; do "
                f"command -v $c > /dev/null && exec $c {' '.join(FLAGS)} -o {PROGRAM} *.c; done",
                "the program in C that storage faults need does not compile",
            ),
            (
                f'[ "$(du -sk {data} | cut -f1)" -le {DATA_KIB_MAX} ]',
                f"{self._data(node)} holds more than {DATA_KIB_MAX >> 10} MiB, and is copied: begin with an empty one",
            ),
            (
                f"cd {folder} && {{ setsid nohup ./{PROGRAM} keep {folder} {data} > log 2>&1 < /dev/null & }}; "
                f"for i in $(seq 100); do [ -S socket ] && exit; sleep 0.1; done; cat log; exit 1",
                f"{self._data(node)} cannot be looked after",
            ),
            (f"{folder}/{PROGRAM} run {folder} -- true", "system calls cannot be seen"),
        )
        for command, meaning in steps:
            if (said := await self._try(node, command, COMPILE_S_MAX)) is not None:
                return meaning if said.startswith("exit code") else f"{meaning}: {said}"
        self._disks[node] = Disk(node, self._seed, lambda line: self._tell(node, line), self._note)
        self._hosts.prefix[node] = f"{folder}/{PROGRAM} run {folder} --"
        return None

    async def examine_system(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """Whether the running system was started such that its calls are seen."""
        if not (wanted := tags & STORING) or node not in self._disks:
            return []
        seen = await self._disks[node].is_running()
        text = "its calls are seen" if seen else NOT_SEEN
        return [Finding(node, wanted, text, bad=not seen)]

    def _note(self, fault: Fault, from_ms: float, detail: str, /, *, shown: bool = True) -> None:
        self._hosts.note(fault, detail, shown=shown, from_ms=from_ms)

    def _disk(self, node: NodeId) -> Disk:
        if node not in self._disks:
            raise HarnessError(f"{node}: storage faults have to be asked for before the system is started")
        return self._disks[node]

    async def kill(self, fault: Kill) -> None:
        """Kill nodes, at once or at one of their next calls, and leave on their disks what a power loss leaves."""
        for node in fault.nodes:
            await self.spare(node)
            disk, now_ms = self._disk(node), self._hosts.now_ms()
            if fault.torn or fault.effects is not None:
                await disk.doom(fault, now_ms)
            else:
                await disk.lose_power(fault, now_ms, await self._processes.end(node))

    async def corrupt(self, fault: Corrupt) -> None:
        """Begin or end a fault of a disk."""
        await self._disk(fault.node).corrupt(fault, self._hosts.now_ms())

    async def spare(self, node: NodeId) -> None:
        """A kill at a later call that has not happened is taken back; with one that has, the power is lost."""
        disk = self._disks.get(node)
        killed = None if disk is None else await disk.spare()
        if disk is not None and killed is not None:
            how = await self._processes.killed_by_another(node)
            await disk.lose_power(killed.fault, killed.from_ms, f"{how} at a call on its disk")

    async def spare_all(self) -> None:
        """The same for all nodes: a death that has not come yet must not come after the healing."""
        for node in self._disks:
            await self.spare(node)

    async def restarts(self, node: NodeId) -> None:
        """Before a node is started again."""
        await self.spare(node)
        if node in self._disks:
            await self._disks[node].restarts()

    async def by_themselves(self, deaths: list[Death], remarks: list[str]) -> list[Death]:
        """The deaths that no storage fault explains."""
        found = []
        for death in deaths:
            disk = self._disks.get(death.node)
            if disk is not None and disk.doomed and not death.in_start:
                continue
            if disk is not None and await disk.has_failed():
                remarks.append(f"{death.node} stopped after a failed sync or write: it {death.how}")
                continue
            found.append(death)
        return found

    def evidence(self) -> list[Evidence]:
        """The faults whose effect is not known."""
        return [one for disk in self._disks.values() for one in disk.evidence()]

    async def undo(self, node: NodeId) -> list[str]:
        """End all faults and have the program go, once the system has stopped."""
        self._disks.pop(node, None)
        self._hosts.prefix.pop(node, None)
        folder = self._folder(node)
        program = f"{folder}/{PROGRAM}"
        await self._hosts.run(node, f"[ ! -S {folder}/socket ] || {program} tell {folder} quit", check=False)
        try:
            await self._hosts.run(node, f"rm -rf {folder}")
        except NaysayerError as error:
            return [str(error)]
        return []
