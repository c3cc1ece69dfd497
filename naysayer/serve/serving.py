"""The server: on this machine only, at a random port, with a token in the address. Ctrl-C ends it within a second."""

from __future__ import annotations

import gc
import secrets
import signal
import socket
from pathlib import Path
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as serve_trio

from checker.errors import HarnessError, UsageError
from naysayer.report.console import console
from naysayer.results import TEST
from naysayer.serve.app import application

GRACE_S = 0.1
"""How long answers that are under way may take at the end."""


def serve(root: Path) -> int:
    """Serve a results folder until SIGINT or SIGTERM. Raises UsageError for what is none, and HarnessError where no
    port can be had."""
    _refuse_others(root)
    try:
        listener = socket.create_server(("127.0.0.1", 0))
    except OSError as error:
        raise HarnessError(f"no port of 127.0.0.1 can be listened at: {error.strerror}") from error
    with listener:
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe(16)
        screen = console()
        screen.print(f"serving   {root}", markup=False, highlight=False, soft_wrap=True)
        screen.print(f"open      http://127.0.0.1:{port}/{token}/", markup=False, highlight=False, soft_wrap=True)
        screen.print("          Ctrl-C ends it", style="dim")
        trio.run(_serve, root, token, port, listener)
    # work that nobody waits for any more still holds whole runs: the interpreter would look through them as it ends
    gc.freeze()
    return 0


def _refuse_others(root: Path) -> None:
    """A folder that does not exist yet is served: runs will appear in it."""
    if root.is_file():
        raise UsageError(f"{root} is a file: name the folder that holds the results")
    if (root / TEST).is_file():
        raise UsageError(f"{root} is a single run: name the folder of all results, {root.resolve().parent.parent}")
    if any(root.glob(f"*/{TEST}")):
        raise UsageError(f"{root} holds the runs of one target: name the folder above it, {root.resolve().parent}")


async def _serve(root: Path, token: str, port: int, listener: socket.socket) -> None:
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.accesslog = config.errorlog = None
    config.graceful_timeout = config.shutdown_timeout = GRACE_S
    config.worker_class = "trio"
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, trio.CancelScope() as scope:

        async def asked() -> None:
            async for _ in signals:
                scope.deadline = trio.current_time() + GRACE_S
                return

        # hypercorn has types of its own for what ASGI calls an application
        await serve_trio(cast(Any, application(root, token, port)), config, shutdown_trigger=asked)
