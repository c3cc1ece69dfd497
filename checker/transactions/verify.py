"""Verifies verdicts on transactions, independently of how they were found: only the definitions, no graph, no search.

*valid*: the witness is executed micro-operation by micro-operation. Serializable: one transaction after another.
Snapshot isolation: each operation stands in it twice, where it starts and where it commits. Below: an order of commits,
with the axioms of the level.
*invalid*: the transactions named show the anomaly, or each link of the cycle follows from the transactions at its ends,
from a lemma, or from what is assumed (refute.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations, permutations
from typing import Any

from checker.history import History, identity
from checker.transactions.facts import Fact, Facts, Key
from checker.transactions.levels import LEVELS, Level
from checker.transactions.local import REFUTED_FROM
from checker.transactions.proof import Proof
from checker.transactions.refute import local_refuted, refuted
from checker.transactions.table import DATA
from checker.verdict import Part, Verdict
from checker.verify import TOO_LARGE


def verify(history: History, verdict: Verdict, begins_with: Any = None) -> list[str]:
    """What is wrong with the proof of a verdict on transactions: sentences, none if it holds."""
    if len(verdict.parts) != 1 or verdict.parts[0].outcome != verdict.outcome:
        return [f"the verdict is {verdict.outcome}, and its part is not"]
    assert verdict.data is not None
    facts = Facts(history, DATA[verdict.data], begins_with)
    level, part = LEVELS[verdict.model], verdict.parts[0]
    objection = None
    if part.outcome == "valid":
        witness = [] if part.witness is None else [int(index) for index in part.witness]
        objection = _executed(facts, level, witness)
    elif part.outcome == "invalid":
        objection = _invalid(facts, history, level, part)
    return [] if objection is None else [objection]


def _invalid(facts: Facts, history: History, level: Level, part: Part) -> str | None:
    known = {op.index: op for op in history}
    if any(known.get(op.index) != op for op in part.counterexample):
        return "an operation of the counterexample differs from the one in the history"
    if part.explanation is None:
        return "there is no explanation"
    named = tuple(op.index for op in part.counterexample)
    if part.explanation.kind in REFUTED_FROM:
        return local_refuted(facts, level, part.explanation.kind, named)
    if not isinstance(part.proof, Proof):
        return _no_order(facts, level) if part.explanation.kind == "no-order" else "there is no proof"
    shown = [(edge.before, edge.after, edge.why.split(maxsplit=1)[0]) for edge in part.explanation.cycle]
    proved = [
        (link.before, link.before if link.after is None else link.after, link.kind.split()[0])
        for link in part.proof.cycle
    ]
    if not part.proof.sides and shown != proved:
        return "the cycle that is shown is not the one that is proved"
    return refuted(facts, level, part.proof)


ORDERS_OF_MAX = 7
"""Of so many transactions all orders are tried again, some 14,000."""


def _no_order(facts: Facts, level: Level) -> str | None:
    """Whether there is no serial order, by trying all."""
    ok = [index for index, fact in facts.of.items() if fact.ok]
    unknown = [index for index, fact in facts.of.items() if fact.op.status == "info"]
    if len(ok) + len(unknown) > ORDERS_OF_MAX:
        return f"all serial orders were tried, which is not repeated; {TOO_LARGE}"
    for many in range(len(unknown) + 1):
        for some in combinations(unknown, many):
            for witness in permutations([*ok, *some]):
                if _ordered(facts, level, witness) is None and _carried_out(facts, witness) is None:
                    return f"there is a serial order: {', '.join(f'#{index}' for index in witness)}"
    return None


def _executed(facts: Facts, level: Level, witness: Sequence[int]) -> str | None:
    times = 2 if level.family == "snapshot-isolation" else 1
    count: dict[int, int] = defaultdict(int)
    for index in witness:
        count[index] += 1
    for index, many in count.items():
        if index not in facts.of or facts.of[index].op.status == "fail":
            return f"the witness has #{index}, which did not happen"
        if many != times:
            return f"the witness has #{index} {many} times"
    lacking = [index for index, fact in facts.of.items() if fact.ok and index not in count]
    if lacking:
        return f"the witness lacks #{min(lacking)}"
    problem = _ordered(facts, level, witness)
    if problem is not None:
        return problem
    if level.family == "serializable":
        return _serial(facts, witness)
    return _snapshots(facts, witness) if level.family == "snapshot-isolation" else _commits(facts, level, witness)


def _ordered(facts: Facts, level: Level, witness: Sequence[int]) -> str | None:
    """Sessions and real time: what must be over commits before the other one starts."""
    starts: dict[int, int] = {}
    commits: dict[int, int] = {}
    for place, index in enumerate(witness):
        starts.setdefault(index, place)
        commits[index] = place
    if level.order == "none":
        return None
    latest: dict[int | str, int] = {}
    for op in sorted((facts.of[index].op for index in commits), key=lambda op: op.call):
        before = latest.get(op.process)
        if before is not None and commits[before] > starts[op.index]:
            return f"the witness has #{op.index} before #{before}, which its session had done before"
        if op.status == "ok":
            latest[op.process] = op.index
    return _in_time(facts, starts, commits) if level.order == "realtime" else None


def _in_time(facts: Facts, starts: dict[int, int], commits: dict[int, int]) -> str | None:
    done = sorted((op for op in map(_op(facts), commits) if op.status == "ok"), key=lambda op: op.ret)
    returned = [op.ret for op in done]
    last: list[int] = []
    for op in done:  # of those that had returned by then the one that commits last
        last.append(op.index if not last or commits[op.index] > commits[last[-1]] else last[-1])
    for index, start in starts.items():
        at = bisect_left(returned, facts.of[index].op.call) - 1
        if at >= 0 and commits[last[at]] > start:
            return f"the witness has #{index} before #{last[at]}, which had returned before it was called"
    return None


def _op(facts: Facts) -> Any:
    return lambda index: facts.of[index].op


class _State:
    """The current value of each key."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.now: dict[Key, Any] = {}
        self.written: dict[Key, int] = {}

    def shows(self, fact: Fact) -> bool:
        """Whether a transaction that begins now reads what it read; its own writes are taken off already."""
        for key, value in fact.reads:
            known = self.now.get(key)
            if self.facts.data == "list":
                if list(value) != (known or []):
                    return False
            elif value != (self.facts.initial if known is None else known[0]):
                return False
        return not fact.broken

    def write(self, fact: Fact, place: int) -> None:
        for key, values in fact.writes.items():
            if self.facts.data == "list":
                self.now.setdefault(key, []).extend(values)
            else:
                self.now[key] = (values[-1],)
            self.written[key] = place


