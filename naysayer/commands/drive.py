"""One test against a cluster that really runs: drive it, judge what was recorded, report it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import trio

from checker.errors import HarnessError, NaysayerError, UsageError
from checker.following import followed
from checker.verdict import Part, Verdict
from naysayer.availability import Availability, availability, with_availability
from naysayer.commands.test import conclude
from naysayer.early import first_violation
from naysayer.fault_spans import fault_spans
from naysayer.findings import Finding, with_findings
from naysayer.follow import Found
from naysayer.harness.convergence import Convergence
from naysayer.harness.core import Core
from naysayer.judge import LIVE, enough, judge, undecided
from naysayer.live import LiveRun
from naysayer.options import RunOptions, given
from naysayer.page.source import Source, source_of_run
from naysayer.performance import Costs, costs
from naysayer.plan import Plan, text
from naysayer.real_time import setup_of
from naysayer.recorder import Recorder
from naysayer.report.build import Result, build_report, seen_in
from naysayer.report.conclusion import Conclusion
from naysayer.report.progress import watch
from naysayer.report.report import Report
from naysayer.results import HISTORY, new_folder, verdict_json
from naysayer.signals import Reporting, ended_by_signals
from naysayer.slow import slow_nodes
from naysayer.store import Store
from targets.backends.hosts.cluster import UNDO_S_MAX, RemoteCluster
from targets.backends.processes.messages import MESSAGES, MessageLog
from targets.backends.processes.processes import ProcessCluster
from targets.backends.stdio.cluster import StdioCluster
from targets.protocol.cluster import Cluster
from targets.protocol.fault import Evidence
from workloads.registry import find as find_workload

ENDING = "the processes are being ended"
UNDOING = (
    f"the faults are being undone on the hosts, within {UNDO_S_MAX:.0f} s; if this process is killed now, "
    "%s undoes them"
)

AROUND_S = 0.1
"""Messages are kept from so long before the operations of a counterexample to so long after them."""

BEFORE_MS = 1000.0
"""Messages are kept from so long before a node died, hung or was found not live."""

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
        flush = None if no_stop or not followed(find_workload(plan.workload).model) else store.flush
        drive = Drive(plan, system.timeout_s, folder, Recorder(store), system.heal, flush, quiet)
        trio.run(drive.run, system.make)
    if isinstance(drive.trouble, UsageError) and not drive.recorder.invocations:
        raise drive.trouble  # there is nothing to judge
    return store, drive


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
        run = LiveRun(cluster, setup_of(self.plan, cluster, self.recorder, self.timeout_s), self.recorder)
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
            found = await first_violation(self.folder / HISTORY, self.plan.level or self.model, flush)
        except OSError as error:
            found = Found(error=str(error))
        if found is None or found.error is not None:
            why = "" if found is None else f": {found.error}"
            run.core.health.remarks.append(f"the run was judged only at its end, as the judge beside it ended{why}")
            return
        self.violation = found
        run.core.violation_proved()

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
