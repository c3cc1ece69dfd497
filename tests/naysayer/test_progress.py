"""What a live run shows of itself while it goes on."""

from __future__ import annotations

import io

import trio
from rich.console import Console

from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from naysayer.report.progress import Progress
from targets.fault import Heal, Kill
from tests.benchmarks.live import Instant
from workloads.registry import find


def test_rates_outcomes_per_node_and_the_fault_in_force_are_shown() -> None:
    recorder = Recorder()
    run = LiveRun(Instant(), find("echo").start(), None, recorder, 2, 1, operations=40, time_s=60.0)

    async def main() -> None:
        await run.run()
        look(run, recorder)

    trio.run(main)


def look(run: LiveRun, recorder: Recorder) -> None:
    progress = Progress(run, recorder)
    recorder.happened(Kill(("n1",)), 1)
    progress.look()
    assert "40 ok 0 fail 0 unknown" in progress.line()
    assert "fault: kill n1" in progress.line()
    assert "60 s left" in progress.line()
    out = io.StringIO()
    Console(file=out, width=80).print(progress.table())
    assert "kill n1 · 60 s left" in out.getvalue(), "what matters most is not wrapped"
    assert ["n1", "40", "0", "0"] in [row.split() for row in out.getvalue().splitlines()]
    recorder.happened(Heal(), 2)
    progress.look()
    assert "no answers" in progress.line()
    assert "fault: none" in progress.line()
