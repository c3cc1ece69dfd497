"""A system in containers: the engine starts, kills, pauses and stops them; `inspect` shows that it did."""

from __future__ import annotations

from pathlib import Path

import trio

from checker.errors import HarnessError, NaysayerError, TargetError, UsageError
from targets.backends.hosts.config import endpoint
from targets.backends.hosts.engine import Container, until
from targets.backends.hosts.hosts import Finding
from targets.backends.hosts.ports import connects
from targets.backends.hosts.runtime import PROBE_PAUSE_S, SIGNALLING, WORDS_MAX, Runtime
from targets.protocol.fault import Kill, Pause, Resume
from targets.protocol.node import NodeId

STATE_S_MAX = 15.0
STOP_S = 2
"""How long a container that is stopped may take to end by itself."""

LOG_LINES_MAX = 100_000
RUNNING = ("running", "paused", "restarting")


class Containers(Runtime):
    """One container for each node; of `running` its name."""

    async def _inspect(self, node: NodeId) -> Container:
        engine, name = self._hosts.containers[node]
        return await engine.inspect(name)

    async def _engine(self, node: NodeId, *words: str, check: bool = True) -> None:
        """Run an engine's command on a node's container."""
        engine, name = self._hosts.containers[node]
        await engine.run(*words, name, check=check)

    async def _until(self, node: NodeId, what: str, *states: str) -> Container:
        engine, name = self._hosts.containers[node]
        return await until(what, engine, name, states, STATE_S_MAX)

    async def survey(self, node: NodeId) -> str | None:
        found = await self._inspect(node)
        engine, name = self._hosts.containers[node]
        if found.state.status not in RUNNING:
            where = endpoint(self._hosts.config.nodes[node].client)
            if where is not None and await connects(*where):
                raise UsageError(
                    f"{node}: something accepts connections at {where[0]}:{where[1]} already, though container {name} "
                    "does not run: the run would test that; stop it, or publish another port"
                )
            return None
        if found.state.paused:
            raise UsageError(
                f"{node}: container {name} is paused, perhaps by a run that was lost: naysayer heal resumes it"
            )
        self.running[node] = [name]
        return f"{engine.program} container {name}"

    async def install(self) -> None:
        """Nothing: containers are created by whoever describes them."""

    async def _begin(self, node: NodeId) -> None:
        self.mine |= {node} - self.running.keys()
        await self._engine(node, "start")

    async def refuse_stranger(self, node: NodeId) -> None:
        """Raises UsageError if a node's `client` is neither a published port of its container nor its own address."""
        found, (engine, name) = await self._inspect(node), self._hosts.containers[node]
        where = endpoint(self._hosts.config.nodes[node].client)
        own = {one.address for one in found.networks.values() if one.address}
        if where is None or where[0] in own or where[1] in found.ports:
            return
        if found.host_config.network_mode == "host":
            remark = (
                f"{node}: {name} is in the host's network; whether it is what listens at {where[1]} was not checked"
            )
            self._remarks += [remark] if remark not in self._remarks else []
            return
        published = ", ".join(map(str, sorted(found.ports))) or "none"
        raise UsageError(
            f"{node}: {engine.program} publishes no port {where[1]} for container {name} (fixed ports: {published}), "
            f'so the run would test something else; correct `client`, or publish it, as in ports: ["{where[1]}:8080"]'
        )

    async def _wait_ready(self, node: NodeId) -> None:
        """Wait until a container runs, is healthy if it has a health check, and accepts connections. Raises TargetError
        with the end of its log if it does not."""
        where = endpoint(self._hosts.config.nodes[node].client)
        began_s = trio.current_time()
        while True:
            found = await self._inspect(node)
            healthy = found.state.health is None or found.state.health.status in ("", "none", "healthy")
            if found.state.running and healthy and (where is None or await connects(*where, proxied=True)):
                break
            waited_s = trio.current_time() - began_s
            ended = found.state.status in ("exited", "stopped", "dead")
            if ended or waited_s > self._commands.start_timeout_s:
                state = found.described if healthy else f"{found.described}, its health check fails"
                listens = "" if where is None or ended else f", and nothing answers at {where[0]}:{where[1]}"
                raise TargetError(
                    f"{node}: container {self._name(node)} is {state}{listens} {waited_s:.0f} s after its start"
                    f"{await self._last_words(node)}"
                )
            await trio.sleep(PROBE_PAUSE_S)
        self._ready.add(node)

    def _name(self, node: NodeId) -> str:
        return self._hosts.containers[node][1]

    async def log(self, node: NodeId, lines: int = LOG_LINES_MAX) -> str:
        """The end of what a container printed."""
        engine, name = self._hosts.containers[node]
        done = await engine.run("logs", "--tail", str(lines), name, check=False)
        return done.out + done.err

    async def fetch_logs(self, directory: Path) -> list[str]:
        """Write what each container printed to directory/<node>/container.log; returns what could not be fetched."""
        troubles = []
        for node in self._hosts.nodes:
            try:
                text = await self.log(node)
            except NaysayerError as error:
                troubles.append(str(error))
                continue
            place = directory / node / "container.log"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return troubles

    async def _last_words(self, node: NodeId) -> str:
        end = (await self.log(node, 10)).strip()
        return f"; its log ends: {end[-WORDS_MAX:]}" if end else ""

    async def stop(self, node: NodeId) -> None:
        """Stop a container that this run started."""
        if node in self.mine:
            await self._engine(node, "stop", "--time", str(STOP_S), check=False)

    async def pids(self, node: NodeId) -> list[str]:
        """The name of a node's container if it runs."""
        return [self._name(node)] if (await self._inspect(node)).state.status in RUNNING else []

    async def examine(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """What a running container allows of faults with these tags; a pause is tried and undone."""
        found = []
        if wanted := tags & SIGNALLING:
            bad, text = False, f"container {self._name(node)} can be killed"
            if "pause" in tags:
                text = f"container {self._name(node)} can be killed and paused"
                try:
                    await self._engine(node, "pause")
                    await self._engine(node, "unpause")
                except HarnessError as error:
                    bad, text = True, f"cannot be paused: {error}"
            found.append(Finding(node, wanted, text, bad=bad))
        return [*found, *await self._leading(node, tags)]

    async def kill(self, fault: Kill) -> None:
        """SIGKILL to the first process of each container, which ends all of them."""
        for node in fault.nodes:
            found = await self._to_be(node, "killed")
            self.killed.add(node)
            if found.state.paused:
                await self._engine(node, "unpause")
            await self._engine(node, "kill")
            self.down.add(node)
            self.paused.pop(node, None)
            found = await self._until(node, "killed", "exited", "stopped", "dead")
            self._hosts.note(fault, f"{node}: container {self._name(node)} is {found.described}")

    async def _to_be(self, node: NodeId, to_be: str) -> Container:
        found = await self._inspect(node)
        if found.state.status not in RUNNING:
            raise TargetError(f"{node} was to be {to_be}, but container {self._name(node)} is {found.described}")
        return found

    async def _evidence(self, node: NodeId) -> str:
        return f"container {self._name(node)} runs and"

    async def _has_ended(self, node: NodeId) -> str | None:
        found = await self._inspect(node)
        return None if found.state.status in RUNNING else f"its container {self._name(node)} {found.described}"

    async def pause(self, fault: Pause) -> None:
        """Freeze all processes of each container."""
        for node in fault.nodes:
            await self._to_be(node, "paused")
            self.paused[node] = [self._name(node)]
            await self._engine(node, "pause")
            await self._until(node, "paused", "paused")
            self._hosts.note(fault, f"{node}: container {self._name(node)} is paused")

    async def resume(self, fault: Resume) -> None:
        """Let them go on."""
        for node in fault.nodes:
            self.paused.pop(node, None)
            if (await self._inspect(node)).state.paused:
                await self._engine(node, "unpause")
            found = await self._inspect(node)
            shown = found.state.running and not found.state.paused
            self._hosts.note(fault, f"{node}: container {self._name(node)} is {found.described}", shown=shown)

    async def undo(self, node: NodeId, *, all_stopped: bool) -> list[str]:
        """Resume a container that this run paused, or with `all_stopped` anything did. Returns what is paused still."""
        mine = self.paused.pop(node, None)
        if not (mine or all_stopped) or not (await self._inspect(node)).state.paused:
            return []
        try:
            await self._engine(node, "unpause")
        except NaysayerError as error:
            return [f"{node}: container {self._name(node)} is still paused: {error}"]
        return []
