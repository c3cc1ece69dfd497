"""How fast transactions are judged and read: lists at every level, long lists, a hot key, registers; CPU seconds, one
run each. Judges nothing.

    python -m tests.benchmarks.transactions
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from checker.formats import read
from checker.transactions.judged import judge

ACTIVE = 10
"""Keys in use at once."""


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


CASES: dict[str, tuple[Iterator[dict[str, Any]], str]] = {
    "lists, 20 clients, 100 appends a key": (events(100_000, 20, 100, "append"), "strict-serializable"),
    "lists, 50 clients, 1,000 appends a key": (events(100_000, 50, 1000, "append"), "strict-serializable"),
    "hot key": (hot(100_000), "serializable"),
    "registers, 20 sessions": (events(100_000, 20, 100, "w"), "causal"),
    "lists, 1M transactions": (events(1_000_000, 50, 100, "append"), "strict-serializable"),
}


def _measured(path: Path, level: str) -> tuple[int, float, float, float, str]:
    started = time.process_time()
    recording = read(path)
    loaded = time.process_time()
    verdict = judge(recording.history, recording.model, level)
    judged = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return len(recording.history), loaded - started, judged - loaded, peak, verdict.outcome


def main() -> None:
    encoder = msgspec.json.Encoder()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        for name, (lines, level) in CASES.items():
            with path.open("wb") as file:
                file.writelines(encoder.encode(line) + b"\n" for line in lines)
            with get_context("spawn").Pool(1) as pool:
                count, load, judging, peak, outcome = pool.apply(_measured, (path, level))
            print(
                f"  {name:<40} {count / judging:>9,.0f} txn/s judged, {count / (load + judging):>8,.0f} with loading, "
                f"{peak:.1f} GB, {level}: {outcome}",
                flush=True,
            )


if __name__ == "__main__":
    main()
