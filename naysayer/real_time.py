"""How a plan is run against a cluster that really runs: what its clients wait for, and the faults in their order."""

from __future__ import annotations

import math

from checker.properties import PROPERTIES, lacking
from naysayer.harness.setup import Setup
from naysayer.judge import LIVE, judge
from naysayer.plan import Plan, workload_of
from naysayer.recorder import Recorder
from nemesis.deck import FIRST_PROCESS_MS, QUIET_MS, RESTARTED_MS, Deck
from nemesis.mix import Mix, rest_for
from nemesis.named import schedule_of
from nemesis.repeated import Repeated
from nemesis.schedule import Schedule
from nemesis.spare import Spare
from targets.backends.processes.cluster import LiveCluster
from targets.backends.stdio.cluster import StdioCluster
from targets.backends.stdio.protocol import not_supported
from targets.protocol.cluster import Cluster
from workloads.registry import find as find_workload

STRETCH = 8.0
"""Faults on real processes come this much slower than in the simulator: about one in half a second."""

RECOVERY_MS_MAX = 30_000.0
"""How long a healed system, which may be slow to start and to elect a leader, may take until an operation succeeds; a
node that gives no answer for so long hangs."""

ATTEMPTS = 10
"""How often a client that retries sends a request within the time-out: mostly several times while messages are late."""

REFUSED_MS, REFUSED_MS_MAX = 10.0, 80.0
"""Mean pause of a client after a refusal: a real cluster finds a new leader in less time than clients would rest. It
grows for a client that is refused again and again, such as one that stays with a node that does not lead."""

PROGRESS_MS = 15_000.0
"""Within so long a majority that nothing hinders must get something done: far longer than elections take."""

PATIENT_MS = 5000.0
"""How long a client waits for an answer in that time, unless a longer time is set."""

SPARED = (
    "kill was left out, since the nodes keep nothing in NAYSAYER_DATA, and would lose by design what a kill loses; "
    "--nemesis with kill among the faults injects it all the same"
)


def setup_of(plan: Plan, cluster: Cluster, recorder: Recorder, timeout_s: float) -> Setup:
    """What the harness needs to know. `recorder`: has the history so far; `timeout_s`: how long a client waits."""
    model, workload = find_workload(plan.workload).model, workload_of(plan)
    recovery_ms = max(RECOVERY_MS_MAX, 2000.0 * (plan.start_timeout_s or 0.0))
    must = lacking(model) if model in PROPERTIES else None
    return Setup(
        plan.clients,
        plan.seed,
        workload.start(),
        _schedule(plan, cluster),
        timeout_ms=timeout_s * 1000,
        timeout_ms_max=max(timeout_s * 1000, PATIENT_MS),
        rate=plan.rate,
        operations=plan.operations,
        time_ms=None if plan.time_s is None else plan.time_s * 1000,
        sessions=isinstance(cluster, LiveCluster) and cluster.target.sessions,
        attempts=ATTEMPTS,
        lost_replies=True,
        heal_when_stopped=True,
        recovery_ms_max=recovery_ms,
        known_to_fit=isinstance(cluster, LiveCluster),
        hung_ms=recovery_ms,
        unsupported=not_supported if isinstance(cluster, StdioCluster) else None,
        only_reads=workload.only_reads,
        refused_ms=REFUSED_MS,
        refused_ms_max=REFUSED_MS_MAX,
        progress_ms=max(PROGRESS_MS, 500.0 * (plan.start_timeout_s or 0.0)),
        final=workload.finish,
        convergence=workload.convergence,
        lacking=None if must is None else lambda: must(recorder.ended(0)),
        broken=lambda: _violated(recorder, model, plan.level),
    )


def _schedule(plan: Plan, cluster: Cluster) -> Schedule | None:
    interval_s = plan.nemesis_interval_s
    if plan.suspects is not None:
        return Repeated((), suspects=plan.suspects)
    if not plan.nemesis:
        return None
    rest = 1.0 if interval_s is None else rest_for(interval_s, STRETCH)
    own = schedule_of(plan.nemesis)
    faults: Schedule = own or Mix(plan.nemesis, rest=rest, stretch=STRETCH)
    if own is None and plan.deck:
        faults = Deck(
            plan.nemesis,
            quiet_ms=QUIET_MS if interval_s is None else interval_s * 1000,
            restarted_ms=RESTARTED_MS + 1000 * (plan.start_timeout_s or 0.0),
            process_ms=min(FIRST_PROCESS_MS, 300.0 * (plan.time_s or math.inf)),
        )
    if isinstance(cluster, StdioCluster) and plan.binary is not None and plan.binary.spare:
        return Spare(faults, cluster.keeps_data, lambda: cluster.remark(SPARED))
    return faults


def _violated(recorder: Recorder, model: str, level: str | None) -> bool:
    """Whether what was recorded so far is a violation."""
    return judge(recorder.history(), model, budget=LIVE, weaker=False, level=level).outcome == "invalid"
