"""Judges a history: key by key, where the model says that keys are objects of their own, in rounds (rounds.py), each by
the first stage that can decide (judging.py)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from checker.budget import Budget, Interrupted
from checker.errors import HistoryError, UsageError
from checker.history import BEGINNING, OK, History, Operation
from checker.model import Model
from checker.models import find
from checker.models.bags import PriorityQueue
from checker.models.priorities import incomparable, why_incomparable
from checker.parallel import validate_engine
from checker.rounds import Progress, Rounds
from checker.verdict import Part, Verdict
from checker.warnings import warnings

if TYPE_CHECKING:
    from concurrent.futures import Executor

NOTHING_SUCCEEDED = "no operation succeeded, so nothing was observed that could be right or wrong"


def check(
    history: History | Iterable[Operation],
    model: str | Model | type[Model] = "register",
    *,
    budget: Budget | None = None,
    engine: str | Executor | None = None,
    progress: Progress | None = None,
    all_keys: bool = False,
) -> Verdict:
    """The verdict on a history, with its proof.

    `model`: a name of checker.models.MODELS, or a model of your own. `budget`: what it may use.
    `engine`: where searches of several keys run: None (here), "processes" (as many as there are cores; a script then
    needs `if __name__ == "__main__":`), "dask:ADDRESS", or any concurrent.futures Executor.
    `all_keys`: search the other keys further though one is invalid; otherwise those that a short search does not
    decide stay `unknown`.
    Raises UsageError for an unknown model, operation or engine, or a model that lacks something, HistoryError for a
    call at the least 64-bit number.
    An error inside the checker makes a part `unknown`; a model of your own that raises ends the check. Where a signal
    handler raises checker.budget.Interrupted, what was not decided by then is `unknown`.
    """
    started = time.perf_counter()
    chosen = resolve(model)
    if engine is not None:
        validate_engine(engine)
    if not isinstance(history, History):
        history = History.of(history)
    validate_operations(history, chosen)
    if isinstance(chosen, PriorityQueue) and (rows := incomparable(history)) is not None:
        raise HistoryError(f"operation #{int(history.index[rows[0]])}: {why_incomparable(history, rows)}")
    if len(history) and int(history.call.min()) == BEGINNING:
        raise HistoryError(f"a call at {BEGINNING} ns: times must lie above the least 64-bit number; shift them")
    limits = (Budget() if budget is None else budget).begun()
    by_key = history.by_key() if chosen.by_key and len(history) else {None: history}
    known: dict[Any, Part] = {}
    warned: tuple[str, ...] = ()
    interrupted = False
    try:
        told = progress or (lambda done, total: None)
        Rounds(by_key, chosen, limits, known, progress=told, all_keys=all_keys).run(engine)
        warned = warnings(history, chosen.name)
    except Interrupted:
        interrupted = True
    parts = [known.get(key) or _undecided(key, ops, len(known), len(by_key)) for key, ops in by_key.items()]
    if nothing_succeeded(history):
        parts = [replace(part, outcome="unknown", witness=None, reason=NOTHING_SUCCEEDED) for part in parts]
    outcomes = {part.outcome for part in parts}
    return Verdict(
        outcome="invalid" if "invalid" in outcomes else "unknown" if "unknown" in outcomes else "valid",
        model=chosen.name,
        method="+".join(sorted({part.method for part in parts}, key=_rank)) or "none",
        operations=len(history),
        parts=tuple(parts),
        seconds=time.perf_counter() - started,
        warnings=warned,
        interrupted=interrupted,
    )


def nothing_succeeded(history: History) -> bool:
    """Whether no operation at all ended ok: then any order will do, and a verdict would say nothing."""
    return not bool((history.status == OK).any())


def resolve(model: str | Model | type[Model]) -> Model:
    """A model by its name, its class, or itself. Raises UsageError for anything else, or a model that lacks a name."""
    if isinstance(model, str):
        return find(model)
    chosen = model() if isinstance(model, type) else model
    if not isinstance(chosen, Model):
        raise UsageError(f"{model!r} is not a model: give a name, or a class derived from checker.Model")
    for name in ("name", "operations"):
        if not hasattr(chosen, name):
            raise UsageError(f"the model {type(chosen).__name__} has no `{name}`: see checker.Model for what it needs")
    return chosen


def validate_operations(history: History, model: Model) -> None:
    """Raises UsageError if the history has an operation that the model does not know."""
    for code, name in enumerate(history.tables.f.values):
        if name not in model.operations and (unknown := history.f == code).any():
            first = history[int(np.argmax(unknown))]
            known = ", ".join(sorted(model.operations))
            raise UsageError(f"operation #{first.index}: the model {model.name} has no {name!r} (it has {known})")


def _undecided(key: Any, history: History, decided: int, keys: int) -> Part:
    far = "" if key is None else f": {decided:,} of {keys:,} keys decided"
    reason = f"interrupted while judging{far}"
    return Part(key, "unknown", "none", len(history), reason=reason, bound="interrupt")


def _rank(method: str) -> tuple[bool, str]:
    return method == "search", method