def _serial(facts: Facts, witness: Sequence[int]) -> str | None:
    if facts.data in ("set", "counter"):
        return _carried_out(facts, witness)
    state = _State(facts)
    for place, index in enumerate(witness):
        fact = facts.of[index]
        if not state.shows(fact):
            return f"the witness cannot continue with #{index}: it read something else"
        state.write(fact, place)
    return None


def _carried_out(facts: Facts, witness: Sequence[int]) -> str | None:
    """Reads that need not say who wrote what was read: step by step."""
    now: dict[Key, Any] = {}
    for index in witness:
        op = facts.of[index].op
        for f, name, value in (op.output if op.status == "ok" else op.input) or ():
            key, given = identity(name), identity(value)
            if f == "add":
                now[key] = now.get(key, frozenset()) | {given}
            elif f == "append":
                now[key] = [*now.get(key, []), given]
            elif f == "inc":
                now[key] = now.get(key, 0) + value
            elif f == "w":
                now[key] = given
            elif op.status == "ok" and now.get(key, _nothing(facts)) != _shown(facts, value):
                return f"the witness cannot continue with #{index}: it read something else"
    return None


def _nothing(facts: Facts) -> Any:
    """What is read at first."""
    return {"set": frozenset(), "list": [], "counter": 0, "register": facts.initial}[facts.data]


def _shown(facts: Facts, value: Any) -> Any:
    """What a read found, as _carried_out has it."""
    match facts.data:
        case "set":
            return frozenset(map(identity, value or ()))
        case "list":
            return list(map(identity, value or ()))
        case "counter":
            return value or 0
    return identity(value)


def _snapshots(facts: Facts, witness: Sequence[int]) -> str | None:
    state = _State(facts)
    started: dict[int, int] = {}
    for place, index in enumerate(witness):
        fact = facts.of[index]
        if index not in started:
            started[index] = place
            if not state.shows(fact):
                return f"the witness cannot start #{index} there: it read something else"
            continue
        if any(state.written.get(key, -1) > started[index] for key in fact.writes):
            return f"the witness commits #{index} though another transaction wrote its key since it started"
        state.write(fact, place)
    return None


def _commits(facts: Facts, level: Level, witness: Sequence[int]) -> str | None:
    """An order of commits: whoever saw a transaction reads no version of its keys that was committed before it."""
    place = {index: at for at, index in enumerate(witness)}
    problem = _versions(facts, witness, level)
    if problem is not None or level.family == "read-uncommitted":
        return problem
    try:
        return _Axioms(facts, level, place).broken(witness)
    except LookupError as missing:
        return str(missing)


