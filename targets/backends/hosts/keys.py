"""Keys of a run's own: a running system still holds what earlier runs wrote, which would look like values that were
never written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from targets.protocol.cluster import Client
from targets.protocol.json_values import objection
from targets.protocol.node import Reply, Request


def new_run() -> str:
    """What makes keys this run's own: letters and digits that no earlier run had."""
    return f"{time.time_ns() // 1_000_000:x}"


def _with_keys(output: Sequence[Any], steps: Sequence[Any]) -> list[Any]:
    """The steps of a transaction that ended, with the keys that the history knows."""
    return [
        [done[0], key, *done[2:]] if isinstance(done, list | tuple) and len(done) == 3 else done
        for done, (_, key, _) in zip(output, steps, strict=True)
    ]


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
        steps = request.input if request.f == "txn" else None
        if steps is not None:
            own = [[f, f"{key}{self._run}", value] for f, key, value in steps]
            request = msgspec.structs.replace(request, input=own)
        reply = await self._client.invoke(request)
        if steps is not None and isinstance(reply.output, list | tuple) and len(reply.output) == len(steps):
            reply = msgspec.structs.replace(reply, output=_with_keys(reply.output, steps))
        found = objection(reply.output)
        return (
            reply if found is None else Reply(reply.id, "info", None, f"an answer that cannot be recorded: it {found}")
        )

    async def close(self) -> None:
        await self._client.close()
