"""What changes in a results folder while somebody looks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import trio

Found = TypeVar("Found")

LOOK_S = 1.0
"""How often the folder is looked at."""


async def changes(look: Callable[[], Awaitable[Found]], every_s: float = LOOK_S) -> AsyncIterator[Found]:
    """What is found now, and then whenever it is something else."""
    last = await look()
    yield last
    while True:
        await trio.sleep(every_s)
        found = await look()
        if found != last:
            last = found
            yield found
