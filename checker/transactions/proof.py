"""The proof that a level does not hold, in terms of the history alone: operations by index, keys by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checker.transactions.edges import KIND_NAMES
from checker.transactions.steps import Choice, Step
from checker.transactions.strong import Lemma, Refutation
from checker.transactions.words import Words


@dataclass(frozen=True)
class WriteOrder:
    """On a key the transactions that ended with `ended` (each read what the one before it wrote, and wrote the key)
    come before those that began with `began`."""

    key: Any
    ended: int
    began: int


@dataclass(frozen=True)
class Link:
    """before -> after: `kind` is ww, wr, rw, session, real time or commit order. `after` None: the initial value."""

    before: int
    after: int | None
    kind: str
    key: Any = None
    given: WriteOrder | None = None
    """What it follows from beside the two transactions: a lemma, or what is assumed."""
    via: int | None = None
    """commit order: who saw `before` and read the key from `after`."""


@dataclass(frozen=True)
class Inevitable:
    """`holds`, as the opposite would close a cycle."""

    holds: WriteOrder
    otherwise: WriteOrder
    cycle: tuple[Link, ...]


@dataclass(frozen=True)
class Proof:
    """Lemmas, each resting on those before it; then a cycle, or an order of writes with a proof for either side."""

    lemmas: tuple[Inevitable, ...] = ()
    cycle: tuple[Link, ...] = ()
    sides: tuple[tuple[WriteOrder, Proof], ...] = ()


class Prover:
    """Writes what was found for transactions by number as a proof for operations by index."""

    def __init__(self, words: Words) -> None:
        self.table = words.table
        self.keys = words.versions.keys

    def of_cycle(self, steps: tuple[Step, ...]) -> Proof:
        return Proof(cycle=self._links(steps))

    def of_refutation(self, refutation: Refutation) -> Proof:
        sides = tuple((self._order(choice), self.of_refutation(side)) for choice, side in refutation.sides or ())
        return Proof(tuple(map(self._lemma, refutation.lemmas)), self._links(refutation.steps), sides)

    def _lemma(self, lemma: Lemma) -> Inevitable:
        return Inevitable(self._order(lemma.holds), self._order(lemma.otherwise), self._links(lemma.steps))

    def _order(self, choice: Choice) -> WriteOrder:
        return WriteOrder(self.keys[choice.key], self.table.index(choice.ended), self.table.index(choice.began))

    def _links(self, steps: tuple[Step, ...]) -> tuple[Link, ...]:
        return tuple(
            Link(
                self.table.index(step.before),
                None if step.after < 0 else self.table.index(step.after),
                KIND_NAMES[step.kind],
                None if step.key < 0 else self.keys[step.key],
                None if step.given is None else self._order(step.given),
                None if step.via < 0 else self.table.index(step.via),
            )
            for step in steps
        )
