"""Likelihood: of the futures of an event, how many are a violation by a given time?

A future has the same events up to there, and then everything that is random is drawn anew: delays, what clients do, the
faults to come. Over time this shows when the failure was baked in. The futures of an event are numbered, and each of
them is the same whenever it is run.
"""

from __future__ import annotations

import msgspec

from checker.history import History
from naysayer.explorer.branch import Branch
from naysayer.explorer.replay import Edit, Replay, moment
from naysayer.judge import judge_run
from targets.backends.simulator.network import MS
from targets.protocol.fault import Redraw
from workloads.parts import client_of

FUTURES = 16
"""How many futures of an event are run, unless asked otherwise."""

FUTURES_MAX = 400
POINTS_MAX = 60
STEPS = 200_000
"""What the search may spend on each key of a future."""

MARGIN = 0.1
"""So much of the failing window futures go on after it."""


class Likely(msgspec.Struct, frozen=True):
    """Of `futures` futures of an event, `failed` are a violation by `until_ms`, `undecided` could not be judged, and in
    `named` the operation that fails in this branch is part of the proof."""

    event: int
    time_ms: float
    futures: int
    failed: int
    named: int
    undecided: int
    until_ms: float


def until_ms(branch: Branch) -> float:
    """By when futures are judged: a little after the branch failed; at its end, if it did not."""
    if branch.failed_ms is None:
        return branch.replayed.run.virtual_ms
    from_ms, to_ms = window(branch)
    return branch.failed_ms + MARGIN * (to_ms - from_ms)


def window(branch: Branch) -> tuple[float, float]:
    """The failing window (ms): from the first call of the proof until it is a violation; else the whole run."""
    worst = branch.verdict.worst
    end_ms = branch.failed_ms
    if end_ms is None:
        return 0.0, branch.replayed.run.virtual_ms
    calls = [op.call / MS for op in worst.counterexample] if worst is not None else []
    return min(calls, default=max(0.0, end_ms - 500.0)), end_ms


def points(branch: Branch, from_ms: float, to_ms: float, count: int) -> list[int]:
    """At most `count` events in a span of time, evenly spread over it, after which a future can begin."""
    found: list[int] = []
    for place in range(count):
        wanted = branch.event_at(from_ms + (to_ms - from_ms) * place / max(1, count - 1))
        while wanted < len(branch.events) and moment(branch.events, wanted) is None:
            wanted += 1
        if wanted < len(branch.events) and wanted not in found:
            found.append(wanted)
    return found


def likelihood(branch: Branch, event: int, futures: int, until: float) -> Likely:
    """Run so many futures of an event."""
    failed = named = undecided = 0
    for salt in range(1, futures + 1):
        outcome, names = _future(branch, event, salt, until)
        failed += outcome == "invalid"
        undecided += outcome == "unknown"
        named += names
    return Likely(event, branch.events[event - 1].time_ns / MS, futures, failed, named, undecided, until)


def _future(branch: Branch, event: int, salt: int, until: float) -> tuple[str, bool]:
    """How one future ends, and whether the operation that fails in the branch is part of its proof."""
    before = tuple(edit for edit in branch.edits if edit.after < event)
    at_ns = moment(branch.events, event)
    replay = Replay(branch.source, (*before, Edit(event, Redraw(salt), at_ns)), until_ms=until, collect=False)
    run = replay.to_the_end().run
    verdict = judge_run(run, branch.source.model, weaker=False, steps=STEPS)
    if verdict.outcome != "invalid" or branch.culprit is None or verdict.worst is None:
        return verdict.outcome, False
    clients = branch.source.clients
    wanted = _name(branch.replayed.run.recorder.history(), branch.culprit, clients)
    history = run.recorder.history()
    return verdict.outcome, any(_name(history, op.index, clients) == wanted for op in verdict.worst.counterexample)


def _name(history: History, index: int, clients: int) -> tuple[int, int]:
    """The client of an operation, and which of its operations it is: the same in every future of an event."""
    operations = list(history)
    client = client_of(operations[index], clients)
    return client, sum(client_of(op, clients) == client for op in operations[:index])
