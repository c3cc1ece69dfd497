"""`naysayer report RESULT`: the page of a result made anew, from the files that the run left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from checker.errors import UsageError
from checker.formats import read as read_history
from checker.history import INFO, History
from naysayer.fault_spans import fault_spans
from naysayer.mechanism import with_mechanism
from naysayer.page.source import Source, source_of_run
from naysayer.page.write import write_page
from naysayer.plan import Plan, read
from naysayer.play import notation, timed
from naysayer.play.notation import SCENARIO
from naysayer.report.build import Result, build_report
from naysayer.report.console import console
from naysayer.report.nodes import with_nodes
from naysayer.report.report import Report
from naysayer.results import HISTORY, PAGE, TEST, VERDICT, Kept, open_folder, read_verdict
from naysayer.seen import seen
from naysayer.simulate import Run
from targets.protocol.fault import FAULT, Evidence, Fault

DIFFERS = "No messages and no node states: this version of Naysayer runs it differently (naysayer replay tells)."


def report_result(what: Path) -> Path:
    """Write report.html into a result folder; returns the file. Raises UsageError for what is no complete result."""
    folder = open_folder(what)
    source = source_of_folder(folder)
    place = folder / PAGE
    write_page(place, source)
    console().print(f"page      {place}", soft_wrap=True)
    return place


def source_of_folder(folder: Path) -> Source:
    """What the page of a result is made of: as the run left it, and judged it. Nothing is judged again."""
    plan, history_file = read(folder / TEST), folder / HISTORY
    if not history_file.is_file():
        raise UsageError(f"{folder} has no {HISTORY}: its run was aborted, or it is not complete")
    kept, verdict = read_verdict(folder / VERDICT)
    history = read_history(history_file, model=verdict.model).history
    known = set(history.index.tolist())
    lacking = [op.index for part in verdict.parts for op in part.counterexample if op.index not in known]
    if lacking:
        raise UsageError(f"{history_file} has no operation #{lacking[0]}, which {VERDICT} names: it was cut off")
    nemesis = list(_events(history_file))
    result = Result(
        plan=plan,
        verdict=verdict,
        seen=seen(history, verdict.model, fault_spans(nemesis)),
        nemesis=nemesis,
        evidence=list(_evidence(kept)),
        fault_phase_ms=kept.fault_phase_ms,
        violated_ms=kept.violated_ms,
        remarks=kept.remarks,
        convergence=kept.convergence,
        interrupted=kept.interrupted,
        trouble=kept.target_error,
    )
    plain = build_report(result, folder)
    report = _with_nodes(plan, folder, plain)
    if report.traced is not None and not _repeats(report.traced, history):
        source = source_of_run(plain, history, plan, nemesis, result.evidence, folder)
        return replace(source, lacking=DIFFERS)
    return source_of_run(report, history, plan, nemesis, result.evidence, folder)


def _with_nodes(plan: Plan, folder: Path, report: Report) -> Report:
    """What the nodes held and sent, of a simulated run, which is run again for that."""
    if plan.backend != "simulator":
        return report
    scenario = folder / SCENARIO
    if scenario.is_file():
        script = notation.read(scenario)
        return with_mechanism(plan, with_nodes(plan, report, partial(timed.rerun, script), always=True), script)
    return with_mechanism(plan, with_nodes(plan, report, always=True))


def _repeats(traced: Run, history: History) -> bool:
    """Whether a run that was repeated for the page is the recorded one, by the times of all calls and returns."""
    again = traced.recorder.history()
    known, ended = len(again), again.status != INFO
    if known > len(history) or not np.array_equal(again.call, history.call[:known]):
        return False
    return bool(np.array_equal(again.ret[ended], history.ret[:known][ended]))


class _Event(msgspec.Struct):
    """A line of history.jsonl, as far as it tells of the nemesis."""

    type: str
    time: int = 0
    fault: Any = None


def _events(history: Path) -> Iterator[tuple[float, Fault]]:
    """The nemesis' events in a history (time in ms, fault), without those that this version does not know."""
    decoder = msgspec.json.Decoder(_Event)
    with history.open("rb") as lines:
        for line in lines:
            if b'"nemesis"' not in line:
                continue
            try:
                event = decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue  # the line of an operation, or one that was cut off
            fault = _fault(event.fault) if event.type == "nemesis" else None
            if fault is not None:
                yield event.time / 1e6, fault


def _evidence(kept: Kept) -> Iterator[Evidence]:
    for one in kept.faults:
        fault = _fault(one.fault)
        if fault is not None:
            yield Evidence(fault, one.from_ms, one.to_ms, one.shown, one.detail)


def _fault(built: Any) -> Fault | None:
    """The fault that was written down; None for one that this version does not know."""
    try:
        fault: Fault = msgspec.convert(built, FAULT)
    except msgspec.ValidationError:
        return None
    return fault
