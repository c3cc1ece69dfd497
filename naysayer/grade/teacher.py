"""A pack against our own solutions and every broken variant: what it would miss, and whom it would accuse."""

from __future__ import annotations

from concurrent.futures import Executor

from rich.table import Table

from checker.parallel import pool
from checker.processes import cores
from naysayer.grade.outputs import number
from naysayer.grade.pack import Assignment, load
from naysayer.grade.score import TestScore, score
from naysayer.grade.trial import Outcome, applies, batches, try_batch
from naysayer.report.console import console
from targets.registry import family
from targets.registry import find as find_target
from workloads.registry import find as find_workload


def targets_of(assignment: Assignment) -> list[str]:
    """The healthy targets of the assignment and their broken variants."""
    healthy = assignment.families
    return (
        [target.name for name in healthy for target in family(name) if target.name.partition("/")[0] in healthy]
        if healthy
        else []
    )


def does_harm(target: str) -> bool:
    """Whether it is a broken variant, and not a control that looks like one."""
    broken = find_target(target).broken
    return broken is not None and broken.difficulty != "benign"


def not_asked_for(assignment: Assignment, target: str) -> list[str]:
    """The operations that a variant's own workload has, unlike its healthy twin's, and that no test asks for: the
    mistake may be in one of them."""
    found, healthy = find_target(target), find_target(target.partition("/")[0])
    if found.workload == healthy.workload:
        return []
    asked = {f for one in assignment.test for name in one.workloads for f in find_workload(name).operations}
    return sorted(find_workload(found.workload).operations - asked)


def scores_of(assignment: Assignment, target: str, executor: Executor) -> list[TestScore]:
    """The scores of a target of ours, in the tests that ask for nothing it lacks."""
    parts = [(one, seeds) for one, seeds in batches(assignment, None) if applies(one, target)]
    futures = [(one, executor.submit(try_batch, assignment, one, seeds, target)) for one, seeds in parts]
    outcomes: list[Outcome] = [found for _, future in futures for found in future.result()]
    return [
        score(one, [found for found in outcomes if found.test == one.name])
        for one in assignment.test
        if applies(one, target)
    ]


def grade_ours(named: str) -> int:
    """Print the table; returns 0 if every healthy target has all points, and every broken one fewer whose mistake may
    show in what is asked for, else 1."""
    assignment, screen = load(named), console()
    table = Table(title=assignment.title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "target", "points", "failed tests"):
        table.add_column(column, overflow="fold", justify="right" if column == "points" else "left")
    missed, accused = [], []
    with pool("processes", cores()) as executor:
        for target in dict.fromkeys(targets_of(assignment)):
            scored = scores_of(assignment, target, executor)
            points, of = sum(one.points for one in scored), sum(one.of for one in scored)
            failed = [one.name for one in scored if not one.passed]
            broken = does_harm(target)
            others = not_asked_for(assignment, target) if broken and not failed else []
            if broken and not failed and not others:
                missed.append(target)
            if not broken and failed:
                accused.append(target)
            right = "–" if others else "✓" if bool(failed) == broken else "✗"
            said = f"no test asks for {', '.join(others)}" if others else ", ".join(failed)
            table.add_row(right, target, f"{number(points)} / {number(of)}", said)
    screen.print(table, highlight=False)
    screen.print(f"\nmissed: {', '.join(missed) or 'none'}", markup=False, highlight=False)
    screen.print(f"accused though healthy: {', '.join(accused) or 'none'}", markup=False, highlight=False)
    return 1 if missed or accused else 0
