"""A conclusion as JUnit XML, which CI systems show: a test case for each key or scenario, or one for the whole."""

from __future__ import annotations

from pathlib import Path

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from checker.errors import HarnessError, UsageError
from checker.verdict import Part
from naysayer.notation import value_text
from naysayer.printable import printable
from naysayer.report.conclusion import Conclusion, PlayedScenario
from naysayer.report.console import as_text
from naysayer.report.document import outcome, sentence
from naysayer.report.terminal import AS_A_WHOLE, show

CASES_MAX = 1000
"""Where there are more keys, only those that are not valid are cases of their own."""


def refuse_place(file: Path) -> None:
    """Raises UsageError for a file that cannot be written, before anything is run for it."""
    if file.is_dir():
        raise UsageError(f"--junit {file}: that is a folder; name a file")
    if not file.parent.is_dir():
        raise UsageError(f"--junit {file}: there is no folder {file.parent}")
    if file.is_file() and file.stat().st_size and not file.read_bytes()[:100].lstrip().startswith(b"<"):
        raise UsageError(f"--junit {file}: that exists and is no XML; name another file, so that nothing is lost")


def write_junit(file: Path, command: str, concluded: Conclusion) -> None:
    """Write the XML to a file. What is not valid is a failure; what is unknown, or was not judged to its end, is an
    error, so that neither is green. Raises HarnessError where it cannot be written."""
    refuse_place(file)  # an error is written too, and must not overwrite what it refused
    suite = TestSuite(f"naysayer {command}")
    for played in concluded.scenarios:
        suite.add_testcase(_played(suite.name, played))
    for part in _own_cases(concluded):
        suite.add_testcase(_case(suite.name, concluded, part))
    if not len(suite) or (outcome(concluded) == "error" and not suite.errors + suite.failures):
        suite.add_testcase(_whole(suite.name, concluded))
    suite.update_statistics()  # type: ignore[no-untyped-call]
    built = JUnitXml(suite.name)
    built.add_testsuite(suite)
    built.update_statistics()  # type: ignore[no-untyped-call]
    xml: bytes = built.tostring()  # type: ignore[no-untyped-call]
    try:
        file.write_bytes(b"<?xml version='1.0' encoding='utf-8'?>\n" + xml + b"\n")
    except OSError as error:
        raise HarnessError(f"--junit {file}: {error.strerror}") from error


def _own_cases(concluded: Conclusion) -> list[Part]:
    parts = [] if concluded.report is None else list(concluded.report.verdict.parts)
    return parts if len(parts) <= CASES_MAX else [part for part in parts if part.outcome != "valid"]


def _case(suite: str, concluded: Conclusion, part: Part) -> TestCase:
    title = printable(concluded.title)
    if part.key is not None:
        title += f", key {value_text(part.key)}"
    elif part.method in AS_A_WHOLE:
        title += f", {part.method}"
    case = TestCase(title, suite, round(part.seconds, 3))
    if part.outcome != "valid":
        said = part.reason if part.explanation is None else part.explanation.sentence
        kind = part.outcome if part.explanation is None else part.explanation.kind
        result = (Failure if part.outcome == "invalid" else Error)(printable(said or part.outcome), kind)
        if concluded.report is not None and part is concluded.report.verdict.worst:
            result.text = _report(concluded)
        case.result = [result]
    return case


def _played(suite: str, played: PlayedScenario) -> TestCase:
    case = TestCase(printable(played.name), suite, 0.0)
    if played.outcome != "valid":
        result = (Failure if played.outcome == "invalid" else Error)(printable(played.sentence or ""), played.outcome)
        result.text = "\n".join(printable(line) for line in played.difference)
        case.result = [result]
    return case


def _whole(suite: str, concluded: Conclusion) -> TestCase:
    case = TestCase(printable(concluded.title), suite, 0.0)
    judged = outcome(concluded)
    if judged not in ("valid", "nothing-found"):
        said = concluded.error or sentence(concluded) or judged
        result = (Failure if judged == "invalid" else Error)(printable(said), judged)
        result.text = _report(concluded)
        case.result = [result]
    return case


def _report(concluded: Conclusion) -> str:
    report = concluded.report
    return "" if report is None else "\n" + as_text(lambda screen: show(report, screen))
