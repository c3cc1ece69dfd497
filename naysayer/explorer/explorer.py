"""Branches of a run: the recorded one, what edits make of it, and the healthy twin; each with its verdict."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cached_property
from io import BytesIO
from math import inf
from pathlib import Path

from msgspec.structs import replace

from checker.errors import UsageError
from naysayer.explorer.branch import Branch
from naysayer.explorer.replay import Ask, Change, Edit, moment, refuse_event
from naysayer.explorer.source import Source, open_source
from naysayer.explorer.standing import Nearby
from naysayer.explorer.state import State, state_of
from naysayer.explorer.story import Story, Telling
from naysayer.hunt.failure import kind
from naysayer.plan import Plan
from naysayer.play import notation, timed
from naysayer.play.faults import Numbered, fault_of, fault_text
from naysayer.play.language import FAULTS, match_step
from naysayer.recorder import Recorder
from naysayer.results import HISTORY
from targets.backends.simulator import SimulatedCluster

BESIDE = 16
"""So many states before and after one are kept with it..."""

STATES_MAX = 500
"""...until there are so many of a branch."""

BRANCHES_MAX = 200
"""An explorer keeps so many branches."""


class Explorer:
    """The branches of one run. Methods raise UsageError for what the run does not have."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._whole: deque[Branch] = deque()
        self.recorded = Branch(source, (), self._whole)
        self.branches: list[Branch] = [self.recorded]
        self._nearby: Nearby | None = None

    @staticmethod
    def open(path: Path) -> Explorer:
        """The explorer of a result folder or a scenario file."""
        return Explorer(open_source(path))

    @property
    def names(self) -> Numbered:
        """The nodes, for steps that name them."""
        return Numbered(self.source.nodes)

    @cached_property
    def identical(self) -> bool | None:
        """Whether running it again gives the recorded history, byte for byte; None where none is recorded."""
        folder = self.source.folder
        if folder is None or not (folder / HISTORY).is_file():
            return None
        return (folder / HISTORY).read_bytes() == self.recorded.replayed.history

    def state(self, branch: Branch, number: int) -> State:
        """The state after an event, which the branch is run again to reach.

        A person who goes from event to event asks for those beside it next, so where they have begun to, states of
        some more are kept on the way.
        """
        refuse_event(number, len(branch.events))
        if number not in branch.states:
            beside = number + 1 in branch.states or number - 1 in branch.states
            reach = BESIDE if beside else 0
            first, last = max(1, number - reach), min(len(branch.events), number + reach)
            words = branch.words
            if len(branch.states) > STATES_MAX:
                branch.states.clear()

            near = self._near(branch)
            for wanted in range(first, last + 1):
                if wanted not in branch.states:
                    branch.states[wanted] = state_of(near.reach(wanted), words)
        return branch.states[number]

    def spread(self, branch: Branch, interrupted: Callable[[], bool]) -> None:
        """Have replays of a branch stand all over it, so that any state of it is soon reached. That takes some runs of
        the branch, and ends early where `interrupted` holds."""
        self._near(branch).spread(interrupted)

    def _near(self, branch: Branch) -> Nearby:
        """The standing replays of a branch; those of the branch before it are ended."""
        if self._nearby is None or self._nearby.branch is not branch:
            if self._nearby is not None:
                self._nearby.close()
            self._nearby = Nearby(branch)
        return self._nearby

    def close(self) -> None:
        """End what it keeps running; it can be used again."""
        if self._nearby is not None:
            self._nearby.close()
            self._nearby = None

    def branch(self, parent: Branch, after: int, *changes: Change) -> Branch:
        """The parent up to an event, then these changes; run to its end and judged."""
        refuse_event(after, len(parent.events))
        if after == len(parent.events):
            raise UsageError("the run ends with this event: go back to an earlier one to change what happens")
        if len(self.branches) >= BRANCHES_MAX:
            raise UsageError(f"there are {BRANCHES_MAX} branches already: open the run again to begin anew")
        for change in changes:
            _refuse(change, parent)
        before = tuple(edit for edit in parent.edits if edit.after < after)
        edits = (*before, *(Edit(after, change, moment(parent.events, after)) for change in changes))
        found = Branch(parent.source, edits, self._whole, parent)
        self.branches.append(found)
        return found

    def twin(self) -> Branch:
        """The same operations and faults, at the same times, on the healthy target."""
        name = self.source.twin
        if name is None:
            raise UsageError(f"{self.source.target} is no broken variant: it has no healthy twin")
        found = next((one for one in self.branches if one.source is not self.source), None)
        if found is None:
            scripted = isinstance(self.source.repeats, Story)
            again = self.source if scripted else Source(self._as_scenario(self.recorded))
            found = Branch(again.of(name), (), self._whole, self.recorded)
            self.branches.append(found)
        return found

    def first_difference(self, one: Branch, other: Branch) -> int | None:
        """The number of the first event at which two branches differ; None if they do not."""
        pairs = enumerate(zip(one.events, other.events, strict=False), 1)
        found = next((number for number, (left, right) in pairs if left != right), None)
        shorter = min(len(one.events), len(other.events))
        return found if found is not None or len(one.events) == len(other.events) else shorter + 1

    def export(self, branch: Branch) -> str:
        """The branch as a timed scenario, which `naysayer play` judges as the explorer did.

        Raises UsageError where it would come to another verdict: where an edit is part of an event, which a scenario
        cannot express, or where a run of a script is held to be live and another is not.
        """
        scenario = self._as_scenario(branch)
        judged = branch.judged.outcome
        for exported in dict.fromkeys((replace(scenario, progress_ms=None), scenario)):
            run, verdict = timed.play(exported, Recorder(BytesIO()), weaker=False)
            if verdict.outcome == judged and (judged != "invalid" or kind(run, verdict) == branch.kind):
                return notation.text(exported, f"{branch.label}: {branch.kind}, from a run of {self.source.target}")
        raise UsageError(
            f"as a scenario this branch would come to another verdict ({verdict.outcome}, here {judged}), so it is "
            "not exported"
        )

    def _as_scenario(self, branch: Branch) -> timed.Scenario:
        repeats, simulation = branch.source.repeats, branch.replayed.simulation
        if isinstance(repeats, Story) or isinstance(simulation, Telling):
            raise UsageError("a branch of a script is not exported: its steps have no times. Edit its file instead")
        plan = repeats if isinstance(repeats, Plan) else timed.plan_of(repeats)
        if not isinstance(repeats, Plan) and not branch.edits:
            return repeats
        found = timed.of_run(plan, simulation, branch.replayed.run)
        if isinstance(repeats, Plan):
            return found
        until_ms = branch.replayed.run.fault_phase_ms if repeats.recovers else inf
        kept = found.of(item for item in found.items if item.at_ms < until_ms)
        return replace(kept, recovers=repeats.recovers, end_ms=repeats.end_ms, progress_ms=repeats.progress_ms)


def _refuse(change: Change, parent: Branch) -> None:
    """Raises UsageError for what the simulator cannot do, and for nodes that are not there."""
    names = Numbered(parent.source.nodes)
    if isinstance(change, Ask):
        names.node(change.node)
        offered = parent.source.offers
        if change.f not in offered:
            raise UsageError(f"{change.f} is no operation of this run: it has {', '.join(offered)}")
        return
    if not change.needs() <= SimulatedCluster.faults:
        raise UsageError(f"the simulator cannot carry out: {change.in_full()}")
    fault_of(match_step(FAULTS, fault_text(change)), names)
