"""What a node is: a deterministic state machine without I/O, clock or randomness.

A handler (`start`, `receive`, `timeout`) turns one input into an ordered list of effects, by calling the methods of its
Context. The backend that runs the node carries the effects out in that order, each after the syncs before it, and may
crash the node between any two of them. That is what makes "replied before it was durable" visible.

One Context object serves one incarnation of a node (from a start to the crash or stop that ends it): the node keeps it
as `self.ctx`. A crash loses the Node object; only the disk stays.
"""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import msgspec

NodeId = str
"""n1, n2, ... for nodes; c0, c1, ... for clients."""

Timer = Hashable
"""A timer's name. Setting a timer that is already set moves it."""


class Message(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Base of all messages: the class is the wire format. The simulator passes the objects, TCP the JSON lines.

    Fields hold immutable JSON values (tuples, not lists): a message is shared by sender and receivers. None of them
    can lead back to it, so the garbage collector need not look.

    `exchange` names the fields that a question and its answers share with no other question, where a protocol has
    such: by them reports know which messages belong to one operation.
    """

    exchange: ClassVar[tuple[str, ...]] = ()

    def content(self) -> str | None:
        """What it carries, in the words of reports; None: its fields."""
        return None


class Request(Message, frozen=True, tag="request"):
    """A client's operation. A retry of the same operation carries the same `id`; `client` names its session."""

    id: str
    client: NodeId
    f: str
    key: Any = None
    input: Any = None


class Reply(Message, frozen=True, tag="reply"):
    """The answer to a Request: ok with its output, fail (certainly did not happen) or info (unknown)."""

    id: str
    status: Literal["ok", "fail", "info"]
    output: Any = None
    error: str | None = None
    leader: NodeId | None = None
    """Where to try instead, if the node knows."""
    commit: int | None = None
    """Of a transaction that wrote: a number that grows from commit to commit, if the system tells it."""


class Disk(Protocol):
    """A node's own flat directory of files. Reads happen at once; writes are effects, in order with all others.

    What was appended but not synced may be lost or torn in a power loss; so may a created, renamed or removed
    name until `sync_directory`. A write or sync that fails (I/O error, disk full) stops the node: after a failed
    fsync it is unknown what is durable. Reads see the node's own earlier effects, also those still to be carried out.
    """

    def names(self) -> list[str]: ...
    def read(self, name: str) -> bytes: ...
    def create(self, name: str) -> None: ...
    def append(self, name: str, data: bytes) -> None: ...
    def truncate(self, name: str, size: int) -> None: ...
    def sync(self, name: str) -> None: ...
    def rename(self, old: str, new: str) -> None: ...
    def remove(self, name: str) -> None: ...
    def sync_directory(self) -> None: ...


class Context(Protocol):
    """What a node may do, and all that it knows about its surroundings."""

    @property
    def me(self) -> NodeId: ...
    @property
    def nodes(self) -> tuple[NodeId, ...]:
        """All nodes the cluster was started with, in order, this one included."""
        ...

    @property
    def random(self) -> Random:
        """Seeded by the backend."""
        ...

    @property
    def disk(self) -> Disk: ...
    def now_ms(self) -> float:
        """This node's own clock: it may be skewed, and may jump."""
        ...

    def send(self, to: NodeId, message: Message) -> None: ...
    def reply(self, request: Request, output: Any = None) -> None:
        """Answer ok: the operation happened and returned `output`."""
        ...

    def fail(self, request: Request, error: str, leader: NodeId | None = None) -> None:
        """Answer fail: the operation certainly did not and will not happen."""
        ...

    def info(self, request: Request, error: str) -> None:
        """Answer info: the operation may or may not have happened, or may yet."""
        ...

    def set_timer(self, timer: Timer, after_ms: float) -> None: ...
    def cancel_timer(self, timer: Timer) -> None: ...


class LogCell(NamedTuple):
    """An entry of a node's log, for pictures of it."""

    slot: int
    """Its index."""
    term: int
    """The term, or the round of the ballot, under which it stands there."""
    content: Request | None
    """The client's request; None for an entry of the protocol's own."""
    committed: bool
    """Whether this node knows that it is."""


class Node(Protocol):
    """A replica. `view` shows reports and invariants what it holds: small, of JSON values, without side effects.

    A node with a log may also have `log_cells(count)`: the last `count` entries as LogCells, the oldest first. One that
    coordinates operations may have `working()`: by the ids of their requests, how far each of them is, in words.
    """

    def start(self, ctx: Context) -> None:
        """First start and every restart: keep `ctx`, recover from ctx.disk."""
        ...

    def receive(self, sender: NodeId, message: Message) -> None: ...
    def timeout(self, timer: Timer) -> None: ...
    def view(self) -> dict[str, Any]: ...
