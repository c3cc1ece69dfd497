"""The canonical form tells apart what may behave differently, and nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from naysayer.explore.canonical import Opaque, canonical


class Box:
    def __init__(self, held: Any) -> None:
        self.held = held


def counting(start: int) -> Callable[[], int]:
    count = start

    def more() -> int:
        nonlocal count
        count += 1
        return count

    return more


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        ([1], (1,)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (Box([1]), Box([2])),
        (deque([1]), deque([2])),
        (deque([1], maxlen=1), deque([1], maxlen=2)),
        (Random(1), Random(2)),
        (counting(1), counting(2)),
        (Box([1]).held.append, Box([2]).held.append),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_differs_has_another_form(one: Any, other: Any) -> None:
    assert canonical(one) != canonical(other)


def test_what_is_alike_has_the_same_form() -> None:
    assert canonical(Box({1, 2, 3})) == canonical(Box({3, 2, 1}))
    assert canonical(counting(7)) == canonical(counting(7))
    early, late = Box(1), Box(1)
    early.a, early.b = 1, 2  # type: ignore[attr-defined]
    late.b, late.a = 2, 1  # type: ignore[attr-defined]
    assert canonical(early) == canonical(late)


def test_an_object_that_is_shared_differs_from_two_of_the_same_content() -> None:
    shared: list[int] = []
    assert canonical([shared, shared]) != canonical([[], []])


def test_a_cycle_has_a_form() -> None:
    around: list[Any] = [1]
    around.append(around)
    assert canonical(around) == ("list", 1, ("seen", 0))


def test_attributes_that_are_ignored_and_objects_around_make_no_difference() -> None:
    context = object()
    assert canonical(Box([1]), ignored=frozenset({"held"})) == canonical(Box([2]), ignored=frozenset({"held"}))
    assert canonical(Box(context), {id(context): "context"}) != canonical(Box("context"))


def test_what_cannot_be_looked_into_is_refused() -> None:
    with pytest.raises(Opaque, match="generator"):
        canonical(Box(number for number in range(3)))
