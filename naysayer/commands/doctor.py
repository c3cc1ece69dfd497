"""`naysayer doctor cluster.toml`: checks what a run needs before the run, a line for each thing.

Without --nemesis it only reads. With it, it first announces what it will try: as a run does, it starts the system where
it does not run and stops it at the end, and it makes and removes what the faults take. A system that ran before is
never changed, and gets no signal.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path

import trio

from checker.errors import NaysayerError
from naysayer.commands.backends import default_workload
from naysayer.commands.drive import UNDOING
from naysayer.commands.live import usual_faults
from naysayer.options import RESULTS
from naysayer.report.console import Text, console
from naysayer.signals import ended_by_signals
from nemesis import named as named_faults
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import ClusterConfig, endpoint, load
from targets.backends.hosts.container_links import DISCONNECTING
from targets.backends.hosts.hosts import Finding, side_by_side
from targets.backends.hosts.links import LOSING, SHAPING
from targets.backends.hosts.needs import ON_RUNNING, faults_of, what_it_takes
from targets.backends.hosts.ports import connects
from targets.protocol.node import NodeId, Request

CLOCK_MS_MAX = 500.0
CLOCK_SAMPLES = 5
READ_S_MIN = 10.0
ERROR = 3

GOOD, KNOW, BAD = "✓", "!", "✗"

Say = Callable[[str, str, str], None]
"""Called with a sign, the node or file that it is about, and what was found."""


@dataclass
class Examination:
    """One cluster. `asked`: the faults that are tried; None: nothing is, the examination only reads."""

    config: ClusterConfig
    file: Path
    asked: dict[str, frozenset[str]] | None
    say: Say
    bad: int = 0
    impossible: set[str] = field(default_factory=set)
    """The faults asked for that cannot be carried out."""
    refusals: int = 0
    """How much of `bad` is about them: a run without them could start."""
    down: list[NodeId] = field(default_factory=list)
    """The nodes whose system does not run, and was not started."""

    def report(self, sign: str, who: str, text: str) -> None:
        """Print a line, and count it if it is bad."""
        self.bad += sign == BAD
        self.say(sign, who, text.removeprefix(f"{who}: "))

    def report_faults(self, who: str, names: list[str], text: str, bad: bool) -> None:
        """Print what was found of the means for faults asked for."""
        self.report(BAD if bad else GOOD, who, f"{', '.join(names)}: {text}")
        if bad:
            self.refusals += 1
            self.impossible |= set(names)

    def report_means(self, found: Finding) -> None:
        """Print which faults a finding is about."""
        names = [name for name, tags in (self.asked or {}).items() if tags & found.tags]
        if names:
            self.report_faults(found.node, names, found.text, found.bad)

    async def run(self) -> None:
        """Examine everything, and try the faults; a host that cannot be reached ends it, after all hosts were
        examined."""
        async with RemoteCluster(self.config) as cluster:
            clocks: dict[NodeId, tuple[float, float]] = {}
            running: dict[NodeId, str | None] = {}
            for node in cluster.nodes:
                try:
                    running[node] = await self._host(cluster, node, clocks)
                except NaysayerError as error:
                    self.report(BAD, node, str(error))
            self._compare(clocks)
            if self.bad > self.refusals:
                return
            self.down = [node for node, found in running.items() if found is None]
            if not self.config.starts:
                self.down = []
            if self.asked is not None:
                if not await self._means(cluster, self.asked):
                    return
                self.down = []
            await self._system(cluster)
        for trouble in cluster.left:
            self.report(BAD, "at the end", trouble)

    async def _means(self, cluster: RemoteCluster, asked: dict[str, frozenset[str]]) -> bool:
        """Try what the faults take, and start the system where it does not run. Returns whether it runs then."""
        self._announce(cluster, asked)
        tags = frozenset[str]().union(*asked.values())
        try:
            for node in cluster.nodes:
                await cluster.clear(node)
                for found in await cluster.examine_host(node, tags):
                    self.report_means(found)
            await cluster.launch()
            for node in cluster.nodes:
                if node not in cluster.running:
                    for found in await cluster.examine_system(node, tags):
                        self.report_means(found)
                elif names := [name for name, needs in asked.items() if needs & ON_RUNNING]:
                    text = "refused on a system that ran before, unless --allow-faults-on-running is given to test"
                    self.report_faults(node, names, text, bad=True)
        except NaysayerError as error:
            self.report(BAD, "start", str(error))
            return False
        return True

    def _announce(self, cluster: RemoteCluster, asked: dict[str, frozenset[str]]) -> None:
        """Print what will be tried, before anything is."""
        tags = frozenset[str]().union(*asked.values())
        idle = [node for node in cluster.nodes if node not in cluster.running]
        tries = []
        if self.config.ssh is not None:
            tries.append("remove firewall rules and queueing disciplines that a lost run left")
            if tags & LOSING:
                tries.append("make a firewall rule on each host and remove it")
            if tags & SHAPING:
                tries.append("shape a link by tc netem on each host and undo it")
        if tags & DISCONNECTING:
            tries.append("nothing that disconnects a container: the networks are only looked at")
        if self.config.starts and idle:
            by_command = self.config.commands is not None and self.config.commands.install is not None
            install = "install (by your install command) and " if by_command else ""
            tries.append(f"{install}start the system on {', '.join(idle)}, read through it, and stop it again")
        if self.config.clock is not None and idle:
            tries.append(f"write the true time into the clock file of {', '.join(idle)}")
        for what in tries or ["nothing: a read through each node is all"]:
            self.report(KNOW, "will try", what)
        if cluster.running:
            self.report(KNOW, "not touched", f"{', '.join(cluster.running)}, whose system ran before")

    async def _host(
        self, cluster: RemoteCluster, node: NodeId, clocks: dict[NodeId, tuple[float, float]]
    ) -> str | None:
        """Examine a host; returns the process of the system if it runs already."""
        await cluster.reach(node)
        clock = None if self.config.has_containers else await _clock(cluster, node)
        if self.config.has_containers:
            self.report(GOOD, node, f"{self.config.nodes[node].host} is there")
        elif clock is None:
            self.report(KNOW, node, "reachable; its date cannot say the time in nanoseconds")
        else:
            clocks[node] = clock
            self.report(GOOD, node, f"reachable; its clock is {clock[0]:+.0f} ms from ours (± {clock[1]:.0f})")
        if left := await cluster.remains(node):
            text = f"a run that was lost left {left[0]}; a run removes that, and so does naysayer heal"
            self.report(KNOW, node, text)
        found = await cluster.look(node)
        if found is not None:
            self.report(GOOD, node, f"the system runs already: {found}; a run uses it as it is and leaves it running")
        elif self.config.starts:
            self.report(GOOD, node, "the system does not run, and nothing else is at its client port: a run starts it")
        return found

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
            self.report(KNOW if advice else GOOD, "clocks", text)

    async def _system(self, cluster: RemoteCluster) -> None:
        """The process that listens at the ports of each node that runs, and a read through it."""
        nodes = [node for node in cluster.nodes if node not in self.down]
        for node in [one for one in nodes if one in cluster.running]:
            try:
                await cluster.refuse_stranger(node)
            except NaysayerError as error:
                self.report(BAD, node, str(error))
        for remark in cluster.remarks:
            self.report(KNOW, "note", remark)
        reads = dict.fromkeys(nodes, (BAD, ""))

        async def read(node: NodeId) -> None:
            try:
                reads[node] = await _read(cluster, node)
            except NaysayerError as error:
                reads[node] = BAD, str(error)

        await side_by_side(partial(read, node) for node in nodes)
        answered = any(sign == GOOD for sign, _ in reads.values())
        for node, (sign, text) in reads.items():
            # where one node answers, others may refuse: a replica, a follower
            self.report(BAD if sign == KNOW and not answered else sign, node, text)


def doctor(file: Path, nemesis: tuple[str, ...] | None) -> int:
    """Check a cluster.toml and print a line for each thing; 0 if nothing was found that stands against a run."""
    config = load(file)
    can = faults_of(config)
    screen = console()

    def say(sign: str, who: str, text: str) -> None:
        screen.print(Text(f"{sign} {who}: {text}"), soft_wrap=True)

    examination = Examination(config, file, None, say)
    if nemesis is not None:
        wanted = {kind.name: kind.needs for kind in map(named_faults.find, nemesis)}
        examination.asked = {name: needs for name, needs in wanted.items() if needs <= can}
        for name in sorted(wanted.keys() - examination.asked.keys()):
            text = f"needs {what_it_takes(wanted[name] - can)}"
            examination.report_faults(file.name, [name], text, bad=True)
        _refuse_few_nodes(examination, file)

    async def main() -> bool:
        with trio.CancelScope() as scope:
            async with ended_by_signals(scope.cancel, UNDOING % f"naysayer heal {file}"):
                await examination.run()
        return scope.cancelled_caught

    if trio.run(main):
        say(BAD, file.name, "interrupted")
        return ERROR
    _beside_hosts(examination, file)
    screen.print(Text(_conclusion(examination, file, can)), soft_wrap=True)
    return ERROR if examination.bad else 0


def _refuse_few_nodes(examination: Examination, file: Path) -> None:
    """Faults that make no sense with so few nodes, which a run refuses."""
    assert examination.asked is not None
    for name in list(examination.asked):
        least = named_faults.find(name).nodes
        if least > len(examination.config.nodes):
            del examination.asked[name]
            text = f"makes sense with {least} nodes or more; the file names {len(examination.config.nodes)}"
            examination.report_faults(file.name, [name], text, bad=True)


def _beside_hosts(examination: Examination, file: Path) -> None:
    """What a run needs besides the hosts: a workload, and a place for its results."""
    offered = ", ".join(examination.config.client.operations)
    if default_workload(examination.config) is None:
        text = f"no workload makes do with the operations {offered}; naysayer list shows what each one judges"
        examination.report(BAD, file.name, text)
    place = next(folder for folder in (RESULTS, Path()) if folder.is_dir())
    if not os.access(place, os.W_OK):
        examination.report(BAD, str(place.absolute()), "results cannot be written here; test --results DIR is needed")


def _conclusion(examination: Examination, file: Path, can: frozenset[str]) -> str:
    """The last line: a command that was shown to be possible, or what keeps a run from starting."""
    asked = [name for name in examination.asked or () if name not in examination.impossible]
    possible = ",".join(asked) or "none"
    if examination.bad:
        advice = f"; without them: --nemesis {possible}" if examination.bad == examination.refusals else ""
        count = f"{examination.bad} problem{'s' if examination.bad > 1 else ''}"
        return f"{count}: a run cannot start{advice}"
    if examination.down:
        return (
            "no problem found; not tried: whether the system starts, and what faults take. "
            "--nemesis FAULTS (or --nemesis none) tries that, and undoes it"
        )
    usual = usual_faults(can - SHAPING, len(examination.config.nodes))
    faults = "" if set(asked) == set(usual) else f" --nemesis {possible}"
    return f"ready: naysayer test --cluster {shlex.quote(str(file))}{faults}"


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
        where = endpoint(cluster.config.nodes[node].client)
        if where is not None and not await connects(*where):
            return BAD, f"nothing accepts connections at {where[0]}:{where[1]}"
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
                if (reply.error or "").startswith("status "):
                    advice = "if it does nothing then, name the status in `refused` of [client.http.read]"
                    sign, text = KNOW, f"answers a read with {reply.error}; {advice}"
                await client.close()
            await trio.sleep(0.1)
    await client.close()
    return sign, text
