"""What is seen while a live run goes on: a table on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

from collections import Counter
from statistics import median

import trio
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from naysayer.report.console import console
from naysayer.tell import label
from targets.fault import Heal, Restart, Resume

TERMINAL_S, PLAIN_S = 0.25, 5.0
"""How often it is renewed."""


class Progress:
    """Looks at a run from outside; `line` and `table` show what changed since the last look."""

    def __init__(self, run: LiveRun, recorder: Recorder) -> None:
        self._run = run
        self._recorder = recorder
        self._seen = 0
        self._last_ns = 0
        self._nodes: dict[str, Counter[str]] = {node: Counter() for node in run.cluster.nodes}
        self._rate = 0.0
        self._latency_ms = 0.0

    def look(self) -> None:
        """Take in the operations that ended since the last look."""
        now_ns = self._run.now_ns()
        fresh = self._recorder.ended(self._seen)
        self._seen += len(fresh)
        self._rate = len(fresh) / max(1e-9, (now_ns - self._last_ns) / 1e9)
        self._last_ns = now_ns
        self._latency_ms = median([(op.ret - op.call) / 1e6 for op in fresh if op.status == "ok"] or [0.0])
        for operation in fresh:
            self._nodes.setdefault(operation.node or "?", Counter())[operation.status] += 1

    def line(self) -> str:
        """One line: rate, median latency, outcomes, the fault in force, time left."""
        counts = self._recorder.counts
        last = self._recorder.nemesis[-1][1] if self._recorder.nemesis else None
        fault = "none" if last is None or isinstance(last, Heal | Resume | Restart) else label(last)
        left = "" if self._run.time_s is None else f" · {max(0.0, self._run.time_s - self._last_ns / 1e9):.0f} s left"
        return (
            f"{self._last_ns / 1e9:5.1f} s · {self._rate:.0f} ops/s · {self._latency_ms:.1f} ms · {counts['ok']} ok "
            f"{counts['fail']} fail {counts['info']} unknown · fault: {fault}{left}"
        )

    def table(self) -> Group:
        """The line, and below it the outcomes node by node."""
        table = Table(box=None)
        for name in ("node", "ok", "fail", "unknown"):
            table.add_column(name, justify="right")
        for node, counts in self._nodes.items():
            table.add_row(node, str(counts["ok"]), str(counts["fail"]), str(counts["info"]))
        return Group(Text(self.line()), table)


async def watch(run: LiveRun, recorder: Recorder) -> None:
    """Show the run until cancelled."""
    progress = Progress(run, recorder)
    screen = console()
    if not screen.is_terminal:
        while True:
            await trio.sleep(PLAIN_S)
            progress.look()
            screen.print(progress.line(), markup=False, soft_wrap=True)
    with Live(console=screen, auto_refresh=False, transient=True) as live:
        while True:
            await trio.sleep(TERMINAL_S)
            progress.look()
            live.update(progress.table(), refresh=True)
