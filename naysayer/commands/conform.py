"""`naysayer conform --host COMMAND`: whether a host keeps to the node protocol."""

from __future__ import annotations

from naysayer.report.console import console
from targets.backends.host.conformance import CHECKS, examine
from targets.backends.host.target import words_of


def conform(command: str) -> int:
    """Make each check, and print what came out; returns the exit code: 0 if the host keeps to the protocol, else 1."""
    screen = console()
    made, wrong = 0, 0
    for check, deviation in examine(words_of(command)):
        made, wrong = made + 1, wrong + (deviation is not None)
        text = f"✓ {check.name}" if deviation is None else f"✗ {check.name}: {deviation}"
        screen.print(text, markup=False, highlight=False, soft_wrap=True)
    left = len(CHECKS) - made
    if left:
        text = f"{left} more checks need a node that does what it is told: give the conform node of the kit"
        screen.print(text, markup=False, highlight=False, soft_wrap=True)
    count = f"{made} checks" if not wrong else f"{wrong} of {made} checks failed"
    screen.print(f"{'✗' if wrong else '✓'} {command}: {count}", markup=False, highlight=False, soft_wrap=True)
    return 1 if wrong else 0
