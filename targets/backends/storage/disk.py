"""The storage faults of one node: what the program in C is told, and the evidence that it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple, Protocol

from checker.errors import HarnessError
from targets.protocol.fault import Corrupt, DiskFault, Evidence, Fault, Kill
from targets.protocol.node import NodeId

Tell = Callable[[str], Awaitable[str]]
"""Sends one line to the node's program; its answer begins with "ok" or "no"."""

LASTING: dict[DiskFault, str] = {"fsync-error": "fail", "full": "full"}
"""The kinds of disk faults that begin and end, and what the program calls them."""


class Note(Protocol):
    """Keeps what shows that a fault took effect, or that it did not."""

    def __call__(self, fault: Fault, from_ms: float, detail: str, /, *, shown: bool = True) -> None: ...


class Doom(NamedTuple):
    """A kill that may not have happened yet."""

    fault: Kill
    from_ms: float


class Failing(NamedTuple):
    """A disk fault in force, whose effect is not known yet."""

    fault: Corrupt
    from_ms: float


class Disk:
    """One node's disk. `seed`: what a power loss leaves, and which bit is flipped, is drawn from it."""

    def __init__(self, node: NodeId, seed: int, tell: Tell, note: Note) -> None:
        self._node = node
        self._random = Random(f"{seed} {node} disk")
        self._tell = tell
        self._note = note
        self._doom: Doom | None = None
        self._failing: list[Failing] = []

    @property
    def doomed(self) -> bool:
        """The node is to be killed after some further calls that concern its disk, or has been."""
        return self._doom is not None

    async def is_running(self) -> bool:
        """Whether a process runs whose calls are seen."""
        return (await self._ask("runs"))[0]

    async def has_failed(self) -> bool:
        """Whether a sync or a write has failed since the node was started: then it may end, as it cannot store what it
        must."""
        return (await self._ask("failed"))[0]

    async def _ask(self, line: str) -> tuple[bool, str]:
        yes, _, said = (await self._tell(line)).strip().partition(" ")
        if yes not in ("ok", "no"):
            raise HarnessError(f"{self._node}: the program that looks after its disk answered {line!r} with {yes!r}")
        return yes == "ok", said

    async def lose_power(self, fault: Kill, from_ms: float, how: str) -> None:
        """Leave on the disk what the power loss leaves; the node's process has ended, as `how` says."""
        shown, what = await self._ask(f"lose {self._random.getrandbits(63)} {int(fault.torn)}")
        self._doom = None
        self._note(fault, from_ms, f"{self._node}: {how}; {what}", shown=shown)

    async def doom(self, fault: Kill, from_ms: float) -> None:
        """Have the node killed after `fault.effects` further calls that concern its disk, or at the next one: then just
        before a sync, so that there is something to lose."""
        self._doom = Doom(fault, from_ms)  # before it can happen
        await self._ask(f"die {fault.effects or 0}")

    async def spare(self) -> Doom | None:
        """Take the kill back; or return it if it has happened: `lose_power` is still to be called."""
        if self._doom is None:
            return None
        spared, _ = await self._ask("live")
        if not spared:
            return self._doom
        (fault, from_ms), self._doom = self._doom, None
        self._note(fault, from_ms, f"{self._node} made too few calls on its disk, and was not killed", shown=False)
        return None

    async def corrupt(self, fault: Corrupt, from_ms: float) -> None:
        """Carry out a disk fault, or end one."""
        if fault.kind in LASTING and not fault.undo:
            await self._ask(f"{LASTING[fault.kind]} 1")
            self._failing.append(Failing(fault, from_ms))
        elif fault.kind in LASTING:
            await self._end(fault.kind)
        elif fault.kind == "bit-flip":
            shown, what = await self._ask(f"flip {self._random.getrandbits(63)}")
            self._note(fault, from_ms, f"{self._node}: {what}", shown=shown)
        else:
            raise HarnessError("a torn write needs a power loss: Kill(power=True, torn=True)")

    async def restarts(self) -> None:
        """The node is started again: a sync that was to fail has failed by now, or will not."""
        await self._end("fsync-error")

    async def _end(self, kind: DiskFault) -> None:
        ended = [one for one in self._failing if one.fault.kind == kind]
        if not ended:
            return
        shown, what = await self._ask(f"{LASTING[kind]} 0")
        for one in ended:
            self._failing.remove(one)
            self._note(one.fault, one.from_ms, f"{self._node}: {what}", shown=shown)

    def evidence(self) -> list[Evidence]:
        """The faults whose effect is not known: the run ended first."""
        faults: list[Doom | Failing] = [*self._failing, *([] if self._doom is None else [self._doom])]
        return [Evidence(one.fault, one.from_ms, None, False, f"{self._node}: the run ended first") for one in faults]
