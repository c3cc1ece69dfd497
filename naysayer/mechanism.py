"""How a violation of a simulated run came about: what kept a value from the node that should have answered with it, and
which faults it needed.

What is said of messages is observed. A fault is called necessary only if the run was repeated without it, all else
being equal, and there was no violation.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec.structs import replace as with_fields

from checker import Budget
from checker.history import PENDING, Operation
from checker.verdict import Part
from naysayer.exchanges import by_operation, request_of
from naysayer.harness.clients import ROUNDING_MS
from naysayer.judge import RUN_STEPS, judge
from naysayer.notation import value_text
from naysayer.page.traffic import value_of
from naysayer.page.used import used_of
from naysayer.plan import Plan
from naysayer.play import timed
from naysayer.play.timed import Scenario, TimedFault
from naysayer.recorder import Recorder
from naysayer.report.report import Report
from naysayer.report.terminal import operations_of
from naysayer.simulate import Probe, Run, Simulation
from naysayer.views import held
from targets.backends.simulator.network import MS, Sent
from targets.protocol.fault import Fault, Hold
from targets.registry import find as find_target
from workloads.registry import find as find_workload

FAULTS_MAX = 4
"""So many faults are left out, one at a time."""

SECONDS_MAX = 1.0
"""CPU time for all of that."""


def with_mechanism(plan: Plan, report: Report, scenario: Scenario | None = None) -> Report:
    """The report of a traced run with its mechanism, if that is known. `scenario`: what was run instead of the plan."""
    part, run = report.verdict.worst, report.traced
    culprit = _culprit(part)
    if part is None or run is None or culprit is None or culprit.ret == PENDING or part.method == "invariant":
        return report
    operations = operations_of(part)
    told = (_where(operations, culprit, report), _kept_to_itself(operations, culprit, report), _answer(culprit, run))
    sentences = [one for one in told if one is not None]
    suspects = _suspects(operations, run)
    replays = bool(suspects) and not find_target(plan.target).foreign  # programs of users may not repeat themselves
    tried = _replayed(plan, scenario, suspects, culprit) if replays else None
    if tried is not None:
        sentences += _needed(suspects[: len(tried)], tried)
    return replace(report, mechanism=tuple(sentences)) if sentences else report


def _culprit(part: Part | None) -> Operation | None:
    if part is None or part.explanation is None:
        return None
    return next((op for op in part.counterexample if op.index == part.explanation.culprit), None)


def _messages(op: Operation, run: Run) -> list[Sent]:
    trace = run.trace or []
    request = request_of(op, trace)
    return [] if request is None else by_operation(trace).get(request.id, [])


def _where(operations: Sequence[Operation], culprit: Operation, report: Report) -> str | None:
    """Which nodes held the value that the culprit should have found, and what became of it on its way to the others."""
    run = report.traced
    newest = next((op for op in reversed(operations) if op.f == "write" and op.input != culprit.output), None)
    if run is None or newest is None or culprit.f != "read" or not report.views:
        return None
    value = value_text(newest.input)
    having = [node for node, view in report.views.items() if held(view, culprit.key).partition(" @")[0] == value]
    if not having or len(having) == len(report.views):
        return None
    sent = [one for one in _messages(newest, run) if value_of(one.message) == value and one.dest in report.views]
    late = [one for one in sent if one.source in having and one.dest not in having and _kept_back(one, culprit.ret)]
    only = f"{'Only ' if 2 * len(having) <= len(report.views) else ''}{_and(having)}"
    sentence = f"{only} held {value} when #{culprit.index} began"
    if late:
        kind = type(late[0].message).__name__
        to = _and(dict.fromkeys(one.dest for one in late))
        how = "held back" if all(isinstance(one.by, Hold) for one in late) else "lost or late"
        if all(one.delivered_ns is None and not isinstance(one.by, Hold) for one in late):
            how = "lost"
        sentence += f": what #{newest.index} sent to {to} ({kind}) was {how}"
    return f"{sentence}."


def _kept_to_itself(operations: Sequence[Operation], culprit: Operation, report: Report) -> str | None:
    """Which read found the newest value on a minority of the nodes and left it there: reads of a majority that may
    miss it are to find it from then on, so a reader has to spread it (read repair, phase 2 of Attiya, Bar-Noy and Dolev
    1995)."""
    run = report.traced
    reads = [op for op in operations if op.f == "read" and op.status == "ok" and op.ret < culprit.call]
    if run is None or culprit.f != "read" or not reads or reads[-1].output in (None, culprit.output):
        return None
    seen = max(reads, key=lambda op: op.ret)
    value, nodes = value_text(seen.output), report.views
    having = [node for node, view in nodes.items() if held(view, culprit.key).partition(" @")[0] == value]
    messages = _messages(seen, run)
    told = [one for one in messages if one.dest in nodes and one.source == seen.node and value_of(one.message) == value]
    if told or not messages or not having or 2 * len(having) > len(nodes):
        return None
    return f"#{seen.index} had read {value}, and its node did not send it to any other."


def _kept_back(sent: Sent, until_ns: int) -> bool:
    return sent.by is not None and (sent.delivered_ns is None or sent.delivered_ns > until_ns)


def _answer(culprit: Operation, run: Run) -> str | None:
    """What the node of the culprit answered from, and what did not reach it in time."""
    used = used_of(run, run.recorder.history(), [culprit.index]).get(culprit.index, [])
    if not used or culprit.f != "read":
        return None
    (node, own, _), *answers = used
    had = [f"its own {_copy(own)}", *(f"{other}'s {_copy(value)}" for other, value, how in answers if not how)]
    late = [(f"{other}'s {_copy(value)}", "lost" if how == "lost" else "late") for other, value, how in answers if how]
    missed = [f"{copy} was {how}" for copy, how in late]
    return f"{node} answered #{culprit.index} from {_and(had)}" + (f"; {_and(missed)}." if missed else ".")


def _copy(value: str) -> str:
    return "empty copy" if value == value_text(None) else value


def _suspects(operations: Sequence[Operation], run: Run) -> list[tuple[float, Fault]]:
    """The injected faults that did something to messages of these operations, then those of processes meanwhile."""
    events = [(at_ms, fault) for at_ms, fault in run.recorder.nemesis if not fault.only_ends]
    touched: list[tuple[float, Fault]] = []
    for op in operations:
        for sent in _messages(op, run):
            begun = [event for event in events if event[1] == sent.by and event[0] * MS <= _last_ns(sent)]
            touched += begun[-1:]
    first_ms, last_ms = min(op.call for op in operations) / MS, max(op.call for op in operations) / MS
    meanwhile = [event for event in events if first_ms <= event[0] <= last_ms and not event[1].bad_links()]
    return list(dict.fromkeys([*touched, *meanwhile]))[:FAULTS_MAX]


def _last_ns(sent: Sent) -> int:
    return sent.sent_ns if sent.delivered_ns is None else sent.delivered_ns


def _replayed(
    plan: Plan, scenario: Scenario | None, suspects: Sequence[tuple[float, Fault]], culprit: Operation
) -> list[bool] | None:
    """Whether there is a violation on the key without each of the faults; None if that cannot be told."""
    until_ms, key = culprit.ret / MS + ROUNDING_MS, culprit.key
    began = time.process_time()
    script = _script(plan, until_ms) if scenario is None else scenario
    if script.recovers or _violated(script, key, until_ms) is not True:
        return None
    found = []
    for at_ms, fault in suspects:
        if time.process_time() - began > SECONDS_MAX:
            break
        kept = [item for item in script.items if item != TimedFault(at_ms, fault)]
        violated = _violated(script.of(kept), key, until_ms)
        if violated is None or len(kept) == len(script.items):
            return None
        found.append(violated)
    return found or None


def _script(plan: Plan, until_ms: float) -> Scenario:
    """What happened up to a time as a scenario, in which each fault has its time."""
    simulation = Simulation(plan, Recorder(), probe=Probe(until_ms=until_ms))
    run = simulation.run()
    return with_fields(timed.of_run(plan, simulation, run), recovers=False, end_ms=until_ms)


def _violated(script: Scenario, key: Any, until_ms: float) -> bool | None:
    """Whether the operations on a key have no order up to a time; None if that is not known."""
    history = timed.rerun(script, until_ms=until_ms).recorder.history()
    model = find_workload(script.workload).model
    code = history.tables.key.find(key)
    history = history.select(history.key == (-1 if code is None else code))
    outcome = judge(history, model, budget=Budget(steps=RUN_STEPS), weaker=False).outcome
    return None if outcome == "unknown" else outcome == "invalid"


def _needed(suspects: Sequence[tuple[float, Fault]], violated: Sequence[bool]) -> list[str]:
    needed = [f'"{fault.in_full()}"' for (_, fault), still in zip(suspects, violated, strict=True) if not still]
    if needed:
        without = {1: "it", 2: "either alone"}.get(len(needed), "any one of them")
        which = "the fault" if len(needed) == 1 else "the faults"
        return [f"The violation needed {which} {_and(needed)}: replayed without {without}, there is none on this key."]
    return []


def _and(words: Sequence[str] | dict[str, None]) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
