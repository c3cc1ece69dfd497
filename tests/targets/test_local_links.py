"""Links between nodes on this machine: each passes through a proxy, by which it is cut, slowed, stalled and reset."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import trio

from checker.errors import UsageError
from naysayer.cli import run as naysayer
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import ClusterConfig, load
from targets.backends.hosts.hosts import Hosts
from targets.backends.hosts.local_links import LocalLinks
from targets.backends.hosts.streams import kind_of
from targets.protocol.fault import Cut, Degrade, Fault, Heal, Hold, LoseMessages, Release, ResetConnections
from targets.protocol.node import Request
from tests.systems import without

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

TOML = """
name = "pair"
[nodes.n1]
host = "localhost"
client = "127.0.0.1:1"
[nodes.n2]
host = "localhost"
client = "127.0.0.1:{port}"
[client]
kind = "redis"
[commands]
pid = "true"
start = "{start}"
{more}
"""
START = "true {peer:n1} {peer:n2}"
OUT, BACK = ("n1", "n2"), ("n2", "n1")


def config(tmp_path: Path, port: int = 2, start: str = START, more: str = "") -> ClusterConfig:
    file = tmp_path / "cluster.toml"
    file.write_text(TOML.replace("{port}", str(port)).replace("{start}", start).replace("{more}", more))
    return load(file)


class Pair:
    """n1's end of a connection to n2, which sends back what it gets."""

    def __init__(self, links: LocalLinks, place: str) -> None:
        self.links = links
        self._place = place

    async def connect(self) -> trio.SocketStream:
        host, _, port = self._place.partition(":")
        return await trio.open_tcp_stream(host, int(port))

    async def apply(self, fault: Fault) -> None:
        await self.links.apply(fault)

    def shown(self) -> list[tuple[str, bool, str]]:
        return [(one.fault.tag, one.shown, one.detail) for one in self.links.evidence()]

    async def touched(self) -> None:
        """Wait until every fault has had an effect."""
        while not all(one.shown for one in self.links.evidence()):
            await trio.lowlevel.checkpoint()


async def echo(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        async for data in stream:
            await stream.send_all(data)
        await stream.send_eof()


async def is_reset(stream: trio.SocketStream) -> bool:
    """Whether the next that comes over the connection is a reset."""
    try:
        await stream.receive_some(100)
    except trio.BrokenResourceError:
        return True
    return False


def run(tmp_path: Path, body: Callable[[Pair], Awaitable[None]]) -> None:
    """Run `body` on a link to an echo server. Afterwards the proxies' ports are free."""

    async def main() -> None:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
                nursery.start_soon(trio.serve_listeners, echo, [listener])
                hosts = Hosts(config(tmp_path, listener.socket.getsockname()[1]))
                async with LocalLinks(hosts, seed=1) as links:
                    places = list(hosts.proxies.values())
                    await body(Pair(links, hosts.proxies[OUT]))
                nursery.cancel_scope.cancel()
            for place in places:
                with socket.socket() as free:
                    free.bind(("127.0.0.1", int(place.partition(":")[2])))

    trio.run(main)


def test_what_a_link_carries_arrives_and_so_does_its_end(tmp_path: Path) -> None:
    async def body(pair: Pair) -> None:
        async with await pair.connect() as stream:
            await stream.send_all(b"hello")
            assert await stream.receive_some(100) == b"hello"
            await stream.send_eof()
            assert await stream.receive_some(100) == b""

    run(tmp_path, body)


def test_a_cut_link_is_silent_and_its_connections_are_reset_when_it_is_healed(tmp_path: Path) -> None:
    async def body(pair: Pair) -> None:
        async with await pair.connect() as before, await pair.connect() as untouched:
            await before.send_all(b"1")
            assert await before.receive_some(100) == b"1"
            await untouched.send_all(b"1")
            assert await untouched.receive_some(100) == b"1"
            await pair.apply(Cut((OUT,)))
            await before.send_all(b"lost")
            await pair.touched()
            async with await pair.connect() as during:
                while len(pair.links._proxies[0].connections) < 3:
                    await trio.lowlevel.checkpoint()
                await pair.apply(Heal())
                assert await is_reset(during)
            assert await is_reset(before)
            await untouched.send_all(b"2")
            assert await untouched.receive_some(100) == b"2"
        assert pair.shown() == [("cut", True, "2 chunks lost (4 bytes)")]

    run(tmp_path, body)


def test_a_link_that_is_cut_in_one_direction_still_carries_the_other(tmp_path: Path) -> None:
    async def body(pair: Pair) -> None:
        async with await pair.connect() as stream:
            await pair.apply(Cut((BACK,)))
            await stream.send_all(b"arrives; the answer does not")
            await pair.touched()
            await pair.apply(Heal())
            assert await is_reset(stream)
        assert pair.shown() == [("cut", True, "1 chunk lost (28 bytes)")]

    run(tmp_path, body)


def test_what_is_held_back_arrives_in_order_after_the_release(tmp_path: Path) -> None:
    async def body(pair: Pair) -> None:
        async with await pair.connect() as stream:
            await stream.send_all(b"0")
            assert await stream.receive_some(100) == b"0"
            await pair.apply(Hold(OUT))
            await stream.send_all(b"1")
            await pair.touched()
            await stream.send_all(b"2")
            async with await pair.connect() as other:
                await other.send_all(b"overtakes")
                assert await other.receive_some(100) == b"overtakes"
            await pair.apply(Release())
            came = b""
            while len(came) < 2:
                came += await stream.receive_some(100)
            assert came == b"12"
        assert pair.shown() == [("hold", True, "1 chunk held back until released (1 bytes)")]

    run(tmp_path, body)


def test_a_slow_link_keeps_the_order_within_a_connection(tmp_path: Path) -> None:
    async def body(pair: Pair) -> None:
        async with await pair.connect() as stream:
            await pair.apply(Degrade((OUT, BACK), delay_ms=5.0, reorder=0.5))
            sent = b"".join(b"%d," % number for number in range(40))
            came = b""
            for number in range(40):
                await stream.send_all(b"%d," % number)
            while len(came) < len(sent):
                came += await stream.receive_some(100)
            assert came == sent
        assert pair.shown()[0][:2] == ("degrade", True)

    run(tmp_path, body)


def test_connections_are_reset_at_both_ends_and_new_ones_open(tmp_path: Path) -> None:
    async def body(pair: Pair) -> None:
        async with await pair.connect() as stream:
            await stream.send_all(b"1")
            assert await stream.receive_some(100) == b"1"
            await pair.apply(ResetConnections((BACK,)))
            assert await is_reset(stream)
        async with await pair.connect() as again:
            await again.send_all(b"2")
            assert await again.receive_some(100) == b"2"
        (noted,) = pair.links._hosts.evidence
        assert (noted.shown, noted.detail) == (True, "1 connection reset")

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("data", "asked", "kind"),
    [
        (b"PUT /internal/put/k12?x=1 HTTP/1.1\r\nHost: n2\r\n\r\n{}", "", "PUT /internal/put"),
        (b"GET / HTTP/1.0\r\n\r\n", "", "GET /"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "GET /copy", "answer to GET /copy"),
        (b'{"type": "prepare", "ballot": 3}\n', "", "prepare"),
        (b'{"op":"read"}', "", "read"),
        (b"\x00\x01\x02", "", ""),
    ],
)
def test_kinds_of_messages_are_seen_in_what_is_sent(data: bytes, asked: str, kind: str) -> None:
    assert kind_of(data, asked) == kind


