"""The scopes around a failure that is known: what its clients do, with few timers, and at most its crashes.

A hunt's minimised failure has the operations that matter, and a time for everything. All their schedules are tried, so
what is found has the fewest steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checker.errors import UsageError
from checker.history import Operation
from naysayer.explore.prefix import may_lead
from naysayer.explore.rungs import CRASHES_MAX, TIMERS_MAX
from naysayer.explore.scope import CLIENTS_MAX, OPERATIONS_MAX, Scope, refuse_unoffered, refuse_unsuited, scope
from naysayer.play import notation, timed
from naysayer.play.notation import SCENARIO
from naysayer.play.timed import Scenario
from naysayer.results import open_folder
from targets.protocol.fault import Kill
from targets.protocol.target import Target

DELAYS = 2
"""Of some of the scopes: they go deeper."""

LETTERS = {"read": "r", "write": "w", "append": "a", "cas": "c", "delete": "d"}


def scenario_at(path: Path) -> Scenario:
    """The timed scenario in a file, or in a result folder. Raises UsageError if there is none."""
    if path.is_file() and path.suffix == ".txt":
        return notation.read(path)
    folder = open_folder(path)
    if not (folder / SCENARIO).is_file():
        raise UsageError(f"{folder} has no {SCENARIO}: --from takes what a hunt has minimised, or a timed scenario")
    return notation.read(folder / SCENARIO)


def scopes_around(
    target: Target,
    scenario: Scenario,
    source: Path,
    timers: int | None = None,
    crashes: int | None = None,
    duplicates: int = 0,
) -> tuple[Scope, ...]:
    """Its operations at the nodes that they asked there, then at any node; where nodes may lead, after the one that was
    asked first has come to. `timers`, `crashes`: at most so many. Raises UsageError for what cannot be explored."""
    refuse_unsuited(target, scenario.nodes)
    rows = _rows(scenario, source)
    killed = sum(len(one.fault.nodes) for one in scenario.faults if isinstance(one.fault, Kill))
    most_timers = TIMERS_MAX if timers is None else timers
    most_crashes = min(killed, 2 * CRASHES_MAX) if crashes is None else crashes
    asked_first = min(scenario.operations, key=lambda one: one.at_ms).node
    led = f"{asked_first} leads: " if may_lead(target, scenario.nodes, asked_first) else ""
    pinned = led + " | ".join(" ".join(f"{letter}@{node}" for letter, node in row) for row in rows)
    anywhere = led + " | ".join(" ".join(letter for letter, _ in row) for row in rows)
    budgets = [(fired, crashed) for fired in range(most_timers + 1) for crashed in range(most_crashes + 1)]
    budgets.sort(key=lambda one: (one[0] + 2 * one[1], one))
    kinds = [(pinned, None), (pinned, DELAYS), (anywhere, None)] if scenario.nodes > 1 else [(anywhere, None)]
    scopes = tuple(
        scope(program, scenario.nodes, crashed, fired, duplicates, delays)
        for program, delays in kinds
        for fired, crashed in budgets
    )
    refuse_unoffered(target, scopes[0])
    return scopes


def is_explorable(target: Target, scenario: Scenario, source: Path) -> bool:
    """Whether there are such scopes."""
    try:
        scopes_around(target, scenario, source)
    except UsageError:
        return False
    return True


def _rows(scenario: Scenario, source: Path) -> list[list[tuple[str, str]]]:
    """By client: its operations on the key that most are on, as letters and nodes. A client that has given up waiting
    goes on as another one, as in the history: what it waited for may happen later."""
    strange = sorted({one.f for one in scenario.operations} - LETTERS.keys())
    if strange or not scenario.operations:
        other = ", ".join(strange) or "none"
        raise UsageError(f"{source} has operations that cannot be explored ({other}): it takes {', '.join(LETTERS)}")
    (key, _), *_ = Counter(one.key for one in scenario.operations).most_common(1)
    run, _ = timed.play(scenario, weaker=False)
    asked = sorted((one for one in run.recorder.history() if one.key == key), key=lambda one: (one.process, one.call))
    clients = dict.fromkeys(one.process for one in asked)
    if len(clients) > CLIENTS_MAX or len(asked) > OPERATIONS_MAX:
        raise UsageError(
            f"{source} has {len(asked)} operations of {len(clients)} clients, and at most {OPERATIONS_MAX} of "
            f"{CLIENTS_MAX} can be explored: hunt it, and take what is left of it"
        )
    values = [one.input[1] if one.f == "cas" else one.input for one in asked if one.f in ("cas", "write", "append")]
    numbers = {value: number for number, value in enumerate(values, 1)}
    return [[(_letter(one, numbers), str(one.node)) for one in asked if one.process == client] for client in clients]


def _letter(operation: Operation, numbers: Mapping[Any, int]) -> str:
    """As a program has it. What is written is numbered there, in order."""
    expected = operation.input[0] if operation.f == "cas" else None
    return f"{LETTERS[operation.f]}{numbers.get(expected, '')}"
