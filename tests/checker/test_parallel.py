"""Parts may be judged elsewhere: the verdict must be the same, and nothing may be left over."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pytest
from distributed import LocalCluster

import checker
import checker.verify
from checker import search
from checker.check import check
from checker.errors import UsageError
from checker.history import History, Operation
from checker.parallel import pool
from checker.verdict import Verdict


def crowded(keys: int, writers: int = 7) -> History:
    """Per key, concurrent increments; on odd keys a read of what they do not add up to: a search of many steps.

    The increments differ, so that no monitor decides.
    """
    ops: list[tuple[int, str, int | None, int | None, int, int]] = []
    for key in range(keys):
        ops += [(key, "add", 1 << i, None, 0, 100) for i in range(writers)]
        ops.append((key, "read", None, 3 if key % 2 else 0, 200 if key % 2 else 0, 300))
    return History.of(
        Operation(n, n, f, key, given, output, call, ret) for n, (key, f, given, output, call, ret) in enumerate(ops)
    )


def said(verdict: Verdict) -> list[tuple[object, str, int]]:
    return [(part.key, part.outcome, len(part.counterexample)) for part in verdict.parts]


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setattr(search, "FIRST", 4)
    monkeypatch.setattr(search, "FIRST_EACH", 0)
    return crowded(4)


@pytest.mark.slow
def test_other_threads_give_the_same_verdict(history: History) -> None:
    here = check(history, "counter", all_keys=True)
    assert [part.outcome for part in here.parts] == ["valid", "invalid", "valid", "invalid"]
    assert all(part.steps > 100 for part in here.parts if part.outcome == "invalid")
    with ThreadPoolExecutor(2) as threads:
        assert said(check(history, "counter", engine=threads, all_keys=True)) == said(here)


@pytest.mark.slow
def test_other_processes_give_the_same_verdict(history: History) -> None:
    there = check(history, "counter", engine="processes", all_keys=True)
    assert said(there) == said(check(history, "counter", all_keys=True))


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_verdict(history: History) -> None:
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:  # type: ignore[no-untyped-call]
        verdict = check(history, "counter", engine=f"dask:{cluster.scheduler_address}", all_keys=True)
    assert said(verdict) == said(check(history, "counter", all_keys=True))


class Dying(Executor):
    """An executor whose workers die."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(BrokenProcessPool("a worker died"))
        return future


def test_a_worker_that_dies_makes_its_keys_unknown(history: History) -> None:
    verdict = check(history, "counter", engine=Dying())
    assert verdict.outcome == "unknown"
    assert {part.reason for part in verdict.parts if part.outcome == "unknown"} == {
        "the checker failed: BrokenProcessPool: a worker died"
    }


def test_an_engine_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown engine 'cloud'"), pool("cloud", 1):
        pass
    with pytest.raises(UsageError, match="unknown engine 'cloud'"):
        check([], engine="cloud")  # though nothing needs it


def test_the_functions_names_win_over_those_of_their_modules() -> None:
    assert checker.check is check
    assert callable(checker.verify)
    assert all(getattr(checker, name) for name in checker.__all__)


def test_an_executor_that_was_given_stays_open() -> None:
    with ThreadPoolExecutor(1) as threads:
        with pool(threads, 1) as executor:
            assert isinstance(executor, Executor)
        assert threads.submit(int).result() == 0
