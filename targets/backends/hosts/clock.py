"""Clock skew by libfaketime, with which the system was started. The host's own clock is never touched.

libfaketime reads from a file which time it gives to a process: `+OFFSET xRATE`, in seconds from the true time, and in
true speed since the process began. So a change of rate alone would make the clock jump by the process' age; the offset
makes up for it. What shows a skew is a `date` that joins the process in the shared memory where libfaketime keeps the
moment of its beginning: it sees the very clock of the process.
"""

from __future__ import annotations

import shlex

import trio

from checker.errors import HarnessError
from targets.backends.hosts.config import Clock
from targets.backends.hosts.hosts import Finding, Hosts, last_line
from targets.backends.hosts.processes import Processes
from targets.protocol.fault import Skew
from targets.protocol.node import NodeId

SKEWING = frozenset({"skew"})
TRUE = "+0 x1"
TOLERANCE_S = 0.1
DYING_TRIES = 10
SETTINGS = {
    "FAKETIME_NO_CACHE=1": "else a change waits for up to 10 s",
    "FAKETIME_DONT_FAKE_MONOTONIC=1": "else the monotonic clock jumps too, which no real one does",
}


class Clocks:
    """The clocks that the processes of the nodes see."""

    def __init__(self, hosts: Hosts, processes: Processes, clock: Clock) -> None:
        self._hosts = hosts
        self._processes = processes
        self._clock = clock
        self._skewed: dict[NodeId, Skew] = {}
        self.touched: set[NodeId] = set()
        """The nodes whose file this run has written."""

    def _file(self, node: NodeId) -> str:
        return self._hosts.fill(node, self._clock.faketime)

    async def _write(self, node: NodeId, text: str) -> None:
        file = shlex.quote(self._file(node))
        self.touched.add(node)
        await self._hosts.run(node, f"printf '%s\\n' '{text}' > {file}.new && mv {file}.new {file}")

    async def _seen(self, node: NodeId, pid: str, settings: str = "") -> tuple[float, float]:
        """How far the clock of a process is from the true time, and how exact that is, in seconds.

        `settings` replace those of the process. Raises HarnessError if its clock cannot be read.
        """
        environ = f"/proc/{pid}/environ"
        date = "date +%s.%N"
        command = (
            # a process that was started by another with libfaketime shares that one's beginning
            f"s=$(tr '\\0' '\\n' < {environ} | sed -n 's/^FAKETIME_SHARED=//p');"
            f" s=${{s:-/faketime_sem_{pid} /faketime_shm_{pid}}};"
            " [ -e /dev/shm/${s##*/} ] || { echo there is no /dev/shm/${s##*/} >&2; exit 1; };"
            f" {date}; grep -zE '^(LD_PRELOAD|FAKETIME[A-Z_]*)=' {environ} |"
            f' xargs -0 sh -c \'exec env "$@" FAKETIME_SHARED="$0" {settings} {date}\' "$s" && {date}'
        )
        done = await self._hosts.run(node, command, check=False)
        try:
            before, seen, after = map(float, done.out.split())
        except ValueError:
            raise HarnessError(f"{node}: the clock of process {pid} cannot be read: {last_line(done)}") from None
        return seen - (before + after) / 2, (after - before) / 2

    async def examine(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """Whether a node's running process takes its time from libfaketime, as cluster.toml states."""
        if not (wanted := tags & SKEWING):
            return []
        pids = await self._processes.pids(node)
        if not pids:
            return [Finding(node, wanted, "the pid command finds no process", bad=True)]
        trouble = await self._trouble(node, pids[0])
        text = trouble or f"process {pids[0]} takes its time from libfaketime"
        return [Finding(node, wanted, text, bad=trouble is not None)]

    async def _trouble(self, node: NodeId, pid: str) -> str | None:
        """Why the clock of a process cannot be set and read; None if it can."""
        maps = await self._hosts.run(node, f"grep -q libfaketime /proc/{pid}/maps", check=False)
        if maps.code != 0:
            return (
                f"libfaketime is not loaded in process {pid}: begin its start command with "
                f"LD_PRELOAD=/usr/lib/.../libfaketime.so.1 FAKETIME_TIMESTAMP_FILE={self._file(node)} "
                f"{' '.join(SETTINGS)}"
            )
        if (await self._hosts.run(node, f"grep -aq 'Go buildinf:' /proc/{pid}/exe", check=False)).code == 0:
            return f"process {pid} is a Go program, which asks the kernel for the time, not libfaketime"
        environ = (await self._hosts.run(node, f"tr '\\0' '\\n' < /proc/{pid}/environ", check=False)).out.splitlines()
        for setting, why in {f"FAKETIME_TIMESTAMP_FILE={self._file(node)}": "as [clock] states", **SETTINGS}.items():
            if setting not in environ:
                return f"process {pid} was started without {setting}: {why}"
        try:
            off_s, exact_s = await self._seen(node, pid)
        except HarnessError as error:
            return str(error).removeprefix(f"{node}: ")
        if abs(off_s) > TOLERANCE_S + exact_s:
            return f"the clock of process {pid} is {off_s:+.3f} s off, although {self._file(node)} has {TRUE}"
        return None

    async def skew(self, fault: Skew) -> None:
        """Set the clock of a node, and read it as its process does."""
        node = fault.node
        self._skewed[node] = fault
        pids = await self._processes.pids(node)
        if not pids:
            await self.started_anew(node)
            self._hosts.note(fault, f"{node}: does not run, so nothing sees its clock", shown=False)
            return
        began_s, age_s = trio.current_time(), 0.0
        if fault.rate != 1:
            age_s, _ = await self._seen(node, pids[0], 'FAKETIME_TIMESTAMP_FILE=/dev/null FAKETIME="+0 x2"')
        await self._set(fault, age_s)
        if fault.offset_ms == 0 and fault.rate == 1:
            del self._skewed[node]
        off_s, exact_s = await self._seen(node, pids[0])
        # meanwhile a clock of another rate has gone on
        allowed_s = TOLERANCE_S + exact_s + abs(fault.rate - 1) * (trio.current_time() - began_s)
        # an offset too small to be measured is not shown by a clock that is near it
        measurable = fault == Skew(node) or fault.rate != 1 or abs(off_s) > exact_s
        shown = measurable and abs(off_s - fault.offset_ms / 1000) <= allowed_s
        detail = f"{node}: process {pids[0]} sees a clock {off_s * 1000:+.0f} ms from the true time"
        self._hosts.note(fault, detail, shown=shown)

    async def _set(self, fault: Skew, age_s: float) -> None:
        offset_s = fault.offset_ms / 1000 + age_s * (1 - fault.rate)
        await self._write(fault.node, f"{offset_s:+.6f} x{fault.rate:.6f}" if fault != Skew(fault.node) else TRUE)

    async def started_anew(self, node: NodeId) -> None:
        """Before a process starts: a skew in force counts from its beginning."""
        await self.sweep(node)
        await self._set(self._skewed.get(node, Skew(node)), 0.0)

    async def sweep(self, node: NodeId) -> None:
        """Remove the shared memory that libfaketime leaves behind when its process is killed, perhaps just now."""
        if pids := self._processes.seen[node]:
            alive = "[ -e /proc/$p ] && ! grep -q '^State:.Z' /proc/$p/status"
            wait = f"for i in {' '.join(map(str, range(DYING_TRIES)))}; do {alive} && sleep 0.1; done"
            left = "/dev/shm/faketime_shm_$p /dev/shm/sem.faketime_sem_$p"
            await self._hosts.run(node, f"for p in {' '.join(pids)}; do {wait}; {alive} || rm -f {left}; done")

    async def left(self, node: NodeId) -> str | None:
        """The content of a node's file, if that is not the true time. Only reads."""
        done = await self._hosts.run(node, f"cat {shlex.quote(self._file(node))}", check=False)
        return done.out.strip() if done.code == 0 and done.out.split() not in ([], TRUE.split()) else None

    async def undo(self, node: NodeId) -> list[str]:
        """The true time again; returns what is not so."""
        self._skewed.pop(node, None)
        await self._write(node, TRUE)
        for pid in await self._processes.pids(node):
            if (await self._hosts.run(node, f"grep -q libfaketime /proc/{pid}/maps", check=False)).code == 0:
                off_s, exact_s = await self._seen(node, pid)
                if abs(off_s) > TOLERANCE_S + exact_s:
                    return [f"{node}: process {pid} sees a clock {off_s:+.3f} s from the true time"]
        return []
