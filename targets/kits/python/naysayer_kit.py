"""The Python kit of Naysayer: a node as a state machine that gets inputs and answers with effects.

    class MyNode(Node): ...
    if __name__ == "__main__": run(MyNode)

    naysayer hunt --host "python3 my_node.py"              virtual time: any failure replays exactly
    naysayer test --bin "python3 my_node.py --stdio"       real time, by Maelstrom's protocol

A node uses no threads, clock, sleep, files or randomness but those of its context. What it prints goes to stderr. This
file needs Python 3.9 and nothing else.
"""

from __future__ import annotations

import base64
import faulthandler
import heapq
import itertools
import json
import math
import os
import random
import select
import signal
import struct
import sys
import time
import traceback
import zlib
from collections.abc import Callable
from typing import Any

VERSION = 1


class Node:
    """Your node. One object is one life of it: a crash drops the object, and a restart makes a new one.

    `self.ctx` is set before `on_start`.
    """

    ctx: Context

    def on_start(self) -> None:
        """The first start and every restart: only what is on `self.ctx.disk` is left from earlier lives."""

    def on_message(self, message: Message) -> None:
        """A request of a client, or a message of another node. Pass on here what you do not know."""
        if not message.is_request:
            raise ValueError(f"no handler for {message}")
        self.ctx.error(message, 10, f"not supported: {message.type}")

    def on_timer(self, name: str) -> None:
        """A timer is due."""

    def view(self) -> dict[str, Any]:
        """What the node holds, for reports: small, and without side effects."""
        return {}


class Message:
    """A message: its sender `source`, and its `body`, a dict of JSON. `message["key"]` is a field of the body."""

    __slots__ = ("body", "source")

    def __init__(self, source: str, body: dict[str, Any]) -> None:
        self.source = source
        self.body = body

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def is_request(self) -> bool:
        return "msg_id" in self.body

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.body.get(name, default)

    def __repr__(self) -> str:
        return f"{self.body} from {self.source}"


class Context:
    """All that a node may do, and all that it may know. Effects happen in the order in which they are asked for."""

    def __init__(self, me: str, nodes: list[str], seed: int) -> None:
        self.me = me
        self.nodes = list(nodes)
        self.random = random.Random(seed)
        self.disk = Disk(self._effect)
        self.now_ms = 0.0
        """This machine's clock. It may be wrong, and it may jump; it begins near 0 in virtual time."""

    @property
    def others(self) -> list[str]:
        return [node for node in self.nodes if node != self.me]

    @property
    def majority(self) -> int:
        return len(self.nodes) // 2 + 1

    def send(self, to: str, type: str, **fields: Any) -> None:
        """`send("n2", "put", key=key, value=value)`"""
        self._effect("send", to, {"type": type, **fields})

    def broadcast(self, type: str, **fields: Any) -> None:
        """To all other nodes."""
        for node in self.others:
            self.send(node, type, **fields)

    def reply(self, request: Message, type: str, **fields: Any) -> None:
        """Answer a request: `reply(message, "read_ok", value=value)`."""
        self.send(request.source, type, **fields, in_reply_to=request["msg_id"])

    def error(self, request: Message, code: int, text: str, **fields: Any) -> None:
        """Answer a request by an error of Maelstrom's.

        Codes 10 (not supported), 11 (not now), 14 (aborted), 20 (no such key), 21 (key exists) and 22 (the value is
        another one) promise that the operation did and will not happen. Codes 0 and 13 leave that open. A field
        `leader` names the node to ask instead.
        """
        self.reply(request, "error", code=code, text=text, **fields)

    def timer(self, name: str, after_ms: float) -> None:
        """Calls `on_timer(name)` after so many ms, once. A timer that is set already is moved."""
        self._effect("timer", name, after_ms)

    def cancel(self, name: str) -> None:
        self._effect("cancel", name)

    def log(self, text: str) -> None:
        self._effect("log", text)

    def _effect(self, what: str, *values: Any) -> None:
        raise NotImplementedError


