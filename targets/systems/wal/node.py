"""A durable key-value store on one node: a map in memory, rebuilt after a crash from its write-ahead log.

A command is worked out on arrival, against the state as it will be once all that waits for the disk is durable. What
arrives within COMMIT_MS goes to the log as one batch with one sync (group commit); only then is it applied, where
readers see it, and answered. Reads are answered at once from what is applied, so no client sees what a crash may undo.

Every SNAPSHOT_RECORDS records the state is copied; the copy is written in the background, labelled with the index of
the last record it contains, and the segments below that (the low-water mark) are cleaned. The table of executed
requests belongs to the state: a request that comes twice, also over a crash, is executed once.
"""

from __future__ import annotations

from collections import ChainMap
from typing import Any, ClassVar, NamedTuple

import msgspec

from targets.protocol.node import Context, Message, NodeId, Request, Timer
from targets.systems.executed_once import AnswerTable
from targets.systems.wal.log import WriteAheadLog
from targets.systems.wal.records import Add, Clear, Done, Record, decode, encode, redo

COMMIT_MS = 3.0
SNAPSHOT_MS = 12.0
"""How long writing a snapshot in the background waits for quieter times."""
SEGMENT_BYTES = 256
SNAPSHOT_RECORDS = 16
"""Small segments and frequent snapshots, each after a few operations: their bugs show early."""
REQUESTS_KEPT = 1000
"""How many executed requests are remembered."""

QUERIES = frozenset({"read"})
COMMANDS = frozenset({"write", "cas", "delete", "append"})


class Waiting(NamedTuple):
    """A command that waits for the next batch: its records, the last of them Done with its answer."""

    request: Request
    changes: list[Clear | Add]
    done: Done


class Copy(NamedTuple):
    """The state after the record `last`, as bytes."""

    state: bytes
    last: int


class Refusal(Exception):  # noqa: N818 - an answer to the client
    """The command does not fit the value it met: nothing happens."""


class WalStore:
    """One server. Each decision is a separate method, so that a broken variant overrides one."""

    log_class: ClassVar[type[WriteAheadLog]] = WriteAheadLog

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}
        """What is durable and applied: what readers see."""
        self.requests: AnswerTable[Any] = AnswerTable(REQUESTS_KEPT)
        """Executed requests and their outputs."""
        self.applied = 0
        """The index of the last record that is in the state."""
        self.ahead: ChainMap[Any, Any] = ChainMap({}, self.values)
        """The state as it will be when all that waits is applied."""
        self.waiting: dict[str, Waiting] = {}
        self.copy: Copy | None = None
        self.snapshot_index = 0
        self.recovered = 0
        """The index of the last record that was found at the start."""
        self.acknowledged: list[str] = []
        """The requests whose answers have certainly been sent by this incarnation, for the invariant."""
        self._sent: list[str] = []

    # recovery

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.log = self.log_class(self.ctx.disk, SEGMENT_BYTES)
        found = self.log.recover()
        if found.snapshot is not None:
            values, requests = msgspec.json.decode(found.snapshot)
            self.values.update(values)
            self.requests.update(requests)
        self.applied = self.snapshot_index = found.snapshot_index
        for payload in found.records:
            self.replay(payload)
        self.applied = self.recovered = self.log.next_index - 1

    def replay(self, payload: bytes) -> None:
        """A record that survived: its frame was checked, so that it must be one."""
        self.apply(decode(payload))

    def apply(self, record: Record) -> None:
        """Let the state take a record in."""
        if isinstance(record, Done):
            self.requests.remember(record.request, record.output)
        else:
            redo(record, self.values)
        self.applied += 1

    # serving

    def receive(self, sender: NodeId, message: Message) -> None:
        self._all_sent()
        if not isinstance(message, Request):
            return
        if message.f in QUERIES:
            self.ctx.reply(message, self.look_up(message.key))
        elif message.f not in COMMANDS:
            self.ctx.fail(message, f"this store offers {', '.join(sorted(QUERIES | COMMANDS))}, not {message.f}")
        elif message.id in self.requests:
            self.ctx.reply(message, self.requests[message.id])
        elif message.id not in self.waiting:
            self.admit(message)

    def look_up(self, key: Any) -> Any:
        """What a reader may see: only what no crash can undo."""
        return self.values.get(key)

    def admit(self, request: Request) -> None:
        """Work a command out, and let it wait for the next batch."""
        try:
            changes, output = work_out(request, self.ahead.get(request.key))
        except Refusal as refusal:
            self.ctx.fail(request, str(refusal))
            return
        for change in changes:
            redo(change, self.ahead)
        if not self.waiting:
            self.ctx.set_timer("commit", COMMIT_MS)
        self.waiting[request.id] = Waiting(request, changes, Done(request.id, output))

    def timeout(self, timer: Timer) -> None:
        self._all_sent()
        if timer == "commit":
            self.commit()
        else:
            self.write_snapshot()

    def commit(self) -> None:
        """One batch: log it, make it durable, apply it, answer. In this order."""
        batch = list(self.waiting.values())
        records = [record for one in batch for record in (*one.changes, one.done)]
        self.log.append_batch([encode(record) for record in records])
        self.make_durable()
        self.waiting.clear()
        self.ahead.maps[0].clear()
        for record in records:
            self.apply(record)
        for one in batch:
            self.ctx.reply(one.request, one.done.output)
            self._sent.append(one.request.id)
        self.log.clean(self.low_water_mark())
        if self.copy is None and self.applied - self.snapshot_index >= SNAPSHOT_RECORDS:
            self.copy = Copy(msgspec.json.encode((list(self.values.items()), self.requests)), self.applied)
            self.ctx.set_timer("snapshot", SNAPSHOT_MS)

    def make_durable(self) -> None:
        """After this no crash undoes what was logged."""
        self.log.sync()

    # snapshots

    def write_snapshot(self) -> None:
        """Write the copy that was made a while ago."""
        assert self.copy is not None
        index = self.snapshot_label(self.copy)
        self.log.snapshot(self.copy.state, index)
        self.snapshot_index = index
        self.copy = None

    def snapshot_label(self, copy: Copy) -> int:
        """The last record that the snapshot contains: replay begins after it."""
        return copy.last

    def low_water_mark(self) -> int:
        """Records below this index are not needed any more: a durable snapshot contains them."""
        return self.snapshot_index + 1

    # what is seen from outside

    def _all_sent(self) -> None:
        """A new input is there: all effects of the handlers before it have been carried out."""
        self.acknowledged += self._sent
        self._sent.clear()

    def view(self) -> dict[str, Any]:
        """Where the log stands, and the last 40 characters of each value."""
        tails = {str(key): value[-40:] if isinstance(value, str) else value for key, value in self.values.items()}
        return {"applied": self.applied, "snapshot": self.snapshot_index, "waiting": len(self.waiting), **tails}


def work_out(request: Request, held: Any) -> tuple[list[Clear | Add], Any]:
    """What a command changes where the key holds `held`, and its output. Raises Refusal."""
    key, given = request.key, request.input
    match request.f:
        case "write":
            return [Clear(key), Add(key, given)], None
        case "delete":
            return [Clear(key)], None
        case "append":
            if not isinstance(given, str) or not (held is None or isinstance(held, str)):
                raise Refusal(f"append joins strings; this is {given!r} to {held!r}")
            return [Add(key, given)], None
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise Refusal(f"cas needs (from, to), not {given!r}")
    old, new = given
    return ([Clear(key), Add(key, new)], True) if held == old else ([], False)
