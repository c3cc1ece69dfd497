"""`naysayer init --compose FILE`: a cluster.toml for the containers that a compose file describes.

The nodes are the services of the same image (or build) that publish a fixed port, of the largest such group. Only what
is needed to name containers and ports is read; the engine itself reads the file when it creates them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from checker.errors import UsageError

VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
PUBLISHED = re.compile(r"(?:(?P<host>\[[^\]]*\]|[^:\[\]]*):)?(?P<published>\d+):(?P<target>\d+)(?:/tcp)?")
ODD = re.compile(r"[^a-z0-9_-]")
EVERYWHERE = ("", "0.0.0.0", "[::]", "::")

KINDS = (("etcd", 2379, "etcd"), ("redis", 6379, "redis"), ("valkey", 6379, "redis"))
"""A word of an image's name, the port in its container, and the kind of client for it."""

HTTP = """\
kind = "http"                     # or etcd, redis, sql, or your own class as "client.py:MyClient"
operations = ["read", "write"]

"""

REQUESTS = """\
[client.http.read]                # write here how your system is asked
method = "GET"
path = "/kv/{key}"
output = "value"                  # where the value is in the JSON answer; 404 means absent

[client.http.write]
method = "PUT"
path = "/kv/{key}"
body = { value = "{input}" }
"""


@dataclass(frozen=True)
class Service:
    """A service that can be a node. `ports`: by the port in the container, host:port where it is published."""

    name: str
    container: str
    image: str
    ports: Mapping[int, str]

    @property
    def kind(self) -> tuple[str, int] | None:
        """The kind of client for it, and the port in the container; None if it is unknown."""
        return next(((kind, port) for word, port, kind in KINDS if word in self.image and port in self.ports), None)


def cluster_toml(text: str, file: Path) -> str:
    """A cluster.toml for a compose file's text. Raises UsageError with the reason if no node can be found in it."""
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{file} is not YAML: {' '.join(str(error).split())}") from error
    services = read.get("services") if isinstance(read, dict) else None
    if not isinstance(services, dict) or not services:
        raise UsageError(f"{file} has no services: is it a compose file?")
    project = _project(read, file)
    found = [one for name, service in services.items() if (one := _service(str(name), service, project)) is not None]
    groups: dict[str, list[Service]] = {}
    for one in found:
        groups.setdefault(one.image, []).append(one)
    if not groups:
        raise UsageError(
            f"{file}: no service publishes a port with a fixed number, so no client could reach a node; write "
            'ports: ["8001:8000"] for the first node, and so on'
        )
    nodes = max(groups.values(), key=len)
    return _written(nodes, [str(name) for name in services if name not in {one.name for one in nodes}], file, project)


def _project(read: Mapping[str, Any], file: Path) -> str:
    """The project's name, which the containers' names begin with."""
    name = os.environ.get("COMPOSE_PROJECT_NAME") or read.get("name") or file.absolute().parent.name
    return ODD.sub("", _filled(str(name)).lower()).lstrip("_-") or "app"


def _filled(text: str) -> str:
    """With variables of the environment, or their defaults, in place."""
    return VARIABLE.sub(lambda found: os.environ.get(found[1]) or found[2] or "", text)


def _service(name: str, service: Any, project: str) -> Service | None:
    """A service as a node; None if it publishes no fixed port."""
    if not isinstance(service, dict):
        return None
    ports = dict(one for port in service.get("ports") or [] if (one := _port(port)) is not None)
    container = str(service.get("container_name") or f"{project}-{name}-1")
    image = str(service.get("image") or json.dumps(service.get("build"), sort_keys=True, default=str))
    return Service(name, _filled(container), _filled(image), ports) if ports else None


def _port(port: Any) -> tuple[int, str] | None:
    """The port in the container and where it is published, for one with a fixed number; None for others."""
    if isinstance(port, dict):
        if port.get("protocol", "tcp") != "tcp" or "published" not in port:
            return None
        port = f"{port.get('host_ip', '')}:{port['published']}:{port.get('target')}".lstrip(":")
    found = PUBLISHED.fullmatch(_filled(str(port)))
    if found is None:
        return None
    host = found["host"] or ""
    return int(found["target"]), f"{'127.0.0.1' if host in EVERYWHERE else host}:{found['published']}"


def _written(nodes: list[Service], others: list[str], file: Path, project: str) -> str:
    engine = "podman" if shutil.which("docker") is None and shutil.which("podman") else "docker"
    kind = nodes[0].kind
    lines = [
        f"# The containers of {file.name}. Create them without starting them ({engine} compose create), so that a run",
        "# starts them and stops them again; then: naysayer doctor cluster.toml --nemesis kill,pause,disconnect",
    ]
    if others:
        lines.append(f"# Not tested: {', '.join(others)}. What the nodes need of these must run before.")
    lines += [f"name = {json.dumps(project)}", ""]
    for one in nodes:
        port = kind[1] if kind is not None and kind[1] in one.ports else next(iter(one.ports))
        address = one.ports[port]
        more = [f"{place} ({inside})" for inside, place in one.ports.items() if inside != port]
        client = address if kind is not None and kind[0] != "etcd" else f"http://{address}"
        lines += [
            f"[nodes.{json.dumps(one.name) if '.' in one.name else one.name}]",
            f"host = {json.dumps(f'{engine}:{one.container}')}",
            f"client = {json.dumps(client)}" + (f"   # also published: {', '.join(more)}" if more else ""),
        ]
    return "\n".join([*lines, "", "[client]", HTTP + REQUESTS if kind is None else f'kind = "{kind[0]}"\n'])
