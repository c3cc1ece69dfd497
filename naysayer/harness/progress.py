"""Progress during faults: a majority that nothing hinders must get something done.

Consensus promises more than to come back once all is healed: a majority of nodes that run, reach each other both ways,
and have sane clocks and disks goes on without the others. A leader that can send and not receive shows the difference:
its heartbeats keep the others loyal, it commits nothing, and all is well again as soon as the link is.

So: while such a majority exists and no fault touches its nodes, for longer than a stated time, and each node that runs
is asked (one outside may lead, with a majority of its own), some operation must succeed, at whichever node. A change
that is refused counts neither way: a register may be written once only, a lock be held. Nothing is judged any more in
a run in which members were changed by request, since the majority that counts is another one then, or in which a clock
or a disk had a fault, on whichever node: a leader whose disk fails may hold up all that follow it, and no promise of
these systems is about that.
"""

from __future__ import annotations

from collections import Counter

from checker.english import counted
from naysayer.harness.faults import System
from targets.protocol.fault import Condition, Fault, Link
from targets.protocol.fault_base import HELD, KILLED, LINKS, PAUSED
from targets.protocol.node import NodeId

ASKED_MIN = 2
"""So many operations must have been in vain at each node that runs before a majority is said to make no progress."""

DOUBT = 1 / 12
"""Share of the time given to a majority after which it is in doubt: about an election of any system here."""


class MajorityProgress:
    """Which majority nothing hinders, since when, and what was asked of it in vain. Times are ms since the start."""

    def __init__(self, system: System, within_ms: float) -> None:
        self.nodes = system.nodes
        self.within_ms = within_ms
        self.majority: frozenset[NodeId] = frozenset(system.nodes)
        """Nodes that run and are connected both ways; none if they are no majority."""
        self.since_ms = 0.0
        """Since then nothing touched them, and no operation succeeded."""
        self._system = system
        self._vain: Counter[NodeId] = Counter()
        self._in_force: dict[Condition, frozenset[Link]] = {}
        """What is in force, and on which links messages are lost or late because of it."""
        self._excused = False
        """Nothing is judged any more: a clock or disk had a fault, or members were changed."""

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
        begins, ends = fault.begins(), fault.ends()
        other = [one for one in begins if one not in (LINKS, HELD) and one.what not in (KILLED, PAUSED)]
        if other or fault.members() is not None:
            self._excused = True
        if self._excused or not (begins or ends):
            return set(self.nodes)  # a transfer, for one, may touch any
        links = set(fault.bad_links()).union(*[self._in_force.pop(one, ()) for one in ends])
        for one in begins:
            self._in_force[one] = self._in_force.get(one, frozenset()) | fault.bad_links()
        return {node for link in links for node in link} | {one.where for one in begins | ends}

    @property
    def _bad_links(self) -> frozenset[Link]:
        return frozenset().union(*self._in_force.values())

    @property
    def _stopped(self) -> frozenset[NodeId]:
        """The nodes that do not run, whatever stopped them: a failing disk does, and a restart resumes none."""
        return self._system.down | self._system.paused

    def _unhindered(self) -> frozenset[NodeId]:
        """A majority that nothing hinders, found by leaving out the node with the most bad links until none is left."""
        stopped, bad = self._stopped, self._bad_links
        left = [node for node in self.nodes if node not in stopped]
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
        """An operation had no answer, or a read was refused; whether this shows that the majority does not progress."""
        if call_ms < self.since_ms or not self.majority:
            return False
        bad = self._bad_links
        if (client, node) in bad or (node, client) in bad:
            return False
        self._vain[node] += 1
        if now_ms - self.since_ms < self.within_ms:
            return False
        stopped = self._stopped
        if self.majority & stopped:  # one was stopped since by what was injected before
            self.majority = self._unhindered()
            self._restart(now_ms)
            return False
        return all(self._vain[one] >= ASKED_MIN for one in self.nodes if one not in stopped)

    def in_doubt(self, now_ms: float) -> bool:
        """Whether the majority has been asked in vain for so long that it is worth asking on."""
        return bool(self._vain) and now_ms - self.since_ms >= DOUBT * self.within_ms

    def sentence(self, now_ms: float, *, virtual: bool) -> str:
        """What was found, with what is in force meanwhile."""
        nodes = " ".join(sorted(self.majority))
        time = f"{(now_ms - self.since_ms) / 1000:.1f} s{' of virtual time' if virtual else ''}"
        sent = counted(self._vain.total(), "operation")
        return (
            f"the majority {nodes} runs, connected both ways, and of {sent} sent to nodes "
            f"that run in {time} none succeeded, {self._hindrances()}"
        )

    def _hindrances(self) -> str:
        """The faults in force, as they matter to the majority: by the nodes outside."""
        words = []
        stopped, bad = self._stopped, self._bad_links
        for node in self.nodes:
            if node in self.majority:
                continue
            to = sorted(a for a, b in bad if b == node and a in self.majority)
            of = sorted(b for a, b in bad if a == node and b in self.majority)
            if node in stopped:
                words.append(f"{node} does not run")
            if to:
                words.append(f"messages from {' '.join(to)} to {node} are lost or late")
            if of:
                words.append(f"messages from {node} to {' '.join(of)} are lost or late")
        return f"while {', and '.join(words)}" if words else "though no fault was in force"
