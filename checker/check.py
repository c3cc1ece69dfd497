"""Judges a history: part by part, each by the first stage that can decide.

1. Operations that certainly did not happen, and pending ones that would change nothing, are dropped.
2. The history is partitioned by key, where the model says that keys are objects of their own.
3. A monitor for the data type (near-linear) decides where its assumptions hold.
4. The search decides the rest, or reports what ran out. A counterexample that it finds is minimised.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb
from typing import Any

import numpy as np
from msgspec import structs

from checker.alarm import ended_in_time
from checker.budget import Budget, Interrupted, OutOfBudget
from checker.errors import HistoryError, NaysayerError, UsageError
from checker.explain import explain
from checker.explain_append import explain_append
from checker.explain_failed import of_failed
from checker.explain_initial import with_initial
from checker.explain_search import explain_search, no_order
from checker.history import BEGINNING, FAIL, INFO, OK, History, Operation
from checker.model import Model
from checker.models import MODELS, find
from checker.models.containers import PriorityQueue
from checker.models.kv import AppendKeyValue
from checker.models.priorities import incomparable, why_incomparable
from checker.models.register import Register
from checker.monitors import MONITORS
from checker.parallel import pool, validate_engine
from checker.search import decide as search
from checker.shrink import shrink
from checker.verdict import Decision, Explanation, Part, Verdict
from checker.verify import TOO_LARGE, refute, verify_part
from checker.warnings import warnings

FIRST_STEPS = 300_000
"""Steps that each search gets in this process before it goes to an executor, which takes a while to start."""

EXPLAIN_STEPS_MAX = 200_000
"""Steps spent on the sentence for a counterexample. The verdict does not depend on it."""

NOT_MINIMAL = "the counterexample may not be minimal: minimising it ran out of steps or time"
UNPROVED = "the search refuted it, but the verifier does not confirm that: please report this"

PROOF_TRIES_MAX = 20_000
"""Partial orders that the verifier tries on a proof before it is given out."""

VERIFIED_OPERATIONS_MAX = 50_000
"""What a monitor found is verified before it is given out, unless the part has more operations: then that would take
many times as long as the monitor. (`naysayer check --certify` and checker.verify always do.)"""

NOTHING_SUCCEEDED = "no operation succeeded, so nothing was observed that could be right or wrong"

CUT_SHORT = "interrupted before the counterexample was minimised and explained"

Progress = Callable[[int, int], None]
"""Called with the number of parts that are done, and of all parts."""


def check(
    history: History | Iterable[Operation],
    model: str | Model | type[Model] = "register",
    *,
    budget: Budget | None = None,
    engine: str | Executor | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """The verdict on a history, with its proof.

    `model`: a name of checker.models.MODELS, or a model of your own. `budget`: what it may use.
    `engine`: where searches of several keys run: None (here), "processes" (as many as there are cores; a script then
    needs `if __name__ == "__main__":`), "dask:ADDRESS", or any concurrent.futures Executor.
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
        _judge(by_key, chosen, limits, engine, progress or (lambda done, total: None), known)
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


def _judge(
    by_key: dict[Any, History],
    model: Model,
    budget: Budget,
    engine: str | Executor | None,
    progress: Progress,
    parts: dict[Any, Part],
) -> None:
    """Judges all parts, the cheap ones first: small before large, and those that a short search decides before the
    others. Long searches go to the executor, if there is one.

    `parts` receives each decision as it is made; they are kept when Interrupted or the deadline ends this.
    """
    short = budget
    if engine is not None or len(by_key) > 1:
        steps = FIRST_STEPS if budget.steps is None else min(FIRST_STEPS, budget.steps)
        short = replace(budget, steps=steps)
    long: dict[Any, Part] = {}
    for key, ops in sorted(by_key.items(), key=lambda item: len(item[1])):
        if budget.left_s == 0:
            break
        part = check_part(key, ops, model, short)
        (long if part.bound == "steps" and short != budget else parts)[key] = part
        if part.reason == CUT_SHORT:
            raise Interrupted
        progress(len(parts), len(by_key))
    if long and engine is not None:
        _judge_elsewhere({key: by_key[key] for key in long}, model, budget, engine, progress, parts, len(by_key))
    for key in long if engine is None else ():
        if budget.left_s == 0:
            break
        parts[key] = check_part(key, by_key[key], model, budget)
        progress(len(parts), len(by_key))
    for key, ops in by_key.items():
        if key not in parts:
            parts[key] = _out_of_time(key, ops, budget, long.get(key))


