"""How fast a hunt is on one core: seeds of 200 operations a CPU second, of each healthy target.

    python -m tests.benchmarks.hunting

A seed is the whole of it: draw a plan, simulate, judge. Judges nothing.
"""

from __future__ import annotations

from naysayer.hunt.campaign import Hunt, attempt
from targets.registry import all_targets

SEEDS = 60


def main() -> None:
    for target in all_targets():
        if target.broken is None:
            attempt(Hunt(target.name), 1, 2)  # imports are no part of it
            tried = attempt(Hunt(target.name), 1, SEEDS)
            print(
                f"  {target.name:18} {tried.seeds / tried.cpu_s:>6.0f} seeds/s  ({tried.cpu_s:.2f} CPU s)", flush=True
            )


if __name__ == "__main__":
    main()
