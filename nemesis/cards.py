"""The cards of a deck: short faults of the links of one node, the victim, so that a majority is never disturbed.

The kinds of messages, in the order in which they first appeared, are the phases of the system's protocol. A card that
loses a phase and all later ones leaves an operation of the victim half done; one that delays them lets others overtake
it. Cards that last longer than a node's own time-out show nodes that take silence for a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from nemesis import shapes
from nemesis.named import find
from nemesis.schedule import Situation
from targets.protocol.fault import Degrade, DelayMessages, DuplicateMessages, Fault, Link, LoseMessages
from targets.protocol.links import between
from targets.protocol.node import NodeId

PHASES_MAX = 7
"""Only the first kinds of messages get cards of their own, so that a deck is not too long."""

BRIEF_MS = 400.0
"""Limit of a card that ends when enough operations have ended (`Card.brief`)."""

LONG_MS = 1200.0
"""Longer than most nodes wait for each other."""


@dataclass(frozen=True)
class Card:
    """A fault of a victim, which `make` gets with the situation. It may choose another node, or return None: no such
    fault makes sense now."""

    make: Callable[[Situation, NodeId], Fault | tuple[Fault, ...] | None]
    lasts_ms: float
    brief: bool = False
    """It ends sooner if enough operations have ended, one of them a change on the victim."""
    at_leader: float = 0.6
    """Chance that the victim is the node that seems to lead, if one does."""


@dataclass(frozen=True)
class Table:
    """What the cards of a new deck depend on."""

    phases: tuple[str, ...]
    """Kinds of messages in the order in which they first appeared; () if they are not known."""
    one_answers: bool
    """One node gives all answers: it is the leader."""
    random: Random

    @property
    def from_phases(self) -> list[tuple[str, ...]]:
        """Each phase but the first, with all later ones."""
        return [self.phases[first:] for first in range(min(1, len(self.phases) - 1), len(self.phases)) if self.phases]


Links = Callable[[Situation, NodeId], tuple[Link, ...]]


def _others(situation: Situation, victim: NodeId) -> list[NodeId]:
    return [node for node in situation.nodes if node != victim]


def _out(situation: Situation, victim: NodeId) -> tuple[Link, ...]:
    return tuple((victim, other) for other in _others(situation, victim))


def _into(situation: Situation, victim: NodeId) -> tuple[Link, ...]:
    return tuple((other, victim) for other in _others(situation, victim))


def _both(situation: Situation, victim: NodeId) -> tuple[Link, ...]:
    return between((victim,), _others(situation, victim))


def _cut(shape: shapes.Shape, lasts_ms: float) -> Card:
    """A deposed leader is of interest, so the victim is nearly always the leader."""
    return Card(lambda situation, victim: shape((victim, *_others(situation, victim))), lasts_ms, at_leader=0.95)


def _partitions(table: Table) -> list[Card]:
    # clients that wait for a deposed leader turn to the new one after a second, so only a long cut shows both
    lasting_ms = (300.0, 1000.0, 2000.0, *([1000.0, 2000.0, 2000.0] if table.one_answers else []))
    return [_cut(shapes.isolated_node, ms) for ms in lasting_ms]


def _one_way(table: Table) -> list[Card]:
    return [_cut(shapes.no_outgoing, 300.0)]


def _lose(kinds: tuple[str, ...], lasts_ms: float | None = None, links: Links = _out) -> Card:
    """Brief, unless a time is given."""
    brief = lasts_ms is None
    return Card(lambda *at: LoseMessages(links(*at), kinds), BRIEF_MS if lasts_ms is None else lasts_ms, brief)


def _losses(table: Table) -> list[Card]:
    if not table.phases:
        return []
    cards = [card for kinds in table.from_phases for card in (_lose(kinds), _lose(kinds, LONG_MS))]
    single = [(table.random.choice(table.phases),) for _ in range(3)]
    return [*cards, _lose(single[0]), _lose(single[1]), _lose(single[2], links=_into)]


def _hold(kinds: tuple[str, ...], count: int | None, late_ms: float) -> Card:
    return Card(lambda *at: DelayMessages(_out(*at), kinds, count, late_ms), BRIEF_MS, brief=True)


def _delays(table: Table) -> list[Card]:
    if not table.phases:
        return []
    random = table.random
    cards = [
        _hold(kinds, random.choice((None, None, None, 1, 1, 3)), random.choice((200.0, 500.0)))
        for kinds in table.from_phases
    ]
    slow_ms = random.choice((10.0, 40.0, 150.0))
    slow = Card(lambda *at: DelayMessages(_both(*at), delay_ms=slow_ms), 500.0)
    return [*cards, _hold((random.choice(table.phases),), None, 500.0), slow]


def _duplicates(table: Table) -> list[Card]:
    if not table.phases:
        return []
    return [Card(lambda *at: DuplicateMessages(_both(*at), after_ms=100.0), 300.0)]


def _degraded(**what: float) -> Card:
    return Card(lambda *at: Degrade(_both(*at), **what), 500.0)


def _slow_links(table: Table) -> list[Card]:
    return [_degraded(delay_ms=table.random.choice((10.0, 40.0, 150.0)), reorder=0.5)]


def _duplicating_links(table: Table) -> list[Card]:
    return [_degraded(duplicate=0.4)]


CARDS: dict[str, Callable[[Table], list[Card]]] = {
    "partition": _partitions,
    "disconnect": _partitions,
    "one-way": _one_way,
    "lose-phase": _losses,
    "delay-phase": _delays,
    "duplicate-phase": _duplicates,
    "delay": _slow_links,
    "duplicate": _duplicating_links,
}
"""By the name of a kind of faults in the catalogue: its cards."""


def _as_in_the_catalogue(name: str, table: Table) -> list[Card]:
    """The cards of a kind that has none of its own: any fault of the kind, for a shorter or a longer time."""
    kind = find(name)
    return [Card(lambda situation, victim: kind.begin(situation), ms) for ms in (300.0, 1000.0, 1000.0, 2000.0)]


def new_deck(names: Sequence[str], table: Table) -> tuple[Card, ...]:
    """One of each card of these kinds of faults, in random order."""
    cards = [card for name in names for card in CARDS.get(name, partial(_as_in_the_catalogue, name))(table)]
    table.random.shuffle(cards)
    return tuple(cards)
