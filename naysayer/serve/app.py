"""The addresses: the index of runs, their pages and files. All begin with the token, and answer this machine only.

A run's own page is somebody's file: it is shown in a sandbox, from which nothing here can be asked for.
"""

from __future__ import annotations

import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import msgspec
import trio
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from checker.errors import NaysayerError, UsageError
from naysayer.commands.report import source_of_folder
from naysayer.crash import sentence
from naysayer.hunt.story import story_html
from naysayer.page.render import render
from naysayer.play import play_scenario
from naysayer.play.language import content as text_of
from naysayer.play.shipped import shipped, title
from naysayer.results import PAGE
from naysayer.serve.explore import SHIPPED, Explorers, script_of
from naysayer.serve.index import ROWS_MAX, Index
from naysayer.serve.watch import changes

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SANDBOXED = "sandbox allow-scripts allow-downloads allow-modals; frame-ancestors 'none'"
"""For pages of runs, which bring a policy of their own for what they load: nothing."""

KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
SERVED = {name: files("naysayer") / name for name in ("page/js", "page/css", "serve/static")}
"""The folders of scripts and styles: addresses have the same form, so that modules find each other."""

ZIP_MAX = 2_000_000_000
"""Bytes of a run's files together that are packed into one zip."""

Handler = Callable[[Request], Awaitable[Response]]
_templates = Environment(
    loader=PackageLoader("naysayer.serve"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


class Guard:
    """Lets only those in who have the token and ask for this very machine, and says so to browsers."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._prefix = f"/{token}"
        self._hosts = {f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        origins = {value for name, value in scope["headers"] if name == b"origin"}
        own = {b"http://" + host for host in self._hosts}
        inside = scope["path"] == self._prefix or scope["path"].startswith(f"{self._prefix}/")
        if len(hosts) != 1 or hosts[0] not in self._hosts or not inside or not origins <= own:
            refused = PlainTextResponse("Refused: open the address that naysayer serve has printed.\n", 403)
            await refused(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                more = {
                    b"content-security-policy": CSP.encode(),
                    b"referrer-policy": b"no-referrer",
                    b"x-content-type-options": b"nosniff",
                    b"cross-origin-resource-policy": b"same-origin",
                    b"cache-control": b"no-store",
                }
                message["headers"] = [*message["headers"], *((n, v) for n, v in more.items() if n not in names)]
            await send(message)

        await self._app(scope, receive, dressed)


def application(root: Path, token: str, port: int) -> ASGIApp:
    """The whole application on a results folder."""
    index = Index(root)
    pages = Pages(index, f"/{token}")
    explorers = Explorers(index, pages.page)
    routes = [
        Route("/", pages.index),
        Route("/api/runs", pages.runs),
        Route("/api/changes", pages.changes),
        Route("/static/{package}/{folder}/{name}", pages.static),
        Route("/run/{name:path}/report.html", pages.report),
        Route("/run/{name:path}/files", pages.files),
        Route("/run/{name:path}/files/{file}", pages.file),
        Route("/run/{name:path}/all.zip", pages.zip),
        *explorers.routes,
    ]

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            explorers.ahead = nursery
            yield
            nursery.cancel_scope.cancel()

    inner = Starlette(
        routes=[Mount(f"/{token}", routes=routes)],
        lifespan=running,
        exception_handlers={NaysayerError: pages.refused, Exception: pages.failed, 404: pages.nowhere},
    )
    return Guard(inner, token, port)


class Pages:
    """The index, and the pages and files of runs."""

    def __init__(self, index: Index, base: str) -> None:
        self._index = index
        self._base = base
        self._making = trio.Lock()
        """A page may run its run again, one at a time."""

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page from a template."""
        return HTMLResponse(_templates.get_template(template).render(base=self._base, **values), status)

    async def index(self, request: Request) -> Response:
        """The table of runs, which the browser fills."""
        scripts = {f"{SHIPPED}/{name}": title(path) for name, path in shipped().items()}
        return self.page("index.html.jinja", root=str(self._index.root), scripts=scripts)

    async def runs(self, request: Request) -> Response:
        """The rows of the table."""
        return as_json(await self._rows())

    async def _rows(self) -> dict[str, Any]:
        rows = await trio.to_thread.run_sync(self._index.rows, time.time())
        root, total = self._index.root, self._index.total
        said = None
        if not root.is_dir():
            said = f"There is no folder {root}: naysayer test quorum-kv makes it, with a first run in it."
        elif not total:
            said = f"{root} has no runs yet: naysayer test quorum-kv makes one."
        elif total > ROWS_MAX:
            said = f"Of {total:,} runs the latest {ROWS_MAX:,} are shown."
        return {"rows": rows, "total": total, "said": said}

    async def changes(self, request: Request) -> Response:
        """Server-sent events: the rows whenever they have changed."""

        async def events() -> AsyncIterator[bytes]:
            async for found in changes(self._rows):
                yield b"data: " + msgspec.json.encode(found) + b"\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    async def static(self, request: Request) -> Response:
        """A script or a style of ours."""
        asked = request.path_params
        name, place = asked["name"], SERVED.get(f"{asked['package']}/{asked['folder']}")
        kind = KINDS.get(Path(name).suffix)
        if place is None or kind is None or "/" in name or not (place / name).is_file():
            return await self.nowhere(request)
        return Response((place / name).read_bytes(), media_type=kind)

    async def report(self, request: Request) -> Response:
        """The page of a run; where there is none yet, it is made."""
        name = request.path_params["name"]
        script = script_of(name)
        folder = self._index.folder(name) if script is None else None
        async with self._making:
            made = (_report, folder) if folder is not None else (_script, script)
            content = await trio.to_thread.run_sync(*made, abandon_on_cancel=True)
        return HTMLResponse(content, headers={"content-security-policy": SANDBOXED})

    async def files(self, request: Request) -> Response:
        """The files of a run."""
        name = request.path_params["name"]
        folder = self._index.folder(name)
        found = [(one.name, one.stat().st_size) for one in sorted(folder.iterdir()) if one.is_file()]
        inner = [one.name for one in sorted(folder.iterdir()) if one.is_dir() and not one.is_symlink()]
        return self.page("files.html.jinja", name=name, files=found, folders=inner, quote=quote)

    async def file(self, request: Request) -> Response:
        """One file of a run, to keep."""
        folder, name = self._index.folder(request.path_params["name"]), request.path_params["file"]
        place = folder / name
        if name in ("", ".", "..") or "\\" in name or place.is_symlink() or not place.is_file():
            raise UsageError(f"{folder} has no file {name}")
        return FileResponse(place, filename=name, media_type="application/octet-stream")

    async def zip(self, request: Request) -> Response:
        """All files of a run in one."""
        name = request.path_params["name"]
        folder = self._index.folder(name)
        packed = await trio.to_thread.run_sync(_packed, folder, abandon_on_cancel=True)
        called = f'attachment; filename="{name.strip("/").replace("/", "-")}.zip"'
        return StreamingResponse(_read(packed), media_type="application/zip", headers={"content-disposition": called})

    async def refused(self, request: Request, error: Exception) -> Response:
        """What a person asked for is not there, or not possible: one sentence."""
        if "/api/" in request.url.path:
            return as_json({"error": str(error)}, 400)
        return self.page("sentence.html.jinja", 404, sentence=str(error))

    async def failed(self, request: Request, error: Exception) -> Response:
        """An error of ours: one sentence too; the server goes on."""
        said = sentence(error, None)
        if "/api/" in request.url.path:
            return as_json({"error": said}, 500)
        return self.page("sentence.html.jinja", 500, sentence=said)

    async def nowhere(self, request: Request, error: Exception | None = None) -> Response:
        """No such address."""
        return self.page("sentence.html.jinja", 404, sentence="There is nothing at this address.")


def as_json(content: Any, status: int = 200) -> Response:
    """Anything that msgspec knows, as JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _report(folder: Path) -> bytes:
    """report.html as it is, or, where it is lacking or cut off, made from what the run left; the run's folder stays as
    it is."""
    try:
        content = (folder / PAGE).read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise UsageError(f"{folder / PAGE}: {error.strerror}") from error
    return content if content.rstrip().endswith(b"</html>") else render(source_of_folder(folder))


def _script(path: Path) -> bytes:
    """A script with its output, and its messages as a picture."""
    return story_html(play_scenario(text_of(path), str(path)), title(path))


def _packed(folder: Path) -> IO[bytes]:
    """All files of a folder as a zip, in a file that vanishes when it is closed."""
    content = [one for one in sorted(folder.rglob("*")) if one.is_file() and not one.is_symlink()]
    size = sum(one.stat().st_size for one in content)
    if size > ZIP_MAX:
        raise UsageError(f"{folder} holds {size / 1e9:.1f} GB, too much for a zip: take its files one by one")
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been read
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for one in content:
            file.write(one, one.relative_to(folder.parent))
    packed.seek(0)
    return packed


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while content := file.read(1 << 18):
            yield content
            await trio.lowlevel.checkpoint()
