"""A request that arrives twice is executed once: what a system remembers for that, and for how long.

A client that got no answer sends its request again under the same id, and a network may deliver one twice. So every
system here remembers which requests it executed, in the place where that is certain to be known when the copy comes:

    wal-kv, paxos-log    AnswerTable, in the state that the log rebuilds: each replica that executes it has the same
    quorum-kv            AnswerTable, of the coordinator alone: there is no common order to put it in. It holds requests
                         under way too, and after a crash it knows only that they were begun: their outcome is unknown.
    paxos-*, generation  the last requests of a key travel in the row itself (`with_newest`): a row is all that the next
                         proposer or owner is sure to see, and keys have no order in common
    raft-log             sessions by client that expire by the time in the log (raft/sessions.py), as Ongaro's
                         dissertation has them in §6.3: expiring them by a local clock is a broken variant

All of them forget, since memory is bounded: a copy that comes later than that is executed again, or, where its node
can tell that it may have been forgotten, is given up with an unknown outcome.
"""

from __future__ import annotations

from typing import TypeVar

Answer = TypeVar("Answer")
Item = TypeVar("Item")

RECENT_MAX = 128
"""How many requests a row or entry remembers. One that was tried is tried again only while it would be remembered."""


class AnswerTable(dict[str, Answer]):
    """Answers by the ids of their requests, the oldest first; of more than `kept_max`, the oldest are forgotten."""

    def __init__(self, kept_max: int) -> None:
        super().__init__()
        self._kept_max = kept_max

    def remember(self, id: str, answer: Answer) -> None:
        """Keep the answer for the copies that may come. One that replaces another is as old as that was."""
        self[id] = answer
        while len(self) > self._kept_max:
            del self[next(iter(self))]


def with_newest(recent: tuple[Item, ...], newest: Item) -> tuple[Item, ...]:
    """The last RECENT_MAX requests of a key, the newest last."""
    return (*recent, newest)[-RECENT_MAX:]
