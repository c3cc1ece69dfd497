"""The pages for people, and the commands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]

PAGES = tuple(
    sorted(path.relative_to(ROOT) for place in (".", "docs", "examples") for path in (ROOT / place).glob("*.md"))
)


def blocks(text: str) -> Iterator[str]:
    """The code of a page: indented by four spaces after an empty line, or between fences."""
    lines: list[str] = []
    fenced, before = False, ""
    for line in [*text.splitlines(), ""]:
        fence = line.startswith("```")
        code = fenced if not fence else False
        if not fenced and not fence:
            code = (line.startswith("    ") and (bool(lines) or not before)) or (bool(lines) and not line)
        if code:
            lines.append(line)
        elif lines:
            yield dedent("\n".join(lines)).strip("\n") + "\n"
            lines = []
        fenced = fenced != fence
        before = line
    if lines:
        yield dedent("\n".join(lines)).strip("\n") + "\n"


def commands(text: str) -> list[str]:
    """The lines of its code that begin with naysayer, in order; a comment on what to expect at the end."""
    return [line for block in blocks(text) for line in block.splitlines() if re.match(r"naysayer [a-z]", line)]
