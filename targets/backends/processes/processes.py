"""What every cluster of processes on this machine does alike: end them for certain, and carry out faults on them."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import trio

from checker.errors import HarnessError, TargetError
from targets.backends.processes.disks import Disks
from targets.backends.processes.links import Links
from targets.backends.processes.messages import MessageLog
from targets.backends.processes.process import NodeProcess, ended
from targets.backends.storage.build import STORING
from targets.backends.storage.disk import Disk
from targets.protocol.cluster import Death, crashed
from targets.protocol.fault import (
    Corrupt,
    Cut,
    Degrade,
    Evidence,
    Fault,
    Heal,
    Hold,
    Kill,
    MessageFault,
    Pause,
    Release,
    Restart,
    Resume,
)
from targets.protocol.node import NodeId

CRASH_CODES = frozenset(
    -getattr(signal, name) for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL") if hasattr(signal, name)
)
"""Exit codes of processes that ended by an error of memory, of arithmetic, or by abort()."""

LAST_LINES = 3
"""So many lines of a log are shown where a node's death is reported; the result folder has the whole."""

LOG_BYTES_MAX = 64 * 1024 * 1024
LOG_LOOK_S = 0.25

LOGS = "logs"
"""The folder of the nodes' logs in a result folder."""

KEPT_HEAD_BYTES, KEPT_TAIL_BYTES = 1024 * 1024, 7 * 1024 * 1024
"""Of each log so much is kept of its beginning and of its end."""


def keep_logs(source: Path, folder: Path) -> None:
    """Copy the logs in one folder to another, long ones without their middle. A full disk loses them, not the run."""
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
        for log in sorted(source.glob("*.log")):
            with log.open("rb") as given, (folder / log.name).open("wb") as out:
                size = given.seek(0, 2)
                given.seek(0)
                out.write(given.read(KEPT_HEAD_BYTES))
                left_out = size - KEPT_HEAD_BYTES - KEPT_TAIL_BYTES
                if left_out > 0:
                    out.write(f"\n... {left_out:,} bytes left out ...\n".encode())
                    given.seek(-KEPT_TAIL_BYTES, 2)
                out.write(given.read())


