"""The processes of a host, and who listens at its ports, as /proc shows them. Only reads.

A process is known by its pid and the moment it began (in clock ticks since the boot), so that a pid used again is
not taken for the process that had it before.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

SNAPSHOT = "echo $$; cut -d' ' -f1 /proc/uptime; cat /proc/[0-9]*/stat 2>/dev/null; true"
"""Prints the pid of the shell itself, the time since the boot, and the line of each process."""

LISTENING = "grep -h ' 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null; true"
"""Prints the sockets that listen."""

TICKS_PER_S = 100
LINE = re.compile(r"^(\d+) \((.{0,64}?)\) ([A-Za-z]) (\d+)(?: -?\d+){17} (\d+) ", re.MULTILINE | re.DOTALL)

Identity = tuple[int, int]
"""A process: its pid, and when it began."""


@dataclass(frozen=True)
class Process:
    """A line of the table. `state` is the letter of ps: T and t are stopped, Z and X have ended."""

    pid: int
    name: str
    state: str
    parent: int
    began_ticks: int

    @property
    def identity(self) -> Identity:
        return self.pid, self.began_ticks

    @property
    def alive(self) -> bool:
        """Whether it has not ended; a zombie has."""
        return self.state not in ("Z", "X", "x")


@dataclass(frozen=True)
class Table:
    """All processes of a host at a moment. `shell`: the pid of the shell that looked."""

    shell: int = 0
    uptime_s: float = 0.0
    processes: dict[int, Process] = field(default_factory=dict)

    @classmethod
    def read(cls, printed: str) -> Table:
        """The table from the output of SNAPSHOT; empty where there is no /proc."""
        lines = printed.split("\n", 2)
        try:
            shell, uptime_s = int(lines[0]), float(lines[1])
        except (ValueError, IndexError):
            return cls()
        found = (
            Process(int(pid), name, state, int(parent), int(began))
            for pid, name, state, parent, began in LINE.findall(lines[2])
        )
        return cls(shell, uptime_s, {one.pid: one for one in found})

    def alive(self, pid: int) -> bool:
        """Whether there is such a process, and it has not ended."""
        return pid in self.processes and self.processes[pid].alive

    def identities(self) -> frozenset[Identity]:
        """All processes."""
        return frozenset(one.identity for one in self.processes.values())

    def tree(self, pids: Iterable[int]) -> set[int]:
        """These processes and all that descend from them, without what has ended."""
        children: dict[int, list[int]] = {}
        for one in self.processes.values():
            children.setdefault(one.parent, []).append(one.pid)
        found: set[int] = set()
        waiting = list(pids)
        while waiting:
            pid = waiting.pop()
            if pid not in found and pid in self.processes:
                found.add(pid)
                waiting += children.get(pid, [])
        return {pid for pid in found if self.alive(pid)}

    def ancestors(self, pid: int) -> set[int]:
        """The parents of a process up to the first of all, which is not counted, nor the process itself."""
        found: set[int] = set()
        while pid in self.processes and (pid := self.processes[pid].parent) > 1 and pid not in found:
            found.add(pid)
        return found

    def family(self, pids: Iterable[int]) -> set[int]:
        """A system's processes: those of `pids`, their descendants, and their ancestors, such as a wrapper that
        listens itself; without what is an ancestor of our own shell too, such as a terminal or an sshd."""
        pids = list(pids)
        ours = self.ancestors(self.shell) | {self.shell}
        return self.tree(pids) | (set().union(*(self.ancestors(pid) for pid in pids)) - ours)

    def age(self, pid: int) -> str:
        """For how long a process has run, in words."""
        seconds = max(0.0, self.uptime_s - self.processes[pid].began_ticks / TICKS_PER_S)
        for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
            if seconds >= 2 * size:
                return f"{seconds / size:.0f} {unit}"
        return f"{seconds:.0f} s"


@dataclass(frozen=True)
class Listening:
    """A socket that listens; `uid`: whose it is."""

    address: str
    port: int
    uid: int
    inode: int


def listening(printed: str, port: int) -> list[Listening]:
    """The sockets that listen at a port, from what LISTENING printed."""
    found = []
    for line in printed.splitlines():
        words = line.split()
        if len(words) > 9 and words[3] == "0A":
            text, _, number = words[1].partition(":")
            if int(number, 16) == port:
                found.append(Listening(_address(text), port, int(words[7]), int(words[9])))
    return found


def _address(text: str) -> str:
    """An address as the kernel prints it, in words of the machine's order; those of this and most machines' order."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def serving(sockets: Iterable[Listening], addresses: Iterable[str]) -> list[Listening]:
    """Those of the sockets of a port that a client gets to who connects to one of these addresses."""
    sockets = list(sockets)
    found = []
    for address in addresses:
        wild = ["::"] if ":" in address else ["0.0.0.0", "::"]
        for candidate in (address, *wild):
            if chosen := [one for one in sockets if one.address == candidate]:
                found += chosen
                break
    # a client may know the host by an address that is not the host's own
    return list(dict.fromkeys(found)) or [one for one in sockets if not ipaddress.ip_address(one.address).is_loopback]


def holders(inodes: Iterable[int]) -> str:
    """A command that prints which processes hold these sockets, for `held` to read."""
    sockets = "|".join(map(str, inodes))
    return f"ls -l /proc/[0-9]*/fd/ 2>/dev/null | grep -E '^/proc/|socket:\\[({sockets})\\]$'; true"


def held(printed: str) -> dict[int, set[int]]:
    """By inode, the pids that hold it, from what the command of `holders` printed."""
    found: dict[int, set[int]] = {}
    pid = 0
    for line in printed.splitlines():
        if line.startswith("/proc/"):
            pid = int(line.split("/")[2])
        elif (inode := re.search(r"socket:\[(\d+)\]$", line)) is not None:
            found.setdefault(int(inode[1]), set()).add(pid)
    return found
