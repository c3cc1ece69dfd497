"""What is seen while a live run goes on: a table on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from itertools import islice
from statistics import median

import trio
from rich.console import Group
from rich.live import Live
from rich.table import Table

from naysayer.fault_spans import fault_spans
from naysayer.harness.convergence import STILL_S_MAX
from naysayer.live import LiveRun
from naysayer.recorder import Recorder
from naysayer.report.console import PLAIN_S, Text, console

TERMINAL_S = 0.25
"""How often it is renewed on a terminal."""

WINDOW_NS = 1_000_000_000
"""Rate and latency are those of about so long: those of a quarter of a second jump."""


class Progress:
    """Looks at a run from outside; `line` and `table` show what changed since the last look."""

    def __init__(self, run: LiveRun, recorder: Recorder) -> None:
        self._run = run
        self._recorder = recorder
        self._seen = 0
        self._last_ns = 0
        self._nodes: dict[str, Counter[str]] = {node: Counter() for node in run.cluster.nodes}
        self._looks: deque[tuple[int, int, array[float]]] = deque([(0, 0, array("d"))])
        """The last looks: the time, how many operations had ended, and how long those took that ended ok since the look
        before, in ms."""
        self._rate = 0.0
        self._latency = "no answers"

    def look(self) -> None:
        """Take in the operations that ended since the last look."""
        now_ns = self._run.now_ns()
        fresh = self._recorder.ended(self._seen)
        self._seen += len(fresh)
        took_ms = array("d", ((op.ret - op.call) / 1e6 for op in fresh if op.status == "ok"))
        self._looks.append((now_ns, self._seen, took_ms))
        while len(self._looks) > 2 and now_ns - self._looks[1][0] >= WINDOW_NS:
            self._looks.popleft()
        then_ns, then_seen, _ = self._looks[0]
        self._rate = (self._seen - then_seen) / max(1e-9, (now_ns - then_ns) / 1e9)
        self._last_ns = now_ns
        took = [one for _, _, several in islice(self._looks, 1, None) for one in several]
        self._latency = f"{median(took):.1f} ms" if took else "no answers"
        for operation in fresh:
            self._nodes.setdefault(operation.node or "?", Counter())[operation.status] += 1

    def _counts(self) -> str:
        counts = self._recorder.counts
        return (
            f"{self._last_ns / 1e9:5.1f} s · {self._rate:.0f} ops/s · {self._latency} · {counts['ok']} ok "
            f"{counts['fail']} fail {counts['info']} unknown"
        )

    def _state(self) -> str:
        fault = ", ".join(span.label for span in fault_spans(self._recorder.nemesis) if span.to_ms is None) or "none"
        if self._run.core.convergence is not None:
            return f"all faults are undone: {self._run.core.convergence}, of {STILL_S_MAX:.0f} s at most"
        if not self._run.core.in_fault_phase:
            return "all faults are healed: operations must succeed again"
        time_ms = self._run.setup.time_ms
        left = "" if time_ms is None else f" · {max(0.0, time_ms / 1000 - self._last_ns / 1e9):.0f} s left"
        return f"fault: {fault}{left}"

    def line(self) -> str:
        """One line: rate and median latency of the last second, outcomes, the faults in force, time left."""
        return f"{self._counts()} · {self._state()}"

    def table(self) -> Group:
        """The same in two lines, which fit a terminal of 80 columns, and the outcomes node by node."""
        table = Table(box=None)
        for name in ("node", "ok", "fail", "unknown"):
            table.add_column(name, justify="right")
        for node, counts in self._nodes.items():
            table.add_row(node, str(counts["ok"]), str(counts["fail"]), str(counts["info"]))
        lines = [Text(text, no_wrap=True, overflow="ellipsis") for text in (self._counts(), f"        {self._state()}")]
        return Group(*lines, table)


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
