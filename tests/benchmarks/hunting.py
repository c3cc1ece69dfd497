"""How fast a hunt is on one core: seeds of 200 operations a CPU second, of each healthy target.

    python -m tests.benchmarks.hunting

A seed is the whole of it: draw a plan, simulate, judge, and collect the garbage. The sizes of clusters are drawn (3, 3
or 5 nodes), but for the row that says otherwise. The interpreter counts: one that was built without profile-guided
optimization needs about a quarter more time. Judges nothing.
"""

from __future__ import annotations

import sys
import time

from naysayer.hunt.campaign import Hunt, attempt
from targets.registry import all_targets

SEEDS = 60


def show(hunt: Hunt, name: str) -> None:
    attempt(hunt, range(1, 3))  # imports are no part of it
    began = time.process_time()
    tried = attempt(hunt, range(1, 1 + SEEDS))
    spent = time.process_time() - began
    print(f"  {name:20} {tried.seeds / spent:>6.1f} seeds/s  ({spent:.2f} CPU s)", flush=True)


def main() -> None:
    print(f"  Python {sys.version.split()[0]} of {sys.base_prefix}")
    show(Hunt("quorum-kv", nodes=3), "quorum-kv on 3 nodes")
    for target in all_targets():
        if target.broken is None:
            show(Hunt(target.name), target.name)


if __name__ == "__main__":
    main()
