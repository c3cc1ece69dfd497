"""Scripts in the explorer: scenarios whose steps have no times."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.errors import UsageError
from checker.history import Operation
from naysayer.explorer import Explorer
from naysayer.play import play_scenario
from naysayer.play.shipped import shipped
from targets.protocol.fault import Pause

NAMES = ("figure-8", "fencing", "membership-2015", "leadership-transfer", "snapshot-and-sessions", "read-repair")
"""With requests that are repeated, values that a client was given, and requests that administer the cluster."""


def seen(operations: list[Operation]) -> list[tuple[object, ...]]:
    """What clients saw when, without the numbers and processes, which the explorer gives otherwise."""
    return sorted(
        (op.call, op.f, str(op.key), str(op.input), *((op.ret, str(op.output)) if op.status == "ok" else ()))
        for op in operations
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_explored_as_it_is_played(name: str) -> None:
    path = shipped()[name]
    explorer = Explorer.open(path)
    recorded, played = explorer.recorded, play_scenario(path.read_text(), name)
    assert played.running is not None
    assert seen(list(recorded.replayed.run.recorder.history())) == seen(played.running.operations())
    assert recorded.replayed.run.error is None
    assert recorded.verdict.outcome == played.verdicts[0]
    middle = len(recorded.events) // 2
    assert explorer.state(recorded, middle).time_ms == recorded.events[middle - 1].time_ns / 1e6
    assert explorer.branch(recorded, middle).replayed.history == recorded.replayed.history, "an empty edit"
    assert explorer.twin().verdict.outcome == played.verdicts[1]


def test_a_branch_in_which_a_script_cannot_go_on_ends_there(tmp_path: Path) -> None:
    explorer = Explorer.open(shipped()["figure-8"])
    stopped = explorer.branch(explorer.recorded, 30, Pause(("n5",)))
    assert "the script ends here: " in str(stopped.replayed.run.error)
    with pytest.raises(UsageError, match="not exported"):
        explorer.export(stopped)
    mine = tmp_path / "mine.txt"
    mine.write_text("cluster quorum-kv nodes 3\nalice writes x 1 at n1\nverdict\n")
    assert Explorer.open(mine).recorded.verdict.outcome == "valid"
