"""The contract of a live cluster: what the harness starts, reaches, injects faults into and stops.

Everything here runs on trio. A cluster is an async context manager that cleans up at its end, whatever happened in
between, also when cancelled: no process, namespace, firewall rule or proxy is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

from checker.errors import TargetError
from targets.protocol.fault import Evidence, Fault
from targets.protocol.node import NodeId, Reply, Request


class Client(Protocol):
    """One process' connection to one node. A client is used by one task at a time.

    `invoke` answers ok, fail (certainly did not happen: nothing was sent, or the node refused) or info (unknown). It
    does not raise for what the target does, and needs no time-out: the harness cancels it.
    """

    async def open(self) -> None: ...
    async def invoke(self, request: Request) -> Reply: ...
    async def close(self) -> None: ...


class Death(msgspec.Struct, frozen=True):
    """A node that ended without a fault, or did not come up when it was started again. `how` continues its name, with
    the end of its log: "exited with code 1; its stderr ends: ..." """

    node: NodeId
    how: str
    in_start: bool = False
    """It did not come up again."""
    raised: bool = False
    """It crashed: an exception that nothing caught, a memory fault. No fault elsewhere excuses that."""
    hung: bool = False
    """Its process runs, and did not come up in time."""


CRASHES = re.compile(
    r"Traceback \(most recent call last\)|Exception in thread|^panic: |^fatal error: |panicked at|terminate called|"
    r"Segmentation fault|core dumped|Uncaught |Unhandled |AddressSanitizer|Assertion .* failed|Fatal Python error",
    re.MULTILINE,
)
"""What runtimes print when a program ends by an error that it did not foresee."""


def crashed(log_end: str) -> bool:
    """Whether the end of a log shows that the program ended by an error, rather than by its own decision."""
    return CRASHES.search(log_end) is not None


class Cluster(Protocol):
    """A system under test that really runs. `faults` holds the tags of the faults that it can carry out, and what some
    need besides: `lose`, `shape` (delay, reorder) and `repeat` (duplicate), the ways to degrade, and `leader`: views
    say which one leads.

    `apply` raises HarnessError when a fault could not be carried out; what shows that it took effect is in `evidence`.
    """

    nodes: tuple[NodeId, ...]
    complaint: TargetError | None
    """What the target did that ends a run: it broke the protocol."""
    remarks: list[str]
    """Remarks for the report, such as a log that was cut."""

    @property
    def faults(self) -> frozenset[str]: ...
    @property
    def down(self) -> frozenset[NodeId]: ...
    @property
    def paused(self) -> frozenset[NodeId]: ...
    @property
    def message_kinds(self) -> Mapping[str, int]:
        """How many messages of each kind the nodes sent to each other so far, in the order in which the kinds first
        appeared; empty if the messages do not pass through the harness."""
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...
    async def start(self) -> None: ...
    async def apply(self, fault: Fault) -> None: ...
    async def views(self) -> dict[NodeId, dict[str, Any]]:
        """The view of each node; empty where the cluster has none."""
        ...

    async def deaths(self, *, thorough: bool = False) -> list[Death]:
        """The nodes that died since this was called last, after they had come up. `thorough`: look now, even if that
        costs a command on every host."""
        ...

    def evidence(self) -> list[Evidence]: ...
    def client(self, node: NodeId) -> Client: ...
