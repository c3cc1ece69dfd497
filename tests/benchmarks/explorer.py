"""The explorer, in CPU ms: any event of a run, the next one, a branch with its verdict, a future."""

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
        began = time.process_time()
        explorer = Explorer(Source(make_plan(RunOptions(target=name, seed=seed, operations=operations))))
        branch = explorer.recorded
        opened, total, random = time.process_time() - began, len(branch.events), Random(1)
        began = time.process_time()
        explorer.spread(branch, lambda: False)
        spread = time.process_time() - began
        times = sorted(_timed(explorer, random.randint(1, total)) for _ in range(40))
        steps = sorted(_timed(explorer, total // 3 + number) for number in range(100))
        began = time.process_time()
        explorer.branch(branch, total // 2, Pause(("n1",)))
        branched = time.process_time() - began
        began = time.process_time()
        found = likelihood(branch, total // 2, 8, until_ms(branch))
        future = (time.process_time() - began) / found.futures
        print(
            f"  {name}, {operations} operations, {total:,} events: open {opened * 1000:.0f}, "
            f"spread {spread * 1000:.0f}, an event p50 {times[20] * 1000:.0f} p95 {times[37] * 1000:.0f}, "
            f"one after the other {sum(steps) * 10:.0f}, "
            f"branch and verdict {branched * 1000:.0f}, a future {future * 1000:.0f} CPU ms"
        )


def _timed(explorer: Explorer, event: int) -> float:
    began = time.process_time()
    explorer.state(explorer.recorded, event)
    took = time.process_time() - began
    explorer.spread(explorer.recorded, lambda: False)  # as the server does between two requests
    return took


if __name__ == "__main__":
    main()
