"""Partitions and bad links on a host, by commands: a chain of our own in iptables, netem where the kernel has it.

Every command is safe to repeat, and `UNDO` removes all that a run may have left, whatever it was.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

CHAIN = "NAYSAYER"

PREPARE = "; ".join(
    (
        f"iptables -w -N {CHAIN} 2>/dev/null",
        f"iptables -w -C INPUT -j {CHAIN} 2>/dev/null || iptables -w -I INPUT -j {CHAIN}",
    )
)

UNDO = "; ".join(
    (
        f"while iptables -w -D INPUT -j {CHAIN} 2>/dev/null; do :; done",
        f"iptables -w -F {CHAIN} 2>/dev/null",
        f"iptables -w -X {CHAIN} 2>/dev/null",
        "for i in $(ls /sys/class/net); do",
    )
).removesuffix(";") + (" tc qdisc show dev $i 2>/dev/null | grep -q netem && tc qdisc del dev $i root; done; true")

LEFT = (
    f"iptables -w -S 2>/dev/null | grep {CHAIN};"
    " for i in $(ls /sys/class/net); do tc qdisc show dev $i 2>/dev/null | grep netem; done; true"
)
"""Prints what is left of our faults: nothing, after UNDO."""

FLUSH = f"iptables -w -F {CHAIN} 2>/dev/null; true"

COUNTERS = f"iptables -w -nvxL {CHAIN}"


def drop_from(hosts: Sequence[str], probability: float = 1.0) -> str:
    """Drops what arrives from these hosts, always or with a probability."""
    chance = "" if probability >= 1 else f"-m statistic --mode random --probability {probability:.4f} "
    return "; ".join(f"iptables -w -A {CHAIN} -s {shlex.quote(host)} {chance}-j DROP" for host in hosts)


PROBE_S = 0.5


def probe(ports: Sequence[tuple[str, int]]) -> str:
    """Connects to each (host, port) at once, and prints a word for each: silent, if nobody answered, or answered.

    A refusal is an answer: it crossed the link. Prints `untried` where the host has no bash or timeout.
    """
    tries = [
        f"(timeout {PROBE_S} bash -c '2>/dev/null : < /dev/tcp/{host}/{port}' 2>/dev/null;"
        f" [ $? = 124 ] && echo {number} silent || echo {number} answered) &"
        for number, (host, port) in enumerate(ports)
    ]
    return (
        "if command -v bash >/dev/null && command -v timeout >/dev/null; then { "
        + " ".join(tries)
        + " wait; } | sort -n | cut -d' ' -f2; else echo untried; fi"
    )


def dropped(counters: str) -> int:
    """The packets that our chain's rules dropped, from what COUNTERS printed."""
    total = 0
    for row in counters.splitlines()[2:]:
        fields = row.split()
        if len(fields) > 2 and fields[2] == "DROP":
            total += int(fields[0])
    return total


def netem(interface: str, delay_ms: float, loss: float, duplicate: float, reorder: float) -> str:
    """Makes all that leaves the host late, lost, doubled or out of order, by tc's netem."""
    parts = [f"tc qdisc replace dev {shlex.quote(interface)} root netem"]
    if delay_ms:
        parts.append(f"delay {delay_ms:.1f}ms {delay_ms / 2:.1f}ms")
    for word, chance in (("loss", loss), ("duplicate", duplicate), ("reorder", reorder)):
        if chance:
            parts.append(f"{word} {100 * chance:.2f}%")
    return " ".join(parts)


def clear_netem(interface: str) -> str:
    """Undoes netem."""
    return f"tc qdisc del dev {shlex.quote(interface)} root 2>/dev/null; true"
