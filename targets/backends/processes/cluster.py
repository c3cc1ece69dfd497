"""A cluster of a target's nodes as processes on this machine, with a proxy on every link between them."""

from __future__ import annotations

import socket
import sys
import time
from typing import Any

import msgspec
import trio

from targets.backends.processes.client import TcpClient
from targets.backends.processes.process import NodeProcess
from targets.backends.processes.processes import ProcessCluster
from targets.backends.processes.proxy import LinkProxy
from targets.backends.processes.tcp import Control
from targets.backends.wire import Envelope, Lines, line
from targets.protocol.fault import Fault, Skew
from targets.protocol.node import NodeId
from targets.protocol.target import Target

START_S_MAX = 15.0
CONTROL_S_MAX = 2.0


class LiveCluster(ProcessCluster):
    """`async with LiveCluster(target, nodes=3, seed=0) as cluster: await cluster.start()`."""

    faults = ProcessCluster.faults | {"skew", "leader"}

    def __init__(self, target: Target, nodes: int, seed: int, *, storage: bool = False) -> None:
        """`storage`: storage faults will be asked for."""
        super().__init__(nodes, seed, storage=storage)
        self.target = target
        self._ports: dict[NodeId, int] = {}

    async def start(self) -> None:
        """Start proxies and nodes and wait until every node answers. Raises TargetError naming one that does not."""
        self._ports = {node: self._reserve_port() for node in self.nodes}
        for me in self.nodes:
            peers = {}
            for peer in self.nodes:
                if peer != me:
                    proxy = LinkProxy((me, peer), self._ports[peer], self._links, self.remark, self.note_message)
                    self._nursery.start_soon(trio.serve_listeners, proxy.serve, await proxy.open())
                    peers[peer] = proxy.port
            data = self._directory / me
            data.mkdir()
            command = await self.with_disk(me, data, self._command(me, peers))
            self._processes[me] = NodeProcess(me, command, log=self._directory / f"{me}.log")
        for node in self.nodes:
            self.launch(node)
        for node in self.nodes:
            await self._wait_ready(node)

    def _reserve_port(self) -> int:
        """A port that no other process is given until the end of the block, also while its node is down.

        A socket that is bound but does not listen refuses connections and lets a node listen on its port; without it
        the port could become the local end of another connection, even of one to the port itself.
        """
        reserved = self._stack.enter_context(socket.socket())
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        return int(reserved.getsockname()[1])

    async def boot(self, node: NodeId) -> None:
        self.launch(node)
        await self._wait_ready(node)

    def _command(self, me: NodeId, peers: dict[NodeId, int]) -> list[str]:
        arguments = [sys.executable, "-m", "naysayer", "node", self.target.name, "--id", me]
        arguments += ["--listen", f"127.0.0.1:{self._ports[me]}", "--data", str(self._directory / me)]
        arguments += ["--peers", ",".join(f"{peer}=127.0.0.1:{port}" for peer, port in peers.items()) or "none"]
        return [*arguments, "--seed", str(self._seed)]

    async def _wait_ready(self, node: NodeId) -> None:
        with trio.move_on_after(START_S_MAX):
            while self._processes[node].running:
                if await self._control(node, Control("view")) is not None:
                    self.came_up(node)
                    return
                await trio.sleep(0.02)
        raise self.error(node, self.ending(node))

    async def _control(self, node: NodeId, control: Control) -> dict[str, Any] | None:
        """The host's answer to a control message; None if there is none within CONTROL_S_MAX."""
        with trio.move_on_after(CONTROL_S_MAX):
            try:
                async with await trio.open_tcp_stream("127.0.0.1", self._ports[node]) as stream:
                    await stream.send_all(line("harness", node, control))
                    async for text in Lines(stream):
                        body = msgspec.json.decode(text, type=Envelope).body
                        return msgspec.json.decode(body, type=dict[str, Any])
            except (OSError, trio.BrokenResourceError):
                return None
        return None

    async def apply(self, fault: Fault) -> None:
        """A clock is skewed through the node's host; all other faults concern processes and links."""
        if not isinstance(fault, Skew):
            await super().apply(fault)
            return
        now = self.now_ms()
        answer = await self._control(fault.node, Control("skew", fault.offset_ms, fault.rate))
        off_ms = 0.0 if answer is None else answer["now_ms"] - time.time() * 1000
        state = "did not answer" if answer is None else f"is {off_ms:+.0f} ms off"
        self.note(fault, now, f"{fault.node}'s clock {state}", shown=answer is not None)

    async def views(self) -> dict[NodeId, dict[str, Any]]:
        found = {}
        for node in self.nodes:
            if node not in self._paused and node not in self.down:
                answer = await self._control(node, Control("view"))
                if answer is not None:
                    found[node] = answer["view"]
        return found

    def client(self, node: NodeId) -> TcpClient:
        return TcpClient(node, self._ports[node], self.note_message)
