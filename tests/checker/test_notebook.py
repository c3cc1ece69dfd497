"""A notebook shows a verdict with what proves it, and values as text."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from checker import check
from checker.budget import Budget
from checker.history import PENDING, History, Operation
from checker.verdict import Verdict


def op(index: int, f: str, value: object, call: int, ret: int) -> Operation:
    given, output = (value, None) if f == "write" else (None, value)
    return Operation(index, index, f, "<x>", given, output, call, ret, "info" if ret == PENDING else "ok", "n1")


def verdict(*operations: Operation) -> Verdict:
    return check(History.of(operations), "register", budget=Budget(steps=100_000))


class Balanced(HTMLParser):
    """Collects the text, and fails where a tag is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += " " if tag in ("p", "td", "th") else ""

    def handle_data(self, data: str) -> None:
        self.text += data


def text_of(shown: Verdict) -> str:
    parser = Balanced()
    parser.feed(shown._repr_html_())
    assert parser.open == []
    return " ".join(parser.text.split())


def test_a_violation_shows_its_sentence_and_the_operations_that_prove_it() -> None:
    hostile = "</td><script>1</script>"
    found = verdict(
        op(0, "write", hostile, 0, 10),
        op(1, "write", 2, 20, 30),
        op(2, "read", hostile, 40, 50),
    )
    assert found.outcome == "invalid"
    assert found.worst is not None
    assert found.worst.explanation is not None
    text = text_of(found)
    assert text.startswith("✗ Not valid: register, key")
    assert found.worst.explanation.sentence in text
    assert "✗ #2 read → " in text
    assert "<script>" not in found._repr_html_()
    assert hostile in text
    assert '"<x>"' in text


@pytest.mark.parametrize("outcome", ["valid", "unknown"])
def test_other_verdicts_say_what_they_rest_on(outcome: str) -> None:
    found = verdict(op(0, "write", 1, 0, 10), op(1, "read", 1, 20, 30), op(2, "write", 3, 20, PENDING))
    assert found.outcome == "valid"
    if outcome == "unknown":
        part = replace(found.parts[0], outcome="unknown", reason="100 steps were not enough")
        found = replace(found, outcome="unknown", parts=(part,))
        assert text_of(found).startswith("? Unknown")
        assert "100 steps were not enough" in text_of(found)
    else:
        assert text_of(found).startswith("✓ Valid: register An order of all operations explains every answer.")
    assert f"3 operations, 1 {outcome}" in text_of(found)
