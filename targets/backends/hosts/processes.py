"""The system's processes on hosts: started, killed, paused, resumed and stopped, by the commands of cluster.toml."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from checker.errors import TargetError, UsageError
from targets.backends.hosts.config import Commands, endpoint
from targets.backends.hosts.hosts import Finding, Hosts, last_line
from targets.backends.hosts.ports import Ports, connects
from targets.backends.hosts.runtime import PROBE_PAUSE_S, SIGNALLING, WORDS_MAX, Runtime
from targets.backends.hosts.shell import EndlessError
from targets.backends.hosts.sparing import cleaning, sparing
from targets.backends.hosts.table import Identity
from targets.protocol.fault import Kill, Pause, Resume
from targets.protocol.node import NodeId

ALIVE_S_MIN = 5.0
"""Who has no process and no open port so long after the start command will not have them later."""

PID_S_MAX = 3.0
"""A system that accepts connections may still be about to write its pid file."""

STOP_S_MAX = 5.0
"""What `stop` has not ended after so long is killed."""

INSTALL_S_MAX = 600.0


class Processes(Runtime):
    """All processes that a `pid` command prints belong to the system, and so do those that descend from them: a fault
    is injected into all of them.
    """

    def __init__(self, hosts: Hosts, commands: Commands, remarks: list[str]) -> None:
        super().__init__(hosts, commands, remarks)
        self.ports = Ports(hosts)
        self.seen: dict[NodeId, set[str]] = {node: set() for node in hosts.nodes}
        """All processes of the system that there were."""
        self._before: dict[NodeId, frozenset[Identity]] = {}
        """All processes of each host that were there before the start."""

    async def survey(self, node: NodeId) -> str | None:
        table = await self.ports.table(node)
        self._before[node] = frozenset()
        pids = await self.pids(node)
        self._before[node] = table.identities()
        if not pids:
            if (found := await self.ports.squatter(node)) is not None:
                raise UsageError(
                    f"{node}: {found} is at {self.ports.place(node)} already, and the pid command does not print it: "
                    "the run would test that; stop it, take another port, or correct `pid` in [commands]"
                )
            return None
        self.running[node] = pids
        stopped = [pid for pid in pids if table.alive(int(pid)) and table.processes[int(pid)].state in "Tt"]
        if stopped:
            raise UsageError(
                f"{node}: {await self.ports.described(node, table, int(stopped[0]))} is stopped (state T), perhaps by "
                "a run that was lost: naysayer heal resumes it"
            )
        return await self.ports.described(node, table, int(pids[0]))

    async def install(self) -> None:
        if self._commands.install is not None:
            for node in self._hosts.nodes:
                if node not in self.running:
                    await self._hosts.run(node, self._commands.install, timeout_s=INSTALL_S_MAX)

    async def refuse_stranger(self, node: NodeId) -> None:
        place = self.ports.place(node)
        until_s = trio.current_time() + PID_S_MAX
        while not (pids := await self.pids(node)) and trio.current_time() < until_s:
            await trio.sleep(PROBE_PAUSE_S)
        if not pids:
            raise UsageError(
                f"{node}: something accepts connections at {place}, but the pid command finds no process: "
                f"{self._hosts.fill(node, self._commands.pid)}"
            )
        found, doubt = await self.ports.stranger(node, pids)
        if found is not None:
            raise UsageError(
                f"{node}: {found} listens at {place}, but the pid command prints {' '.join(pids)}: the run would test "
                "something else; stop it, take another port, or correct `pid` in [commands]"
            )
        remark = f"{node}: whether the process at {place} is the one that `pid` prints was not checked: {doubt}"
        if doubt is not None and remark not in self._remarks:
            self._remarks.append(remark)

    async def _begin(self, node: NodeId) -> None:
        self.mine |= {node} - self.running.keys()
        try:
            await self._hosts.run(node, self._commands.start, timeout_s=self._commands.start_timeout_s)
        except EndlessError as error:
            advice = "a start command must return while the system runs: nohup ... >> LOG 2>&1 < /dev/null &"
            raise UsageError(f"{error}; {advice}") from error

    async def stop(self, node: NodeId) -> None:
        """Stop the system on a node, if this run started it: by `stop`, which spares what ran before, then by
        SIGKILL."""
        if node not in self.mine:
            return
        table = await self.ports.table(node)
        spared = {pid for pid, began in self._before[node] if (pid, began) in table.identities()}
        if self._commands.stop is not None and self._may_stop(node):
            folder = f"/tmp/naysayer-{secrets.token_hex(8)}"
            await self._hosts.run(node, sparing(self._commands.stop, spared, folder), check=False)
            await self._hosts.run(node, cleaning(folder), check=False)
            with trio.move_on_after(STOP_S_MAX):
                while await self.pids(node):
                    await trio.sleep(PROBE_PAUSE_S)
        if left := await self._tree(node):
            await self._hosts.run(node, f"kill -9 {' '.join(left)}", check=False)

    def _may_stop(self, node: NodeId) -> bool:
        """Whether the stop command can be kept from what ran before: it is for this node alone, or kills by name."""
        stop, others = self._commands.stop, [one for one in self._hosts.config.beside(node) if one in self.running]
        if stop is None or not others or stop.split()[:1] in (["pkill"], ["killall"], ["kill"]):
            return stop is not None
        if self._hosts.fill(node, stop) != stop:
            return True
        self._remarks.append(
            f"{node}: its processes were killed without the stop command, which does not name the node and might stop "
            f"{others[0]}, which ran before on the same host"
        )
        return False

    async def pids(self, node: NodeId) -> list[str]:
        """The process ids of the system on a node; none if it is down.

        Raises UsageError where the pid command prints something else, which must not be sent signals.
        """
        found = (await self._hosts.run(node, self._commands.pid, check=False)).out.split()
        for pid in found:
            if not pid.isdecimal() or int(pid) < 2:
                raise UsageError(f"{node}: the pid command of cluster.toml prints {pid!r}, which is not a process id")
        if not found:
            return []
        table = await self.ports.table(node)
        # a process that was there before this run is none that it started
        foreign = frozenset() if node in self.running else self._before.get(node, frozenset())
        alive = [pid for pid in found if table.alive(int(pid)) and table.processes[int(pid)].identity not in foreign]
        self.seen[node].update(alive)
        return alive

    async def _tree(self, node: NodeId) -> list[str]:
        """The processes of the system on a node, and all that descend from them."""
        pids = await self.pids(node)
        table = await self.ports.table(node)
        others = sorted(map(str, table.tree(map(int, pids)) - set(map(int, pids))), key=int)
        self.seen[node].update(others)
        return [*pids, *others]

    async def _states(self, node: NodeId, pids: list[str]) -> list[str]:
        """The state of each process, as ps shows it; "" for one that is gone."""
        table = await self.ports.table(node)
        return [table.processes[int(pid)].state if int(pid) in table.processes else "" for pid in pids]

    async def examine(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """Whether a node's running process may be signalled, and its leader command runs."""
        found = []
        if (wanted := tags & SIGNALLING) and (shared := await self._shared(node)) is not None:
            found.append(Finding(node, wanted, shared, bad=True))
        elif wanted:
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
        return [*found, *await self._leading(node, tags)]

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
        while not (await connects(*where) if where is not None else await self.pids(node)):
            waited_s = trio.current_time() - began_s
            if node in self.running and node not in self.down and waited_s > ALIVE_S_MIN:
                table = await self.ports.table(node)
                found = await self.ports.described(node, table, int(self.running[node][0]))
                raise UsageError(
                    f"{node}: the pid command prints {found}, which ran before, but nothing listens at "
                    f"{self.ports.place(node)}; stop it, or let `pid` print this node's processes only"
                )
            if waited_s > self._commands.start_timeout_s or (waited_s > ALIVE_S_MIN and not await self.pids(node)):
                what = f"listens at {where[0]}:{where[1]}" if where is not None else "runs"
                raise TargetError(
                    f"{node}: nothing {what} {waited_s:.0f} s after the start{await self._last_words(node)}"
                )
            await trio.sleep(PROBE_PAUSE_S)
        self._ready.add(node)

    async def _last_words(self, node: NodeId) -> str:
        said = ""
        for log in self._commands.logs[:1]:
            end = (await self._hosts.run(node, f"tail -n 5 {log}", check=False)).out.strip()
            said = f"; {self._hosts.fill(node, log)} ends: {end[-WORDS_MAX:]}" if end else ""
        return said or ("; is its output in a file that `logs` names?" if not self._commands.logs else "")

    async def _all_in(self, node: NodeId, pids: list[str], states: tuple[str, ...]) -> bool:
        return all(state in states for state in await self._states(node, pids))

    async def _shared(self, node: NodeId) -> str | None:
        """An error if a pid command prints processes of another node on the same host, too."""
        mine = set(await self.pids(node))
        for other in self._hosts.config.beside(node):
            if both := mine & set(await self.pids(other)):
                return (
                    f"process {min(both, key=int)} is printed for {other} too, so a fault would be injected into both; "
                    "let the pid command print the node's own only, with {node} or {client} in it"
                )
        return None

    async def _to_be(self, node: NodeId, to_be: str) -> list[str]:
        """The processes of a node that must run for a fault."""
        pids = await self._tree(node)
        if not pids:
            raise TargetError(f"{node} was to be {to_be} but does not run: its pid command found no process")
        return pids

    async def kill(self, fault: Kill) -> None:
        """SIGKILL; each process must be gone afterwards, and none of before may listen at the client port."""
        for node in fault.nodes:
            self._hosts.note(fault, f"{node}: {await self.end(node)}")

    async def end(self, node: NodeId) -> str:
        """SIGKILL one node; returns what shows it."""
        pids = await self._to_be(node, "killed")
        names = " ".join(pids)
        before = (await self.ports.table(node)).identities()
        self.killed.add(node)
        await self._hosts.run(node, f"kill -9 {names}", check=len(pids) == 1)
        self.down.add(node)
        gone = partial(self._all_in, node, pids, ("", "Z", "X"))
        await self._until(node, f"the end of process {names} after SIGKILL", gone, 10)
        self.paused.pop(node, None)
        if (found := await self.ports.survivor(node, before)) is not None:
            raise TargetError(
                f"{node} was killed, but {found}, which was there before, still listens at "
                f"{self.ports.place(node)}: let the pid command print it too"
            )
        return f"process {names} is gone"

    async def killed_by_another(self, node: NodeId) -> str:
        """The same for a node that was sent SIGKILL by a storage fault."""
        if await self.pids(node):
            return await self.end(node)
        self.killed.add(node)
        self.down.add(node)
        self.paused.pop(node, None)
        return "its process is gone"

    async def _evidence(self, node: NodeId) -> str:
        return f"process {' '.join(await self.pids(node))}"

    async def _has_ended(self, node: NodeId) -> str | None:
        where = endpoint(self._hosts.config.nodes[node].client)
        # a pid file may be late, or belong to what was restarted by others: what accepts connections is alive
        if await self.pids(node) or (where is not None and await connects(*where)):
            return None
        return "has no process any more"

    async def pause(self, fault: Pause) -> None:
        """SIGSTOP; each process must be in state T afterwards."""
        for node in fault.nodes:
            pids = await self._to_be(node, "paused")
            names = " ".join(pids)
            self.paused[node] = pids
            await self._hosts.run(node, f"kill -STOP {names}", check=len(pids) == 1)
            stopped = partial(self._all_in, node, pids, ("T", "t", "", "Z", "X"))
            await self._until(node, f"the stop of process {names}", stopped, 5)
            shown = bool({"T", "t"} & set(await self._states(node, pids)))
            self._hosts.note(fault, f"{node}: process {names} in state T", shown=shown)

    async def resume(self, fault: Resume) -> None:
        """SIGCONT."""
        for node in fault.nodes:
            pids = self.paused.pop(node, None) or await self._tree(node)
            await self._hosts.run(node, f"kill -CONT {' '.join(pids)}", check=False)
            states = await self._states(node, pids)
            shown = not {"T", "t"} & set(states) and any(states)
            said = " ".join(state or "gone" for state in states)
            self._hosts.note(fault, f"{node}: process {' '.join(pids)} in state {said}", shown=shown)

    async def undo(self, node: NodeId, *, all_stopped: bool) -> list[str]:
        """Resume what this run stopped, and with `all_stopped` also other stopped processes of the system.

        Returns what is stopped still. What is down stays down.
        """
        pids = self.paused.pop(node, [])
        if all_stopped:
            tree = await self._tree(node)
            states = await self._states(node, tree)
            pids = [*pids, *(pid for pid, state in zip(tree, states, strict=True) if state in ("T", "t"))]
        if not pids:
            return []
        await self._hosts.run(node, f"kill -CONT {' '.join(dict.fromkeys(pids))}", check=False)
        states = await self._states(node, pids)
        return [
            f"{node}: process {pid} is still stopped; kill -CONT {pid} did not help"
            for pid, state in zip(pids, states, strict=True)
            if state in ("T", "t")
        ]
