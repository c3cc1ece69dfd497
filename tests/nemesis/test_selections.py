"""kill:majority and its like: on how many nodes a fault is injected."""

from __future__ import annotations

from typing import Any

import pytest

from checker.errors import UsageError
from nemesis.catalog import KINDS
from nemesis.mix import PAUSE_MS, Mix, rest_for
from nemesis.named import SELECTIONS, find
from nemesis.schedule import Poll
from targets.protocol.fault import Kill, Pause, Restart
from tests.nemesis.test_schedules import NODES, situation


def begun(name: str, **state: Any) -> list[Any]:
    """What the fault begins with, for ten seeds."""
    return [find(name).begin(situation(seed, **state)) for seed in range(10)]


@pytest.mark.parametrize(("selection", "count"), [("one", 1), ("minority", 2), ("majority", 3), ("all", 5)])
def test_a_fault_is_injected_on_as_many_of_five_nodes_as_its_name_says(selection: str, count: int) -> None:
    for name, kind in (("kill", Kill), ("crash", Kill), ("power", Kill), ("torn", Kill), ("pause", Pause)):
        faults = begun(f"{name}:{selection}")
        assert all(isinstance(fault, kind) and len(set(fault.nodes)) == count for fault in faults)
        assert len({fault.nodes for fault in faults}) > 1 or count == len(NODES), "they are drawn anew"
    assert all(fault.power for fault in begun(f"power:{selection}"))
    assert all(fault.torn for fault in begun(f"torn:{selection}"))


def test_nodes_that_are_down_are_not_selected() -> None:
    assert {fault.nodes for fault in begun("kill:all", down=frozenset({"n1", "n4"}))} == {("n2", "n3", "n5")}
    assert begun("kill:majority", down=frozenset(NODES)) == [Restart(NODES)] * 10
    assert begun("pause:one", paused=frozenset(NODES)) == [None] * 10


def test_the_name_of_a_selection_is_kept_and_found_again() -> None:
    for name, kind in KINDS.items():
        for selection in SELECTIONS if kind.on is not None else ():
            assert find(find(f"{name}:{selection}").name).name == f"{name}:{selection}"
    assert find("kill:minority").nodes == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kill:most", "there is no selection of nodes 'most': choose one of one, minority, majority, all"),
        ("kill:", "there is no selection of nodes ''"),
        (
            "partition:one",
            "fault partition takes no selection of nodes such as :one; these do: kill, power, torn",
        ),
        ("kil:one", "there is no fault 'kil': did you mean kill?"),
    ],
)
def test_a_selection_that_makes_no_sense_is_refused(name: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        find(name)
    assert said in str(refused.value)


@pytest.mark.parametrize("stretch", [1.0, 8.0])
def test_faults_begin_as_far_apart_as_was_asked_for(stretch: float) -> None:
    """On average of many first pauses; the mean of the default is another one."""
    for rest, mean_ms in ((rest_for(2.0, stretch), 2000.0), (1.0, PAUSE_MS * stretch)):
        waits = []
        for seed in range(400):
            action, _ = Mix(("kill",), stretch, rest).next(situation(seed))
            assert isinstance(action, Poll)
            waits.append(action.at_ms)
        assert 0.85 < sum(waits) / len(waits) / mean_ms < 1.15
