"""`naysayer test --live`, `--bin` and `--cluster`: the same test against what really runs."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import trio

from checker.errors import HarnessError, NaysayerError, UsageError
from checker.properties import PROPERTIES, lacking
from checker.verdict import Part, Verdict
from naysayer.commands.test import conclude
from naysayer.judge import judge
from naysayer.live import LiveRun
from naysayer.plan import DEFAULT_NEMESIS, Plan, refuse_sizes, text
from naysayer.recorder import Recorder
from naysayer.report.console import console
from naysayer.report.progress import watch
from naysayer.report.story import Story
from naysayer.results import HISTORY, new_folder, verdict_json
from naysayer.settle import Settling
from naysayer.signals import ended_by_signals
from naysayer.slow import slow_nodes
from naysayer.store import Store
from naysayer.tell import fault_spans, label
from nemesis import catalog
from nemesis.mix import Mix
from targets.cluster import Cluster
from targets.fault import Evidence
from targets.live.cluster import LiveCluster
from targets.live.processes import ProcessCluster
from targets.registry import find as find_target
from targets.remote.cluster import UNDO_S_MAX, RemoteCluster, faults_of, what_it_takes
from targets.remote.config import ClusterConfig, load
from targets.stdio.cluster import StdioCluster
from targets.stdio.protocol import DIALECTS
from workloads.registry import find as find_workload

STRETCH = 8.0
"""Faults on real processes come this much slower than in the simulator: about one in half a second."""

TIME_S = 10.0
ERROR = 3

ENDING = "the processes are being ended"
UNDOING = f"the faults are being undone on the hosts, within {UNDO_S_MAX:.0f} s; if I am killed now, %s undoes them"
HEALING = "the hosts are being healed, which takes a moment; if I am killed now, heal again"

Make = Callable[[], Cluster]


def test_live(plan: Plan, timeout_s: float, results: Path) -> int:
    """Nodes of a target of ours as processes on this machine."""
    target = find_target(plan.target)
    lacking = sorted(find_workload(plan.workload).operations - target.operations)
    if lacking:
        raise UsageError(f"workload {plan.workload} needs {', '.join(lacking)}, which {target.name} does not offer")
    _refuse_faults(plan, LiveCluster.faults, "a cluster of processes on this machine")
    return _test(plan, lambda: LiveCluster(target, plan.nodes, plan.seed), timeout_s, results)


def test_binary(plan: Plan, timeout_s: float, results: Path) -> int:
    """A binary behind Maelstrom's protocol, started once for each node."""
    if plan.workload not in DIALECTS:
        raise UsageError(f"--bin speaks Maelstrom's workloads ({', '.join(DIALECTS)}), not {plan.workload!r}")
    _refuse_faults(plan, ProcessCluster.faults, "a binary behind stdin and stdout")
    command = shlex.split(plan.target)
    return _test(plan, lambda: StdioCluster(command, plan.workload, plan.nodes, plan.seed), timeout_s, results)


def test_remote(file: Path, config: ClusterConfig, plan: Plan, results: Path) -> int:
    """A cluster on other hosts, told by cluster.toml."""
    lacking = sorted(find_workload(plan.workload).operations - set(config.client.operations))
    if lacking:
        raise UsageError(
            f"workload {plan.workload} needs {', '.join(lacking)}; {file} offers {config.client.operations}"
        )

    for name in plan.nemesis:
        missing = catalog.find(name).needs - faults_of(config)
        if missing:
            raise UsageError(f"fault {name} cannot be carried out on these hosts: it needs {what_it_takes(missing)}")
    wanted = {name: catalog.find(name).needs for name in plan.nemesis}
    left = f"naysayer heal {file}"
    return _test(plan, lambda: RemoteCluster(config, wanted), config.client.timeout_s, results, left)


def heal(file: Path) -> int:
    """`naysayer heal cluster.toml`: undo what a lost run left on the hosts."""
    config = load(file)
    screen = console()

    async def main() -> int:
        cluster = RemoteCluster(config)
        failed = 0
        async with ended_by_signals(lambda: None, HEALING):
            for node in cluster.nodes:
                troubles = await cluster.undo(node)
                failed += bool(troubles)
                for trouble in troubles:
                    screen.print(f"✗ {trouble}", markup=False, soft_wrap=True)
                if not troubles and not await cluster.runs(node):
                    screen.print(f"! {node}: the system does not run; its start command is yours to give", markup=False)
            await cluster.close()
        return failed

    failed = trio.run(main)
    screen.print(f"{'✗' if failed else '✓'} {len(config.nodes) - failed} of {len(config.nodes)} hosts healed")
    return ERROR if failed else 0


