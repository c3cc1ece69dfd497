"""Broken variants of the quorum store: each overrides one decision of the node or of its replica."""

from __future__ import annotations

from typing import ClassVar

from targets.protocol.node import Context, Request, Timer
from targets.systems.quorum.messages import Get, Got, Put, Version
from targets.systems.quorum.node import Operation, QuorumNode
from targets.systems.quorum.replica import Record, Replica

BACKGROUND_MS = 20.0
"""How long after the answer the background task repairs."""


class NoReadRepair(QuorumNode):
    """A read returns the newest value that it found, and does not repair the other replicas.

    Misconception: R + W > N suffices. Every read does meet the last finished write. But a write under way has reached
    some replicas only: one read meets it, and a later one does not, so a non-monotonic read.
    """

    def repair(self, number: int, put: Put) -> None:
        self.finish(number, put.value)


class AsyncReadRepair(QuorumNode):
    """A read answers first, and a background task repairs the other replicas a little later.

    Misconception: the repair arrives before the next read. If it is slow or lost, the next read finds the old value.
    """

    def start(self, ctx: Context) -> None:
        super().start(ctx)
        self.background: dict[int, Put] = {}

    def repair(self, number: int, put: Put) -> None:
        self.finish(number, put.value)
        self.background[number] = put
        self.ctx.set_timer(number, BACKGROUND_MS)

    def timeout(self, timer: Timer) -> None:
        put = self.background.pop(timer, None)  # type: ignore[call-overload]
        if put is None:
            super().timeout(timer)
            return
        self.replica.store(put)
        for node in self.ctx.nodes:
            if node != self.ctx.me:
                self.ctx.send(node, put)


class WallClock(QuorumNode):
    """Versions are times of the coordinator's clock: the last write wins, as in cells of Cassandra.

    Misconception: clocks agree. A coordinator whose clock is slow gives a write a version that is smaller than an older
    one, and answers ok: the write is lost at once.
    """

    def new_version(self, answers: list[Got]) -> Version:
        return (self.ctx.now_ms(), self.ctx.me)


class TimestampTie(QuorumNode):
    """Versions are counters without the node's name.

    Misconception: two writes never choose the same counter. Two concurrent coordinators do; each replica then keeps the
    write that arrived first, and what a read returns depends on which replicas answer.
    """

    def new_version(self, answers: list[Got]) -> Version:
        return (super().new_version(answers)[0], "")


class LocalCounter(QuorumNode):
    """The version comes from the coordinator's own counter, whatever the other replicas answer.

    Misconception: the coordinator's counter is the largest. Another one has counted further: the new write gets a
    smaller version than the value that it should overwrite, and is lost.
    """

    def new_version(self, answers: list[Got]) -> Version:
        self.replica.counter += 1
        return (self.replica.counter, self.ctx.me)


class SubMajority(QuorumNode):
    """A quorum is half of the replicas, rounded down.

    Misconception: half of the replicas suffice. Two such quorums need not share a replica, so a read may miss a
    finished write.
    """

    def majority(self) -> int:
        return max(1, len(self.ctx.nodes) // 2)


class ReadOne(QuorumNode):
    """A read is answered from the local copy.

    Misconception: the local copy is up to date. A replica that was partitioned, or that a write has not reached,
    returns a value that was overwritten long ago.
    """

    def begin(self, request: Request) -> None:
        if request.f == "read":
            self.ctx.reply(request, self.replica.look_up(Get(0, request.key)).value)
        else:
            super().begin(request)


class TimeoutIsFail(QuorumNode):
    """A write that no majority confirmed is reported as failed.

    Misconception: without a quorum a write has no effect. Some replica may have stored it, and a later read finds it
    there and repairs it into a majority: a read returns a value whose write failed.
    """

    def give_up(self, operation: Operation) -> None:
        self.ctx.fail(operation.request, "no majority has stored it")


class ClientSideCas(QuorumNode):
    """Compare-and-set is offered, as a read, a comparison and a write.

    Misconception: a read followed by a write is atomic. Two clients read the same value, both comparisons succeed, and
    both write: one value was replaced twice.
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

    Misconception: a majority never restarts. After a majority has restarted, one by one or at once, what only its
    replicas held is lost.
    """

    class Volatile(Replica):
        def persist(self, record: Record) -> None:
            pass

    replica_type = Volatile
