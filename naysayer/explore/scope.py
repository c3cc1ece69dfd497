"""A scope: what the clients do, and how much may go wrong. Of what is outside it an exploration says nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from checker.english import counted
from checker.errors import UsageError
from naysayer.explore.frontier import Operation, Value
from targets.protocol.node import NodeId
from targets.protocol.target import Target

NODES_MAX = 9
CLIENTS_MAX, OPERATIONS_MAX = 5, 12
"""With more the frontier alone would be large."""

_STEP = re.compile(r"([wardg]|c(?:[1-9]|1[0-2])?)(?:@(n[1-9]))?")
_LED = re.compile(r"((?:n[1-9] leads, )*n[1-9] leads):(.*)")
ACCEPTED = (
    "clients separated by |, each with operations w (write), r (read), a (append), d (delete), c or c1 (compare-and-"
    'set from nothing or from 1), or all g (a generation), as in "w | r r", or "w@n1 | r@n2 r@n3" to name the node; '
    'before them there may be "n1 leads:", or "n1 leads, n2 leads:"'
)


@dataclass(frozen=True)
class Asked:
    """An operation, and the only node that may be asked for it; None: any."""

    operation: Operation
    node: NodeId | None


@dataclass(frozen=True)
class Scope:
    """`program`: what each client does, one operation after the other. What they write are 1, 2, ... in order, as text
    where something is appended."""

    words: str
    program: tuple[tuple[Asked, ...], ...]
    nodes: int = 3
    crashes: int = 0
    timers: int = 0
    duplicates: int = 0
    delays: int | None = None
    """How many delays (delays.py); None: any."""
    leaders: tuple[NodeId, ...] = ()
    """The nodes that come to lead before anything else happens, each while the one before is cut off."""

    @property
    def names(self) -> tuple[NodeId, ...]:
        return tuple(f"n{number}" for number in range(1, self.nodes + 1))

    def __str__(self) -> str:
        crashes, timers = counted(self.crashes, "crash", "crashes"), counted(self.timers, "timer")
        twice = f", {counted(self.duplicates, 'message')} twice" if self.duplicates else ""
        late = "any loss or delay" if self.delays is None else f"at most {counted(self.delays, 'delay')}"
        return f"{self.words} on {counted(self.nodes, 'node')}, {crashes}, {timers}{twice}, {late}"

    def within(self, other: Scope) -> bool:
        """Whether every schedule of it is one of the other too."""
        return (
            self.words == other.words
            and self.nodes == other.nodes
            and self.crashes <= other.crashes
            and self.timers <= other.timers
            and self.duplicates <= other.duplicates
            and (other.delays is None or (self.delays is not None and self.delays <= other.delays))
        )


def scope(
    program: str, nodes: int, crashes: int = 0, timers: int = 0, duplicates: int = 0, delays: int | None = None
) -> Scope:
    """The scope that was asked for. Raises UsageError."""
    if not 1 <= nodes <= NODES_MAX:
        raise UsageError(f"--nodes is {nodes}; from 1 to {NODES_MAX} can be explored")
    bounds = (("crashes", crashes), ("timers", timers), ("duplicates", duplicates), ("delays", delays or 0))
    for option, given in bounds:
        if given < 0:
            raise UsageError(f"--{option} is {given}; it must be 0 or more")
    led = _LED.fullmatch(program)
    leaders = tuple(re.findall(r"n[1-9]", led[1])) if led else ()
    clients = [part.split() for part in (led[2] if led else program).split("|")]
    for leader in leaders:
        if int(leader[1:]) > nodes:
            raise UsageError(f"--program {program!r} has {leader} lead, and there are nodes n1 to n{nodes} (--nodes)")
    numbers = range(1, OPERATIONS_MAX + 2)
    texts = any(step.startswith("a") for steps in clients for step in steps)
    values: Iterator[Value] = map(str, numbers) if texts else iter(numbers)
    if len(clients) > CLIENTS_MAX or sum(map(len, clients)) > OPERATIONS_MAX:
        raise UsageError(f"--program has more than {CLIENTS_MAX} clients or {OPERATIONS_MAX} operations: {program!r}")
    if not all(clients):
        raise UsageError(f"--program {program!r} has a client without operations; it takes {ACCEPTED}")
    built = []
    for client, steps in enumerate(clients):
        asked = []
        for number, step in enumerate(steps):
            found = _STEP.fullmatch(step)
            if found is None:
                raise UsageError(f"--program {program!r} has {step!r}; it takes {ACCEPTED}")
            letter, node = found.groups()
            if node is not None and int(node[1:]) > nodes:
                raise UsageError(f"--program {program!r} asks {node}, and there are nodes n1 to n{nodes} (--nodes)")
            asked.append(Asked(_operation(f"c{client}.{number}", letter, values), node))
        built.append(tuple(asked))
    asked_for = {one.operation.f for row in built for one in row}
    if "next" in asked_for and len(asked_for) > 1:
        raise UsageError(f"--program {program!r} has g and others: generations are explored by themselves")
    words = " | ".join(" ".join(steps) for steps in clients)
    words = f"{led[1]}: {words}" if led else words
    return Scope(words, tuple(built), nodes, crashes, timers, duplicates, delays, leaders)


def _operation(name: str, letter: str, values: Iterator[Value]) -> Operation:
    match letter[0]:
        case "r":
            return Operation(name, "read")
        case "g":
            return Operation(name, "next")
        case "d":
            return Operation(name, "delete")
        case "c":
            value = next(values)
            return Operation(name, "cas", (type(value)(letter[1:]) if letter[1:] else None, value))
        case "a":
            return Operation(name, "append", next(values))
    return Operation(name, "write", next(values))


def refuse_unoffered(target: Target, wanted: Scope) -> None:
    """Raises UsageError for a program with an operation that the target does not offer."""
    for one in (asked.operation for row in wanted.program for asked in row):
        if one.f not in target.operations:
            offered = ", ".join(sorted(target.operations))
            raise UsageError(f"--program asks for {one.f}, and {target.name} offers {offered}")
        if one.f == "append" and "kv-append" not in (target.workload, *target.workloads):
            raise UsageError(f"--program has an append, which adds to a text, and those of {target.name} do not")


def refuse_unsuited(target: Target, nodes: int) -> None:
    """Raises UsageError for a target that cannot be explored, as far as that shows before its nodes run."""
    register = "register" in (target.workload, *target.workloads) and target.operations >= {"read", "write"}
    if not register:
        raise UsageError(
            f"{target.name} cannot be explored: it has no register to read and write; naysayer hunt searches it"
        )
    if target.nodes == 1 and nodes != 1:
        raise UsageError(f"{target.name} runs on one node only, so --nodes must be 1, not {nodes}")
