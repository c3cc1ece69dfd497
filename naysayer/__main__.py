"""The command `naysayer`, and `python -m naysayer`."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from naysayer.crash import ERROR, forbid_sudden_exit, sentence
from naysayer.printable import complain

PACKAGES = ("checker", "targets", "workloads", "nemesis")
"""Our other top-level packages. Their names are common, so a user's file may have one of them."""


def main() -> None:
    """Run the command line; the exit code is 0 valid, 1 a violation, 2 unknown, 3 anything else."""
    code = ERROR
    try:
        shadow = shadowed()
        if shadow is None:
            from naysayer.cli import run

            _printable()
            forbid_sudden_exit()
            code = run(sys.argv[1:])
        else:
            complain(shadow)
    except KeyboardInterrupt:
        complain("interrupted")
    except BaseException as error:
        complain(sentence(error, None))
    sys.exit(code if _flushed() else ERROR)


def shadowed() -> str | None:
    """A sentence for the user if Python would import another `checker` (or another package of ours) than ours."""
    ours = Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        spec = find_spec(name)
        found = None if spec is None or spec.origin is None else Path(spec.origin).resolve()
        if found is None:
            return f"the package {name!r} is missing: install naysayer again"
        if found != ours / name / "__init__.py":
            return f"{found} hides naysayer's own package {name!r}: rename it, or start naysayer from another folder"
    return None


def _printable() -> None:
    """A character that a stream cannot encode must not end a command: `✓` on Windows, a file name that is not UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            utf8 = stream.encoding.lower().startswith("utf")
            stream.reconfigure(errors="backslashreplace" if utf8 else "replace")  # type: ignore[union-attr]


def _flushed() -> bool:
    """Whether all output reached stdout. If not, Python would print an error at exit, with an exit code of its own."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            complain(f"stdout: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False
    return True


if __name__ == "__main__":
    main()
