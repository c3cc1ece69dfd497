"""`naysayer hunt` in real time: runs of a system until one fails, which is then reduced by repetition."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from msgspec.structs import replace as with_fields

from checker.english import counted
from checker.errors import UsageError
from naysayer.commands.backends import choose, workloads_for
from naysayer.commands.drive import Judged, System, drive_plan, judge_drive, page_source
from naysayer.commands.live import Backend, live_plan
from naysayer.hunt.finding import DIAGRAM, ORIGINAL
from naysayer.hunt.mixes import SURVIVABLE, draw_mix
from naysayer.hunt.repetition import (
    RUNS,
    Setting,
    Tally,
    category,
    described,
    reduce,
    suspects_of,
)
from naysayer.hunt.traffic import draw_traffic
from naysayer.options import HuntOptions, RunOptions, given
from naysayer.page.source import reader_of_plan
from naysayer.plan import Plan, workload_of
from naysayer.report.build import build_report
from naysayer.report.conclusion import Conclusion, conclusion
from naysayer.report.console import console
from naysayer.report.terminal import show
from naysayer.results import HISTORY, new_folder, refuse_unwritable
from naysayer.signals import StopRequest
from naysayer.store import Store
from nemesis import named as named_faults
from workloads.tailored import Sizes

FOUND, NOTHING, UNDECIDED, ERROR = 1, 0, 2, 3

SEEDS = 20
"""How many seeds are tried, unless a number or a time is given."""

RUN_S = 30.0
"""How long each is run."""

LEAST_S = 2.0
"""A run shorter than this would see nothing."""

QUICK_S = (4.0, 10.0)
"""How long the runs of a reduction are: at first the longest, then twice as long as the slowest that found it."""

REDUCE_S_MAX = 240.0
"""How long reducing may take."""

ATTEMPT, HIT, REDUCED = "attempt", "hit", "reduced"
"""The folders, within that of a hunt, of the current run, of the last run of a setting that failed, until it is known
whether the setting is kept, and of the last that a kept one made fail."""


@dataclass(frozen=True)
class Run:
    """A run of a hunt: its folder, what came of it, and how long it took (s)."""

    folder: Path
    store: Store
    judged: Judged
    took_s: float

    @property
    def failed(self) -> bool:
        """Whether it found a violation."""
        return self.judged.verdict.outcome == "invalid"

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended it."""
        return self.judged.drive.interrupted

    @property
    def violated_s(self) -> float:
        """When the violation was there, in seconds since the run began."""
        found, proof = self.judged.drive.violation, self.judged.verdict.worst
        if found is not None:
            return found.at_ms / 1000
        if proof is not None and proof.counterexample:
            return max(op.call if op.pending else op.ret for op in proof.counterexample) / 1e9
        return self.took_s

    def keep(self, folder: Path, result: str | None = None) -> Run:
        """Write verdict and report, and move it all to another folder, in place of what is there."""
        built = replace(self.judged.result, reproduces=result)
        self.store.keep(build_report(built, folder), self.judged.facts)
        if folder.exists():
            shutil.rmtree(folder)
        self.folder.rename(folder)
        self.store.folder = folder
        return replace(self, folder=folder)


