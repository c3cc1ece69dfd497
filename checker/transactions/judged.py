"""Judges transactions level by level, and says which levels hold, which do not, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from checker.budget import Budget, OutOfBudget
from checker.errors import UsageError
from checker.history import FAIL, Column, History
from checker.transactions import counters, lists, registers, sets, strong, weak
from checker.transactions.cycles import KINDS, at_every_level, named
from checker.transactions.edges import WW, Edges, of_order, of_versions
from checker.transactions.levels import DECIDES, LEVELS, Level, Order, find, implied, validate
from checker.transactions.local import Local, Locals
from checker.transactions.proof import Prover
from checker.transactions.replay import serial_order
from checker.transactions.steps import Cycle
from checker.transactions.strong import Refutation
from checker.transactions.table import DATA, Data, Table, table
from checker.transactions.versions import Versions
from checker.transactions.words import Words
from checker.verdict import Anomaly, Explanation, Part, Rung, Verdict
from checker.warnings import of_record

LADDER_STEPS = 1_000_000
"""What the search may spend on a level that was not asked for."""

STRONGEST_STEPS = 200_000
"""What trying orders may spend on the strongest level first: in real time there are few."""

_SERIAL: dict[Order, str] = {
    "none": "serializable",
    "session": "strong-session-serializable",
    "realtime": "strict-serializable",
}

NOTHING_SUCCEEDED = "no transaction succeeded, so nothing was observed that could be right or wrong"


@dataclass(frozen=True)
class Ruling:
    """What one level comes to: `events` if it holds, one of local, cycle and refutation if not, else a reason."""

    holds: bool | None
    events: Column | None = None
    local: Local | None = None
    cycle: Cycle | None = None
    refutation: Refutation | None = None
    reason: str | None = None

    @property
    def kind(self) -> str:
        """What refutes the level."""
        if self.local is not None:
            return self.local.kind
        return self.cycle.kind if self.cycle is not None else "no-version-order"


class Judge:
    """All that is known of one history of transactions."""

    def __init__(self, history: History, data: Data, begins_with: Any = None) -> None:
        self.table: Table = table(history, data, begins_with)
        self.found = Locals(self.table)
        read = {
            "list": lists.versions,
            "register": registers.versions,
            "set": sets.versions,
            "counter": counters.versions,
        }[data]
        self.versions: Versions = read(self.table, self.found)
        self.versions.lost_updates(self.found)
        self.linked = self.versions.linked()
        self.known: Edges = of_versions(self.table, self.linked)
        self.rulings: dict[str, Ruling] = {}

    def ruling(self, name: str, budget: Budget) -> Ruling:
        """Whether the history has a level. What was found before is used: what holds implies weaker levels."""
        if name in self.rulings:
            return self.rulings[name]
        for other, ruling in self.rulings.items():
            if ruling.holds and name in implied(other):
                return self.rulings.setdefault(name, _weakened(ruling, LEVELS[other], LEVELS[name]))
            if ruling.holds is False and other in implied(name):
                return self.rulings.setdefault(name, replace(ruling))
        return self.rulings.setdefault(name, self._decided(LEVELS[name], budget))

    def try_strongest(self) -> None:
        """Whether the strongest level holds, where that is seen without a long search: then all others do."""
        name = "strict-serializable"
        steps = 1 if self.versions.ambiguous is None else STRONGEST_STEPS
        ruling = self._decided(LEVELS[name], Budget(steps=steps))
        if ruling.holds is not None:
            self.rulings[name] = ruling

    def _decided(self, level: Level, budget: Budget) -> Ruling:
        if self.versions.ambiguous is not None:
            return self._replayed(level, budget, self.versions.ambiguous)
        local = self.found.refuting(level.family)
        if local is not None:
            return Ruling(False, local=local)
        if level.family in ("serializable", "snapshot-isolation"):
            snapshot = level.family == "snapshot-isolation"
            strongly = strong.decide(
                self.table, self.linked, self.known, level.order, budget, lambda: self.cycles, snapshot=snapshot
            )
            if strongly.events is not None:
                return Ruling(True, events=strongly.events)
            if strongly.reason is not None:
                return Ruling(None, reason=strongly.reason)
            cycle = strongly.cycle and at_every_level(strongly.cycle, self.known, lambda: self.known_at_every_level)
            return Ruling(False, cycle=cycle, refutation=strongly.refutation)
        weakly = weak.decide(self.table, self.versions, level.family)
        if weakly.events is not None:
            return Ruling(True, events=weakly.events)
        return Ruling(None if weakly.reason else False, cycle=weakly.cycle, reason=weakly.reason)

    def _replayed(self, level: Level, budget: Budget, ambiguous: str) -> Ruling:
        """Where values are not unique, a serial order that explains every read shows what holds."""
        try:
            events = serial_order(self.table, level.order, budget)
        except OutOfBudget as out:
            return Ruling(None, reason=f"{ambiguous}, and of all serial orders so many were tried: {out}")
        serial = LEVELS[_SERIAL[level.order]]
        if events is not None:
            return _weakened(Ruling(True, events=events), serial, level)
        if level.family == "serializable":
            return Ruling(False)
        return Ruling(
            None, reason=f"{ambiguous}; no serial order explains every read, which {level.name} does not ask for"
        )

    @cached_property
    def known_at_every_level(self) -> Edges:
        """What reads show of registers is who wrote; of lists the order too."""
        shown = of_versions(self.table, self.versions)
        return shown.where(shown.kind != WW) if self.table.data == "register" else shown

    @cached_property
    def cycles(self) -> list[Cycle]:
        """The cycles of what is known, of sessions and of real time, by name."""
        edges = self.known.plus(of_order(self.table, "realtime", self.known.nodes, self.versions.happened))
        found = named(edges, self.table, "realtime")
        by_kind = {cycle.kind: cycle for cycle in found}
        for cycle in found:
            one = at_every_level(cycle, edges, lambda: self.known_at_every_level)
            if one.kind != cycle.kind:
                del by_kind[cycle.kind]
                by_kind.setdefault(one.kind, one)
        return sorted(by_kind.values(), key=lambda cycle: KINDS.index(cycle.kind))

    def anomalies(self) -> list[Local | Cycle]:
        """All kinds that the history has, with counts: those of single reads, then the cycles."""
        return [] if self.versions.ambiguous is not None else [*self.found.found.values(), *self.cycles]


def _weakened(ruling: Ruling, stronger: Level, weaker: Level) -> Ruling:
    """The witness of a stronger level as one of a weaker one."""
    events = ruling.events
    assert events is not None
    if stronger.family == "serializable" and weaker.family == "snapshot-isolation":
        events = np.repeat(events, 2)
    elif stronger.family == "snapshot-isolation" and weaker.family != "snapshot-isolation":
        _, last = np.unique(events[::-1], return_index=True)
        events = events[np.sort(len(events) - 1 - last)]
    return Ruling(True, events=events)


def judge(
    history: History, model: str, level: str, *, begins_with: Any = None, budget: Budget | None = None
) -> Verdict:
    """The verdict on a level, with its proof, the ladder of all levels, and all anomalies.

    `model`: the data type, a name of checker.transactions.table.DATA. Raises UsageError for a level that is none, or
    that the data type cannot decide.
    """
    started = time.perf_counter()
    asked = find(level)
    data = DATA[model]
    if begins_with is not None and data != "register":
        raise UsageError(f"{model} takes no initial value")
    validate(data, asked.name)
    limits = (Budget() if budget is None else budget).begun()
    judged = Judge(history, data, begins_with)
    judged.try_strongest()
    ruling = judged.ruling(asked.name, limits)
    ladder = _ladder(judged, data, limits)
    anomalies = tuple(_anomaly(judged, one) for one in judged.anomalies()) if _any_refuted(ladder) else ()
    part = _part(judged, asked, ruling)
    return Verdict(
        outcome=part.outcome,
        model=asked.name,
        method=part.method,
        operations=len(history),
        parts=(part,),
        seconds=time.perf_counter() - started,
        warnings=of_record(history),
        ladder=ladder,
        anomalies=anomalies,
        data=model,
    )


def refuted_by(history: History, model: str, level: str, *, begins_with: Any, budget: Budget) -> str | None:
    """The kind of anomaly that refutes a level; None if none was found. Orders are not tried where values repeat."""
    judged = Judge(history, DATA[model], begins_with)
    if judged.versions.ambiguous is not None:
        return None
    ruling = judged.ruling(level, budget.begun())
    return ruling.kind if ruling.holds is False else None


def _any_refuted(ladder: tuple[Rung, ...]) -> bool:
    return any(rung.holds is False for rung in ladder)


def _ladder(judged: Judge, data: Data, limits: Budget) -> tuple[Rung, ...]:
    """All levels that the data type decides, the strongest first."""
    steps = LADDER_STEPS if limits.steps is None else min(limits.steps, LADDER_STEPS)
    few = replace(limits, steps=steps)
    rungs = []
    for name in reversed(LEVELS):
        if name in DECIDES[data]:
            ruling = judged.ruling(name, few)
            rungs.append(Rung(name, ruling.holds, "" if ruling.holds is not False else ruling.kind))
    return tuple(rungs)


def _part(judged: Judge, level: Level, ruling: Ruling) -> Part:
    table = judged.table
    operations = len(table.history)
    if ruling.holds and not table.ok.any():
        return Part(None, "unknown", "none", operations, reason=NOTHING_SUCCEEDED)
    if ruling.holds:
        assert ruling.events is not None
        events = ruling.events[table.status[ruling.events] != FAIL]  # read-uncommitted: reads may show what failed
        return Part(None, "valid", "cycles", operations, witness=table.history.index[table.rows[events]])
    if ruling.holds is None:
        return Part(None, "unknown", "cycles", operations, reason=ruling.reason)
    explanation, txns = _explained(judged, level, ruling)
    prover = Prover(Words(judged.table, judged.versions))
    proof = None
    if ruling.refutation is not None:
        proof = prover.of_refutation(ruling.refutation)
    elif ruling.cycle is not None:
        proof = prover.of_cycle(ruling.cycle.steps)
    counterexample = tuple(table.history[int(table.rows[txn])] for txn in sorted(txns))
    method = "version orders" if ruling.refutation is not None else "cycles"
    return Part(
        None,
        "invalid",
        method,
        operations,
        counterexample=counterexample,
        explanation=explanation,
        proof=proof,
    )


def _explained(judged: Judge, level: Level, ruling: Ruling) -> tuple[Explanation, tuple[int, ...]]:
    words = Words(judged.table, judged.versions)
    if ruling.local is not None:
        hint = registers.initial_hint(judged.table, judged.found) if judged.table.data == "register" else ""
        culprit = judged.table.index(ruling.local.txns[-1])
        notes = {judged.table.index(txn): words.note(txn, ruling.local.key) for txn in ruling.local.txns}
        return Explanation(ruling.local.kind, ruling.local.sentence + hint, (), culprit, notes), ruling.local.txns
    if ruling.cycle is not None:
        steps = ruling.cycle.steps
        txns = {txn for step in steps for txn in (step.before, step.after, step.via) if txn >= 0}
        sentence = f"Not {level.name}: {words.title(ruling.cycle)}. {words.cycle(steps)}.{_of_sessions(judged, level)}"
        explanation = words.explained(ruling.cycle.kind, sentence, steps)
        return explanation, tuple(txns)
    if ruling.refutation is None:
        kind, why = (
            "no-order",
            f"{judged.versions.ambiguous}; all serial orders were tried, and none explains every read",
        )
        happened = tuple(np.flatnonzero(judged.table.status != FAIL).tolist())
        return Explanation(kind, f"Not {level.name}: {why}."), happened
    return _refuted(words, level, ruling.refutation)


def _of_sessions(judged: Judge, level: Level) -> str:
    """What read committed means here, where by Adya's definition it holds."""
    adya = judged.rulings.get("PL-2")
    if level.name != "read-committed" or adya is None or not adya.holds:
        return ""
    return (
        " (Read committed as in Biswas, Enea and AWDIT: within the order of sessions. Adya's, which Elle and Maelstrom "
        "mean, holds: PL-2.)"
    )


