"""Swarm testing: each seed draws its own subset of faults and sizes (Groce et al., ISSTA 2012).

With every fault at once a run hides what it would show with few: nothing works long enough to go wrong.
"""

from __future__ import annotations

from random import Random

from naysayer.plan import DEFAULT_NEMESIS, Plan
from nemesis import catalog
from targets.protocol.target import Target
from targets.registry import family
from workloads.registry import find as find_workload

NAMED = 0.8
"""Chance of a fault that is known to expose the variant."""

EVEN = 0.5
"""Chance of a fault related to one of those."""

RELATED = {
    "kill": ("power", "kill-leader"),
    "power": ("outage",),
    "partition": ("one-way", "isolate-leader"),
    "isolate-leader": ("depose", "kill-leader"),
    "delay": ("hold",),
    "loss": ("clients",),
    "duplicate": ("clients",),
    "membership": ("split-members",),
}
"""Faults that aim at the same weakness at another time: a crash between two effects, a leader isolated mid-append."""

OTHER = 0.2
"""Chance of any other fault."""

HEALTHY = 0.35
"""Chance of each fault for a healthy target: about five of all that expose any of its broken variants."""

UNNAMED = ("fsync-error", "disk-full", "transfer")
"""Faults that expose no broken variant; a healthy system must withstand them too."""

THINK_MS = (0.5, 4.0, 20.0, 80.0)
"""Mean pauses of clients (ms): all operations at once, or spread over several leaders."""

PATIENCE = (0.3, 1.0)
"""How long clients wait for a reply, as a fraction of the target's timeout."""


def draw(
    target: Target,
    seed: int,
    operations: int,
    workload: str | None = None,
    nemesis: tuple[str, ...] | None = None,
    nodes: int | None = None,
) -> Plan:
    """The plan of one seed. What is given is kept; the rest is drawn from the seed."""
    random = Random(f"{seed} swarm {target.name}")
    named = _named(target)
    # of an even number, two halves may each be a majority of a smaller configuration
    reconfigures = any("reconfigure" in catalog.find(name).needs for name in named)
    counts = (3, 4, 5) if reconfigures else (3, 3, 5)
    drawn = target.nodes if target.nodes == 1 else random.choice(counts)
    nodes = drawn if nodes is None else nodes
    usual = (*DEFAULT_NEMESIS, *catalog.DIRECTED) if _directed(target) else DEFAULT_NEMESIS
    pool = dict.fromkeys((*named, *usual)) if nemesis is None else dict.fromkeys(nemesis)
    related = [other for name in named for other in RELATED.get(name, ())]
    if nemesis is None:
        pool |= dict.fromkeys(related)
    chances = dict.fromkeys(pool, OTHER) | dict.fromkeys(related, EVEN) | dict.fromkeys(nemesis or named, NAMED)
    chances = {name: chances[name] for name in pool}
    if target.broken is None and nemesis is None:
        chances = dict.fromkeys(pool, HEALTHY)
    faults = tuple(
        name for name, chance in chances.items() if catalog.find(name).nodes <= nodes and random.random() < chance
    )
    return Plan(
        target=target.name,
        workload=workload or _workload(target, random),
        nemesis=tuple(catalog.find(name).name for name in faults),
        nodes=nodes,
        clients=random.choice((3, 5, 8, 12)),
        seed=seed,
        operations=operations,
        think_ms=random.choice(THINK_MS),
        timeout_ms=target.timeout_ms * random.choice(PATIENCE),
    )


def _named(target: Target) -> tuple[str, ...]:
    """The faults known to expose a variant; a healthy system gets those of all its variants, and more."""
    if target.broken is not None:
        return target.broken.faults
    variants = [other.broken for other in family(target.name) if other.name.startswith(f"{target.name}/")]
    exposing = [name for broken in variants if broken is not None for name in broken.faults]
    return tuple(dict.fromkeys([*exposing, *UNNAMED]))


def _directed(target: Target) -> bool:
    """What takes three aligned events to go wrong gets the directed faults too, and so do the healthy targets."""
    return target.broken is None or target.broken.difficulty == "hard"


def _workload(target: Target, random: Random) -> str:
    """Mostly the target's own; now and then another that it offers all operations of."""
    fitting = [name for name in target.workloads if find_workload(name).operations <= target.operations]
    return target.workload if not fitting or random.random() < 0.7 else random.choice(fitting)
