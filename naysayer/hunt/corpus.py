"""The regression corpus of a hunt: what earlier hunts of a target found under the same results is tried first.

A failure that was found once is found again at once, for as long as it is not mended; and once it is, each later hunt
confirms it. Kept are the plans of the runs that failed first (finding.ORIGINAL), so nothing has to be collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from checker.errors import UsageError
from naysayer.hunt.campaign import Caught, Hunt, try_plans
from naysayer.hunt.finding import ORIGINAL
from naysayer.plan import Plan, read, validate
from naysayer.results import TEST
from targets.registry import find as find_target
from workloads.registry import find as find_workload

KNOWN_MAX = 20
"""So many failures are tried, those found last."""


def try_known(hunt: Hunt, results: Path) -> Caught:
    """Try what earlier hunts found that this one might draw too, the newest first."""
    plans: dict[Plan, Path] = {}
    for folder, plan in _kept(results / hunt.plan(hunt.first_seed).name):
        if len(plans) < KNOWN_MAX and hunt.may_find(plan):
            plans.setdefault(plan, folder)
    tried = try_plans(plans)
    known = None if tried.failed is None else plans[tried.failed]
    return Caught(
        tried.failed, tried.seeds, tried.cpu_s, tried.undecided, tried.trouble, unlike=tried.unlike, known=known
    )


def _kept(results: Path) -> Iterator[tuple[Path, Plan]]:
    """The folders of earlier hunts and the plans that failed there. What cannot be read or run any more is left out."""
    for file in sorted(results.glob(f"*/{ORIGINAL}/{TEST}"), reverse=True):
        if not file.parents[1].is_symlink():
            with suppress(UsageError):
                plan = read(file)
                validate(plan, find_target(plan.target), find_workload(plan.workload))
                yield file.parents[1], plan