def _refuted(words: Words, level: Level, refutation: Refutation) -> tuple[Explanation, tuple[int, ...]]:
    """No order of versions is free of cycles: the last cycle, and how many lemmas it rests on."""
    shown = refutation
    sides = 0
    while shown.sides is not None:
        shown = shown.sides[1][1]
        sides += 1
    begin = f"Not {level.name}: whatever the order of the writes that no read shows, there is a cycle"
    rests = f", as {len(shown.lemmas)} orders follow from what was read" if shown.lemmas else ""
    tried = f", here with {words.choice(refutation.sides[1][0])}" if refutation.sides is not None else ""
    sentence = f"{begin}{rests}{tried}. {words.cycle(shown.steps)}."
    steps = [*shown.steps, *(step for lemma in shown.lemmas for step in lemma.steps)]
    explanation = replace(words.explained("no-version-order", sentence, shown.steps), notes=words.notes(steps))
    return explanation, tuple(refutation.txns())


def _anomaly(judged: Judge, one: Local | Cycle) -> Anomaly:
    words = Words(judged.table, judged.versions)
    if isinstance(one, Local):
        return Anomaly(one.kind, one.count, one.sentence, tuple(judged.table.index(txn) for txn in one.txns))
    sentence = f"{words.title(one)}. {words.cycle(one.steps)}."
    return Anomaly(one.kind, one.count, sentence[:1].upper() + sentence[1:], tuple(map(judged.table.index, one.txns)))
