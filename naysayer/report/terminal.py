"""The report in lines: the verdict, one sentence why, the operations that matter, the cycle, what to run next.

Structure survives without colour: a symbol carries each meaning. Blue and orange stay apart for colour-blind readers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.rule import Rule
from rich.table import Table

from checker.properties import PROPERTIES
from checker.verdict import Part, Verdict
from naysayer.availability import HEADLINE as UNAVAILABLE
from naysayer.findings import HEADLINES as FINDINGS
from naysayer.report import timeline
from naysayer.report.console import Text
from naysayer.report.counts import errors, show_counts
from naysayer.report.story import Story
from naysayer.report.timeline import BAD, DIM, GOOD
from naysayer.report.words import call_text
from naysayer.views import view_text

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Story", "exit_code", "show"]

EXIT = {"valid": 0, "invalid": 1, "unknown": 2}
ERROR = 3
HEADLINE = {
    "valid": ("✓ LINEARIZABLE", GOOD),
    "invalid": ("✗ NOT LINEARIZABLE", BAD),
    "unknown": ("? UNKNOWN", "bold"),
}
OPERATIONS_SHOWN = 12


def exit_code(story: Story) -> int:
    """Of the command that tells this story: a violation counts even if the run broke off, nothing else does."""
    return ERROR if story.trouble is not None and story.verdict.outcome != "invalid" else EXIT[story.verdict.outcome]


def show(story: Story, screen: Console) -> None:
    """Print the whole report."""
    verdict = story.verdict
    part = verdict.worst
    _headline(story, part, screen)
    sentences = [*_sentence(part), *(f"! {remark}" for remark in _beside(story))]
    for sentence in sentences:
        screen.print(Text(sentence, style="bold"))
    if sentences:
        screen.print()
    if story.trouble is not None:
        _fact("trouble", story.trouble, screen, style=BAD)
    for label, text in story.facts:
        _fact(label, text, screen)
    if story.seen is not None:
        show_counts(story.seen, screen)
        _maybe("errors", errors(story.seen), screen)
    if verdict.interrupted:
        _fact("stopped", "while it was judged, by you; what was decided by then is told", screen)
    _fact("search", _effort(verdict, part), screen)
    for warning in verdict.warnings:
        _fact("warning", warning, screen)
    for fault in story.unproven:
        _fact("no effect", fault, screen)
    if part is not None and part.counterexample:
        screen.print()
        _operations(story, part, screen)
        _why(part, screen)
    if part is not None:
        _served(story, None if part.explanation is None else part.explanation.culprit, screen)
        _around(story, part, screen)
    if story.ends:
        screen.print()
        for label, text in story.ends:
            _fact(label, text, screen, style="bold")
    _summary(story, screen)


def _headline(story: Story, part: Part | None, screen: Console) -> None:
    words, style = HEADLINE[story.verdict.outcome]
    if part is not None and part.method in FINDINGS:
        words = FINDINGS[part.method]
    elif part is not None and part.method == "availability":
        words = UNAVAILABLE
    elif story.verdict.model in PROPERTIES and story.verdict.outcome != "unknown":
        words = "✓ PROMISE KEPT" if story.verdict.outcome == "valid" else "✗ PROMISE BROKEN"
    if story.trouble is not None and story.verdict.outcome == "valid":
        words, style = "! BROKEN OFF, in order until then", BAD
    where = story.title if part is None or part.key is None else f'key "{part.key}"'
    _line(f"{words} ━━ {where}", style, screen)


def _line(words: str, style: str, screen: Console) -> None:
    """The words in a line across the screen."""
    screen.print(Rule(Text(f"━━ {words}", style=style), align="left", characters="━", style=style))


def _sentence(part: Part | None) -> list[str]:
    """Why the verdict is not valid, in one sentence."""
    if part is not None and part.explanation is not None:
        return [part.explanation.sentence]
    return [] if part is None or part.reason is None else [f"Not decided: {part.reason}."]


def _fact(label: str, text: str, screen: Console, style: str = "default") -> None:
    """A labelled row; what does not fit goes on under its beginning."""
    row = Table.grid(padding=0)
    row.add_column(width=12, no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(Text(f"  {label}", style=DIM), Text(text, style=style, lines=True))
    screen.print(row)


def _maybe(label: str, text: str | None, screen: Console) -> None:
    if text is not None:
        _fact(label, text, screen)


def _beside(story: Story) -> list[str]:
    """What a reader of the headline must know at once: how little a verdict that is not a violation rests on."""
    if story.seen is None or story.verdict.outcome == "invalid":
        return []
    blind = [story.seen.blind] if story.seen.blind is not None and story.verdict.outcome == "valid" else []
    return [*blind, *story.seen.remarks]


def _effort(verdict: Verdict, part: Part | None) -> str:
    steps = [f"{verdict.operations} ops"]
    if part is not None:
        if part.key is not None:
            steps.append(f"{part.operations} on this key")
        if part.counterexample:
            steps.append(f"{len(part.counterexample)} that matter")
    return f"{' → '.join(steps)} · {verdict.method} · {verdict.seconds:.2f} s"


def _operations(story: Story, part: Part, screen: Console) -> None:
    ops = sorted(part.counterexample, key=lambda op: (op.call, op.index))[:OPERATIONS_SHOWN]
    culprit = None if part.explanation is None else part.explanation.culprit
    axis = timeline.axis_for(ops, max(30, screen.width - timeline.LABEL - 16))
    screen.print(timeline.scale(axis, ordered_only=story.ordered_only), no_wrap=True, overflow="crop")
    for row in timeline.faults(axis, story.spans):
        screen.print(row, no_wrap=True, overflow="crop")
    for op in ops:
        screen.print(timeline.lane(axis, op, culprit), no_wrap=True, overflow="crop")
    cut = len(part.counterexample) - len(ops)
    if cut:
        screen.print(Text(f"  … and {cut} more operations, in verdict.json", style=DIM))


def _why(part: Part, screen: Console) -> None:
    explanation = part.explanation
    if explanation is None:
        return
    screen.print()
    screen.print(Text("  Why no order works", style="bold"))
    ops = sorted(part.counterexample, key=lambda op: (op.call, op.index))[:OPERATIONS_SHOWN]
    widest = max(len(call_text(op)) for op in ops)
    for op in ops:
        guilty = op.index == explanation.culprit
        note = explanation.notes.get(op.index, "outcome unknown" if op.pending else "ok")
        row = Text("  ✗ " if guilty else "    ", style=BAD if guilty else "")
        row.append(f"#{op.index:<4} {call_text(op):<{widest}}   ", style=BAD if guilty else "")
        row.append(note, style=BAD if guilty else DIM)
        screen.print(row)
    if explanation.cycle:
        row = Text("  Cycle   ", style="bold")
        row.append(f"#{explanation.cycle[0].before}", style=GOOD)
        for edge in explanation.cycle:
            row.append(f" ─{edge.why}→ ", style=DIM)
            row.append(f"#{edge.after}", style=GOOD)
        screen.print(row)


def _around(story: Story, part: Part, screen: Console) -> None:
    rows = []
    culprit = None if part.explanation is None else part.explanation.culprit
    if story.views:
        label = f"Nodes when #{culprit} began" if culprit is not None else "Nodes at the violation"
        held = [f"{node}  {view_text(view, part.key)}" for node, view in sorted(story.views.items())]
        rows.append((label, _filled(held, screen.width - len(label) - 5)))
    if story.verdict.ladder:
        marks = {True: "✓", False: "✗", None: "–"}
        rungs = [f"{r.name} {marks[r.holds]}{_detail(r.detail)}" for r in story.verdict.ladder]
        rows.append(("What does hold", _filled(rungs, screen.width - len("What does hold") - 5)))
    if rows:
        screen.print()
    for label, text in rows:
        grid = Table.grid(padding=0)
        grid.add_column(width=len(label) + 5, no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(f"  {label}", style="bold"), Text(text, lines=True))
        screen.print(grid)


def _served(story: Story, culprit: int | None, screen: Console) -> None:
    """By which messages the operations of the proof were served."""
    if story.served:
        screen.print()
        screen.print(Text("  How the nodes served them, by the messages of each operation", style="bold"))
    for one in story.served:
        guilty = one.index == culprit
        row = Table.grid(padding=0)
        row.add_column(width=10, no_wrap=True)
        row.add_column(width=4, no_wrap=True)
        row.add_column(overflow="fold")
        mark = Text("  ✗ " if guilty else "    ", style=BAD if guilty else "")
        row.add_row(mark.append(f"#{one.index}"), Text(one.node, style=DIM), Text(one.account))
        screen.print(row)


def _filled(pieces: list[str], width: int) -> str:
    """The pieces in lines of at most `width`, none broken unless it is longer than a line."""
    lines = [""]
    for piece in pieces:
        longer = f"{lines[-1]}   {piece}" if lines[-1] else piece
        if len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(piece)
    return "\n".join(lines)


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


def _summary(story: Story, screen: Console) -> None:
    verdict = story.verdict
    keys = [part for part in verdict.parts if part.method not in AS_A_WHOLE]
    count = {name: sum(part.outcome == name for part in keys) for name in EXIT}
    style = HEADLINE[verdict.outcome][1] if story.trouble is None else BAD
    if any(part.key is not None for part in keys):
        text = f"{count['invalid']} of {len(keys)} keys fails · {count['valid']} ok · {count['unknown']} undecided"
        text = " · ".join([*(AS_A_WHOLE[part.method] for part in verdict.parts if part.method in AS_A_WHOLE), text])
    else:
        text = {"valid": "all in order", "invalid": "1 violation", "unknown": "undecided"}[verdict.outcome]
    if story.trouble is not None:
        text = f"broken off · {text}"
    words = f"{text} ━━ {verdict.seconds:.2f} s ━━ exit {exit_code(story)}"
    _line(words, style, screen)
