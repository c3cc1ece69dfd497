"""The explorer shows what happened, an edit changes what comes after it, and what it exports replays."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from checker.errors import UsageError
from naysayer.commands.play import play
from naysayer.explorer import Ask, Edit, Explorer
from naysayer.explorer.branch import WHOLE_MAX
from naysayer.explorer.future import likelihood, points, until_ms, window
from naysayer.explorer.replay import Replay, moment
from naysayer.explorer.source import Source, open_source
from naysayer.explorer.state import State, state_of
from naysayer.hunt.failure import kind
from naysayer.options import RunOptions
from naysayer.plan import make_plan, text
from naysayer.play import notation, timed
from naysayer.play.language import parse
from naysayer.recorder import Recorder
from naysayer.results import HISTORY, TEST
from naysayer.simulate import Probe, Simulation
from naysayer.views import held, standing
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Cut, Fault, Fire, Kill, Pause, Redraw, Restart, Skew, Steer
from targets.registry import all_targets

NAMES = [target.name for target in all_targets() if target.broken is None]


def source(name: str, seed: int = 1, operations: int = 60) -> Source:
    return Source(make_plan(RunOptions(target=name, seed=seed, operations=operations)))


@pytest.fixture(scope="module")
def failing() -> Explorer:
    """A run that fails by a stale read, after 668 ms of 2 s."""
    return Explorer(source("quorum-kv/no-read-repair", 8, 200))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_state_shown_is_that_of_the_cluster_when_it_is_run_plainly(name: str) -> None:
    """Of 50 events of 5 runs. The plain run is not observed; it is looked at a nanosecond after each event."""
    random = Random(name)
    for _ in range(5):
        explorer = Explorer(source(name, random.randrange(1000), 40))
        events = explorer.recorded.events
        apart = [one for one in range(1, len(events)) if moment(events, one) is not None]
        plain: dict[int, dict[str, dict[str, Any]]] = {}
        simulation = explorer.source.simulation(Recorder(), Probe())
        cluster = simulation.cluster
        look = partial(look_at, cluster, plain)
        for number in random.sample(apart, 10):
            cluster.loop.at(moment(events, number) or 0, look, number)
        simulation.run()
        assert len(plain) == 10
        for number, views in plain.items():
            compare(explorer.state(explorer.recorded, number), views)


def look_at(cluster: SimulatedCluster, views: dict[int, dict[str, dict[str, Any]]], number: int) -> None:
    views[number] = dict(cluster.views())


def compare(state: State, views: dict[str, dict[str, Any]]) -> None:
    assert {node.name for node in state.nodes if node.status != "down"} == views.keys()
    for node in state.nodes:
        view = views.get(node.name, {})
        shown = {field.name: field.text for field in node.fields}
        keys = [field.name for field in node.fields if field.of_key]
        assert {key: shown[key] for key in keys} == {key: held(view, key) for key in keys}
        for field in ("role", "term", "commit_index", "last_index", "voted_for"):
            if view.get(field) is not None:
                assert shown[field] == str(view[field])
        count = sum(len(value) if isinstance(value, dict) else 1 for value in view.values())
        assert len(shown) in (count, len(view)), "nothing is left out"


@pytest.mark.parametrize("name", ["wal-kv", "raft-log"])
def test_an_empty_edit_gives_the_recorded_history_byte_for_byte(name: str, tmp_path: Path) -> None:
    plan = make_plan(RunOptions(target=name, operations=60))
    (tmp_path / TEST).write_text(text(plan))
    with (tmp_path / HISTORY).open("wb") as file:
        Simulation(plan, Recorder(file)).run()
    explorer = Explorer.open(tmp_path)
    assert explorer.identical
    same = explorer.branch(explorer.recorded, 100)
    assert same.replayed.history == (tmp_path / HISTORY).read_bytes()
    assert explorer.first_difference(explorer.recorded, same) is None


def has_all(state: State) -> bool:
    """Whether a message is under way to a node, and a timer is set."""
    return any(node.arriving for node in state.nodes) and any(node.timers for node in state.nodes)


def changes(explorer: Explorer, number: int) -> list[Fault | Ask]:
    """One of each kind that is possible after an event."""
    state = explorer.state(explorer.recorded, number)
    one = next(message for node in state.nodes for message in node.arriving)
    timer = next((node.name, node.timers[0].name) for node in state.nodes if node.timers)
    return [
        *(Steer(do, one.link, one.number) for do in ("deliver", "drop", "hold", "duplicate")),
        Kill(("n1",)),
        Kill(("n2",), power=True, effects=1),
        Pause(("n2",)),
        Cut((("n1", "n2"), ("n2", "n1"))),
        Skew("n3", 500.0),
        Fire(*timer),
        Ask("write", "n1", "mine", 4711),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quorum-kv/no-read-repair", "raft-log/log-unsynced"])
def test_every_edit_leaves_what_came_before_it_and_replays_from_its_scenario(name: str, tmp_path: Path) -> None:
    explorer = Explorer(source(name, 2, 120))
    recorded = explorer.recorded
    number = len(recorded.events) // 2
    while moment(recorded.events, number) is None or not has_all(explorer.state(recorded, number)):
        number += 1
    for change in changes(explorer, number):
        branch = explorer.branch(recorded, number, change)
        assert branch.events[:number] == recorded.events[:number]
        assert explorer.first_difference(recorded, branch) == number + 1
        path = tmp_path / "branch.txt"
        path.write_text(explorer.export(branch))
        again = Explorer(open_source(path)).recorded
        assert (again.verdict.outcome, again.kind, again.failed_ms) == (
            branch.verdict.outcome,
            branch.kind,
            branch.failed_ms,
        )
        assert play((str(path),), rewrite=False).code == {"valid": 0, "invalid": 1, "unknown": 2}[again.verdict.outcome]
    assert any(op.input == 4711 for op in branch.replayed.run.recorder.history())


@pytest.mark.slow
def test_a_branch_of_a_branch_keeps_the_edits_before_it_and_no_later_ones(failing: Explorer) -> None:
    number = failing.recorded.starts_at
    first = failing.branch(failing.recorded, number - 40, Pause(("n1",)))
    second = failing.branch(first, number - 20, Kill(("n2",)))
    assert [edit.change for edit in second.edits] == [Pause(("n1",)), Kill(("n2",))]
    earlier = failing.branch(second, number - 60, Kill(("n3",)))
    assert [edit.change for edit in earlier.edits] == [Kill(("n3",))]
    assert earlier.parent is second


@pytest.mark.slow
def test_an_answer_that_is_held_back_makes_the_violation_go_away(failing: Explorer) -> None:
    """The stale read used its own copy and n3's; with n3's held back, it waits for that of n2, which has the write."""
    recorded = failing.recorded
    assert (recorded.kind, recorded.culprit) == ("stale read", 178)
    answered = next(
        number
        for number, event in enumerate(recorded.events, 1)
        if recorded.stepping.of_operation(178)(number) and (event.what, event.place) == ("message", "n3")
    )
    n1 = failing.state(recorded, answered).nodes[0]
    (got,) = [one for one in n1.arriving if (one.kind, one.operation) == ("Got", 178)]
    fixed = failing.branch(recorded, answered, Steer("hold", got.link, got.number))
    assert (recorded.culprit, fixed.culprit == 178) == (178, False)
    assert [op.output for op in fixed.replayed.run.recorder.history() if op.index == 178] == [21]
    shown = failing.state(fixed, answered + 1).nodes[0]
    assert [(one.kind, one.operation) for one in shown.held] == [("Got", 178)]


@pytest.mark.slow
def test_a_scenario_is_held_to_make_progress_no_longer_than_the_run_that_it_was_made_of() -> None:
    """After healing this branch takes longer for its first success than a majority is given during faults."""
    explorer = Explorer(source("raft-log/truncate-on-any-append", 960891, 60))
    branch = explorer.branch(explorer.recorded, 479, Steer("deliver", ("n3", "n1"), 50))
    assert branch.kind == "no violation"
    written = explorer.export(branch)
    (line,) = [line for line in written.splitlines() if line.startswith("progress ")]
    scenario = notation.scenario_of(parse(written, "branch"), "branch")
    assert scenario.progress_ms == branch.replayed.run.fault_phase_ms == float(line.split()[1])
    assert timed.play(scenario, weaker=False)[1].outcome == "valid"
    run, verdict = timed.play(replace(scenario, progress_ms=None), weaker=False)
    assert kind(run, verdict) == "not live"


@pytest.mark.slow
def test_an_edit_within_the_nanosecond_of_the_next_event_comes_before_it(failing: Explorer) -> None:
    events = failing.recorded.events
    number = next(one for one in range(1, len(events)) if events[one].time_ns == events[one - 1].time_ns)
    branch = failing.branch(failing.recorded, number, Pause(("n1",)))
    assert branch.edits == (Edit(number, Pause(("n1",)), None),)
    assert branch.events[number].what == "fault"
    assert branch.events[number].time_ns == events[number - 1].time_ns


@pytest.mark.slow
def test_states_are_the_same_wherever_a_replay_stood_before() -> None:
    explorer = Explorer(source("raft-log", operations=20))
    branch = explorer.recorded
    total = len(branch.events)
    plain: dict[int, State] = {}
    wanted = Random(1).sample(range(1, total + 1), 12)

    def look(replay: Replay) -> None:
        if len(replay.events) in wanted:
            plain[len(replay.events)] = state_of(replay, branch.words)

    Replay(branch.source, look=look).to_the_end()
    looks = iter([False] * (total // 3) + [True])
    explorer.spread(branch, lambda: next(looks, False))
    for number in wanted:
        assert explorer.state(branch, number) == plain[number]
        explorer.spread(branch, lambda: False)
    explorer.close()
    assert explorer.state(branch, wanted[0]) == plain[wanted[0]]


def test_a_branch_that_is_no_longer_kept_whole_runs_again_to_the_same() -> None:
    explorer = Explorer(source("quorum-kv", operations=12))
    recorded = explorer.recorded
    state, kept = explorer.state(recorded, 20), recorded.replayed
    for number in range(WHOLE_MAX + 1):
        explorer.branch(explorer.branches[-1], 20, Pause((f"n{number % 3 + 1}",)))
    assert recorded.replayed is not kept
    assert recorded.replayed.history == kept.history
    assert explorer.state(recorded, 20) == state


def test_the_state_shows_how_far_a_coordinator_is(failing: Explorer) -> None:
    """As the answers to the stale read came in, which ended with the first from another node."""
    steps = failing.recorded.stepping
    took = steps.find(0, "next", lambda number: steps.of_operation(178)(number) and steps.of_node("n1")(number))
    assert took is not None
    working = {one.operation: one.text for one in failing.state(failing.recorded, took).nodes[0].working}
    assert working[178] == "get: itself no value; 1 of 2"


def test_the_healthy_twin_does_the_same_until_it_does_better(failing: Explorer) -> None:
    twin = failing.twin()
    assert twin.source.target == "quorum-kv"
    assert twin.verdict.outcome == "valid"
    assert failing.twin() is twin
    first = failing.first_difference(failing.recorded, twin)
    assert first is not None
    assert failing.recorded.events[: first - 1] == twin.events[: first - 1]
    with pytest.raises(UsageError, match="no broken variant"):
        Explorer(source("wal-kv", operations=20)).twin()


def test_steps_lead_to_events_of_what_they_name(failing: Explorer) -> None:
    branch = failing.recorded
    steps = branch.stepping
    culprit = branch.culprit
    assert culprit is not None
    numbers = [n for n in range(1, len(branch.events) + 1) if steps.of_operation(culprit)(n)]
    what = [branch.events[n - 1].what for n in numbers]
    assert what[0] == "invoke"
    assert "reply" in what
    assert "message" in what
    assert steps.find(numbers[0], "next", steps.of_operation(culprit)) == numbers[1]
    assert steps.find(numbers[1], "previous", steps.of_operation(culprit)) == numbers[0]
    assert steps.find(len(branch.events), "next", steps.of_node("n1")) is None


def test_roles_and_commits_are_found_where_a_protocol_has_them() -> None:
    branch = Explorer(source("raft-log", operations=30)).recorded
    role = branch.stepping.find(0, "next", branch.stepping.role)
    commit = branch.stepping.find(0, "next", branch.stepping.commit)
    assert role is not None
    assert commit is not None
    step = branch.replayed.changes[role]
    assert standing(step.before)["role"] != standing(step.after)["role"]


@pytest.mark.slow
def test_futures_share_the_past_and_the_last_of_them_all_fail(failing: Explorer) -> None:
    branch = failing.recorded
    events = points(branch, *window(branch), 4)
    assert events == sorted(events)
    for salt in (1, 2):
        edit = Edit(events[0], Redraw(salt), moment(branch.events, events[0]))
        future = Replay(branch.source, (edit,)).to_the_end()
        assert future.events[: events[0]] == branch.events[: events[0]]
        assert future.events != branch.events
    found = [likelihood(branch, event, 4, until_ms(branch)) for event in events]
    assert [one.event for one in found] == events
    assert all(0 <= one.named <= one.failed <= one.futures == 4 for one in found)
    assert found[-1].failed == found[-1].named == 4, "it is a violation already"
    assert found == [likelihood(branch, event, 4, until_ms(branch)) for event in events]


def test_a_run_that_is_too_long_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("naysayer.explorer.replay.EVENTS_MAX", 100)
    with pytest.raises(UsageError, match="this run has more than 100 events"):
        Explorer(source("quorum-kv"))


def test_what_a_run_does_not_have_is_refused_in_a_sentence(failing: Explorer, tmp_path: Path) -> None:
    recorded = failing.recorded
    last = len(recorded.events)
    with pytest.raises(UsageError, match=rf"there is no event {last + 1}: the run has events 1 to {last}"):
        failing.state(recorded, last + 1)
    with pytest.raises(UsageError, match="the run ends with this event"):
        failing.branch(recorded, last, Kill(("n1",)))
    with pytest.raises(UsageError, match="there is no node n9: the nodes are n1, n2, n3"):
        failing.branch(recorded, 5, Ask("read", "n9", "x"))
    with pytest.raises(UsageError, match="there is no node n9"):
        failing.branch(recorded, 5, Restart(("n9",)))
    with pytest.raises(UsageError, match="cas is no operation of this run: it has read, write"):
        failing.branch(recorded, 5, Ask("cas", "n1", "x", (1, 2)))
    with pytest.raises(UsageError, match="is no result"):
        Explorer.open(tmp_path)
