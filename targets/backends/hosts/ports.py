"""Who answers at a node's client port: one of the processes that `pid` prints, or something that is not the system."""

from __future__ import annotations

import socket

import trio

from targets.backends.hosts.config import endpoint
from targets.backends.hosts.hosts import Hosts
from targets.backends.hosts.table import LISTENING, SNAPSHOT, Identity, Table, held, holders, listening, serving
from targets.protocol.node import NodeId

CONNECT_S_MAX = 2.0
ENDS_S_MAX = 0.1
"""A connection that is only accepted by proxy has ended after so long."""

COMMAND_SHOWN = 100

FORWARDERS = frozenset({"docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta", "pasta.avx2", "gvproxy"})
"""What listens on a host in place of a container, by the name in the process table."""


async def connects(host: str, port: int, *, proxied: bool = False) -> bool:
    """Whether anything accepts a connection there. `proxied`: an engine's proxy may accept it for a container in which
    nothing listens, and end it at once; that does not count."""
    with trio.move_on_after(CONNECT_S_MAX):
        try:
            stream = await trio.open_tcp_stream(host, port)
        except (OSError, socket.gaierror):
            return False
        stays = True
        if proxied:
            with trio.move_on_after(ENDS_S_MAX):
                try:
                    stays = bool(await stream.receive_some(1))
                except trio.BrokenResourceError:
                    stays = False
        await trio.aclose_forcefully(stream)
        return stays
    return False


class Ports:
    """Inspects the hosts; nothing is changed, and no signal sent."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def table(self, node: NodeId) -> Table:
        """The processes of a node's host."""
        return Table.read((await self._hosts.run(node, SNAPSHOT, check=False)).out)

    def place(self, node: NodeId) -> str:
        """Where clients connect to a node, for a message."""
        where = endpoint(self._hosts.config.nodes[node].client)
        return self._hosts.config.nodes[node].client if where is None else f"{where[0]}:{where[1]}"

    async def answers(self, node: NodeId) -> bool | None:
        """Whether anything accepts connections at a node's client address; None if that is not a host and a port."""
        where = endpoint(self._hosts.config.nodes[node].client)
        return None if where is None else await connects(*where)

    async def described(self, node: NodeId, table: Table, pid: int) -> str:
        """A process, for a message: `process 12 (redis-server *:6379, for 3 h)`."""
        words = await self._hosts.run(node, f"tr '\\0' ' ' < /proc/{pid}/cmdline 2>/dev/null", check=False)
        known = pid in table.processes
        command = words.out.strip() or (table.processes[pid].name if known else "gone")
        head = COMMAND_SHOWN // 3  # commands mostly differ at their ends
        short = command if len(command) <= COMMAND_SHOWN else f"{command[:head]}…{command[head - COMMAND_SHOWN :]}"
        return f"process {pid} ({short}, running for {table.age(pid)})" if known else f"process {pid} ({short})"

    async def _listeners(self, node: NodeId) -> list[tuple[int, set[int]]]:
        """The sockets that a client of a node gets to: whose each is, by uid, and the processes that hold it, as far
        as they may be seen."""
        where = endpoint(self._hosts.config.nodes[node].client)
        if where is None:
            return []
        host, port = where
        sockets = listening((await self._hosts.run(node, LISTENING, check=False)).out, port)
        if not sockets:
            return []
        known = await self._hosts.run(node, f"getent ahosts '{host}' | cut -d' ' -f1 | sort -u", check=False)
        chosen = serving(sockets, known.out.split() or [host])
        if not chosen:
            return []
        by_inode = held((await self._hosts.run(node, holders(one.inode for one in chosen), check=False)).out)
        return [(one.uid, by_inode.get(one.inode, set())) for one in chosen]

    async def listeners(self, node: NodeId) -> set[int]:
        """The processes that listen at a node's client address, as far as they may be seen."""
        return set().union(*(pids for _, pids in await self._listeners(node)))

    async def squatter(self, node: NodeId) -> str | None:
        """What is at the client address of a node whose system does not run; None if nothing is."""
        table = await self.table(node)
        sockets = await self._listeners(node)
        for _, pids in sockets:
            if pids:
                return await self.described(node, table, min(pids))
        if sockets or await self.answers(node):
            return "something that the process table does not show"
        return None

    async def survivor(self, node: NodeId, before: frozenset[Identity]) -> str | None:
        """A process that was there `before` and listens at the client address of a node that was killed since."""
        table = await self.table(node)
        for pid in sorted(await self.listeners(node)):
            if table.alive(pid) and table.processes[pid].identity in before:
                return await self.described(node, table, pid)
        return None

    async def stranger(self, node: NodeId, pids: list[str]) -> tuple[str | None, str | None]:
        """Whether the process that listens at a node's client address belongs to the system of `pids`.

        Returns what is not, if anything (else None), and why that could not be found out (else None).
        """
        table = await self.table(node)
        family = table.family(map(int, pids))
        sockets = await self._listeners(node)
        if not sockets:
            return None, "no process of its host is seen to listen there"
        apart = await self._apart(node, pids)
        uids = await self._uids(node, pids)
        doubt = None
        for uid, holding in sockets:
            if holding & family:
                continue
            names = {table.processes[pid].name for pid in holding if pid in table.processes}
            if apart and (not holding or names & FORWARDERS):
                doubt = "the system runs in a separate network namespace"
            elif holding:
                return await self.described(node, table, min(holding)), None
            elif uids and uid not in uids:
                return f"a process of user id {uid}", None
            else:
                doubt = "it may not be seen which process that is; log in as root, or with sudo = true in [ssh]"
        return None, doubt

    async def _apart(self, node: NodeId, pids: list[str]) -> bool:
        """Whether all processes are in other network namespaces than the host's own."""
        links = " ".join(f"/proc/{pid}/ns/net" for pid in pids)
        command = f"readlink /proc/self/ns/net; for f in {links}; do readlink $f || echo; done"
        said = (await self._hosts.run(node, command, check=False)).out.splitlines()
        return len(said) > 1 and all(one and one != said[0] for one in said[1:])

    async def _uids(self, node: NodeId, pids: list[str]) -> set[int]:
        said = await self._hosts.run(
            node, f"for p in {' '.join(pids)}; do sed -n 's/^Uid:.//p' /proc/$p/status; done", check=False
        )
        return {int(word) for word in said.out.split() if word.isdecimal()}
