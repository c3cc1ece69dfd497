"""Guesses of a much smaller scenario: a few operations out of many, under other delays of the messages.

Where each operation hangs on the races before it, leaving out any one of them ends the failure, and no chunk of a
long scenario can go. But what failed once among hundreds of operations fails now and then among a few of them, and a
run of a few takes milliseconds: many guesses cost less than one round of leaving out single items.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from random import Random
from typing import Any

from msgspec.structs import replace

from naysayer.play.timed import Scenario, Timed, TimedFault, TimedOperation

SEEDS = 4
"""Under how many delays each number of last operations is tried."""

SQUEEZES = (1.0, 1.0, 0.3, 0.1)
"""Operations come as they did, or closer together."""

PAIRS = 0.3
"""How often two single items are left out: a fault and what ends it."""

FIRST_MS = 1.0


def last_operations(scenario: Scenario, keys: Collection[Any]) -> Iterator[Scenario]:
    """The last one, two, four ... operations (on some keys, if given), with no faults, those since then, or all."""
    asks = [ask for ask in sorted(scenario.operations, key=lambda ask: ask.at_ms) if not keys or ask.key in keys]
    count = 1
    while count < len(scenario.operations) and count <= len(asks):
        some = asks[-count:]
        late = [strike for strike in scenario.faults if strike.at_ms >= some[0].at_ms]
        for strikes in dict.fromkeys((tuple(scenario.faults), tuple(late), ())):
            candidate = scenario.of([*strikes, *some])
            for seed in dict.fromkeys((scenario.seed, *range(1, SEEDS + 1))):
                yield replace(candidate, seed=seed)
        count *= 2


def guesses(scenario: Scenario, random: Random) -> Iterator[Scenario]:
    """Smaller scenarios without end: some of the operations, some of the faults, other delays."""
    asks = sorted(scenario.operations, key=lambda ask: ask.at_ms)
    strikes = list(scenario.faults)
    size = len(asks) + len(strikes)
    while True:
        count = min(len(asks), random.randint(1, max(1, len(asks) * 2 // 3)))
        first = random.randrange(len(asks) - count + 1)
        chosen = (
            sorted(random.sample(range(len(asks)), count)) if random.random() < 0.5 else range(first, first + count)
        )
        some = [asks[place] for place in chosen]
        kept = [strike for strike in strikes if random.random() < random.choice((0.0, 0.7, 0.9, 1.0))]
        candidate = scenario.of([*kept, *(_plainer(ask) if random.random() < 0.3 else ask for ask in some)])
        if candidate.items and random.random() < 0.5:
            candidate = _squeezed(candidate, random.choice(SQUEEZES))
        if 0 < len(candidate.operations) + len(candidate.faults) < size:
            yield replace(candidate, seed=random.choice((scenario.seed, random.randrange(1_000_000))))


def some_of(items: Sequence[Timed], random: Random) -> list[Timed]:
    """Without a chunk of up to half of them, mostly a small one, or without two that are apart."""
    count = len(items)
    if random.random() < PAIRS:
        gone = set(random.sample(range(count), min(2, count - 1)))
    else:
        size = int((count / 2) ** random.random())
        start = random.randrange(count - size + 1)
        gone = set(range(start, start + size))
    return [item for number, item in enumerate(items) if number not in gone]


def _plainer(ask: TimedOperation) -> TimedOperation:
    """A cas hangs on the value that it finds; a write of what it would set does not."""
    return replace(ask, f="write", input=ask.input[1]) if ask.f == "cas" else ask


def _squeezed(scenario: Scenario, share: float) -> Scenario:
    """All of it from the beginning on, and closer together."""
    first_ms = scenario.items[0].at_ms

    def sooner(at_ms: float) -> float:
        return FIRST_MS + (at_ms - first_ms) * share

    asks = [replace(ask, at_ms=sooner(ask.at_ms)) for ask in scenario.operations]
    strikes = [TimedFault(sooner(strike.at_ms), strike.fault) for strike in scenario.faults]
    return replace(scenario.of([*asks, *strikes]), end_ms=min(scenario.end_ms, max(0.0, sooner(scenario.end_ms))))
