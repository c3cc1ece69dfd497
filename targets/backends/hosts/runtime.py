"""The system on hosts as something that is started, killed, paused, resumed and stopped: processes, or containers.

Only what this run started is stopped. Nodes whose system ran before are used as they are and left running, and started
again if they were killed; what listens at a node's client port must be of the system, or the run would test something
else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from checker.errors import TargetError
from targets.backends.hosts.config import Commands
from targets.backends.hosts.hosts import Finding, Hosts, last_line
from targets.protocol.cluster import Death, crashed
from targets.protocol.fault import Kill, Pause, Restart, Resume
from targets.protocol.node import NodeId

SIGNALLING = frozenset({"kill", "restart", "pause", "resume"})
LEADING = frozenset({"leader"})

PROBE_PAUSE_S = 0.05
WORDS_MAX = 500
"""So much of the end of a log is quoted."""


class Runtime(ABC):
    """What runs the nodes. Each fault is followed by a look at the node that shows it, noted as evidence."""

    def __init__(self, hosts: Hosts, commands: Commands, remarks: list[str]) -> None:
        self._hosts = hosts
        self._commands = commands
        self._remarks = remarks
        self.down: set[NodeId] = set()
        self.paused: dict[NodeId, list[str]] = {}
        self.running: dict[NodeId, list[str]] = {}
        """By node, what ran before this run, as found by `survey`."""
        self.killed: set[NodeId] = set()
        """The nodes that this run killed, until they accept connections again."""
        self.mine: set[NodeId] = set()
        """The nodes that this run started."""
        self._ready: set[NodeId] = set()
        """The nodes that accepted connections in this run, and did not end by themselves."""
        self._deaths: list[Death] = []

    @abstractmethod
    async def survey(self, node: NodeId) -> str | None:
        """Whether the system runs on a node already; nothing is changed. Returns its description, if so.

        Raises UsageError if something that is not of the system is at the node's client port, or the system is paused.
        """

    @abstractmethod
    async def install(self) -> None:
        """Run the install command, if there is one, on every host where the system does not run."""

    @abstractmethod
    async def pids(self, node: NodeId) -> list[str]:
        """What of the system runs on a node, by its names; none if it is down."""

    @abstractmethod
    async def refuse_stranger(self, node: NodeId) -> None:
        """Raises UsageError if what answers at a node's client port is not of the system; what cannot be seen is a
        remark."""

    @abstractmethod
    async def examine(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """What a running node allows of faults with these tags."""

    @abstractmethod
    async def kill(self, fault: Kill) -> None:
        """SIGKILL; nothing of the system may be left on the nodes."""

    @abstractmethod
    async def pause(self, fault: Pause) -> None:
        """Stop all processes of the nodes."""

    @abstractmethod
    async def resume(self, fault: Resume) -> None:
        """Let them go on."""

    @abstractmethod
    async def undo(self, node: NodeId, *, all_stopped: bool) -> list[str]:
        """Resume what this run paused, and with `all_stopped` whatever of the system is paused. Returns what is paused
        still. What is down stays down."""

    @abstractmethod
    async def stop(self, node: NodeId) -> None:
        """Stop the system on a node, if this run started it."""

    @abstractmethod
    async def _begin(self, node: NodeId) -> None:
        """Start the system on a node. It is `mine` then, unless it ran before."""

    @abstractmethod
    async def _wait_ready(self, node: NodeId) -> None:
        """Wait until a node accepts connections. Raises TargetError with the end of its log if it does not."""

    @abstractmethod
    async def _evidence(self, node: NodeId) -> str:
        """What shows that a node runs."""

    @abstractmethod
    async def _has_ended(self, node: NodeId) -> str | None:
        """How a node that was ready ended by itself; None if it runs."""

    @abstractmethod
    async def _last_words(self, node: NodeId) -> str:
        """The end of a node's log, as the end of a sentence; "" if there is none."""

    async def start(self) -> None:
        """Start the system where it does not run, and wait until each node accepts connections.

        Raises UsageError if what accepts them is not the system.
        """
        for node in self._hosts.nodes:
            if node not in self.running:
                await self._begin(node)
        for node in self._hosts.nodes:
            await self._wait_ready(node)
            await self.refuse_stranger(node)

    async def restore(self, node: NodeId) -> None:
        """Start what ran before this run, and was killed by it, again; it is left running."""
        if node in self.running and not await self.pids(node):
            await self._begin(node)
            await self._wait_ready(node)
        self.down.discard(node)

    async def restart(self, fault: Restart) -> None:
        """Start again, unless something has already; each node must accept connections afterwards, which some do only
        when others run too."""
        for node in fault.nodes:
            if not await self.pids(node):
                await self._begin(node)
        for node in fault.nodes:
            try:
                await self._wait_ready(node)
            except TargetError as error:
                how = str(error).removeprefix(f"{node}: ")
                self._deaths.append(Death(node, f"did not come up: {how}", in_start=True))
                self._hosts.note(fault, f"{node} did not come up again", shown=False)
                continue
            await self.refuse_stranger(node)
            self.down.discard(node)
            self.killed.discard(node)
            self._hosts.note(fault, f"{node}: {await self._evidence(node)} accepts connections")

    async def deaths(self, *, thorough: bool) -> list[Death]:
        """The nodes that ended by themselves since this was called last; with `thorough` all are looked at."""
        for node in sorted(self._ready - self.down) if thorough else ():
            if (how := await self._has_ended(node)) is not None:
                words = " | ".join((await self._last_words(node)).splitlines())
                self._deaths.append(Death(node, f"{how}{words}", raised=crashed(words)))
                self.down.add(node)
        found, self._deaths = self._deaths, []
        return found

    async def leads(self, node: NodeId) -> bool:
        """Whether the leader command succeeds on a node."""
        assert self._commands.leader is not None
        return (await self._hosts.run(node, self._commands.leader, check=False)).code == 0

    async def _leading(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """Whether the leader command can be run on a node, for faults with these tags."""
        wanted = tags & LEADING
        if not wanted or self._commands.leader is None:
            return []
        done = await self._hosts.run(node, self._commands.leader, check=False)
        text = "leads" if done.code == 0 else "does not lead"
        if done.code in (126, 127):
            text = f"the leader command cannot run: {last_line(done)}"
        return [Finding(node, wanted, text, bad=done.code in (126, 127))]
