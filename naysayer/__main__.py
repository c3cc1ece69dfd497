"""The command `naysayer`, and `python -m naysayer`."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from naysayer.crash import sentence
from naysayer.printable import complain

ERROR = 3
PACKAGES = ("checker", "targets", "workloads", "nemesis")
"""Top-level packages that belong to this one; they are common names."""


def main() -> None:
    """Run the command line; the exit code is 0 valid, 1 a violation, 2 unknown, 3 anything else."""
    code = ERROR
    try:
        shadow = shadowed()
        if shadow is None:
            from naysayer.cli import run

            _printable()
            code = run(sys.argv[1:])
        else:
            complain(shadow)
    except KeyboardInterrupt:
        complain("interrupted")
    except BaseException as error:
        complain(sentence(error, None))
    sys.exit(code if _flushed() else ERROR)


def shadowed() -> str | None:
    """What to say where Python would import somebody else's `checker` (or another of ours) in the place of ours."""
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
    """What a stream's encoding does not have must not end a command: `✓` on Windows, a file name that is no UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            utf8 = stream.encoding.lower().startswith("utf")
            stream.reconfigure(errors="backslashreplace" if utf8 else "replace")  # type: ignore[union-attr]


def _flushed() -> bool:
    """Whether all that was printed reached stdout. Otherwise Python would complain at exit, with a code of its own."""
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
