"""Storms for Raft: clients that follow the leader or stay where they are, retry with the same id, and general faults.

Everything is drawn from one seed. `faults` names the kinds that come and go; several may be in force at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from checker import check
from checker.history import History, Operation
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import (
    Cut,
    Degrade,
    Fault,
    Heal,
    Hold,
    Kill,
    Pause,
    Reconfigure,
    Release,
    Restart,
    Resume,
    Skew,
    Transfer,
)
from targets.protocol.node import NodeId, Reply, Request
from targets.protocol.target import Target

EVERYTHING = (
    "kill", "pause", "isolate", "leader", "halves", "ring", "bridge", "one-way", "loss", "duplicate", "delay", "skew",
    "hold", "reconfigure", "transfer",
)  # fmt: skip


@dataclass
class RaftStorm:
    """One run: `clients` clients on `keys` keys for `storm_ms` of virtual time; then all is healed and some go on."""

    target: Target
    seed: int
    faults: tuple[str, ...] = EVERYTHING
    nodes: int = 5
    clients: int = 5
    storm_ms: float = 5000.0
    keys: int = 2
    mix: tuple[str, ...] = ("read", "read", "write", "cas", "cas")
    timeout_ms: float = 400.0
    pause_ms: float = 60.0
    fault_gap_ms: float = 120.0
    records: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(f"raft storm {self.seed}")
        self.cluster = SimulatedCluster(self.target, self.nodes, self.seed)
        self.left = 1_000_000
        self.busy = 0
        self.count = 0
        self.known: dict[Any, Any] = {}
        self.stormy = bool(self.faults)
        self.leader: dict[int, NodeId] = {i: self.random.choice(self.cluster.nodes) for i in range(self.clients)}
        self.pinned = {i for i in range(self.clients) if self.random.random() < 0.4}

    def run(self) -> History:
        cluster = self.cluster
        cluster.start()
        for client in range(self.clients):
            self._next(client, client)
        if self.stormy:
            cluster.at(400 + self.random.uniform(0, 300), self._fault)
        cluster.run(until_ms=self.storm_ms)
        self.left, self.stormy = 0, False
        cluster.run(until=lambda: self.busy == 0, until_ms=cluster.now_ms + 10_000)
        self._heal()
        cluster.run(until_ms=cluster.now_ms + 2000)
        before = len(self.records)
        self.pinned.clear()
        self.left = 4 * self.clients
        for client in range(self.clients):
            self._next(client, 100_000 + client)
        cluster.run(until=lambda: self.busy == 0, until_ms=cluster.now_ms + 20_000)
        calm = self.records[before:]
        self.alive = any(op.status == "ok" for op in calm) and all(op.status != "info" for op in calm)
        return History.of(self.records)

    def verdict(self, model: str = "cas-register") -> str:
        """invalid, valid, unknown; or "invariant" if the clients saw nothing but an invariant was violated."""
        outcome = check(self.run(), model).outcome
        return "invariant" if outcome != "invalid" and self.cluster.violations else outcome

    # clients

    def _next(self, client: int, process: int) -> None:
        if self.left <= 0:
            return
        self.left -= 1
        self.busy += 1
        pause_ms = self.random.expovariate(1.0) * self.pause_ms
        self.cluster.at(self.cluster.now_ms + pause_ms, lambda: self._invoke(client, process))

    def _input(self, f: str, key: Any) -> Any:
        if f == "write":
            return self.count
        if f == "append":
            return f"<{self.count}>"
        if f == "add":
            return 1
        return (self.known.get(key), self.count) if f == "cas" else None

    def _invoke(self, client: int, process: int) -> None:
        random = self.random
        self.count += 1
        f = random.choice(self.mix)
        key = f"k{random.randrange(self.keys)}"
        request = Request(f"o{self.count}", f"c{client}", f, key, self._input(f, key))
        index, call, node = self.count, self.cluster.now_ns, self.leader[client]
        tries = random.choice((1, 1, 2, 3))

        def done(reply: Reply | None) -> None:
            nonlocal tries
            tries -= 1
            if reply is None or reply.status != "ok":
                self._look_elsewhere(client, reply)
            if reply is None and tries > 0:
                self.cluster.invoke(request, self.leader[client], self.timeout_ms, done_again)
                return
            finish(reply, "info" if reply is None else reply.status)

        def done_again(reply: Reply | None) -> None:
            # the first try may have had an effect: "fail" of a later one only speaks for itself
            nonlocal tries
            tries -= 1
            ok = reply is not None and reply.status == "ok"
            if not ok:
                self._look_elsewhere(client, reply)
                if tries > 0:
                    self.cluster.invoke(request, self.leader[client], self.timeout_ms, done_again)
                    return
            finish(reply, "ok" if ok else "info")

        def finish(reply: Reply | None, status: Any) -> None:
            output = reply.output if reply is not None and status == "ok" else None
            ret = self.cluster.now_ns
            self.records.append(Operation(index, process, f, key, request.input, output, call, ret, status, node))
            if status == "ok":
                self.known[key] = output if f == "read" else request.input[1] if f == "cas" and output else self.count
            self.busy -= 1
            self._next(client, process + self.clients if status == "info" else process)

        self.cluster.invoke(request, node, self.timeout_ms, done)

    def _look_elsewhere(self, client: int, reply: Reply | None) -> None:
        if client in self.pinned and self.random.random() < 0.9:
            return
        hint = reply.leader if reply is not None else None
        self.leader[client] = hint or self.random.choice(self.cluster.nodes)

    # faults

    def _fault(self) -> None:
        if not self.stormy:
            return
        random = self.random
        if random.random() < 0.35:
            self._heal()
        else:
            for fault in self._draw(random.choice(self.faults)):
                self.cluster.apply(fault)
        self.cluster.at(self.cluster.now_ms + random.expovariate(1.0) * self.fault_gap_ms, self._fault)

    def _heal(self) -> None:
        cluster = self.cluster
        cluster.apply(Heal())
        cluster.apply(Resume(tuple(sorted(cluster.paused))))
        cluster.apply(Restart(tuple(sorted(cluster.down))))

    def _bounce_voters(self, looks: int) -> None:
        """Once somebody campaigns, crash others and start them again at once, all through the election."""
        views = self.cluster.views()
        campaigns = any(view["role"] == "candidate" for view in views.values())
        for name, view in views.items():
            if campaigns and view["role"] == "follower" and self.random.random() < 0.15:
                self.cluster.apply(Kill((name,), power=True))
                self.cluster.apply(Restart((name,)))
        if looks:
            self.cluster.at(self.cluster.now_ms + 2, lambda: self._bounce_voters(looks - 1))

    def _leader(self) -> NodeId | None:
        leads = [(view["term"], name) for name, view in self.cluster.views().items() if view["role"] == "leader"]
        return max(leads)[1] if leads else None

    def _draw(self, kind: str) -> list[Fault]:
        random, nodes = self.random, self.cluster.nodes
        links = tuple((a, b) for a in nodes for b in nodes if a != b)
        one = random.choice(nodes)
        leader = self._leader() or one
        clients = tuple((f"c{i}", n) for i in range(self.clients) for n in nodes)
        answers = tuple((n, c) for c, n in clients)
        some = tuple(link for link in links if random.random() < 0.6)
        match kind:
            case "kill":
                if self.cluster.down and random.random() < 0.6:
                    return [Restart(tuple(sorted(self.cluster.down)))]
                chosen = random.choice(((leader,), (one,), tuple(random.sample(nodes, 2)), nodes))
                effects = random.choice((None, random.randrange(12)))
                return [Kill(chosen, power=random.random() < 0.6, torn=random.random() < 0.5, effects=effects)]
            case "pause":
                return [Pause((random.choice((leader, one)),))]
            case "isolate" | "leader":
                alone = leader if kind == "leader" else one
                return [Cut(tuple(link for link in links if alone in link))]
            case "halves":
                side = set(random.sample(nodes, random.choice((len(nodes) // 2, len(nodes) // 2 + 1))))
                return [Cut(tuple(link for link in links if (link[0] in side) != (link[1] in side)))]
            case "ring":
                order = random.sample(nodes, len(nodes))
                near = {(order[i - 1], order[i]) for i in range(len(order))}
                return [Cut(tuple((a, b) for a, b in links if (a, b) not in near and (b, a) not in near))]
            case "bridge":
                order = random.sample(nodes, len(nodes))
                left, right = set(order[1 : len(order) // 2 + 1]), set(order[len(order) // 2 + 1 :])
                return [Cut(tuple((a, b) for a, b in links if {a, b} & left and {a, b} & right))]
            case "one-way":
                return [Cut(tuple(link for link in links if random.random() < 0.3))]
            case "loss":
                return [Degrade(links + clients + answers, loss=random.choice((0.05, 0.3)))]
            case "duplicate":
                # between servers only: a client's connection repeats nothing, its retries do
                return [Degrade(links, duplicate=0.4)]
            case "delay":
                return [Degrade(some, delay_ms=random.choice((5.0, 30.0, 100.0)), reorder=0.5)]
            case "skew":
                offset_ms = random.choice((-20_000, -1000, 1000, 20_000)) * random.random()
                return [Skew(random.choice((leader, one)), offset_ms, random.choice((0.3, 1.0, 2.0)))]
            case "hold":
                if random.random() < 0.5:
                    return [Release()]
                return [Hold(random.choice(links), random.choice((1, 3)))]
            case "reconfigure":
                members = self.cluster.views().get(leader, {}).get("configuration", list(nodes))
                return [Reconfigure(tuple(sorted(set(members) ^ {one})))]
            case "election":
                self.cluster.at(self.cluster.now_ms + 1, lambda: self._bounce_voters(200))
                return [Cut(tuple(link for link in links if leader in link))]
            case "transfer":
                return [Transfer(one)]
        raise AssertionError(f"no such fault: {kind}")
