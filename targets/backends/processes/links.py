"""The state of the links between processes whose messages pass through the harness: what is lost, late or duplicated.

Used by the per-link TCP proxies and by the router of stdio nodes. `plan` says for one message when its copies are to be
delivered, or that it is held back until a release; what the harness does with a message is counted, since a fault that
touched no message is not counted as coverage. The kinds of messages are counted too, in the order in which they first
appear.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import ClassVar

import msgspec

from checker.english import counted
from targets.backends.wire import JUNK
from targets.protocol.fault import Cut, Degrade, Evidence, Fault, Heal, Hold, Link, MessageFault, Release
from targets.protocol.fault_messages import MESSAGE_FAULTS

LOST, LATE, DUPLICATED, HELD = "lost", "late", "duplicated", "held back, so that others could overtake"
KEPT = "held back until released"
"""What a fault did to a message."""

UNTIL_RELEASED = math.inf
"""The delay of a message that is held back: whoever carries it gives it to `Links.hold`."""


@dataclass(eq=False)
class _Active:
    fault: Cut | Degrade | Hold | MessageFault
    from_ms: float
    to_ms: float | None = None
    did: Counter[str] = field(default_factory=Counter)
    on_link: Counter[Link] = field(default_factory=Counter)
    """How many messages a MessageFault or a Hold has affected on each link."""

    size: Counter[str] = field(default_factory=Counter)
    """By effect, the bytes of the messages, where they are counted."""

    def affect(self, effect: str, size: int) -> None:
        """Count an effect on one message."""
        self.did[effect] += 1
        self.size[effect] += size

    def evidence(self, unit: str) -> Evidence:
        """Shown only if each effect of the fault happened to some message."""
        did = ", ".join(
            f"{counted(count, unit)} {effect}" + (f" ({size:,} bytes)" if size else "")
            for effect, count in self.did.items()
            for size in [self.size[effect]]
        )
        shown = all(self.did[effect] for effect in self._asked())
        return Evidence(self.fault, self.from_ms, self.to_ms, shown, did or f"no {unit} was affected")

    def _asked(self) -> list[str]:
        if isinstance(self.fault, Cut):
            return [LOST]
        if isinstance(self.fault, Hold):
            return [KEPT]
        if isinstance(self.fault, MessageFault):
            return [self.fault.effect]
        asked = {
            LATE: self.fault.delay_ms,
            LOST: self.fault.loss,
            DUPLICATED: self.fault.duplicate,
            HELD: self.fault.reorder,
        }
        return [effect for effect, value in asked.items() if value]


class _Typed(msgspec.Struct):
    type: str = ""


_typed = msgspec.json.Decoder(_Typed)


def kind_of(body: msgspec.Raw | bytes) -> str:
    """The `type` of a message's body; "" if it has none."""
    try:
        return _typed.decode(body).type
    except JUNK:
        return ""


@dataclass
class Links:
    """All links of one cluster; links without faults are perfect. Random numbers are by link, from the seed."""

    seed: int
    unit: str = "message"
    """What `plan` is asked for, in the evidence."""
    _active: list[_Active] = field(default_factory=list)
    _ended: list[_Active] = field(default_factory=list)
    _by_link: dict[Link, list[_Active]] = field(default_factory=dict)
    _random: dict[Link, Random] = field(default_factory=dict)

    duplicated: bool = False
    """Whether any message was delivered twice so far."""

    kinds: Counter[str] = field(default_factory=Counter)
    """How many messages of each kind the nodes sent to each other, in the order in which the kinds first appeared."""

    _held: list[Callable[[], None]] = field(default_factory=list)
    """How to deliver each message that is held back, in the order in which they were sent."""

    FAULTS: ClassVar[frozenset[str]] = (
        frozenset({"cut", "degrade", "lose", "shape", "repeat", "heal", "hold", "release"}) | MESSAGE_FAULTS
    )

    def apply(self, fault: Fault, now_ms: float) -> None:
        """Begin a fault of links, or end them: all (Heal), or those that hold messages back (Release)."""
        match fault:
            case Heal():
                self._end(self._active, now_ms)
            case Release():
                self._end([one for one in self._active if isinstance(one.fault, Hold)], now_ms)
            case Cut() | Degrade() | Hold() | MessageFault():
                active = _Active(fault, now_ms)
                self._active.append(active)
                for link in fault.bad_links():
                    self._by_link.setdefault(link, []).append(active)

    def _end(self, ending: list[_Active], now_ms: float) -> None:
        for active in ending:
            active.to_ms = now_ms
            for link in active.fault.bad_links():
                self._by_link[link].remove(active)
        self._ended += ending
        self._active = [one for one in self._active if one.to_ms is None]
        held, self._held = self._held, []
        for deliver in held:
            deliver()

    def hold(self, deliver: Callable[[], None]) -> None:
        """Keep a message whose delay is UNTIL_RELEASED; `deliver` is called when what is held back is released."""
        self._held.append(deliver)

    def plan(self, link: Link, kind: str = "", size: int = 0) -> tuple[float, ...]:
        """Delays (ms) after which copies of the next message on this link, which is of this kind and has so many bytes
        (0: not counted), are delivered; empty if it is lost, and UNTIL_RELEASED alone if it is held back."""
        if kind:
            self.kinds[kind] += 1
        active = self._by_link.get(link)
        if not active:
            return (0.0,)
        random = self._random.get(link)
        if random is None:
            random = self._random[link] = Random(f"{self.seed} {link[0]} {link[1]}")
        copies = [0.0]
        for one in active:
            if isinstance(one.fault, Cut):
                one.affect(LOST, size)
                return ()
            if isinstance(one.fault, Hold):
                if one.fault.message in (None, kind) and one.on_link[link] < one.fault.count:
                    one.on_link[link] += 1
                    one.affect(KEPT, size)
                    return (UNTIL_RELEASED,)
                continue
            if isinstance(one.fault, MessageFault):
                if one.fault.affects(kind, one.on_link[link]):
                    one.on_link[link] += 1
                    one.affect(one.fault.effect, size)
                    copies = [delay + more for delay in copies for more in one.fault.copies_ms()]
                    self.duplicated = self.duplicated or len(copies) > 1
                    if not copies:
                        return ()
                continue
            degrade = one.fault
            if random.random() < degrade.loss:
                one.affect(LOST, size)
                return ()
            if degrade.duplicate and random.random() < degrade.duplicate:
                copies.append(0.0)
                one.affect(DUPLICATED, size)
                self.duplicated = True
            if degrade.delay_ms:
                copies = [delay + random.expovariate(1 / degrade.delay_ms) for delay in copies]
                one.affect(LATE, size)
            if degrade.reorder and random.random() < degrade.reorder:
                copies[0] += 2 * degrade.delay_ms + 20.0
                one.affect(HELD, size)
        return tuple(copies)

    def evidence(self) -> list[Evidence]:
        """One entry for each fault of links so far: what became of the messages on its links."""
        return [one.evidence(self.unit) for one in self._ended + self._active]
