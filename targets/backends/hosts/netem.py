"""Links made slow, unordered or doubling, by tc's netem on what leaves a host, where its kernel has that.

A queueing discipline of our own (known by its handle) takes the place of the kernel's usual one at the root of the
interface: `prio` with one band more than usual, in which netem sits, and a filter for each peer that leads there. What
goes to others is not touched. Where another discipline is in place, tc refuses, and it is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from targets.backends.hosts.firewall import NOWHERE, is_v6
from targets.protocol.fault import Degrade

HANDLE = "4e59:"
BAND = f"{HANDLE}4"

REORDER_MS = 10.0
"""netem reorders by letting some packets overtake others that wait; so long, if no delay is asked for."""


def device(address: str) -> str:
    """Prints the interface through which packets to an address leave."""
    return f"ip -o route get {address} | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p'"


def discipline(fault: Degrade) -> str:
    """netem's words for a fault; its delays are spread evenly from half to one and a half of the mean."""
    words = []
    delay_ms = fault.delay_ms or (REORDER_MS if fault.reorder else 0.0)
    if delay_ms:
        words.append(f"delay {delay_ms:.1f}ms" + (f" {delay_ms / 2:.1f}ms" if fault.delay_ms else ""))
    for word, chance in (("loss", fault.loss), ("duplicate", fault.duplicate), ("reorder", fault.reorder)):
        if chance:
            words.append(f"{word} {100 * chance:.2f}%")
    return " ".join(words)


def shape(addresses: Sequence[str], words: str) -> str:
    """Shapes what is sent to these addresses; fails with the reason where that is not possible."""
    steps = []
    for address in addresses:
        ip, bits = ("ipv6", 128) if is_v6(address) else ("ip", 32)
        match = f"match {'ip6' if is_v6(address) else 'ip'} dst {address}/{bits}"
        steps.append(
            f"d=$({device(address)}) && {{ tc qdisc show dev $d | grep -q ' {HANDLE} ' || "
            f"{{ tc qdisc add dev $d root handle {HANDLE} prio bands 4 && "
            f"tc qdisc add dev $d parent {BAND} netem {words}; }}; }} && "
            f"tc filter add dev $d parent {HANDLE} protocol {ip} prio {2 if is_v6(address) else 1} "
            f"u32 {match} flowid {BAND}"
        )
    return " && ".join(steps)


UNDO = (
    f"tc qdisc show 2>/dev/null | sed -n 's/^qdisc [^ ]* {HANDLE} dev \\([^ ]*\\) .*/\\1/p' | "
    "while read d; do tc qdisc del dev $d root; done; true"
)

LEFT = f"tc qdisc show 2>/dev/null | grep ' {HANDLE} '; true"
"""Prints what is left of our disciplines: nothing, after UNDO."""

COUNTERS = "tc -s qdisc show 2>/dev/null; true"


def passed(counters: str) -> int:
    """The packets that went through our netem, from what COUNTERS printed."""
    found = re.findall(rf"^qdisc netem .* parent {BAND} .*\n\s*Sent \d+ bytes (\d+) pkt", counters, re.MULTILINE)
    return sum(map(int, found))


def attempt(peer: str) -> str:
    """Shapes what is sent to an address without a host, on the route to `peer`, and undoes it."""
    unused = NOWHERE[1 if is_v6(peer) else 0]
    tried = shape([peer], "delay 1ms").replace(f"dst {peer}/", f"dst {unused}/")
    return f"{tried}; code=$?; {UNDO}; exit $code"
