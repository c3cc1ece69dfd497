"""cluster.toml: the hosts, how to reach them, how to start and inspect the system, how clients talk to it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from checker.errors import UsageError
from targets.backends.clients.http import Call
from targets.backends.clients.sql.operations import OPERATIONS as SQL_OPERATIONS
from targets.backends.hosts.variables import filled, refuse_unused, separated
from targets.protocol.cluster import Client
from targets.protocol.node import NodeId
from targets.protocol.own_code import is_own, own_part

OPERATIONS = ("read", "write", "cas")
ADDRESSED = ("http", "etcd", "redis")
"""The kinds whose address is a URL or host:port."""

PORTS = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432, "mariadb": 3306, "mysql": 3306}
"""Where servers listen unless an address names a port."""

MODEL = "kv"
"""What a client stores where no workload says so: single values by key."""

CLIENT_METHODS = ("open", "invoke", "close")
"""What a client class of the user's own must have, all `async def` (see targets.protocol.cluster.Client)."""


NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?")
"""A node's name is part of paths and of shell commands."""

PEER = re.compile(r"\{peer:([^{}]*)\}")
"""In a command: where a node is reached."""

HOST = re.compile(r"[A-Za-z0-9_\[:]([A-Za-z0-9_.:%\]-]*)")


CONTAINER = re.compile(r"(docker|podman):([A-Za-z0-9][A-Za-z0-9_.-]{0,127})")

START_TIMEOUT_S = 60.0


class Ssh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How hosts are logged into. Unknown host keys are refused unless `accept_unknown_hosts`."""

    user: str = "root"
    port: int = 22
    key: str | None = None
    known_hosts: str | None = None
    jump: str | None = None
    """user@host:port of a host to go through."""
    accept_unknown_hosts: bool = False
    sudo: bool = False
    """Run every command as root, by sudo -n."""
    connect_timeout_s: float = 10.0


class Commands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Commands for /bin/sh on each host. {node}, {host}, {client} and variables are replaced by the node's own, and
    {peer:n2} by host:port where n2 is reached: in a start command on this machine a proxy of ours, so that links can
    be cut. {storage}: see Storage.

    `pid` prints the process id of the system (nothing if it is down); `start` must return while it runs.
    """

    start: str = ""
    pid: str = ""
    """Both are needed, unless the nodes are containers, whose engine starts them."""
    install: str | None = None
    stop: str | None = None
    leader: str | None = None
    """Exit code 0 on a node that leads: for the faults directed at leaders, such as isolate-leader."""
    logs: tuple[str, ...] = ()
    """Files fetched into the result."""
    start_timeout_s: float = START_TIMEOUT_S
    """How long `start` may take to return, and after that the node to accept connections."""


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node: `host` is the name or address for SSH and for partitions, or a container on this machine as
    docker:NAME or podman:NAME; `client` is what clients connect to."""

    host: str
    client: str
    ssh_port: int | None = None
    """Where it differs from [ssh]."""
    address: str | None = None
    """What the other nodes reach it by, where that is not `host`: partitions are made by it."""
    peer: str | None = None
    """host:port where the other nodes reach it, where that is not the port of `client`."""
    variables: dict[str, Any] = {}
    """Any other key: a value for commands, `client` and `peer`."""

    @property
    def known_as(self) -> str:
        """The name or address that packets between nodes come from."""
        return self.address or self.host

    @property
    def reached_at(self) -> str:
        """host:port where the other nodes reach it, as far as is known."""
        found = endpoint(self.peer or self.client)
        return self.client if found is None else f"{found[0]}:{found[1]}"


SETTINGS = tuple(name for name in NodeConfig.__struct_fields__ if name != "variables")


class Clock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the system was started with libfaketime: the file named by FAKETIME_TIMESTAMP_FILE in its start command."""

    faketime: str


class Storage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For storage faults: the folder of the system's data, on each host. `start` has {storage} before its program."""

    data: str


class ClientConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How clients talk to the system: kind is http, etcd, redis, sql, or path.py:Name of a Client class of your own."""

    kind: str
    timeout_s: float = 1.0
    operations: tuple[str, ...] = ()
    """Unless named, those of the kind."""
    http: dict[str, Call] = {}
    options: dict[str, Any] = {}


class TestConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Defaults for the options of `naysayer test --cluster` with the same names."""

    workload: str | None = None
    clients: int | None = None
    rate: float | None = None
    key_count: int | None = None
    clients_per_key: int | None = None
    ops_per_key: int | None = None
    nemesis: tuple[str, ...] | None = None
    nemesis_interval_s: float | None = None
    time_s: float | None = None


class ClusterConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Without [commands] the system is left alone: it is only driven, and no fault can be asked for."""

    name: str
    nodes: dict[NodeId, NodeConfig]
    client: ClientConfig
    ssh: Ssh | None = None
    """Without it, commands run in a shell on this machine."""
    commands: Commands | None = None
    clock: Clock | None = None
    """Without it, clocks stay right."""
    storage: Storage | None = None
    """Without it, disks work."""
    test: TestConfig = TestConfig()

    @property
    def has_proxies(self) -> bool:
        """Whether the nodes reach each other through proxies of ours on this machine."""
        return self.ssh is None and self.commands is not None and bool(PEER.search(self.commands.start))

    @property
    def has_containers(self) -> bool:
        """Whether the nodes are containers on this machine."""
        return any(container_of(one.host) for one in self.nodes.values())

    @property
    def starts(self) -> bool:
        """Whether a run can start and stop the system."""
        return self.commands is not None or self.has_containers

    def values(self, node: NodeId) -> dict[str, object]:
        """What stands for a node's placeholders in commands."""
        one = self.nodes[node]
        return {"node": node, "host": one.host, "client": one.client, **one.variables}

    def beside(self, node: NodeId) -> list[NodeId]:
        """The other nodes on the same host."""
        host = self.nodes[node].host
        return [name for name, one in self.nodes.items() if name != node and (self.ssh is None or one.host == host)]


def load(path: Path, client: str | None = None) -> ClusterConfig:
    """Read cluster.toml; `client` takes the place of its kind of client.

    Raises UsageError naming the file, the place in it and the reason, also for a client class of the user.
    """
    try:
        read = msgspec.toml.decode(path.read_bytes())
        read |= {"nodes": separated(read["nodes"], SETTINGS)} if "nodes" in read else {}
        config = msgspec.convert(read, ClusterConfig)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    if not config.nodes:
        raise UsageError(f"{path}: [nodes] is empty; name at least one, such as [nodes.n1]")
    for name, node in config.nodes.items():
        _refuse_odd_names(path, name, node)
    config = _with_variables(path, config)
    _refuse_odd_peers(path, config)
    _refuse_odd_containers(path, config)
    if not any(char.isalnum() for char in config.name):
        raise UsageError(f"{path}: name is {config.name!r}; give the system a name, such as my-store")
    if config.clock is not None and (config.commands is None or not config.clock.faketime.startswith("/")):
        raise UsageError(f"{path}: [clock] faketime must be a path from the root, and needs [commands]")
    if config.storage is not None:
        if not config.storage.data.startswith("/"):
            raise UsageError(f"{path}: [storage] data is {config.storage.data!r}; write a path from the root")
        if config.commands is None or "{storage}" not in config.commands.start:
            raise UsageError(f"{path}: [storage] needs {{storage}} before the program in `start` of [commands]")
    # a file of the user's own is found beside the cluster.toml that names it, or from where the command was typed
    kind = client or (str(path.parent / config.client.kind) if ":" in config.client.kind else config.client.kind)
    operations = config.client.operations or _offered(kind)
    described = msgspec.structs.replace(config.client, kind=kind, operations=operations)
    config = msgspec.structs.replace(config, client=described)
    for name, seconds in (
        ("[client] timeout_s", config.client.timeout_s),
        ("[commands] start_timeout_s", 1.0 if config.commands is None else config.commands.start_timeout_s),
    ):
        if not seconds > 0:
            raise UsageError(f"{path}: {name} is {seconds}; it must be more than 0")
    for name, node in config.nodes.items():
        if config.client.kind in ADDRESSED and endpoint(node.client) is None:
            raise UsageError(f"{path}: [nodes.{name}] client is {node.client!r}; write http://host:port or host:port")
        try:
            make_client(config.client, node.client)
        except TypeError as error:
            raise UsageError(f"{path}: [client] options of kind {config.client.kind}: {error}") from error
    if config.client.kind != "http":
        return config
    offered = tuple(name for name in config.client.operations if name in config.client.http)
    if not offered:
        raise UsageError(
            f"{path}: kind is http, but there is no [client.http.read] or another table for one of its operations"
        )
    config = msgspec.structs.replace(config, client=msgspec.structs.replace(config.client, operations=offered))
    return config