@pytest.mark.parametrize(
    ("start", "more", "said"),
    [
        ("true {peer:n3}", "", "{peer:n3} in `start` names no node; there are n1, n2"),
        ("true {peer:n2}", "", "names {peer:n2} but not {peer:n1}: name every node"),
        (START, "[ssh]", "is the address of a proxy on this machine, which nodes on hosts"),
    ],
)
def test_links_that_would_not_pass_through_proxies_are_refused(
    start: str, more: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        config(tmp_path, start=start, more=more)


def test_a_fault_that_connections_cannot_have_is_refused_with_what_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config(tmp_path)
    assert naysayer(["test", "--cluster", str(tmp_path / "cluster.toml"), "--nemesis", "loss"]) == 3
    said = capsys.readouterr().err
    assert "fault loss cannot be carried out on these hosts: it needs [ssh] in cluster.toml" in said
    assert "reset" in said.partition("possible:")[2]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """examples/http_store with free ports, this Python, and a name of its own so that no other store is touched."""
    shutil.copytree(EXAMPLES / "http_store", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    with ExitStack() as taken:
        ports = [taken.enter_context(socket.socket()) for _ in range(3)]
        for port in ports:
            port.bind(("127.0.0.1", 0))
        numbers = [str(port.getsockname()[1]) for port in ports]
    own = f"store{numbers[0]}"
    Path("store.py").rename(f"{own}.py")
    text = Path("cluster.toml").read_text().replace("nohup python3", f"nohup {sys.executable}")
    for fixed, free in (
        ("store.py", f"{own}.py"),
        ("store[.]py", f"{own}[.]py"),
        *zip(("8111", "8112", "8113"), numbers, strict=True),
    ):
        text = text.replace(fixed, free)
    (tmp_path / "cluster.toml").write_text(text)
    return tmp_path / "cluster.toml"


@pytest.mark.slow
@pytest.mark.skipif(bool(without("pgrep", "pkill")), reason="this machine lacks pgrep and pkill (procps)")
@pytest.mark.parametrize(("repair", "then_read"), [(True, 2), (False, 1)])
def test_a_missing_read_repair_shows_once_links_were_cut(repair: bool, then_read: int, store: Path) -> None:
    """A write that reached its own node only is read there; without a repair the next read does not see it."""
    if not repair:
        store.write_text(store.read_text().replace(" >> {node}.out", " --no-read-repair >> {node}.out"))

    async def ask(cluster: RemoteCluster, node: str, f: str, given: int | None = None) -> object:
        client = cluster.client(node)
        await client.open()
        reply = await client.invoke(Request("1", "c1", f, "x", given))
        await client.close()
        return reply.output if reply.status == "ok" else reply.status

    async def main() -> None:
        with trio.fail_after(60):
            async with RemoteCluster(load(store)) as cluster:
                await cluster.start()
                assert await ask(cluster, "n1", "write", 1) is None
                await cluster.apply(LoseMessages((OUT, ("n1", "n3")), ("PUT /copy",)))
                assert await ask(cluster, "n1", "write", 2) == "info"
                await cluster.apply(Heal())
                assert await ask(cluster, "n1", "read") == 2
                await cluster.apply(Cut((OUT, BACK, ("n1", "n3"), ("n3", "n1"))))
                assert await ask(cluster, "n2", "read") == then_read
                assert list(cluster.message_kinds) == [
                    "GET /copy",
                    "answer to GET /copy",
                    "PUT /copy",
                    "answer to PUT /copy",
                ]
                assert [one.shown for one in cluster.evidence()] == [True, True]

    trio.run(main)
