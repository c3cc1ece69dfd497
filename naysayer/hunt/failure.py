"""When a run became a violation, and how it failed."""

from __future__ import annotations

import re

from msgspec.structs import replace

from checker import Budget
from checker.history import PENDING, History, Operation
from checker.verdict import Verdict
from naysayer.findings import METHODS
from naysayer.judge import judge
from naysayer.simulate import Run
from targets.backends.simulator.network import MS


def failed_ms(run: Run, verdict: Verdict, model: str, *, steps: int) -> float:
    """From which virtual time (ms) on a failing run is a violation: what happened up to then fails on its own.

    A failure may depend on answers that are no part of its proof: a value that was read is one that no operation wrote
    only once the write has answered that it failed. So the prefixes of the history are judged, the shortest first that
    has the whole proof. A prefix of a history that is linearizable is so too (Herlihy and Wing 1990, section 3).
    """
    if verdict.method == "invariant" and run.violated_ms is not None:
        return run.violated_ms
    proof = () if verdict.worst is None else verdict.worst.counterexample
    if not proof:
        found = [one.at_ms for one in run.findings if METHODS[one.kind] == verdict.method]
        return min(found, default=run.virtual_ms)
    whole = list(run.recorder.history())
    last_ns = max(op.call if op.pending else op.ret for op in proof)
    ends = sorted({last_ns, *(op.ret for op in whole if op.ret != PENDING and op.ret > last_ns)})
    least, most = 0, len(ends) - 1
    middle = least  # mostly it fails at the end of the proof
    while least < most:
        if _fails(whole, ends[middle], model, steps):
            most = middle
        else:
            least = middle + 1
        middle = (least + most) // 2
    return ends[most] / MS


def _fails(operations: list[Operation], until_ns: int, model: str, steps: int) -> bool:
    """Whether what had happened by then is a violation."""
    begun = (op for op in operations if op.call <= until_ns)
    prefix = History.of(op if op.ret <= until_ns else _under_way(op) for op in begun)
    return judge(prefix, model, budget=Budget(steps=steps), weaker=False).outcome == "invalid"


def _under_way(op: Operation) -> Operation:
    return replace(op, status="info", output=None, error=None, ret=PENDING)


def kind(run: Run, verdict: Verdict) -> str:
    """How a run failed, in a few words: `stale read`, `invariant election safety`, `not live`."""
    if verdict.method == "invariant" and run.violations:
        return f"invariant {run.violations[0].partition(' at ')[0]}"
    explanation = None if verdict.worst is None else verdict.worst.explanation
    return "violation" if explanation is None else kind_text(explanation.kind)


def kind_text(kind: str) -> str:
    """A kind of violation as people write it: `stale read`, `non-monotonic read`, `G2-item`."""
    return kind if kind[:1].isupper() else re.sub("(?<!non)-", " ", kind)  # G2-item and the like are names
