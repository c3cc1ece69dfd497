"""Whether the nodes are alive: which died or hang by their own doing, and whether operations succeed again.

A node that stops while a fault is in force, or soon after one, may do so by design (it lost its lease, it cannot write
its log); it is only remarked. So is whatever happens while the harness itself gets no time to run.
"""

from __future__ import annotations

from collections.abc import Mapping

from naysayer.findings import Finding, Kind
from naysayer.harness.clients import NS, Answers
from naysayer.harness.faults import InForce
from targets.protocol.cluster import Death
from targets.protocol.fault import KILLED, Fault
from targets.protocol.node import NodeId

GRACE_MS = 2000.0
"""So long after a fault a node may still be busy with it: an election, a restart, an exit by design."""

LATE_MIN = 3
"""So many calls at least must have had no answer before a node is said to hang."""

LAG_MS_MAX = 1000.0
"""A harness that wakes up so late is too slow to judge whether anything lives."""


class Health:
    """What is known of the nodes' lives."""

    def __init__(self) -> None:
        self.in_force = InForce()
        self.findings: list[Finding] = []
        self.remarks: list[str] = []
        self.why_down: dict[NodeId, str] = {}
        """How the nodes ended that are down by their own doing."""
        self._own: set[NodeId] = set()
        """Those that died with no fault in force."""
        self.lag_ms = 0.0
        """The most by which the harness woke up late."""

    @property
    def dead(self) -> frozenset[NodeId]:
        """The nodes that are down by their own doing."""
        return frozenset(self.why_down)

    def injected(self, fault: Fault, now_ms: float) -> None:
        """Take in a fault, or what undoes one: a node that was started again is no longer dead."""
        self.in_force.injected(fault, now_ms)
        for ended in fault.ends():
            if ended.what == KILLED:
                self.why_down.pop(ended.where, None)

    def died(self, death: Death, now_ms: float) -> None:
        """A node that had come up ended by itself: a finding, unless a fault was in force. It stays down."""
        self.why_down[death.node] = death.how
        if death.raised or self.in_force.quiet_ms(now_ms) >= min(GRACE_MS, now_ms):
            self._own.add(death.node)
            because = "" if death.raised else " though no fault was in force"
            sentence = f"Node {death.node} died{because}: it {death.how}"
            self._found("node-died", now_ms, sentence, death.node)
        else:
            self._remark(f"{death.node} died while a fault was in force or soon after one: it {death.how}")

    def did_not_start(self, death: Death, now_ms: float) -> None:
        """A node that was down did not come up again: a finding, unless another fault may have kept it from that.
        Then it is started once more when all is healed."""
        if self.in_force:
            self._remark(f"{death.node} did not come up again while another fault was in force: it {death.how}")
            return
        self.why_down[death.node] = death.how
        if death.hung and self.lag_ms > LAG_MS_MAX:
            self._remark(f"{death.node} did not come up again, on a machine too slow to judge: it {death.how}")
        elif death.hung:
            sentence = f"Node {death.node} hangs when it is started again: it {death.how}"
            self._found("node-hung", now_ms, sentence, death.node)
        else:
            sentence = f"Node {death.node} died when it was started again: it {death.how}"
            self._found("node-died", now_ms, sentence, death.node)

    def _remark(self, what: str) -> None:
        if what not in self.remarks:
            self.remarks.append(what)

    def hangs(self, node: NodeId, seen: Answers | None, elsewhere: bool, hung_ms: float, now_ms: float) -> bool:
        """Whether a node that runs hangs: it answered before and does not now, though nothing hinders it, and other
        nodes answer (`elsewhere`)."""
        if seen is None or not seen.count or seen.late < LATE_MIN or seen.silent_since_ns is None or not elsewhere:
            return False
        silent_ms = min(now_ms - seen.silent_since_ns / NS, self.in_force.quiet_ms(now_ms))
        if silent_ms < hung_ms or self.lag_ms > LAG_MS_MAX:
            return False
        self._found(
            "node-hung",
            now_ms,
            f"Node {node} hangs: it answered {seen.count} times, and then did not answer {seen.late} operations in "
            f"{silent_ms / 1000:.1f} s without a fault, while other nodes answered",
            node,
        )
        return True

    def not_live(self, waited_ms: float, now_ms: float, answers: Mapping[NodeId, Answers], *, virtual: bool) -> None:
        """Nothing succeeded after the healing. The nodes that are down are named, and those that do not answer."""
        # it says more than that nothing succeeded before the healing either
        self.findings[:] = [one for one in self.findings if one.kind != "not-live"]
        healed = "all faults were healed" if self.in_force.ever else "no fault was injected"
        time = " of virtual time" if virtual else ""
        said = f"Not live: {healed}, and no operation succeeded within {waited_ms / 1000:.0f} s{time}"
        said += "".join(
            f"; {node} runs and did not answer its last {seen.late} operations"
            for node, seen in sorted(answers.items())
            if seen.late and node not in self.why_down
        )
        said += "".join(f"; {node} {how}" for node, how in sorted(self.why_down.items()))
        self._found("not-live", now_ms, said)

    def stalled(self, sentence: str, now_ms: float) -> None:
        """A majority that nothing hindered got nothing done while faults were in force elsewhere."""
        self._found("not-live", now_ms, sentence)

    def all_dead(self, now_ms: float) -> None:
        """No node is left that runs, and not only because each died without a fault."""
        if self._own >= self.dead:
            return
        how = "; ".join(f"{node} {how}" for node, how in sorted(self.why_down.items()))
        self._found("not-live", now_ms, f"Not live: no node runs: {how}")

    def _found(self, kind: Kind, now_ms: float, sentence: str, node: NodeId | None = None) -> None:
        if not any(one.kind == kind and one.node == node for one in self.findings):
            end = "" if sentence.endswith((".", "\n")) else "."
            self.findings.append(Finding(kind, now_ms, sentence + end, node))
