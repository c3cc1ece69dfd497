"""The server: on this machine only, at a random port, with a token in the address. Ctrl-C ends it within a second."""

from __future__ import annotations

import secrets
import signal
import socket
from pathlib import Path
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as serve_trio

from checker.errors import HarnessError
from naysayer.report.console import console
from naysayer.serve.app import application

GRACE_S = 0.1
"""How long answers that are under way may take at the end."""


def serve(root: Path) -> int:
    """Serve a results folder until SIGINT or SIGTERM. Raises HarnessError where no port can be had."""
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
    return 0


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
