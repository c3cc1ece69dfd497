"""What a run is made of, as one value: everything that the core needs to know besides the system itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from checker.properties.eventual import Lack
from nemesis.schedule import Schedule
from targets.protocol.node import Reply
from workloads.generator import Generator

REFUSED_MS = 40.0
"""Mean pause after a refusal, so that operations are not all spent on a cluster without a leader."""

FINAL_MS_MAX = 10_000.0
"""How long a round of final reads may take."""


@dataclass(frozen=True)
class Setup:
    """Sizes, bounds and sources of one run."""

    clients: int
    seed: int
    generator: Generator
    schedule: Schedule | None = None
    timeout_ms: float = 1000.0
    """How long a client waits for an answer before the outcome is unknown."""
    timeout_ms_max: float = 1000.0
    """How patient clients become in the recovery phase while nothing succeeds."""
    think_ms: float = 0.0
    """Mean pause of a client between two operations."""
    rate: float | None = None
    """At most so many operations a second in the fault phase, of all clients together."""
    operations: int | None = None
    time_ms: float | None = None
    """How long the fault phase lasts, if its operations do not end it before."""
    least_ms: float = 0.0
    """The fault phase does not end before this."""
    scripted: bool = False
    """The generator says when each operation of the fault phase happens: clients add no pauses of their own."""
    sessions: bool = False
    """The system executes a repeated request once: every other client asks again where no answer comes."""
    stay: bool = False
    """A third of the clients stays with one node from the start (see Routing)."""
    client_links: bool = False
    """Faults may strike the links of clients too."""
    unsupported: Callable[[Reply], bool] | None = None
    """Whether a refusal means that the system has no such operation: it is not asked for again in this run."""

    recover: bool = True
    """Heal everything at the end of the fault phase, and look whether operations succeed again."""
    heal_when_stopped: bool = False
    """Also where the run was stopped early: what really runs must not be left broken."""
    recovery_pause_ms: float = 0.0
    """How long a healed system is left alone before operations are invoked again."""
    recovery_ms_max: float = 10_000.0
    """By then an operation must have succeeded, or the system is not live."""
    progress_ms: float | None = None
    """Within so long some operation must succeed while a majority is hindered by nothing, also during faults (see
    progress.py); None: not judged."""
    virtual: bool = False
    """Time is virtual: a report says so."""
    known_to_fit: bool = False
    """Client and workload are known to suit the system: then one in which nothing ever succeeded is not live. Where
    they may be the wrong ones, nothing was seen of the system in such a run."""
    hung_ms: float | None = None
    """A node that answered before, and gives no answer for so long with no fault in force, hangs; None: not looked
    at."""
    again: Callable[[], Generator] | None = None
    """Makes the generator of the recovery phase; None: the one of the fault phase goes on."""
    final: Callable[[], Generator] | None = None
    """The last round (Workload.finish)."""
    convergence: Callable[[], Generator] | None = None
    """A round before the last, for nodes that may need time to converge (Workload.convergence)."""
    lacking: Callable[[], Lack] | None = None
    """Then says what is missing in a round."""
    broken: Callable[[], bool] | None = None
    """Whether what was promised is broken already, so that nothing is to be waited for. It may take its time."""
