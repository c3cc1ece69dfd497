"""A model: what a system should do if it were one machine that executed one operation after another.

Users write their own model as one class like the ones in checker/models/ and get the search, partitioning,
explanation and reports with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, ClassVar

from checker.history import Operation, identity

State = Hashable


class Inconsistent(str):
    """A step that the model does not allow; the text is a sentence saying why, in plain words."""

    __slots__ = ()


class Model:
    """Base of all models.

    `step` answers: may `op`, executed alone on `state`, have ended as it did? It returns the next state, or
    Inconsistent("read 3, but the register holds 2"). States are immutable and hashable. A pending operation
    (`op.pending`) has no known output: `step` applies its effect and ignores `op.output`. It also ignores
    the process and the times: operations with equal name, input and output are the same to it.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    operations: ClassVar[frozenset[str]]
    """The operation names (`f`) it knows; others are refused before judging."""
    by_key: ClassVar[bool] = True
    """True if each key is an object of its own, so that keys are judged apart (P-compositionality)."""
    begins_with: Any = None
    """The value of every register at the beginning. Only models of registers may be given another one than None."""

    def initial(self) -> State:
        raise NotImplementedError

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        raise NotImplementedError

    def effect_free(self, op: Operation) -> bool:
        """True if the operation, having ended as it did, changed no state (a read, a refused cas).

        For a pending operation: true if it changes no state however it ends. Such pending operations are dropped.
        """
        return False

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """True if every legal history of `dropped` and `kept` together stays legal without `dropped`.

        Counterexamples are minimised, and verified, by this rule: the fewer operations it ties together, the smaller
        they get; but answering True where it does not hold would let a wrong proof pass. The default is always sound:
        operations which changed nothing. A register may also leave out a value with every operation that found it.
        """
        return all(self.effect_free(op) for op in dropped)

    def may_leave_out_of_window(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """The same of histories that may begin in any state (`Part.since`).

        `dropped` are only operations that change some state: those that change none may always be left out.
        """
        return not dropped

    def canonicalised(self, ops: Sequence[Operation]) -> Sequence[Operation]:
        """All of `ops`, in place, with values that no operation distinguishes made equal: legal in exactly the same
        orders.

        The search counts pending operations that are equal, instead of trying each. Models made from a bundled one
        are not asked, as they may distinguish more.
        """
        return ops

    def with_fewer_states(self, ops: Iterable[Operation]) -> Model:
        """A model that allows the same orders of these operations, and tells fewer states apart. For the search."""
        return self

    def weakened(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation]:
        """`kept`, where operations that depend on `dropped` may require less than they did.

        A proof without `dropped` is made of these. Every order in which `kept` was legal must stay legal; a register
        may take a successful cas whose value to compare with goes as a mere write.
        """
        return kept

    def without(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> Sequence[Operation] | None:
        """What `kept` require alone: legal, in their order, wherever `dropped` and `kept` together are; None if
        unknown.

        Proofs are made of this. A model which knows how to take the dropped operations out of what others saw (an
        element out of all reads of a set) answers that; the rest can rely on `weakened` and `may_leave_out`.
        """
        weakened = self.weakened(dropped, kept)
        return weakened if self.may_leave_out(dropped, weakened) else None


class NondeterministicModel(Model):
    """A model of which a step may lead to several states.

    Define `initial_states` and `next_states` in place of `initial` and `step`. An order of operations is legal if some
    choice of states allows it: the state of the search is the set of all that are possible.
    """

    def initial_states(self) -> Iterable[State]:
        raise NotImplementedError

    def next_states(self, state: State, op: Operation) -> Iterable[State] | Inconsistent:
        """The states that may follow; none, or Inconsistent with the reason, if the operation cannot have ended so."""
        raise NotImplementedError

    def initial(self) -> State:
        return frozenset((identity(state), state) for state in self.initial_states())

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, frozenset)
        reason, possible = None, set[tuple[Hashable, State]]()
        for _, one in sorted(state, key=repr):
            after = self.next_states(one, op)
            if isinstance(after, Inconsistent):
                reason = reason or after
            else:
                possible.update((identity(other), other) for other in after)
        return frozenset(possible) if possible else reason or Inconsistent(f"no state allows {op.f}")
