"""The scoreboard: how soon a default hunt catches each broken variant, and that no healthy one is accused.

`python -m naysayer.hunt.scoreboard [--cpu 60] [--hunts 5] [--healthy 2000] [--only NAME] [--out FILE]`
(make scoreboard). Each hunt has first seeds of its own; a variant that is not caught within the CPU seconds is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from naysayer.commands.hunt import reproduce
from naysayer.hunt.campaign import Hunt, attempt
from naysayer.hunt.shrink import shrink
from naysayer.plan import Plan
from targets.registry import all_targets
from targets.target import Target

STRIDE = 1_000_000
"""Distance between the first seeds of two hunts."""

LIMIT_S = {"E": 1.0, "M": 1.0, "H": 10.0, "control": 0.2}
"""How much longer than --cpu a hunt may take, by hardness."""


@dataclass(frozen=True)
class Row:
    """One hunted variant; seeds and CPU seconds are medians of the hunts that caught it."""

    target: Target
    caught: int
    hunts: int
    seeds: float
    cpu_s: float
    size: str


def hunt_variant(target: Target, hunts: int, cpu_s: float) -> Row:
    """Hunt a variant several times, in this process, and shrink the first failure."""
    assert target.broken is not None
    limit_s = cpu_s * LIMIT_S[target.broken.hardness]
    found: list[tuple[int, float, Plan]] = []
    for number in range(hunts):
        caught = _one_hunt(target, 1 + number * STRIDE, limit_s)
        if caught is not None:
            found.append(caught)
        elif not found and number >= 1:
            break  # two misses in a row: the other hunts would only repeat it
    size = "–"
    if found:
        smaller = shrink(reproduce(found[0][2], None)).scenario
        size = f"{len(smaller.asks)} ops, {len(smaller.strikes)} faults, {smaller.nodes} nodes"
    seeds = statistics.median(seeds for seeds, _, _ in found) if found else 0
    spent = statistics.median(spent for _, spent, _ in found) if found else limit_s
    return Row(target, len(found), hunts, seeds, spent, size)


def _one_hunt(target: Target, first: int, limit_s: float) -> tuple[int, float, Plan] | None:
    hunt = Hunt(target.name)
    began, seed = time.process_time(), first
    while time.process_time() - began < limit_s:
        tried = attempt(hunt, seed, 5)
        seed += tried.seeds
        if tried.failed is not None:
            return seed - first, time.process_time() - began, tried.failed
    return None


def healthy(target: Target, seeds: int) -> str:
    """Try seeds of a healthy target; "" or what it was accused of."""
    tried = attempt(Hunt(target.name), 1, seeds)
    if tried.failed is not None:
        return f"seed {tried.failed.seed} fails"
    return tried.trouble or (f"{tried.undecided} undecided" if tried.undecided else "")


def table(rows: list[Row], sound: list[tuple[Target, int, str]]) -> str:
    """The scoreboard in Markdown."""
    lines = ["# Scoreboard", "", "| broken variant | hard | caught | seeds | CPU s | shrunken scenario |"]
    lines.append("|---|---|---|---|---|---|")
    for row in rows:
        assert row.target.broken is not None
        mark = f"{row.caught} of {row.hunts}" if row.caught else "no"
        effort = f"{row.seeds:.0f} | {row.cpu_s:.1f}"
        lines.append(f"| {row.target.name} | {row.target.broken.hardness} | {mark} | {effort} | {row.size} |")
    lines += ["", "| healthy target | seeds | false alarms |", "|---|---|---|"]
    lines += [f"| {target.name} | {seeds} | {said or 'none'} |" for target, seeds, said in sound]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run it; exit code 1 if a healthy target was accused or the control was caught."""
    parser = argparse.ArgumentParser(description="Hunts every broken variant, and every healthy target.")
    parser.add_argument("--cpu", type=float, default=60.0, help="CPU seconds for each hunt (ten times that for H)")
    parser.add_argument("--hunts", type=int, default=5)
    parser.add_argument("--healthy", type=int, default=2000, help="seeds of each healthy target")
    parser.add_argument("--only", default="", help="targets whose name contains this")
    parser.add_argument("--out", type=Path, default=Path("results/scoreboard.md"))
    arguments = parser.parse_args()
    rows: list[Row] = []
    sound: list[tuple[Target, int, str]] = []
    for target in all_targets():
        if arguments.only not in target.name:
            continue
        if target.broken is None:
            if arguments.healthy:
                sound.append((target, arguments.healthy, healthy(target, arguments.healthy)))
                sys.stdout.write(f"{target.name}: {sound[-1][2] or 'no false alarm'}\n")
        else:
            rows.append(hunt_variant(target, arguments.hunts, arguments.cpu))
            row = rows[-1]
            sys.stdout.write(
                f"{target.name}: caught {row.caught}, {row.seeds:.0f} seeds, {row.cpu_s:.1f} s, {row.size}\n"
            )
        sys.stdout.flush()
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(table(rows, sound), encoding="utf-8")
    control = [row for row in rows if row.target.broken and row.target.broken.hardness == "control" and row.caught]
    return 1 if control or any(said.endswith("fails") for _, _, said in sound) else 0


if __name__ == "__main__":
    sys.exit(main())