def _with_variables(path: Path, config: ClusterConfig) -> ClusterConfig:
    """The configuration with the placeholders in each node's addresses filled in."""
    commands = config.commands
    texts = () if commands is None else _texts(msgspec.structs.astuple(commands))
    faketime = "" if config.clock is None else config.clock.faketime
    nodes = {}
    for name, node in config.nodes.items():
        addresses = (node.client, node.peer or "")
        refuse_unused(f"{path}: [nodes.{name}]", node.variables, (*texts, faketime, *addresses), SETTINGS)
        values = {"node": name, "host": node.host, **node.variables}
        peer = None if node.peer is None else filled(node.peer, values)
        nodes[name] = msgspec.structs.replace(node, client=filled(node.client, values), peer=peer)
    return msgspec.structs.replace(config, nodes=nodes)


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    """All strings among values and in lists of them."""
    return tuple(
        text for one in values for text in (one if isinstance(one, tuple) else (one,)) if isinstance(text, str)
    )


def _refuse_odd_names(path: Path, name: str, node: NodeConfig) -> None:
    if NAME.fullmatch(name) is None:
        raise UsageError(
            f"{path}: [nodes.{name!r}] is not a valid name of a node: it becomes the name of a folder and part of "
            "commands; write up to 64 letters, digits, '-', '_' and '.', such as n1"
        )
    for what, value in (("host", node.host), ("address", node.address)):
        if value is not None and HOST.fullmatch(value) is None and container_of(value) is None:
            raise UsageError(f"{path}: [nodes.{name}] {what} is {value!r}; write the name or address of a host")


def _refuse_odd_containers(path: Path, config: ClusterConfig) -> None:
    """Nodes in containers: all of them, on this machine, started by the engine. Others need commands to start them."""
    commands = config.commands
    if not config.has_containers:
        if commands is not None and not (commands.start and commands.pid):
            raise UsageError(f"{path}: [commands] needs `start` and `pid`: how to start a node and find its processes")
        return
    if others := [name for name, one in config.nodes.items() if container_of(one.host) is None]:
        raise UsageError(
            f"{path}: [nodes.{others[0]}] is not a container, but other nodes are; write docker:NAME for all"
        )
    for table, there in (("[ssh]", config.ssh), ("[clock]", config.clock), ("[storage]", config.storage)):
        if there is not None:
            raise UsageError(
                f"{path}: {table} is not for containers, which are reached by their engine on this machine"
            )
    if commands is not None:
        given = [name for name in ("start", "pid", "install", "stop") if getattr(commands, name)]
        if given:
            raise UsageError(
                f"{path}: `{given[0]}` in [commands] is not for containers: their engine starts and stops them; only "
                "`leader`, `logs` and `start_timeout_s` are used"
            )


