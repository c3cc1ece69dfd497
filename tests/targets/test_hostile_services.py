"""The clients of running services against servers that mean it ill: every end is a Reply, and memory is bounded."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from checker.errors import UsageError
from naysayer.cli import run
from targets.backends.clients import http1, resp
from targets.backends.clients.etcd import EtcdClient
from targets.backends.clients.http import Call, HttpClient
from targets.backends.clients.redis import RedisClient
from targets.protocol.cluster import Client
from targets.protocol.node import Reply, Request

pytestmark = pytest.mark.slow

Serve = Callable[[trio.SocketStream], Awaitable[None]]

CALLS = {
    "read": Call("GET", "/kv/{key}", output="value"),
    "write": Call("PUT", "/kv/{key}", body={"value": "{input}"}),
    "cas": Call("POST", "/kv/{key}", body={"from": "{from}", "to": "{to}"}, output="swapped"),
}

MAKE: dict[str, Callable[[int], Client]] = {
    "http": lambda port: HttpClient(f"http://127.0.0.1:{port}", CALLS),
    "etcd": lambda port: EtcdClient(f"http://127.0.0.1:{port}"),
    "redis": lambda port: RedisClient("127.0.0.1", port),
}

REQUESTS = (
    Request("1", "c1", "read", "x"),
    Request("2", "c1", "write", "x", 1),
    Request("3", "c1", "cas", "x", (1, 2)),
)

BUFFERS_BYTES_MAX = 32 * 1024 * 1024
BRACKETS = b"[" * 100_000 + b"]" * 100_000


async def listen(nursery: trio.Nursery, serve: Serve) -> int:
    """Serve connections on a port of loopback; what the other side ends is ended."""

    async def safely(stream: trio.SocketStream) -> None:
        async with stream:
            try:
                await serve(stream)
            except trio.BrokenResourceError:
                return

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(partial(trio.serve_listeners, safely, listeners, handler_nursery=nursery))
    return int(listeners[0].socket.getsockname()[1])


def replies(kind: str, serve: Serve, timeout_s: float = 10.0, requests: tuple[Request, ...] = REQUESTS) -> list[Reply]:
    """What one client answers to requests one after another; as the driver does, it gives up after a while."""
    found = []

    async def main() -> None:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                client = MAKE[kind](await listen(nursery, serve))
                for request in requests:
                    reply = Reply(request.id, "info", None, "timeout")
                    with trio.move_on_after(timeout_s):
                        reply = await client.invoke(request)
                    found.append(reply)
                    if reply.status == "info":
                        await client.close()
                await client.close()
                nursery.cancel_scope.cancel()

    trio.run(main)
    return found


def says(text: bytes, *, close: bool = True) -> Serve:
    """A server that answers everything with the same bytes."""

    async def serve(stream: trio.SocketStream) -> None:
        while await stream.receive_some(65536):
            await stream.send_all(text)
            if close:
                return

    return serve


def page(body: bytes, status: str = "200 OK") -> Serve:
    """A server that answers everything with the same page."""
    return says(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status.encode(), len(body), body), close=False)


def floods(head: bytes, counted: list[int]) -> Serve:
    """A server whose answer has no end."""

    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some(65536)
        await stream.send_all(head)
        counted.append(0)
        while counted[-1] < 10 * BUFFERS_BYTES_MAX:
            await stream.send_all(b"x" * 65536)
            counted[-1] += 65536

    return serve


async def mute(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def resets(stream: trio.SocketStream) -> None:
    await stream.receive_some(1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("kind", MAKE)
def test_a_server_that_accepts_and_never_answers_is_given_up(kind: str) -> None:
    assert [reply.error for reply in replies(kind, mute, timeout_s=0.05)] == ["timeout"] * 3


GARBAGE = {
    "resets": resets,
    "closes": says(b""),
    "binary": says(bytes(range(256))),
    "half a head": says(b"HTTP/1.1 200 OK\r\ncontent-le"),
    "half a page": says(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"value"'),
    "half a string": says(b"$100\r\nabc"),
    "half a list": says(b"*2\r\n$1\r\na\r\n"),
    "brackets": page(BRACKETS),
    "lists in lists": says(b"*1\r\n" * 100_000),
    "no JSON": page(b"\xff\xfe"),
    "another type": page(b"[1, 2]"),
    "a number": says(b":17\r\n"),
    "no number": says(b"$many\r\n"),
    "less than nothing": says(b"$-17\r\n"),
    "a string without an end": says(b"$1\r\nabc"),
    "a gigabyte announced": says(b"$1000000000\r\n"),
    "a million answers announced": says(b"*1000000\r\n"),
    "billions of answers announced": says(b"*4294967295\r\n"),
    "a million pairs announced": says(b"%1000000\r\n"),
    "round and round": says(b"HTTP/1.1 307 Go\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", close=False),
    "to nowhere": page(b"", "307 Go\r\nlocation: http://[oops"),
    "on to a server that is gone": page(b"", "303 See\r\nlocation: http://127.0.0.1:1/"),
    "to another protocol": page(b"", "307 Go\r\nlocation: ftp://127.0.0.1/"),
    "an error": page(b"{}", "500 Oops"),
    "on to another port": page(b"", "307 Go\r\nlocation: http://127.0.0.1:1/"),
    "on to another host": page(b"", "307 Go\r\nlocation: http://localhost/"),
    "a write turned into a read": page(b"", "302 Found\r\nlocation: /elsewhere"),
}


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_leaves_every_outcome_unknown(kind: str, garbage: str) -> None:
    # what a write's page says is not looked at, only its status
    seen = [
        one
        for one in REQUESTS
        if kind != "http" or one.f != "write" or not garbage.startswith(("no JSON", "ano", "br"))
    ]
    for reply in replies(kind, GARBAGE[garbage], requests=tuple(seen)):
        assert reply.status == "info", reply
        assert reply.error
        assert len(reply.error) < 500


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("http", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("http", b"HTTP/1.1 200 OK\r\nx: "),
        ("http", b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"),
        ("etcd", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("etcd", b"HTTP/1.1 503 Unavailable\r\n\r\n"),
        ("redis", b"+"),
        ("redis", b"$8000000\r\n"),
        ("redis", b"*2\r\n*1\r\n$6\r\nmaster\r\n$7000000000\r\n"),
    ],
)
def test_an_endless_answer_is_cut(kind: str, head: bytes) -> None:
    counted: list[int] = []
    for reply in replies(kind, floods(head, counted)):
        assert reply.status == "info"
    assert len(counted) == 3
    bound = max(http1.ANSWER_BYTES_MAX, resp.ANSWER_BYTES_MAX)
    assert max(counted) < bound + BUFFERS_BYTES_MAX, "the rest stays with the server"


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("http", page(b'{"value": 1, "swapped": "maybe"}')),
        ("etcd", page(b'{"header": {}, "kvs": "none", "succeeded": 1}')),
        ("etcd", page(b'{"header": {}, "kvs": [{"value": "!!!"}], "succeeded": null}')),
        ("etcd", page(b'{"error": "etcdserver: no leader", "code": 14}')),
        ("redis", says(b"+QUEUED\r\n" * 3 + b"*1\r\n:1\r\n")),
        ("redis", says(b"-ERR unknown command\r\n" * 4)),
        ("redis", says(b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n*1\r\n$6\r\nmaster\r\n$2\r\n{[\r\n")),
    ],
)
def test_an_answer_of_the_wrong_type_is_no_answer_to_a_cas(kind: str, answer: Serve) -> None:
    (reply,) = replies(kind, answer, requests=REQUESTS[2:])
    assert reply.status == "info", reply
    if kind != "http":
        (reply,) = replies(kind, answer, requests=REQUESTS[:1])
        assert reply.status == "info", reply


def redirecting(to: str, reached: list[bytes]) -> Serve:
    """A server that sends what it is first asked to `to`, and answers the rest."""

    async def serve(stream: trio.SocketStream) -> None:
        while data := await stream.receive_some(65536):
            reached.append(data.split(b" ", 2)[1])
            if b"/kv/" in data:
                head = f"HTTP/1.1 307 Go\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"
                await stream.send_all(head.encode())
            else:
                await stream.send_all(b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"value": 7}')

    return serve


def test_a_redirect_is_followed_on_the_same_host_and_port() -> None:
    reached: list[bytes] = []
    (reply,) = replies("http", redirecting("/moved", reached), requests=REQUESTS[:1])
    assert (reply.status, reply.output) == ("ok", 7)
    assert reached == [b"/kv/x", b"/moved"]


def test_a_redirect_to_another_port_reaches_nobody_and_says_where_it_led() -> None:
    other: list[bytes] = []

    async def main() -> Reply:
        async with trio.open_nursery() as nursery:
            elsewhere = await listen(nursery, redirecting("/", other))
            port = await listen(nursery, redirecting(f"http://127.0.0.1:{elsewhere}/secret", []))
            client = HttpClient(f"http://127.0.0.1:{port}", CALLS)
            reply = await client.invoke(REQUESTS[0])
            await client.close()
            nursery.cancel_scope.cancel()
        assert reply.error is not None
        assert f"redirects to http://127.0.0.1:{elsewhere}/secret" in reply.error
        return reply

    assert trio.run(main).status == "info"
    assert other == []


def test_a_status_that_the_file_calls_refused_is_one_also_when_it_redirects() -> None:
    call = Call("GET", "/kv/{key}", output="value", refused=(307,))

    async def main() -> Reply:
        async with trio.open_nursery() as nursery:
            port = await listen(nursery, redirecting("http://127.0.0.1:1/", []))
            client = HttpClient(f"http://127.0.0.1:{port}", {"read": call})
            reply = await client.invoke(REQUESTS[0])
            await client.close()
            nursery.cancel_scope.cancel()
        return reply

    assert trio.run(main).status == "fail"


def test_an_answer_after_the_time_out_is_not_taken_for_the_next_one() -> None:
    """The late answer is on the first connection; the second call makes another."""
    late = trio.Event()
    answered = 0

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal answered
        await stream.receive_some(65536)
        answered += 1
        value = answered
        if value == 1:
            await late.wait()
        else:
            late.set()
        body = b'{"value": %d}' % value
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    first, second = replies("http", serve, timeout_s=0.5, requests=REQUESTS[:1] * 2)
    assert (first.status, first.error) == ("info", "timeout")
    assert (second.status, second.output) == ("ok", 2)


@pytest.mark.parametrize("kind", MAKE)
def test_a_refused_connection_is_a_certain_failure(kind: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else takes the port
        port = taken.getsockname()[1]

        async def main() -> list[Reply]:
            client = MAKE[kind](port)
            return [await client.invoke(request) for request in REQUESTS]

        assert [reply.status for reply in trio.run(main)] == ["fail"] * 3


@pytest.mark.parametrize("error", ["READONLY You can't write against a read only replica.", "LOADING Redis is loading"])
def test_what_redis_refuses_before_it_does_anything_is_a_certain_failure(error: str) -> None:
    (reply,) = replies("redis", says(f"-{error}\r\n".encode()), requests=REQUESTS[1:2])
    assert (reply.status, reply.error) == ("fail", error)


def test_a_replica_does_not_read() -> None:
    role = b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:17\r\n"
    answer = says(b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n" + role + b"$1\r\n5\r\n")
    (reply,) = replies("redis", answer, requests=REQUESTS[:1])
    assert (reply.status, reply.error) == ("fail", "not the primary")


@pytest.mark.parametrize("address", ["127.0.0.1:8080", "http://"])
def test_an_address_that_is_no_url_is_one_sentence(address: str) -> None:
    with pytest.raises(UsageError, match="is not a valid URL"):
        EtcdClient(address)


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """A server in a thread of its own, for runs from the command line; gives its port."""
    ports: list[int] = []
    started = threading.Event()
    tokens: list[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            ports.append(await listen(nursery, serve))
            tokens.append((trio.lowlevel.current_trio_token(), nursery.cancel_scope))
            started.set()

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    assert started.wait(10)
    try:
        yield ports[0]
    finally:
        token, scope = tokens[0]
        token.run_sync_soon(scope.cancel)
        thread.join(10)
        assert not thread.is_alive()


HTTP_TOML = """
[client.http.read]
method = "GET"
path = "/kv/{key}"
output = "value"
[client.http.write]
method = "PUT"
path = "/kv/{key}"
body = { value = "{input}" }
"""


@pytest.mark.parametrize(
    ("kind", "serve", "outcomes", "code"),
    [
        ("http", mute, {"info"}, 2),
        ("http", resets, {"info"}, 2),
        ("http", page(b'{"value": {"an": ["object"]}}'), {"ok"}, 1),
        ("http", page(b'{"value": null}'), {"ok"}, 1),
        ("http", page(b"{}"), {"ok", "info"}, 2),
        ("http", page(b'{"value":' + b"[" * 900 + b"1" + b"]" * 900 + b"}"), {"ok", "info"}, 2),
        ("http", page(b'{"value":' + b"9" * 30 + b"}"), {"ok", "info"}, 2),
        ("http", page(b'{"value":NaN}'), {"ok", "info"}, 2),
        ("etcd", page(BRACKETS), {"info"}, 2),
        ("redis", says(b"-LOADING Redis is loading the dataset in memory\r\n" * 4, close=False), {"fail"}, 2),
        ("redis", says(b"*9999\r\n"), {"info"}, 2),
    ],
)
def test_the_history_of_a_run_against_such_a_server_is_kept_and_judged(
    kind: str, serve: Serve, outcomes: set[str], code: int, tmp_path: Path
) -> None:
    with serving(serve) as port:
        address = f"127.0.0.1:{port}" if kind == "redis" else f"http://127.0.0.1:{port}"
        toml = tmp_path / "cluster.toml"
        toml.write_text(
            f'name = "hostile"\n[nodes.n1]\nhost = "localhost"\nclient = "{address}"\n'
            f'[client]\nkind = "{kind}"\ntimeout_s = 0.1\noperations = ["read", "write"]\n{HTTP_TOML}'
        )
        bounds = ["--workload", "register", "--ops", "40", "--clients", "2", "--results", str(tmp_path / "results")]
        assert run(["test", "--cluster", str(toml), *bounds]) == code
    folder = tmp_path / "results" / "hostile" / "latest"
    verdict = json.loads((folder / "verdict.json").read_text())
    assert {name for name, count in verdict["outcomes"].items() if count} == outcomes
    assert sum(verdict["outcomes"].values()) >= 40
    assert run(["check", str(folder / "history.jsonl"), "--model", "register"]) == code or code == 2
