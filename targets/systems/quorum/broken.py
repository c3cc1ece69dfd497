"""Quorum stores that each get one thing wrong. Beside the healthy one in node.py, each overrides one decision."""

from __future__ import annotations

from typing import ClassVar

from targets.protocol.node import Request, Timer
from targets.systems.quorum.messages import Get, Got, Put, Version
from targets.systems.quorum.node import Operation, QuorumNode, Record

BACKGROUND_MS = 20.0
"""How far a background task may be behind."""


class NoReadRepair(QuorumNode):
    """A read answers with the newest that it found, and leaves the other replicas as they are.

    Misconception: R + W > N suffices. Every read meets the last finished write. But a write that is still going on has
    reached some replicas: one read meets it, and a later one does not. New value, then the old one again.
    """

    def repair(self, number: int, put: Put) -> None:
        self.finish(number, put.value)


class AsyncReadRepair(QuorumNode):
    """A read answers first; a background task repairs a little later.

    Misconception: the repair lands in time. If it is slow or lost, the next read is faster and finds the old value.
    """

    def __init__(self) -> None:
        super().__init__()
        self.behind: dict[int, Put] = {}

    def repair(self, number: int, put: Put) -> None:
        self.finish(number, put.value)
        self.behind[number] = put
        self.ctx.set_timer(number, BACKGROUND_MS)

    def timeout(self, timer: Timer) -> None:
        put = self.behind.pop(timer, None)  # type: ignore[call-overload]
        if put is None:
            super().timeout(timer)
            return
        self.store(put)
        for node in self.ctx.nodes:
            if node != self.ctx.me:
                self.ctx.send(node, put)


class WallClock(QuorumNode):
    """Versions are the coordinator's clock: last write wins, as Cassandra's cells do.

    Misconception: clocks agree. A coordinator whose clock is behind writes versions that lose against older ones, and
    answers ok: the write is lost at once.
    """

    def new_version(self, answers: list[Got]) -> Version:
        return (self.ctx.now_ms(), self.ctx.me)


class TimestampTie(QuorumNode):
    """Versions are counters without the node's name.

    Misconception: ties are impossible. Two coordinators that write at once choose the same counter; each replica keeps
    the one that came first, and which value a read finds depends on which replicas it asks.
    """

    def new_version(self, answers: list[Got]) -> Version:
        return (super().new_version(answers)[0], "")


class LocalCounter(QuorumNode):
    """The version comes from this replica's own counter; no other replica is asked before a write.

    Misconception: my own counter is the maximum. Another coordinator has counted further: the new write is older than
    what it overwrites, and is lost.
    """

    def new_version(self, answers: list[Got]) -> Version:
        self.counter += 1
        return (self.counter, self.ctx.me)


class SubMajority(QuorumNode):
    """A quorum is half of the replicas, rounded down.

    Misconception: any W replicas do. Two quorums need not share a replica, so a read may miss a finished write.
    """

    def majority(self) -> int:
        return max(1, len(self.ctx.nodes) // 2)


class ReadOne(QuorumNode):
    """A read is answered from this replica's own copy.

    Misconception: the local copy is fresh. A replica that was cut off, or that a write has not reached, answers with a
    value that was overwritten long ago.
    """

    def begin(self, request: Request) -> None:
        if request.f == "read":
            self.ctx.reply(request, self.look_up(Get(0, request.key)).value)
        else:
            super().begin(request)


class TimeoutIsFail(QuorumNode):
    """A write that no majority confirmed is reported as failed.

    Misconception: no quorum, no effect. Some replica may hold it, and a later read will find it there and repair it
    into a majority: a value that certainly was not written.
    """

    def give_up(self, operation: Operation) -> None:
        self.ctx.fail(operation.request, "no majority has stored it")


class ClientSideCas(QuorumNode):
    """A compare-and-set is offered: read, compare, write.

    Misconception: read then write is atomic. Two clients read the same value, both compare well, both write: one value
    was swapped twice.
    """

    offers: ClassVar[frozenset[str]] = frozenset({"read", "write", "cas"})

    def answered(self, number: int, operation: Operation) -> None:
        if operation.request.f != "cas":
            super().answered(number, operation)
            return
        old, new = operation.request.input
        answers = list(operation.answers.values())
        if self.newest(answers).value == old:
            self.put(
                number,
                Put(number, operation.request.key, self.new_version(answers), new, operation.request.id),
            )
        else:
            self.finish(number, False)


class MemoryOnly(QuorumNode):
    """Nothing is written to disk.

    Misconception: replicas never all restart. When a majority has restarted, in turn or at once, all that only it held
    is gone.
    """

    def persist(self, record: Record) -> None:
        self.records += 1