def _versions(facts: Facts, witness: Sequence[int], level: Level) -> str | None:
    """What lists show must be the order of commits."""
    if facts.data != "list":
        return None
    now: dict[Key, list[Any]] = defaultdict(list)
    for index in witness:
        for key, values in facts.of[index].writes.items():
            now[key].extend(values)
    place = {index: at for at, index in enumerate(witness)}
    for key, order in facts.longest.items():
        at = [place[index] for value in order for index in facts.writers.get((key, value), []) if index in place]
        complete = level.family == "read-uncommitted" or now[key][: len(order)] == list(order)
        if at != sorted(at) or not complete:
            return "the witness does not have writes in the order that a read shows"
    return None


class _Axioms:
    """The axioms of the levels below snapshot isolation for one order of commits."""

    def __init__(self, facts: Facts, level: Level, place: dict[int, int]) -> None:
        self.facts, self.level, self.place = facts, level, place
        self.before: dict[int, int] = {}
        self.noted: dict[int, Newest] = {}
        """By transaction what the level asks for of those that come after it: the last commits that its session had
        read from when it ended, or had written, or of all that leads to it."""
        latest: dict[int | str, int] = {}
        for op in sorted((facts.of[index].op for index in place), key=lambda op: op.call):
            if op.process in latest:
                self.before[op.index] = latest[op.process]
            if op.status == "ok":
                latest[op.process] = op.index

    def broken(self, witness: Sequence[int]) -> str | None:
        """Asks only what is in the witness before a transaction."""
        for index in witness:
            fact = self.facts.of[index]
            sources = [(key, self.facts.source(key, value)) for key, value in fact.reads]
            causes = [source for _, source in sources if source is not None]
            session = self.before.get(index) if self.level.order == "session" else None
            for cause in [*causes, *([] if session is None else [session])]:
                if cause not in self.place or self.place[cause] >= self.place[index]:
                    return f"the witness has #{index} before #{cause}, which it saw"
            if fact.broken or any(source == index for _, source in sources):
                return f"#{index} contradicts its own writes"
            self.noted[index] = self._note(index, causes, session)
            seen = self._at_first(index, causes, session)
            for key, source in sources:
                if seen.get(key, -1) > (-1 if source is None else self.place[source]):
                    return f"#{index} read an older version than one that it had seen"
                for more in () if source is None else self._by_reading(source):
                    seen = _newest([seen, more])
        return None

    def _writes(self, index: int) -> Newest:
        return dict.fromkeys(self.facts.of[index].writes, self.place[index])

    def _note(self, index: int, causes: list[int], session: int | None) -> Newest:
        before = [] if session is None else [session]
        noted = [self.noted[one] for one in before]
        match self.level.family:
            case "monotonic-reads" | "writes-follow-reads":
                return _newest([*noted, *map(self._writes, causes)])
            case "read-atomic" | "read-your-writes" | "monotonic-writes":
                return _newest([*noted, self._writes(index)])
            case "causal":
                leading = [*before, *causes]
                return _newest([self.noted[one] for one in leading] + [self._writes(one) for one in leading])
        return {}

    def _at_first(self, index: int, causes: list[int], session: int | None) -> Newest:
        """Of each key the last commit that a transaction has seen before it reads, by the rule of the level; read
        atomic and causal consistency count all that it reads from as seen."""
        before = [] if session is None else [self.noted[session]]
        match self.level.family:
            case "read-atomic":
                return _newest([*map(self._writes, causes), *before])
            case "read-your-writes" | "monotonic-reads":
                return _newest(before)
            case "causal":
                return self.noted[index]
        return {}

    def _by_reading(self, source: int) -> list[Newest]:
        """What it has seen besides once it has read from another one."""
        match self.level.family:
            case "read-committed" | "read-your-writes" | "monotonic-reads":
                return [self._writes(source)]
            case "monotonic-writes":
                before = [self.noted[self.before[source]]] if source in self.before else []
                return [self._writes(source), *before]
            case "writes-follow-reads":
                return [self._writes(source), self.noted[source]]
        return []


Newest = dict[Key, int]
"""By key the place of the last commit that wrote it, of some."""


def _newest(some: Iterable[Newest]) -> Newest:
    found: Newest = {}
    for one in some:
        for key, at in one.items():
            found[key] = max(found.get(key, -1), at)
    return found
