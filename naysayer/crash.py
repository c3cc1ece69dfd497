"""What happens to an exception that no command expects: one sentence for the user, the traceback in a file.

This module needs only the standard library, so it works even if an import of the command itself fails.
"""

from __future__ import annotations

import os
import platform
import sys
import traceback
from contextvars import ContextVar
from pathlib import Path
from typing import NoReturn

from naysayer.printable import complain, printable

RESULT_FOLDER: ContextVar[Path | None] = ContextVar("result folder", default=None)
"""The last result folder that the command made; None before."""

TRACEBACK = "traceback.txt"

MESSAGE_CHARS_MAX = 300


def leaves(error: BaseException) -> list[BaseException]:
    """All exceptions in an exception group, at any depth; for any other exception, the exception itself."""
    found: list[BaseException] = []
    left = [error]
    while left:
        one = left.pop()
        if isinstance(one, BaseExceptionGroup):
            left += reversed(one.exceptions)
        else:
            found.append(one)
    return found


def sentence(error: BaseException, folder: Path | None) -> str:
    """One line: what was raised and where, and the file with the traceback.

    If a user's own file raised it, its place is named as the cause; otherwise it is an error of ours.
    """
    cause = leaves(error)[0]
    said = printable(" ".join(str(cause).split()))
    if len(said) > MESSAGE_CHARS_MAX:
        said = f"{said[:MESSAGE_CHARS_MAX]}..."
    what = f"{type(cause).__name__}: {said}" if said else type(cause).__name__
    place = _place_in_user_code(cause)
    what = f"internal error: {what}" if place is None else f"{place} raised {what}"
    kept = _keep(error, folder)
    where = "the traceback could not be written" if kept is None else f"the traceback is in {kept}"
    return f"{what}; this is not a verdict; {where}"


def _place_in_user_code(error: BaseException) -> str | None:
    """File and line of the innermost frame in a user's own file, if there is one."""
    own_code = sys.modules.get("targets.protocol.own_code")  # not imported: no user's file was loaded either
    return None if own_code is None else own_code.place_of(error)


ERROR = 3


def forbid_sudden_exit() -> None:
    """From now on `os._exit` in this process (a user's file may call it) ends the command with exit code 3 and a
    sentence. Its own code would look like a verdict: 0 valid, 1 a violation. Forked children are left alone."""
    exit_at_once, own = os._exit, os.getpid()

    def refused(status: int) -> NoReturn:
        if os.getpid() == own:
            frame = sys._getframe(1)
            complain(
                f"{frame.f_code.co_filename}, line {frame.f_lineno}, called os._exit({status}); this is not a verdict"
            )
            status = ERROR
        exit_at_once(status)

    os._exit = refused


def _keep(error: BaseException, folder: Path | None) -> Path | None:
    """Write the traceback into the result folder, or into a new temporary file where there is none."""
    try:
        lines = traceback.format_exception(error)
    except Exception:  # the exception's __str__ failed, or memory is short
        lines = [f"{type(error).__name__}, whose traceback could not be formatted\n"]
    about = f"Python {platform.python_version()} on {platform.platform()}: {' '.join(sys.argv)}\n\n"
    text = (about + "".join(lines)).encode("utf-8", "backslashreplace")
    if folder is not None:
        try:
            (folder / TRACEBACK).write_bytes(text)
            return folder / TRACEBACK
        except OSError:
            pass  # perhaps a full disk; another one may have space
    import tempfile

    try:
        handle, name = tempfile.mkstemp(prefix="naysayer-", suffix=".txt")
        with os.fdopen(handle, "wb") as file:
            file.write(text)
    except OSError:
        return None
    return Path(name)
