"""What an author of small random histories is; see generate.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

DID_NOT_HAPPEN: Any = object()
"""What `execute` answers for an operation that the object cannot do now: it ends in `fail`, if it is seen to end."""

Call = tuple[str, Any]
"""f and input."""


@dataclass(frozen=True)
class Author:
    """One kind of object."""

    invoke: Callable[[Random, Callable[[], Any]], Call]
    """What a client asks for next; the second argument gives a value to write: a new one, or a repeated one."""
    initial: Callable[[], Any]
    execute: Callable[[Any, str, Any], tuple[Any, Any]]
    """(state, f, input) -> (next state, output)."""
    lie: Callable[[Random, str, Any, int], Any]
    """Some output that f(input) might have; the last argument is the greatest value in use."""
    fails: bool = True
    """False if operations of this object never end in `fail`."""