def _judge_elsewhere(
    long: dict[Any, History],
    model: Model,
    budget: Budget,
    engine: str | Executor,
    progress: Progress,
    parts: dict[Any, Part],
    keys: int,
) -> None:
    """Judges these parts on the executor, until the deadline."""
    try:
        with pool(engine, len(long)) as executor:
            # Each part goes with tables of its own: those of the whole history may be large.
            futures = {
                executor.submit(_check_until, key, History.of(ops), model, budget, budget.left_s): key
                for key, ops in long.items()
            }
            try:
                for future in as_completed(futures, timeout=budget.left_s):
                    key = futures[future]
                    try:
                        parts[key] = future.result()
                    except Exception as error:  # a worker died, or the model cannot be sent
                        parts[key] = Part(key, "unknown", "none", len(long[key]), reason=_failure(error))
                    progress(len(parts), keys)
            except (Interrupted, TimeoutError):
                for future in futures:
                    future.cancel()
                raise
    except TimeoutError:  # what is not in `parts` by now is out of time
        pass


def _check_until(key: Any, history: History, model: Model, budget: Budget, left_s: float | None) -> Part:
    """check_part in another process, whose clock need not be this one's."""
    deadline = None if left_s is None else time.monotonic() + left_s
    return check_part(key, history, model, replace(budget, deadline=deadline))


def _out_of_time(key: Any, history: History, budget: Budget, short: Part | None) -> Part:
    """A part that ran out of time; `short`: what a short search found, if the part was started at all."""
    far = " before this key was started" if short is None else f": {(short.reason or '').partition(': ')[2]} at least"
    reason = f"{budget.out_of_time()}{far}"
    method, steps = ("none", 0) if short is None else (short.method, short.steps)
    return Part(key, "unknown", method, len(history), steps=steps, reason=reason, bound="seconds")


def _undecided(key: Any, history: History, decided: int, keys: int) -> Part:
    far = "" if key is None else f": {decided:,} of {keys:,} keys decided"
    reason = f"interrupted while judging{far}"
    return Part(key, "unknown", "none", len(history), reason=reason, bound="interrupt")


def check_part(key: Any, history: History, model: Model, budget: Budget) -> Part:
    """The verdict on one object. An error inside the checker makes it `unknown`; one of a model of the user's own is
    raised as it is."""
    started = time.perf_counter()
    part = effective(history, model)
    try:
        decision = _decide(part, history, model, budget)
    except NaysayerError:
        raise
    except Exception as error:
        if not _bundled(model):
            raise
        at = extract_tb(error.__traceback__)[-1]
        where = f" ({Path(at.filename).name}, line {at.lineno})"
        decision = Decision("unknown", "none", reason=_failure(error) + where)
    rows = list(decision.counterexample)
    return Part(
        key=key,
        outcome=decision.outcome,
        method=decision.method,
        operations=len(history),
        steps=decision.steps,
        seconds=time.perf_counter() - started,
        witness=None if decision.witness is None else part.index[np.asarray(decision.witness, dtype=np.int64)],
        counterexample=tuple(part[row] for row in rows),
        explanation=decision.explanation,
        reason=decision.reason,
        bound=decision.bound,
    )


def effective(history: History, model: Model) -> History:
    """The history without what certainly did not happen, and without pending operations that would change nothing."""
    keep = history.status != FAIL
    free: dict[tuple[int, ...], bool] = {}
    pending = np.flatnonzero(history.status == INFO)
    asked = zip(*(column[pending].tolist() for column in (history.f, history.key, history.input)), strict=True)
    for row, what in zip(pending.tolist(), asked, strict=True):
        if what not in free:
            free[what] = model.effect_free(history[row])
        keep[row] = not free[what]
    return history if keep.all() else history.select(keep)


def _decide(part: History, history: History, model: Model, budget: Budget) -> Decision:
    bundled = _bundled(model)
    monitored = MONITORS[model.name](part, budget, model) if bundled and model.name in MONITORS else None
    decision = monitored or search(_canonicalised(part, model) if bundled else part, model, budget)
    try:
        decision = _proved(decision, part, history, model, budget, searched=monitored is None)
    except Interrupted:
        if decision.outcome != "invalid":
            raise
        return replace(decision, explanation=no_order(len(decision.counterexample)), reason=CUT_SHORT)
    if decision.explanation is not None and decision.explanation.kind == "phantom-value":
        return replace(decision, explanation=of_failed(decision.explanation, history))
    if decision.outcome != "invalid" or decision.explanation is not None:
        return decision
    try:
        return replace(decision, explanation=_explain(decision.counterexample, part, history, model, budget))
    except Interrupted:  # what was found is a violation all the same
        return replace(decision, explanation=no_order(len(decision.counterexample)), reason=CUT_SHORT)


