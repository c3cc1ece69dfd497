"""A model's steps on small integers: states and kinds of operations are numbered, and each distinct step is computed
once. Which kinds change nothing the model declares (`Model.effect_free`) or, where it declares nothing, is found out.
"""

from __future__ import annotations

from collections.abc import Hashable

from checker.errors import UsageError
from checker.history import History, Operation, identity
from checker.model import Inconsistent, Model, State

RESTARTS_MAX = 8
"""After so many refuted assumptions, those that no state has confirmed are given up."""

TRIALS_MAX, TRIALS_EACH = 10_000, 20
"""Trial steps: at most so many, and so many more for each kind of operation. Then all assumptions are given up."""


STATES_MAX, REACHED_MAX = 64, 100_000
"""States that a model may have in all for them to be listed, and steps to find them."""


class Refuted(Exception):  # noqa: N818 - not an error: the search starts again, and knows more
    """A kind that was assumed to change nothing changes a state that was visited."""


class Steps:
    """The step function of a model.

    With `assume`, and a model that does not say what is effect-free, every kind of finished operation is assumed to
    change nothing until a visited state shows otherwise: `next` then raises Refuted, and whatever relied on the
    assumption starts again. A search that was not interrupted is right: take the first place in a legal order at
    which an operation that was linearized early would have changed the state. Up to there, the states of the order are
    those that the search visits with that operation taken early, and each visited state is tried on every such kind.
    """

    def __init__(self, model: Model, *, assume: bool = False) -> None:
        self.model = model
        self.states: list[State] = []
        self._state_ids: dict[Hashable, int] = {}
        self.kinds: list[Operation] = []
        self._kind_ids: dict[Hashable, int] = {}
        self.effect_free: list[bool] = []
        self._next: list[dict[int, int]] = []
        self._assumes = assume and type(model).effect_free is Model.effect_free
        self._assumed: dict[int, bool] = {}
        """Kinds assumed to change nothing; whether some state allowed them, and was not changed."""
        self._tried: set[int] = set()
        """States on which all assumed kinds were tried."""
        self._trials = self._restarts = 0
        self.initial = self.state(model.initial())

    def kind(self, op: Operation) -> int:
        """The small integer of what an operation did: equal ones are of one kind."""
        what = identity((op.f, op.key, op.input, op.output, op.pending))
        known = self._kind_ids.get(what)
        if known is not None:
            return known
        kind = self._kind_ids[what] = len(self.kinds)
        self.kinds.append(op)
        assumed = self._assumes and not op.pending
        if assumed:
            self._assumed[kind] = False
        self.effect_free.append(assumed or self.model.effect_free(op))
        self._next.append({})
        return kind

    def kinds_of(self, part: History) -> list[int]:
        """The kind of each row: equal name, key, input, output and status are one kind."""
        known: dict[tuple[int, ...], int] = {}
        kinds: list[int] = []
        columns = (part.f, part.key, part.input, part.output, part.status)
        for row, codes in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            kind = known.get(codes)
            if kind is None:
                kind = known[codes] = self.kind(part[row])
            kinds.append(kind)
        return kinds

    def next(self, kind: int, state: int) -> int:
        """The state after an operation of this kind, or -1 where the model does not allow it. May raise Refuted."""
        known = self._next[kind]
        after = known.get(state)
        if after is None:
            result = self.model.step(self.states[state], self.kinds[kind])
            after = known[state] = -1 if isinstance(result, Inconsistent) else self.state(result)
            if self._assumed and after >= 0:
                self.visit(after)
        return after

    def state(self, state: State) -> int:
        """The small integer of a state. Raises UsageError for one that cannot be hashed."""
        key = identity(state)
        try:
            found = self._state_ids.get(key)
        except TypeError as error:
            raise UsageError(
                f"a state of the model {self.model.name} cannot be hashed ({error}): states must be immutable: use "
                "tuples and frozensets instead of lists, sets and maps"
            ) from None
        if found is None:
            found = self._state_ids[key] = len(self.states)
            self.states.append(state)
        return found

    def reach(self) -> bool:
        """Lists all states that operations of the known kinds may lead to, and finds which kinds change none of them;
        False if there are too many."""
        at = 0
        while at < len(self.states):
            if len(self.states) > STATES_MAX or (at + 1) * len(self.kinds) > REACHED_MAX:
                return False
            for kind in range(len(self.kinds)):
                self.next(kind, at)
            at += 1
        self.effect_free = [
            all(self.next(kind, state) in (-1, state) for state in range(at)) for kind in range(len(self.kinds))
        ]
        return True

    def visit(self, state: int) -> None:
        """Tries all assumed kinds on a state. Raises Refuted if one of them would change it."""
        if state in self._tried:
            return
        self._tried.add(state)
        before, key = self.states[state], identity(self.states[state])
        wrong = []
        for kind in self._assumed:
            after = self.model.step(before, self.kinds[kind])
            if not isinstance(after, Inconsistent):
                if identity(after) != key:
                    wrong.append(kind)
                else:
                    self._assumed[kind] = True
        self._trials += len(self._assumed)
        if self._trials > TRIALS_MAX + TRIALS_EACH * len(self.kinds):
            wrong = list(self._assumed)
        if wrong:
            self._give_up(wrong)

    def _give_up(self, wrong: list[int]) -> None:
        self._restarts += 1
        if self._restarts > RESTARTS_MAX:
            wrong += [kind for kind, confirmed in self._assumed.items() if not confirmed]
        for kind in set(wrong):
            del self._assumed[kind]
            self.effect_free[kind] = False
        raise Refuted
