"""How fast transactions are judged and read: lists at every level, long lists, a hot key, registers, an anomaly; CPU
seconds of this process, the fastest of some runs. Judges nothing.

    python -m tests.benchmarks.transactions
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from checker.formats import read
from checker.transactions.judged import judge

ACTIVE = 10
"""Keys in use at once."""

RUNS = 5
"""Of histories of 100,000 transactions; of larger ones one."""

ELLE = "elle-cli"
"""The program, where it is on the machine. It was here once, with histories like the first: 13,000 to 16,500 txn/s."""


def events(transactions: int, clients: int, per_key: int, write: str) -> Iterator[dict[str, Any]]:
    """The events of a strictly serializable store; a key is retired after so many writes."""
    random = Random(1)
    keys, fresh, written = list(range(ACTIVE)), ACTIVE, dict[int, int]()
    state: dict[int, Any] = {}
    free, under_way = list(range(clients)), dict[int, list[list[Any]]]()
    now = begun = 0
    while begun < transactions or under_way:
        now += random.randint(1, 20)
        if free and begun < transactions and (not under_way or random.random() < 0.5):
            process, begun = free.pop(random.randrange(len(free))), begun + 1
            steps: list[list[Any]] = []
            for _ in range(random.randint(1, 4)):
                at = random.randrange(ACTIVE)
                key = keys[at]
                if random.random() < 0.5:
                    steps.append(["r", key, None])
                    continue
                written[key] = written.get(key, 0) + 1
                steps.append([write, key, written[key]])
                if written[key] >= per_key:
                    keys[at], fresh = fresh, fresh + 1
            under_way[process] = steps
            yield {"type": "invoke", "process": process, "f": "txn", "input": steps, "time": now}
            continue
        process = random.choice(list(under_way))
        done: list[list[Any]] = []
        for f, key, value in under_way.pop(process):
            if f == "append":
                state.setdefault(key, []).append(value)
            elif f == "w":
                state[key] = value
            found = state.get(key)
            done.append([f, key, (list(found or ()) if write == "append" else found) if f == "r" else value])
        free.append(process)
        yield {"type": "ok", "process": process, "f": "txn", "output": done, "time": now}


def hot(transactions: int) -> Iterator[dict[str, Any]]:
    """One key: appends that no read shows, though reads come after them."""
    for number in range(transactions // 2):
        time_ns = 10 * number
        for process, step in ((0, ["append", "x", number]), (1, ["r", "x", None])):
            yield {"type": "invoke", "process": process, "f": "txn", "input": [step], "time": time_ns}
        for process, step in ((0, ["append", "x", number]), (1, ["r", "x", []])):
            yield {"type": "ok", "process": process, "f": "txn", "output": [step], "time": time_ns + 5}


def stale(lines: Iterator[dict[str, Any]], after: int) -> Iterator[dict[str, Any]]:
    """The same with one read of nothing, late in the history, of a list that had long been appended to."""
    old = None
    for number, line in enumerate(lines):
        if line["type"] == "ok":
            read = next((step for step in line["output"] if step[0] == "r" and step[2]), None)
            old = read[1] if read and old is None else old
        if number == after:
            yield {"type": "invoke", "process": "late", "f": "txn", "input": [["r", old, None]], "time": line["time"]}
            yield {"type": "ok", "process": "late", "f": "txn", "output": [["r", old, []]], "time": line["time"]}
        yield line


CASES: dict[str, tuple[Callable[[], Iterator[dict[str, Any]]], tuple[str, ...]]] = {
    "lists, 20 clients, 100 appends a key": (lambda: events(100_000, 20, 100, "append"), ("strict-serializable",)),
    "the same with a stale read": (
        lambda: stale(events(100_000, 20, 100, "append"), 150_000),
        ("strict-serializable",),
    ),
    "lists, 50 clients, 1,000 appends a key": (lambda: events(100_000, 50, 1000, "append"), ("strict-serializable",)),
    "hot key": (lambda: hot(100_000), ("serializable",)),
    "registers, 20 sessions": (
        lambda: events(100_000, 20, 100, "w"),
        ("strict-serializable", "causal", "read-atomic", "read-committed"),
    ),
    "lists, 1M transactions": (lambda: events(1_000_000, 50, 100, "append"), ("strict-serializable",)),
}
"""What is recorded, and the levels that are asked for; each verdict has the whole ladder."""


def _cpu_s() -> float:
    spent = os.times()
    return spent.user + spent.system


def _measured(path: Path, level: str) -> tuple[int, float, float, float, str]:
    began = _cpu_s()
    recording = read(path)
    loaded = _cpu_s()
    verdict = judge(recording.history, recording.model, level)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return len(recording.history), loaded - began, _cpu_s() - loaded, peak_gb, verdict.outcome


def main() -> None:
    encoder = msgspec.json.Encoder()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        for name, (lines, levels) in CASES.items():
            with path.open("wb") as file:
                file.writelines(encoder.encode(line) + b"\n" for line in lines())
            for level in levels:
                _show(name, path, level)
    if shutil.which(ELLE) is None:
        print("  Elle: not on this machine")


def _show(name: str, path: Path, level: str) -> None:
    runs = []
    while len(runs) < (RUNS if not runs or runs[0][0] < 500_000 else 1):
        with get_context("spawn").Pool(1) as pool:
            runs.append(pool.apply(_measured, (path, level)))
    count, _, _, peak_gb, outcome = runs[0]
    load, judging = min(run[1] for run in runs), min(run[2] for run in runs)
    print(
        f"  {name:<40} {count / judging:>9,.0f} txn/s judged, {count / (load + judging):>8,.0f} with loading, "
        f"{load + judging:.1f} s, {peak_gb:.1f} GB, {level}: {outcome}",
        flush=True,
    )


if __name__ == "__main__":
    main()
