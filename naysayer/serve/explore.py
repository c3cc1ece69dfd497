"""The explorer's addresses: the API of naysayer/explorer as JSON. Work is done in threads, one at a time for each run.

GET  /explore/RUN                    the page
GET  /api/explore/run/RUN            the run and its branches (opens it)
GET  /api/explore/clock/RUN          ?branch&key: what the clock draws of a branch, but its messages
GET  /api/explore/messages/RUN       ?branch&from&to: the messages of a window (ms)
GET  /api/explore/state/RUN          ?branch&event: the state after an event
GET  /api/explore/step/RUN           ?branch&event&towards&of: the next event of n1, of #588, of role, commit, fault
POST /api/explore/branch/RUN         {"branch", "after", "changes": [...]}: a new branch
POST /api/explore/twin/RUN           the healthy twin
GET  /api/explore/likelihood/RUN     ?branch&from&to&points&futures: a line of JSON for each event, as it is known
GET  /api/explore/scenario/RUN       ?branch: the branch as a scenario file
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from checker.errors import UsageError
from checker.history import Operation
from naysayer.explorer import Ask, Branch, Explorer
from naysayer.explorer.future import FUTURES, FUTURES_MAX, POINTS_MAX, likelihood, points, until_ms, window
from naysayer.explorer.source import Source, open_source
from naysayer.explorer.story import Story
from naysayer.notation import call_text, value_text
from naysayer.plan import Plan
from naysayer.play.faults import fault_of
from naysayer.play.language import FAULTS, match_step
from naysayer.play.shipped import find_scenario
from naysayer.serve.clock import clock_of, messages_of, values_of
from naysayer.serve.index import Index, is_foreign
from targets.backends.simulator.network import MS

OPEN_MAX = 4
"""So many runs are open at a time: the one that was looked at least recently is closed."""

SHIPPED = "shipped"
"""Addresses of scripts that come with Naysayer begin like this, in the place of a target."""

Made = TypeVar("Made")


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What a page asks to be changed: faults as a scenario writes them, and operations."""

    branch: int
    after: int
    changes: list[str | Ask]


class Session:
    """A run that is explored."""

    def __init__(self, source: Source) -> None:
        self.explorer = Explorer(source)
        self._lock = trio.Lock()
        self._waiting = 0
        self._spreading = False
        self._summaries: dict[int, dict[str, Any]] = {}

    @asynccontextmanager
    async def work(self) -> AsyncIterator[None]:
        """One piece of work at a time; what is done ahead gives way."""
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

    async def spread(self, branch: Branch) -> None:
        """While nobody asks for anything, prepare for what may be asked of a branch next."""
        if self._spreading:
            return
        self._spreading = True
        try:
            async with self._lock:
                await _in_thread(lambda: self.explorer.spread(branch, lambda: self._waiting > 0))
        finally:
            self._spreading = False

    def branch(self, number: int) -> Branch:
        branches = self.explorer.branches
        if not 0 <= number < len(branches):
            raise UsageError(f"there is no branch {number}: the run was opened anew; load the page again")
        return branches[number]

    def about(self) -> dict[str, Any]:
        """The run and its branches."""
        explorer = self.explorer
        source, recorded = explorer.source, explorer.recorded
        key = _key(recorded)
        return {
            "target": source.target,
            "workload": source.repeats.workload,
            "seed": source.seed,
            "scenario": not isinstance(source.repeats, Plan),
            "script": isinstance(source.repeats, Story),
            "names": source.names,
            "model": source.model,
            "nodes": [f"n{number + 1}" for number in range(source.nodes)],
            "clients": source.clients,
            "offers": source.offers,
            "identical": explorer.identical,
            "twin": source.twin,
            "key": None if key is None else value_text(key),
            "values": values_of(recorded),
            "branches": [self.summary(number) for number in range(len(explorer.branches))],
        }

    def summary(self, number: int) -> dict[str, Any]:
        """A branch in the tree. It stays as it is, and so is put together once."""
        if number not in self._summaries:
            self._summaries[number] = self._summary(number)
        return self._summaries[number]

    def _summary(self, number: int) -> dict[str, Any]:
        explorer = self.explorer
        branch = explorer.branches[number]
        worst = branch.verdict.worst
        said = None if worst is None or worst.explanation is None else worst.explanation.sentence
        parent = None if branch.parent is None else explorer.branches.index(branch.parent)
        differs = None
        if branch.parent is not None and not branch.edits:
            differs = explorer.first_difference(branch.parent, branch)
        edit = branch.edits[-1] if branch.edits else None
        after = None if edit is None else edit.after
        return {
            "id": number,
            "parent": parent,
            "label": branch.label,
            "target": branch.source.target,
            "after": after,
            "atMs": None if after is None else branch.events[after - 1].time_ns / MS,
            "outcome": branch.verdict.outcome,
            "kind": branch.kind,
            "sentence": said or (worst.reason if worst is not None else None) or branch.replayed.run.error,
            "failedMs": branch.failed_ms,
            "culprit": branch.culprit,
            "events": len(branch.events),
            "startsAt": branch.starts_at,
            "window": window(branch),
            "untilMs": until_ms(branch),
            "differs": differs,
            "differsMs": None if differs is None else _ms_of(branch, differs),
            "endMs": branch.replayed.run.virtual_ms,
            "changed": [] if branch.parent is None else _changed(branch, explorer.recorded),
        }