class Disk:
    """A flat directory of files. Reads happen at once; writes are effects.

    What was appended and not synced may be lost or torn by a power loss, and so may a name that was created, renamed or
    removed, until `sync_directory`.
    """

    def __init__(self, effect: Callable[..., None]) -> None:
        self._files: dict[str, bytearray] = {}
        self._effect = effect

    def names(self) -> list[str]:
        return sorted(self._files)

    def exists(self, name: str) -> bool:
        return name in self._files

    def read(self, name: str) -> bytes:
        return bytes(self._file(name))

    def create(self, name: str) -> None:
        self._files[name] = bytearray()
        self._effect("create", name)

    def append(self, name: str, data: bytes) -> None:
        file = self._file(name)
        file += data
        self._effect("append", name, data)

    def truncate(self, name: str, size: int) -> None:
        file = self._file(name)
        del file[size:]
        self._effect("truncate", name, len(file))

    def sync(self, name: str) -> None:
        self._file(name)
        self._effect("sync", name)

    def rename(self, old: str, new: str) -> None:
        file = self._file(old)
        del self._files[old]
        self._files[new] = file
        self._effect("rename", old, new)

    def remove(self, name: str) -> None:
        self._file(name)
        del self._files[name]
        self._effect("remove", name)

    def sync_directory(self) -> None:
        self._effect("sync_directory")

    def _file(self, name: str) -> bytearray:
        if name not in self._files:
            raise FileNotFoundError(f"no file {name}")
        return self._files[name]


class Wal:
    """A write-ahead log, for those who need not write one: records with length and checksum; a torn tail is cut."""

    def __init__(self, ctx: Context, name: str) -> None:
        self._disk = ctx.disk
        self._name = name

    def recover(self) -> list[bytes]:
        """The records, oldest first. Call it once, before anything is appended."""
        disk, name = self._disk, self._name
        if not disk.exists(name):
            disk.create(name)
            disk.sync_directory()
            return []
        found, at, data = [], 0, disk.read(name)
        while at + 8 <= len(data):
            length, checksum = struct.unpack_from(">II", data, at)
            record = data[at + 8 : at + 8 + length]
            if len(record) < length or zlib.crc32(record) != checksum:
                break
            found.append(record)
            at += 8 + length
        if at < len(data):
            disk.truncate(name, at)
        disk.sync(name)  # a killed process may have left whole records that are not on the disk yet
        return found

    def append(self, record: bytes) -> None:
        """Durable only after `sync`."""
        self._disk.append(self._name, struct.pack(">II", len(record), zlib.crc32(record)) + record)

    def sync(self) -> None:
        self._disk.sync(self._name)


def run(make: Callable[[], Node], arguments: list[str] | None = None) -> None:
    """Runs nodes until stdin ends: in virtual time, or with the argument --stdio in real time."""
    out = os.dup(1)
    os.dup2(2, 1)  # stdout belongs to the protocol
    sys.stdout = sys.stderr
    if hasattr(signal, "SIGQUIT"):
        faulthandler.register(signal.SIGQUIT, all_threads=False)  # where a handler hangs
    try:
        if "--stdio" in (sys.argv if arguments is None else arguments):
            _RealTime(make, out).run()
        else:
            _VirtualTime(make, out).run()
    except (BrokenPipeError, KeyboardInterrupt):
        pass  # the process that started this one has gone


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _write(out: int, line: bytes) -> None:
    while line:
        line = line[os.write(out, line) :]


# virtual time


class _VirtualTime:
    """Holds any number of lives of nodes: one line in, one line out."""

    def __init__(self, make: Callable[[], Node], out: int) -> None:
        self._make = make
        self._out = out
        self._lives: dict[int, tuple[Node, _Life]] = {}

    def run(self) -> None:
        _write(self._out, _encode({"naysayer": VERSION, "kit": "python 1.0"}).encode() + b"\n")
        for line in sys.stdin.buffer:
            try:
                answer = _encode(self._answer(json.loads(line)))
            except Exception as error:
                answer = _encode(_raised(error))
            _write(self._out, answer.encode() + b"\n")

    def _answer(self, given: dict[str, Any]) -> dict[str, Any]:
        for gone in given.get("forget", ()):
            self._lives.pop(gone, None)
        event, life = given["event"], int(given["id"])
        if event == "start":
            self._lives[life] = self._born(given)
        if life not in self._lives:
            raise ValueError(f"no life {life}")
        node, ctx = self._lives[life]
        if event == "view":
            return {"view": node.view()}
        ctx.now_ms = given["now"]
        ctx.begin()
        if event == "start":
            node.on_start()
        elif event == "message":
            node.on_message(Message(given["from"], given["body"]))
        elif event == "timer":
            node.on_timer(given["name"])
        else:
            raise ValueError(f"unknown event {event}")
        return {"do": ctx.done}

    def _born(self, given: dict[str, Any]) -> tuple[Node, _Life]:
        ctx = _Life(given["node"], given["nodes"], given["seed"])
        for name, data in given.get("disk", {}).items():
            ctx.disk._files[name] = bytearray(base64.b64decode(data))
        random.seed(given["seed"])
        node = self._make()
        node.ctx = ctx
        return node, ctx


