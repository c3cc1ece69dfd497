"""From what a run left to its verdict: the checker's, the invariants', and whether the target came back to life."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from checker import Budget, Model, check
from checker.budget import Interrupted
from checker.check import NOTHING_SUCCEEDED, nothing_succeeded, resolve
from checker.history import History
from checker.models import find
from checker.properties import PROPERTIES, decider
from checker.transactions import MODELS as TRANSACTIONS
from checker.transactions import data_of
from checker.transactions.levels import DEFAULT, LEVELS
from checker.verdict import Decision, Part, Verdict
from checker.warnings import of_record
from naysayer.findings import Finding, with_findings
from naysayer.seen import Seen

if TYPE_CHECKING:
    from naysayer.simulate import Run

LIVE = Budget(seconds=60)
"""What judging a live run may take, all keys together. Simulated runs, hunts and replays have budgets of steps alone:
so their verdicts reproduce."""

RUN_STEPS = 1_000_000
"""What the search may spend on each key of a run of ours: some seconds. `naysayer check` gives more."""


def judge(
    history: History,
    model: str | Model,
    *,
    budget: Budget | None = None,
    engine: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    weaker: bool = True,
    begins_with: Any = None,
    all_keys: bool = False,
    level: str | None = None,
) -> Verdict:
    """The checker's verdict, with the ladder of what does hold where it is not valid (`weaker`: it can take long).

    `model` may also name a model in a file of the user's, a property that systems promise instead of linearizability
    (checker.properties), or transactions (checker.transactions), which are judged at a `level` of isolation,
    serializable unless given; or a level itself, whose data type their micro-operations show.
    `begins_with`: the initial value of registers, where the model is given by its name.
    Where a signal handler raises Interrupted, the verdict is what is known by then.
    """
    verdict = None
    if isinstance(model, str):
        model = own_model(model) or model
    try:
        if isinstance(model, str) and model in PROPERTIES:
            return _kept(history, model)
        if isinstance(model, str) and model in LEVELS:
            level, model = level or model, data_of(history)
        if isinstance(model, str) and model in TRANSACTIONS:
            return _isolated(history, model, level or DEFAULT, budget, begins_with)
        if begins_with is not None and isinstance(model, str):
            model = find(model, begins_with=begins_with)
        verdict = check(history, model, budget=budget, engine=engine, progress=progress, all_keys=all_keys)
        in_time = budget is None or budget.seconds is None or verdict.seconds < budget.seconds
        if (
            weaker
            and in_time
            and verdict.outcome == "invalid"
            and verdict.worst is not None
            and not verdict.interrupted
        ):
            key = verdict.worst.key
            part = history if key is None else history.by_key()[key]
            from checker.ladder import ladder

            return replace(verdict, ladder=ladder(part, begins_with))
        return verdict
    except Interrupted:
        name = model if isinstance(model, str) else model.name
        return undecided(name, len(history)) if verdict is None else replace(verdict, interrupted=True)


def own_model(name: str) -> Model | None:
    """The model in a file of the user's; None for another name. Raises UsageError saying what is wrong with it."""
    if ".py:" not in name:
        return None
    from targets.protocol.own_code import own_part

    return resolve(own_part(name, "model", _is_model, "class {} derived from checker.Model"))


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, Model) and found is not Model


def undecided(model: str, operations: int) -> Verdict:
    """What is known where judging was interrupted before it came to anything."""
    part = Part(None, "unknown", "none", operations, reason="interrupted while judging")
    return Verdict("unknown", model, "none", operations, (part,), 0.0, interrupted=True)


def _isolated(history: History, model: str, level: str, budget: Budget | None, begins_with: Any) -> Verdict:
    """The verdict on transactions. Importing what decides takes a while (scipy)."""
    from checker.transactions.judged import judge as judge_transactions

    return judge_transactions(history, model, level, begins_with=begins_with, budget=budget)


def _kept(history: History, name: str) -> Verdict:
    """Whether a property was kept."""
    started = time.perf_counter()
    decide = decider(name)
    try:
        decision = decide(history)
        if decision.outcome == "valid" and nothing_succeeded(history):
            decision = Decision("unknown", "none", reason=NOTHING_SUCCEEDED)
    except Exception as error:  # answers of a form that the property does not know, most likely
        decision = Decision("unknown", "none", reason=f"the checker failed: {error!r}")
    part = Part(
        None,
        decision.outcome,
        decision.method,
        len(history),
        counterexample=tuple(history[row] for row in decision.counterexample),
        explanation=decision.explanation,
        reason=decision.reason,
    )
    seconds = time.perf_counter() - started
    warned = of_record(history)
    return Verdict(decision.outcome, name, decision.method, len(history), (part,), seconds, warnings=warned)


def judge_run(run: Run, model: str, *, steps: int = RUN_STEPS, weaker: bool = True) -> Verdict:
    """The verdict on a simulated run, in so many `steps` of the search for each key."""
    return with_invariants(run, judge(run.recorder.history(), model, budget=Budget(steps=steps), weaker=weaker))


def enough(verdict: Verdict, seen: Seen) -> Verdict:
    """A run in which a lost or stale value could not have been noticed is unknown, not valid.

    Where no operation succeeded, the reason concerns the system as a whole and not one key.
    """
    nothing = verdict.outcome == "unknown" and not seen.total.ok
    if seen.blind is None or not (verdict.outcome == "valid" or nothing):
        return verdict
    part = Part(None, "unknown", "outcomes", verdict.operations, reason=seen.blind)
    return replace(verdict, outcome="unknown", parts=(part, *verdict.parts))


def with_invariants(run: Run, verdict: Verdict) -> Verdict:
    """A broken invariant, or what else was found beside the history, makes a verdict invalid too."""
    sentences = (f"Invariant broken inside the system, unseen by clients: {found}." for found in run.violations[:1])
    found = [Finding("invariant", run.virtual_ms, sentence) for sentence in sentences]
    return with_findings(verdict, [*found, *run.findings])
