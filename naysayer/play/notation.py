"""Reads and writes a timed scenario as text, and describes the result of a run."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from checker.errors import UsageError
from checker.history import Operation
from checker.verdict import Verdict
from naysayer.play.faults import Numbered, fault_of, fault_text, number
from naysayer.play.language import CLUSTER, FAULTS, Line, ScenarioError, content, is_timed, parse, unquoted
from naysayer.play.operations import operation_of, operation_text
from naysayer.play.texts import ended, judged
from naysayer.play.timed import Scenario, Timed, TimedFault, TimedOperation
from naysayer.simulate import Run
from workloads.parts import client_of

SCENARIO = "scenario.txt"
"""The file in a result folder with the scenario of a minimised failure."""

OLD = r"^(asks = |\[\[asks\]\]|\[\[strikes\]\])"
"""Recognises a scenario.toml of an earlier version, which had another language."""


def text(scenario: Scenario, title: str = "") -> str:
    """The scenario as text without output, in order of time."""
    sizes = f"{_name(scenario.target)} nodes {scenario.nodes} seed {scenario.seed}"
    timeout = "" if scenario.timeout_ms is None else f" timeout {number(scenario.timeout_ms)}"
    lines = [f"# {title}"] if title else []
    lines.append(f"{CLUSTER.action} {sizes} workload {_name(scenario.workload)}{timeout}")
    lines += [f"at {number(item.at_ms)} {_step(item)}" for item in scenario.items]
    if scenario.recovers:
        lines.append(f"recover {number(scenario.end_ms)}")
    elif scenario.end_ms:
        lines.append(f"end {number(scenario.end_ms)}")
    if scenario.progress_ms is not None:
        lines.append(f"progress {number(scenario.progress_ms)}")
    return "\n".join([*lines, "verdict"]) + "\n"


def _name(name: str) -> str:
    return name if re.fullmatch(r'[^\s"]+', name) else msgspec.json.encode(name).decode()


def _step(item: Timed) -> str:
    if isinstance(item, TimedFault):
        return fault_text(item.fault)
    return operation_text(f"c{item.client}", item.node, item.f, item.key, item.input)


def read(path: Path) -> Scenario:
    """Read a timed scenario. Raises UsageError naming the file, the line and the error."""
    written = content(path)
    if re.search(OLD, written, re.M):
        raise UsageError(
            f"{path} was written by an earlier version of Naysayer, and this version cannot read it: hunt its seed "
            f"again, or replay the folder `original` beside it"
        )
    lines = parse(written, str(path))
    if not is_timed(lines):
        raise UsageError(f"{path} is a scenario whose steps have no times: run it with naysayer play {path}")
    return scenario_of(lines, str(path))


def scenario_of(lines: tuple[Line, ...], source: str) -> Scenario:
    """The timed scenario of these lines. Raises ScenarioError, with the line, for an unknown name."""
    target, nodes, seed, workload, timeout = next(line for line in lines if line.kind == "cluster").steps[0].arguments
    names = Numbered(int(nodes or 0))
    items: list[Timed] = []
    end_ms, recovers, progress_ms = 0.0, False, None
    for line in lines:
        try:
            if line.kind == "at":
                items.append(_item(line, names))
        except ScenarioError as error:
            raise ScenarioError(f"{source}:{line.number}: {error}") from None
        action = line.steps[0].form.action if line.kind == "steps" else ""
        if action in ("end", "recover"):
            end_ms, recovers = float(line.steps[0].arguments[0] or 0), action == "recover"
        elif action == "progress":
            progress_ms = float(line.steps[0].arguments[0] or 0)
    timeout_ms = None if timeout is None else float(timeout)
    bare = Scenario(unquoted(target), unquoted(workload), len(names), int(seed or 0), (), (), timeout_ms)
    bare = msgspec.structs.replace(bare, recovers=recovers, end_ms=end_ms, progress_ms=progress_ms).of(items)
    return bare.of(bare.items)


def _item(line: Line, names: Numbered) -> Timed:
    step = line.steps[0]
    if step.form in FAULTS:
        return TimedFault(line.at_ms, fault_of(step, names))
    client, node, f, key, given = operation_of(step)
    return TimedOperation(line.at_ms, int(client[1:]), f, names.node(node), key, given)


def shown(lines: tuple[Line, ...], scenario: Scenario, run: Run, verdict: Verdict) -> list[list[str]]:
    """The output of a run for each line: how operations ended, and the verdict."""
    left: dict[int, list[Operation]] = {}
    for operation in run.recorder.history():
        left.setdefault(client_of(operation, scenario.clients), []).append(operation)
    output: list[list[str]] = [[] for _ in lines]
    for place in sorted(range(len(lines)), key=lambda place: lines[place].at_ms):
        line = lines[place]
        if line.kind == "at" and line.steps[0].form not in FAULTS:
            mine = left.get(int(operation_of(line.steps[0]).client[1:]), [])
            output[place] = [ended(mine.pop(0)) if mine else "not invoked by the end"]
        elif line.kind == "steps" and line.steps[0].form.action == "verdict":
            output[place] = judged(verdict, run.violations)
    return output
