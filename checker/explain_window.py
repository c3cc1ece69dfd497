"""Why a window of a history has no order (windows.py): which operation cannot be placed, what it would meet in every
order, and which operations left that there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from checker.explain_search import OTHERS_SHOWN, STATES_SHOWN, did, no_order
from checker.history import PENDING, History, Operation, identity
from checker.model import Inconsistent, Model, State
from checker.models.register import Register, found, leaves, same
from checker.values import show
from checker.verdict import Explanation, Start
from checker.verify import has_order

MET_MAX = 1000
"""Reasons why an operation cannot be next: where there are more, none says anything."""

Met = list[tuple[str, list[int]]]
"""Why an operation cannot be next, and which operations left the state that does not allow it; none: the beginning."""


def explain_window(
    window: Sequence[Operation], starts: Sequence[Start], model: Model, part: History, tries: int
) -> Explanation:
    """Explains operations that have no order from any of these starts. Those that need not happen have no return.

    `part`: the history that they are from.
    """
    culprit = _culprit(window, starts, model, tries)
    met = None if culprit is None else _met(culprit, window, starts, model, tries)
    if culprit is None or not met:
        return no_order(len(window))
    stale = _stale(culprit, met, part) if isinstance(model, Register) else None
    if stale is not None:
        return stale
    reasons = [f"it {why}{_after(by)}" for why, by in met[:STATES_SHOWN]]
    if len(met) > STATES_SHOWN:
        reasons.append(f"one of {len(met) - STATES_SHOWN} other possibilities")
    sentence = f"#{culprit.index} ({did(culprit)}) fits nowhere: in every order of what came before, "
    sentence += f"{'; or '.join(reasons)}."
    return Explanation("no-order", sentence, culprit=culprit.index, notes={culprit.index: "fits nowhere"})


def after_the_past(explanation: Explanation, starts: Sequence[Start], ended: Operation, model: Model) -> Explanation:
    """The explanation, with what the operations lead to that returned before one of them did."""
    states = list(dict.fromkeys(show(start.state) for start in starts))
    names = states[:STATES_SHOWN] + ([f"{len(states) - STATES_SHOWN} more"] if len(states) > STATES_SHOWN else [])
    lead = "leave" if isinstance(model, Register) else "lead to the state"
    sentence = f"In every order, the operations that ended before #{ended.index} did {lead} {_listed(names)}. "
    return replace(explanation, sentence=sentence + explanation.sentence)


def _culprit(window: Sequence[Operation], starts: Sequence[Start], model: Model, tries: int) -> Operation | None:
    """The first operation, in order of return, that no order gets past."""
    for last in sorted((op for op in window if op.ret != PENDING), key=_by_return):
        until = [
            op if _by_return(op) <= _by_return(last) else structs.replace(op, ret=PENDING)
            for op in window
            if op.call <= last.ret
        ]
        if has_order(until, PENDING, model, starts, tries) is False:
            return last
    return None


def _met(
    culprit: Operation, window: Sequence[Operation], starts: Sequence[Start], model: Model, tries: int
) -> Met | None:
    """What the culprit would meet in any order of what returned before it, with what was under way happening or not
    (or again and again, so that it need not be known which did); None if there are too many."""
    others = [op for op in window if op.call <= culprit.ret and op.index != culprit.index]
    must = {op.index for op in others if _by_return(op) < _by_return(culprit)}
    todo: list[tuple[frozenset[int], State, int | None]] = [(start.done, start.state, None) for start in starts]
    seen = {(done, identity(state), last) for done, state, last in todo}
    met: dict[str, list[int]] = {}
    while todo:
        done, state, last = todo.pop()
        why = model.step(state, culprit)
        if must <= done and isinstance(why, Inconsistent):
            by = met.setdefault(why, [])
            by += [last] if last is not None and last not in by else []
        waiting = [op for op in others if op.index not in done]
        first = min((op.ret for op in waiting), default=PENDING)
        for op in waiting:
            after = model.step(state, op)
            if op.call > first or isinstance(after, Inconsistent):
                continue
            by_now = last if identity(after) == identity(state) else op.index
            reached = (done | {op.index} if op.index in must else done, after, by_now)
            key = (reached[0], identity(after), reached[2])
            if key not in seen:
                seen.add(key)
                todo.append(reached)
        if len(seen) > tries or len(met) > MET_MAX:
            return None
    return list(met.items())


def _stale(culprit: Operation, met: Met, part: History) -> Explanation | None:
    """The sentence of a stale read or cas: one operation left something else and had finished, and none after it leaves
    what was found."""
    by = {index for _, indices in met for index in indices}
    wanted = list(found([culprit]))
    if len(by) != 1 or not wanted or not all(indices for _, indices in met):
        return None
    seen = next(op for op in part if op.index in by)
    rivals = [op for op in part if op.call <= culprit.ret and op.ret >= seen.call and op.f != "read"]
    if seen.ret >= culprit.call or any(same(leaves(op), wanted[0]) for op in rivals if op.status != "fail"):
        return None
    old = show(wanted[0])
    kind, name = ("stale-cas", "Stale cas") if culprit.f == "cas" else ("stale-read", "Stale read")
    found_it = f"replaced {old}" if culprit.f == "cas" else f"returned {old}"
    sentence = (
        f"{name}: #{culprit.index} {found_it}, though #{seen.index} had already {_done(seen)} and finished"
        f"{'' if wanted[0] is None else f', and no operation wrote {old} after that'}."
    )
    return Explanation(kind, sentence, culprit=culprit.index, notes={culprit.index: f"cannot find {old}"})


def _done(op: Operation) -> str:
    if op.f == "cas":
        return f"replaced {show(op.input[0])} by {show(op.input[1])}"
    return "deleted the value" if op.f == "delete" else f"written {show(op.input)}"


def _by_return(op: Operation) -> tuple[int, int]:
    return op.ret, op.index


def _after(by: Sequence[int]) -> str:
    names = [f"#{index}" for index in by[:OTHERS_SHOWN]] + (["..."] if len(by) > OTHERS_SHOWN else [])
    return f" (after {_listed(names)})" if by else ""


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
