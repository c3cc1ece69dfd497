"""Keys of a run's own: a running system still holds what earlier runs wrote, which would look like values that were
never written."""

from __future__ import annotations

import time

import msgspec

from targets.protocol.cluster import Client
from targets.protocol.json_values import objection
from targets.protocol.node import Reply, Request


def new_run() -> str:
    """What makes keys this run's own: letters and digits that no earlier run had."""
    return f"{time.time_ns() // 1_000_000:x}"


class OwnKeys:
    """A client whose keys end in `run` where the system sees them; the history knows them without it.

    An answer that could not be recorded (nested a thousand deep, a number beyond 64 bits) leaves the outcome unknown.
    """

    def __init__(self, client: Client, run: str) -> None:
        self._client = client
        self._run = run

    async def open(self) -> None:
        await self._client.open()

    async def invoke(self, request: Request) -> Reply:
        if request.key is not None:
            request = msgspec.structs.replace(request, key=f"{request.key}{self._run}")
        reply = await self._client.invoke(request)
        found = objection(reply.output)
        return (
            reply if found is None else Reply(reply.id, "info", None, f"an answer that cannot be recorded: it {found}")
        )

    async def close(self) -> None:
        await self._client.close()
