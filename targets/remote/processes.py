"""The system's processes on hosts: started, killed, paused, let go on and stopped, by the commands of cluster.toml."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from checker.errors import TargetError, UsageError
from targets.fault import Kill, Pause, Restart, Resume
from targets.node import NodeId
from targets.remote.config import Commands, endpoint
from targets.remote.hosts import Finding, Hosts, last_line
from targets.remote.shell import EndlessError

START_S_MAX = 60.0
ALIVE_S_MIN = 5.0
"""Who has no process and no open port so long after the start command will not have them later."""

WORDS_MAX = 500
CONNECT_S_MAX = 2.0
INSTALL_S_MAX = 600.0
RETURN_S_MAX = 30.0
"""A start command must return within this time, and leave the system running."""

PROBE_PAUSE_S = 0.05
SIGNALLING = frozenset({"kill", "restart", "pause", "resume"})
LEADING = frozenset({"leader"})


async def _connects(host: str, port: int) -> bool:
    with trio.move_on_after(CONNECT_S_MAX):
        try:
            stream = await trio.open_tcp_stream(host, port)
        except (OSError, socket.gaierror):
            return False
        await stream.aclose()
        return True
    return False


class Processes:
    """All processes that a `pid` command prints belong to the system: a fault strikes all of them."""

    def __init__(self, hosts: Hosts, commands: Commands) -> None:
        self._hosts = hosts
        self._commands = commands
        self.down: set[NodeId] = set()
        self.paused: dict[NodeId, list[str]] = {}
        self.seen: dict[NodeId, set[str]] = {node: set() for node in hosts.nodes}
        """All processes of the system that there were."""
        self._started = False

    async def install(self) -> None:
        """Run the install command on every host."""
        if self._commands.install is not None:
            for node in self._hosts.nodes:
                await self._hosts.run(node, self._commands.install, timeout_s=INSTALL_S_MAX)

    async def start(self) -> None:
        """Start the system where it does not run, and wait until each node accepts connections."""
        self._started = True
        for node in self._hosts.nodes:
            if not await self.pids(node):
                await self._begin(node)
        for node in self._hosts.nodes:
            await self._wait_ready(node)

    async def _begin(self, node: NodeId) -> None:
        try:
            await self._hosts.run(node, self._commands.start, timeout_s=RETURN_S_MAX)
        except EndlessError as error:
            advice = "a start command must return while the system runs: nohup ... >> LOG 2>&1 < /dev/null &"
            raise UsageError(f"{error}; {advice}") from error

    async def stop(self, node: NodeId) -> None:
        """Stop the system on a node, if this run started it."""
        if self._started and self._commands.stop is not None:
            await self._hosts.run(node, self._commands.stop, check=False)

    async def pids(self, node: NodeId) -> list[str]:
        """The process ids of the system on a node; none if it is down.

        Raises UsageError where the pid command prints something else, which nobody should send signals to.
        """
        found = (await self._hosts.run(node, self._commands.pid, check=False)).out.split()
        for pid in found:
            if not pid.isdecimal() or int(pid) < 2:
                raise UsageError(f"{node}: the pid command of cluster.toml prints {pid!r}, which is no process id")
        alive = [pid for pid in found if await self._state(node, pid) not in ("", "Z")]
        self.seen[node].update(alive)
        return alive

    async def _state(self, node: NodeId, pid: str) -> str:
        stat = await self._hosts.run(node, f"cat /proc/{pid}/stat 2>/dev/null", check=False)
        return stat.out.rpartition(")")[2].split()[0] if ")" in stat.out else ""

    async def examine(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """Whether a node's running process may be signalled, and its leader command runs."""
        found = []
        if wanted := tags & SIGNALLING:
            pids = await self.pids(node)
            done = await self._hosts.run(node, f"kill -0 {' '.join(pids)}", check=False) if pids else None
            if done is None:
                text = f"the pid command finds no process: {self._hosts.fill(node, self._commands.pid)}"
            elif done.code:
                advice = "log in as root, as its owner, or with sudo = true in [ssh]"
                text = f"may not send signals to process {pids[0]}: {last_line(done)}; {advice}"
            else:
                text = f"process {' '.join(pids)} may be signalled"
            found.append(Finding(node, wanted, text, bad=done is None or done.code != 0))
        if (wanted := tags & LEADING) and self._commands.leader is not None:
            done = await self._hosts.run(node, self._commands.leader, check=False)
            text = "leads" if done.code == 0 else "does not lead"
            if done.code in (126, 127):
                text = f"the leader command cannot run: {last_line(done)}"
            found.append(Finding(node, wanted, text, bad=done.code in (126, 127)))
        return found

    async def _until(self, node: NodeId, what: str, probe: Callable[[], Awaitable[bool]], limit_s: float) -> None:
        with trio.move_on_after(limit_s):
            while not await probe():
                await trio.sleep(PROBE_PAUSE_S)
            return
        raise TargetError(f"{node}: {what} did not happen within {limit_s:.0f} s")

    async def _wait_ready(self, node: NodeId) -> None:
        """Wait until the system accepts connections. Raises TargetError with the end of its log if it does not."""
        where = endpoint(self._hosts.config.nodes[node].client)
        began_s = trio.current_time()
        while not (await _connects(*where) if where is not None else await self.pids(node)):
            waited_s = trio.current_time() - began_s
            if waited_s > START_S_MAX or (waited_s > ALIVE_S_MIN and not await self.pids(node)):
                what = f"listens at {where[0]}:{where[1]}" if where is not None else "runs"
                raise TargetError(
                    f"{node}: nobody {what} {waited_s:.0f} s after the start{await self._last_words(node)}"
                )
            await trio.sleep(PROBE_PAUSE_S)

    async def _last_words(self, node: NodeId) -> str:
        said = ""
        for log in self._commands.logs[:1]:
            end = (await self._hosts.run(node, f"tail -n 5 {log}", check=False)).out.strip()
            said = f"; {self._hosts.fill(node, log)} ends: {end[-WORDS_MAX:]}" if end else ""
        return said or ("; is its output in a file that `logs` names?" if not self._commands.logs else "")

    async def _all_in(self, node: NodeId, pids: list[str], states: tuple[str, ...]) -> bool:
        return all([await self._state(node, pid) in states for pid in pids])

    async def _running(self, node: NodeId, to_be: str) -> list[str]:
        """The processes of a node that must run for a fault."""
        pids = await self.pids(node)
        if not pids:
            raise TargetError(f"{node} was to be {to_be} but does not run: its pid command found no process")
        return pids

    async def kill(self, fault: Kill) -> None:
        """SIGKILL; each process must be gone afterwards."""
        for node in fault.nodes:
            pids = await self._running(node, "killed")
            names = " ".join(pids)
            await self._hosts.run(node, f"kill -9 {names}")
            gone = partial(self._all_in, node, pids, ("", "Z"))
            await self._until(node, f"the end of process {names} after SIGKILL", gone, 10)
            self.down.add(node)
            self.paused.pop(node, None)
            self._hosts.note(fault, f"{node}: process {names} is gone")

    async def restart(self, fault: Restart) -> None:
        """Start again; each node must accept connections afterwards, which some do only when others run too."""
        for node in fault.nodes:
            await self._begin(node)
        for node in fault.nodes:
            await self._wait_ready(node)
            self.down.discard(node)
            self._hosts.note(fault, f"{node}: process {' '.join(await self.pids(node))} accepts connections")

    async def pause(self, fault: Pause) -> None:
        """SIGSTOP; each process must be in state T afterwards."""
        for node in fault.nodes:
            pids = await self._running(node, "paused")
            names = " ".join(pids)
            self.paused[node] = pids
            await self._hosts.run(node, f"kill -STOP {names}")
            stopped = partial(self._all_in, node, pids, ("T", "t"))
            await self._until(node, f"the stop of process {names}", stopped, 5)
            self._hosts.note(fault, f"{node}: process {names} in state T")

    async def resume(self, fault: Resume) -> None:
        """SIGCONT."""
        for node in fault.nodes:
            pids = self.paused.pop(node, None) or await self.pids(node)
            await self._hosts.run(node, f"kill -CONT {' '.join(pids)}")
            states = [await self._state(node, pid) for pid in pids]
            shown = not {"T", "t", ""} & set(states)
            said = " ".join(state or "gone" for state in states)
            self._hosts.note(fault, f"{node}: process {' '.join(pids)} in state {said}", shown=shown)

    async def undo(self, node: NodeId) -> list[str]:
        """Let go on what this or an earlier run stopped; returns what is stopped still. What is down stays down."""
        troubles = []
        for pid in dict.fromkeys([*self.paused.get(node, []), *await self.pids(node)]):
            await self._hosts.run(node, f"kill -CONT {pid}", check=False)
            if await self._state(node, pid) in ("T", "t"):
                troubles.append(f"{node}: process {pid} is still stopped; kill -CONT {pid} did not help")
        self.paused.pop(node, None)
        return troubles

    async def leads(self, node: NodeId) -> bool:
        """What the leader command says."""
        assert self._commands.leader is not None
        return (await self._hosts.run(node, self._commands.leader, check=False)).code == 0
