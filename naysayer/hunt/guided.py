"""Guided hunts: runs that reach new states of the cluster are continued in other ways.

The states are abstract (coverage.py of the simulator). A run that reached a state that no run before had reached is
kept as a parent, and parents take turns. Half of the children are other seeds with most of the sizes and faults of
their parent, as these make new states likely. The others are their parent up to a moment at which it had just reached
a new state, and from there on another run: all random numbers are drawn anew (Redraw), or only the delays of some
links, or messages of one link are held back for a while. So a plan is its seed and the decisions that were added to
it, and replays exactly. The recipe is that of Fest (NSDI 2026) and of coverage-guided fuzzers before it.

What a lineage tries depends only on its hunt and on the number of its first run, so that hunts reproduce on any number
of workers, and machines can share one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from msgspec.structs import replace

from naysayer.plan import Plan
from nemesis.decided import TimedFault
from targets.protocol.fault import Hold, Redraw, Release

FRESH = 0.34
"""Chance of a fresh seed where there are parents..."""

FRESH_MIN = 5
"""...which all of the first runs are."""

PARENTS_MAX = 24
"""How many parents take turns: a newer one takes the place of the oldest."""

CHILDREN_MAX = 12
"""How many children a parent has."""

MIXED = 0.5
"""Chance of a child that has only the sizes and faults of its parent..."""

KEPT = 0.8
"""...each of them with this chance."""

ALL, LINKS = 0.6, 0.85
"""Of the random numbers drawn below ALL everything is drawn anew, below LINKS some delays; else messages are held."""

CHOICES = ("workload", "nemesis", "nodes", "clients", "think_ms", "timeout_ms")
"""What else is drawn from a seed."""

SALTS = 1 << 30


@dataclass
class Parent:
    """A plan that reached new states, and when it did (ms)."""

    plan: Plan
    new_ms: tuple[float, ...]
    children: int = 0


@dataclass
class Lineage:
    """Runs of one hunt, one after the other, the first of them by the number `first`."""

    first: int
    tried: int = 0
    seen: set[int] = field(default_factory=set)
    parents: list[Parent] = field(default_factory=list)

    def next(self, fresh: Callable[[int], Plan]) -> Plan:
        """The plan of the next run; `fresh` makes that of a seed."""
        number = self.first + self.tried
        random = Random(f"{self.first} {number} guided")
        self.tried += 1
        if self.tried <= FRESH_MIN or not self.parents or random.random() < FRESH:
            return fresh(number)
        parent = self.parents.pop(0)
        parent.children += 1
        if parent.children < CHILDREN_MAX:
            self.parents.append(parent)
        return mixed(parent.plan, fresh(number), random) if random.random() < MIXED else mutated(parent, random)

    def learn(self, plan: Plan, states: dict[int, float]) -> None:
        """The run of a plan reached these states, each first at its time (ms)."""
        new = tuple(sorted(at_ms for state, at_ms in states.items() if state not in self.seen))
        self.seen.update(states)
        if new:
            self.parents.append(Parent(plan, new))
            if len(self.parents) > PARENTS_MAX:
                self.parents.remove(min(self.parents, key=lambda parent: len(parent.new_ms)))


def mixed(parent: Plan, other: Plan, random: Random) -> Plan:
    """Another seed, with most of the sizes and faults of a plan that reached new states."""
    kept = {name: getattr(parent, name) for name in CHOICES if random.random() < KEPT}
    return replace(other, **kept)


def mutated(parent: Parent, random: Random) -> Plan:
    """A child: its parent up to a moment at which that was in a new state."""
    plan, at_ms = parent.plan, random.choice(parent.new_ms)
    kind, salt = random.random(), random.randrange(SALTS)
    if kind < ALL or plan.nodes == 1:
        added = [TimedFault(at_ms, Redraw(salt))]
        kept = [one for one in plan.decisions if one.at_ms < at_ms]
    else:
        kept = list(plan.decisions)
        nodes = [f"n{number + 1}" for number in range(plan.nodes)]
        if kind < LINKS:
            one = random.choice(nodes)
            chosen = tuple(link for other in nodes if other != one for link in ((one, other), (other, one)))
            added = [TimedFault(at_ms, Redraw(salt, chosen))]
        else:
            source, dest = random.sample(nodes, 2)
            until_ms = at_ms + random.choice((20.0, 100.0, 500.0))
            count = random.choice((1, 1, 3))
            added = [TimedFault(at_ms, Hold((source, dest), count)), TimedFault(until_ms, Release())]
    return replace(plan, decisions=tuple(sorted([*kept, *added], key=lambda one: one.at_ms)))
