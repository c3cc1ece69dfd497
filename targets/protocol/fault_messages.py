"""Faults of single messages: those of some kinds, on some links, are lost, late or duplicated.

With the kinds of messages in the order in which they first appear, which is that of a protocol's phases, a schedule can
stop a protocol between two of its phases, on any system whose messages pass through the harness.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from msgspec.structs import replace

from checker.english import counted
from targets.protocol.fault_links import OfLinks


class MessageFault(OfLinks, frozen=True):
    """A fault of the messages of the kinds `messages` (() for all kinds), at most of the next `count` on each link
    (None: of all), until all links are healed.

    The kind of a message is its `type` on the wire, and the name of its class in the simulator.
    """

    messages: tuple[str, ...] = ()
    count: int | None = None

    effect: ClassVar[str]
    """What happens to an affected message, for the evidence."""
    verb: ClassVar[str]

    def affects(self, kind: str, before: int) -> bool:
        """Whether it affects a message of this kind, having affected `before` messages on its link."""
        return (not self.messages or kind in self.messages) and (self.count is None or before < self.count)

    def copies_ms(self) -> tuple[float, ...]:
        """After which additional delays copies of an affected message are delivered; empty if it is lost."""
        raise NotImplementedError

    def label(self) -> str:
        return f"{self.verb} {self._which()} {self._where()}{self._how()}"

    def in_full(self) -> str:
        return f"{self.verb} {self._which()} on {' '.join(f'{a}→{b}' for a, b in self.links)}{self._how()}"

    def _how(self) -> str:
        return ""

    def _which(self) -> str:
        named = ", ".join(self.messages)
        if self.count is None:
            return named or "all messages"
        return f"the next {self.count} {named or 'messages'}"

    def _where(self) -> str:
        """`from n1`, `to n1`, `from and to n1`, or the links."""
        sources, dests = {a for a, _ in self.links}, {b for _, b in self.links}
        if len(self.links) < 2:
            return f"on {' '.join(f'{a}→{b}' for a, b in self.links)}"
        if len(sources) == 1:
            return f"from {min(sources)}"
        if len(dests) == 1:
            return f"to {min(dests)}"
        shared = {node for node in sources & dests if all(node in link for link in self.links)}
        return f"from and to {min(shared)}" if shared else f"on {counted(len(self.links), 'link')}"

    def milder(self) -> Iterator[Self]:
        half = len(self.links) // 2
        for links in (self.links[:half], self.links[half:]):
            if links and half:
                yield replace(self, links=links)
        if len(self.messages) > 1:
            for kind in self.messages:
                yield replace(self, messages=tuple(other for other in self.messages if other != kind))
        if self.count != 1:
            yield replace(self, count=1)


class LoseMessages(MessageFault, frozen=True, tag="lose-messages"):
    """Loses messages."""

    tags: ClassVar[frozenset[str]] = frozenset({"lose-messages", "heal"})
    effect: ClassVar[str] = "lost"
    verb: ClassVar[str] = "lose"

    def copies_ms(self) -> tuple[float, ...]:
        return ()


class DelayMessages(MessageFault, frozen=True, tag="delay-messages"):
    """Delivers messages `delay_ms` later, so that others may overtake them."""

    delay_ms: float = 200.0

    tags: ClassVar[frozenset[str]] = frozenset({"delay-messages", "heal"})
    effect: ClassVar[str] = "late"
    verb: ClassVar[str] = "delay"

    def copies_ms(self) -> tuple[float, ...]:
        return (self.delay_ms,)

    def _how(self) -> str:
        return f" by {self.delay_ms:g} ms"


class DuplicateMessages(MessageFault, frozen=True, tag="duplicate-messages"):
    """Delivers messages twice, the second time `after_ms` later."""

    after_ms: float = 0.0

    tags: ClassVar[frozenset[str]] = frozenset({"duplicate-messages", "heal"})
    effect: ClassVar[str] = "duplicated"
    verb: ClassVar[str] = "duplicate"

    def copies_ms(self) -> tuple[float, ...]:
        return (0.0, self.after_ms)

    def _how(self) -> str:
        return f", {self.after_ms:g} ms later" if self.after_ms else ""


MESSAGE_FAULTS = LoseMessages.tags | DelayMessages.tags | DuplicateMessages.tags
"""What a backend must be able to carry out for all of them."""