class ProcessCluster:
    """Base of the clusters whose nodes are processes here and whose messages pass through the harness.

    A subclass fills `_processes` and `boot`s each node. Its block (`async with`) bounds the life of every process,
    task and file, also when it is cancelled.
    """

    faults: ClassVar[frozenset[str]] = frozenset({"kill", "restart", "pause", "resume"}) | Links.FAULTS | STORING

    def __init__(self, nodes: int, seed: int, *, first: int = 1, storage: bool = False) -> None:
        """`first`: the number of the first node. `storage`: storage faults will be asked for (tags in STORING)."""
        self.nodes: tuple[NodeId, ...] = tuple(f"n{i}" for i in range(first, first + nodes))
        self.complaint: TargetError | None = None
        self.remarks: list[str] = []
        self._links = Links(seed)
        self._processes: dict[NodeId, NodeProcess] = {}
        self._paused: set[NodeId] = set()
        self._ending: set[NodeId] = set()
        self._exits: dict[NodeId, trio.Event] = {}
        """By node, set when its process has ended."""
        self._up: set[NodeId] = set()
        """The nodes that have come up and not ended."""
        self._deaths: list[Death] = []
        self._evidence: list[Evidence] = []
        self._stack = AsyncExitStack()
        self._began_s = trio.current_time()
        self._folder: Path | None = None
        self.messages: MessageLog | None = None
        """Those that the harness carried, once `keep` was called."""
        self._seed = seed
        self._storage = storage
        self._disks: dict[NodeId, Disk] = {}
        """By node, where storage faults will be asked for."""

    @property
    def down(self) -> frozenset[NodeId]:
        doomed = [node for node, disk in self._disks.items() if disk.doomed]  # so that it is restarted, or spared
        return frozenset(doomed).union(node for node, process in self._processes.items() if not process.running)

    @property
    def message_kinds(self) -> Mapping[str, int]:
        return self._links.kinds

    @property
    def paused(self) -> frozenset[NodeId]:
        return frozenset(self._paused)

    async def __aenter__(self) -> Self:
        self._directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="naysayer-")))
        self._programs = Disks(self._directory, self._seed, self.note)
        self._stack.callback(self._programs.close)
        self._nursery = await self._stack.enter_async_context(trio.open_nursery())
        self._nursery.start_soon(self._bound_logs)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        for node in self._processes:
            await self.end(node)
        self._nursery.cancel_scope.cancel()
        if self._folder is not None:
            keep_logs(self._directory, self._folder / LOGS)
        try:
            return await self._stack.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            # the nursery wraps even a lone error; users of the block want the error itself
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise

    def keep(self, folder: Path) -> None:
        """Have what the nodes wrote to stderr left in a result folder, at the end of the block; and keep the messages,
        which are written down after the verdict (`messages.keep`)."""
        self._folder = folder
        self.messages = MessageLog(folder)

    def note_message(self, text: bytes, delays_ms: Sequence[float] = (0.0,)) -> None:
        """A message passes, as JSON text; see MessageLog.note."""
        if self.messages is not None:
            self.messages.note(text, delays_ms=delays_ms)

    async def with_disk(self, node: NodeId, data: Path, command: Sequence[str]) -> list[str]:
        """The command that starts a node, whose data folder this is, such that storage faults can be injected.

        Raises UsageError where they cannot be on this machine.
        """
        if not self._storage:
            return list(command)
        self._disks[node] = await self._programs.add(node, data)
        return self._programs.command(node, command)

    def launch(self, node: NodeId) -> NodeProcess:
        """Start a node's process. If it ends without a fault once it is up (`came_up`), that is a death."""
        process = self._processes[node]
        process.start()
        self._ending.discard(node)
        self._exits[node] = trio.Event()
        assert process.process is not None
        self._nursery.start_soon(self._watch, node, process.process, self._exits[node])
        return process

    async def _watch(self, node: NodeId, process: subprocess.Popen[bytes], exited: trio.Event) -> None:
        await ended(process)
        exited.set()
        if node in self._up and node not in self._ending and self._processes[node].process is process:
            self.lost(node)
            disk = self._disks.get(node)
            if disk is not None and disk.doomed and process.returncode == -signal.SIGKILL:
                return  # it was killed in the middle of its work, as it was to be
            if disk is not None and await disk.has_failed():
                self.remark(f"{node} stopped after a failed sync or write: it {self.ending(node)}")
                return
            by_error = process.returncode in CRASH_CODES or crashed(self._processes[node].stderr_tail())
            self._deaths.append(Death(node, self.ending(node) + self._last_words(node), raised=by_error))

    def ending(self, node: NodeId) -> str:
        """How a process ended, to continue a sentence that begins with its node's name."""
        process = self._processes[node].process
        code = None if process is None else process.poll()
        if code is None:
            return "did not come up"
        return f"exited with code {code}" if code >= 0 else f"was ended by signal {-code}"

    def came_up(self, node: NodeId) -> None:
        """A node answers: from now on its end is its death."""
        self._up.add(node)

    def lost(self, node: NodeId) -> None:
        """A node is down by its own doing: it is not asked any more."""
        self._up.discard(node)
        self._ending.add(node)

    async def deaths(self, *, thorough: bool = False) -> list[Death]:
        found, self._deaths = self._deaths, []
        return found

    def complain(self, node: NodeId, what: str) -> None:
        """A node did what ends a run."""
        if self.complaint is None:
            self.complaint = self.error(node, what)

    async def boot(self, node: NodeId) -> None:
        """Start a node that is not running, and return when it answers. Raises TargetError if it does not."""
        raise NotImplementedError

    async def end(self, node: NodeId) -> str:
        """SIGKILL a node and wait for its end; returns what shows it."""
        self._paused.discard(node)
        self._up.discard(node)
        self._ending.add(node)
        return await self._processes[node].kill()

    async def _kill(self, node: NodeId, fault: Kill, now_ms: float) -> None:
        await self._spare(node)
        if not fault.needs() & STORING:
            self.note(fault, now_ms, f"{node}: {await self.end(node)}")
        elif fault.torn or fault.effects is not None:
            await self._disk(node).doom(fault, now_ms)
        else:
            await self._disk(node).lose_power(fault, now_ms, await self.end(node))

    def _disk(self, node: NodeId) -> Disk:
        if node not in self._disks:
            raise HarnessError(f"{node}: storage faults have to be asked for before the nodes are started")
        return self._disks[node]

    async def _spare(self, node: NodeId) -> None:
        """A kill after some calls that has not happened is taken back; with one that has, the power is lost."""
        disk = self._disks.get(node)
        killed = None if disk is None else await disk.spare()
        if disk is not None and killed is not None:
            how = f"{await self.end(node)} at a call on its disk"
            await disk.lose_power(killed.fault, killed.from_ms, how)

    async def _start_again(self, node: NodeId, fault: Restart, now_ms: float) -> Death | None:
        """Boot a node that is down. If it does not come up, that is a death, and the run continues."""
        await self._spare(node)
        if self._processes[node].running:
            return None
        if node in self._disks:
            await self._disks[node].restarts()
        try:
            await self.boot(node)
        except TargetError as error:
            if self.complaint is not None:
                raise
            hung = self._processes[node].running
            how = str(error).removeprefix(f"node {node} ").partition("; its stderr")[0] + self._last_words(node)
            await self.end(node)
            self.note(fault, now_ms, f"{node} did not come up again", shown=False)
            return Death(node, how, in_start=True, hung=hung)
        self.note(fault, now_ms, f"{node} answers again")
        return None

    async def _bound_logs(self) -> None:
        """A node that writes much to stderr must not fill the disk: old output is dropped from time to time."""
        while True:
            await trio.sleep(LOG_LOOK_S)
            for node, process in self._processes.items():
                if process.log.exists() and process.log.stat().st_size > LOG_BYTES_MAX:
                    os.truncate(process.log, 0)  # it is open for appending, so the node continues at the beginning
                    self.remark(f"the log of {node} grew beyond {LOG_BYTES_MAX >> 20} MiB, and only its end was kept")

    def remark(self, what: str) -> None:
        """Have the report say something, once."""
        if what not in self.remarks:
            self.remarks.append(what)

    def error(self, node: NodeId, what: str) -> TargetError:
        """An error of a node, with the end of its stderr."""
        tail = self._processes[node].stderr_tail()
        return TargetError(f"node {node} {what}" + (f"; its stderr ends:\n{tail}" if tail else "; its stderr is empty"))

    def _last_words(self, node: NodeId) -> str:
        """The end of a node's stderr, short and in one line."""
        tail = [line.strip() for line in self._processes[node].stderr_tail().splitlines()]
        lines = [line for line in tail if line.strip("^~ ")]
        return f"; its stderr ends: {' | '.join(lines[-LAST_LINES:])}" if lines else "; its stderr is empty"

    def now_ms(self) -> float:
        """Time since the cluster was made."""
        return (trio.current_time() - self._began_s) * 1000

    async def apply(self, fault: Fault) -> None:
        """Carry out one fault and note what shows it. Raises HarnessError for one that cannot be carried out here."""
        if missing := fault.needs() - self.faults:
            what = f"{fault.label()} cannot be carried out on processes of this machine, only in the simulator"
            raise HarnessError(f"{what}: it needs {', '.join(sorted(missing))}")
        now = self.now_ms()
        match fault:
            case Cut() | Degrade() | Hold() | Release() | MessageFault() | Heal():
                self._links.apply(fault, now)
                if isinstance(fault, Heal):
                    for node in self._disks:
                        await self._spare(node)  # a death that has not come yet must not come after the healing
            case Kill():
                for node in fault.nodes:
                    await self._kill(node, fault, now)
            case Corrupt():
                await self._disk(fault.node).corrupt(fault, now)
            case Restart():
                # all are reported when all were tried: until then the others are down by this fault
                self._deaths += [death for node in fault.nodes if (death := await self._start_again(node, fault, now))]
            case Pause():
                for node in fault.nodes:
                    self.note(fault, now, f"{node}: {await self._processes[node].pause()}")
                    self._paused.add(node)
            case Resume():
                for node in fault.nodes:
                    self.note(fault, now, f"{node}: {await self._processes[node].resume()}")
                    self._paused.discard(node)
            case _:
                raise HarnessError(f"processes of this machine know no fault {fault}")

    def note(self, fault: Fault, from_ms: float, detail: str, *, shown: bool = True) -> None:
        """Keep what shows that a fault took effect."""
        self._evidence.append(Evidence(fault, from_ms, None, shown, detail))

    def evidence(self) -> list[Evidence]:
        unknown = [one for disk in self._disks.values() for one in disk.evidence()]
        return self._evidence + self._links.evidence() + unknown
