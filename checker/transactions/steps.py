"""A cycle as steps from transaction to transaction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """before -> after, for the reason `kind`, on a key (-1: none)."""

    before: int
    after: int
    kind: int
    key: int
    given: Choice | None = None
    """What it follows from, if not from the two transactions alone."""
    via: int = -1
    """COMMIT: the transaction that saw `before` and yet read the key from `after`."""


@dataclass(frozen=True)
class Choice:
    """Of two chains of versions of a key the order in which they were written, by the transactions at their ends: the
    one that `ended` the first chain came before the one that `began` the second."""

    key: int
    ended: int
    began: int


@dataclass
class Cycle:
    """A cycle by its kind; `count` components of the graph have one."""

    kind: str
    steps: tuple[Step, ...]
    count: int = 1

    @property
    def txns(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(step.before for step in self.steps))


@dataclass(frozen=True)
class Shape:
    """What a cycle may and must contain. `rw`: how many rw it has: "none", "one", "apart" (two or more, none right
    after another), "lone" (one or more, none right after another), "pair" (one right after
    another), "some" (one or more)."""

    name: str
    first: int
    """The kind of edge that it begins with."""
    allowed: frozenset[int]
    rw: str
    needs: int | None = None
    """A kind of order that it must contain."""