def live_plan(
    target: str,
    world: str,
    *,
    workload: str,
    nemesis: tuple[str, ...] | None,
    faults: frozenset[str],
    nodes: int,
    clients: int | None,
    operations: int | None,
    time_s: float | None,
    seed: int,
) -> Plan:
    """A plan for what really runs; by default with those of the usual faults that it can carry out."""
    if nemesis is None:
        nemesis = usual_faults(faults, nodes)
    if operations is None and time_s is None:
        time_s = TIME_S
    names = tuple(catalog.find(name).name for name in nemesis)
    plan = Plan(target, workload, names, nodes, 5 if clients is None else clients, seed, operations, time_s, world)
    refuse_sizes(plan)
    return plan


def usual_faults(faults: frozenset[str], nodes: int) -> tuple[str, ...]:
    """Those of the usual faults that a cluster with these tags can carry out."""
    return tuple(
        name for name in DEFAULT_NEMESIS if catalog.find(name).needs <= faults and catalog.find(name).nodes <= nodes
    )


def _refuse_faults(plan: Plan, faults: frozenset[str], where: str) -> None:
    for name in plan.nemesis:
        missing = sorted(catalog.find(name).needs - faults)
        if missing:
            raise UsageError(f"fault {name} needs {', '.join(missing)}, which {where} cannot carry out")


@dataclass
class _Driven:
    """What a run left beside its history."""

    evidence: list[Evidence] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    settling: Settling | None = None
    trouble: NaysayerError | None = None


def _test(plan: Plan, make: Make, timeout_s: float, results: Path, heal: str | None = None) -> int:
    """`heal`: the command that undoes what this run would leave on hosts if it were killed."""
    workload = find_workload(plan.workload)
    folder = new_folder(results, plan.name)
    driven = _Driven()
    with Store(folder, text(plan)) as store:
        recorder = Recorder(store)
        trio.run(_guard, plan, make, recorder, driven, timeout_s, folder, heal)
    verdict = doubted(judge(recorder.history(), workload.model), recorder, driven.settling)
    facts = verdict_json(
        verdict,
        outcomes=recorder.counts,
        faults=[msgspec.to_builtins(one) for one in driven.evidence],
        remarks=driven.remarks,
        settled=None if driven.settling is None else str(driven.settling),
        target_error=None if driven.trouble is None else str(driven.trouble),
    )
    return conclude(store, _story(plan, recorder, verdict, driven, folder), facts)


async def _guard(
    plan: Plan,
    make: Make,
    recorder: Recorder,
    driven: _Driven,
    timeout_s: float,
    folder: Path,
    heal: str | None,
) -> None:
    """Drive the run; what goes wrong with the target or under the results is noted, and the history is kept."""
    cluster = make()
    try:
        await _drive(plan, cluster, recorder, driven, timeout_s, folder, heal)
    except NaysayerError as error:
        driven.trouble = error
    except BaseExceptionGroup as group:
        ours, other = group.split((NaysayerError, OSError))
        if other is not None or ours is None:
            raise
        driven.trouble = _ours(_leaves(ours)[0])
    except OSError as error:
        driven.trouble = _ours(error)
    if isinstance(cluster, RemoteCluster) and cluster.left:
        before = "" if driven.trouble is None else f"{driven.trouble}; and "
        driven.trouble = HarnessError(f"{before}left on the hosts: {'; '.join(cluster.left)}; undo it with: {heal}")


