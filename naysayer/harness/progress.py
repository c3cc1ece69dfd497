"""Progress during faults: a majority that nothing hinders must get something done.

Consensus promises more than to come back once all is healed: a majority of nodes that run, reach each other both ways,
and have sane clocks and disks goes on without the others. A leader that can send and not receive shows the difference:
its heartbeats keep the others loyal, it commits nothing, and all is well again as soon as the link is.

So: while such a majority exists and no fault touches its nodes, for longer than a stated time, and each node that runs
is asked (one outside may lead, with a majority of its own), some operation must succeed, at whichever node. Nothing is
judged any more in a run in which members were changed by request, since the majority that counts is another one then,
or in which a clock or a disk was struck, on whichever node: a leader whose disk fails may hold up all that follow it,
and no promise of these systems is about that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from targets.protocol.fault import (
    Corrupt,
    Cut,
    Degrade,
    Fault,
    Heal,
    Hold,
    Kill,
    Link,
    Pause,
    Reconfigure,
    Release,
    Restart,
    Resume,
    Skew,
)
from targets.protocol.node import NodeId

ASKED_MIN = 2
"""So many operations must have been in vain at each node that runs before a majority is said to make no progress."""

DOUBT = 1 / 12
"""Share of the time given to a majority after which it is in doubt: about an election of any system here."""


class MajorityProgress:
    """Which majority nothing hinders, since when, and what was asked of it in vain. Times are ms since the start."""

    def __init__(self, nodes: Sequence[NodeId], within_ms: float) -> None:
        self.nodes = tuple(nodes)
        self.within_ms = within_ms
        self.majority: frozenset[NodeId] = frozenset(nodes)
        """Nodes that run and are connected both ways; none if they are no majority."""
        self.since_ms = 0.0
        """Since then nothing touched them, and no operation succeeded."""
        self._vain: Counter[NodeId] = Counter()
        self._bad_links: set[Link] = set()
        self._held: set[Link] = set()
        self._stopped: set[NodeId] = set()
        self._excused = False
        """Nothing is judged any more: a clock or disk was struck, or members were changed."""

    def injected(self, fault: Fault, now_ms: float) -> None:
        """Take in a fault, or what ends one. One that touches the majority gives it time again."""
        touched = self._take(fault)
        if touched & self.majority or not self.majority:
            self.majority = self._unhindered()
            self._restart(now_ms)

    def _restart(self, now_ms: float) -> None:
        self.since_ms = now_ms
        self._vain.clear()

    def _take(self, fault: Fault) -> set[NodeId]:
        """Note what the fault does; the nodes that it touches."""
        match fault:
            case Cut() | Degrade():
                self._bad_links |= set(fault.links)
                touched = {node for link in fault.links for node in link}
            case Hold():
                self._held.add(fault.link)
                touched = set(fault.link)
            case Heal() | Release():
                ended = self._held | (self._bad_links if isinstance(fault, Heal) else set())
                touched = {node for link in ended for node in link}
                self._held -= ended
                self._bad_links -= ended
            case Kill() | Pause():
                touched = set(fault.nodes)
                self._stopped |= touched
            case Restart() | Resume():
                touched = set(fault.nodes)
                self._stopped -= touched
            case Skew() | Corrupt() | Reconfigure():
                touched = set(self.nodes)
                self._excused = True
            case _:
                touched = set(self.nodes)  # a transfer, or not known here: it may touch any
        return touched

    def _unhindered(self) -> frozenset[NodeId]:
        """A majority that nothing hinders, found by leaving out the node with the most bad links until none is left."""
        left = [node for node in self.nodes if node not in self._stopped]
        bad = self._bad_links | self._held
        while True:
            counts = Counter(node for link in bad if link[0] in left and link[1] in left for node in link)
            if not counts:
                break
            left.remove(max(left, key=lambda node: counts[node]))
        enough = 2 * len(left) > len(self.nodes) and not self._excused
        return frozenset(left) if enough else frozenset()

    def succeeded(self, now_ms: float) -> None:
        """An operation ended ok."""
        self.since_ms = now_ms
        if self._vain:
            self._vain.clear()

    def in_vain(self, client: NodeId, node: NodeId, call_ms: float, now_ms: float) -> bool:
        """An operation did not succeed; whether this shows that the majority makes no progress."""
        if call_ms < self.since_ms or not self.majority:
            return False
        if (client, node) in self._bad_links or (node, client) in self._bad_links:
            return False
        self._vain[node] += 1
        if now_ms - self.since_ms < self.within_ms:
            return False
        return all(self._vain[one] >= ASKED_MIN for one in self.nodes if one not in self._stopped)

    def in_doubt(self, now_ms: float) -> bool:
        """Whether the majority has been asked in vain for so long that it is worth asking on."""
        return bool(self._vain) and now_ms - self.since_ms >= DOUBT * self.within_ms

    def sentence(self, now_ms: float, *, virtual: bool) -> str:
        """What was found, with what is in force meanwhile."""
        nodes = " ".join(sorted(self.majority))
        time = f"{(now_ms - self.since_ms) / 1000:.1f} s{' of virtual time' if virtual else ''}"
        return (
            f"Not live: the majority {nodes} runs, connected both ways, and of {self._vain.total()} operations sent to "
            f"nodes that run in {time} none succeeded, {self._hindrances()}"
        )

    def _hindrances(self) -> str:
        """The faults in force, as they matter to the majority: by the nodes outside."""
        words = []
        for node in self.nodes:
            if node in self.majority:
                continue
            to = sorted(a for a, b in self._bad_links | self._held if b == node and a in self.majority)
            of = sorted(b for a, b in self._bad_links | self._held if a == node and b in self.majority)
            if node in self._stopped:
                words.append(f"{node} was killed or paused")
            if to:
                words.append(f"messages from {' '.join(to)} to {node} are lost or late")
            if of:
                words.append(f"messages from {node} to {' '.join(of)} are lost or late")
        return f"while {', and '.join(words)}" if words else "though no fault was in force"
