"""The configuration of a run, as one value: everything that the core needs to know except the system itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from checker.properties.eventual import Lack
from nemesis.schedule import Schedule
from targets.protocol.node import Reply
from workloads.generator import Generator

REFUSED_MS = 40.0
"""Mean pause after a refusal in virtual time, so that not all operations are used up while a cluster has no leader."""

FINAL_MS_MAX = 10_000.0
"""Limit for a round of final reads."""


@dataclass(frozen=True)
class Setup:
    """Sizes, bounds and sources of one run."""

    clients: int
    seed: int
    generator: Generator
    schedule: Schedule | None = None
    timeout_ms: float = 1000.0
    """How long a client waits for a reply before the outcome is unknown."""
    timeout_ms_max: float = 1000.0
    """The time-out in the recovery phase, as long as no operation succeeds."""
    think_ms: float = 0.0
    """Mean pause of a client between two operations."""
    rate: float | None = None
    """Operations per second in the fault phase, at most, of all clients together."""
    operations: int | None = None
    time_ms: float | None = None
    """How long the fault phase lasts, unless its operations are used up before."""
    least_ms: float = 0.0
    """The fault phase lasts at least this long."""
    scripted: bool = False
    """The generator determines when each operation of the fault phase begins: clients add no pauses."""
    sessions: bool = False
    """The system executes a repeated request once: some clients retry when no reply comes."""
    attempts: int = 3
    """How often such a client sends a request with the same id, within the time-out."""
    lost_replies: bool = False
    """Such a client takes some replies as lost and sends the request again: for backends whose links to clients no
    fault can reach."""
    stay: bool = False
    """A third of the clients stay with one node for ever, from the start (see Routing)."""
    only_reads: Callable[[int, int], bool] | None = None
    """Whether a client (of so many) only reads, and so stays with one node for ever (Workload.only_reads)."""
    refused_ms: float = REFUSED_MS
    """Mean pause after a refusal."""
    refused_ms_max: float | None = None
    """The mean pause doubles up to this while a client is refused again and again; None: it stays."""
    client_links: bool = False
    """Faults may also affect the links of clients."""
    unsupported: Callable[[Reply], bool] | None = None
    """Whether a reply means that the system does not support the operation: it is not invoked again in this run."""

    recover: bool = True
    """Undo all faults at the end of the fault phase, and check that operations succeed again."""
    heal_when_stopped: bool = False
    """Also if the run was stopped early: a real system must not be left with faults."""
    recovery_pause_ms: float = 0.0
    """How long to wait after healing before operations are invoked again."""
    recovery_ms_max: float = 10_000.0
    """An operation must succeed within this time, or the system is not live."""
    progress_ms: float | None = None
    """An operation must succeed within this time while a majority is unhindered, also during faults (see progress.py);
    None: not judged."""
    progress_until_ms: float = inf
    """This concerns operations that begin earlier."""
    virtual: bool = False
    """Time is virtual; the report says so."""
    known_to_fit: bool = False
    """Client and workload are known to suit the system: then a run in which nothing ever succeeded is not live. If they
    may be the wrong ones, such a run shows nothing about the system."""
    hung_ms: float | None = None
    """A node that replied before and does not reply for this time with no fault in force hangs; None: not judged."""
    again: Callable[[], Generator] | None = None
    """Makes the generator of the recovery phase; None: that of the fault phase continues."""
    final: Callable[[Sequence[Any]], Generator] | None = None
    """Makes the generator of the last round from the keys that were used last (Workload.finish)."""
    convergence: Callable[[], Generator] | None = None
    """Makes the generator of a round of the convergence wait (Workload.convergence)."""
    lacking: Callable[[], Lack] | None = None
    """Makes the function that counts the values missing in a round."""
    broken: Callable[[], bool] | None = None
    """Whether the property is violated already, so that waiting is pointless. The call may take long."""
