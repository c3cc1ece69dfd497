"""Whether the nodes of a host are deterministic: a run in a process that was in use, and the same in a fresh one.

What differs between processes is what a language draws by itself (hash orders, identities, clocks, random numbers), and
what nodes share in a process (static state).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from targets.backends.host.process import Exchange, HostProcess, host
from targets.backends.host.target import words_of
from targets.protocol.target import HOST

_VARYING = re.compile(rb'^\{"id":\d+,|,"forget":\[[\d,]*\]')
"""What inputs name that two runs have not in common: the number of a life, and lives that are forgotten."""

SHOWN = 200

ADVICE = (
    "take random numbers from ctx.random and the time from ctx.now(), keep no static or global state, start no "
    "threads, and do not rely on the order of a hash table whose keys have no value of their own"
)


def difference(name: str, run: Callable[[], Any]) -> str | None:
    """What the host of a target answers differently in a used process and in a fresh one, to the inputs of the same
    run, with what to do; None if nothing."""
    command = words_of(name.removeprefix(HOST))
    used = _recorded(host(command), run)
    fresh = _recorded(HostProcess(command), run)
    return compare(used, fresh)


def _recorded(process: HostProcess, run: Callable[[], Any]) -> list[Exchange]:
    """What goes to and fro during a run in this process, which is not used again."""
    exchanges: list[Exchange] = []
    process.exchanges = exchanges
    run()
    process.end()
    return exchanges


def compare(used: Sequence[Exchange], fresh: Sequence[Exchange]) -> str | None:
    """The first difference between the exchanges of two runs, as a sentence."""
    for one, other in zip_longest(used, fresh):
        if one is None or other is None:
            return f"one run ended where the same run went on in another process: {ADVICE}"
        (node, given, answer), (_, given_again, answer_again) = one, other
        if _VARYING.sub(b"", given) != _VARYING.sub(b"", given_again):
            return f"two runs of the same seed gave {node} different inputs: {_shown(given)} and {_shown(given_again)}"
        if answer != answer_again:
            last = _shown(_VARYING.sub(b"{" if given.startswith(b"{") else b"", given, count=1))
            first, second = _unlike(answer, answer_again)
            return (
                f"{node} is not deterministic: after the same inputs, the last of which was {last}, it did {first} in "
                f"a process that had been in use, and {second} in a fresh one; {ADVICE}"
            )
    return None


def _unlike(answer: bytes, again: bytes) -> tuple[str, str]:
    """The first effects that differ; the answers where that is not it."""
    try:
        effects, effects_again = (msgspec.json.decode(one)["do"] for one in (answer, again))
    except (msgspec.MsgspecError, KeyError, TypeError):
        return _shown(answer), _shown(again)
    for one, other in zip_longest(effects, effects_again):
        if one != other:
            return _effect(one), _effect(other)
    return _shown(answer), _shown(again)


def _effect(effect: Any) -> str:
    return "no further effect" if effect is None else _shown(msgspec.json.encode(effect))


def _shown(text: bytes) -> str:
    shown = text.rstrip(b"\n").decode("utf-8", "replace")
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]} ..."
