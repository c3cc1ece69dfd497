"""What a hunt found: the run that failed, and the minimised one."""

from __future__ import annotations

from dataclasses import dataclass

from checker.english import counted
from checker.verdict import Verdict
from naysayer.hunt.failure import kind
from naysayer.hunt.shrink import Shrunk
from naysayer.judge import judge_run
from naysayer.plan import Plan
from naysayer.play import timed
from naysayer.play.notation import text
from naysayer.play.timed import Scenario
from naysayer.recorder import Recorder, Sink
from naysayer.simulate import Run, Simulation
from workloads.registry import find as find_workload

ORIGINAL = "original"
"""The folder, within that of a hunt, of the run that failed first."""


PICTURE = "diagram.svg"
"""The file with the same as a picture."""

DIAGRAM = "diagram.txt"
"""The file of a result folder that holds the messages of a minimised failure, as printed."""


@dataclass(frozen=True)
class Failure:
    """A run that failed, and its verdict."""

    run: Run
    verdict: Verdict

    @property
    def kind(self) -> str:
        """How it failed, in a few words."""
        return kind(self.run, self.verdict)

    @property
    def sentence(self) -> str:
        """How it failed, in one sentence."""
        worst = self.verdict.worst
        return "" if worst is None or worst.explanation is None else worst.explanation.sentence


def reproduce(plan: Plan, file: Sink | None = None) -> tuple[Scenario, Run]:
    """Run the failing plan again, recording to `file`; returns it as a scenario too."""
    simulation = Simulation(plan, Recorder(file))
    run = simulation.run()
    return timed.of_run(plan, simulation, run), run


def judged(plan: Plan, run: Run) -> Failure:
    """The failure of the failing run of a plan."""
    return Failure(run, judge_run(run, find_workload(plan.workload).model))


def changed(original: Failure, minimised: Failure, continued: bool = False) -> str | None:
    """Names both kinds of failure where minimising has changed it, or where a run was `continued` to another one."""
    if original.kind == minimised.kind:
        return None
    if continued:
        return f"{minimised.kind}; found by continuing a run from its broken {original.kind}: {original.sentence}"
    return f"{minimised.kind}; before minimising it was {original.kind}: {original.sentence}"


def size(scenario: Scenario) -> str:
    """How large a scenario is: `3 operations and 1 fault`."""
    return f"{counted(len(scenario.operations), 'operation')} and {counted(len(scenario.faults), 'fault')}"


def summary(found: Scenario, smaller: Shrunk) -> str:
    """How much smaller the scenario is now, and its text."""
    after = f"{len(smaller.scenario.operations)} and {len(smaller.scenario.faults)}"
    cut = f" ({smaller.cut})" if smaller.cut else ""
    runs = counted(smaller.runs, "run")
    return f"Minimised from {size(found)} to {after} in {runs}{cut}.\n\n{text(smaller.scenario).strip()}"
