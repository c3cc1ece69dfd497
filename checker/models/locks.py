"""A mutex: acquire and release, with fencing tokens where the lock hands them out."""

from __future__ import annotations

from typing import Any, ClassVar

from checker.history import Operation
from checker.model import Inconsistent, Model, State

FREE: tuple[Any, ...] = ()


class Mutex(Model):
    """A lock that one holds at a time. State: (what the holder was given, or FREE; the last token known).

    Tokens, if `acquire` returns them, must grow, and a `release` that names one must name the holder's. A pending
    acquire was given nobody knows which token.
    """

    name: ClassVar[str] = "mutex"
    summary: ClassVar[str] = "a lock: acquire (perhaps with a growing token), release"
    operations: ClassVar[frozenset[str]] = frozenset({"acquire", "release"})

    def initial(self) -> State:
        return (FREE, None)

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        assert isinstance(state, tuple)
        holder, last = state
        if op.f == "acquire":
            if holder != FREE:
                return Inconsistent("acquired the lock, but it is held")
            token = None if op.pending else op.output
            if token is not None and last is not None and token <= last:
                return Inconsistent(f"was given the token {token}, but {last} had been given out before")
            return ((token,), last if token is None else token)
        if holder == FREE:
            return Inconsistent("released the lock, but nobody holds it")
        if op.input is not None and holder[0] is not None and op.input != holder[0]:
            return Inconsistent(f"released the lock with the token {op.input}, but its holder has {holder[0]}")
        return (FREE, last)
