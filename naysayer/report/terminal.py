"""The report in lines: the verdict, one sentence why, the operations that matter, the cycle, what to run next.

Structure survives without colour: a symbol carries each meaning. Blue and orange stay apart for colour-blind readers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from checker.english import counted
from checker.history import Operation
from checker.properties import PROPERTIES
from checker.verdict import Part, Verdict
from naysayer.availability import HEADLINE as UNAVAILABLE
from naysayer.findings import HEADLINES as FINDINGS
from naysayer.notation import call_text, value_text
from naysayer.report import timeline
from naysayer.report.console import Text
from naysayer.report.counts import errors, show_counts
from naysayer.report.isolation import anomalies, draw, levels
from naysayer.report.layout import WIDTH_MIN, filled, hanging, rule, whole
from naysayer.report.report import EXIT, Report
from naysayer.report.timeline import BAD, DIM, GOOD
from naysayer.views import view_text

if TYPE_CHECKING:
    from rich.console import Console

HEADLINE = {
    "valid": ("✓ LINEARIZABLE", GOOD),
    "invalid": ("✗ NOT LINEARIZABLE", BAD),
    "unknown": ("? UNKNOWN", "bold"),
}
LEVEL_TITLES = {"PL-2": "READ COMMITTED (PL-2)"}
OPERATIONS_SHOWN = 12
INDENT = 12
WHY_INDENT = 10


def show(report: Report, screen: Console) -> None:
    """Print the whole report."""
    verdict = report.verdict
    part = verdict.worst
    _headline(report, part, screen)
    sentences = [*sentence_of(part), *(f"! {remark}" for remark in remarks_beside(report))]
    for sentence in sentences:
        hanging(screen, Text(), Text(sentence, style="bold"), 0)
    if report.mechanism:
        hanging(screen, Text(), Text(" ".join(report.mechanism)), 0)
    if sentences:
        screen.print()
    if report.trouble is not None:
        _fact("trouble", report.trouble, screen, style=BAD)
    for label, text in report.facts:
        _fact(label, text, screen)
    if report.seen is not None:
        show_counts(report.seen, screen)
        _maybe("errors", errors(report.seen), screen)
    if verdict.interrupted:
        _fact("stopped", "while it was judged, by you; the report has what was decided by then", screen)
    for number, text in enumerate(levels(verdict) if verdict.data is not None else ()):
        _fact("" if number else "levels", text, screen)
    _fact("search", effort(verdict, part), screen)
    for warning in verdict.warnings:
        _fact("warning", warning, screen)
    for fault in report.unproven:
        _fact("no effect", fault, screen)
    if part is not None and part.counterexample:
        screen.print()
        _operations(report, part, screen)
        _why(part, screen)
    if part is not None:
        _served(report, None if part.explanation is None else part.explanation.culprit, screen)
        _around(report, part, screen)
        anomalies(verdict, screen)
    if report.ends:
        screen.print()
        for label, text in report.ends:
            whole(screen, _label(label).append(Text(text, style="bold")))
    _summary(report, screen)


def _headline(report: Report, part: Part | None, screen: Console) -> None:
    words, style = headline(report)
    where = report.title if part is None or part.key is None else f"key {value_text(part.key)}"
    rule(screen, (words, where), style)


def headline(report: Report) -> tuple[str, str]:
    """The verdict in a symbol and a few words, and its style."""
    words, style = HEADLINE[report.verdict.outcome]
    part = report.verdict.worst
    if part is not None and part.method in FINDINGS:
        words = FINDINGS[part.method]
    elif part is not None and part.method == "availability":
        words = UNAVAILABLE
    elif report.verdict.data is not None and report.verdict.outcome != "unknown":
        level = LEVEL_TITLES.get(report.verdict.model, report.verdict.model.upper())
        words = f"{'✓' if report.verdict.outcome == 'valid' else '✗ NOT'} {level}"
    elif report.verdict.model in PROPERTIES and report.verdict.outcome != "unknown":
        words = f"{'✓ VALID' if report.verdict.outcome == 'valid' else '✗ INVALID'} ({report.verdict.model})"
    if report.trouble is not None and report.verdict.outcome == "valid":
        words, style = "! ABORTED, no violation up to that point", BAD
    return words, style


def sentence_of(part: Part | None) -> list[str]:
    """Why the verdict is not valid, in one sentence."""
    if part is not None and part.explanation is not None:
        return [part.explanation.sentence]
    return [] if part is None or part.reason is None else [f"Not decided: {part.reason}."]


def _label(label: str) -> Text:
    return Text(f"  {label:<{INDENT - 2}}", style=DIM)


def _fact(label: str, text: str, screen: Console, style: str = "default") -> None:
    """A labelled row; what does not fit goes on under its beginning."""
    hanging(screen, _label(label), Text(text, style=style, lines=True), INDENT)


def _maybe(label: str, text: str | None, screen: Console) -> None:
    if text is not None:
        _fact(label, text, screen)


def remarks_beside(report: Report) -> list[str]:
    """What a reader of the headline must know at once: how little a verdict that is not a violation rests on."""
    if report.seen is None or report.verdict.outcome == "invalid":
        return []
    blind = [report.seen.blind] if report.seen.blind is not None and report.verdict.outcome == "valid" else []
    return [*blind, *report.seen.remarks]


def effort(verdict: Verdict, part: Part | None) -> str:
    """How the operations were narrowed down, by which method, and how long that took."""
    steps = [counted(verdict.operations, "op")]
    if part is not None:
        if part.key is not None:
            steps.append(f"{part.operations} on this key")
        if part.counterexample:
            steps.append(f"{len(part.counterexample)} that matter")
    return f"{' → '.join(steps)} · {verdict.method} · {verdict.seconds:.2f} s"


def _operations(report: Report, part: Part, screen: Console) -> None:
    ops = _shown(part)
    culprit = None if part.explanation is None else part.explanation.culprit
    axis = timeline.axis_for(ops, screen.width)
    whole(screen, timeline.scale(axis, ordered_only=report.ordered_only))
    for row in timeline.faults(axis, report.spans):
        whole(screen, row)
    for op in ops:
        whole(screen, timeline.lane(axis, op, culprit))
    cut = len(operations_of(part)) - len(ops)
    if cut:
        where = ", in verdict.json" if report.ends else ""
        whole(screen, Text(f"  … and {cut} more operations{where}", style=DIM))


def operations_of(part: Part) -> list[Operation]:
    """The operations of the proof, and those that it is about though they failed, in order of call."""
    failed = () if part.explanation is None else part.explanation.failed
    return sorted([*part.counterexample, *failed], key=lambda op: (op.call, op.index))


def _shown(part: Part) -> list[Operation]:
    """The first of them, with those that are blamed in any case."""
    ops = operations_of(part)
    culprit = None if part.explanation is None else part.explanation.culprit
    blamed = [op for op in ops if op.index == culprit or op.status == "fail"][:OPERATIONS_SHOWN]
    others = [op for op in ops if op not in blamed][: OPERATIONS_SHOWN - len(blamed)]
    return sorted([*blamed, *others], key=lambda op: (op.call, op.index))


def _outcome(op: Operation) -> str:
    if op.status == "fail":
        return f"failed: {op.error}" if op.error else "failed"
    return "outcome unknown" if op.pending else "ok"


def _why(part: Part, screen: Console) -> None:
    explanation = part.explanation
    if explanation is None:
        return
    screen.print()
    if explanation.steps:
        draw(explanation, screen)
        return
    whole(screen, Text("  Why no order works", style="bold"))
    ops = _shown(part)
    texts = {op.index: explanation.notes.get(op.index) if op.f == "txn" else None for op in ops}
    calls = {op.index: texts[op.index] or call_text(op) for op in ops}
    widest = max(map(len, calls.values()))
    beside = WHY_INDENT + widest + 3
    for op in ops:
        guilty = op.index == explanation.culprit
        style = BAD if guilty else ""
        said = None if texts[op.index] else explanation.notes.get(op.index)  # of transactions, the call itself
        note = Text(said or _outcome(op), style or DIM)
        row = Text(f"{'  ✗ ' if guilty else '    '}#{op.index:<4} {calls[op.index]:<{widest}}   ", style)
        if screen.width - beside >= WIDTH_MIN:
            hanging(screen, row, note, beside)
        else:
            number = Text(f"{'  ✗ ' if guilty else '    '}#{op.index:<4} ", style)
            hanging(screen, number, Text(calls[op.index], style), WHY_INDENT)
            hanging(screen, Text(), note, WHY_INDENT)
    if explanation.cycle:
        pieces = [Text(f"#{explanation.cycle[0].before}", GOOD)]
        pieces += [Text(f"─{edge.why}→ ", DIM).append(Text(f"#{edge.after}", GOOD)) for edge in explanation.cycle]
        filled(screen, Text("  Cycle   ", style="bold"), pieces, WHY_INDENT, 1)


def _around(report: Report, part: Part, screen: Console) -> None:
    rows: list[tuple[str, list[str]]] = []
    culprit = None if part.explanation is None else part.explanation.culprit
    if report.views:
        label = f"Nodes when #{culprit} began" if culprit is not None else "Nodes at the violation"
        rows.append((label, [f"{node}  {view_text(view, part.key)}" for node, view in sorted(report.views.items())]))
    if report.verdict.ladder and report.verdict.data is None:
        marks = {True: "✓", False: "✗", None: "–"}
        rungs = [f"{r.name} {marks[r.holds]}{_detail(r.detail)}" for r in report.verdict.ladder]
        rows.append(("Weaker models satisfied", rungs))
    if rows:
        screen.print()
    for label, pieces in rows:
        filled(screen, Text(f"  {label}   ", "bold"), [Text(piece) for piece in pieces], len(label) + 5, 3)


def _served(report: Report, culprit: int | None, screen: Console) -> None:
    """By which messages the operations of the proof were served."""
    if report.served:
        screen.print()
        title = Text("How the nodes served them, by the messages of each operation", style="bold")
        hanging(screen, Text("  "), title, 2)
    widest = max((cell_len(one.node) for one in report.served), default=0)
    for one in report.served:
        guilty = one.index == culprit
        head = Text(f"{'  ✗ ' if guilty else '    '}{f'#{one.index}':<6}", style=BAD if guilty else "")
        head.append(Text(f"{one.node:<{widest}}  ", DIM))
        hanging(screen, head, Text(one.account), WHY_INDENT + widest + 2)


def _detail(detail: str) -> str:
    return f" ({detail})" if detail else ""


AS_A_WHOLE = {
    "invariant": "an invariant is broken",
    "liveness": "not live",
    "node died": "a node died",
    "node hung": "a node hung",
    "availability": "not available",
    "outcomes": "too little was seen",
}
"""What is said of the system and not of one key, by the method that said it."""


def _summary(report: Report, screen: Console) -> None:
    style = HEADLINE[report.verdict.outcome][1] if report.trouble is None else BAD
    rule(screen, summary_words(report), style)


def summary_words(report: Report) -> tuple[str, ...]:
    """What was found in all, how long judging took, and the exit code."""
    verdict = report.verdict
    keys = [part for part in verdict.parts if part.method not in AS_A_WHOLE]
    count = {name: sum(part.outcome == name for part in keys) for name in EXIT}
    if any(part.key is not None for part in keys):
        whole_system = [AS_A_WHOLE[part.method] for part in verdict.parts if part.method in AS_A_WHOLE]
        outcomes = ", ".join(f"{n} {outcome}" for outcome, n in count.items())
        text = " · ".join([*whole_system, f"{counted(len(keys), 'key')}: {outcomes}"])
    else:
        text = {"valid": "no violation", "invalid": "1 violation", "unknown": "unknown"}[verdict.outcome]
    if report.trouble is not None:
        text = f"aborted · {text}"
    return text, f"{verdict.seconds:.2f} s", f"exit {report.exit_code}"
