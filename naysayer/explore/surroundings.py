"""What surrounds a node that is explored: a Context in which nothing is left to chance, and a disk that counts effects.

Random numbers tell incarnations apart and nothing else: what a node does by chance would be covered in part only, so a
node that asks for more is refused. The clock of a node goes on when one of its timers fires, by as much as that proves.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Literal, NoReturn

from checker.errors import UsageError
from targets.backends.simulator.disk import SimulatedDisk
from targets.protocol.node import Message, NodeId, Reply, Request, Timer

Loss = Literal["kill", "power", "torn"]
"""What a crash takes: nothing that was written; all that was not synced; the second half of the last write alone."""
LOSSES: tuple[Loss, ...] = ("kill", "power", "torn")

ENOUGH_BITS = 48
"""Fewer random bits are a choice, and no name for an incarnation."""


class Unexplorable(UsageError):  # noqa: N818 - of a node, not of ours
    """A node does what exploration does not cover."""


class Crashed(BaseException):
    """The process ends here."""


class ClockRead(BaseException):
    """A node reads its clock, which was no part of its state so far."""


class _Numbers:
    """`getrandbits` tells nodes and incarnations apart; `uniform` is for how long timers run, which does not matter,
    since a timer that is set may fire at any time. There is nothing else."""

    def __init__(self, index: int, incarnation: int) -> None:
        self._bits = (index + 1) * 10**13 + incarnation * 10**10

    def getrandbits(self, k: int) -> int:
        return self._bits if k >= ENOUGH_BITS else self._refused()

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2

    def __getattr__(self, name: str) -> NoReturn:
        self._refused()

    @staticmethod
    def _refused() -> NoReturn:
        raise Unexplorable(
            "its nodes choose at random, and not every choice would be explored; naysayer hunt tries many"
        )


class _LosesAll(Random):
    """Of what a power loss may keep, it keeps nothing."""

    def randint(self, a: int, b: int) -> int:
        return a

    def random(self) -> float:
        return 0.0


class _LosesHalf(Random):
    """Of what a power loss may keep, it keeps all but the last write to each file, which is torn in its middle."""

    def __init__(self) -> None:
        self._asked = 0

    def randint(self, a: int, b: int) -> int:
        self._asked += 1
        # the names come first; then for each file which of its writes is torn, and where
        return (a + b + 1) // 2 if self._asked > 1 and self._asked % 2 else b

    def random(self) -> float:
        return 1.0


class WatchedDisk(SimulatedDisk):
    """A disk on which every change is an effect, and reading may be forbidden."""

    effect: Callable[[], None]
    reads: Callable[[], None]

    def names(self) -> list[str]:
        self.reads()
        return super().names()

    def read(self, name: str) -> bytes:
        self.reads()
        return super().read(name)

    def create(self, name: str) -> None:
        self.effect()
        super().create(name)

    def append(self, name: str, data: bytes) -> None:
        self.effect()
        super().append(name, data)

    def truncate(self, name: str, size: int) -> None:
        self.effect()
        super().truncate(name, size)

    def sync(self, name: str) -> None:
        self.effect()
        super().sync(name)

    def rename(self, old: str, new: str) -> None:
        self.effect()
        super().rename(old, new)

    def remove(self, name: str) -> None:
        self.effect()
        super().remove(name)

    def sync_directory(self) -> None:
        self.effect()
        super().sync_directory()

    def __reduce__(self) -> Any:
        """For its canonical form: what is on it."""
        state = {name: kept for name, kept in vars(self).items() if name not in ("effect", "reads")}
        return (WatchedDisk, (), state)


class Surroundings:
    """The Context of one incarnation."""

    def __init__(
        self,
        nodes: tuple[NodeId, ...],
        index: int,
        disk: WatchedDisk,
        incarnation: int,
        *,
        disk_counts: bool,
        clock_counts: bool,
        clock_ms: float = 0.0,
    ) -> None:
        self.me, self.nodes, self.disk = nodes[index], nodes, disk
        self.incarnation = incarnation
        self.random: Any = _Numbers(index, incarnation)
        self._index, self._disk_counts, self._clock_counts = index, disk_counts, clock_counts
        self.clock_ms = clock_ms
        disk.effect, disk.reads = self._effect, self._reads
        self.timers: dict[Timer, float] = {}
        """When they are due by the node's clock, in ms."""
        self.starting = False
        self.begin()

    def begin(self) -> None:
        """Before an input."""
        self.sent: list[tuple[NodeId, Message]] = []
        self.replies: list[Reply] = []
        self.effects = 0
        self.settings = 0
        """How often a timer was set or cancelled: no effect that a crash could come before, as it ends all timers."""
        self.left: int | None = None

    def restarted(self, loss: Loss) -> Surroundings:
        """Those of the next incarnation; what was sent before the crash is on its way."""
        if loss == "power":
            self.disk.lose_power(_LosesAll(), torn=False)
        elif loss == "torn":
            self.disk.lose_power(_LosesHalf(), torn=True)
        after = Surroundings(
            self.nodes,
            self._index,
            self.disk,
            self.incarnation + 1,
            disk_counts=self._disk_counts,
            clock_counts=self._clock_counts,
            clock_ms=self.clock_ms,
        )
        after.sent, after.replies = self.sent, self.replies
        return after

    def fired(self, timer: Timer) -> None:
        """The timer is no longer set, and at least so much time has passed."""
        self.clock_ms = max(self.clock_ms, self.timers.pop(timer))

    def now_ms(self) -> float:
        if not self._clock_counts:
            raise ClockRead
        return self.clock_ms

    def send(self, to: NodeId, message: Message) -> None:
        if isinstance(message, Reply):
            self._answer(message)
        else:
            self._effect()
            self.sent.append((to, message))

    def reply(self, request: Request, output: Any = None) -> None:
        self._answer(Reply(request.id, "ok", output))

    def fail(self, request: Request, error: str, leader: NodeId | None = None) -> None:
        self._answer(Reply(request.id, "fail", error=error, leader=leader))

    def info(self, request: Request, error: str) -> None:
        self._answer(Reply(request.id, "info", error=error))

    def set_timer(self, timer: Timer, after_ms: float) -> None:
        self.settings += 1
        self.timers[timer] = self.clock_ms + after_ms

    def cancel_timer(self, timer: Timer) -> None:
        self.settings += 1
        self.timers.pop(timer, None)

    def _answer(self, reply: Reply) -> None:
        self._effect()
        self.replies.append(reply)

    def _effect(self) -> None:
        if self.left is not None:
            if self.left == 0:
                raise Crashed
            self.left -= 1
        self.effects += 1

    def _reads(self) -> None:
        if not (self.starting or self._disk_counts):
            raise Unexplorable(
                "its nodes read their disk while they run, which is a part of the state only where they may crash: add "
                "--crashes 1"
            )
