"""A verdict as HTML, for notebooks: what `Verdict._repr_html_` shows."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from checker.history import Operation
from checker.values import freeze, shown

if TYPE_CHECKING:
    from jinja2 import Template

    from checker.verdict import Part, Verdict

VALUE_MAX = 60
OPERATIONS_MAX = 30

HEADLINES = {"valid": ("✓", "Valid"), "invalid": ("✗", "Not valid"), "unknown": ("?", "Unknown")}


def html_of(verdict: Verdict) -> str:
    """The headline, the sentence, the operations that prove it, and what weaker properties hold."""
    part = verdict.worst
    symbol, word = HEADLINES[verdict.outcome]
    count = {name: sum(one.outcome == name for one in verdict.parts) for name in HEADLINES}
    operations = () if part is None else part.counterexample
    return _template().render(
        symbol=symbol,
        word=word,
        outcome=verdict.outcome,
        model=verdict.model,
        key=None if part is None or part.key is None else _text(part.key),
        sentence=_sentence(part),
        operations=[_row(op, part) for op in operations[:OPERATIONS_MAX]],
        left=max(0, len(operations) - OPERATIONS_MAX),
        cycle=[] if part is None or part.explanation is None else part.explanation.cycle,
        ladder=verdict.ladder,
        warnings=verdict.warnings,
        parts=[f"{number} {name}" for name, number in count.items() if number],
        number=verdict.operations,
        method=verdict.method,
        seconds=verdict.seconds,
    )


def _sentence(part: Part | None) -> str:
    if part is None:
        return "An order of all operations explains every answer."
    if part.explanation is not None:
        return part.explanation.sentence
    return part.reason or ""


def _row(op: Operation, part: Part | None) -> dict[str, object]:
    explanation = None if part is None else part.explanation
    answered = "" if op.pending else f" → {_text(op.output)}" if op.output is not None or op.input is None else ""
    return {
        "index": op.index,
        "call": f"{op.f}{'' if op.input is None else f' {_text(op.input)}'}{answered}",
        "process": op.process,
        "node": op.node or "",
        "began": f"{op.call / 1e6:,.1f}",
        "ended": "?" if op.pending else f"{op.ret / 1e6:,.1f}",
        "outcome": {"ok": "ok", "fail": "failed", "info": "unknown"}[op.status],
        "culprit": explanation is not None and explanation.culprit == op.index,
        "note": "" if explanation is None else explanation.notes.get(op.index, ""),
    }


def _text(value: object) -> str:
    text = "nothing" if value is None else shown(freeze(value))
    return text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 1]}…"


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined  # a verdict is often needed where no page is

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string((files("checker") / "notebook.html.jinja").read_text(encoding="utf-8"))
