"""What a system tells of the order of commits finds the order of versions, and never accuses."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.budget import Budget
from checker.formats import read
from checker.history import NO_COMMIT, History
from checker.transactions import strong
from checker.transactions.judged import judge
from checker.transactions.verify import verify


def lagging_snapshots(path: Path, transactions: int) -> None:
    """Writes what thirty clients of a snapshot-isolated store recorded: most writes are blind, snapshots lag."""
    random, clients = Random(5), 30
    written: dict[int, list[tuple[int, int]]] = {key: [(0, -1)] for key in range(40)}
    under_way: dict[int, tuple[int, list[list[Any]], set[int]]] = {}
    committed: dict[int, dict[str, Any]] = {}
    commits, value = 0, 0
    with path.open("w") as file:
        for now in range(3 * transactions):
            client = random.randrange(clients)
            kind, more = "ok", committed.pop(client, {})
            if not more and client in under_way:
                snapshot, done, keys = under_way.pop(client)
                kind = "fail"
                if all(written[key][-1][0] <= snapshot for key in keys):
                    commits += bool(keys)
                    for f, key, given in done:
                        if f == "w":
                            written[key].append((commits, given))
                    committed[client] = {"output": done, **({"commit": commits} if keys else {})}
                    continue
            elif not more:
                snapshot, kind = max(0, commits - random.randrange(2)), "invoke"
                done = []
                for key in random.sample(range(40), random.randint(1, 4)):
                    value += 1
                    found = max(version for version in written[key] if version[0] <= snapshot)[1]
                    done.append(["r", key, None if found < 0 else found] if value % 2 else ["w", key, value])
                under_way[client] = snapshot, done, {key for f, key, _ in done if f == "w"}
                more = {"input": [[f, key, None if f == "r" else given] for f, key, given in done]}
            file.write(json.dumps({"type": kind, "process": client, "f": "txn", "time": now, **more}) + "\n")


def outcome(history: History, level: str) -> str:
    verdict = judge(history, "txn-rw-register", level, budget=Budget(steps=1))
    assert verdict.outcome == "unknown" or verify(history, verdict) == []
    return verdict.outcome


@pytest.mark.slow
def test_the_order_of_commits_is_that_of_versions_where_it_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strong, "EVENTS_MAX", 0)  # as in a history that is too large for propagation
    lagging_snapshots(tmp_path / "history.jsonl", 1500)
    history = read(tmp_path / "history.jsonl").history
    told = history.commit
    assert told is not None
    assert outcome(history, "snapshot-isolation") == "valid"
    history.commit = None
    assert outcome(history, "snapshot-isolation") == "unknown"
    history.commit = told.max() + 1 - told  # a system that tells nonsense is not accused of it
    assert outcome(history, "snapshot-isolation") == "unknown"
    history.commit = told.copy()
    history.commit[::50] = NO_COMMIT
    assert outcome(history, "read-committed") == "valid"
