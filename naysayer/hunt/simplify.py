"""Candidates for a simpler scenario, the simplest first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from msgspec.structs import replace

from naysayer.play.timed import Scenario, TimedFault, shows_last

NEAR = 4
"""A fault's end is among so many that follow it."""

NODES_MIN = 3
"""With fewer nodes every majority would be all of them."""

STARTS_MS = (1.0, 300.0, 600.0, 1000.0)
"""When the first thing may happen: at once, or after a first election."""

ROUND_MS = (100.0, 10.0, 1.0, 0.1)

NAMES = "xyzuvw"
"""What the keys are called."""


def fewer_nodes(scenario: Scenario) -> Iterator[Scenario]:
    """Without some of the nodes; those that stay are numbered again."""
    every = [f"n{number}" for number in range(1, scenario.nodes + 1)]
    for count in range(NODES_MIN, scenario.nodes):
        for stay in combinations(every, count):
            named = dict(zip(stay, every, strict=False))
            asks = tuple(replace(ask, node=named[ask.node]) for ask in scenario.operations if ask.node in named)
            if len(asks) < len(scenario.operations):
                continue
            renamed = ((timed.at_ms, timed.fault.renamed(named)) for timed in scenario.faults)
            faults = tuple(TimedFault(at_ms, fault) for at_ms, fault in renamed if fault is not None)
            yield replace(scenario, nodes=count, operations=asks, faults=faults)


def fed_back(scenario: Scenario) -> Iterator[Scenario]:
    """Fenced writes show what their client was given, and no number: generations before it may then go."""
    asks = tuple(
        replace(ask, input=(None, ask.input[1])) if ask.f == "fenced-write" and not shows_last(ask) else ask
        for ask in scenario.operations
    )
    if asks != scenario.operations:
        yield replace(scenario, operations=asks)


def fewer_clients(scenario: Scenario) -> Iterator[Scenario]:
    """One client invokes the operations of two, or clients are numbered from 0."""
    clients = sorted({ask.client for ask in scenario.operations})
    for one, other in combinations(clients, 2):
        yield _clients(scenario, {other: one})
    if clients != list(range(len(clients))):
        yield _clients(scenario, {client: number for number, client in enumerate(clients)})


def _clients(scenario: Scenario, named: dict[int, int]) -> Scenario:
    places = {f"c{old}": f"c{new}" for old, new in named.items()}
    faults = tuple(TimedFault(timed.at_ms, timed.fault.with_clients(places)) for timed in scenario.faults)
    asks = tuple(replace(ask, client=named.get(ask.client, ask.client)) for ask in scenario.operations)
    return replace(scenario, operations=asks, faults=faults)


def milder_faults(scenario: Scenario) -> Iterator[Scenario]:
    """Each fault with fewer nodes or links, or without one of its effects."""
    for number, timed in enumerate(scenario.faults):
        for fault in timed.fault.milder():
            changed = TimedFault(timed.at_ms, fault)
            yield replace(scenario, faults=(*scenario.faults[:number], changed, *scenario.faults[number + 1 :]))


def sooner(scenario: Scenario) -> Iterator[Scenario]:
    """Everything earlier, so that no time passes without a reason."""
    if not scenario.items:  # a node died at its start
        return
    last_ms = scenario.items[-1].at_ms
    if scenario.end_ms > last_ms:
        yield replace(scenario, end_ms=last_ms)
    first_ms = scenario.items[0].at_ms
    for start_ms in STARTS_MS:
        if start_ms < first_ms:
            yield _moved(scenario, lambda at_ms: at_ms - first_ms + start_ms)  # noqa: B023 - called at once


def round_times(scenario: Scenario) -> Iterator[Scenario]:
    """Times as round as possible: all of them, else one by one."""
    for unit in ROUND_MS:
        rounded = _moved(scenario, lambda at_ms: round(round(at_ms / unit) * unit, 3))  # noqa: B023 - called at once
        if rounded != scenario:
            yield rounded
    items = scenario.items
    for number, item in enumerate(items):
        for unit in ROUND_MS:
            at_ms = round(round(item.at_ms / unit) * unit, 3)
            if at_ms == item.at_ms:
                break
            yield scenario.of([*items[:number], replace(item, at_ms=at_ms), *items[number + 1 :]])


def _moved(scenario: Scenario, when: Any) -> Scenario:
    return scenario.of([replace(item, at_ms=when(item.at_ms)) for item in scenario.items])


def plain_values(scenario: Scenario) -> Iterator[Scenario]:
    """Keys named x, y ..., numbers written 1, 2 ... in the order in which they come."""
    keys = {key: key for key in dict.fromkeys(ask.key for ask in scenario.operations) if key is not None}
    if all(isinstance(key, str) for key in keys) and len(keys) <= len(NAMES):
        keys = dict(zip(keys, NAMES, strict=False))
    numbers: dict[int, int] = {}
    asks = tuple(
        replace(ask, key=keys.get(ask.key, ask.key), input=_plain(ask.input, numbers)) for ask in scenario.operations
    )
    simpler = replace(scenario, operations=asks)
    if simpler != scenario:
        yield simpler


def _plain(value: Any, numbers: dict[int, int]) -> Any:
    if isinstance(value, tuple):
        return tuple(_plain(item, numbers) for item in value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return numbers.setdefault(value, len(numbers) + 1)
    return value
