"""The HTTP client keeps its connection where that is safe (as Redis' does), and knows which answers are whole.

What it answers to a server that breaks the protocol is in test_hostile_services.py.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from checker.errors import UsageError
from targets.backends.clients import http1
from targets.backends.clients.http import Call, HttpClient
from targets.backends.clients.redis import RedisClient
from targets.backends.hosts.config import load
from targets.protocol.cluster import Client
from targets.protocol.node import Reply, Request
from tests.targets.test_hostile_services import listen

READ = {"read": Call("GET", "/kv/{key}", output="value"), "delete": Call("DELETE", "/kv/{key}")}
SEVEN = b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"value": 7}'
HEAD = b"HTTP/1.1 200 OK\r\n"


class Scripted:
    """A server whose n-th connection gives the n-th list of answers, one for each request, and ends after them."""

    def __init__(self, *connections: list[bytes]) -> None:
        self.connections = list(connections)
        self.requests: list[list[bytes]] = []
        self.ended = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        answers = self.connections.pop(0) if self.connections else []
        self.requests.append(asked := [])
        for answer in answers:
            if not (data := await stream.receive_some(65536)):
                return
            asked.append(bytes(data))
            await stream.send_all(answer)
        await stream.aclose()
        self.ended.set()


def asked_of(server: Scripted, *requests: str, calls: dict[str, Call] = READ, base: str = "") -> list[Reply]:
    """What one client answers to these operations, one after another."""
    replies = []

    async def main() -> None:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                port = await listen(nursery, server.serve)
                client = HttpClient(f"http://127.0.0.1:{port}{base}", calls)
                for number, f in enumerate(requests):
                    replies.append(await client.invoke(Request(str(number), "c1", f, "x")))
                await client.close()
                nursery.cancel_scope.cancel()

    trio.run(main)
    return replies


def outcomes(replies: list[Reply]) -> list[tuple[str, object]]:
    return [(reply.status, reply.output) for reply in replies]


def test_one_connection_serves_all_operations() -> None:
    server = Scripted([SEVEN] * 3 + [b""])
    assert outcomes(asked_of(server, "read", "read", "read")) == [("ok", 7)] * 3
    assert [len(asked) for asked in server.requests] == [3]


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (b'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 12\r\n\r\n{"value": 7}', False),
        (b'HTTP/1.0 200 OK\r\ncontent-length: 12\r\n\r\n{"value": 7}', False),
        (b'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 12\r\n\r\n{"value": 7}', True),
        (SEVEN + b"surplus", False),
        (SEVEN + b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"value": 8}', False),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + SEVEN, True),
        (HEAD + b'transfer-encoding: chunked\r\n\r\n8\r\n{"value"\r\n4\r\n: 7}\r\n0\r\n\r\n', True),
    ],
)
def test_a_connection_is_used_again_only_after_a_whole_answer_with_nothing_behind_it(
    answer: bytes, again: bool
) -> None:
    server = Scripted([answer, SEVEN, b""], [SEVEN, b""])
    assert outcomes(asked_of(server, "read", "read")) == [("ok", 7)] * 2
    assert [len(asked) for asked in server.requests] == ([2] if again else [1, 1])


MAKE: dict[str, tuple[Callable[[int], Client], bytes]] = {
    "http": (lambda port: HttpClient(f"http://127.0.0.1:{port}", READ), SEVEN),
    "redis": (
        lambda port: RedisClient("127.0.0.1", port),
        b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n*1\r\n$6\r\nmaster\r\n$1\r\n7\r\n",
    ),
}


@pytest.mark.parametrize("kind", MAKE)
def test_a_connection_that_the_server_has_ended_is_replaced_before_anything_is_sent(kind: str) -> None:
    """Otherwise each node's restart would leave as many unknown outcomes as there are clients."""
    make, answer = MAKE[kind]
    server = Scripted([answer], [answer, b""])

    async def main() -> list[Reply]:
        async with trio.open_nursery() as nursery:
            client = make(await listen(nursery, server.serve))
            replies = [await client.invoke(Request("1", "c1", "read", "x"))]
            await server.ended.wait()
            replies.append(await client.invoke(Request("2", "c1", "read", "x")))
            await client.close()
            nursery.cancel_scope.cancel()
        return replies

    assert outcomes(trio.run(main)) == [("ok", 7)] * 2
    assert [len(asked) for asked in server.requests] == [1, 1]


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n",
        SEVEN[:-1],
        HEAD + b'transfer-encoding: chunked\r\n\r\nc\r\n{"value": 7}\r\n',
        HEAD + b'transfer-encoding: gzip\r\n\r\n{"value": 7}',
        b"HTTP/1.1 100 Continue\r\n\r\n",
        HEAD + b"content-length: 12\r\ncontent-length: 13\r\n\r\n" + b'{"value": 7}',
        HEAD + b'content-length: 12\r\ntransfer-encoding: chunked\r\n\r\n{"value": 7}',
        HEAD + b"content-length: -1\r\n\r\n",
    ],
)
def test_half_an_answer_or_an_ambiguous_one_leaves_the_outcome_unknown(half: bytes) -> None:
    for f in ("read", "delete"):
        (reply,) = asked_of(Scripted([half]), f)
        assert reply.status == "info", reply


