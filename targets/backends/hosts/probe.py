"""Knocking at ports from a host, to show what a fault did to a link; by bash, which knows TCP, and timeout."""

from __future__ import annotations

from collections.abc import Sequence

SILENCE_S = 0.5
DURATION_S_MAX = 5
TRIES = 3


def silence(ports: Sequence[tuple[str, int]]) -> str:
    """Connects to each (host, port) at once, and prints a word for each: silent, if there was no answer, or answered.

    A refusal is an answer: it crossed the link. Prints `untried` where the host has no bash or timeout.
    """
    tries = [
        f"(timeout {SILENCE_S} bash -c '2>/dev/null : < /dev/tcp/{host}/{port}' 2>/dev/null;"
        f" [ $? = 124 ] && echo {number} silent || echo {number} answered) &"
        for number, (host, port) in enumerate(ports)
    ]
    return (
        "if command -v bash >/dev/null && command -v timeout >/dev/null; then { "
        + " ".join(tries)
        + " wait; } | sort -n | cut -d' ' -f2; else echo untried; fi"
    )


def duration(ports: Sequence[tuple[str, int]]) -> str:
    """Prints for each (host, port) how many ms a connection took, the shortest of TRIES; nothing without bash."""
    steps = [
        f"least=; for i in {' '.join(map(str, range(TRIES)))}; do a=$(date +%s%N);"
        f" timeout {DURATION_S_MAX} bash -c ': < /dev/tcp/{host}/{port}' 2>/dev/null;"
        " took=$((($(date +%s%N) - a) / 1000));"
        ' if [ -z "$least" ] || [ $took -lt $least ]; then least=$took; fi; done;'
        " echo $((least / 1000)).$((least / 100 % 10));"
        for host, port in ports
    ]
    return f"command -v bash >/dev/null && command -v timeout >/dev/null || exit 0; {' '.join(steps)}"
