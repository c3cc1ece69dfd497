"""An assignment: a folder with assignment.toml, and the scenarios that it names."""

from __future__ import annotations

from pathlib import Path

import msgspec

from checker.errors import UsageError, unknown_name
from checker.ladder import RUNGS
from naysayer.play import notation
from naysayer.play.timed import Scenario
from nemesis import named as named_faults
from workloads.registry import find as find_workload

FILE = "assignment.toml"
FOLDER = Path(__file__).parent / "packs"
SEEDS_MAX = 10_000


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One test of an assignment: so many seeds of a hunt, or a scenario. All seeds must be without a violation."""

    name: str
    points: float
    scenario: str | None = None
    """A timed scenario beside assignment.toml, in place of a hunt; its target is replaced by the submission."""
    workloads: tuple[str, ...] = ()
    """One of them is drawn for each seed."""
    faults: tuple[str, ...] = ()
    """A part of them is drawn for each seed; none: the system is left alone."""
    nodes: int | None = None
    """None: drawn for each seed, from 3 to 5."""
    operations: int = 150
    """So many operations a seed has: the budget of a run, together with the steps of the search."""
    seeds: int = 20
    """The public seeds: 1, 2, 3 ..."""
    hidden: int = 0
    """So many more that follow from the teacher's secret."""
    succeed: float = 0.0
    """At least so large a fraction of the operations must succeed, in all seeds together."""
    credit: dict[str, float] = {}
    """By weaker model: the fraction of the points for a submission that violates nothing but what is stronger."""
    hints: tuple[str, ...] = ()
    """The first is shown when the test has failed once, the second when it has failed twice ..."""


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`families`: our healthy targets that fulfil it; the teacher's view grades them and their broken variants."""

    title: str
    about: str
    test: tuple[Trial, ...]
    families: tuple[str, ...] = ()
    name: str = ""
    folder: str = ""

    @property
    def points(self) -> float:
        """All points that can be reached."""
        return sum(one.points for one in self.test)

    def scenario(self, trial: Trial, target: str) -> Scenario | None:
        """The scenario of a test, with another target; None: the test is a hunt."""
        if trial.scenario is None:
            return None
        return msgspec.structs.replace(notation.read(Path(self.folder) / trial.scenario), target=target)


def packs() -> dict[str, Path]:
    """The assignments that come with Naysayer, by name, in the order of the course."""
    order = {one.name: _number(one) for one in FOLDER.iterdir() if (one / FILE).is_file()}
    return {name: FOLDER / name for name in sorted(order, key=lambda name: order[name])}


def _number(folder: Path) -> str:
    """By which they are in order: the title begins with the number of the assignment."""
    return msgspec.toml.decode((folder / FILE).read_bytes()).get("title", "")  # type: ignore[no-any-return]


def load(named: str) -> Assignment:
    """The assignment of that name, or of that folder. Raises UsageError naming the file and what is wrong in it."""
    known = packs()
    folder = known.get(named)
    if folder is None and ("/" in named or Path(named).is_dir()):
        folder = Path(named)
    if folder is None:
        raise unknown_name("assignment", named, known, shown_by="naysayer grade")
    file = folder / FILE
    try:
        read = msgspec.toml.decode(file.read_bytes(), type=Assignment)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {error}") from error
    found = msgspec.structs.replace(read, name=folder.resolve().name, folder=str(folder.resolve()))
    if not found.test:
        raise UsageError(f"{file}: there is no [[test]]")
    for number, one in enumerate(found.test, 1):
        try:
            _validate(found, one)
        except UsageError as error:
            raise UsageError(f"{file}: test {number} ({one.name}): {error}") from error
    names = [one.name for one in found.test]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{file}: two tests are called {twice}")
    return found


def _validate(assignment: Assignment, one: Trial) -> None:
    """Raises UsageError for what no submission could be graded by."""
    if not one.points > 0:
        raise UsageError(f"points are {one.points:g}; write more than 0")
    if (one.scenario is None) == (not one.workloads):
        raise UsageError("give either a scenario or workloads")
    for workload in one.workloads:
        find_workload(workload)
    for fault in one.faults:
        named_faults.find(fault)
    if not (1 <= one.seeds <= SEEDS_MAX and 0 <= one.hidden <= SEEDS_MAX):
        raise UsageError(f"seeds are {one.seeds} and hidden {one.hidden}; at most {SEEDS_MAX} each, and at least one")
    for weaker, share in one.credit.items():
        if weaker not in RUNGS or not 0 < share < 1:
            raise UsageError(f"credit {weaker} = {share}: name one of {', '.join(RUNGS)}, and a fraction below 1")
    assignment.scenario(one, "")