def _proved(
    decision: Decision, part: History, history: History, model: Model, budget: Budget, *, searched: bool
) -> Decision:
    """The decision with a proof that the verifier does not reject.

    Where it rejects a monitor's, the search decides. Of what a search refuted the smallest proof counts that holds.
    """
    if decision.outcome == "unknown" or (searched and decision.outcome == "valid"):
        return decision
    if not searched and (len(part) > VERIFIED_OPERATIONS_MAX or not _objection(decision, part, history, model, budget)):
        return decision
    whole = decision if searched else search(part, model, budget)
    if whole.outcome != "invalid":
        return whole
    small, minimal = shrink(part, whole, model, budget)
    reason = None if minimal else NOT_MINIMAL
    for rows in (small, whole.counterexample, tuple(range(len(part)))):
        found = replace(whole, counterexample=rows, reason=reason)
        if not _objection(found, part, history, model, budget):
            return found
        reason = NOT_MINIMAL
    return replace(whole, outcome="unknown", counterexample=(), reason=UNPROVED)


def _objection(decision: Decision, part: History, history: History, model: Model, budget: Budget) -> str | None:
    """What the verifier has against the proof of a decision; None if nothing, or if it is too large to be confirmed."""
    rows = list(decision.counterexample)
    claim = Part(
        None,
        decision.outcome,
        decision.method,
        len(part),
        witness=None if decision.witness is None else part.index[np.asarray(decision.witness, dtype=np.int64)],
        counterexample=tuple(part[row] for row in rows),
    )
    try:
        with ended_in_time(budget):
            objection = verify_part(history, model, claim, tries=PROOF_TRIES_MAX)
    except OutOfBudget:
        return None
    return None if objection == TOO_LARGE else objection


def _bundled(model: Model) -> bool:
    return MODELS.get(model.name) is type(model)


def _canonicalised(part: History, model: Model) -> History:
    ops = list(part)
    alike = model.canonicalised(ops)
    return part if alike is ops else History.of(alike)


def _explain(rows: tuple[int, ...], part: History, history: History, model: Model, budget: Budget) -> Explanation:
    """Registers have sentences of their own; where those do not fit, and for all other models, the search's."""
    counterexample = [part[row] for row in rows]
    proof = _reduced(rows, part, model)
    appends = bool((history.f == history.tables.f.code("append")).any())
    if isinstance(model, AppendKeyValue) and appends:
        explanation = explain_append(counterexample, history)
        if explanation is not None:
            return explanation
    elif isinstance(model, Register):
        explanation = explain(
            counterexample,
            history,
            begins_with=model.initial(),
            proof=proof,
            may_begin_otherwise=not isinstance(model, AppendKeyValue),
        )
        if explanation.kind != "no-order":
            return explanation
    steps = EXPLAIN_STEPS_MAX if budget.steps is None else min(EXPLAIN_STEPS_MAX, budget.steps)
    return with_initial(explain_search(counterexample, model, replace(budget, steps=steps), proof), history, model)


def _reduced(rows: tuple[int, ...], part: History, model: Model) -> list[Operation] | None:
    """What a counterexample requires without the rest of the part; None where that is what its operations returned."""
    chosen = set(rows)
    kept = [part[row] for row in rows]
    if isinstance(model, Register) and not any(op.f == "cas" for op in kept):
        return None  # only a cas may require less
    if len(part) <= VERIFIED_OPERATIONS_MAX:
        _, reduced = refute(list(part), model, kept, PROOF_TRIES_MAX)
        rets = {op.index: op.ret for op in kept}
        proof = [structs.replace(op, ret=rets.get(op.index, op.ret)) for op in reduced]
    else:
        proof = list(model.without([part[row] for row in range(len(part)) if row not in chosen], kept) or ())
    return None if not proof or proof == kept else proof


def _failure(error: Exception) -> str:
    return f"the checker failed: {type(error).__name__}: {error}"


def _rank(method: str) -> tuple[bool, str]:
    return method == "search", method
