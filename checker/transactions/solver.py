"""Propagation and search over open choices: see strong.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from checker.budget import Meter
from checker.history import Column
from checker.transactions.choices import Chains
from checker.transactions.edges import PASS
from checker.transactions.graph import order
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

    def __post_init__(self) -> None:
        self.src = self.problem.src.tolist()
        self.dst = self.problem.dst.tolist()
        self.why = [None] * len(self.src)
        self.step = [None] * len(self.src)

    def solve(self) -> Column | Refutation:
        """An order of the events, or a refutation."""
        answer = self._search()
        return answer.refutation if isinstance(answer, _Conflict) else answer

    def _search(self) -> Column | _Conflict:
        """Depth first, without recursion: `levels` holds what to return to, and the conflict of the first side."""
        levels: list[tuple[int, dict[Pair, _Decided], Pair, _Conflict | None]] = []
        while True:
            found = self._propagate()
            if not isinstance(found, _Conflict):
                place = self._guess()
                ordered = self._try(place)
                if ordered is not None:
                    return ordered
                pair = self._branch(found, place)
                levels.append((len(self.src), dict(self.decided), pair, None))
                self._decide(pair, None)
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
        self.decided = decided

    def _decide(self, pair: Pair, closing: tuple[int, int, int] | None) -> None:
        """Adds what follows from the order of a pair."""
        self.decided[pair] = _Decided(len(self.src), closing)
        for step in self.problem.chains[pair[0]].edges(pair[1], pair[2]):
            before, after = self.problem.event(step)
            self.src.append(before)
            self.dst.append(after)
            self.why.append(pair)
            self.step.append(step)

    def _ordered(self) -> Column | None:
        return order(self.problem.nodes, np.array(self.src, np.int64), np.array(self.dst, np.int64))

    def _propagate(self) -> Reach | _Conflict:
        """Decides what follows, until nothing more does."""
        while True:
            self.meter.spend(self.problem.nodes)
            ordered = self._ordered()
            if ordered is None:
                return self._conflict()
            reach = Reach(self.problem.nodes, np.array(self.src, np.int64), np.array(self.dst, np.int64), ordered)
            more = False
            for number, chains in enumerate(self.problem.chains):
                more |= self._forced(number, chains, reach)
            if not more:
                return reach

    def _forced(self, number: int, chains: Chains, reach: Reach) -> bool:
        """Decides the pairs of a key of which one order is impossible; whether there was a new one."""
        impossible, closing = self._impossible(chains, reach)
        np.fill_diagonal(impossible, False)
        new = False
        for second, first in np.argwhere(impossible.T).tolist():
            # first before second is impossible
            pair = (number, second, first)
            if pair in self.decided:
                continue
            self._decide(pair, closing(first, second))
            new = True
        return new

    def _impossible(
        self, chains: Chains, reach: Reach
    ) -> tuple[NDArray[np.bool_], Callable[[int, int], tuple[int, int, int]]]:
        """[first, second]: whether that order would close a cycle; and a function that names the edge that does."""
        shift = self.problem.edges.nodes if self.problem.snapshot else 0
        began_at, commit = chains.began + shift, chains.began
        by_end = reach.bits(began_at, chains.ended).T
        flat = np.concatenate(chains.readers) if chains.readers else np.zeros(0, dtype=np.int64)
        owner = np.repeat(np.arange(len(chains)), [len(readers) for readers in chains.readers])
        by_reader = np.zeros((len(chains), len(chains)), dtype=bool)
        bits = reach.bits(commit, flat + shift)
        if len(flat):
            bits &= flat[None, :] != commit[:, None]
            np.logical_or.at(by_reader, owner, bits.T)

        def closing(first: int, second: int) -> tuple[int, int, int]:
            steps = chains.edges(first, second)
            if by_end[first, second]:
                return steps[0]
            reader = flat[(owner == first) & bits[second]][0]
            return next(step for step in steps[1:] if step[0] == reader)

        return by_end | by_reader, closing

    def _guess(self) -> Column:
        return by_time(self.problem, np.array(self.src, np.int64), np.array(self.dst, np.int64))

    def _try(self, place: Column) -> Column | None:
        src, dst = guessed_edges(self.problem, place)
        src = np.concatenate([np.array(self.src, np.int64), src])
        dst = np.concatenate([np.array(self.dst, np.int64), dst])
        return order(self.problem.nodes, src, dst)

    def _branch(self, reach: Reach, place: Column) -> Pair:
        """The open pair to try next, as the guess has it: one whose edges take part in the guess's cycles."""
        from checker.transactions.graph import components

        src, dst = guessed_edges(self.problem, place)
        _, label = components(
            self.problem.nodes, np.concatenate([np.array(self.src), src]), np.concatenate([np.array(self.dst), dst])
        )
        fallback: Pair | None = None
        for number, chains in enumerate(self.problem.chains):
            ordered = np.argsort(place[chains.began], kind="stable").tolist()
            for i, first in enumerate(ordered):
                for second in ordered[i + 1 :]:
                    pair = (number, first, second)
                    if pair in self.decided or (number, second, first) in self.decided:
                        continue
                    fallback = fallback or pair
                    events = [self.problem.event(step) for step in chains.edges(first, second)]
                    if any(label[before] == label[after] for before, after in events):
                        return pair
        assert fallback is not None, "all pairs are decided and there is no cycle"
        return fallback

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
        from checker.transactions.graph import components

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
