"""The levels of isolation that transactions are judged at, from the weakest to the strongest, and what implies what.

A level is a family (which axioms the reads must fulfil) with an order that the execution must respect besides:

    family               order       no cycle of
    -------------------  ----------  ------------------------------------------------------------------
    serializable         see below   ww, wr, rw and the order (Adya 1999, PL-3)
    snapshot-isolation   see below   the same in which no rw follows an rw (Cerone, Gotsman: Analysing Snapshot
                                     Isolation, JACM 2018, theorem 10)
    causal               sessions    sessions, wr, ww that lists show, and what these imply of an order of commits
    read-atomic          sessions      (Biswas, Enea: On the Complexity of Checking Transactional Consistency, OOPSLA
    session guarantees   sessions      2019; AWDIT, PLDI 2025, section 2; Terry et al.: Session Guarantees for Weakly
    read-committed       sessions      Consistent Replicated Data, PDIS 1994)
    PL-2                 none        ww and wr (Adya 1999): read committed as Elle and Maelstrom have it
    read-uncommitted     none        ww (Adya 1999, PL-1)

The order is none, that of sessions (transactions of one process), or real time (one returned before the other was
called). `causal`, `read-atomic`, the session guarantees and `read-committed` contain the order of sessions, as in the
papers cited: a commit comes after those that its session did before. `PL-2` does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from checker.errors import UsageError, unknown_name

Order = Literal["none", "session", "realtime"]
Guarantee = Literal["read-your-writes", "monotonic-reads", "monotonic-writes", "writes-follow-reads"]
Family = (
    Literal[
        "serializable",
        "snapshot-isolation",
        "causal",
        "read-atomic",
        "read-committed",
        "PL-2",
        "read-uncommitted",
    ]
    | Guarantee
)


@dataclass(frozen=True)
class Level:
    """One level: its name, what it asks, and the levels that it implies at once."""

    name: str
    family: Family
    order: Order
    summary: str
    weaker: tuple[str, ...] = ()


_ALL = (
    Level("read-uncommitted", "read-uncommitted", "none", "writes of two transactions are not interleaved"),
    Level("PL-2", "PL-2", "none", "and reads show only what was committed", ("read-uncommitted",)),
    Level(
        "read-committed",
        "read-committed",
        "session",
        "and in the order of each session, and never older than what the transaction read before",
        ("PL-2",),
    ),
    Level(
        "monotonic-reads",
        "monotonic-reads",
        "session",
        "and never older than what the session read before",
        ("read-committed",),
    ),
    Level(
        "monotonic-writes",
        "monotonic-writes",
        "session",
        "and what is seen of a session has what it wrote before",
        ("read-committed",),
    ),
    Level(
        "writes-follow-reads",
        "writes-follow-reads",
        "session",
        "and what is seen of a session has what it had read before",
        ("read-committed",),
    ),
    Level(
        "read-your-writes",
        "read-your-writes",
        "session",
        "and a session sees its own writes",
        ("read-committed",),
    ),
    Level(
        "read-atomic",
        "read-atomic",
        "session",
        "and all writes of a transaction are seen, or none",
        ("read-your-writes",),
    ),
    Level(
        "causal",
        "causal",
        "session",
        "and what a transaction saw is seen by all that see it",
        ("read-atomic", "monotonic-reads", "monotonic-writes", "writes-follow-reads"),
    ),
    Level(
        "snapshot-isolation",
        "snapshot-isolation",
        "none",
        "reads from one snapshot, and no lost updates",
        ("PL-2",),
    ),
    Level(
        "strong-session-snapshot-isolation",
        "snapshot-isolation",
        "session",
        "and a snapshot has what the session did before",
        ("causal", "snapshot-isolation"),
    ),
    Level(
        "strong-snapshot-isolation",
        "snapshot-isolation",
        "realtime",
        "and a snapshot has all that had committed before",
        ("strong-session-snapshot-isolation",),
    ),
    Level(
        "serializable",
        "serializable",
        "none",
        "as if one transaction ran after another",
        ("snapshot-isolation",),
    ),
    Level(
        "strong-session-serializable",
        "serializable",
        "session",
        "and in the order of each session",
        ("serializable", "strong-session-snapshot-isolation"),
    ),
    Level(
        "strict-serializable",
        "serializable",
        "realtime",
        "and in the order of real time",
        ("strong-session-serializable", "strong-snapshot-isolation"),
    ),
)

LEVELS: dict[str, Level] = {level.name: level for level in _ALL}
"""By name, each after all that it implies."""

DEFAULT = "serializable"

ALIASES = {
    "PL-1": "read-uncommitted",
    "PL-3": "serializable",
    "PL-SS": "strict-serializable",
    "strong-serializable": "strict-serializable",
    "strict-1SR": "strict-serializable",
    "strong-session-strict-serializable": "strict-serializable",
    "causal-consistency": "causal",
}
"""What others call them."""

MAELSTROM = {"read-committed": "PL-2"}
"""What Maelstrom and Elle mean by a name that is another level here: theirs knows no sessions."""


def find(name: str) -> Level:
    """The level of a name. Raises UsageError for one that there is not."""
    name = ALIASES.get(name, name)
    if name not in LEVELS:
        raise unknown_name("level of isolation", name, LEVELS)
    return LEVELS[name]


@cache
def implied(name: str) -> frozenset[str]:
    """The names of all levels that hold where this one holds, itself included."""
    found = {name}
    for weaker in LEVELS[name].weaker:
        found |= implied(weaker)
    return frozenset(found)


_SERIAL = frozenset({"serializable", "strong-session-serializable", "strict-serializable"})

DECIDES: dict[str, frozenset[str]] = {
    "list": frozenset(LEVELS),
    "register": frozenset(LEVELS),
    "set": _SERIAL | implied("causal") - {"read-uncommitted"},
    "counter": _SERIAL,
}
"""By data type, the levels that its reads can decide. A set does not show in which order elements were added, nor
whether two additions conflict; a counter does not even show which increments a read saw."""


def validate(data: str, level: str) -> None:
    """Raises UsageError for a level that the data type cannot decide."""
    if level not in DECIDES[data]:
        raise UsageError(
            f"transactions on {data}s do not decide {level}: choose one of "
            f"{', '.join(name for name in LEVELS if name in DECIDES[data])}"
        )
