"""Whether the nodes are alive: which died or hang by themselves, and whether operations succeed again.

A node that stops during a fault, or soon after one, may do so by design (it lost its lease, it cannot write its log).
This is a remark and not a finding. The same holds for anything that happens while the harness gets no time to run.
"""

from __future__ import annotations

from collections.abc import Mapping

from checker.english import counted
from naysayer.findings import Finding, Kind
from naysayer.harness.clients import NS, Answers
from naysayer.harness.faults import InForce
from targets.protocol.cluster import Death
from targets.protocol.fault import KILLED, Fault
from targets.protocol.node import NodeId

GRACE_MS = 2000.0
"""For this time after a fault a node may still be affected by it: an election, a restart, an exit by design."""

LATE_MIN = 3
"""A node hangs only if at least this many calls had no reply."""

LAG_MS_MAX = 1000.0
"""A harness that wakes up later than this is too slow to judge whether nodes are alive."""


class Health:
    """What is known of the nodes."""

    def __init__(self) -> None:
        self.in_force = InForce()
        self.findings: list[Finding] = []
        self.remarks: list[str] = []
        self.why_down: dict[NodeId, str] = {}
        """By node that died by itself: how."""
        self._own: set[NodeId] = set()
        """Those of them that died with no fault in force."""
        self.lag_ms = 0.0
        """The most by which the harness woke up late."""

    @property
    def dead(self) -> frozenset[NodeId]:
        """The nodes that died by themselves."""
        return frozenset(self.why_down)

    def injected(self, fault: Fault, now_ms: float) -> None:
        """A fault was injected, or one that undoes another. A node that was restarted is no longer dead."""
        self.in_force.injected(fault, now_ms)
        for ended in fault.ends():
            if ended.what == KILLED:
                self.why_down.pop(ended.where, None)

    def died(self, death: Death, now_ms: float) -> None:
        """A node that had started ended by itself: a finding, unless a fault was in force. It stays down."""
        self.why_down[death.node] = death.how
        if death.hung:
            self._own.add(death.node)
            self._found("node-hung", now_ms, f"Node {death.node} hangs: it {death.how}", death.node)
        elif death.raised or self.in_force.quiet_ms(now_ms) >= min(GRACE_MS, now_ms):
            self._own.add(death.node)
            because = "" if death.raised else " though no fault was in force"
            sentence = f"Node {death.node} died{because}: it {death.how}"
            self._found("node-died", now_ms, sentence, death.node)
        else:
            self._remark(f"{death.node} died while a fault was in force or soon after one: it {death.how}")

    def did_not_start(self, death: Death, now_ms: float) -> None:
        """A node that was down did not start again: a finding, unless another fault may have prevented it. In that case
        it is started once more after all faults are undone."""
        if self.in_force:
            self._remark(f"{death.node} did not start again while another fault was in force: it {death.how}")
            return
        self.why_down[death.node] = death.how
        if death.hung and self.lag_ms > LAG_MS_MAX:
            self._remark(f"{death.node} did not start again, on a machine too slow to judge: it {death.how}")
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
        """Whether a running node hangs: it replied before and does not now, with no fault in force, while other nodes
        reply (`elsewhere`)."""
        if seen is None or not seen.count or seen.late < LATE_MIN or seen.silent_since_ns is None or not elsewhere:
            return False
        silent_ms = min(now_ms - seen.silent_since_ns / NS, self.in_force.quiet_ms(now_ms))
        if silent_ms < hung_ms or self.lag_ms > LAG_MS_MAX:
            return False
        self._found(
            "node-hung",
            now_ms,
            f"Node {node} hangs: it answered {counted(seen.count, 'operation')}, and then did not answer {seen.late} "
            f"in {silent_ms / 1000:.1f} s without a fault, while other nodes answered",
            node,
        )
        return True

    def not_live(self, waited_ms: float, now_ms: float, answers: Mapping[NodeId, Answers], *, virtual: bool) -> None:
        """No operation succeeded after healing. Names the nodes that are down and those that do not answer."""
        # this finding includes an earlier one that nothing succeeded during the faults
        self.findings[:] = [one for one in self.findings if one.kind != "not-live"]
        undone = "all faults were undone" if self.in_force.ever else "no fault was injected"
        time = " of virtual time" if virtual else ""
        said = f"Not live: {undone}, and no operation succeeded within {waited_ms / 1000:.0f} s{time}"
        said += "".join(
            f"; {node} runs and did not answer its last {counted(seen.late, 'operation')}"
            for node, seen in sorted(answers.items())
            if seen.late and node not in self.why_down
        )
        said += "".join(f"; {node} {how}" for node, how in sorted(self.why_down.items()))
        self._found("not-live", now_ms, said)

    def stalled(self, sentence: str, now_ms: float) -> None:
        """An unhindered majority made no progress while faults were in force elsewhere."""
        self._found("not-live", now_ms, f"Not live: {sentence}")

    def all_dead(self, now_ms: float) -> None:
        """No node runs, and not every one of them died without a fault."""
        if self._own >= self.dead:
            return
        how = "; ".join(f"{node} {how}" for node, how in sorted(self.why_down.items()))
        self._found("not-live", now_ms, f"Not live: no node runs: {how}")

    def _found(self, kind: Kind, now_ms: float, sentence: str, node: NodeId | None = None) -> None:
        if not any(one.kind == kind and one.node == node for one in self.findings):
            end = "" if sentence.endswith((".", "\n")) else "."
            self.findings.append(Finding(kind, now_ms, sentence + end, node))
