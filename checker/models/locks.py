"""Locks: a mutex, with fencing tokens where it hands them out, and a semaphore with a number of permits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from checker.errors import UsageError
from checker.history import PENDING, Operation
from checker.model import Inconsistent, Model, State

FREE: tuple[Any, ...] = ()


class Mutex(Model):
    """A lock with at most one holder at a time. State: (what the holder was given, or FREE; the last token known).

    Tokens, if `acquire` returns them, must grow, and a `release` that names one must name the holder's. The token of
    a pending acquire is not known. An acquire that returns True was given none; one that returns False
    did not get the lock, for whatever reason. Which client releases does not matter.
    """

    name: ClassVar[str] = "mutex"
    summary: ClassVar[str] = "a lock: acquire (perhaps with a growing token), release"
    operations: ClassVar[frozenset[str]] = frozenset({"acquire", "release"})

    def initial(self) -> State:
        return (FREE, None)

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, tuple)
        holder, last = state
        if self.effect_free(op):
            return state
        if op.f == "acquire":
            if holder != FREE:
                return Inconsistent("acquired the lock, but it is held")
            token = token_of(op)
            if token is not None and last is not None and token <= last:
                return Inconsistent(f"was given the token {token}, but {last} had been given out before")
            return ((token,), last if token is None else token)
        if holder == FREE:
            return Inconsistent("released the lock, but it is free")
        if op.input is not None and holder[0] is not None and op.input != holder[0]:
            return Inconsistent(f"released the lock with the token {op.input}, but its holder has {holder[0]}")
        return (FREE, last)

    def effect_free(self, op: Operation) -> bool:
        return op.f == "acquire" and not op.pending and op.output is False

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Refused acquires; all that named certain tokens; or what was over before some instant, if the lock was free.

        *Free*: as many acquires as releases had ended, and no release was under way. Then at most one acquire that was
        under way may have taken place as well, and it may as well have taken place at that instant.
        """
        changing = [op for op in dropped if not self.effect_free(op)]
        if not changing:
            return True
        others = [op for op in kept if not self.effect_free(op)]
        if any(op.pending for op in changing):
            return _by_token(changing, others)
        end = max(op.ret for op in changing)
        free = sum(1 if op.f == "acquire" else -1 for op in changing) == 0
        over = all(end < (op.ret if op.f == "acquire" else op.call) for op in others)
        return (free and over) or _by_token(changing, others)


def token_of(op: Operation) -> Any:
    """The token that an acquire was given; None if there is none, or it is not known."""
    return None if op.pending or op.output is True else op.output


def _by_token(dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
    """Where every operation names its token, each acquire stands right before its own release: both may go."""
    named: list[set[Any]] = []
    for ops in (dropped, kept):
        tokens = [token_of(op) if op.f == "acquire" else op.input for op in ops]
        if None in tokens:
            return False
        named.append(set(tokens))
    return not named[0] & named[1]


class Semaphore(Model):
    """Permits that are acquired and released, some at a time (one, where no number is given). State: how many are free.

    As Java's and most others, it does not ask who releases, nor whether so many had been acquired. An acquire that
    returns False did not get its permits, for whatever reason.
    """

    name: ClassVar[str] = "semaphore"
    summary: ClassVar[str] = "permits, as many as --initial says: acquire n, release n"
    operations: ClassVar[frozenset[str]] = frozenset({"acquire", "release"})

    def __init__(self, begins_with: Any = None) -> None:
        """`begins_with`: the number of permits at the beginning; None: 1. Raises UsageError for what is no number."""
        if begins_with is not None and (type(begins_with) is not int or begins_with < 0):
            raise UsageError(f"--initial {begins_with}: a semaphore begins with a whole number of permits, 0 or more")
        self.begins_with = 1 if begins_with is None else begins_with

    def initial(self) -> State:
        return self.begins_with  # type: ignore[no-any-return]

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, int)
        if self.effect_free(op):
            return state
        if op.f == "release":
            return state + permits(op)
        if permits(op) > state:
            return Inconsistent(f"acquired {permits(op)}, but {state} permits are free")
        return state - permits(op)

    def effect_free(self, op: Operation) -> bool:
        return permits(op) == 0 or (op.f == "acquire" and not op.pending and op.output is False)

    def may_leave_out(self, dropped: Sequence[Operation], kept: Sequence[Operation]) -> bool:
        """Acquires, since without them more is free; releases, if acquires of no less ended before any acquire that
        stays began: then no less is free than there was."""
        begins = min((op.call for op in kept if op.f == "acquire"), default=PENDING)
        changing = [op for op in dropped if not self.effect_free(op)]
        before = sum(permits(op) for op in changing if op.f == "acquire" and op.ret < begins)
        return sum(permits(op) for op in changing if op.f == "release") <= before


def permits(op: Operation) -> int:
    """How many permits an acquire or release is about."""
    return 1 if op.input is None else int(op.input)
