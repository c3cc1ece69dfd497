"""Draws a report as an SVG, for the README: `python -m naysayer.commands.picture docs/report.svg` (make picture)."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from naysayer.commands.test import result_of, simulate
from naysayer.judge import judge_run
from naysayer.options import RunOptions
from naysayer.plan import make_plan
from naysayer.recorder import Recorder
from naysayer.report.build import build_report
from naysayer.report.console import Screen
from naysayer.report.nodes import with_nodes
from naysayer.report.terminal import show
from workloads.registry import find as find_workload


def main(place: Path) -> None:
    """Run the demo's broken store, and draw its report."""
    plan = make_plan(RunOptions(target="quorum-kv/no-read-repair"))
    run = simulate(plan, Recorder())
    verdict = judge_run(run, find_workload(plan.workload).model)
    report = build_report(result_of(plan, run, verdict), Path("results/quorum-kv.no-read-repair/latest"))
    report = with_nodes(plan, report)
    screen = Screen(record=True, width=100, file=io.StringIO(), force_terminal=True)
    show(report, screen)
    drawn = screen.export_svg(title="naysayer test quorum-kv/no-read-repair")
    # the picture must not fetch a font from anywhere: the reader's own monospace will do
    drawn = re.sub(r"@font-face\s*\{.*?\}", "", drawn, flags=re.DOTALL)
    place.write_text(drawn.replace("Fira Code, monospace", "monospace"), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
