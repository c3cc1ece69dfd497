"""The explorer: any event of a run, a branch with its verdict, futures."""

from __future__ import annotations

import time
from random import Random

from naysayer.explorer import Explorer
from naysayer.explorer.future import likelihood, until_ms
from naysayer.explorer.source import Source
from naysayer.options import RunOptions
from naysayer.plan import make_plan
from targets.protocol.fault import Pause


def main() -> None:
    for name, seed, operations in (
        ("quorum-kv/no-read-repair", 8, 200),
        ("raft-log", 1, 400),
        ("quorum-kv/no-read-repair", 1, 2000),
    ):
        began = time.perf_counter()
        explorer = Explorer(Source(make_plan(RunOptions(target=name, seed=seed, operations=operations))))
        branch = explorer.recorded
        opened, total, random = time.perf_counter() - began, len(branch.events), Random(1)
        times = sorted(_timed(explorer, random.randint(1, total)) for _ in range(40))
        began = time.perf_counter()
        explorer.branch(branch, total // 2, Pause(("n1",)))
        branched = time.perf_counter() - began
        began = time.perf_counter()
        found = likelihood(branch, total // 2, 8, until_ms(branch))
        future = (time.perf_counter() - began) / found.futures
        print(
            f"  {name}, {operations} operations, {total:,} events: open {opened * 1000:.0f} ms, "
            f"an event p50 {times[20] * 1000:.0f} p95 {times[37] * 1000:.0f} ms, "
            f"branch and verdict {branched * 1000:.0f} ms, a future {future * 1000:.0f} ms"
        )


def _timed(explorer: Explorer, event: int) -> float:
    began = time.perf_counter()
    explorer.state(explorer.recorded, event)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
