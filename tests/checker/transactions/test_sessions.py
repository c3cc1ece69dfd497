"""Records by session of other checkers of isolation: read, and judged without real time."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.errors import HistoryError
from checker.formats import read
from checker.transactions.judged import judge
from checker.transactions.verify import verify

FORK = {
    "plume": """
w(0,5,0,0)
w(1,5,0,0)
w(0,1,1,1)
r(0,1,1,2)
r(1,5,1,2)
w(1,1,2,3)
r(1,1,2,4)
r(0,5,2,4)
""",
    "awdit": """
w 0 5
w 1 5
=====
w 0 1
-----
r 0 1
r 1 5
=====
w 1 1
-----
r 1 1
r 0 5
""",
    "dbcop": """
{"id": 0, "data": [
  [{"events": [{"write": true, "variable": 0, "value": 5}, {"write": true, "variable": 1, "value": 5}]}],
  [{"events": [{"write": true, "variable": 0, "value": 1}], "success": true},
   {"events": [{"write": false, "variable": 0, "value": 1}, {"write": false, "variable": 1, "value": 5}]}],
  [{"events": [{"write": true, "variable": 1, "value": 1}], "success": true},
   {"events": [{"write": false, "variable": 1, "value": 1}, {"write": false, "variable": 0, "value": 5}]}]]}
""",
}
"""A long fork: causally consistent, and no more."""


@pytest.mark.parametrize("name", FORK)
def test_a_long_fork_by_sessions_is_causal_and_not_snapshot_isolated(name: str, tmp_path: Path) -> None:
    path = tmp_path / "history.txt"
    path.write_text(FORK[name].lstrip())
    recording = read(path)
    assert (recording.format, recording.model, len(recording.history)) == (name, "txn-rw-register", 5)
    verdict = judge(recording.history, recording.model, "strong-session-snapshot-isolation")
    assert verdict.outcome == "invalid"
    assert verify(recording.history, verdict) == []
    assert {rung.name: rung.holds for rung in verdict.ladder}["causal"]
    assert any("no times" in warning for warning in verdict.warnings)


def test_real_time_orders_nothing_and_sessions_do(tmp_path: Path) -> None:
    path = tmp_path / "history.txt"
    path.write_text("w 0 1\n=====\nr 0 0\n-----\nr 0 0\n")
    recording = read(path)
    assert judge(recording.history, recording.model, "strict-serializable").outcome == "valid"
    path.write_text("w 0 1\n-----\nr 0 0\n")
    stale = read(path)
    verdict = judge(stale.history, stale.model, "strict-serializable")
    assert verdict.outcome == "invalid"
    assert verify(stale.history, verdict) == []
    assert judge(stale.history, stale.model, "serializable").outcome == "valid"


def test_what_is_no_such_record_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "history.txt"
    path.write_text("w 0 1\nx 0 1\n")
    with pytest.raises(HistoryError, match=":2: is not `r key value`"):
        read(path)
