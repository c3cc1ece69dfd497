"""The scoreboard: how soon a default hunt catches each broken variant, and that no healthy one is accused.

`python -m naysayer.hunt.scoreboard [--cpu 60] [--hunts 5] [--healthy 2000] [--only NAME] [--out FILE]`
(make scoreboard). Each hunt has first seeds of its own; a variant that is not caught within the CPU seconds is missed.
Targets are hunted side by side, each in a process of its own, whose CPU seconds count.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker.parallel import pool
from naysayer.hunt.campaign import Hunt, attempt
from naysayer.hunt.finding import reproduce
from naysayer.hunt.shrink import shrink
from naysayer.plan import Plan
from targets.protocol.target import Difficulty
from targets.registry import all_targets
from targets.registry import find as find_target

STRIDE = 1_000_000
"""Distance between the first seeds of two hunts."""

LIMIT_S = {"easy": 1.0, "medium": 1.0, "hard": 10.0, "benign": 0.2}
"""How much longer than --cpu a hunt may take, by difficulty."""


@dataclass(frozen=True)
class Row:
    """One hunted variant; seeds and CPU seconds are medians of the hunts that caught it."""

    name: str
    difficulty: Difficulty
    caught: int
    hunts: int
    seeds: float
    cpu_s: float
    size: str


def hunt_variant(name: str, hunts: int, cpu_s: float) -> Row:
    """Hunt a variant several times, in this process, and shrink the first failure."""
    broken = find_target(name).broken
    assert broken is not None
    limit_s = cpu_s * LIMIT_S[broken.difficulty]
    found: list[tuple[int, float, Plan]] = []
    for number in range(hunts):
        caught = _one_hunt(name, 1 + number * STRIDE, limit_s)
        if caught is not None:
            found.append(caught)
        elif not found and number >= 1:
            break  # two misses in a row: the other hunts would only repeat it
    size = "–"
    if found:
        smaller = shrink(reproduce(found[0][2])[0]).scenario
        size = f"{len(smaller.operations)} ops, {len(smaller.faults)} faults, {smaller.nodes} nodes"
    seeds = statistics.median(seeds for seeds, _, _ in found) if found else 0
    spent = statistics.median(spent for _, spent, _ in found) if found else limit_s
    return Row(name, broken.difficulty, len(found), hunts, seeds, spent, size)


def _one_hunt(name: str, first: int, limit_s: float) -> tuple[int, float, Plan] | None:
    hunt = Hunt(name)
    began, seed = time.process_time(), first
    while time.process_time() - began < limit_s:
        tried = attempt(hunt, seed, 5)
        seed += tried.seeds
        if tried.failed is not None:
            return seed - first, time.process_time() - began, tried.failed
    return None


def healthy(name: str, seeds: int) -> str:
    """Try seeds of a healthy target; "" or what it was accused of."""
    tried = attempt(Hunt(name), 1, seeds)
    if tried.failed is not None:
        return f"seed {tried.failed.seed} fails"
    return tried.trouble or (f"{tried.undecided} undecided" if tried.undecided else "")


def table(rows: list[Row], sound: list[tuple[str, int, str]]) -> str:
    """The scoreboard in Markdown; of healthy targets the name, how many seeds, and what was said of them."""
    lines = ["# Scoreboard", "", "| broken variant | difficulty | caught | seeds | CPU s | shrunken scenario |"]
    lines.append("|---|---|---|---|---|---|")
    for row in rows:
        mark = f"{row.caught} of {row.hunts}" if row.caught else "no"
        effort = f"{row.seeds:.0f} | {row.cpu_s:.1f}"
        lines.append(f"| {row.name} | {row.difficulty} | {mark} | {effort} | {row.size} |")
    lines += ["", "| healthy target | seeds | false alarms |", "|---|---|---|"]
    lines += [f"| {name} | {seeds} | {said or 'none'} |" for name, seeds, said in sound]
    how = (
        f"Made on {time.strftime('%Y-%m-%d')} by `make scoreboard`: each hunt has first seeds of its own and ends with "
        "its first failure; seeds and CPU seconds (of the one process that hunts) are medians of the hunts that caught "
        "the variant. Undecided seeds ran out of the steps of a hunt."
    )
    return "\n".join([*lines, "", how]) + "\n"


def main() -> int:
    """Run it; exit code 1 if a healthy target was accused or a benign variant was caught."""
    parser = argparse.ArgumentParser(description="Hunts every broken variant, and every healthy target.")
    parser.add_argument("--cpu", type=float, default=60.0, help="CPU seconds for each hunt (hard: ten times that)")
    parser.add_argument("--hunts", type=int, default=5)
    parser.add_argument("--healthy", type=int, default=2000, help="seeds of each healthy target")
    parser.add_argument("--only", default="", help="targets whose name contains this")
    parser.add_argument("--out", type=Path, default=Path("results/scoreboard.md"))
    arguments = parser.parse_args()
    chosen = [target for target in all_targets() if arguments.only in target.name]
    variants = [target.name for target in chosen if target.broken is not None]
    sane = [target.name for target in chosen if target.broken is None and arguments.healthy]
    rows: dict[str, Row] = {}
    sound: dict[str, str] = {}
    with pool("processes", len(chosen)) as executor:
        asked: dict[Future[Any], str] = {}
        asked |= {executor.submit(hunt_variant, name, arguments.hunts, arguments.cpu): name for name in variants}
        asked |= {executor.submit(healthy, name, arguments.healthy): name for name in sane}
        for done in as_completed(asked):
            name, found = asked[done], done.result()
            if isinstance(found, Row):
                rows[name] = found
                said = f"caught {found.caught}, {found.seeds:.0f} seeds, {found.cpu_s:.1f} s, {found.size}"
            else:
                said = sound[name] = found
            sys.stdout.write(f"{name}: {said or 'no false alarm'}\n")
            sys.stdout.flush()
            cleared = [(name, arguments.healthy, sound[name]) for name in sane if name in sound]
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            arguments.out.write_text(
                table([rows[name] for name in variants if name in rows], cleared), encoding="utf-8"
            )
    benign = any(row.difficulty == "benign" and row.caught for row in rows.values())
    return 1 if benign or any(said.endswith("fails") for said in sound.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