CHANGED_MAX = 6


def _changed(branch: Branch, recorded: Branch) -> list[tuple[int, str, str]]:
    """The first operations that ended otherwise than in the recorded run: what came of them, and what had."""
    now = branch.replayed.run.recorder.history()
    was = recorded.replayed.run.recorder.history()
    found: list[tuple[int, str, str]] = []
    for one, other in zip(now, was, strict=False):
        if (one.f, one.key, one.input) != (other.f, other.key, other.input):
            break  # from here on clients did something else
        if (one.status, one.output) != (other.status, other.output):
            found.append((one.index, _ended(one), _ended(other)))
    return found[:CHANGED_MAX]


def _ended(op: Operation) -> str:
    return call_text(op) if op.status == "ok" else f"{call_text(op)}: {'failed' if op.status == 'fail' else 'unknown'}"


def _ms_of(branch: Branch, number: int) -> float:
    return branch.events[min(number, len(branch.events)) - 1].time_ns / MS


def _key(branch: Branch) -> Any:
    worst = branch.verdict.worst
    if worst is not None and worst.counterexample:
        return worst.counterexample[-1].key
    return next((op.key for op in branch.replayed.run.recorder.history() if op.key is not None), None)


class Explorers:
    """The runs that are open, and the addresses."""

    def __init__(self, index: Index, page: Callable[..., Response]) -> None:
        self._index = index
        self._page = page
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._opening = trio.Lock()
        self.ahead: trio.Nursery | None = None
        """Where work is done that nobody waits for, while the server runs."""
        self.routes = [
            Route("/explore/{name:path}", self.explore),
            Route("/api/explore/run/{name:path}", self.run),
            Route("/api/explore/clock/{name:path}", self.clock),
            Route("/api/explore/messages/{name:path}", self.messages),
            Route("/api/explore/state/{name:path}", self.state),
            Route("/api/explore/step/{name:path}", self.step),
            Route("/api/explore/branch/{name:path}", self.branch, methods=["POST"]),
            Route("/api/explore/twin/{name:path}", self.twin, methods=["POST"]),
            Route("/api/explore/likelihood/{name:path}", self.likelihood),
            Route("/api/explore/scenario/{name:path}", self.scenario),
        ]

    async def _session(self, request: Request) -> Session:
        """The session of the run in the address; opens it where it is not open."""
        name = request.path_params["name"].strip("/")
        async with self._opening:
            if name not in self._open:
                source = open_source(self._place(name))
                _refuse_others(source)
                self._open[name] = await _in_thread(lambda: Session(source))
                while len(self._open) > OPEN_MAX:
                    self._open.popitem(last=False)[1].explorer.close()
            self._open.move_to_end(name)
            return self._open[name]

    def _place(self, name: str) -> Path:
        """The result folder of a run, or the file of a script that comes with Naysayer."""
        return script_of(name) or self._index.folder(name)

    async def _of_branch(self, request: Request, work: Callable[[Session, Branch], Made]) -> Made:
        session = await self._session(request)
        branch = session.branch(_number(request, "branch", 0))
        async with session.work():
            return await _in_thread(lambda: work(session, branch))

    async def explore(self, request: Request) -> Response:
        """The page."""
        name = request.path_params["name"].strip("/")
        _refuse_others(open_source(self._place(name)))
        return self._page("explorer.html.jinja", name=name)

    async def run(self, request: Request) -> Response:
        session = await self._session(request)
        async with session.work():
            return _json(await _in_thread(session.about))

    async def clock(self, request: Request) -> Response:
        key = request.query_params.get("key")

        def work(session: Session, branch: Branch) -> dict[str, Any]:
            keys = {value_text(op.key): op.key for op in branch.replayed.run.recorder.history() if op.key is not None}
            return clock_of(branch, keys.get(key) if key is not None else _key(session.explorer.recorded))

        return _json(await self._of_branch(request, work))

    async def messages(self, request: Request) -> Response:
        from_ms, to_ms = _ms(request, "from"), _ms(request, "to")
        return _json(await self._of_branch(request, lambda _, branch: messages_of(branch, from_ms, to_ms)))

    async def state(self, request: Request) -> Response:
        number = _number(request, "event")
        found = await self._of_branch(request, lambda session, branch: session.explorer.state(branch, number))
        if self.ahead is not None:
            session = await self._session(request)
            self.ahead.start_soon(session.spread, session.branch(_number(request, "branch", 0)))
        return _json(found)

    async def step(self, request: Request) -> Response:
        number, of = _number(request, "event", least=0), request.query_params.get("of", "")
        back = request.query_params.get("towards") == "previous"

        def work(session: Session, branch: Branch) -> int | None:
            steps = branch.stepping
            if of in ("role", "commit", "fault"):
                wanted: Callable[[int], bool] = {"role": steps.role, "commit": steps.commit, "fault": steps.fault}[of]
            elif of.startswith("#") and of[1:].isdigit():
                wanted = steps.of_operation(int(of[1:]))
            else:
                wanted = steps.of_node(of)
            return steps.find(number, "previous" if back else "next", wanted)

        return _json({"event": await self._of_branch(request, work)})

    async def branch(self, request: Request) -> Response:
        session = await self._session(request)
        try:
            asked = msgspec.json.decode(await request.body(), type=Asked)
        except msgspec.MsgspecError as error:
            raise UsageError(f"not what an edit looks like: {error}") from error
        parent = session.branch(asked.branch)

        def work() -> dict[str, Any]:
            names = session.explorer.names
            steps = (one if isinstance(one, Ask) else match_step(FAULTS, one) for one in asked.changes)
            changes = [one if isinstance(one, Ask) else fault_of(one, names) for one in steps]
            session.explorer.branch(parent, asked.after, *changes)
            return session.summary(len(session.explorer.branches) - 1)

        async with session.work():
            return _json(await _in_thread(work))

    async def twin(self, request: Request) -> Response:
        session = await self._session(request)

        def work() -> dict[str, Any]:
            return session.summary(session.explorer.branches.index(session.explorer.twin()))

        async with session.work():
            return _json(await _in_thread(work))

    async def likelihood(self, request: Request) -> Response:
        session = await self._session(request)
        branch = session.branch(_number(request, "branch", 0))
        if isinstance(branch.source.repeats, Story):
            raise UsageError("a script has one future only: nothing but elections is random in it")
        count = min(_number(request, "points", 12), POINTS_MAX)
        futures = min(_number(request, "futures", FUTURES), FUTURES_MAX)
        from_ms, to_ms = _ms(request, "from"), _ms(request, "to")
        until = await _in_thread(lambda: until_ms(branch))

        async def lines() -> AsyncIterator[bytes]:
            for event in await _in_thread(partial(points, branch, from_ms, to_ms, count)):
                async with session.work():  # one event at a time, so that the state can be asked for meanwhile
                    found = await _in_thread(partial(likelihood, branch, event, futures, until))
                yield msgspec.json.encode(found) + b"\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def scenario(self, request: Request) -> Response:
        written = await self._of_branch(request, lambda session, branch: session.explorer.export(branch))
        name = request.path_params["name"].strip("/").replace("/", "-")
        called = f'attachment; filename="{name}-branch-{_number(request, "branch", 0)}.txt"'
        return Response(written, media_type="text/plain; charset=utf-8", headers={"content-disposition": called})


def script_of(name: str) -> Path | None:
    """The script that comes with Naysayer of this address; None for a run. Raises UsageError if there is none."""
    place, _, script = name.partition("/")
    return find_scenario(script) if place == SHIPPED else None


def _refuse_others(source: Source) -> None:
    """Raises UsageError for nodes that run in a process of their own, which serves one run at a time."""
    if is_foreign(source.target):
        raise UsageError(
            "the nodes of this run are in a process of their own, which the explorer does not take back in time: "
            "naysayer replay runs it again"
        )


async def _in_thread(work: Callable[[], Made]) -> Made:
    """Work that takes a while. At the end of the server it is not waited for."""
    return await trio.to_thread.run_sync(work, abandon_on_cancel=True)


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _number(request: Request, name: str, default: int | None = None, least: int = 0) -> int:
    text = request.query_params.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isdigit() or len(text) > 9 or int(text) < least:
        raise UsageError(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _ms(request: Request, name: str) -> float:
    text = request.query_params.get(name, "")
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not abs(found) < 1e12:
        raise UsageError(f"{name} must be a time in ms, not {text!r}")
    return found