def _refuse_odd_peers(path: Path, config: ClusterConfig) -> None:
    """Nodes whose links pass through proxies of ours: all links must, or a cut would not be one."""
    for name, node in config.nodes.items():
        if node.peer is not None and endpoint(node.peer) is None:
            raise UsageError(f"{path}: [nodes.{name}] peer is {node.peer!r}; write host:port")
    if config.commands is None:
        return
    start = config.commands.start
    named = PEER.findall(start)
    if strange := [one for one in named if one not in config.nodes]:
        raise UsageError(f"{path}: {{peer:{strange[0]}}} in `start` names no node; there are {', '.join(config.nodes)}")
    if named and config.ssh is not None:
        raise UsageError(
            f"{path}: {{peer:{named[0]}}} in `start` is the address of a proxy on this machine, which nodes on hosts "
            "([ssh]) cannot reach: write their addresses; links between hosts are cut by a firewall"
        )
    for name, node in config.nodes.items():
        if named and name not in named:
            raise UsageError(f"{path}: `start` names {{peer:{named[0]}}} but not {{peer:{name}}}: name every node")
        if named and endpoint(node.peer or node.client) is None:
            raise UsageError(f'{path}: [nodes.{name}] needs peer = "host:port", where the other nodes reach it')


def container_of(host: str) -> tuple[str, str] | None:
    """Engine and container of a `host` such as docker:app-n1-1; None for any other host."""
    found = CONTAINER.fullmatch(host)
    return None if found is None else (found[1], found[2])


def _offered(kind: str) -> tuple[str, ...]:
    """The operations of a kind of clients where cluster.toml names none."""
    if kind == "sql":
        return SQL_OPERATIONS
    return (*OPERATIONS, "txn") if kind in ("etcd", "redis") else OPERATIONS


def endpoint(client: str) -> tuple[str, int] | None:
    """Host and port of a `client` of [nodes]: a URL, or host:port; None for anything else."""
    try:
        parts = urlsplit(client if "//" in client else f"//{client}")
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def own_file(config: ClientConfig) -> str | None:
    """The file of the user's own that the client class comes from; None for our own clients."""
    return config.kind.rpartition(":")[0] if ":" in config.kind else None


def make_client(config: ClientConfig, address: str, model: str = MODEL) -> Client:
    """A client for the node at `address`, by the kind that cluster.toml names, for workloads of a model.

    Raises UsageError for a client that cannot be made.
    """
    match config.kind:
        case "http":
            from targets.backends.clients.http import HttpClient

            return HttpClient(address, config.http)
        case "etcd":
            from targets.backends.clients.etcd import EtcdClient

            return EtcdClient(address, **config.options)
        case "redis":
            from targets.backends.clients.redis import RedisClient

            found = endpoint(address)
            assert found is not None
            return RedisClient(*found, **config.options)
        case "sql":
            from targets.backends.clients.sql.client import SqlClient

            return SqlClient(address, model, **config.options)
        case kind if is_own(kind):
            return _own_client(kind, address, config.options)
        case kind:
            raise UsageError(f"client kind {kind!r} is unknown: http, etcd, redis, sql, or path.py:Name of your own")


def _own_client(kind: str, address: str, options: dict[str, Any]) -> Client:
    """An instance of the class Name of path.py, for one node. Raises UsageError with the reason why it cannot be
    used."""
    found = own_part(kind, "client", lambda one: isinstance(one, type), "class {}")
    name = kind.rpartition(":")[2]
    lacking = [one for one in CLIENT_METHODS if not inspect.iscoroutinefunction(getattr(found, one, None))]
    if lacking:
        raise UsageError(f"client {kind!r}: {name} is not a client: it lacks `async def {lacking[0]}`")
    try:
        return cast("Client", found(address, **options))
    except (Exception, SystemExit) as error:
        call = f"{name}({address!r}{''.join(f', {key}=...' for key in options)})"
        raise UsageError(f"client {kind!r}: {call} raised {type(error).__name__}: {error}") from error
