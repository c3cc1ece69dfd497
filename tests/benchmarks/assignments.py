"""Which mistakes in Java the five assignments find, after how many seeds and CPU seconds, and what the solutions get.

    python -m tests.benchmarks.assignments [ASSIGNMENT ...]

It needs a JDK. Of a mistake the tests are run up to the first seed that fails. Judges nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from naysayer.grade.pack import Assignment, load, packs
from naysayer.grade.trial import Outcome, batches, try_batch
from targets.protocol.target import HOST
from tests.assignments.java import compiled, mistakes, solution
from tests.systems import without


def first_failure(assignment: Assignment, command: str) -> tuple[Outcome | None, int, int]:
    """The first seed that fails, and how many were tried and could not be decided."""
    tried = undecided = 0
    for one, seeds in batches(assignment, None):
        for found in try_batch(assignment, one, seeds, f"{HOST}{command}"):
            tried += 1
            undecided += found.outcome == "unknown"
            if found.outcome in ("invalid", "error"):
                return found, tried, undecided
    return None, tried, undecided


def show(assignment: Assignment, name: str, command: str) -> None:
    began_s, began_cpu_s = time.monotonic(), os.times()
    found, tried, undecided = first_failure(assignment, command)
    now = os.times()
    cpu_s = sum(now[:2]) - sum(began_cpu_s[:2])
    said = "no failure" if found is None else f"{found.test}, seed {found.seed}: {found.kind}"
    effort = f"{tried:4} seeds, {undecided} undecided, {time.monotonic() - began_s:6.1f} s, {cpu_s:6.1f} CPU s of ours"
    print(f"{assignment.name:17} {name:24} {effort}  {said}", flush=True)


def main(names: tuple[str, ...] = ()) -> None:
    if lacking := without("java", "javac"):
        print(f"not run: this machine lacks {', '.join(lacking)}")
        return
    with tempfile.TemporaryDirectory() as folder:
        compiled(Path(folder))
        os.chdir(folder)
        for name in names or tuple(packs()):
            assignment = load(name)
            show(assignment, "(the solution)", solution(name))
            for mistake, command in mistakes(name).items():
                show(assignment, mistake, command)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
