"""The message diagram of a scenario: the messages that matter, up to the violation."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill

from checker.history import Operation
from checker.verdict import Verdict
from naysayer.exchanges import by_operation, request_of
from naysayer.findings import HEADLINES
from naysayer.harness.clients import ROUNDING_MS
from naysayer.hunt.diagram import Change, Ending, change_of, diagram
from naysayer.hunt.failure import failed_ms
from naysayer.hunt.picture import picture
from naysayer.judge import RUN_STEPS
from naysayer.play import timed
from naysayer.play.timed import Scenario
from naysayer.report.terminal import operations_of
from naysayer.simulate import Run, client_name
from naysayer.views import held, standing
from targets.backends.simulator.network import Sent
from targets.backends.simulator.traced import Step
from workloads.registry import find as find_workload

FEW = 12
"""Of a run of so many operations all are drawn: what is left of a minimised one is needed for the failure."""


def draw(scenario: Scenario, run: Run, verdict: Verdict, width: int | None = None) -> str:
    """The diagram of a traced run of the scenario, in rows of at most `width` columns if given.

    Drawn are the messages of the operations that prove the violation (of a few operations, of all), and of the other
    messages those that changed what their receiver shows of itself: elections and commits, but no heartbeats.
    """
    shown, changes, ending, left = _drawn(scenario, run, verdict)
    drawn = diagram(shown, timed.marks(scenario), changes, ending, width)
    if left:
        drawn += "\n" + fill(f"  … {_others(left)}", width or 999, subsequent_indent="    ")
    return drawn


def draw_svg(scenario: Scenario, run: Run, verdict: Verdict) -> str:
    """The same as a picture in SVG."""
    shown, changes, ending, left = _drawn(scenario, run, verdict)
    title = f"The messages of a run of {scenario.target}"
    clients = {f"c{number}": f"p{number}" for number in range(scenario.clients)}
    others = _others(left) if left else None
    return picture(title, shown, timed.marks(scenario), changes, ending, names=clients, more=others)


def _drawn(scenario: Scenario, run: Run, verdict: Verdict) -> tuple[list[Sent], list[Change], Ending | None, int]:
    """The messages that matter by clients, the changes, the violation, and how many messages are not drawn."""
    shown = _that_matter(run, verdict)
    lanes = [_by_client(sent, scenario.clients) for sent in shown]
    return lanes, changes_of(run.steps), _ending(scenario, run, verdict), len(run.trace or []) - len(shown)


def changes_of(steps: Iterable[Step]) -> list[Change]:
    """The steps that changed a node's role, term or commit index, in words."""
    found = (change_of(step, standing(step.before), standing(step.after)) for step in steps)
    return [one for one in found if one is not None]


def _others(count: int) -> str:
    which = "message that changed nothing, or belongs" if count == 1 else "messages that changed nothing, or belong"
    return f"{count} {which} to other operations: not drawn"


def _by_client(sent: Sent, clients: int) -> Sent:
    """A client goes on as a new process after an unknown outcome, and keeps its lane."""
    return sent._replace(source=client_name(clients, sent.source), dest=client_name(clients, sent.dest))


def _that_matter(run: Run, verdict: Verdict) -> list[Sent]:
    trace = run.trace or []
    messages = by_operation(trace)
    requests = (request_of(op, trace) for op in _operations(run, verdict))
    drawn = {id(sent) for request in requests if request is not None for sent in messages.get(request.id, ())}
    others = {id(sent) for found in messages.values() for sent in found} - drawn
    changing = {(step.node, step.cause[0], id(step.cause[1])) for step in run.steps if step.cause is not None}
    return [
        sent
        for sent in trace
        if id(sent) in drawn or (id(sent) not in others and (sent.dest, sent.source, id(sent.message)) in changing)
    ]


def _operations(run: Run, verdict: Verdict) -> list[Operation]:
    whole = list(run.recorder.history())
    worst = verdict.worst
    if len(whole) <= FEW or worst is None or not worst.counterexample:
        return whole
    return operations_of(worst)


def _ending(scenario: Scenario, run: Run, verdict: Verdict) -> Ending | None:
    """The violation, if there is one, with role, term, commit index and content of each node at that time."""
    worst = verdict.worst
    if verdict.outcome != "invalid" or worst is None:
        return None
    at_ms = failed_ms(run, verdict, find_workload(scenario.workload).model, steps=RUN_STEPS)
    views = run.views if at_ms >= run.virtual_ms else timed.rerun(scenario, until_ms=at_ms + ROUNDING_MS).views
    keys = dict.fromkeys(op.key for op in run.recorder.history())
    key = worst.key if worst.key is not None else next(iter(keys)) if len(keys) == 1 else None
    states = {}
    for number in range(1, scenario.nodes + 1):
        node = f"n{number}"
        view = views.get(node)
        if view is None:
            states[node] = {"role": "down"}
            continue
        states[node] = standing(view)
        if key is not None:
            states[node][f"value of {key}"] = held(view, key).replace(" @", "@")  # lanes are narrow
    headline = HEADLINES.get(verdict.method, "✗ NOT LINEARIZABLE")
    sentence = "" if worst.explanation is None else f": {worst.explanation.sentence}"
    return Ending(at_ms, f"{headline}{sentence}", states)
