"""Swarm testing: each seed draws its own subset of faults and sizes (Groce et al., ISSTA 2012).

With every fault at once a run hides what it would show with few: nothing works long enough to go wrong. What is drawn
depends on what the target offers and its views show, and never on `Broken`: a system of a user's has no such label.
"""

from __future__ import annotations

from random import Random

from naysayer.plan import Plan
from naysayer.possible import offered, possible
from nemesis import catalog
from nemesis import named as named_faults
from nemesis.named import schedule_of
from targets.protocol.target import Target
from workloads.few_writes import WORKLOAD as FEW_WRITES
from workloads.register import WORKLOAD as REGISTER
from workloads.registry import find as find_workload

FEW = (2, 3, 4)
"""Sizes of a small subset of the faults: several events that have to align are not disturbed by others."""

FEW_SHARE = 0.6
"""Chance of a small subset..."""

SHARE = 0.35
"""...and of each fault in a large one."""

RELAY_SHARE = 0.5
"""Chance of one fault of leaders alone, again and again (nemesis/relay.py)..."""

LEADERLESS_SHARE = 0.25
"""...and of another such fault, where no leader is known: each change of a node is its trigger, so less works."""

STEADY_SHARE = 0.1
"""Chance of one fault that lasts as long as the run (nemesis/steady.py)."""

LASTING = ("one-way", "one-way", "one-way", "partition", "isolate-leader", "pause")
"""Faults that leave a majority intact, by how often they last."""

NODES = (3, 3, 4, 5, 5)
"""Sizes of clusters."""

NODES_OF_CHANGES = 4
"""The size where members are changed in a relay: of an even number, two halves may each be a majority of a smaller
configuration."""

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
    clients: int | None = None,
) -> Plan:
    """The plan of one seed. What is given is kept; the rest is drawn from the seed. Of faults that are given, any
    subset is drawn."""
    random = Random(f"{seed} swarm {target.name}")
    drawn = target.nodes if target.nodes == 1 else random.choice(NODES)
    size = drawn if nodes is None else nodes
    kinds = possible(target) if nemesis is None else map(named_faults.find, nemesis)
    pool = list(dict.fromkeys(kind.name for kind in kinds if kind.nodes <= size))
    drawn_clients = random.choice((3, 5, 8, 12))
    alone = relay(pool, random)
    if alone is not None and nodes is None and "reconfigure" in named_faults.find(alone).needs:
        size = NODES_OF_CHANGES
    alone = steady(pool, Random(f"{seed} steady {target.name}")) or alone
    return Plan(
        target=target.name,
        workload=workload or random.choice(fitting(target)),
        nemesis=subset(pool, random) if alone is None else (alone,),
        nodes=size,
        clients=drawn_clients if clients is None else clients,
        seed=seed,
        operations=operations,
        think_ms=random.choice(THINK_MS),
        timeout_ms=target.timeout_ms * random.choice(PATIENCE),
    )


def relay(pool: list[str], random: Random) -> str | None:
    """The only fault of a relay; None for a plan of several faults."""
    suited = [kind for kind in map(named_faults.find, pool) if kind.hold_ms and kind.schedule is None]
    of_leaders = [kind for kind in suited if kind.needs & catalog.LEADER]
    share = RELAY_SHARE if of_leaders else LEADERLESS_SHARE
    if not suited or random.random() >= share:
        return None
    others = [kind for kind in suited if kind not in of_leaders]
    return f"{random.choice([*of_leaders, *of_leaders, *others]).name}:{named_faults.RELAY}"


def steady(pool: list[str], random: Random) -> str | None:
    """The only fault of a run that it lasts for; None for another plan."""
    suited = [name for name in LASTING if name in pool]
    return f"{random.choice(suited)}:{named_faults.STEADY}" if suited and random.random() < STEADY_SHARE else None


def subset(pool: list[str], random: Random) -> tuple[str, ...]:
    """Some of the faults: a few, or each with the same chance. A whole schedule of the user's stays."""
    if schedule_of(pool) is not None:
        return tuple(pool)
    if random.random() < FEW_SHARE:
        chosen = random.sample(pool, min(random.choice(FEW), len(pool)))
        return tuple(name for name in pool if name in chosen)
    return tuple(name for name in pool if random.random() < SHARE)


def fitting(target: Target) -> list[str]:
    """The workloads of the target of which it offers all operations, and the one that shows most stale reads.

    A program of the user's that has compare-and-set is always asked for it: such workloads read and write as well.
    """
    named = (*target.workloads, FEW_WRITES.name) if target.workloads else (target.workload,)
    operations = offered(target)
    every = [name for name in dict.fromkeys(named) if find_workload(name).operations <= operations]
    if target.foreign and "cas" in operations:
        every = [name for name in every if find_workload(name).model != REGISTER.model]
    return every or [target.workload]
