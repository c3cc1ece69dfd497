"""What the ladder finds of each broken variant, and when: `python -m tests.benchmarks.exploring quorum-kv wal-kv`.

The counterexample is that of the scope in which one was found first. CPU seconds, one process;
`--cpu`: how many for each variant. A line of the table is written as soon as it is known.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from checker.errors import UsageError
from naysayer.explore.ladder import CAPS, Climb, Climbed
from naysayer.explore.rungs import ladder
from naysayer.explore.scope import Scope, refuse_unsuited
from targets.protocol.target import Target
from targets.registry import all_targets

HEAD = "| broken variant | steps | scope | states | CPU s | simulator repeats it |\n|---|---|---|---|---|---|\n"


def row(target: Target, cpu_s: float) -> str:
    """The line of a variant."""
    began = time.process_time()

    def goes_on(climbed: Climbed, wanted: Scope, states: int, depth: int, waiting: int) -> bool:
        return time.process_time() - began < cpu_s

    try:
        refuse_unsuited(target, target.nodes)
        scopes = ladder(target)
        climbed = Climb(target.name, scopes, CAPS, 100_000_000, None, goes_on).alone()
    except UsageError as refused:
        return f"| {target.name} | – | {str(refused).removeprefix(target.name)} | – | – | – |\n"
    spent = time.process_time() - began
    found = climbed.failed
    if found is None:
        free = sum(rung.free for rung in climbed.rungs.values())
        where = f"not found; {free} of {len(scopes)} scopes free of violations"
        return f"| {target.name} | – | {where} | {climbed.states:,} | {spent:.1f} | – |\n"
    where = f"`{found.scope.words}`, {str(found.scope).partition(' on ')[2]}"
    repeated = "yes" if found.scenario else "no"
    return f"| {target.name} | {len(found.steps)} | {where} | {climbed.states:,} | {spent:.1f} | {repeated} |\n"


def main() -> None:
    """Print the table, and write it to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", default=["quorum-kv", "paxos-kv", "generation-clock", "wal-kv"])
    parser.add_argument("--cpu", type=float, default=600.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    lines = [HEAD]
    print(HEAD, end="")
    for target in all_targets():
        if target.broken is not None and {target.name, target.name.partition("/")[0]} & set(asked.families):
            lines.append(row(target, asked.cpu))
            print(lines[-1], end="", flush=True)
            if asked.out is not None:
                asked.out.write_text("".join(lines))


if __name__ == "__main__":
    main()
