"""`naysayer heal cluster.toml`: undo what a lost run left on the hosts."""

from __future__ import annotations

from pathlib import Path

import trio

from naysayer.report.console import console
from naysayer.signals import ended_by_signals
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import load

HEALING = "the hosts are being healed, which takes some seconds; if this process is killed now, run heal again"
ERROR = 3


def heal(file: Path) -> int:
    """Heal every host and say what could not be undone; returns the exit code."""
    config = load(file)
    screen = console()

    async def main() -> int:
        cluster = RemoteCluster(config)
        failed = 0
        async with ended_by_signals(lambda: None, HEALING):
            for node in cluster.nodes:
                troubles = await cluster.undo(node)
                failed += bool(troubles)
                for trouble in troubles:
                    screen.print(f"✗ {trouble}", markup=False, soft_wrap=True)
                if not troubles and not await cluster.runs(node):
                    screen.print(f"! {node}: the system does not run; its start command is yours to give", markup=False)
            await cluster.close()
        return failed

    failed = trio.run(main)
    screen.print(f"{'✗' if failed else '✓'} {len(config.nodes) - failed} of {len(config.nodes)} hosts healed")
    return ERROR if failed else 0