def test_the_end_of_the_connection_ends_an_answer_that_does_not_say_how_long_it_is() -> None:
    (reply,) = asked_of(Scripted([HEAD + b'\r\n{"value": 7}']), "read")
    assert (reply.status, reply.output) == ("ok", 7)


def test_what_is_sent_is_one_request_with_all_that_a_server_needs() -> None:
    calls = {
        "read": Call("GET", "/a b/{key}?q={input}#part", output="value"),
        "write": Call("PUT", "/kv/{key}", body={"value": "{input}"}),
        "delete": Call("POST", "/drop"),
        "cas": Call("HEAD", "/kv/{key}"),
    }
    announced = HEAD + b"content-length: 12\r\n\r\n"
    server = Scripted([SEVEN, SEVEN, SEVEN, b""], [announced, b""])

    async def main() -> list[Reply]:
        async with trio.open_nursery() as nursery:
            port = await listen(nursery, server.serve)
            client = HttpClient(f"http://me:s%20t@127.0.0.1:{port}/base/", calls)
            replies = [await client.invoke(Request("1", "c1", f, "x/y", 3)) for f in ("read", "write", "delete")]
            await client.close()  # HEAD's answer has no body, whatever it announces
            replies.append(await client.invoke(Request("1", "c1", "cas", "x", (1, 2))))
            await client.close()
            nursery.cancel_scope.cancel()
        return replies

    assert [reply.status for reply in trio.run(main)] == ["ok"] * 4
    read, write, delete = server.requests[0]
    assert read.startswith(b"GET /base/a%20b/x%2Fy?q=3 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nauthorization: Basic bWU6cyB0\r\n" in read
    assert write.endswith(b'\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"value":3}')
    assert delete.endswith(b"\r\ncontent-length: 0\r\n\r\n")


def test_a_method_that_is_none_is_one_sentence_with_its_place(tmp_path: Path) -> None:
    (toml := tmp_path / "cluster.toml").write_text(
        'name = "s"\n[nodes.n1]\nhost = "localhost"\nclient = "http://127.0.0.1:1"\n[client]\nkind = "http"\n'
        '[client.http.read]\nmethod = "GET / HTTP/1.1"\npath = "/"\n'
    )
    with pytest.raises(UsageError, match=r"method is 'GET / HTTP/1.1'.*client.http"):
        load(toml)


@pytest.mark.parametrize("url", ["http://a b", "http://[::1", f"http://{'a' * 70}", "http://x:99999", "http://é.x"])
def test_a_base_url_that_no_request_can_be_made_of_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is not a valid URL"):
        HttpClient(url, READ)


def certified(folder: Path) -> Path:
    """A certificate for 127.0.0.1 and its key, which no authority has signed."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / "server.pem"
    file.write_bytes(key.private_bytes(*form) + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize("trusted", [True, False])
def test_https_needs_a_certificate_that_is_trusted(
    trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one nothing is sent, so the operation certainly did not happen."""
    file = certified(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    if trusted:
        monkeypatch.setattr(http1, "_certificates", lambda: ssl.create_default_context(cafile=file))
    connections = 0

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal connections
        connections += 1
        over = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        try:
            while await over.receive_some(65536):
                await over.send_all(SEVEN)
        except (trio.BrokenResourceError, ssl.SSLError):
            return

    async def main() -> list[Reply]:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                client = HttpClient(f"https://127.0.0.1:{await listen(nursery, serve)}", READ)
                replies = [await client.invoke(Request(str(n), "c1", "read", "x")) for n in range(3)]
                await client.close()
                nursery.cancel_scope.cancel()
        return replies

    assert outcomes(trio.run(main)) == [("ok", 7) if trusted else ("fail", None)] * 3
    assert not trusted or connections == 1