@dataclass
class LiveHunt:
    """One hunt of a real system."""

    options: HuntOptions
    backend: Backend
    system_of: Callable[[Plan], System]
    workloads: tuple[str, ...]
    stop: StopRequest
    folder: Path = Path()
    seeds: int = 0
    undecided: int = 0
    runs: int = 0
    """Of the reduction."""
    began_s: float = field(default_factory=time.monotonic)
    searched_s: float = 0.0
    """How long the search took."""
    interrupted: bool = False

    def plan(self, seed: int, time_s: float) -> Plan:
        """The plan of a seed: what is not given is drawn."""
        asked, nodes = self.options, self.options.nodes or self.backend.nodes
        run = RunOptions(
            binary=asked.binary, cluster=asked.cluster, nodes=nodes, clients=asked.clients, seed=seed, time_s=time_s
        )
        plan = live_plan(self.backend, run)
        possible = [
            name
            for name in SURVIVABLE
            if named_faults.find(name).needs <= self.backend.faults and named_faults.find(name).nodes <= nodes
            if asked.binary is None or name in plan.nemesis or name not in ("duplicate-phase", "power", "torn")
        ]
        mix = draw_mix(seed, self.workloads, plan.nemesis, possible)
        named = self.backend.defaults.get("nemesis") if asked.nemesis is None else asked.nemesis
        if named is not None:
            names = tuple(named_faults.find(name).name for name in named)
            mix = replace(mix, nemesis=names, deck=True)
        return with_fields(plan, workload=mix.workload, nemesis=mix.nemesis, deck=mix.deck)

    def left_s(self) -> float:
        """How much of the time for the search is left."""
        return float("inf") if self.options.time is None else self.options.time - (time.monotonic() - self.began_s)

    def search(self) -> Run | None:
        """Try seeds until one fails or has trouble, or until the bound or a signal; returns the last run."""
        run: Run | None = None
        asked = self.options
        count = asked.seeds if asked.seeds is not None or asked.time is not None else SEEDS
        seed = asked.first_seed
        while (count is None or self.seeds < count) and self.left_s() >= (LEAST_S if self.seeds else 0.0):
            run = self.run(self.plan(seed, max(LEAST_S, min(RUN_S, self.left_s()))))
            self.seeds += 1
            plan, verdict = run.judged.drive.plan, run.judged.verdict
            self.undecided += verdict.outcome == "unknown"
            self.searched_s = time.monotonic() - self.began_s
            faults = f"{', '.join(plan.nemesis) or 'no faults'}{'' if plan.deck else ', at random times'}"
            self.say(f"seed {seed}: {verdict.outcome} after {run.took_s:.0f} s  ({plan.workload}; {faults})")
            if run.failed or run.judged.drive.trouble is not None or self.interrupted:
                break
            seed += 1
        return run

    def run(self, plan: Plan) -> Run:
        """Run and judge a plan, in the folder of attempts."""
        folder = self.folder / ATTEMPT
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        began_s = time.monotonic()
        with console().status(f"running {self.backend.name} for up to {plan.time_s:.0f} s"):
            store, drive = drive_plan(plan, self.system_of(plan), folder, given(self.options), quiet=True)
        took_s = time.monotonic() - began_s
        self.interrupted = self.interrupted or drive.interrupted or self.stop.made
        return Run(folder, store, judge_drive(drive, store, lambda work: work()), took_s)

    def reduce(self, original: Run) -> tuple[Run, str | None]:
        """The run of the smallest setting that reproduces the failure, and how often it did; the original if none
        does."""
        judged = original.judged
        plan, kind = judged.drive.plan, category(judged.verdict)
        whole = Setting(None, plan.clients)
        suspects = suspects_of(judged.drive.recorder.nemesis, judged.verdict, judged.drive.findings)
        until_s = time.monotonic() + REDUCE_S_MAX
        quick_s = QUICK_S[1]
        best: Run | None = None

        def once(setting: Setting, tally: Tally) -> tuple[Tally, Run | None]:
            smaller = _with(plan, setting, quick_s, plan.seed + self.runs)
            self.runs += 1
            run = self.run(smaller)
            hit = run.failed and category(run.judged.verdict) == kind
            return tally.counting(run.violated_s if hit else None), run if hit else None

        def attempt(setting: Setting) -> Tally | None:
            nonlocal best, quick_s
            tally, latest = Tally(), None
            while not tally.decided:
                if self.interrupted or time.monotonic() > until_s:
                    return None
                try:
                    tally, hit = once(setting, tally)
                except UsageError:
                    return tally  # a workload without keys
                if hit is not None:
                    latest = hit.keep(self.folder / HIT)
            self.say(f"  {described(setting, tally)}{'' if tally.reproduces else ': not kept'}")
            if tally.reproduces and latest is not None:
                best = latest.keep(self.folder / REDUCED)
                quick_s = min(QUICK_S[1], max(QUICK_S[0], 2 * tally.within_s))
            return tally

        setting, tally = reduce(whole, suspects, attempt)
        if best is None or tally is None:
            return original, None
        while tally.runs < RUNS and not self.interrupted:
            tally, _ = once(setting, tally)
        return best, described(setting, tally)

    def keep_files(self, run: Run) -> None:
        """Leave the files of a run in the hunt's folder, and no other run but the original."""
        shutil.copytree(run.folder, self.folder, dirs_exist_ok=True)
        for name in (ATTEMPT, HIT, REDUCED):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        run.store.folder = self.folder

    def say(self, words: str) -> None:
        """A line of progress."""
        console().print(words, markup=False, highlight=False, soft_wrap=True)


def _with(plan: Plan, setting: Setting, time_s: float, seed: int) -> Plan:
    """The plan with a setting's faults, clients and keys. Kinds of faults that it has none of are left out.

    Raises UsageError for a workload without keys.
    """
    faults = [one.fault for one in setting.suspects or ()]
    names = [name for name in plan.nemesis if any(one.tag in named_faults.find(name).needs for one in faults)]
    sizes = plan.sizes if setting.keys is None else with_fields(plan.sizes or Sizes(), key_count=setting.keys)
    smaller = with_fields(
        plan,
        seed=seed,
        time_s=time_s,
        nemesis=tuple(names),
        suspects=setting.suspects,
        clients=setting.clients,
        sizes=sizes,
    )
    workload_of(smaller)
    return smaller


