"""Which mistakes in Java a default hunt finds, after how many seeds and CPU seconds, and how small it makes them.

    python -m tests.benchmarks.assigned [ASSIGNMENT ...] [MISTAKE ...]

A default hunt: `naysayer hunt --host COMMAND`, without workload, faults or sizes (`--nodes 1` for the write-ahead log).
The CPU seconds are those of our process and of its hosts, until a seed fails; what minimising it costs stands beside.
It needs a JDK. Judges nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from naysayer.grade.pack import load
from naysayer.hunt.campaign import Hunt, attempt, spent_s
from naysayer.hunt.finding import judged, reproduce
from naysayer.hunt.shrink import shrink
from targets.backends.host.process import end_hosts
from targets.protocol.target import HOST
from tests.assignments.java import SOLUTIONS, compiled, mistakes
from tests.systems import without

CPU_S_MAX = 120.0
FEW = 5
"""Runs between two looks at the CPU seconds."""


def hunted(command: str, nodes: int | None) -> tuple[float, bool]:
    """Hunt one mistake and print its row; returns the CPU seconds, and whether it was found."""
    hunt = Hunt(f"{HOST}{command}", seeds=None, nodes=nodes)
    began, seeds, failed, trouble = spent_s(), 0, None, None
    while failed is None and trouble is None and spent_s() - began < CPU_S_MAX:
        first = hunt.first_seed + seeds
        tried = attempt(hunt, range(first, first + FEW))
        seeds, failed, trouble = seeds + tried.seeds, tried.failed, tried.trouble
    spent = spent_s() - began
    row = f"{command.partition('build ')[2]:38} {seeds:5} seeds {spent:6.1f} CPU s"
    if failed is None:
        print(f"{row}  {trouble or 'NOT FOUND'}", flush=True)
        return spent, False
    began = spent_s()
    found, run = reproduce(failed)
    kind = judged(failed, run).kind
    smaller = shrink(found)
    size = f"{len(smaller.scenario.operations)} + {len(smaller.scenario.faults)}"
    print(f"{row}  {size:7} by {spent_s() - began:5.1f} s  {failed.workload}: {kind}", flush=True)
    return spent, True


def main(names: tuple[str, ...] = ()) -> None:
    if lacking := without("java", "javac"):
        print(f"not run: this machine lacks {', '.join(lacking)}")
        return
    print("  seeds and CPU s until it is found; operations and faults of the minimised run, and what that cost")
    with tempfile.TemporaryDirectory() as folder:
        compiled(Path(folder))
        os.chdir(folder)
        rows = []
        for assignment in SOLUTIONS:
            nodes = 1 if load(assignment).test[0].nodes == 1 else None
            for mistake, command in mistakes(assignment).items():
                if not names or assignment in names or mistake in names:
                    rows.append(hunted(command, nodes))
                    end_hosts()
        times = [spent for spent, found in rows if found]
        if times:
            print(f"  {len(times)} of {len(rows)} found, median {median(times):.1f} CPU s")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
