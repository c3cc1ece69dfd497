"""What a grading leaves: a table on the terminal, results.json in Gradescope's form, JUnit XML and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite
from rich.console import Console
from rich.table import Table

from naysayer.grade.score import Grade, TestScore
from naysayer.printable import printable


def number(points: float) -> str:
    """Points without a needless fraction."""
    return f"{points:g}"


def show(grade: Grade, title: str, screen: Console) -> None:
    """The table of one submission."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("test", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for one in grade.tests:
        mark = "✓" if one.passed else "◐" if one.points else "✗"
        table.add_row(mark, one.name, f"{number(one.points)} / {number(one.of)}", printable(one.why))
    table.add_row("", "", "", "")
    table.add_row("", "all", f"{number(grade.points)} / {number(grade.of)}", "")
    screen.print(table, highlight=False)
    for line in all_details(grade):
        screen.print(line, markup=False, highlight=False, soft_wrap=line.startswith(REPORT))
    if grade.broke is not None:
        screen.print(f"\nnot graded to its end: {printable(grade.broke)}; no points", markup=False, highlight=False)
    if not grade.reproducible:
        screen.print("\nnot reproducible: it ran in real time (--bin)", markup=False, highlight=False)


SENTENCE_CHARS_MAX = 300
REPORT = "  report: "
"""So begins the line with a path, which stays in one piece."""
ALIKE_CHARS = 50
"""Sentences that begin with so many characters in common are about the same failure, for a reader."""


def all_details(grade: Grade) -> list[str]:
    """What there is to say of all tests; of those that fail alike in one place."""
    lines: list[str] = []
    shown: dict[str, str] = {}
    for one in grade.tests:
        begins = "" if one.first is None or one.first.hidden else one.first.sentence[:ALIKE_CHARS]
        if begins and begins in shown:
            lines += [f"\n{one.name}: as {shown[begins]}", *details(one)[1:]]
            continue
        lines += details(one)
        if begins:
            shown[begins] = one.name
    return lines


def details(one: TestScore) -> list[str]:
    """What else there is to say of a test: the failure, its report, and the hints that are open."""
    if one.passed:
        return []
    lines = []
    if one.first is not None and not one.first.hidden:
        said = printable(" ".join(one.first.sentence.split()))
        cut = said if len(said) <= SENTENCE_CHARS_MAX else f"{said[:SENTENCE_CHARS_MAX]} ..."
        lines += [f"\n{one.name}: {cut}"]
    elif one.first is not None:
        lines += [f"\n{one.name}: fails on seeds that are not shown"]
    lines += [f"  hint: {hint}" for hint in one.hints]
    if one.page is not None and one.first is not None and not one.first.hidden:
        lines.append(f"{REPORT}{one.page}")
    return lines


def gradescope(grade: Grade) -> dict[str, Any]:
    """results.json: what Gradescope reads from an autograder."""
    tests = [
        {
            "name": one.name,
            "score": one.points if grade.broke is None else 0.0,
            "max_score": one.of,
            "status": "passed" if one.passed and grade.broke is None else "failed",
            "output": printable("\n".join([one.why, *details(one)]).strip()),
            "visibility": "visible",
        }
        for one in grade.tests
    ]
    said = []
    if grade.broke is not None:
        said.append(f"Not graded to its end: {printable(grade.broke)}.")
    if not grade.reproducible:
        said.append("Not reproducible: it ran in real time.")
    return {
        "score": grade.points,
        "output": " ".join(said) or f"{number(grade.points)} of {number(grade.of)} points",
        "tests": tests,
        "extra_data": {"assignment": grade.assignment, "reproducible": grade.reproducible, "hidden": grade.hidden},
    }


def junit(grades: Sequence[Grade]) -> bytes:
    """A suite for each submission, a case for each test; half points are a failure too."""
    built = JUnitXml("naysayer grade")
    for grade in grades:
        suite = TestSuite(printable(f"{grade.assignment}: {grade.submission}"))
        for one in grade.tests:
            case = TestCase(printable(one.name), suite.name)
            if grade.broke is not None:
                case.result = [Error(printable(grade.broke), "not graded")]
            elif not one.passed:
                kind = "failed" if one.first is None else one.first.kind
                failure = Failure(printable(f"{number(one.points)} of {number(one.of)} points: {one.why}"), kind)
                failure.text = printable("\n".join(details(one)))
                case.result = [failure]
            suite.add_testcase(case)
        suite.update_statistics()  # type: ignore[no-untyped-call]
        built.add_testsuite(suite)
    built.update_statistics()  # type: ignore[no-untyped-call]
    xml: bytes = built.tostring()  # type: ignore[no-untyped-call]
    return b"<?xml version='1.0' encoding='utf-8'?>\n" + xml + b"\n"


def markdown(grade: Grade, title: str) -> str:
    """The table as Markdown, for a pull request or a mail."""
    lines = [f"# {title}", "", f"{grade.submission}: **{number(grade.points)} of {number(grade.of)} points**", ""]
    if grade.broke is not None:
        lines += [f"Not graded to its end: {_plain(grade.broke)}.", ""]
    lines += ["| | test | points | |", "|---|---|---|---|"]
    for one in grade.tests:
        mark = "✓" if one.passed else "◐" if one.points else "✗"
        lines.append(f"| {mark} | {_plain(one.name)} | {number(one.points)} / {number(one.of)} | {_plain(one.why)} |")
    said = [line.strip() for line in all_details(grade)]
    if said:
        lines += ["", *(f"* {_plain(line)}" for line in said)]
    if not grade.reproducible:
        lines += ["", "Not reproducible: it ran in real time (`--bin`)."]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return printable(" ".join(text.split())).replace("|", "\\|")


def show_class(grades: Sequence[Grade], title: str, screen: Console) -> None:
    """One table of all submissions."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("submission", overflow="fold")
    for one in grades[0].tests if grades else ():
        table.add_column(one.name, justify="right", overflow="fold")
    table.add_column("all", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for grade in grades:
        each = [number(0.0 if grade.broke is not None else one.points) for one in grade.tests]
        why = "" if grade.broke is None else printable(grade.broke)
        table.add_row(printable(grade.submission), *each, f"{number(grade.points)} / {number(grade.of)}", why)
    screen.print(table, highlight=False)


def markdown_class(grades: Sequence[Grade], title: str) -> str:
    """The same as Markdown."""
    names = [one.name for one in grades[0].tests] if grades else []
    lines = [f"# {title}", "", f"| submission | {' | '.join(map(_plain, names))} | all | |"]
    lines.append("|---" * (len(names) + 3) + "|")
    for grade in grades:
        each = [number(0.0 if grade.broke is not None else one.points) for one in grade.tests]
        total = f"{number(grade.points)} / {number(grade.of)}"
        lines.append(f"| {' | '.join([_plain(grade.submission), *each, total, _plain(grade.broke or '')])} |")
    return "\n".join(lines) + "\n"
