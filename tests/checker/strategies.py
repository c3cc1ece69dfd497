"""Hypothesis strategies for histories: a random source that Hypothesis can shrink drives the authors."""

from __future__ import annotations

from hypothesis import strategies as st

from checker.history import Operation
from tests.checker.generate import AUTHORS, STYLES, history


@st.composite
def histories(draw: st.DrawFn, model: str, size_max: int = 8) -> list[Operation]:
    """A small history of a model, of any style."""
    rng = draw(st.randoms(use_true_random=False))
    return history(AUTHORS[model], rng, draw(st.sampled_from(STYLES)), draw(st.integers(1, size_max)))