async def _drive(
    plan: Plan,
    cluster: Cluster,
    recorder: Recorder,
    driven: _Driven,
    timeout_s: float,
    folder: Path,
    heal: str | None,
) -> None:
    """Start the cluster, drive it, and fetch what shows the faults. A signal ends the start, the run early, or a last
    round; it never disturbs the cleaning up."""
    workload = find_workload(plan.workload)
    must = lacking(workload.model) if workload.model in PROPERTIES else None
    run = LiveRun(
        cluster,
        workload.start(),
        Mix(plan.nemesis, stretch=STRETCH) if plan.nemesis else None,
        recorder,
        plan.clients,
        plan.seed,
        timeout_s,
        plan.time_s,
        plan.operations,
        workload.finish,
        workload.settle,
        None if must is None else lambda: must(recorder.ended(0)),
        lambda: judge(recorder.history(), workload.model).outcome == "invalid",
    )
    starting = trio.CancelScope()

    def stop() -> None:
        run.stop()
        starting.cancel()

    async with ended_by_signals(stop, ENDING if heal is None else UNDOING % heal), cluster:
        with starting:
            await cluster.start()
        if starting.cancelled_caught:
            raise HarnessError("interrupted while the system was started")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, run, recorder)
            await run.run()
            driven.settling, driven.trouble = run.settling, run.trouble
            if isinstance(cluster, ProcessCluster):
                for node, what in slow_nodes(recorder.ended(0), fault_spans(recorder.nemesis), timeout_s).items():
                    cluster.remark(str(cluster.error(node, what)))
            driven.evidence, driven.remarks = cluster.evidence(), cluster.remarks
            if isinstance(cluster, RemoteCluster):
                await cluster.fetch_logs(folder / "logs")
            nursery.cancel_scope.cancel()


def _ours(error: BaseException) -> NaysayerError:
    """An error of the system, such as a full disk under the results, as one of ours."""
    return error if isinstance(error, NaysayerError) else HarnessError(f"the run could not go on: {error}")


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def doubted(verdict: Verdict, recorder: Recorder, settling: Settling | None) -> Verdict:
    """Where nothing succeeded nothing was seen, and what was not seen cannot be called right; nor can what is to be
    there in the end be, where a node did not show it."""
    if not recorder.counts["ok"] and recorder.invocations:
        reason = f"none of {recorder.invocations} operations succeeded, so nothing was seen of the system"
        errors = Counter(op.error for op in recorder.ended(0) if op.error)
        reason += "".join(f"; most often: {error}" for error, _ in errors.most_common(1))
    elif settling is not None and not settling.complete:
        reason = f"not every node was seen to be complete: {settling}"
    else:
        return verdict
    if verdict.outcome != "valid":
        return verdict
    part = Part(None, "unknown", "outcomes", recorder.invocations, reason=reason)
    return replace(verdict, outcome="unknown", parts=(part, *verdict.parts))


def _story(
    plan: Plan,
    recorder: Recorder,
    verdict: Verdict,
    driven: _Driven,
    folder: Path,
) -> Story:
    evidence, counts = driven.evidence, recorder.counts
    ops = f"{recorder.invocations} ops: {counts['ok']} ok · {counts['fail']} fail · {counts['info']} unknown"
    shown = [one for one in evidence if one.shown]
    faults = f"{', '.join(plan.nemesis) or 'none'} · {len(shown)} of {len(evidence)} shown by evidence"
    facts = [
        ("target", f"{plan.target}  {plan.nodes} nodes  {plan.world}"),
        ("workload", f"{plan.workload}  {plan.clients} clients, {ops}"),
        ("faults", faults),
        *(("shown", what) for what in _by_kind(shown)),
    ]
    if driven.settling is not None:
        facts.append(("settled", str(driven.settling)))
    facts += [("remark", what) for what in driven.remarks]
    missing = [f"{label(one.fault)}: {one.detail}" for one in evidence if not one.shown]
    return Story(
        verdict,
        plan.target,
        facts=tuple(facts),
        ends=(("again", f"naysayer check {folder / HISTORY} --model {verdict.model}"),),
        spans=tuple(fault_spans(recorder.nemesis)),
        unproven=(f"{len(missing)} faults could not be shown to take effect ({missing[0]})",) if missing else (),
        trouble=None if driven.trouble is None else str(driven.trouble),
    )


def _by_kind(shown: list[Evidence]) -> list[str]:
    """A line for each kind of fault: how often, and what showed the last of them."""
    last = {str(one.fault.__struct_config__.tag): one for one in shown}
    count = Counter(str(one.fault.__struct_config__.tag) for one in shown)
    return [f"{count[kind]} × {kind}, the last: {label(one.fault)}: {one.detail}" for kind, one in last.items()]
