"""Which faults a cluster.toml makes possible, and what it would take for the others."""

from __future__ import annotations

from targets.backends.hosts.clock import SKEWING
from targets.backends.hosts.config import ClusterConfig
from targets.backends.hosts.container_links import DISCONNECTING
from targets.backends.hosts.links import LOSING, SHAPING
from targets.backends.hosts.local_links import STREAMING
from targets.backends.hosts.runtime import LEADING, SIGNALLING
from targets.backends.storage.build import STORING

PROXIES = "{peer:n2} in the start command, for proxies between nodes on this machine (docs/your-cluster.md)"

NEEDS = (
    (DISCONNECTING, "containers", 'nodes in containers: host = "docker:NAME" in cluster.toml'),
    (LOSING | SHAPING, "ssh", f"[ssh] in cluster.toml, as links are cut on hosts; or, for most faults, {PROXIES}"),
    (STREAMING, "proxies", PROXIES),
    (SIGNALLING, "commands", "[commands] in cluster.toml: how to start the system and find its process"),
    (LEADING, "leader", "a `leader` command in [commands] of cluster.toml, which says whether a node leads"),
    (SKEWING, "clock", "[clock] in cluster.toml, and libfaketime in the start command"),
    (STORING, "storage", "[storage] in cluster.toml, and {storage} before the program in the start command"),
)
"""By tags of faults, what cluster.toml must have, and how to say so."""


ON_RUNNING = SIGNALLING | SKEWING | STORING
"""Not injected into a system that this run did not start: kill, pause, clock skew, storage faults."""


def faults_of(config: ClusterConfig) -> frozenset[str]:
    """Which faults cluster.toml makes possible; whether the hosts allow them is found out there."""
    has = {
        "ssh": config.ssh is not None,
        "proxies": config.has_proxies,
        "commands": config.starts,
        "containers": config.has_containers,
        "leader": config.commands is not None and config.commands.leader is not None,
        "clock": config.clock is not None,
        "storage": config.storage is not None,
    }
    return frozenset({"heal", "degrade"}.union(*(tags for tags, part, _ in NEEDS if has[part])))


def what_it_takes(missing: frozenset[str]) -> str:
    """What it would take to carry out faults with tags that are not in `faults_of`."""
    return next((what for tags, _, what in NEEDS if tags & missing), "a target of ours (naysayer list)")
