"""Texts that differ in their numbers only, such as `leader, term 3, commit 71`, as one template and the numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from naysayer.page.columns import Numbers

NUMBERS = 4
"""Of a text with more numbers the later ones stay in it."""

NUMBER = re.compile(r"(?<![\d\x00])(?:0|[1-9]\d{0,14})(?!\d)")
HOLE = "\x00"
"""Stands in a template for a number; texts have no such character (printable.py)."""


class Templates:
    """Gives each text a code and its numbers. `texts`: the templates by code; the first is the empty text."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {"": 0}

    def packed(self, text: str) -> tuple[int, ...]:
        """The code of the template, and NUMBERS numbers (0 where it has fewer)."""
        found = [] if HOLE in text else NUMBER.findall(text)[:NUMBERS]
        template = NUMBER.sub(HOLE, text, count=NUMBERS) if found else text
        numbers = [int(one) for one in found]
        code = self.texts.setdefault(template, len(self.texts))
        return (code, *numbers, *[0] * (NUMBERS - len(numbers)))

    def columns(self, name: str, texts: Sequence[str]) -> dict[str, Numbers]:
        """The columns of many texts: `name` has the templates, `name`0, `name`1 ... the numbers."""
        table = np.array([self.packed(text) for text in texts], dtype=np.int64).reshape(len(texts), 1 + NUMBERS)
        return {name if place == 0 else f"{name}{place - 1}": table[:, place] for place in range(1 + NUMBERS)}
