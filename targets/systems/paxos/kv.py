"""paxos-kv: a key-value store with one instance of Paxos per key and version, as Cassandra's lightweight transactions.

An operation reads the newest row by phase 1, decides, and proposes the next version. A read changes nothing but goes
through the ballot all the same, and finishes a proposal that it finds unfinished (CASSANDRA-12126 describes what
happens otherwise: a value seen once may vanish again). A cas that finds another value than it expects proposes that
value once more, a no-op that records its answer: a second copy of the request must not succeed after the first has
failed.
"""

from __future__ import annotations

from typing import Any

from targets.protocol.node import Request
from targets.systems.executed_once import with_newest
from targets.systems.paxos.messages import Done, Row
from targets.systems.paxos.replica import Answer, PaxosReplica


class PaxosKv(PaxosReplica):
    """Read, write, cas and delete on rows of any number of versions."""

    def execute(self, request: Request, row: Row) -> Row | Answer:
        match request.f:
            case "read":
                return Answer(row.value)
            case "write":
                return next_row(row, request.input, Done(request.id, None))
            case "delete":
                return next_row(row, None, Done(request.id, None))
            case "cas":
                expected, value = request.input
                if row.value == expected:
                    return next_row(row, value, Done(request.id, True))
                return next_row(row, row.value, Done(request.id, False))
        return Answer(error=f"paxos-kv has no operation {request.f}")


def next_row(row: Row, value: Any, done: Done) -> Row:
    """The version after `row`, made by the request that is `done` with it."""
    return Row(row.version + 1, value, with_newest(row.recent, done))
