"""Healthy targets under unusual sizes and options: whether any is accused, and how many runs stay undecided.

    python -m tests.benchmarks.unusual [SEEDS [TARGET]]

Each seed draws what a hunt draws, and then other numbers of nodes, clients and operations, other keys, pauses and
time-outs than hunts have. An accusation is printed with the seed and the plan that repeats it.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace as hunt_with
from random import Random

from msgspec.structs import replace

from checker.errors import UsageError
from naysayer.hunt.campaign import Hunt, try_plans
from naysayer.plan import Plan, validate, workload_of
from targets.registry import all_targets
from targets.registry import find as find_target
from workloads.tailored import Sizes

NODES, CLIENTS, OPERATIONS = (1, 2, 3, 4, 6, 7), (1, 2, 5, 20), (5, 40, 200, 500)
PAUSES_MS = (0.0, 1.0, 30.0, 300.0)
PATIENCE = (0.15, 0.5, 1.0, 5.0)
"""How long clients wait, in multiples of the target's time-out."""

SIZES = (None, Sizes(key_count=1), Sizes(key_count=12, ops_per_key=7), Sizes(clients_per_key=2), Sizes(ops_per_key=1))


def unusual(name: str, seed: int) -> Plan | None:
    """The plan of a seed; None if what was drawn does not fit together."""
    random, target = Random(f"unusual {name} {seed}"), find_target(name)
    nodes = 1 if target.nodes == 1 else random.choice(NODES)
    hunt = Hunt(name, operations=random.choice(OPERATIONS), nodes=nodes, clients=random.choice(CLIENTS))
    plan = replace(
        hunt_with(hunt, nemesis=random.choice((None, None, None, ()))).plan(seed),
        think_ms=random.choice(PAUSES_MS),
        timeout_ms=target.timeout_ms * random.choice(PATIENCE),
        rest=random.choice((0.2, 1.0, 4.0)),
        deck=random.random() < 0.3,
        sizes=random.choice(SIZES),
    )
    try:
        validate(plan, target, workload_of(plan))
    except UsageError:
        return None
    return plan


def show(name: str, seeds: int) -> None:
    runs = undecided = 0
    accused = []
    began = time.process_time()
    for seed in range(1, seeds + 1):
        plan = unusual(name, seed)
        if plan is None:
            continue
        tried = try_plans([plan])
        runs, undecided = runs + 1, undecided + tried.undecided
        if tried.failed is not None or tried.trouble is not None:
            accused.append(seed)
            print(f"  {name} seed {seed}: {tried.trouble or 'accused'}: {plan}", flush=True)
    spent = time.process_time() - began
    print(f"  {name:18} {runs} runs, {undecided} undecided, {len(accused)} accused  ({spent:.0f} CPU s)", flush=True)


def main() -> None:
    given = sys.argv[1:]
    seeds = int(given[0]) if given and given[0].isdigit() else 20
    for target in all_targets():
        if target.broken is None and (len(given) < 2 or target.name == given[1]):
            show(target.name, seeds)


if __name__ == "__main__":
    main()
