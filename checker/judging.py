"""Judges one part of a history: by the first stage that can decide, with a proof that the verifier does not reject.

1. Operations that certainly did not happen, and pending ones that would change nothing, are dropped.
2. A monitor for the data type (near-linear) decides where its assumptions hold.
3. The search decides the rest, or reports which limit it reached. What it refutes is minimised.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb
from typing import Any

import numpy as np
from msgspec import structs

from checker.alarm import ended_in_time
from checker.budget import Budget, Interrupted, OutOfBudget
from checker.errors import NaysayerError
from checker.explain_failed import of_failed
from checker.explain_search import explain_search, no_order
from checker.explain_window import after_the_past, explain_window
from checker.history import FAIL, INFO, PENDING, History, Operation
from checker.model import Model
from checker.models import MODELS
from checker.models.kv import AppendKeyValue
from checker.models.register import Register
from checker.monitors import MONITORS
from checker.search import decide as search
from checker.shrink import NOT_MINIMAL, shrink
from checker.steps import Steps
from checker.verdict import Decision, Explanation, Part, Start
from checker.verify import TOO_LARGE, refute, verify_part
from checker.windows import window

EXPLAIN_STEPS_MAX = 20_000
"""Steps spent on the sentence for a counterexample. The verdict does not depend on it."""

UNPROVED = "the search refuted it, but the verifier does not confirm that: please report this"

PROOF_TRIES_MAX = 20_000
"""Partial orders that the verifier tries on a proof before it is given out."""

PROOF_WORK_MAX = 1_000_000
"""Partial orders times operations, likewise."""

VERIFIED_OPERATIONS_MAX = 50_000
"""What a monitor found is verified before it is given out, unless the part has more operations: then that would take
many times as long as the monitor. (`naysayer check --certify` and checker.verify always do.)"""

WHOLE_MAX = 64
"""A counterexample of so many operations is minimised from the beginning on; a longer one is cut to a window first."""

OF_THE_HISTORY = ("phantom-value", "failed-write-read", "initial-value", "read-before-written")
"""Kinds of explanations that hold by the whole history, whatever of it the counterexample shows."""

CUT_SHORT = "interrupted before the counterexample was minimised and explained"


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
        decision = Decision("unknown", "none", reason=failure(error) + where)
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
        since=decision.since,
        starts=decision.starts,
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
        return replace(decision, explanation=_explain(decision, part, history, model, budget))
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
    few = window(part, whole, model, budget) if len(whole.counterexample) > WHOLE_MAX else None
    if few is not None:
        reason = None if few.minimal else NOT_MINIMAL
        found = replace(whole, counterexample=few.rows, since=few.since, starts=few.starts, reason=reason)
        if not _objection(found, part, history, model, budget):
            return found
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
        since=decision.since,
        starts=decision.starts,
    )
    try:
        with ended_in_time(budget):
            tries = min(PROOF_TRIES_MAX, PROOF_WORK_MAX // max(len(rows), 1))
            objection = verify_part(history, model, claim, tries=tries)
    except OutOfBudget:
        return None
    return None if objection == TOO_LARGE else objection


def _bundled(model: Model) -> bool:
    return MODELS.get(model.name) is type(model)


def _canonicalised(part: History, model: Model) -> History:
    ops = list(part)
    alike = model.canonicalised(ops)
    return part if alike is ops else History.of(alike)


def _explain(decision: Decision, part: History, history: History, model: Model, budget: Budget) -> Explanation:
    """Registers have sentences of their own; where those do not fit, and for all other models, the search's."""
    # Only here, and networkx with them: most histories have nothing to explain.
    from checker.explain import explain
    from checker.explain_append import explain_append
    from checker.explain_counts import with_counts
    from checker.explain_initial import with_initial

    rows = decision.counterexample
    counterexample = [part[row] for row in rows]
    steps = EXPLAIN_STEPS_MAX if budget.steps is None else min(EXPLAIN_STEPS_MAX, budget.steps)
    limited = replace(budget, steps=steps)
    proof = None if decision.since is not None else _reduced(rows, part, model)
    appends = bool((history.f == history.tables.f.code("append")).any())
    if isinstance(model, AppendKeyValue) and appends:
        explanation = explain_append(counterexample, history, proof)
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
        if (decision.since is None or not explanation.cycle) and explanation.kind in OF_THE_HISTORY:
            return explanation
        if decision.since is None and explanation.kind != "no-order":
            return explanation
    if decision.since is not None:
        return _explain_window(counterexample, decision, part, model, limited)
    return with_counts(
        with_initial(explain_search(counterexample, model, limited, proof), history, model), history, model
    )


def _explain_window(
    counterexample: list[Operation], decision: Decision, part: History, model: Model, budget: Budget
) -> Explanation:
    since, starts = decision.since, decision.starts
    assert since is not None
    window = [op for op in counterexample if op.ret >= since]
    try:
        with ended_in_time(budget.begun()):
            if starts is not None:
                ended = part[int(np.flatnonzero(part.ret == since)[0])]
                why = explain_window(window, starts, model, part, EXPLAIN_STEPS_MAX)
                return after_the_past(why, starts, ended, model)
            steps = Steps(model)
            steps.kinds_of(part)
            steps.reach()
            window = [op if op.call > since else structs.replace(op, ret=PENDING) for op in window]
            return explain_window(window, [Start(state) for state in steps.states], model, part, EXPLAIN_STEPS_MAX)
    except OutOfBudget:
        return no_order(len(counterexample))


def _reduced(rows: tuple[int, ...], part: History, model: Model) -> list[Operation] | None:
    """What a counterexample requires without the rest of the part; None where that is what its operations returned."""
    chosen = set(rows)
    kept = [part[row] for row in rows]
    appends = isinstance(model, AppendKeyValue)
    if isinstance(model, Register) and not appends and not any(op.f == "cas" for op in kept):
        return None  # only a cas, or what found appended texts, may require less
    if len(part) <= VERIFIED_OPERATIONS_MAX and len(kept) <= WHOLE_MAX:
        _, reduced = refute(list(part), model, kept, PROOF_TRIES_MAX)
        rets = {op.index: op.ret for op in kept}
        proof = [structs.replace(op, ret=rets.get(op.index, op.ret)) for op in reduced]
    else:
        proof = list(model.without([part[row] for row in range(len(part)) if row not in chosen], kept) or ())
    return None if not proof or proof == kept else proof


def failure(error: Exception) -> str:
    return f"the checker failed: {type(error).__name__}: {error}"
