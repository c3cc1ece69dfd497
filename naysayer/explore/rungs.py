"""The scopes of the ladder: small programs with few timers and crashes, the smallest first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from operator import itemgetter

from naysayer.explore.prefix import may_lead
from naysayer.explore.scope import Scope, scope
from targets.protocol.target import Target

PINNED = (
    "w@n1 | r@n2 r@n3",
    "w@n2 w@n1 | r@n3",
    "w@n2 | w@n1 r@n3",
    "w@n1 | w@n2 r@n1",
    "w@n1 w@n1 | r@n2 r@n3",
    "w@n1 | w@n2 | r@n3 r@n1",
    "w@n1 w@n1 | r@n2 | r@n2",
)
"""Each client asks one node: the smallest scopes of a cluster. Nodes are not alike where ties go by their names."""

FREE = ("w | r", "w | r r", "w | w r", "w r | w r", "w w | r r", "w | w | r r")
"""Any node may be asked."""

PINNED_CAS = ("c@n1 | c@n2", "w@n1 | c1@n2 r@n3", "c@n1 | c@n2 r@n3", "w@n1 | c1@n2 | c1@n3")
FREE_CAS = ("c | c", "w | c1 r", "w | c1 | c1")
"""The same of targets that compare-and-set."""

PINNED_NEXT = ("g@n1 | g@n2", "g@n1 g@n1 | g@n2", "g@n1 g@n2 | g@n3")
FREE_NEXT = ("g | g", "g g | g")
"""The same of targets that give out generations."""

PINNED_LED = (
    "n1 leads: w@n1 r@n1",
    "n1 leads: w@n1 | r@n1",
    "n1 leads: w@n1 | r@n2 r@n1",
    "n1 leads: w@n1 | w@n2 r@n2",
    "n1 leads: w@n1 w@n2 | r@n1 r@n2",
)
"""The same of targets that are led: what came before is one schedule."""

LED_AGAIN = (
    "n1 leads, n2 leads: w@n2 r@n1",
    "n1 leads, n2 leads: w@n1 | w@n2 r@n2",
    "n1 leads, n2 leads: w@n1 | w@n2 | r@n1",
)
"""Of targets that are led, when another leads than one that may not know."""

DELAYED = (
    (0, 0, 1),
    (0, 0, 2),
    (0, 0, 3),
    (1, 0, 1),
    (1, 0, 2),
    (0, 2, 1),
    (0, 2, 2),
    (1, 2, 1),
    (1, 2, 2),
    (0, 4, 1),
    (0, 7, 1),
    (2, 2, 1),
    (2, 4, 2),
)
"""Crashes, timers and delays of further scopes of the programs in which each client asks one node."""

MORE = (("w@n1 | r@n2 r@n3", 0, 1), ("w@n2 | w@n1 r@n3", 0, 1), ("w@n1 | r@n4 r@n5", 1, 1), ("w@n1 | r@n4 r@n5", 1, 2))
"""Of five nodes, in which one more is no longer a majority: program, messages that arrive twice, and delays."""
MORE_NODES = 5

TIMERS_MAX, CRASHES_MAX = 2, 1
"""How many timers and crashes the ladder goes up to, unless given, where any message may be late; of one node that
cannot lose messages, one more."""

LONG = " ".join([*"wwwwwwwwwww", "r"])
LONG_APPENDED = " ".join([*"wwwwaaaaaa", "r"])
LONG_LED = "n1 leads: " + " ".join(["w@n1"] * 11 + ["r@n2"])
"""A log that is long enough for a snapshot: of one client, so there are few schedules."""
LONG_SIZE = 9
"""As large a scope as one of so many operations."""


def ladder(
    target: Target,
    nodes: int | None = None,
    timers: int | None = None,
    crashes: int | None = None,
    duplicates: int = 0,
) -> tuple[Scope, ...]:
    """The scopes for a target, the smallest first. `timers`, `crashes`: at most so many; None: as many as usual.
    `duplicates`: in each of them. Raises UsageError."""
    given, nodes = nodes, target.nodes if nodes is None else nodes
    scope("w", nodes, crashes or 0, timers or 0, duplicates)  # raises UsageError
    alone = nodes == 1
    most_timers = TIMERS_MAX + alone if timers is None else timers
    most_crashes = CRASHES_MAX + alone if crashes is None else crashes
    pinned, free = _programs(target, nodes)
    found: list[tuple[float, str, int, int]] = [
        (_size(program) + fired + 2 * crashed, program, crashed, fired)
        for program in (*pinned, *free)
        for fired in range(most_timers + 1)
        for crashed in range(most_crashes + 1)
    ]
    more = _more(nodes, duplicates) if given is None and pinned is not PINNED_LED else ()
    scopes = [(size, scope(program, nodes, crashed, fired, duplicates)) for size, program, crashed, fired in found]
    scopes += [
        (size, wanted)
        for size, wanted in (*_deep(target, nodes, duplicates, pinned), *more)
        if (timers is None or wanted.timers <= timers) and (crashes is None or wanted.crashes <= crashes)
    ]
    return tuple(wanted for _, wanted in sorted(scopes, key=itemgetter(0)))


def _size(program: str) -> int:
    return len(re.findall(r"\b[wrcadg]\d*\b", program))


def _programs(target: Target, nodes: int) -> tuple[Sequence[str], Sequence[str]]:
    """Those that suit a target, of each size in this order: each client asks one node; any node may be asked."""
    if nodes > 2 and may_lead(target, nodes):
        return PINNED_LED, ()
    pinned, free = [*PINNED], [*FREE]
    if "cas" in target.operations:
        pinned, free = [*pinned, *PINNED_CAS], [*free, *FREE_CAS]
    if "next" in target.operations:
        pinned, free = [*PINNED_NEXT, *pinned], [*FREE_NEXT, *free]
    return (pinned, free) if nodes > 2 else ((), free)


def _deep(target: Target, nodes: int, duplicates: int, pinned: Sequence[str]) -> Iterator[tuple[float, Scope]]:
    """Scopes of fewer schedules, which go deeper, with their size."""
    for program in pinned:
        for crashes, timers, delays in DELAYED:
            size = _size(program) + timers / 5 + crashes + 1.5 * (delays - 1)
            yield size, scope(program, nodes, crashes, timers, duplicates, delays)
        for delays in (1, 2) if duplicates == 0 else ():
            yield _size(program) + 1.5 * delays, scope(program, nodes, duplicates=1, delays=delays)
    if nodes == 1:
        program = LONG_APPENDED if "kv-append" in (target.workload, *target.workloads) else LONG
        for crashes, timers in ((1, 11), (2, 12)):
            yield LONG_SIZE, scope(program, nodes, crashes, timers, duplicates)
    elif pinned is PINNED_LED:
        for program in LED_AGAIN:
            for crashes, timers, delays in DELAYED:
                size = _size(program) + timers / 2 + crashes + 1.5 * (delays - 1) - 1
                yield size, scope(program, nodes, crashes, timers, duplicates, delays)
        for crashes, timers, delays in ((0, 2, 1), (1, 2, 1)):
            yield LONG_SIZE + delays, scope(LONG_LED, nodes, crashes, timers, duplicates, delays)


def _more(nodes: int, duplicates: int) -> Iterator[tuple[float, Scope]]:
    for program, twice, delays in MORE if nodes == MORE_NODES - 2 else ():
        yield (
            _size(program) + twice + 1.5 * (delays - 1),
            scope(program, MORE_NODES, 0, 0, max(twice, duplicates), delays),
        )
