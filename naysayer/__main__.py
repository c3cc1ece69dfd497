"""The command `naysayer`, and `python -m naysayer`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; the exit code is 0 valid, 1 a violation, 2 unknown, 3 error."""
    from naysayer.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
