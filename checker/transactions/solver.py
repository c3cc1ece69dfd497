"""Propagation and search over open choices: see strong.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from checker.budget import Meter
from checker.history import Column
from checker.transactions.choices import Chains
from checker.transactions.edges import PASS, RW, WW
from checker.transactions.graph import components, order
from checker.transactions.reach import Reach, path
from checker.transactions.steps import Choice, Step
from checker.transactions.strong import Lemma, Problem, Refutation, by_time, guessed_edges

Pair = tuple[int, int, int]
"""Chains of one key (the number of the key's chains in the problem), the first before the second."""


@dataclass(frozen=True)
class _Decided:
    """Why a pair is in its order: how many edges there were; the one that the opposite adds and that closes a cycle
    (None: it is tried)."""

    edges: int
    closing: tuple[int, int, int] | None


@dataclass(frozen=True)
class _Conflict:
    """A cycle of edges of the solver, and the tried pairs that it rests on."""

    refutation: Refutation
    tried: frozenset[Pair]


@dataclass(frozen=True)
class _Tests:
    """What would close a cycle: in row i the order `pair` (a number) has the edge before -> after (an rw, or a ww)."""

    pair: Column
    before: NDArray[np.int32]
    after: NDArray[np.int32]
    rw: NDArray[np.bool_]

    def where(self, rows: NDArray[np.bool_]) -> _Tests:
        return _Tests(self.pair[rows], self.before[rows], self.after[rows], self.rw[rows])

    @classmethod
    def of(cls, chains: Chains, first_pair: int) -> _Tests:
        """All pairs of a key's chains, either way; the order of `first` before `second` has the number
        first_pair + first * chains + second."""
        many = len(chains)
        first, second = np.nonzero(~np.eye(many, dtype=bool))
        reader = np.concatenate(chains.readers)
        owner = np.repeat(np.arange(many), list(map(len, chains.readers)))
        of, then = np.repeat(owner, many), np.tile(np.arange(many), len(owner))
        reads = np.repeat(reader, many)
        some = (of != then) & (reads != chains.began[then])
        pair = np.concatenate([first * many + second, of[some] * many + then[some]])
        before = np.concatenate([chains.ended[first], reads[some]])
        after = chains.began[np.concatenate([second, then[some]])]
        rw = np.arange(len(pair)) >= len(first)
        return cls(first_pair + pair, before.astype(np.int32), after.astype(np.int32), rw)


TESTS_MAX = 3_000_000
"""More are not kept, but made anew each time: one for each edge of each order of two chains."""


@dataclass
class Solver:
    """Finds an order of events or refutes that there is one. Raises OutOfBudget."""

    problem: Problem
    meter: Meter
    src: list[int] = field(default_factory=list)
    dst: list[int] = field(default_factory=list)
    why: list[Pair | None] = field(default_factory=list)
    """By edge the pair that it follows from."""
    step: list[tuple[int, int, int] | None] = field(default_factory=list)
    decided: dict[Pair, _Decided] = field(default_factory=dict)
    conflicts: int = 0
    reach: Reach | None = None
    """Of all edges; None: to be made anew."""
    cyclic: bool = False
    """An edge was added that closes a cycle."""

    def __post_init__(self) -> None:
        self.src = self.problem.src.tolist()
        self.dst = self.problem.dst.tolist()
        self.why = [None] * len(self.src)
        self.step = [None] * len(self.src)
        chains = self.problem.chains
        many = np.array([len(one) for one in chains])
        self.pairs = np.concatenate([[0], np.cumsum(many * many)])
        """By key the number of its first pair."""
        self.begins = np.concatenate([[0], np.cumsum(many)])
        """By key the number of its first chain in `flat`."""
        self.open = np.ones(int(self.pairs[-1]), dtype=np.bool_)
        """By pair whether its order is not decided."""
        small = sum(len(one) * (len(one) + sum(map(len, one.readers))) for one in chains) <= TESTS_MAX
        kept = [_Tests.of(one, int(self.pairs[number])) for number, one in enumerate(chains) if small]
        columns = [[getattr(one, name) for one in kept] for name in ("pair", "before", "after", "rw")]
        self.all_tests = _Tests(*map(np.concatenate, columns)) if small else None
        self.tests = self.all_tests

    def solve(self) -> Column | Refutation:
        """An order of the events, or a refutation."""
        answer = self._search()
        return answer.refutation if isinstance(answer, _Conflict) else answer

    def _search(self) -> Column | _Conflict:
        """Depth first, without recursion: `levels` holds what to return to, and the conflict of the first side."""
        levels: list[tuple[int, dict[Pair, _Decided], Pair, _Conflict | None]] = []
        while True:
            found = self._propagate()
            if found is None:
                tried_next = self._try(self._guess())
                if not isinstance(tried_next, tuple):
                    return tried_next
                levels.append((len(self.src), dict(self.decided), tried_next, None))
                self._decide(tried_next, None)
                continue
            self.conflicts += 1
            while True:
                if not levels:
                    return found
                edges, decided, pair, first = levels.pop()
                self._return_to(edges, decided)
                opposite = (pair[0], pair[2], pair[1])
                tried = opposite if first is not None else pair
                if tried not in found.tried:
                    continue  # the conflict does not rest on this choice
                if first is None:
                    levels.append((edges, decided, pair, found))
                    self._decide(opposite, None)
                    break
                found = self._joined(pair, first, found)

    def _joined(self, pair: Pair, first: _Conflict, second: _Conflict) -> _Conflict:
        opposite = (pair[0], pair[2], pair[1])
        sides = ((self._choice(pair), first.refutation), (self._choice(opposite), second.refutation))
        return _Conflict(Refutation(sides=sides), (first.tried | second.tried) - {pair, opposite})

    def _choice(self, pair: Pair) -> Choice:
        return self.problem.chains[pair[0]].choice(pair[1], pair[2])

    def _return_to(self, edges: int, decided: dict[Pair, _Decided]) -> None:
        for column in (self.src, self.dst, self.why, self.step):
            del column[edges:]
        self.decided, self.reach, self.cyclic = decided, None, False
        self.open[:] = True
        for pair in decided:
            self._close(pair)
        self.tests = self.all_tests

    def _close(self, pair: Pair) -> None:
        number, first, second = pair
        many = len(self.problem.chains[number])
        self.open[self.pairs[number] + first * many + second] = False
        self.open[self.pairs[number] + second * many + first] = False

    def _pair(self, number: int) -> Pair:
        """The pair of a number."""
        key = int(np.searchsorted(self.pairs, number, side="right")) - 1
        return (key, *divmod(number - int(self.pairs[key]), len(self.problem.chains[key])))

    def _decide(self, pair: Pair, closing: tuple[int, int, int] | None) -> None:
        """Adds what follows from the order of a pair."""
        self.decided[pair] = _Decided(len(self.src), closing)
        self._close(pair)
        for step in self.problem.chains[pair[0]].edges(pair[1], pair[2]):
            before, after = self.problem.event(step)
            self.src.append(before)
            self.dst.append(after)
            self.why.append(pair)
            self.step.append(step)
            if self.reach is not None and not self.cyclic:
                self.cyclic = not self.reach.add(before, after)

    def _ordered(self) -> Column | None:
        return order(self.problem.nodes, np.array(self.src, np.int64), np.array(self.dst, np.int64))

    def _propagate(self) -> _Conflict | None:
        """Decides what follows, until nothing more does."""
        while True:
            self.meter.spend(self.problem.nodes // 3 + 1)
            if self.reach is None and not self.cyclic:
                ordered = self._ordered()
                self.cyclic = ordered is None
                if ordered is not None:
                    src, dst = np.array(self.src, np.int64), np.array(self.dst, np.int64)
                    self.reach = Reach(self.problem.nodes, src, dst, ordered)
            if self.cyclic:
                return self._conflict()
            assert self.reach is not None
            before = len(self.decided)
            for tests in self._groups():
                self._force(tests, self.reach)
            if len(self.decided) == before:
                return None

    def _groups(self) -> Iterator[_Tests]:
        """The tests of pairs that are open."""
        if self.tests is not None:
            self.tests = self.tests.where(self.open[self.tests.pair])
            yield self.tests
            return
        for number, chains in enumerate(self.problem.chains):
            tests = _Tests.of(chains, int(self.pairs[number]))
            yield tests.where(self.open[tests.pair])

    def _force(self, tests: _Tests, reach: Reach) -> None:
        """Decides the pairs of which the opposite order would close a cycle."""
        shift = self.problem.edges.nodes if self.problem.snapshot else 0
        source = tests.after.astype(np.int64) + np.where(tests.rw, 0, shift)
        target = tests.before.astype(np.int64) + np.where(tests.rw, shift, 0)
        hits = np.flatnonzero(reach.leads(source, target))
        for row, number in zip(hits.tolist(), tests.pair[hits].tolist(), strict=True):
            key, first, second = self._pair(number)
            if (key, second, first) not in self.decided:
                kind = RW if tests.rw[row] else WW
                self._decide((key, second, first), (int(tests.before[row]), int(tests.after[row]), kind))
            if self.cyclic:
                return

    def _guess(self) -> Column:
        return by_time(self.problem, np.array(self.src, np.int64), np.array(self.dst, np.int64))

    def _try(self, place: Column) -> Column | Pair:
        """The order of events that a guess gives; or a pair to decide next, whose order takes part in its cycles."""
        more_src, more_dst, first, second = guessed_edges(self.problem, place)
        src = np.concatenate([np.array(self.src, np.int64), more_src])
        dst = np.concatenate([np.array(self.dst, np.int64), more_dst])
        ordered = order(self.problem.nodes, src, dst)
        if ordered is not None:
            return ordered
        _, label = components(self.problem.nodes, src, dst)
        key = np.searchsorted(self.begins, first, side="right") - 1
        begin, many = self.begins[key], np.diff(self.begins)[key]
        pair = self.pairs[key] + (first - begin) * many + second - begin
        inside = np.flatnonzero((label[more_src] == label[more_dst]) & self.open[pair])
        return self._pair(int(pair[inside[0]]) if len(inside) else int(np.flatnonzero(self.open)[0]))

    def _conflict(self) -> _Conflict:
        """A cycle of the edges so far, with the lemmas that its edges rest on."""
        following: list[list[tuple[int, int]]] = [[] for _ in range(self.problem.nodes)]
        for edge, (before, after) in enumerate(zip(self.src, self.dst, strict=True)):
            following[before].append((after, edge))
        edge = self._in_cycle()
        count = len(self.src)
        cycle = [edge, *path(following, self.dst[edge], self.src[edge], count)]
        lemmas: dict[Pair, Lemma] = {}
        tried: set[Pair] = set()
        self._explain(cycle, following, lemmas, tried)
        ordered = sorted(lemmas, key=lambda pair: self.decided[pair].edges)
        refutation = Refutation(tuple(lemmas[pair] for pair in ordered), self._steps(cycle))
        return _Conflict(refutation, frozenset(tried))

    def _in_cycle(self) -> int:
        """An edge of a component of more than one node, the oldest that was added."""
        src, dst = np.array(self.src), np.array(self.dst)
        _, label = components(self.problem.nodes, src, dst)
        inside = np.flatnonzero(label[src] == label[dst])
        added = inside[inside >= len(self.problem.src)]
        return int((added if len(added) else inside)[0])

    def _explain(
        self, edges: list[int], following: list[list[tuple[int, int]]], lemmas: dict[Pair, Lemma], tried: set[Pair]
    ) -> None:
        pending = [self.why[edge] for edge in edges]
        while pending:
            pair = pending.pop()
            if pair is None or pair in lemmas or pair in tried:
                continue
            known = self.decided[pair]
            if known.closing is None:
                tried.add(pair)
                continue
            before, after = self.problem.event(known.closing)
            back = path(following, after, before, known.edges)
            otherwise = self._choice((pair[0], pair[2], pair[1]))
            step = Step(known.closing[0], known.closing[1], known.closing[2], otherwise.key, otherwise)
            lemmas[pair] = Lemma(self._choice(pair), otherwise, (step, *self._steps(back)))
            pending += [self.why[edge] for edge in back]

    def _steps(self, edges: list[int]) -> tuple[Step, ...]:
        """Edges of events as steps between transactions; a helper and what leads into it and out of it are one step."""
        known = self.problem.edges
        found: list[Step] = []
        rotated = edges
        for at, edge in enumerate(edges):  # a cycle begins at a transaction
            if self.problem.txn(self.src[edge]) < len(self.problem.table):
                rotated = edges[at:] + edges[:at]
                break
        for edge in rotated:
            before, after = self.problem.txn(self.src[edge]), self.problem.txn(self.dst[edge])
            if before == after:
                continue
            step, pair = self.step[edge], self.why[edge]
            if step is not None and pair is not None:
                choice = self._choice(pair)
                found.append(Step(step[0], step[1], step[2], choice.key, choice))
                continue
            at = int(self.problem.origin[edge])
            kind, key = int(known.kind[at]), int(known.key[at])
            if kind == PASS:
                found[-1] = replace(found[-1], after=after)
            else:
                found.append(Step(before, after, kind, key))
        return tuple(found)
