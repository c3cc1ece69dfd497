"""What stands between the driver and a client class of the user's own: whatever it does ends in a Reply.

The user's code is opened first, as docs/your-cluster.md promises. What it raises is not a verdict: the outcome is
unknown (or certainly not happened, where `open` raised and nothing was sent), and a warning names the place.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import trio

from targets.protocol.cluster import Client
from targets.protocol.json_values import objection
from targets.protocol.node import NodeId, Reply, Request

CLOSE_S_MAX = 5.0
REMARKS_MAX = 20
TEXT_MAX = 300
ENDINGS = (Exception, SystemExit, BaseExceptionGroup)
"""What is caught of the user's code: sys.exit() too, which would end the command with its exit code."""


class OwnRemarks:
    """Collects errors of user code in `remarks`, each kind once, with its number."""

    def __init__(self, remarks: list[str]) -> None:
        self._remarks = remarks
        self._count: Counter[str] = Counter()
        self._at: dict[str, int] = {}

    def add(self, kind: str, text: str) -> None:
        """Count something of a kind; the first `text` of it is shown."""
        self._count[kind] += 1
        if kind not in self._at:
            if len(self._at) >= REMARKS_MAX:
                return
            self._at[kind] = len(self._remarks)
            self._remarks.append(text)
        elif self._count[kind] > 1:
            first = self._remarks[self._at[kind]].partition(" (in all ")[0]
            self._remarks[self._at[kind]] = f"{first} (in all {self._count[kind]} times)"


def first_error(error: BaseException) -> BaseException:
    """The first error of a group. A cancellation among them is not the user's: raises the group again."""
    while isinstance(error, BaseExceptionGroup):
        _, other = error.split(ENDINGS[:2])
        if other is not None:
            raise error
        error = error.exceptions[0]
    return error


def place_of(error: BaseException, path: str) -> str:
    """file:line of the last line of the user's file that an error passed; of its origin if it passed none."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if Path(frame.filename) == Path(path).absolute()]
    if own:
        return f"{path}:{own[-1]}"
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else path


def described(error: BaseException) -> str:
    """Type and text of an error, short."""
    text = str(error).strip()
    return (f"{type(error).__name__}: {text}" if text else type(error).__name__)[:TEXT_MAX]


class GuardedClient:
    """A client of the user's own, made by `make` from the file `path`, opened before its first call."""

    def __init__(self, make: Callable[[], Client], path: str, nodes: Iterable[NodeId], remarks: OwnRemarks) -> None:
        self._make = make
        self._path = path
        self._nodes = frozenset(nodes)
        self._remarks = remarks
        self._client: Client | None = None
        self._open = False

    async def open(self) -> None:
        """Make and open the user's client. Raises what it raises."""
        self._client = self._client or self._make()
        await self._client.open()
        self._open = True

    async def invoke(self, request: Request) -> Reply:
        try:
            if not self._open:
                await self.open()
            assert self._client is not None
        except ENDINGS as error:
            one = first_error(error)
            if not isinstance(one, OSError):
                self._blame("open", one, "the operation was not sent and counts as failed")
            return Reply(request.id, "fail", None, f"no connection: open raised {described(one)}")
        try:
            return self._reply(request, await self._client.invoke(request))
        except ENDINGS as error:
            one = first_error(error)
            place = self._blame("invoke", one, "the outcome counts as unknown")
            return Reply(request.id, "info", None, f"{place}: invoke raised {described(one)}")

    def _blame(self, call: str, error: BaseException, therefore: str) -> str:
        place = place_of(error, self._path)
        kind = f"{place} {call} {type(error).__name__}"
        self._remarks.add(kind, f"{place}: {call} raised {described(error)}; {therefore}")
        return place

    def _reply(self, request: Request, answer: Any) -> Reply:
        """What the user's `invoke` returned, if it is a Reply whose output can be recorded."""
        error = invalid = None
        if not isinstance(answer, Reply):
            invalid = f"invoke returned {type(answer).__name__} for a {request.f}, not a Reply"
        elif answer.status not in ("ok", "fail", "info"):
            invalid = f"invoke returned a Reply with status {str(answer.status)[:TEXT_MAX]!r}, not ok, fail or info"
        elif (found := objection(answer.output)) is not None:
            invalid = f"the output of a {request.f} {found}"
        if invalid is not None:
            self._remarks.add(invalid, f"{self._path}: {invalid}; the outcome counts as unknown")
            return Reply(request.id, "info", None, invalid)
        leader = answer.leader if isinstance(answer.leader, str) and answer.leader in self._nodes else None
        error = None if answer.error is None else str(answer.error)
        return Reply(request.id, answer.status, answer.output, error, leader)

    async def close(self) -> None:
        """End the connection; the client may be opened again."""
        client, was_open = self._client, self._open
        self._client, self._open = None, False
        if client is None:
            return
        with trio.move_on_after(CLOSE_S_MAX):
            try:
                await client.close()
            except ENDINGS as error:
                one = first_error(error)
                # a connection that is broken already may well object to being closed, and so may half of one
                if was_open and not isinstance(one, OSError | trio.BrokenResourceError | trio.ClosedResourceError):
                    self._blame("close", one, "the connection is given up")