class _Life(Context):
    def __init__(self, me: str, nodes: list[str], seed: int) -> None:
        super().__init__(me, nodes, seed)
        self.done: list[Any] = []
        self._seed = seed
        self._inputs = 0

    def begin(self) -> None:
        """Before each input: what the module random draws depends on the life, and the number of the input in it."""
        self._inputs += 1
        random.seed(self._seed + self._inputs)
        self.done = []

    def _effect(self, what: str, *values: Any) -> None:
        if what == "send":
            values = (values[0], json.loads(_encode(values[1])))  # as it is now: the node may change it later
        elif what == "append":
            values = (values[0], base64.b64encode(values[1]).decode())
        elif what == "timer" and not math.isfinite(values[1]):
            raise ValueError(f"a timer after {values[1]} ms")
        self.done.append((what, *values))


def _raised(error: Exception) -> dict[str, Any]:
    traceback.print_exception(error.__class__, error, error.__traceback__)
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename != __file__]
    at = [f"{os.path.basename(one.filename)}:{one.lineno} in {one.name}" for one in reversed(frames)]
    return {"error": error.__class__.__name__, "text": str(error), "at": at[:8]}


# real time


class _RealTime:
    """One node, by Maelstrom's protocol: real timers, and files in the folder that NAYSAYER_DATA names."""

    def __init__(self, make: Callable[[], Node], out: int) -> None:
        self._make = make
        self._out = out
        self._node: Node | None = None
        self._ctx: _RealContext | None = None

    def run(self) -> None:
        rest = b""
        while True:
            ctx = self._ctx
            if select.select([0], [], [], None if ctx is None else ctx.due_s())[0]:
                found = os.read(0, 1 << 16)
                if not found:
                    return
                *lines, rest = (rest + found).split(b"\n")
                for line in lines:
                    self._take(json.loads(line))
            elif ctx is not None and self._node is not None:
                name = ctx.fired()
                if name is not None:
                    ctx.now_ms = time.time() * 1000
                    self._node.on_timer(name)

    def _take(self, envelope: dict[str, Any]) -> None:
        message = Message(envelope["src"], envelope["body"])
        if message.type == "init":
            self._ctx = ctx = _RealContext(message["node_id"], message["node_ids"], self._out)
            self._node = node = self._make()
            node.ctx = ctx
            node.on_start()
            ctx.reply(message, "init_ok")
        elif self._node is not None and self._ctx is not None:
            self._ctx.now_ms = time.time() * 1000
            self._node.on_message(message)


class _RealContext(Context):
    def __init__(self, me: str, nodes: list[str], out: int) -> None:
        super().__init__(me, nodes, random.getrandbits(48))
        self.now_ms = time.time() * 1000
        self._out = out
        self._queue: list[tuple[float, int, str]] = []
        self._set: dict[str, int] = {}
        self._numbers = itertools.count()
        self._folder = os.environ.get("NAYSAYER_DATA")
        if self._folder is None:
            return
        os.makedirs(self._folder, exist_ok=True)
        for name in os.listdir(self._folder):
            if os.path.isfile(os.path.join(self._folder, name)):
                with open(os.path.join(self._folder, name), "rb") as file:
                    self.disk._files[name] = bytearray(file.read())

    def due_s(self) -> float | None:
        """Seconds until the next timer; None if none is set."""
        return max(0.0, self._queue[0][0] - time.monotonic()) if self._queue else None

    def fired(self) -> str | None:
        """The timer that is due; None if it was moved or cancelled, or if it is too early."""
        if not self._queue or self._queue[0][0] > time.monotonic():
            return None
        _, number, name = heapq.heappop(self._queue)
        if self._set.get(name) != number:
            return None
        del self._set[name]
        return name

    def _effect(self, what: str, *values: Any) -> None:
        if what == "send":
            line = _encode({"src": self.me, "dest": values[0], "body": values[1]})
            _write(self._out, line.encode() + b"\n")
        elif what == "timer":
            number = self._set[values[0]] = next(self._numbers)
            heapq.heappush(self._queue, (time.monotonic() + values[1] / 1000, number, values[0]))
        elif what == "cancel":
            self._set.pop(values[0], None)
        elif what == "log":
            sys.stderr.write(f"{values[0]}\n")
        elif self._folder is not None:
            self._on_disk(self._folder, what, *values)

    def _on_disk(self, folder: str, what: str, *values: Any) -> None:
        """An OSError ends the node: after a failed write it is unknown what is durable."""
        path = os.path.join(folder, values[0]) if values else folder
        if what == "rename":
            os.replace(path, os.path.join(folder, values[1]))
        elif what == "remove":
            os.remove(path)
        elif what == "truncate":
            os.truncate(path, values[1])
        elif what in ("create", "append"):
            with open(path, "wb" if what == "create" else "ab") as file:
                file.write(values[1] if what == "append" else b"")
        else:
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
