"""How fast one exploration is, and what it takes to certify the healthy quorum store: one process.

    python -m tests.benchmarks.exploring_speed

CPU seconds, distinct states a second, and bytes a state: how much the process has grown, tables included.
"""

from __future__ import annotations

import resource
import time

from naysayer.explore.scope import scope
from naysayer.explore.search import Search
from targets.registry import find

SCOPES = (("w | r r", 0, 0), ("w@n1 | r@n2 r@n3", 1, 1), ("w@n1 | r@n2 r@n3", 1, 2))
"""Program, crashes, timers."""

STATES_MAX = 3_000_000


def main() -> None:
    """Print a line for each scope, then the size of the largest."""
    target, before, most = find("quorum-kv"), _memory(), 0
    for program, crashes, timers in SCOPES:
        began = time.process_time()
        wanted = scope(program, target.nodes, crashes, timers)
        found = Search(target.node, wanted, invariants=target.invariants).run(STATES_MAX)
        cpu_s, most = time.process_time() - began, max(most, found.states)
        what = found.cut or ("no violation" if found.failure is None else found.failure.why)
        print(f"  {wanted}: {found.states:,} states, {what}, {cpu_s:.1f} s, {found.states / cpu_s:,.0f} states/s")
    print(f"  {(_memory() - before) / most:.0f} bytes a state of the largest")


def _memory() -> int:
    """The most that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
