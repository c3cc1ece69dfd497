"""The TCP client against servers that mean it ill: every end is a Reply, and memory is bounded."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable

import msgspec
import pytest
import trio

from targets.backends.processes.client import TcpClient
from targets.backends.wire import LINE_BYTES_MAX, Envelope, Lines, line
from targets.protocol.node import Reply, Request

pytestmark = pytest.mark.slow

Serve = Callable[[trio.SocketStream], Awaitable[None]]


def against(
    serve: Serve, *requests: Request, timeout_s: float = 5.0, note: Callable[[bytes], None] = len
) -> list[Reply | None]:
    """The replies of one client to the requests one after another; None for one that took too long."""
    replies: list[Reply | None] = []

    async def safely(stream: trio.SocketStream) -> None:
        try:
            await serve(stream)
        except trio.BrokenResourceError:
            return

    async def main() -> None:
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
                nursery.start_soon(trio.serve_listeners, safely, listeners)
                client = TcpClient("n1", listeners[0].socket.getsockname()[1], note)
                for request in requests:
                    reply = None
                    with trio.move_on_after(timeout_s):
                        reply = await client.invoke(request)
                    replies.append(reply)
                await client.close()
                nursery.cancel_scope.cancel()

    trio.run(main)
    return replies


def request(number: int) -> Request:
    return Request(f"c1.{number}", "c1", "write", "x", number)


async def answers(stream: trio.SocketStream) -> None:
    async for text in Lines(stream):
        asked = msgspec.json.decode(msgspec.json.decode(text, type=Envelope).body, type=Request)
        await stream.send_all(line("n1", asked.client, Reply(asked.id, "ok", asked.input)))


async def mute(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def resets(stream: trio.SocketStream) -> None:
    await stream.receive_some(1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def garbage(stream: trio.SocketStream) -> None:
    await stream.receive_some(1)
    await stream.send_all(b"\xff\xfeHTTP/1.1 400 Bad Request\r\n\r\n")


async def brackets(stream: trio.SocketStream) -> None:
    await stream.receive_some(65536)
    await stream.send_all(b'{"src":"n1","dest":"c1","body":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")


async def floods(stream: trio.SocketStream) -> None:
    while True:
        await stream.send_all(bytes(65536))


async def closes(stream: trio.SocketStream) -> None:
    await stream.receive_some(65536)


def test_an_honest_server_answers_one_client_many_times() -> None:
    replies = against(answers, *map(request, range(20)))
    assert replies == [Reply(f"c1.{i}", "ok", i) for i in range(20)]


def test_a_server_that_accepts_and_never_answers_is_given_up() -> None:
    assert against(mute, request(1), request(2), timeout_s=0.05) == [None, None]


def test_what_is_sent_and_answered_is_noted() -> None:
    noted: list[bytes] = []
    against(answers, request(1), request(2), note=noted.append)
    told = [(one.src, one.dest) for one in map(msgspec.json.Decoder(Envelope).decode, noted)]
    assert told == [("c1", "n1"), ("n1", "c1")] * 2


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (resets, "n1 reset"),
        (garbage, "n1 answered junk"),
        (brackets, "n1 answered junk"),
        (floods, str(LINE_BYTES_MAX)),
        (closes, "n1 closed"),
    ],
    ids=["resets", "garbage", "brackets", "floods", "closes"],
)
def test_what_is_no_answer_leaves_the_outcome_unknown_and_the_next_call_connects_anew(serve: Serve, said: str) -> None:
    for reply in against(serve, request(1), request(2)):
        assert reply is not None
        assert reply.status == "info"
        assert said in (reply.error or "")


def test_an_answer_that_comes_after_the_time_out_is_not_taken_for_the_next_one() -> None:
    async def late(stream: trio.SocketStream) -> None:
        lines = Lines(stream)
        first = msgspec.json.decode(msgspec.json.decode(await anext(lines), type=Envelope).body, type=Request)
        second = msgspec.json.decode(msgspec.json.decode(await anext(lines), type=Envelope).body, type=Request)
        for asked in (first, second):
            await stream.send_all(line("n1", "c1", Reply(asked.id, "ok", asked.input)))

    assert against(late, request(1), request(2), timeout_s=0.3) == [None, Reply("c1.2", "ok", 2)]


def test_a_request_greater_than_the_buffers_is_sent_as_a_whole() -> None:
    text = "x" * (LINE_BYTES_MAX // 2)
    (reply,) = against(answers, Request("c1.1", "c1", "write", "x", text))
    assert reply is not None
    assert reply.output == text


def test_a_refused_connection_is_a_certain_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else takes the port
        port = taken.getsockname()[1]

        async def main() -> Reply:
            return await TcpClient("n1", port, len).invoke(request(1))

        assert trio.run(main).status == "fail"
