"""`naysayer doctor cluster.toml`: what a run would need, tried before the run, a line for each thing.

As a run does, it starts the system on hosts where it does not run, and stops it at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path

import trio

from checker.errors import NaysayerError
from naysayer.commands.drive import UNDOING
from naysayer.commands.live import usual_faults
from naysayer.report.console import console
from naysayer.signals import ended_by_signals
from nemesis import catalog
from targets.node import NodeId, Request
from targets.remote.cluster import RemoteCluster, faults_of, what_it_takes
from targets.remote.config import ClusterConfig, load
from targets.remote.hosts import Finding, side_by_side
from targets.remote.links import SHAPING

CLOCK_MS_MAX = 500.0
CLOCK_SAMPLES = 5
READ_S_MIN = 10.0
ERROR = 3

GOOD, KNOW, BAD = "✓", "!", "✗"

Say = Callable[[str, str, str], None]
"""Called with a sign, whom it is about, and what was found."""


@dataclass
class Examination:
    """One cluster. `asked`: the faults that must be possible; of `others` it is only good to know."""

    config: ClusterConfig
    asked: dict[str, frozenset[str]]
    others: dict[str, frozenset[str]]
    say: Say
    bad: int = 0
    impossible: set[str] = field(default_factory=set)
    """The faults asked for that cannot be carried out."""
    refusals: int = 0
    """How much of `bad` is about them: a run without them could start."""

    def tell(self, sign: str, who: str, text: str) -> None:
        """Print a line, and count it if it is bad."""
        self.bad += sign == BAD
        self.say(sign, who, text)

    def tell_faults(self, who: str, names: list[str], text: str, bad: bool) -> None:
        """Print what was found of the means for faults asked for."""
        self.tell(BAD if bad else GOOD, who, f"{', '.join(names)}: {text}")
        if bad:
            self.refusals += 1
            self.impossible |= set(names)

    def tell_means(self, found: Finding) -> None:
        """Print which faults a finding is about."""
        asked, others = (
            [name for name, tags in faults.items() if tags & found.tags] for faults in (self.asked, self.others)
        )
        if asked:
            self.tell_faults(found.node, asked, found.text, found.bad)
        else:
            self.tell(KNOW if found.bad else GOOD, found.node, f"{', '.join(others)}: {found.text}")

    @property
    def tags(self) -> frozenset[str]:
        """All that is to be tried."""
        return frozenset().union(*self.asked.values(), *self.others.values())

    async def run(self) -> None:
        """Try everything; what cannot be reached ends it, after all hosts were tried."""
        async with RemoteCluster(self.config) as cluster:
            clocks: dict[NodeId, tuple[float, float]] = {}
            for node in cluster.nodes:
                try:
                    await self._host(cluster, node, clocks)
                except NaysayerError as error:
                    self.tell(BAD, node, str(error))
            self._compare(clocks)
            if self.bad > self.refusals:
                return
            try:
                await cluster.launch()
            except NaysayerError as error:
                self.tell(BAD, "start", str(error))
                return
            await self._system(cluster)
        for trouble in cluster.left:
            self.tell(BAD, "at the end", trouble)

    async def _host(self, cluster: RemoteCluster, node: NodeId, clocks: dict[NodeId, tuple[float, float]]) -> None:
        await cluster.run(node, "true")
        clock = await _clock(cluster, node)
        if clock is None:
            self.tell(KNOW, node, "reachable; its date cannot say the time in nanoseconds")
        else:
            clocks[node] = clock
            self.tell(GOOD, node, f"reachable; its clock is {clock[0]:+.0f} ms from ours (± {clock[1]:.0f})")
        await cluster.clear(node)
        for found in await cluster.examine_host(node, self.tags):
            self.tell_means(found)

    def _compare(self, clocks: dict[NodeId, tuple[float, float]]) -> None:
        """The two hosts whose clocks are the furthest apart."""
        apart = [
            (abs(clocks[one][0] - clocks[other][0]), clocks[one][1] + clocks[other][1], one, other)
            for one, other in combinations(clocks, 2)
        ]
        if apart:
            off_ms, exact_ms, one, other = max(apart)
            advice = "; let the hosts keep time (chrony, ntpd)" if off_ms - exact_ms > CLOCK_MS_MAX else ""
            text = f"at most {off_ms:.0f} ms apart (± {exact_ms:.0f}): {one} and {other}{advice}"
            self.tell(KNOW if advice else GOOD, "clocks", text)

    async def _system(self, cluster: RemoteCluster) -> None:
        for node in cluster.nodes:
            try:
                for found in await cluster.examine_system(node, self.tags):
                    self.tell_means(found)
            except NaysayerError as error:
                self.tell(BAD, node, str(error))
        reads = dict.fromkeys(cluster.nodes, (BAD, ""))

        async def read(node: NodeId) -> None:
            try:
                reads[node] = await _read(cluster, node)
            except NaysayerError as error:
                reads[node] = BAD, str(error)

        await side_by_side(partial(read, node) for node in cluster.nodes)
        somebody = any(sign == GOOD for sign, _ in reads.values())
        for node, (sign, text) in reads.items():
            # where one node answers, others may refuse: a replica, a follower
            self.tell(BAD if sign == KNOW and not somebody else sign, node, text)


def doctor(file: Path, nemesis: tuple[str, ...] | None) -> int:
    """Check a cluster.toml and print a line for each thing tried; 0 if a run with these faults can start, else 3."""
    config = load(file)
    can, nodes = faults_of(config), len(config.nodes)
    screen = console()

    def say(sign: str, who: str, text: str) -> None:
        screen.print(f"{sign} {who}: {text}", markup=False, soft_wrap=True)

    names = usual_faults(can - SHAPING, nodes) if nemesis is None else nemesis
    wanted = {kind.name: kind.needs for kind in map(catalog.find, names)}
    asked = {name: needs for name, needs in wanted.items() if needs <= can}
    others = {kind.name: kind.needs for kind in catalog.KINDS.values() if kind.needs <= can and kind.nodes <= nodes}
    examination = Examination(config, asked, others if nemesis is None else {}, say)
    for name in sorted(wanted.keys() - asked.keys()):
        text = f"needs {what_it_takes(wanted[name] - can)}"
        examination.tell_faults(file.name, [name], text, bad=True)

    async def main() -> bool:
        with trio.CancelScope() as scope:
            async with ended_by_signals(scope.cancel, UNDOING % f"naysayer heal {file}"):
                await examination.run()
        return scope.cancelled_caught

    if trio.run(main):
        say(BAD, file.name, "interrupted")
        return ERROR
    possible = ",".join(name for name in asked if name not in examination.impossible) or "none"
    faults = "" if nemesis is None else f" --nemesis {possible}"
    if not examination.bad:
        screen.print(f"ready: naysayer test --cluster {file}{faults}", markup=False, soft_wrap=True)
        return 0
    advice = f"; without them: --nemesis {possible}" if examination.bad == examination.refusals else ""
    count = f"{examination.bad} problem{'s' if examination.bad > 1 else ''}"
    screen.print(f"{count}: a run cannot start{advice}", markup=False, soft_wrap=True)
    return ERROR


async def _clock(cluster: RemoteCluster, node: NodeId) -> tuple[float, float] | None:
    """How many ms a host's clock is ahead of ours, and how exact that is: half of the quickest round trip."""
    found = []
    for _ in range(CLOCK_SAMPLES):
        before = time.time()
        said = (await cluster.run(node, "date +%s.%N")).out.strip()
        after = time.time()
        try:
            found.append(((after - before) * 500, (float(said) - (before + after) / 2) * 1000))
        except ValueError:
            return None
    exact_ms, off_ms = min(found)
    return off_ms, exact_ms


async def _read(cluster: RemoteCluster, node: NodeId) -> tuple[str, str]:
    """One read through the node. A system that still elects may take a while; a refusal is an answer too."""
    if "read" not in cluster.config.client.operations:
        return GOOD, "accepts connections; the system offers no read to try"
    client = cluster.client(node)
    limit_s = max(READ_S_MIN, 5 * cluster.config.client.timeout_s)
    sign, text = BAD, f"no answer to a read within {limit_s:.0f} s"
    with trio.move_on_after(limit_s):
        for attempt in range(1, 1000):
            began = time.monotonic()
            reply = await client.invoke(Request(f"doctor.{attempt}", "doctor", "read", "naysayer-doctor"))
            if reply.status == "ok":
                sign, text = GOOD, f"answers a read in {(time.monotonic() - began) * 1000:.1f} ms"
                break
            if reply.status == "fail":
                sign, text = KNOW, f"refuses a read: {reply.error}"
            else:
                sign, text = BAD, f"a read failed: {reply.error}"
                await client.close()
            await trio.sleep(0.1)
    await client.close()
    return sign, text
