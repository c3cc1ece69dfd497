"""Clients written for asyncio run on trio."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path

import pytest
import trio

from naysayer.cli import run
from targets.backends.clients.on_asyncio import on_asyncio
from targets.protocol.cluster import Client
from targets.protocol.node import Reply, Request
from tests.naysayer.test_own_client import VALUES, _serve_lines, arguments
from tests.targets.test_hostile_services import serving

CANCELLED: list[str] = []


@on_asyncio
class Example:
    """Does what the key says."""

    def __init__(self, address: str, *, slow_s: float = 60.0) -> None:
        self.loop, self.thread, self.slow_s = asyncio.get_running_loop(), threading.current_thread(), slow_s
        self.lock = asyncio.Lock()

    async def open(self) -> None:
        assert asyncio.get_running_loop() is self.loop

    async def invoke(self, request: Request) -> Reply:
        async with self.lock:
            match request.key:
                case "slow":
                    try:
                        await asyncio.sleep(self.slow_s)
                    except asyncio.CancelledError:
                        CANCELLED.append(request.id)
                        raise
                case "raise":
                    raise ConnectionResetError("gone")
                case "exit":
                    sys.exit(3)
                case "cancelled":
                    raise asyncio.CancelledError
            return Reply(request.id, "ok", [request.input, self.thread is threading.main_thread()])

    async def close(self) -> None:
        pass


def invoked(client: Client, key: str, timeout_s: float = 10.0) -> Reply | None:
    """The reply; None if the call was cancelled."""

    async def main() -> Reply | None:
        with trio.move_on_after(timeout_s):
            await client.open()
            return await client.invoke(Request("1", "c1", "read", key, 7))
        return None

    return trio.run(main)


def test_constructor_and_calls_run_on_one_event_loop_in_its_own_thread() -> None:
    for _ in range(2):
        reply = invoked(Example("host:1"), "plain")
        assert reply is not None
        assert reply.output == [7, False]


@pytest.mark.parametrize(
    ("key", "error", "text"), [("raise", ConnectionResetError, "gone"), ("exit", RuntimeError, "sys.exit")]
)
def test_what_a_client_raises_arrives(key: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        invoked(Example("host:1"), key)
    assert invoked(Example("host:1"), "plain") is not None, "the loop runs on"


def test_a_call_that_cancels_itself_is_an_error_and_not_a_cancellation_of_ours() -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  concurrent.futures' own
        invoked(Example("host:1"), "cancelled")
    assert not isinstance(caught.value, trio.Cancelled)


def test_a_call_that_is_cancelled_is_cancelled_on_its_loop() -> None:
    CANCELLED.clear()
    client = Example("host:1")
    assert invoked(client, "slow", timeout_s=0.05) is None
    reply = invoked(client, "plain")  # gets the lock only when the other one has let go of it
    assert reply is not None
    assert CANCELLED == ["1"]


LINES = """
import asyncio
import json
from targets.backends.clients.on_asyncio import on_asyncio
from targets.protocol.node import Reply, Request


@on_asyncio
class LineClient:
    def __init__(self, address):
        self.host, _, self.port = address.rpartition(":")

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(self.host, int(self.port))

    async def invoke(self, request: Request) -> Reply:
        asked = {"f": request.f, "key": request.key, "input": request.input}
        self.writer.write(json.dumps(asked).encode() + b"\\n")
        answer = json.loads(await self.reader.readline())
        if request.f == "write" and request.input % 9 == 0:
            raise ValueError("no idea")
        return Reply(request.id, "ok", answer)

    async def close(self):
        self.writer.close()
        await self.writer.wait_closed()
"""


@pytest.mark.slow
def test_a_users_asyncio_client_drives_a_test_and_its_errors_have_their_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    VALUES.clear()
    with serving(_serve_lines) as port:
        command = arguments(tmp_path, "client.py:LineClient", source=LINES)
        file = tmp_path / "cluster.toml"
        file.write_text(file.read_text().replace("127.0.0.1:1", f"127.0.0.1:{port}"))
        assert run(command) == 0, capsys.readouterr().out
    printed = " ".join(capsys.readouterr().out.split())
    assert "client.py:21: invoke raised ValueError: no idea" in printed
    verdict = json.loads((tmp_path / "results" / "own" / "latest" / "verdict.json").read_text())
    assert verdict["outcomes"]["ok"] > 40
    assert verdict["outcomes"]["info"] > 0
