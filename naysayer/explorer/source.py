"""What can be explored: a simulated run, as the plan, the timed scenario or the script that repeats it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from checker.errors import UsageError
from naysayer.explorer.story import Story, Telling, read_story
from naysayer.plan import Plan, read
from naysayer.play import notation, timed
from naysayer.play.notation import SCENARIO
from naysayer.play.timed import FaultScript, OperationScript, Scenario
from naysayer.recorder import Recorder
from naysayer.results import HISTORY, TEST, open_folder
from naysayer.simulate import Probe, Simulation
from targets.registry import find as find_target
from workloads.registry import find as find_workload


@dataclass(frozen=True)
class Source:
    """A run that repeats exactly."""

    repeats: Plan | Scenario | Story
    folder: Path | None = None
    """Where its results are, if it has any."""

    @property
    def target(self) -> str:
        return self.repeats.target

    @property
    def nodes(self) -> int:
        return self.repeats.nodes

    @property
    def clients(self) -> int:
        return self.repeats.clients

    @property
    def seed(self) -> int:
        return self.repeats.seed

    @property
    def model(self) -> str:
        """What its history is judged by."""
        if isinstance(self.repeats, Story):
            return self.repeats.model
        return find_workload(self.repeats.workload).model

    @property
    def offers(self) -> tuple[str, ...]:
        """The operations that can be invoked: those of its workload or script, which the model knows."""
        if isinstance(self.repeats, Story):
            return self.repeats.offers
        return tuple(sorted(find_workload(self.repeats.workload).operations))

    @property
    def twin(self) -> str | None:
        """The healthy target of which this one is a broken variant, or with which a script is played again; None where
        there is none."""
        if isinstance(self.repeats, Story):
            return self.repeats.twin
        name, _, variant = self.target.partition("/")
        return name if variant and find_target(self.target).broken is not None else None

    def of(self, target: str) -> Source:
        """The same run of another target."""
        return Source(replace(self.repeats, target=target))

    @property
    def names(self) -> tuple[str, ...]:
        """What its clients are called."""
        if isinstance(self.repeats, Story):
            return self.repeats.names
        return tuple(f"p{client}" for client in range(self.clients))

    def simulation(self, recorder: Recorder, probe: Probe) -> Simulation | Telling:
        """The run, ready to be run."""
        if isinstance(self.repeats, Story):
            return Telling(self.repeats, recorder, probe)
        if isinstance(self.repeats, Plan):
            return Simulation(self.repeats, recorder, probe=probe)
        ordered = self.repeats.of(self.repeats.items)
        return timed.staged(ordered, recorder, FaultScript(ordered.faults), OperationScript.of(ordered), probe)


def open_source(path: Path) -> Source:
    """The run of a result folder (of its scenario, where a hunt has minimised it), or of a scenario file.

    Raises UsageError for anything that does not repeat: a run in real time, a history without its plan.
    """
    if path.is_file() and path.name not in (TEST, HISTORY):
        return Source(read_story(path) or notation.read(path))
    folder = open_folder(path)
    if (folder / SCENARIO).is_file():
        return Source(notation.read(folder / SCENARIO), folder)
    plan = read(folder / TEST)
    if plan.backend != "simulator":
        raise UsageError(f"{folder} was run {plan.backend}, where time is real: only simulated runs can be explored")
    return Source(plan, folder)
