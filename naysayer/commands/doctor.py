"""`naysayer doctor cluster.toml`: what a run would need, tried before the run.

As a run does, it starts the system on hosts where it does not run, and stops it at the end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import trio

from checker.errors import NaysayerError
from naysayer.report.console import console
from targets.node import NodeId, Request
from targets.remote.cluster import RemoteCluster
from targets.remote.config import ClusterConfig, load

CLOCK_MS_MAX = 500.0
ERROR = 3

RIGHTS = {
    "partition": ("iptables -w -n -L INPUT", "install iptables and let the user run it (root, or sudo in [ssh] user)"),
    "delay": ("tc qdisc show && modprobe -n sch_netem", "needs tc and netem"),
}
"""By fault, the command that shows whether it can be carried out, and what to do if not. None of them is a must."""


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: `bad` stops a run, otherwise it is only good to know."""

    node: NodeId
    text: str
    bad: bool = False
    warning: bool = False


def doctor(file: Path) -> int:
    """Check a cluster.toml and print a line for each thing tried; 0 if a run can start, else 3."""
    config = load(file)
    findings = trio.run(_examine, config)
    screen = console()
    for one in findings:
        sign = "✗" if one.bad else "!" if one.warning else "✓"
        screen.print(f"{sign} {one.node}: {one.text}", markup=False, soft_wrap=True)
    bad = sum(one.bad for one in findings)
    screen.print(
        f"{bad} problems: a run cannot start" if bad else f"ready: naysayer test --cluster {file}", markup=False
    )
    return ERROR if bad else 0


async def _examine(config: ClusterConfig) -> list[Finding]:
    findings: list[Finding] = []
    async with RemoteCluster(config) as cluster:
        for node in cluster.nodes:
            try:
                findings += await _host(cluster, node)
            except NaysayerError as error:
                findings.append(Finding(node, str(error), bad=True))
        if any(one.bad for one in findings):
            return findings
        try:
            await cluster.start()
        except NaysayerError as error:
            return [*findings, Finding("start", str(error), bad=True)]
        for node in cluster.nodes:
            findings.append(await _process(cluster, node))
            findings.append(await _operation(cluster, node))
    return findings


async def _host(cluster: RemoteCluster, node: NodeId) -> list[Finding]:
    """The host answers, its clock, and the rights for faults on the network."""
    await cluster.run(node, "true")
    before = time.time()
    said = (await cluster.run(node, "date +%s.%N")).out.strip()
    after = time.time()
    off_ms = (float(said) - (before + after) / 2) * 1000
    text = f"reachable; its clock is {off_ms:+.0f} ms from ours"
    findings = [Finding(node, text, warning=abs(off_ms) > CLOCK_MS_MAX)]
    if cluster.config.ssh is not None:
        for fault, (command, advice) in RIGHTS.items():
            done = await cluster.run(node, command, check=False)
            text = f"can {fault}" if done.code == 0 else f"cannot {fault}: {advice}"
            findings.append(Finding(node, text, warning=done.code != 0))
    return findings


async def _process(cluster: RemoteCluster, node: NodeId) -> Finding:
    """The pid command finds a process that may be signalled."""
    if cluster.config.commands is None:
        return Finding(node, "no [commands], so no kill and no pause", warning=True)
    pid = await cluster.pid(node)
    if not pid:
        return Finding(node, f"the pid command found nothing: {cluster.config.commands.pid}", bad=True)
    done = await cluster.run(node, f"kill -0 {pid}", check=False)
    text = f"can kill and pause process {pid}" if done.code == 0 else f"may not signal process {pid}"
    return Finding(node, text, bad=done.code != 0)


async def _operation(cluster: RemoteCluster, node: NodeId) -> Finding:
    """One read through the node. A system that still elects may take a while."""
    client = cluster.client(node)
    limit_s = max(10.0, 5 * cluster.config.client.timeout_s)
    error = f"no answer within {limit_s:.0f} s"
    with trio.move_on_after(limit_s):
        for attempt in range(1, 1000):
            began = time.monotonic()
            reply = await client.invoke(Request(f"doctor.{attempt}", "doctor", "read", "naysayer-doctor"))
            if reply.status == "ok":
                await client.close()
                return Finding(node, f"answers a read in {(time.monotonic() - began) * 1000:.1f} ms")
            error = f"a read failed: {reply.error}"
            await trio.sleep(0.1)
    await client.close()
    return Finding(node, error, bad=True)
