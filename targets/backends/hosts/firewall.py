"""Links cut and losing packets, by what a host has: a chain of our own in iptables, or a table of our own in nft.

Every command may be repeated; `undo` removes all that a run may have left. Rules stand where packets arrive, and name
whom they come from: that is one direction of a link.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

NAME = "NAYSAYER"
CHANCES = 10_000

NOWHERE = ("192.0.2.1", "2001:db8::1")
"""Addresses that no host has (RFC 5737, RFC 3849): a rule against them can be tried without harm."""


def is_v6(address: str) -> bool:
    """Whether an address, not a name, is one of IPv6."""
    return ":" in address


class Firewall(Protocol):
    """Shell commands; those that make something fail with an exit code and say why."""

    name: str
    prepare: str
    flush: str
    counters: str
    undo: str
    left: str
    """Prints what is left of our rules: nothing, after `undo`."""

    def drop(self, addresses: Sequence[str], chance: float) -> str:
        """Loses what arrives from these addresses, each packet with this chance."""
        ...

    def dropped(self, counters: str) -> int:
        """The packets lost since `flush`, from what `counters` printed."""
        ...


def _each(command: str) -> str:
    """For both families of addresses; a host that has no iptables does nothing."""
    return f"for t in iptables ip6tables; do command -v $t >/dev/null || continue; {command}; done"


class Iptables:
    """A chain of our own, which INPUT jumps to."""

    name = "iptables"
    prepare = _each(f"$t -w -N {NAME} 2>/dev/null; $t -w -C INPUT -j {NAME} 2>/dev/null || $t -w -I INPUT -j {NAME}")
    flush = _each(f"$t -w -F {NAME} 2>/dev/null") + "; true"
    counters = _each(f"$t -w -nvxL {NAME} 2>/dev/null") + "; true"
    undo = _each(
        f"while $t -w -D INPUT -j {NAME} 2>/dev/null; do :; done; $t -w -F {NAME} 2>/dev/null; "
        f"$t -w -X {NAME} 2>/dev/null"
    )
    left = _each(f"$t -w -S 2>/dev/null | grep {NAME}")

    def drop(self, addresses: Sequence[str], chance: float) -> str:
        some = "" if chance >= 1 else f"-m statistic --mode random --probability {chance:.4f} "
        return " && ".join(
            f"{'ip6tables' if is_v6(one) else 'iptables'} -w -A {NAME} -s {one} {some}-j DROP" for one in addresses
        )

    def dropped(self, counters: str) -> int:
        return sum(map(int, re.findall(r"^\s*(\d+)\s+\d+\s+DROP\b", counters, re.MULTILINE)))


class Nft:
    """A table of our own."""

    name = "nft"
    _table = f"inet {NAME.lower()}"
    prepare = f"nft add table {_table} && nft 'add chain {_table} input {{ type filter hook input priority -10; }}'"
    flush = f"nft flush table {_table} 2>/dev/null; true"
    counters = f"nft list table {_table} 2>/dev/null; true"
    undo = f"nft delete table {_table} 2>/dev/null"
    left = f"nft list tables 2>/dev/null | grep '{_table}'"

    def drop(self, addresses: Sequence[str], chance: float) -> str:
        some = "" if chance >= 1 else f"numgen random mod {CHANCES} < {round(chance * CHANCES)} "
        return " && ".join(
            f"nft 'add rule {self._table} input {'ip6' if is_v6(one) else 'ip'} saddr {one} {some}counter drop'"
            for one in addresses
        )

    def dropped(self, counters: str) -> int:
        return sum(map(int, re.findall(r"counter packets (\d+)", counters)))


FIREWALLS: tuple[Firewall, ...] = (Iptables(), Nft())
"""The first that a host can use is taken."""

UNDO = "; ".join(one.undo for one in FIREWALLS) + "; true"
LEFT = "; ".join(one.left for one in FIREWALLS) + "; true"


def attempt(wall: Firewall, *, v6: bool) -> str:
    """Adds rules of both kinds that affect no host, and removes them; fails with the reason where that is not
    possible."""
    tried = NOWHERE if v6 else NOWHERE[:1]
    rules = f"{wall.drop(tried, 1.0)} && {wall.drop(tried, 0.5)}"
    return f"{wall.prepare}; {rules}; code=$?; {wall.undo}; exit $code"
