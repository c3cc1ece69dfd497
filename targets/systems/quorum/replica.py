"""A replica of the quorum store: it answers what it holds, and keeps the newest version that it is sent.

This is the server of Attiya, Bar-Noy and Dolev (1995): it takes no part in decisions, and all safety rests on two
promises. It never goes back to an older version of a key, and what it acknowledged it still holds after a crash. Where
the paper lets processes stop and never return, replicas here restart, so both promises are kept on disk.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from targets.protocol.node import Disk, NodeId
from targets.systems.executed_once import AnswerTable
from targets.systems.quorum.messages import NEVER, Get, Got, Put, Version
from targets.systems.wal.log import WriteAheadLog

REQUESTS_KEPT = 10_000
"""How many requests a coordinator remembers, so that one that the network delivers twice is executed once."""
REQUESTS_SAVED = 1_000
"""How many of them a snapshot keeps."""
SNAPSHOT_RECORDS = 500
"""A snapshot is written after so many records, so that recovery stays short."""


class Record(msgspec.Struct, frozen=True, array_like=True):
    """A version of a key, on disk. `request`: the client's request that it came from."""

    key: Any
    version: Version
    value: Any
    request: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


class RequestState(msgspec.Struct, frozen=True):
    """What became of a request: the status of its reply (None while it is under way), and its output."""

    status: Literal["ok", "fail", "info"] | None
    output: Any = None


UNDER_WAY, UNKNOWN = RequestState(None), RequestState("info")


class Replica:
    """What a node holds, in memory and on disk, and what it must not forget as a coordinator."""

    def __init__(self, disk: Disk, me: NodeId) -> None:
        self.me = me
        self.held: dict[Any, tuple[Version, Any]] = {}
        self.counter = 0
        """The largest counter that this node ever gave out: no version is used twice, not even after a crash."""
        self.requests: AnswerTable[RequestState] = AnswerTable(REQUESTS_KEPT)
        """Requests that this node coordinated."""
        self.log = WriteAheadLog(disk)
        self.records = 0
        """How many records are in the log after the last snapshot."""

    def version(self, key: Any) -> Version:
        held = self.held.get(key)
        return NEVER if held is None else held[0]

    def look_up(self, query: Get) -> Got:
        """The replica's answer in the first phase."""
        version, value = self.held.get(query.key, (NEVER, None))
        return Got(query.op, version, value)

    def store(self, put: Put) -> None:
        """Keep the version, unless a newer one is held. Either is acknowledged: the coordinator needs to know only
        that no later query finds an older version here."""
        # the order of versions decides, not the order of arrival: a write that was delayed must not undo a newer one
        if put.version > self.version(put.key):
            record = Record(put.key, put.version, put.value, put.request)
            self.persist(record)  # before the acknowledgement, or a crash would take back a confirmed version
            self.adopt(record)

    def adopt(self, record: Record) -> None:
        """Hold a record in memory."""
        if record.version > self.version(record.key):
            self.held[record.key] = (record.version, record.value)
        if record.version[1] == self.me:
            self.counter = max(self.counter, int(record.version[0]))
            # coordinated here, perhaps before a crash: how far it got is no longer known
            self.requests.setdefault(record.request, UNKNOWN)

    def persist(self, record: Record) -> None:
        """Make a record durable; after enough of them, a snapshot takes the place of the log."""
        self.log.append(_encode(record))
        self.log.sync()
        self.records += 1
        if self.records >= SNAPSHOT_RECORDS:
            self.records = 0
            index = self.log.next_index - 1
            held = [Record(key, version, value) for key, (version, value) in self.held.items()]
            self.log.snapshot(_encode(([*held, record], list(self.requests)[-REQUESTS_SAVED:])), index)
            self.log.clean(index + 1)

    def recover(self) -> None:
        """Hold again what was on disk before the restart."""
        recovered = self.log.recover()
        if recovered.snapshot is not None:
            records, requests = msgspec.json.decode(recovered.snapshot, type=tuple[list[Record], list[str]])
            for record in records:
                self.adopt(record)
            self.requests.update((request, UNKNOWN) for request in requests)
        for payload in recovered.records:
            self.adopt(_decode(payload))
        self.records = len(recovered.records)
