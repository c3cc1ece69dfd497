"""The scoreboard: how soon a default hunt catches each broken variant, and that no healthy target is accused.

`make scoreboard [TARGETS=raft-log] [HUNTS=20] [CPU=60] [HEALTHY=2000] [TIME=600]`, or the same as options of
`python -m naysayer.hunt.scoreboard`. Hunts are blind: nothing that is drawn depends on `Broken`. Each hunt has first
seeds of its own, runs in one process, and misses its variant if it has not caught it within the CPU seconds. Finished
hunts are kept in a file beside the table, so that a board that was interrupted, or bounded by --time, continues where
it ended; after a change of the code it starts again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from checker.parallel import pool
from naysayer.hunt.beyond import seen_by_clients
from naysayer.hunt.campaign import Hunt, attempt
from naysayer.hunt.finding import judged, reproduce
from naysayer.hunt.shrink import SIGHT, shrink
from targets.protocol.target import Target
from targets.registry import all_targets

STRIDE = 1_000_000
"""Distance between the first seeds of two hunts."""

CHUNK = 100
"""Seeds of a healthy target in one task."""

FEW = 5
"""Runs between two looks at the CPU seconds."""

CODE = ("checker", "targets", "workloads", "nemesis", "naysayer")
"""Folders whose code decides what a hunt finds."""


class Hunted(msgspec.Struct, frozen=True, tag="hunt"):
    """One hunt of a broken variant, in a line of the file."""

    name: str
    number: int
    seeds: int
    cpu_s: float
    caught: bool
    seen: bool = False
    """Clients saw the failure, or one that followed from a broken invariant in a continuation of the run."""
    size: str = ""
    """Of the minimised scenario; only of the first hunt."""


class Cleared(msgspec.Struct, frozen=True, tag="healthy"):
    """Some seeds of a healthy target. `accused`: the seeds that failed, with what else went wrong."""

    name: str
    number: int
    seeds: int
    undecided: int = 0
    accused: str = ""


Result = Hunted | Cleared


def hunt_variant(name: str, number: int, cpu_s: float) -> Hunted:
    """One hunt, in this process; the failure of the first is minimised."""
    hunt = Hunt(name, seeds=None, first_seed=1 + number * STRIDE)
    began, seeds, failed = time.process_time(), 0, None
    while failed is None and time.process_time() - began < cpu_s:
        first = hunt.first_seed + seeds
        tried = attempt(hunt, range(first, first + FEW))
        seeds, failed = seeds + tried.seeds, tried.failed
    spent = round(time.process_time() - began, 3)
    if failed is None:
        return Hunted(name, number, seeds, spent, False)
    found, run = reproduce(failed)
    seen = judged(failed, run).verdict.method not in SIGHT
    if not seen and run.violated_ms is not None:
        seen = seen_by_clients(failed, run.violated_ms) is not None
    size = ""
    if number == 0:
        smaller = shrink(found).scenario
        size = f"{len(smaller.operations)} ops, {len(smaller.faults)} faults, {smaller.nodes} nodes"
    return Hunted(name, number, seeds, spent, True, seen, size)


def clear_healthy(name: str, number: int, seeds: int) -> Cleared:
    """Try a chunk of the seeds of a healthy target."""
    first = 1 + number * CHUNK
    tried = attempt(Hunt(name), range(first, first + seeds))
    accused = "" if tried.failed is None else f"seed {tried.failed.seed} fails"
    return Cleared(name, number, tried.seeds, tried.undecided, accused or tried.trouble or "")


def percentile_90(numbers: Sequence[float]) -> float:
    """The number that nine of ten do not exceed."""
    return sorted(numbers)[-(-9 * len(numbers) // 10) - 1]


def table(targets: Iterable[Target], results: Iterable[Result], cpu_s: float) -> str:
    """The scoreboard in Markdown."""
    lines = [
        "# Scoreboard",
        "",
        "| broken variant | difficulty | caught | seeds | CPU s | seen by clients | minimised |",
    ]
    lines.append("|---|---|---|---|---|---|---|")
    every, healthy = list(results), []
    for target in targets:
        mine = [one for one in every if one.name == target.name]
        if target.broken is not None:
            hunts = [one for one in mine if isinstance(one, Hunted)]
            lines += [_row(target.name, target.broken.difficulty, hunts, cpu_s)] if hunts else []
        elif cleared := [one for one in mine if isinstance(one, Cleared)]:
            healthy.append(_healthy_row(target.name, cleared))
    lines += ["", "| healthy target | seeds | undecided | false alarms |", "|---|---|---|---|", *healthy]
    how = (
        f"Made on {time.strftime('%Y-%m-%d')} by `make scoreboard`. The hunts are blind: what they draw does not "
        "depend on the faults that are known to expose a variant. Each has first seeds of its own, runs in one "
        f"process, and ends with its first failure or after {cpu_s:g} CPU seconds. Seeds and CPU seconds are given as "
        "median / 90th percentile of all hunts; one that missed its variant counts with what it spent. *Seen by "
        "clients*: of the failures, those that clients saw, in the run or in one of its continuations from the broken "
        "invariant; the others only broke an invariant, or a node died or hung, or the cluster was not live."
    )
    return "\n".join([*lines, "", how]) + "\n"


def _row(name: str, difficulty: str, hunts: list[Hunted], cpu_s: float) -> str:
    caught = [one for one in hunts if one.caught]
    seeds, spent = [one.seeds for one in hunts], [one.cpu_s for one in hunts]
    size = next((one.size for one in caught if one.size), "–")
    seen = f"{sum(one.seen for one in caught)} of {len(caught)}" if caught else "–"
    effort = f"{median(seeds):.0f} / {percentile_90(seeds):.0f} | {median(spent):.1f} / {percentile_90(spent):.1f}"
    return f"| {name} | {difficulty} | {len(caught)} of {len(hunts)} | {effort} | {seen} | {size} |"


def _healthy_row(name: str, chunks: list[Cleared]) -> str:
    seeds, undecided = sum(one.seeds for one in chunks), sum(one.undecided for one in chunks)
    accused = ", ".join(one.accused for one in chunks if one.accused)
    return f"| {name} | {seeds} | {undecided} | {accused or 'none'} |"


class Board:
    """The file of finished hunts. Its first line says what they were made with: after a change they count no more."""

    def __init__(self, path: Path, made_with: str) -> None:
        self._path = path
        self.results: list[Result] = []
        lines = path.read_bytes().splitlines() if path.exists() else []
        if lines[:1] == [made_with.encode()]:
            # a line that was cut by an interruption is not a result
            whole = [line for line in lines[1:] if line.endswith(b"}")]
            self.results = [msgspec.json.decode(line, type=Result) for line in whole]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            b"".join(line + b"\n" for line in [made_with.encode(), *map(msgspec.json.encode, self.results)])
        )

    def add(self, result: Result) -> None:
        """Keep a result."""
        self.results.append(result)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(result) + b"\n")

    def lacks(self, kind: type[Result], name: str, number: int) -> bool:
        """Whether this hunt, or this chunk of seeds, is still to be made."""
        return not any(isinstance(one, kind) and (one.name, one.number) == (name, number) for one in self.results)


def fingerprint(root: Path) -> str:
    """A hash of the code under `root` that decides what a hunt finds."""
    found = blake2b(digest_size=8)
    for file in sorted(chain.from_iterable((root / folder).rglob("*.py") for folder in CODE)):
        found.update(file.read_bytes())
    return found.hexdigest()


def tasks(targets: Sequence[Target], board: Board, hunts: int, cpu_s: float, healthy: int) -> list[tuple[Any, ...]]:
    """What is still to be done, as functions with their arguments: the first hunt of every variant, then the second,
    so that a board that is bounded in time has something of every target."""
    variants = [target.name for target in targets if target.broken is not None]
    sound = [target.name for target in targets if target.broken is None]
    chunks = [(first // CHUNK, min(CHUNK, healthy - first)) for first in range(0, healthy, CHUNK)]
    of_variants = [(hunt_variant, name, number, cpu_s) for number in range(hunts) for name in variants]
    of_healthy = [(clear_healthy, name, number, seeds) for number, seeds in chunks for name in sound]
    left = [task for task in of_variants if board.lacks(Hunted, task[1], task[2])]
    return [*left, *(task for task in of_healthy if board.lacks(Cleared, task[1], task[2]))]


def main(given: Sequence[str] | None = None) -> int:
    """Run it; exit code 1 if a healthy target was accused or a benign variant was caught."""
    parser = argparse.ArgumentParser(description="Hunts every broken variant, and every healthy target.")
    parser.add_argument("--cpu", type=float, default=60.0, help="CPU seconds for each hunt")
    parser.add_argument("--hunts", type=int, default=20, help="hunts of each broken variant")
    parser.add_argument("--healthy", type=int, default=2000, help="seeds of each healthy target")
    parser.add_argument("--only", default="", help="targets whose name contains this")
    parser.add_argument("--time", type=float, default=float("inf"), help="begin nothing more after so many seconds")
    parser.add_argument("--out", type=Path, default=Path("results/scoreboard.md"))
    asked = parser.parse_args(given)
    chosen = [target for target in all_targets() if asked.only in target.name]
    made_with = f"hunts of {asked.cpu:g} CPU s with the code {fingerprint(Path(__file__).parents[2])}"
    board = Board(asked.out.with_suffix(".jsonl"), made_with)
    left = tasks(chosen, board, asked.hunts, asked.cpu, asked.healthy)
    until, workers = time.monotonic() + asked.time, os.cpu_count() or 1
    with pool("processes", len(left) or 1) as executor:
        running: set[Future[Result]] = set()
        while running or (left and time.monotonic() < until):
            while left and len(running) < workers and time.monotonic() < until:
                running.add(executor.submit(*left.pop(0)))
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for result in (future.result() for future in ended):
                board.add(result)
                sys.stdout.write(f"{msgspec.json.encode(result).decode()}\n")
                sys.stdout.flush()
                asked.out.write_text(table(all_targets(), board.results, asked.cpu), encoding="utf-8")
    if left:
        sys.stdout.write(f"{len(left)} tasks are left; the same command continues\n")
    benign = {target.name for target in chosen if target.broken is not None and target.broken.difficulty == "benign"}
    caught = any(isinstance(one, Hunted) and one.caught and one.name in benign for one in board.results)
    return 1 if caught or any(isinstance(one, Cleared) and one.accused for one in board.results) else 0


if __name__ == "__main__":
    sys.exit(main())
