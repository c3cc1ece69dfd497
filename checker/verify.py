"""Verifies a verdict's proof, independently of how it was found: no search, no monitor, only the definitions.

*valid*: the witness is replayed on the model, one operation after another, in linear time.
*invalid*: the counterexample is part of the history, unaltered; leaving out the rest is sound (`Model.may_leave_out` or
`Model.without`; also all called after some instant, if what had not returned by then may be missing); no order is
legal. A window (`Part.since`) needs no past: no order is legal from any state that the model can reach; or the past
only counts for what the system may look like when it begins (`Part.starts`, possible.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

from msgspec import structs

from checker.history import PENDING, History, Operation, identity
from checker.model import Inconsistent, Model, State
from checker.possible import TooMany, kind_of, possible
from checker.values import shown
from checker.verdict import Part, Start, Verdict

Operations = Sequence[Operation]
Without = Callable[[Operations, Operations], Operations | None]
TOO_LARGE = "the counterexample is too large to be confirmed"
LEGAL = "the counterexample has a legal order"
TRIES_MAX, ENDS_MAX, STATES_MAX = (
    2_000_000,
    64,
    64,
)  # partial orders tried, and instants at which a counterexample may end


def verify(history: History, model: Model, verdict: Verdict) -> list[str]:
    """What is wrong with the proofs of a verdict: one sentence each, none if they hold. `unknown` needs no proof."""
    parts = history.by_key() if model.by_key and len(history) else {None: history}
    given = {identity(part.key): part for part in verdict.parts}
    outcomes = {part.outcome for part in verdict.parts}
    expected = "invalid" if "invalid" in outcomes else "unknown" if "unknown" in outcomes else "valid"
    wrong = f"the verdict is {verdict.outcome}, but its parts are {expected}"
    objections = [] if verdict.outcome == expected else [wrong]
    for key, ops in parts.items():
        objection = "there is no verdict on it" if verdict.outcome == "valid" else None
        if identity(key) in given:
            objection = verify_part(ops, model, given.pop(identity(key)))
        if objection is not None:
            objections.append(objection if key is None else f"key {shown(key)}: {objection}")
    return objections + [f"there is no key {shown(part.key)} in the history" for part in given.values()]


def verify_part(history: History, model: Model, part: Part, *, tries: int = TRIES_MAX) -> str | None:
    """The first thing wrong with the proof of one part, or None; TOO_LARGE where so many tries do not decide it."""
    ops = [op for op in history if op.status != "fail"]
    if part.outcome == "valid":
        return _replay(ops, model, [] if part.witness is None else [int(index) for index in part.witness])
    if part.outcome == "unknown":
        return None
    if part.since is not None:
        return _refute_window(ops, model, part, part.since, tries)
    return refute(ops, model, part.counterexample, tries)[0]


def _replay(ops: Operations, model: Model, witness: Sequence[int]) -> str | None:
    by_index = {op.index: op for op in ops}
    left = {op.index for op in ops if not op.pending}
    state, latest, placed = model.initial(), None, set[int]()
    for index in witness:
        op = by_index.get(index)
        if op is None or index in placed:
            return f"the witness has #{index} {'twice' if op else 'which did not happen'}"
        placed.add(index)
        left.discard(index)
        if latest is not None and op.ret < latest.call:
            return f"the witness has #{latest.index} before #{index}, which had returned before it was called"
        latest = op if latest is None or op.call > latest.call else latest
        state = model.step(state, op)
        if isinstance(state, Inconsistent):
            return f"the witness cannot continue with #{index}: {state}"
    return f"the witness lacks #{min(left)}" if left else None


def refute(ops: Operations, model: Model, counterexample: Operations, tries: int) -> tuple[str | None, Operations]:
    """What is wrong with a counterexample, or None; then what its operations say without the rest of the history."""
    chosen = {op.index: op for op in counterexample}
    altered = _altered(ops, counterexample)
    if altered is not None:
        return altered, ()
    undecided = False
    for without in (lambda dropped, kept: kept if model.may_leave_out(dropped, kept) else None, model.without):
        for remaining, instant in _sound(ops, chosen, without):
            ordered = has_order(remaining, instant, model, [Start(model.initial())], tries)
            if ordered is False:
                return None, remaining
            undecided = undecided or ordered is None
    return TOO_LARGE if undecided else LEGAL, ()


def _altered(ops: Operations, counterexample: Operations) -> str | None:
    """What is wrong with a counterexample that is no part of the history."""
    chosen = {op.index: op for op in counterexample}
    if [chosen[op.index] for op in ops if op.index in chosen] != [op for op in ops if op.index in chosen]:
        return "an operation of the counterexample differs from the one in the history"
    if len({op.index for op in ops} & chosen.keys()) != len(counterexample):
        return "the counterexample has operations which did not happen"
    return None


def _refute_window(ops: Operations, model: Model, part: Part, since: int, tries: int) -> str | None:
    """What is wrong with a counterexample that begins at an instant (`Part.since`, `Part.starts`), or None.

    What had returned before is no part of it, nor what had taken effect by then. What changes no state may be left out.
    """
    altered = _altered(ops, part.counterexample)
    if altered is not None:
        return altered
    states = _reachable(ops, model)
    if part.starts is None and states is None:
        return TOO_LARGE
    changes = _changes(ops, model, states)
    if part.starts is None:
        anything = [Start(state) for state in states or ()]
        return _refute_from(anything, _without_past(ops, since), model, changes, part, tries)
    objection = None
    for kinds in _counted(ops, part.counterexample):
        try:
            starts = possible(ops, model, changes, [since], tries, counted=kinds)[since]
        except TooMany:
            objection = TOO_LARGE
            continue
        objection = "the counterexample may begin otherwise than it says"
        told = {_told(start, part.counterexample) for start in part.starts}
        if all(_is_told(start, told, part.counterexample) for start in starts):
            left = [op for op in ops if op.ret >= since and not all(op.index in start.done for start in starts)]
            objection = _refute_from(starts, left, model, changes, part, tries)
        if objection is None:
            break
    return objection


def _counted(ops: Operations, counterexample: Operations) -> list[set[Hashable]]:
    """The kinds of operations of unknown outcome that are counted: none; those of the counterexample; all."""
    kinds = [set[Hashable](), *({kind_of(op) for op in those if op.pending} for those in (counterexample, ops))]
    return [some for number, some in enumerate(kinds) if some not in kinds[:number]]


def _without_past(ops: Operations, since: int) -> Operations:
    """A window that begins in any state: what was called by then may have happened before, so it has no return."""
    return [op if op.call > since else structs.replace(op, ret=PENDING) for op in ops if op.ret >= since]


def _refute_from(
    starts: Sequence[Start],
    window: Operations,
    model: Model,
    changes: Callable[[Operation], bool],
    part: Part,
    tries: int,
) -> str | None:
    """What is wrong with the claim that the counterexample has no order from any of these starts, as a part of a
    window; or None."""

    def without(dropped: Operations, kept: Operations) -> Operations | None:
        changing = [op for op in dropped if changes(op)]
        weakened = model.weakened(changing, kept)
        return weakened if model.may_leave_out_of_window(changing, weakened) else None

    chosen = {op.index: op for op in part.counterexample}
    undecided = False
    for remaining, instant in _sound(window, chosen, without):
        ordered = has_order(remaining, instant, model, starts, tries)
        if ordered is False:
            return None
        undecided = undecided or ordered is None
    return TOO_LARGE if undecided else LEGAL


def _told(start: Start, counterexample: Operations) -> tuple[Hashable, frozenset[int]]:
    """A beginning, as far as the counterexample has the operations that are done in it."""
    return identity(start.state), frozenset(op.index for op in counterexample if op.index in start.done)


def _is_told(start: Start, told: set[tuple[Hashable, frozenset[int]]], counterexample: Operations) -> bool:
    """Whether a beginning was told, or one that differs only in that operations of unknown outcome have not taken
    effect: those may do so later, or never."""
    state, done = _told(start, counterexample)
    certain = {op.index for op in counterexample if not op.pending}
    return any(state == other and before <= done and not (done - before) & certain for other, before in told)


def _changes(ops: Operations, model: Model, states: list[State] | None) -> Callable[[Operation], bool]:
    """Whether an operation changes a state: one that the model can reach, or as it says where those are too many."""
    if states is None:
        return lambda op: not model.effect_free(op)
    changing = {
        kind
        for kind, op in {kind_of(op): op for op in ops}.items()
        if any(identity(after) != identity(state) for state in states for after in _allowed(model, state, op))
    }
    return lambda op: kind_of(op) in changing


def _reachable(ops: Operations, model: Model) -> list[State] | None:
    """All states that these operations may lead to, in any order; None if there are too many."""
    kinds = list({kind_of(op): op for op in ops}.values())
    states, known = [model.initial()], {identity(model.initial())}
    for state in states:
        if len(states) > STATES_MAX:
            return None
        for op in kinds:
            for after in _allowed(model, state, op):
                if identity(after) not in known:
                    known.add(identity(after))
                    states.append(after)
    return states


def _allowed(model: Model, state: State, op: Operation) -> list[State]:
    """The state after an operation, if it may happen."""
    after = model.step(state, op)
    return [] if isinstance(after, Inconsistent) else [after]


def _sound(ops: Operations, chosen: Mapping[int, Operation], without: Without) -> Iterator[tuple[Operations, int]]:
    """What the chosen operations (by index) require alone, and until which instant: of all called before it, those not
    chosen may be left out. The latest such instants first: then more must have happened, but more is left out."""
    instants = sorted({op.call for op in ops if op.index not in chosen})
    ends = {bisect_right(instants, time) for op in chosen.values() for time in (op.call, op.ret)} - {len(instants)}
    for instant in [PENDING, *(instants[at] for at in sorted(ends, reverse=True)[:ENDS_MAX]), *instants[:1]]:
        remaining = without(*_parted(ops, chosen, instant))
        if remaining is not None:
            yield remaining, instant


def _parted(ops: Operations, chosen: Mapping[int, Operation], instant: int) -> tuple[Operations, Operations]:
    """What was called before an instant: not chosen, and chosen. What had not returned by then never does."""
    called = [op if op.ret < instant else structs.replace(op, ret=PENDING) for op in ops if op.call < instant]
    return [op for op in called if op.index not in chosen], [op for op in called if op.index in chosen]


def has_order(ops: Operations, instant: int, model: Model, starts: Sequence[Start], tries: int) -> bool | None:
    """Whether some order of all that had returned by then, and some of the others, is legal from one of these starts;
    None: too many to try.

    First the others may happen any number of times: that needs no record of which have, and if even so there is no
    order, there is none.
    """
    if (
        any(op.pending or op.ret >= instant for op in ops)
        and _search(ops, instant, model, starts, tries, True) is False
    ):
        return False
    return _search(ops, instant, model, starts, tries, False)


def _search(
    ops: Operations, instant: int, model: Model, starts: Sequence[Start], tries: int, again: bool
) -> bool | None:
    """`again`: what need not happen may happen any number of times, in a model of few states."""
    rows = list(enumerate(sorted(ops, key=lambda op: op.call)))
    asked = [identity((op.f, op.key, op.input)) if op.pending else i for i, op in rows]  # pending twins go in order
    first = [sum(1 << j for j, b in rows if b.ret < a.call or (j < i and asked[j] == asked[i])) for i, a in rows]
    must = sum(1 << i for i, op in rows if not op.pending and op.ret < instant)
    stack = [(sum(1 << i for i, op in rows if op.index not in start.done), start.state) for start in starts]
    seen, states = set[object](), set[object]()
    while stack:
        left, state = stack.pop()
        if not left & must:
            return True
        if (left, identity(state)) in seen:
            continue
        seen.add((left, identity(state)))
        states.add(identity(state))
        if len(seen) > tries or (again and len(states) > STATES_MAX):
            return None
        for i, op in rows:
            ready = left >> i & 1 and not left & first[i]
            if ready and not isinstance(after := model.step(state, op), Inconsistent):
                stack.append((left if again and not must >> i & 1 else left & ~(1 << i), after))
    return False
