"""The links between hosts: cut, lossy, slow; healed, and cleaned up after a lost run; probes show the effect."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Self

from checker.errors import HarnessError, UsageError
from targets.backends.hosts import firewall, netem, probe
from targets.backends.hosts.firewall import Firewall
from targets.backends.hosts.hosts import Finding, Hosts, last_line, side_by_side
from targets.protocol.fault import Cut, Degrade, Evidence, Fault, Heal, Link
from targets.protocol.node import NodeId

LOSING = frozenset({"cut", "lose"})
SHAPING = frozenset({"shape", "repeat"})
FIREWALL_ADVICE = "install iptables or nftables there, and log in as root or with sudo = true in [ssh]"
NETEM_ADVICE = "it takes tc (iproute2), root and a kernel that has sch_prio and sch_netem (modprobe sch_netem)"

UNDO = f"{firewall.UNDO}; {netem.UNDO}"
LEFT = f"{firewall.LEFT}; {netem.LEFT}"


@dataclass
class _InForce:
    """A fault of links; what probes found is kept until it is healed, when the packets are counted."""

    fault: Fault
    from_ms: float
    shaped: bool = False
    found: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """What it did not do: then it is not shown."""

    def evidence(self, packets: int, now_ms: float) -> Evidence:
        """What it did, as far as is known."""
        what = "through netem" if self.shaped else "lost"
        detail = "; ".join([*sorted(self.failed), *sorted(self.found), f"{packets} packets {what} until healed"])
        return Evidence(self.fault, self.from_ms, now_ms, packets > 0 and not self.failed, detail)


class Links:
    """Faults of the links between hosts over SSH. Without SSH there is one host, and nothing can be done to links."""

    kinds: ClassVar[Mapping[str, int]] = {}
    """Of messages: a firewall shows none."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._walls: dict[NodeId, Firewall] = {}
        self._addresses: dict[tuple[NodeId, NodeId], list[str]] = {}
        """By (host, peer): what the host knows the peer by."""
        self._in_force: list[_InForce] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing: `undo` has removed what was made on the hosts."""

    def evidence(self) -> list[Evidence]:
        """Nothing beside what was noted when links were healed."""
        return []

    async def addresses(self, node: NodeId, peer: NodeId) -> list[str]:
        """The addresses of a peer as a node's host knows them. Raises UsageError if it knows none."""
        if (node, peer) not in self._addresses:
            name = self._hosts.config.nodes[peer].known_as
            try:
                found = [str(ipaddress.ip_address(name))]
            except ValueError:
                said = await self._hosts.run(node, f"getent ahosts {name} | cut -d' ' -f1 | sort -u", check=False)
                found = said.out.split()
            if not found:
                raise UsageError(f"{node}: does not know the address of {name}; write it as [nodes.{peer}] address")
            self._addresses[node, peer] = found
        return self._addresses[node, peer]

    async def examine(self, node: NodeId, tags: frozenset[str]) -> list[Finding]:
        """What a node's host has to carry out the faults with these tags, tried and undone."""
        peers = [peer for peer in self._hosts.nodes if peer != node]
        if self._hosts.config.ssh is None or not peers:
            return []
        found = []
        if wanted := tags & LOSING:
            try:
                wall = await self._wall(node)
                found.append(Finding(node, wanted, f"{wall.name} can drop what comes from a peer"))
            except (HarnessError, UsageError) as error:
                found.append(Finding(node, wanted, str(error).removeprefix(f"{node}: "), bad=True))
        if wanted := tags & SHAPING:
            addresses = await self.addresses(node, peers[0])
            done = await self._hosts.run(node, netem.attempt(addresses[0]), check=False)
            text = f"tc netem failed: {last_line(done)}; {NETEM_ADVICE}" if done.code else "tc netem can shape a link"
            found.append(Finding(node, wanted, text, bad=done.code != 0))
        return found

    async def _wall(self, node: NodeId) -> Firewall:
        """The firewall that a host can use."""
        if node not in self._walls:
            peers = [peer for peer in self._hosts.nodes if peer != node]
            known = {one: peer for peer in peers for one in await self.addresses(node, peer)}
            v6 = any(map(firewall.is_v6, known))
            ours = (await self._hosts.run(node, "echo ${SSH_CONNECTION%% *}")).out.strip()
            if ours in known:
                raise UsageError(
                    f"{node}: is reached from {ours}, which is {known[ours]}: if this link were cut, it could not be "
                    "healed; run naysayer elsewhere, or go through a jump host that is not a node"
                )
            refused = []
            for wall in firewall.FIREWALLS:
                done = await self._hosts.run(node, firewall.attempt(wall, v6=v6), check=False)
                if done.code == 0:
                    self._walls[node] = wall
                    break
                refused.append(f"{wall.name} failed: {last_line(done)}")
            else:
                raise HarnessError(f"{node}: links cannot be cut; {'; '.join(refused)}; {FIREWALL_ADVICE}")
        return self._walls[node]

    async def _drop(self, links: Iterable[Link], chance: float) -> None:
        """Loses packets where they arrive."""
        into: dict[NodeId, list[str]] = {}
        for source, dest in links:
            into.setdefault(dest, []).extend(await self.addresses(dest, source))
        for dest, addresses in into.items():
            wall = await self._wall(dest)
            await self._hosts.run(dest, f"{wall.prepare}; {wall.drop(addresses, chance)}")

    async def apply(self, fault: Fault) -> None:
        """Begin a cut or a degradation, or end them all. Raises HarnessError where that cannot be done."""
        match fault:
            case Cut():
                await self._cut(fault)
            case Degrade():
                await self._degrade(fault)
            case Heal():
                await self._heal()
            case _:
                raise HarnessError(f"{fault.label()} cannot be carried out on links between hosts")

    async def _cut(self, fault: Cut) -> None:
        """Lose everything on links, and probe whether anything still crosses them."""
        await self._drop(fault.links, 1.0)
        now = _InForce(fault, self._hosts.now_ms())
        self._in_force.append(now)
        sources = sorted({source for source, _ in fault.links})
        await side_by_side(partial(self._try_cut, source, fault, now.failed) for source in sources)

    async def _ports(self, source: NodeId, dests: list[NodeId]) -> list[tuple[str, int]]:
        """Where to knock on each peer: at its sshd, which also answers when the system is down."""
        config = self._hosts.config
        assert config.ssh is not None
        return [
            ((await self.addresses(source, one))[0], config.nodes[one].ssh_port or config.ssh.port) for one in dests
        ]

    async def _try_cut(self, source: NodeId, fault: Cut, failed: list[str]) -> None:
        """Try to connect over every cut link from `source`; where anything answers, even a refusal, it is not cut."""
        dests = [dest for one, dest in fault.links if one == source]
        said = (await self._hosts.run(source, probe.silence(await self._ports(source, dests)))).out.split()
        if "untried" not in said:  # else the packets counted until healed are the evidence
            still = [dest for dest, one in zip(dests, said, strict=True) if one != "silent"]
            failed += [f"{source} still connects to {dest}" for dest in still]

    async def _degrade(self, fault: Degrade) -> None:
        """Lose some packets where they arrive; for all else, shape what leaves, and measure whether it is late."""
        shaped = bool(fault.delay_ms or fault.duplicate or fault.reorder)
        now = _InForce(fault, self._hosts.now_ms(), shaped)
        self._in_force.append(now)
        if not shaped:
            await self._drop(fault.links, fault.loss)
            return
        sources = sorted({source for source, _ in fault.links})
        before: dict[Link, float] = {}
        after: dict[Link, float] = {}
        if fault.delay_ms:
            await side_by_side(partial(self._knock, source, fault, before) for source in sources)
        await side_by_side(partial(self._shape, source, fault) for source in sources)
        if fault.delay_ms:
            await side_by_side(partial(self._knock, source, fault, after) for source in sources)
        for (source, dest), took_ms in after.items():
            slower_ms = took_ms - before.get((source, dest), took_ms)
            # half of the delay is its least, and one packet of the handshake goes this way
            kept = now.found if slower_ms > 0.4 * fault.delay_ms else now.failed
            kept.append(f"connecting {source} to {dest} takes {slower_ms:+.1f} ms")

    async def _knock(self, source: NodeId, fault: Degrade, took_ms: dict[Link, float]) -> None:
        dests = [dest for one, dest in fault.links if one == source]
        knock = probe.duration(await self._ports(source, dests))
        said = (await self._hosts.run(source, knock, check=False)).out.split()
        took_ms |= {(source, dest): float(one) for dest, one in zip(dests, said, strict=False)}

    async def _shape(self, source: NodeId, fault: Degrade) -> None:
        dests = [dest for one, dest in fault.links if one == source]
        addresses = [one for dest in dests for one in await self.addresses(source, dest)]
        done = await self._hosts.run(source, netem.shape(addresses, netem.discipline(fault)), check=False)
        if done.code != 0:
            raise HarnessError(f"{source}: links cannot be shaped; tc netem failed: {last_line(done)}; {NETEM_ADVICE}")

    async def _heal(self) -> None:
        """Heal every host that answers. Raises HarnessError, for the first that does not, after all were tried."""
        if self._hosts.config.ssh is None:
            return
        dropped = passed = 0
        first: HarnessError | None = None
        for node in self._hosts.nodes:
            try:
                if node in self._walls:
                    wall = self._walls[node]
                    dropped += wall.dropped((await self._hosts.run(node, wall.counters)).out)
                    await self._hosts.run(node, wall.flush)
                if any(one.shaped for one in self._in_force):
                    passed += netem.passed((await self._hosts.run(node, netem.COUNTERS)).out)
                    await self._hosts.run(node, netem.UNDO)
            except HarnessError as error:
                first = first or error
        for one in self._in_force:
            packets = passed if one.shaped else dropped
            self._hosts.evidence.append(one.evidence(packets, self._hosts.now_ms()))
        self._in_force = []
        if first is not None:
            raise first

    async def undo(self, node: NodeId) -> list[str]:
        """Remove what this or an earlier run left on a host; returns what could not be removed."""
        if self._hosts.config.ssh is None:
            return []
        await self._hosts.run(node, UNDO)
        return [f"{node}: this could not be removed: {one}" for one in await self.left(node)]

    async def left(self, node: NodeId) -> list[str]:
        """What a run has left on a host: rules and disciplines of ours. Only reads."""
        if self._hosts.config.ssh is None:
            return []
        return [one.strip() for one in (await self._hosts.run(node, LEFT)).out.split("\n") if one.strip()]
