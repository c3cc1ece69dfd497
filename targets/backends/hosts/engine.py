"""Containers of docker or podman on this machine, by the engine's command line: looked at, started, killed, paused,
and disconnected from their networks.

`docker` works on whatever its context or DOCKER_HOST names. What is read is `inspect`, of which both engines print the
same fields as far as they are used here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import trio

from checker.errors import HarnessError, UsageError
from targets.backends.hosts.shell import EndlessError, Outcome, local

COMMAND_S_MAX = 60.0
UNNAMED_NETWORKS = frozenset({"bridge", "podman"})
"""The default networks, in which containers have no names."""

ERROR_MAX = 300


class Health(msgspec.Struct, rename="pascal"):
    """Of a container with a health check."""

    status: str = ""


class State(msgspec.Struct, rename="pascal"):
    """Whether a container runs."""

    status: str = ""
    running: bool = False
    paused: bool = False
    exit_code: int = 0
    health: Health | None = None


class Addresses(msgspec.Struct):
    """The fixed addresses of a container in a network."""

    v4: str | None = msgspec.field(default=None, name="IPv4Address")


class Endpoint(msgspec.Struct):
    """A container's place in a network."""

    aliases: list[str] | None = msgspec.field(default=None, name="Aliases")
    address: str | None = msgspec.field(default=None, name="IPAddress")
    fixed: Addresses | None = msgspec.field(default=None, name="IPAMConfig")


class Binding(msgspec.Struct):
    """Where a port of a container is published."""

    address: str = msgspec.field(default="", name="HostIp")
    port: str = msgspec.field(default="", name="HostPort")


class Networks(msgspec.Struct, rename="pascal"):
    """The networks that a container is connected to, by name."""

    networks: dict[str, Endpoint] | None = None


class HostConfig(msgspec.Struct, rename="pascal"):
    """How a container was created."""

    network_mode: str = ""
    port_bindings: dict[str, list[Binding] | None] | None = None


class Container(msgspec.Struct, rename="pascal"):
    """What `inspect` says of a container."""

    state: State
    network_settings: Networks
    host_config: HostConfig

    @property
    def networks(self) -> dict[str, Endpoint]:
        """By name, the networks that it is connected to; none if it shares the host's."""
        return {} if self.host_config.network_mode in ("host", "none") else self.network_settings.networks or {}

    @property
    def ports(self) -> set[int]:
        """The ports of the host at which its ports are published; without those that the engine chooses anew each
        time."""
        every = [one for several in (self.host_config.port_bindings or {}).values() for one in several or []]
        return {int(one.port) for one in every if one.port.isdecimal() and one.port != "0"}

    @property
    def described(self) -> str:
        """Its state: `running`, `paused`, or `exited with code 137`."""
        code = f" with code {self.state.exit_code}" if self.state.status in ("exited", "stopped") else ""
        return f"{self.state.status or 'in an unknown state'}{code}"


_read = msgspec.json.Decoder(list[Container]).decode


class Engine:
    """The command line of an engine."""

    def __init__(self, program: str) -> None:
        self.program = program

    async def run(self, *words: str, check: bool = True, timeout_s: float = COMMAND_S_MAX) -> Outcome:
        """Run a command. Raises UsageError if there is no such program, and HarnessError with what the engine printed
        if it fails and `check`, or does not end in time."""
        try:
            done = await local([self.program, *words], timeout_s)
        except OSError as error:
            raise UsageError(f"{self.program} is not to be found on PATH: {error.strerror}") from error
        if done is None:
            raise EndlessError(f"no end within {timeout_s:.0f} s of: {self.program} {' '.join(words)}")
        if check and done.code != 0:
            text = (done.err or done.out).strip()[-ERROR_MAX:]
            raise HarnessError(f"exit code {done.code} of: {self.program} {' '.join(words)}: {text}")
        return done

    async def inspect(self, name: str) -> Container:
        """Raises UsageError if there is no such container, or the engine does not answer."""
        done = await self.run("container", "inspect", name, check=False)
        if done.code != 0:
            text = " ".join(done.err.split())[:ERROR_MAX] or "no output"
            raise UsageError(f"{self.program} has no container {name}: {text}")
        try:
            return _read(done.out)[0]
        except (msgspec.MsgspecError, IndexError) as error:
            raise HarnessError(f"{self.program} container inspect {name} cannot be read: {error}") from error

    async def connect(self, name: str, network: str, endpoint: Endpoint) -> None:
        """Connect a container to a network, under the names that it had there and at the same address, if the network
        allows to choose it."""
        words = [] if network in UNNAMED_NETWORKS else [w for one in endpoint.aliases or () for w in ("--alias", one)]
        fixed = None if endpoint.fixed is None else endpoint.fixed.v4
        if address := fixed or endpoint.address:
            done = await self.run("network", "connect", *words, "--ip", address, network, name, check=bool(fixed))
            if done.code == 0:
                return
        await self.run("network", "connect", *words, network, name)


class ContainerShell:
    """Commands inside a container, by exec."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    async def open(self) -> None:
        """Raises UsageError if there is no such container."""
        await self._engine.inspect(self._name)

    async def run(self, command: str, timeout_s: float = 30.0) -> Outcome:
        return await self._engine.run("exec", self._name, "sh", "-c", command, check=False, timeout_s=timeout_s)

    async def close(self) -> None:
        """Nothing to close."""


async def until(what: str, engine: Engine, name: str, wanted: Sequence[str], limit_s: float) -> Container:
    """Wait until a container has one of these states. Raises HarnessError with its state if it does not in time."""
    found = None
    with trio.move_on_after(limit_s):
        while True:
            found = await engine.inspect(name)
            if found.state.status in wanted:
                return found
            await trio.sleep(0.05)
    state = "" if found is None else f"; it is {found.described}"
    raise HarnessError(f"container {name} was not {what} within {limit_s:.0f} s{state}")
