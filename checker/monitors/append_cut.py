"""Fewer operations on a string that still have no order, as `AppendKeyValue.without` lets others go.

A text that was appended goes out of every value found, together with all that appended it. What is wrong shows by two
or three texts, mostly: so those are tried that a conflict names, and those by which the values that it found differ.
Then whatever else is not needed goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, zip_longest
from typing import Any

from checker.budget import Budget
from checker.history import History, Operation
from checker.models.kv import AppendKeyValue
from checker.models.register import found, leaves
from checker.monitors.thinning import AS_ONE, without_needless
from checker.search import decide as search

STEPS_EACH, STEPS_MAX = 1_000, 30_000
"""Configurations of one search, and of all together, setting them up included."""

ALONE_MAX = 8
"""So many texts that were appended more than once are tried alone, with all that found the string."""

OTHERS_MAX, TRIED_MAX = 64, 4
"""So many of the longest values are compared with one that a conflict names; of those that differ so many are tried."""

_MODEL = AppendKeyValue()

Texts = Callable[[str], Iterable[str]]
"""Reads a value as the texts that were put in."""


def fewer(ops: Sequence[Operation], starts: Iterable[Sequence[Operation]]) -> tuple[list[Operation], bool]:
    """Some of the refuted operations that have no order either, and whether nothing more may go; none, if all `starts`
    have one, or take too long."""
    cut = _Cut(ops)
    few = next((list(some) for some in starts if cut.refuted(some)), [])
    for thin in (_MODEL.effect_free, _is_append, lambda op: True):
        few = without_needless(few, [op for op in few if thin(op)], cut.refuted)
    return few, cut.steps_left > 0


def by_conflict(
    ops: Sequence[Operation], named: Sequence[Operation], puts: Mapping[str, Operation], texts: Texts
) -> Iterator[list[Operation]]:
    """What a conflict names, with what put in (`puts`, by text) the texts by which values that it found differ from
    each other, or from those of others, or that are in one twice. Then with all that replaced the whole value, too."""
    values = [tuple(texts(value)) for value in found(named) if isinstance(value, str)]
    resets = [op for op in ops if not _is_append(op) and not _MODEL.effect_free(op)]
    emptying = [op for op in resets if leaves(op) in (None, "")]
    roots = {value[0] for value in values if value}

    def among(*more: Operation, about: Iterable[str] = ()) -> list[Operation]:
        chosen = {op.index for op in (*named, *more)}
        chosen |= {puts[text].index for text in about if text in puts}
        return [op for op in ops if op.index in chosen]

    yield among()
    about = roots.union(*(_differing(one, other) for one, other in combinations(values, 2)))
    yield among(about=about)
    for value in values:
        twice = next((text for text, times in Counter(value).items() if times > 1), None)
        if twice is not None:
            yield among(about=(twice, *roots))
        for other, differing in _others(value, ops, texts):
            yield among(other, about=(*differing, *roots))
    yield among(*emptying, about=about)
    yield among(*resets, about=about)


def _others(value: Sequence[str], ops: Sequence[Operation], texts: Texts) -> Iterator[tuple[Operation, Sequence[str]]]:
    """Operations that found a value that goes on otherwise than this one, best after the same beginning; and how both
    go on."""
    finders = [op for op in ops if not op.pending and any(isinstance(other, str) for other in found([op]))]
    finders.sort(key=lambda op: len(next(found([op]))), reverse=True)
    others = [(op, tuple(texts(next(found([op]))))) for op in finders[:OTHERS_MAX]]
    differing = [(op, _differing(value, other)) for op, other in others if other[:1] == value[:1]]
    differing += [(op, _differing(value, other)) for op, other in others if other[:1] != value[:1]]
    yield from [(op, pair) for op, pair in differing if len(pair) > 1][:TRIED_MAX]


def by_text(ops: Sequence[Operation], texts: Iterable[Any]) -> Iterator[Sequence[Operation]]:
    """For each of a few texts, all but the appends of others; then all."""
    for text in list(texts)[:ALONE_MAX]:
        yield [op for op in ops if not _is_append(op) or op.input == text]
    yield ops


class _Cut:
    def __init__(self, ops: Sequence[Operation]) -> None:
        self.ops = ops
        self.steps_left = STEPS_MAX

    def refuted(self, kept: Sequence[Operation]) -> bool:
        """Whether these have no order, without all others."""
        if self.steps_left <= 0:
            return False
        staying = {op.index for op in kept}
        left = _MODEL.without([op for op in self.ops if op.index not in staying], kept)
        self.steps_left -= 1 + len(kept) + len(self.ops) // AS_ONE
        if left is None:
            return False
        whole = History.of(_MODEL.canonicalised(left))
        decision = search(whole, _MODEL, Budget(steps=min(STEPS_EACH, self.steps_left + 1), memory_mb=None))
        self.steps_left -= decision.steps
        return decision.outcome == "invalid"


def _is_append(op: Operation) -> bool:
    return op.f == "append"


def _differing(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The first texts by which two values differ, of one after the other."""
    return next(
        ([text for text in pair if text is not None] for pair in zip_longest(one, other) if len({*pair}) > 1), []
    )
