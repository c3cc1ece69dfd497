"""What the core asks its loop to do. Times are ms since the start of the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from targets.protocol.fault import Fault
from targets.protocol.node import NodeId, Request

if TYPE_CHECKING:
    from naysayer.harness.clients import Thread


class Invoke(msgspec.Struct, frozen=True, gc=False):
    """Send a request to a node; report the reply, or None if none came within `timeout_ms`."""

    node: NodeId
    request: Request
    timeout_ms: float


class Inject(msgspec.Struct, frozen=True):
    """Carry out a fault at `at_ms` (at once, if that has passed)."""

    fault: Fault
    at_ms: float = 0.0


class WaitUntil(msgspec.Struct, frozen=True, gc=False):
    """Ask again at `at_ms`."""

    at_ms: float


class Round(msgspec.Struct, frozen=True):
    """Let these clients work, each from its `wakes_ms`, until all are done or `until_ms` is reached. With `faults` the
    nemesis works at the same time."""

    threads: tuple[Thread, ...]
    until_ms: float | None
    faults: bool = False


class Consult(msgspec.Struct, frozen=True):
    """Call this and hand its answer to `core.consulted`. The call may take long: it judges what was recorded."""

    call: Callable[[], bool]


Action = Inject | WaitUntil | Round | Consult
