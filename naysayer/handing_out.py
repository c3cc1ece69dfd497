"""What a command has come to, or what ended it, handed out as it was asked for: to a person, as JSON, as JUnit XML."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import CycloptsError

from checker.errors import HarnessError, NaysayerError
from naysayer.crash import leaves, sentence
from naysayer.options import Output
from naysayer.printable import complain

if TYPE_CHECKING:
    from naysayer.report.conclusion import Conclusion

ERROR, VIOLATION = 3, 1
JUDGING = ("test", "hunt", "merge", "check", "replay", "play", "explore")
"""The commands that have --json and --junit."""


def concluded(command: str, output: Output, work: Callable[[], Conclusion]) -> int:
    """Run a command that judges, and hand out what it has come to as it was asked for; returns the exit code."""
    from naysayer.report.console import FOR_PROGRAMS

    if output.junit is not None:
        from naysayer.report.junit import refuse_place

        refuse_place(output.junit)
    FOR_PROGRAMS.set(output.json)
    with _stdout_kept_free() if output.json else nullcontext():
        conclusion = work()
    try:
        _hand_out(command, replace(output, json=False), conclusion)
    except HarnessError as error:  # a full disk: the verdict is not lost for that
        if not output.json:
            complain(str(error))
        code = conclusion.code if conclusion.code == VIOLATION else ERROR
        conclusion = replace(conclusion, code=code, error=conclusion.error or str(error))
    _hand_out(command, replace(output, junit=None), conclusion)
    return conclusion.code


@contextmanager
def _stdout_kept_free() -> Iterator[None]:
    """Stdout is for one document: what a user's model or client prints meanwhile, in any process, goes to stderr."""
    with ExitStack() as stack:
        with suppress(OSError):  # one of them is closed
            kept = os.dup(1)
            stack.callback(os.close, kept)
            os.dup2(2, 1)
            stack.callback(os.dup2, kept, 1)
        stack.enter_context(redirect_stdout(sys.stderr))
        yield


def _hand_out(command: str, output: Output, conclusion: Conclusion) -> None:
    if output.junit is not None:
        from naysayer.report.junit import write_junit

        write_junit(output.junit, command, conclusion)
    if output.json:
        from naysayer.report.document import document

        sys.stdout.write(document(command, conclusion, sys.stdout.encoding or "utf-8"))
        sys.stdout.flush()


def error_handed_out(arguments: Sequence[str], said: str, folder: Path | None) -> bool:
    """Hand out an error as JSON and JUnit XML, if the arguments, which may be wrong, ask for that; whether JSON was.

    What is wrong with that itself is not worth losing the error for.
    """
    command = next((one for one in arguments if not one.startswith("-")), "")
    if command not in JUDGING:
        return False
    junit = [after for option, after in pairwise(arguments) if option == "--junit"]
    junit += [option.partition("=")[2] for option in arguments if option.startswith("--junit=")]
    output = Output(json="--json" in arguments, junit=Path(junit[-1]) if junit else None)
    if not output.json and output.junit is None:
        return False
    from naysayer.report.conclusion import Conclusion

    title = next((one for one in arguments[1:] if not one.startswith("-")), command)
    conclusion = Conclusion(ERROR, title, error=said, folder=folder)
    handed = False
    for one in (replace(output, junit=None), replace(output, json=False)):
        with suppress(NaysayerError, OSError):
            _hand_out(command, one, conclusion)
            handed = handed or one.json
    return handed


def said_of(error: BaseException, folder: Path | None) -> str | None:
    """The sentence on what ended a command; None where the reader of our output went away, and wants none."""
    found = leaves(error)
    if any(isinstance(one, KeyboardInterrupt) for one in found):
        return "interrupted"
    if _of_stdout(error):  # rich raises SystemExit(1) where the reader went away
        return f"stdout: {error.strerror}" if isinstance(error, OSError) else None
    if isinstance(error, CycloptsError):
        return f"{_sentence(error)}; see naysayer --help"
    expected = [one for one in found if isinstance(one, NaysayerError)]
    if len(expected) == len(found):
        return str(expected[0])
    return sentence(error, folder)


def _of_stdout(error: BaseException) -> bool:
    """Whether it was raised by writing to stdout, as by rich."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "rich.console"


def _sentence(error: CycloptsError) -> str:
    return " ".join(str(error).split()).rstrip(".")
