"""What a live run shows of itself while it goes on."""

from __future__ import annotations

import io

import trio
from rich.console import Console

from naysayer.harness.setup import Setup
from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from naysayer.report.progress import Progress
from targets.protocol.fault import Cut, Heal, Kill, Restart, Skew
from tests.benchmarks.live import Instant
from workloads.registry import find


def test_rates_outcomes_per_node_and_the_fault_in_force_are_shown() -> None:
    recorder = Recorder()
    run = LiveRun(
        Instant(), Setup(2, 1, find("echo").start(), operations=40, time_ms=60_000.0, recover=False), recorder
    )

    async def main() -> None:
        await run.run()
        assert "all faults are healed" in Progress(run, recorder).line()
        run.core.in_fault_phase = True
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
    recorder.happened(Skew("n1", 500.0), 2)
    recorder.happened(Cut((("n1", "n2"),), "n1 mute"), 3)
    recorder.happened(Restart(("n1",)), 4)
    assert "fault: skew clock of n1 by +500 ms, rate 1, partition n1 mute" in progress.line(), "all that are in force"
    recorder.happened(Skew("n1"), 5)
    recorder.happened(Heal(), 6)
    assert "fault: none" in progress.line()
