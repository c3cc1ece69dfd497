"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """So many things, with the name of one of them: `1 key`, `2,000 keys` (`many`: of several, if not by an s)."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