def hunt_live(target: str | None, options: HuntOptions) -> Conclusion:
    """Hunt, reduce, keep, report. `target`: a bundled system, if one is. Raises UsageError for what does not fit.

    SIGINT and SIGTERM end the search, or the reduction: what was found by then is reported.
    """
    refuse_unwritable(options.results)
    asked = RunOptions(
        target=target, binary=options.binary, cluster=options.cluster, client=options.client, nodes=options.nodes
    )
    backend, system_of = choose(asked)
    workloads = workloads_for(asked, options.workload or backend.defaults.get("workload"), backend.workload)
    with StopRequest() as stop:
        hunt = LiveHunt(options, backend, system_of, workloads, stop)
        first = hunt.plan(options.first_seed, RUN_S)
        system_of(first)  # refuses what does not fit, before anything is started
        hunt.folder = new_folder(options.results, first.name)
        run = hunt.search()
        if run is None or not run.failed:
            return _nothing(hunt, run)
        original = run.keep(hunt.folder / ORIGINAL)
        hunt.say(f"seed {original.judged.drive.plan.seed} fails; reducing it, up to {REDUCE_S_MAX:.0f} s")
        reduced, result = (original, None) if hunt.interrupted else hunt.reduce(original)
    return _report(hunt, original, reduced, result)


def _report(hunt: LiveHunt, original: Run, reduced: Run, result: str | None) -> Conclusion:
    """Keep what is left in the hunt's folder, and show it."""
    hunt.keep_files(reduced)
    screen, judged = console(), reduced.judged
    report = build_report(replace(judged.result, reproduces=result), hunt.folder)
    said = "Not reduced: no suspected fault alone made it fail again." if result is None else f"Reduced to: {result}"
    said += f" ({counted(hunt.runs, 'run')})"
    nemesis, read = judged.drive.recorder.nemesis, reader_of_plan(judged.drive.plan)
    draw = partial(draw_traffic, hunt.folder, judged.verdict, nemesis, read=read)
    drawn = draw()
    if drawn is not None:
        reduced.store.add(DIAGRAM, f"{said}\n\n{drawn}\n".encode())
    reduced.store.keep(report, judged.facts, page_source(judged, report, hunt.folder))
    screen.print(f"\n{said}\n", markup=False, highlight=False, soft_wrap=True)
    if (fitting := draw(width=screen.width)) is not None:
        screen.print(f"{fitting}\n", highlight=False, markup=False, soft_wrap=True)
    show(report, screen)
    seed = original.judged.drive.plan.seed
    screen.print(f"✗ {hunt.backend.name}: seed {seed} fails, after {_effort(hunt)}", markup=False, soft_wrap=True)
    concluded = conclusion(report, judged.facts, folder=hunt.folder, history=hunt.folder / HISTORY)
    return replace(
        concluded, code=FOUND, title=hunt.backend.name, hunt=_facts(hunt, seed, result), error=reduced.store.trouble
    )


def _nothing(hunt: LiveHunt, last: Run | None) -> Conclusion:
    screen, name = console(), hunt.backend.name
    trouble = None if last is None else last.judged.drive.trouble
    nothing = Conclusion(NOTHING, name, hunt=_facts(hunt, None, None))
    if last is not None:
        hunt.keep_files(last)
        report = build_report(last.judged.result, hunt.folder)
        last.store.keep(report, last.judged.facts, page_source(last.judged, report, hunt.folder))
        nothing = replace(nothing, folder=hunt.folder, history=hunt.folder / HISTORY)
    if hunt.interrupted:
        screen.print(f"? {name}: interrupted; nothing found in {_effort(hunt)}", markup=False, soft_wrap=True)
        return replace(nothing, code=UNDECIDED, error="interrupted")
    if trouble is not None:
        screen.print(f"! {name}: {trouble} ({_effort(hunt)})", markup=False, soft_wrap=True)
        return replace(nothing, code=ERROR, error=str(trouble))
    undecided = f", {hunt.undecided} undecided" if hunt.undecided else ""
    said = f"✓ {name}: nothing found in {_effort(hunt)}{undecided}; the last run is in {hunt.folder}"
    screen.print(said, markup=False, soft_wrap=True)
    return replace(nothing, code=UNDECIDED) if hunt.undecided else nothing


def _effort(hunt: LiveHunt) -> str:
    return f"{counted(hunt.seeds, 'seed')}, {hunt.searched_s:.0f} s"


def _facts(hunt: LiveHunt, seed: int | None, result: str | None) -> dict[str, int | float | str | bool | None]:
    return {
        "seeds": hunt.seeds,
        "seed": seed,
        "undecided": hunt.undecided,
        "interrupted": hunt.interrupted,
        "reproduces": result,
    }
