"""`naysayer node TARGET`: one node as a process of its own."""

from __future__ import annotations

from pathlib import Path

import trio

from checker.errors import NaysayerError, UsageError
from targets.backends.processes.process import die_with_harness, refuse_platform
from targets.backends.processes.tcp import Address, TcpNode
from targets.backends.stdio.node import StdioNode
from targets.registry import find


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"{text!r} is no address: write host:port, such as 127.0.0.1:7001")
    return host, int(port)


def run_node(target: str, *, me: str, listen: str, peers: str, data: Path | None, seed: int, stdio: bool) -> int:
    """Serve until killed; returns only on an error."""
    found = find(target)
    refuse_platform()
    if stdio:
        die_with_harness()
        return _serve(StdioNode(found, data, seed), "over stdin")
    if not me or not listen or data is None:
        raise UsageError("a node needs --id, --listen host:port and --data FOLDER (and --peers, if it is not alone)")
    others = {}
    for one in peers.split(",") if peers != "none" else ():
        name, _, address = one.partition("=")
        others[name.strip()] = _address(address)
    die_with_harness()
    return _serve(TcpNode(found, me, _address(listen), others, data, seed), me)


def _serve(node: TcpNode | StdioNode, name: str) -> int:
    try:
        trio.run(node.run)
    except BaseExceptionGroup as group:
        errors = group.subgroup((NaysayerError, OSError, trio.BrokenResourceError))
        if errors is None:
            raise
        raise UsageError(f"node {name} stopped: {errors.exceptions[0]}") from None
    return 0
