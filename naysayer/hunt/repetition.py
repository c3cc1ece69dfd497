"""Reducing a violation of a real system, which cannot be replayed: smaller settings are run again and again.

A setting is kept if a few quick runs of it find a violation often enough. In turn: no fault at all, each suspected
fault alone, all of them and then fewer; fewer clients; one key; shorter faults. What is left reproduces the violation,
and how often it did so is the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from msgspec.structs import replace as with_fields

from checker.english import counted
from checker.verdict import Verdict
from naysayer.findings import METHODS, Finding
from naysayer.report.terminal import operations_of
from nemesis.repeated import Suspect
from targets.protocol.fault import Fault

RUNS = 3
"""How often a setting is run, at most."""

ENOUGH = 2
"""A setting is kept if so many of them find a violation."""

BEFORE_MS = 1000.0
"""A fault is suspected too if it ended so long before the operations of the counterexample began: what it delayed may
arrive later."""

BEFORE_FINDING_MS = 5000.0
"""The same before a node died or hung, or the system was found not live."""

SUSPECTS_MAX = 6
"""If more faults are suspected, the last of them."""

CLIENTS = (3, 5)
"""How many clients are tried, if there are more."""

SHORTEST_MS = 50.0
"""The duration of a fault is halved while that reproduces, down to this."""


@dataclass(frozen=True)
class Setting:
    """What a run is made with. `suspects` None: the faults of the seed that failed; () none at all."""

    suspects: tuple[Suspect, ...] | None
    clients: int
    keys: int | None = None
    """How many keys are in use at once; None: the default."""


@dataclass(frozen=True)
class Tally:
    """How many of how many runs found a violation, and within what time the slowest of those did (s)."""

    found: int = 0
    runs: int = 0
    within_s: float = 0.0

    def counting(self, at_s: float | None) -> Tally:
        """With one more run, which found a violation at that time, or none."""
        if at_s is None:
            return replace(self, runs=self.runs + 1)
        return Tally(self.found + 1, self.runs + 1, max(self.within_s, at_s))

    @property
    def reproduces(self) -> bool:
        """Whether it was found often enough."""
        return self.found >= ENOUGH

    @property
    def decided(self) -> bool:
        """Whether further runs could not change that."""
        return self.reproduces or self.runs - self.found > RUNS - ENOUGH


def described(setting: Setting, tally: Tally) -> str:
    """`lose put from n1 for 0.4 s: 3 of 3 runs, within 2.1 s, 3 clients, 1 key`."""
    faults = ", then ".join(one.label() for one in setting.suspects or ()) or "without faults"
    faults = "the faults of the seed" if setting.suspects is None else faults
    within = f", within {tally.within_s:.1f} s" if tally.found else ""
    keys = "" if setting.keys is None else f", {counted(setting.keys, 'key')}"
    return (
        f"{faults}: {tally.found} of {counted(tally.runs, 'run')}{within}, {counted(setting.clients, 'client')}{keys}"
    )


def category(verdict: Verdict) -> str:
    """What kind of violation: of the order of operations, or a finding besides it."""
    return verdict.method if verdict.method in METHODS.values() else "order"


def suspects_of(
    events: Sequence[tuple[float, Fault]], verdict: Verdict, findings: Sequence[Finding]
) -> tuple[Suspect, ...]:
    """The faults in force from shortly before the operations of the counterexample to its end, in their order."""
    ops = () if verdict.worst is None else operations_of(verdict.worst)
    if ops:
        from_ms, to_ms = min(op.call for op in ops) / 1e6 - BEFORE_MS, max(op.call for op in ops) / 1e6
        ended = [op.ret / 1e6 for op in ops if not op.pending]
        to_ms = max([to_ms, *ended])
    elif findings:
        from_ms, to_ms = findings[0].at_ms - BEFORE_FINDING_MS, findings[0].at_ms
    else:
        return ()
    found: list[Suspect] = []
    for number, (at_ms, fault) in enumerate(events):
        end_ms = _end_ms(at_ms, fault, events[number + 1 :], to_ms)
        if not fault.only_ends and at_ms <= to_ms and end_ms >= from_ms:
            one = Suspect(fault, round(end_ms - at_ms, 1))
            if all(other.fault != fault for other in found):
                found.append(one)
    return tuple(found[-SUSPECTS_MAX:])


def _end_ms(at_ms: float, fault: Fault, later: Sequence[tuple[float, Fault]], limit_ms: float) -> float:
    """When a fault was undone; at the limit if it was not; at once if it has no duration."""
    left = fault.begins()
    if not left:
        return at_ms
    for event_ms, event in later:
        left -= event.ends()
        if not left:
            return event_ms
    return max(at_ms, limit_ms)


def reduce(
    whole: Setting, suspects: Sequence[Suspect], attempt: Callable[[Setting], Tally | None]
) -> tuple[Setting, Tally | None]:
    """The smallest setting that reproduces the violation, and how often it did; `whole` and None if none does.

    `attempt` runs a setting until it is decided; None: there is no time left.
    """
    kept, tally = whole, None
    for faults in _choices(suspects):
        found = attempt(replace(whole, suspects=faults))
        if found is not None and found.reproduces:
            kept, tally = replace(whole, suspects=faults), found
            break
    if tally is None:
        return whole, None
    for smaller in (_without_one, _fewer_clients, _one_key, _shorter):
        following: Iterator[Setting] = smaller(kept)
        while (candidate := next(following, None)) is not None:
            found = attempt(candidate)
            if found is None:
                return kept, tally
            if found.reproduces:
                kept, tally = candidate, found
                following = smaller(kept) if smaller in (_without_one, _shorter) else iter(())
    return kept, tally


def _choices(suspects: Sequence[Suspect]) -> Iterator[tuple[Suspect, ...]]:
    """None at all, each alone (the last before the violation first), all together."""
    yield ()
    yield from ((one,) for one in reversed(suspects))
    if len(suspects) > 1:
        yield tuple(suspects)


def _without_one(setting: Setting) -> Iterator[Setting]:
    suspects = setting.suspects or ()
    if len(suspects) > 2:  # each alone was tried
        for left_out in suspects:
            yield replace(setting, suspects=tuple(one for one in suspects if one is not left_out))


def _fewer_clients(setting: Setting) -> Iterator[Setting]:
    yield from (replace(setting, clients=count) for count in CLIENTS if count < setting.clients)


def _one_key(setting: Setting) -> Iterator[Setting]:
    yield replace(setting, keys=1)


def _shorter(setting: Setting) -> Iterator[Setting]:
    """Half of the duration of what lasts, one after the other."""
    suspects = setting.suspects or ()
    for number, one in enumerate(suspects):
        if one.lasts_ms / 2 >= SHORTEST_MS:
            half = with_fields(one, lasts_ms=round(one.lasts_ms / 2, 1))
            yield replace(setting, suspects=(*suspects[:number], half, *suspects[number + 1 :]))
