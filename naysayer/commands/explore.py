"""`naysayer explore TARGET`: every schedule of small scopes, and the shortest failure if there is one."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from checker.errors import UsageError
from checker.parallel import validate_engine, validate_workers
from naysayer.commands.explored import conclude_failing, conclude_without
from naysayer.explore.ladder import CAPS, Climb, Climbed
from naysayer.explore.origin import scenario_at, scopes_around
from naysayer.explore.rungs import ladder
from naysayer.explore.scope import Scope, refuse_unoffered, refuse_unsuited, scope
from naysayer.options import ExploreOptions, given
from naysayer.report.conclusion import Conclusion
from naysayer.report.console import console, now_and_then
from naysayer.results import refuse_unwritable
from naysayer.signals import StopRequest
from targets.registry import find

STATE_BYTES = 250
"""What a state takes, about."""

STATES, LADDER_STATES = 1_000_000, 5_000_000
"""After how many states an exploration is cut unless that is given: one of a program, and one of several scopes."""


def explore_target(target: str | None, options: ExploreOptions) -> Conclusion:
    """Explore, keep, report. Raises UsageError for what cannot be explored, or does not fit the machine.

    SIGINT and SIGTERM end it; which scopes are complete by then is reported all the same.
    """
    name, scopes = _scopes(target, options)
    states = options.states if options.states is not None else STATES if options.program is not None else LADDER_STATES
    _validate(options, states)
    refuse_unwritable(options.results)
    caps = CAPS if options.program is None else (states,)
    with StopRequest() as stop:
        climbed = _climbed(name, scopes, caps, states, options, stop)
    asked: Mapping[str, Any] = given(options)
    if climbed.failed is not None:
        return conclude_failing(name, climbed, options.results, asked)
    return conclude_without(name, climbed, options.results, asked)


def _scopes(name: str | None, options: ExploreOptions) -> tuple[str, tuple[Scope, ...]]:
    """What is explored, and in which scopes."""
    known = None if options.origin is None else scenario_at(options.origin)
    name = name or (None if known is None else known.target)
    if name is None:
        raise UsageError("explore needs a target, such as naysayer explore quorum-kv/no-read-repair, or --from RESULT")
    target = find(name)
    if known is not None and options.origin is not None:
        if options.program is not None or options.nodes is not None:
            raise UsageError("--from has a program and a number of nodes: leave out --program and --nodes")
        return name, scopes_around(target, known, options.origin, options.timers, options.crashes, options.duplicates)
    nodes = target.nodes if options.nodes is None else options.nodes
    refuse_unsuited(target, nodes)
    if options.program is not None:
        wanted = scope(
            options.program, nodes, options.crashes or 0, options.timers or 0, options.duplicates, options.delays
        )
        refuse_unoffered(target, wanted)
        return name, (wanted,)
    return name, ladder(target, options.nodes, options.timers, options.crashes, options.duplicates)


def memory_bytes() -> int:
    """The memory of this machine; where the platform does not say, as much as any."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return 1 << 62
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _validate(options: ExploreOptions, states: int) -> None:
    if states < 1:
        raise UsageError(f"--states is {states}; it must be more than 0")
    if options.program is None and options.delays is not None:
        raise UsageError(
            "--delays is for one scope: give a --program, or leave it out, as the ladder has such scopes too"
        )
    if options.time is not None and not options.time > 0:
        raise UsageError("--time is 0; an exploration needs some seconds")
    most = memory_bytes() // (STATE_BYTES * max(1, options.workers))
    at_once = states if options.program is not None else min(states, CAPS[-1])
    if at_once > most:
        raise UsageError(
            f"--states is {states:,}, and at {STATE_BYTES} bytes each only {most:,} fit into this machine's "
            "memory: give a smaller number, or bound the scope with --timers and --crashes"
        )
    validate_engine(options.engine)
    validate_workers(options.workers, options.engine)
    if options.program is not None and options.workers > 1:
        raise UsageError(
            "--workers share the scopes of the ladder, and a --program is one scope: leave one of them out"
        )


def _climbed(
    name: str,
    scopes: tuple[Scope, ...],
    caps: tuple[int, ...],
    states_max: int,
    options: ExploreOptions,
    stop: StopRequest,
) -> Climbed:
    screen, line, began = console(), now_and_then(), time.monotonic()
    with screen.status(f"exploring {name}") as status:

        def goes_on(climbed: Climbed, wanted: Scope, states: int, depth: int, waiting: int) -> bool:
            complete = sum(rung.complete for rung in climbed.rungs.values())
            counted = climbed.states + states
            rate = counted / max(time.monotonic() - began, 1e-9)

            def words() -> str:
                now = f"; {wanted}: {states:,} states, {depth} steps deep, {waiting:,} to go on from" if states else ""
                which = f"{complete} of {len(scopes)} scopes complete, " if len(scopes) > 1 else ""
                return f"exploring {name}: {which}{counted:,} states, {rate:,.0f} states/s{now}"

            if screen.is_terminal:
                status.update(words())
            line(words)
            return not stop.made

        climb = Climb(name, scopes, caps, states_max, options.time, goes_on)
        if options.workers == 1 and options.engine == "processes":
            return climb.alone()
        return climb.shared(options.engine, options.workers)
