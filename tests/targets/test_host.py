"""Requests from strangers: what is no request is refused before it reaches a node, and nothing that does breaks one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from targets.backends.directory_disk import DirectoryDisk
from targets.backends.processes.host import Host, JunkError, LiveContext
from targets.protocol.node import Message, NodeId, Request
from targets.registry import find

pytestmark = pytest.mark.slow

INPUTS: list[Any] = [None, 5, -1, 1.5, True, "s", [], [1], [1, 2], [1, [2]], [None, None], ["a", {"b": [1]}], {"a": 1}]
TARGETS = ["wal-kv", "generation-clock", "quorum-kv", "paxos-register", "paxos-kv", "paxos-log", "raft-log"]


def play(target: str, directory: Path, f: str, given: Any) -> int:
    """How many requests a node alone, which leads if there is a leader, let in; each is sent twice."""
    sent: list[tuple[NodeId, Message]] = []
    context = LiveContext("n1", ("n1",), DirectoryDisk(directory), 1, lambda to, message: sent.append((to, message)))
    host = Host(find(target), context)

    def settle() -> None:
        for _ in range(200):
            if not sent:
                break
            to, message = sent.pop(0)
            if to == "n1":
                host.node.receive("n1", message)

    def step() -> None:
        settle()
        if context.next_due() < math.inf:
            host.node.timeout(context.pop_due())
        settle()

    host.node.start(context)
    for _ in range(4):
        step()
    admitted = 0
    for number, key in enumerate(("x", "x", None, 1.5)):
        try:
            host.deliver("c1", msgspec.json.encode(Request(f"c1.{number}", "c1", f, key, given)))
        except JunkError:
            continue
        admitted += 1
        host.node.receive(*host._receive.receive_nowait())
        step()
    return admitted


@pytest.mark.parametrize("target", TARGETS)
def test_no_request_breaks_a_node(target: str, tmp_path: Path) -> None:
    async def main() -> None:
        admitted = 0
        for f in sorted(find(target).operations):
            for number, given in enumerate(INPUTS):
                admitted += play(target, tmp_path / f"{f}-{number}", f, given)
        assert admitted > len(INPUTS)

    trio.run(main)


@pytest.mark.parametrize(
    ("target", "f", "given", "admitted"),
    [
        ("raft-log", "cas", [1, 2], 4),
        ("raft-log", "cas", [1], 0),
        ("raft-log", "cas", None, 0),
        ("generation-clock", "fenced-write", [3, "v"], 4),
        ("generation-clock", "fenced-write", ["3", "v"], 0),
        ("generation-clock", "fenced-write", 3, 0),
        ("quorum-kv", "explode", None, 0),
    ],
)
def test_what_is_no_request_is_refused(target: str, f: str, given: Any, admitted: int, tmp_path: Path) -> None:
    async def main() -> None:
        assert play(target, tmp_path / "n1", f, given) == admitted

    trio.run(main)
