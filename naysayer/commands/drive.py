"""One test against a cluster that really runs: drive it, judge what was recorded, report it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import trio

from checker.errors import HarnessError, NaysayerError, UsageError
from checker.models import MODELS
from checker.properties import PROPERTIES, lacking
from checker.verdict import Part, Verdict
from naysayer.availability import Availability, availability, with_availability
from naysayer.commands.test import conclude
from naysayer.early import first_violation
from naysayer.fault_spans import fault_spans
from naysayer.findings import Finding, with_findings
from naysayer.follow import Found
from naysayer.harness.convergence import Convergence
from naysayer.harness.core import Core
from naysayer.harness.setup import Setup
from naysayer.judge import LIVE, enough, judge, undecided
from naysayer.live import LiveRun
from naysayer.options import RunOptions, given
from naysayer.page.source import Source, source_of_run
from naysayer.performance import Costs, costs
from naysayer.plan import Plan, text, workload_of
from naysayer.recorder import Recorder
from naysayer.report.build import Result, build_report, seen_in
from naysayer.report.conclusion import Conclusion
from naysayer.report.progress import watch
from naysayer.report.report import Report
from naysayer.results import HISTORY, new_folder, verdict_json
from naysayer.signals import Reporting, ended_by_signals
from naysayer.slow import slow_nodes
from naysayer.store import Store
from nemesis.catalog import schedule_of
from nemesis.deck import FIRST_PROCESS_MS, QUIET_MS, RESTARTED_MS, Deck
from nemesis.mix import Mix, rest_for
from nemesis.repeated import Repeated
from nemesis.schedule import Schedule
from nemesis.spare import Spare
from targets.backends.hosts.cluster import UNDO_S_MAX, RemoteCluster
from targets.backends.processes.cluster import LiveCluster
from targets.backends.processes.messages import MESSAGES, MessageLog
from targets.backends.processes.processes import ProcessCluster
from targets.backends.stdio.cluster import StdioCluster
from targets.backends.stdio.protocol import not_supported
from targets.protocol.cluster import Cluster
from targets.protocol.fault import Evidence
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

ENDING = "the processes are being ended"
UNDOING = (
    f"the faults are being undone on the hosts, within {UNDO_S_MAX:.0f} s; if this process is killed now, "
    "%s undoes them"
)

AROUND_S = 0.1
"""Messages are kept from so long before the operations of a counterexample to so long after them."""

BEFORE_MS = 1000.0
"""Messages are kept from so long before a node died, hung or was found not live."""

SPARED = (
    "kill was left out, since the nodes keep nothing in NAYSAYER_DATA, and would lose by design what a kill loses; "
    "--nemesis with kill among the faults injects it all the same"
)

Make = Callable[[], Cluster]


@dataclass(frozen=True)
class System:
    """What really runs, for one plan: how a cluster of it is made, and how long its clients wait for an answer.

    `files` that describe it are copied into the result folder, by their names there. `heal`: the command that undoes
    what a run would leave on hosts if it were killed.
    """

    make: Make
    timeout_s: float
    heal: str | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """A run that is over: its verdict, the content of verdict.json, and what the report is built from."""

    drive: Drive
    verdict: Verdict
    facts: bytes
    result: Result


def run_test(plan: Plan, system: System, options: RunOptions) -> Conclusion:
    """Run it, keep it, report it."""
    folder = new_folder(options.results, plan.name)
    store, drive = drive_plan(plan, system, folder, given(options), no_stop=options.no_stop)
    with Reporting() as reporting:
        judged = judge_drive(drive, store, reporting.attempt)
        report = build_report(judged.result, folder)
        return conclude(store, report, judged.facts, page_source(judged, report, folder))


def page_source(judged: Judged, report: Report, folder: Path) -> Source:
    """What the page of a run is made of, which left its files in `folder`."""
    result = judged.result
    history = judged.drive.recorder.history()
    return source_of_run(report, history, result.plan, result.nemesis, result.evidence, folder)


def drive_plan(
    plan: Plan, system: System, folder: Path, options: Mapping[str, Any], *, no_stop: bool = False, quiet: bool = False
) -> tuple[Store, Drive]:
    """Run a plan, recording into a folder. `options`: what was asked for, kept beside it. `quiet`: show no progress.

    Raises UsageError where what was asked could not be begun.
    """
    with Store(folder, text(plan, options)) as store:
        for name, file in system.files.items():
            store.copy(name, file)
        flush = None if no_stop or find_workload(plan.workload).model not in MODELS else store.flush
        drive = Drive(plan, system.timeout_s, folder, Recorder(store), system.heal, flush, quiet)
        trio.run(drive.run, system.make)
    if isinstance(drive.trouble, UsageError) and not drive.recorder.invocations:
        raise drive.trouble  # there is nothing to judge
    return store, drive


def _violated(recorder: Recorder, model: str, level: str | None) -> bool:
    """Whether what was recorded so far is a violation."""
    return judge(recorder.history(), model, budget=LIVE, weaker=False, level=level).outcome == "invalid"


def judge_drive(drive: Drive, store: Store, attempt: Callable[[Callable[[], Verdict]], Verdict | None]) -> Judged:
    """Judge what was recorded, by `attempt`, which may give up."""
    judged = attempt(lambda: judge(drive.recorder.history(), drive.model, budget=LIVE, level=drive.plan.level))
    judged = judged or undecided(drive.model, drive.recorder.invocations)
    drive.costs = costs(drive.recorder.ended(0), drive.model, drive.messages_sent)
    counted = seen_in(drive.recorder, drive.model)
    verdict = enough(doubted(judged, drive.convergence, drive.undecided), counted)
    verdict = drive.judged(with_findings(verdict, drive.findings))
    facts = verdict_json(
        verdict,
        outcomes=counted.total,
        seen=counted,
        **drive.costs.as_json(),
        availability=None if drive.available is None else round(drive.available.share, 6),
        faults=[msgspec.to_builtins(one) for one in drive.evidence],
        findings=[msgspec.to_builtins(one) for one in drive.findings],
        remarks=drive.remarks,
        convergence=None if drive.convergence is None else str(drive.convergence),
        interrupted=verdict.interrupted,
        stopped_ms=None if drive.violation is None else drive.violation.at_ms,
        target_error=None if drive.trouble is None else str(drive.trouble),
    )
    drive.keep_messages(store, verdict)
    result = Result(
        plan=drive.plan,
        verdict=verdict,
        seen=counted,
        nemesis=drive.recorder.nemesis,
        evidence=drive.evidence,
        costs=drive.costs,
        availability=None if drive.available is None else str(drive.available),
        convergence=None if drive.convergence is None else str(drive.convergence),
        remarks=drive.remarks,
        stopped=drive.stopped,
        trouble=None if drive.trouble is None else str(drive.trouble),
    )
    return Judged(drive, verdict, facts, result)


@dataclass
class Drive:
    """A run, and what it leaves beside its history."""

    plan: Plan
    timeout_s: float
    folder: Path
    recorder: Recorder
    heal: str | None
    flush: Callable[[], None] | None = None
    """Writes out what was recorded, and the run ends at its first violation; None: it goes on."""
    quiet: bool = False
    """Without lines of progress."""
    interrupted: bool = False
    """A signal ended it."""
    violation: Found | None = None
    """What ended the run, if a violation did."""
    evidence: list[Evidence] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    core: Core | None = None
    trouble: NaysayerError | None = None
    messages: MessageLog | None = None
    messages_sent: int | None = None
    """Between nodes and to and from services, where the harness sees them."""
    costs: Costs = field(default_factory=Costs)
    available: Availability | None = None

    @property
    def convergence(self) -> Convergence | None:
        """How the nodes converged after the healing, where they were to."""
        return None if self.core is None else self.core.convergence

    @property
    def undecided(self) -> str | None:
        """Why a valid verdict would be in doubt, if so."""
        if self.violation is not None:
            return "the run was stopped at a violation that judging it as a whole does not confirm"
        return None if self.core is None else self.core.undecided

    @property
    def stopped(self) -> str | None:
        """Where the run ended early, if a violation ended it."""
        if self.violation is None:
            return None
        key = "" if self.violation.key is None else f" on key {self.violation.key}"
        return f"at the first violation, {self.violation.at_ms / 1000:.1f} s after the start{key}; --no-stop goes on"

    @property
    def findings(self) -> list[Finding]:
        """What was found beside the history."""
        return [] if self.core is None else self.core.health.findings

    @property
    def model(self) -> str:
        """The model of the workload."""
        return find_workload(self.plan.workload).model

    async def run(self, make: Make) -> None:
        """Drive a cluster. What goes wrong with it, or under the results, is in `trouble`; the history is kept."""
        cluster = make()
        try:
            await self._drive(cluster)
        except NaysayerError as error:
            self.trouble = error
        except BaseExceptionGroup as group:
            ours, other = group.split((NaysayerError, OSError))
            if other is not None or ours is None:
                raise
            self.trouble = _ours(_leaves(ours)[0])
        except OSError as error:
            self.trouble = _ours(error)
        if isinstance(cluster, RemoteCluster) and cluster.left:
            before = "" if self.trouble is None else f"{self.trouble}; and "
            left = "; ".join(cluster.left)
            self.trouble = HarnessError(f"{before}left on the hosts: {left}; undo it with: {self.heal}")

    async def _drive(self, cluster: Cluster) -> None:
        """Start the cluster, drive it, and fetch what shows the faults. A signal ends the start, the run early, or a
        last round; it never disturbs the cleaning up."""
        if isinstance(cluster, ProcessCluster):
            cluster.keep(self.folder)
            self.messages = cluster.messages
        run = self._live_run(cluster)
        starting = trio.CancelScope()

        def stop() -> None:
            self.interrupted = True
            run.stop()
            starting.cancel()

        async with ended_by_signals(stop, ENDING if self.heal is None else UNDOING % self.heal), cluster:
            with starting:
                await cluster.start()
            if starting.cancelled_caught:
                raise HarnessError("interrupted while the system was started")
            async with trio.open_nursery() as nursery:
                if not self.quiet:
                    nursery.start_soon(watch, run, self.recorder)
                if self.flush is not None:
                    nursery.start_soon(self._stop_early, run, self.flush)
                await run.run()
                if self.messages is not None:
                    self.messages.run_began(trio.current_time() - run.now_ns() / 1e9)
                self.core, self.trouble = run.core, run.trouble
                await self._look_back(cluster, run.now_ns() / 1e6)
                nursery.cancel_scope.cancel()

    async def _stop_early(self, run: LiveRun, flush: Callable[[], None]) -> None:
        """End the run when what was recorded proves a violation."""
        try:
            found = await first_violation(self.folder / HISTORY, self.model, flush)
        except OSError as error:
            found = Found(error=str(error))
        if found is None or found.error is not None:
            why = "" if found is None else f": {found.error}"
            run.core.health.remarks.append(f"the run was judged only at its end, as the judge beside it ended{why}")
            return
        self.violation = found
        run.core.violation_proved()

    def _live_run(self, cluster: Cluster) -> LiveRun:
        plan, recorder, workload = self.plan, self.recorder, workload_of(self.plan)
        recovery_ms = max(RECOVERY_MS_MAX, 2000.0 * (plan.start_timeout_s or 0.0))
        must = lacking(self.model) if self.model in PROPERTIES else None
        setup = Setup(
            plan.clients,
            plan.seed,
            workload.start(),
            self._schedule(cluster),
            timeout_ms=self.timeout_s * 1000,
            timeout_ms_max=max(self.timeout_s * 1000, PATIENT_MS),
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
            broken=lambda: _violated(recorder, self.model, plan.level),
        )
        return LiveRun(cluster, setup, recorder)

    def _schedule(self, cluster: Cluster) -> Schedule | None:
        plan, interval_s = self.plan, self.plan.nemesis_interval_s
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

    async def _look_back(self, cluster: Cluster, now_ms: float) -> None:
        """What shows the faults, by the run's clock, what is to be remarked of the nodes, and the logs of hosts."""
        if isinstance(cluster, ProcessCluster):
            slow = slow_nodes(self.recorder.ended(0), fault_spans(self.recorder.nemesis), self.timeout_s)
            for node, what in slow.items():
                cluster.remark(str(cluster.error(node, what)))
        if self.core is not None and self.core.clients.unsupported and isinstance(cluster, StdioCluster):
            lacking = ", ".join(sorted(self.core.clients.unsupported))
            cluster.remark(f"the program does not support {lacking} (error 10): no more of these were invoked")
        remarks = [] if self.core is None else self.core.health.remarks
        self.evidence, self.remarks = cluster.evidence(), [*cluster.remarks, *remarks]
        if isinstance(cluster, ProcessCluster | RemoteCluster):
            self.evidence = [_earlier(one, cluster.now_ms() - now_ms) for one in self.evidence]
        if isinstance(cluster, StdioCluster):
            self.messages_sent = cluster.between_nodes
        if isinstance(cluster, RemoteCluster):
            await cluster.fetch_logs(self.folder / "logs")

    def judged(self, verdict: Verdict) -> Verdict:
        """The verdict, with what --availability asks for."""
        if self.plan.availability is None:
            return verdict
        self.available = availability(self.recorder.ended(0), self.recorder.nemesis)
        return with_availability(verdict, self.available, self.plan.availability)

    def keep_messages(self, store: Store, verdict: Verdict) -> None:
        """Leave the messages in the result folder, those around what is wrong in any case."""
        if self.messages is None:
            return
        ops = [op for part in verdict.parts if part.outcome == "invalid" for op in part.counterexample]
        if self.available is not None and self.available.first is not None:
            ops.append(self.available.first)
        margin = int(AROUND_S * 1e9)
        windows = [(op.call - margin, min(op.ret, op.call + int(self.timeout_s * 1e9)) + margin) for op in ops]
        windows += [(int((one.at_ms - BEFORE_MS) * 1e6), int(one.at_ms * 1e6) + margin) for one in self.findings]
        try:
            self.messages.keep(windows)
        except OSError as error:
            store.lost(MESSAGES, error)


def _earlier(one: Evidence, ms: float) -> Evidence:
    """Evidence by a clock that began later: that of the cluster begins before its nodes are started."""
    return msgspec.structs.replace(one, from_ms=one.from_ms - ms, to_ms=None if one.to_ms is None else one.to_ms - ms)


def _ours(error: BaseException) -> NaysayerError:
    """An error of the system, such as a full disk under the results, as one of ours."""
    return error if isinstance(error, NaysayerError) else HarnessError(f"the run could not go on: {error}")


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def doubted(verdict: Verdict, convergence: Convergence | None, undecided: str | None = None) -> Verdict:
    """What is to be there in the end cannot be called right where a node did not show it; nor a system right of which
    it could not be judged, for the reason `undecided`, whether it came back to life."""
    if convergence is not None and not convergence.complete:
        undecided = f"not every node was seen to be complete: {convergence}"
    if verdict.outcome != "valid" or undecided is None:
        return verdict
    part = Part(None, "unknown", "outcomes", verdict.operations, reason=undecided)
    return replace(verdict, outcome="unknown", parts=(part, *verdict.parts))
