"""The page as bytes: the template, the style, the script and the data in one file. The same input, the same bytes."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import NamedTuple

from markupsafe import Markup

from naysayer.notation import value_text
from naysayer.page.bundle import script, style
from naysayer.page.data import page_data
from naysayer.page.html import template
from naysayer.page.source import Source
from naysayer.printable import printable
from naysayer.report.terminal import effort, headline, remarks_beside, sentence_of, summary_words

OPERATION = re.compile(r"(#\d+)\b")

BRIEF = ("target", "history", "workload", "faults")
"""The facts that stand under the sentence; all are at the end of the page."""


class Piece(NamedTuple):
    """A piece of a sentence; `operation`: the number of the operation that it names."""

    text: str
    operation: int | None = None


def render(source: Source) -> bytes:
    """The whole page."""
    report = source.report
    symbol, _, word = headline(report)[0].partition(" ")
    part = report.verdict.worst
    code = _script()
    page = template("page.html.jinja").render(
        symbol=symbol,
        word=printable(word),
        tone=_tone(source),
        where=printable(where_of(source)),
        sentences=[pieces(printable(sentence)) for sentence in sentence_of(part)],
        mechanism=pieces(printable(" ".join(report.mechanism))),
        remarks=[printable(remark) for remark in remarks_beside(report)],
        trouble=None if report.trouble is None else printable(report.trouble, lines=True),
        facts=[(label, printable(text if "\n" in text else _apart(text), lines=True)) for label, text in report.facts],
        brief=[(label, printable(_brief(label, text))) for label, text in report.facts if label in BRIEF],
        search=effort(report.verdict, part),
        warnings=[printable(warning) for warning in report.verdict.warnings],
        ends=[(label, printable(text)) for label, text in report.ends],
        culprit=None if part is None or part.explanation is None else part.explanation.culprit,
        summary=[printable(words) for words in summary_words(report)],
        title=printable(report.title),
        style=Markup(_style()),
        style_hash=_hash(_style()),
        script=Markup(code),
        script_hash=_hash(code),
        data=Markup(page_data(source)),
    )
    return page.encode("utf-8", "backslashreplace")


def where_of(source: Source) -> str:
    """What the headline is about: a key, or the whole."""
    part = source.report.verdict.worst
    model = source.report.verdict.model
    return (
        f"{source.report.title}, {model}"
        if part is None or part.key is None
        else f"key {value_text(part.key)}, {model}"
    )


def pieces(sentence: str) -> list[Piece]:
    """A sentence, with the operations that it names (#12) apart."""
    found = OPERATION.split(sentence)
    return [Piece(text, int(text[1:]) if number % 2 else None) for number, text in enumerate(found) if text]


def _brief(label: str, text: str) -> str:
    """Of the faults, how many there were; their kinds are in the legend."""
    return _apart(text.split(" · ")[1] if label == "faults" and " · " in text else text)


def _apart(text: str) -> str:
    """What terminals keep apart by spaces, which HTML would join."""
    return re.sub(r"(?<=\S) {2,}(?=\S)", " · ", text)


def _tone(source: Source) -> str:
    report = source.report
    if report.verdict.outcome == "valid":
        return "good" if report.trouble is None else "trouble"
    return {"invalid": "bad", "unknown": "unknown"}[report.verdict.outcome]


@cache
def _script() -> str:
    return script("main")


@cache
def _style() -> str:
    return style("tokens", "page")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
