"""A small storm for tests of targets: clients with random operations, and random faults, all from one seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from checker.history import History, Operation
from targets.fault import Cut, Degrade, Fault, Heal, Kill, Pause, Restart, Resume, Skew
from targets.node import Reply, Request
from targets.simulator import SimulatedCluster
from targets.target import Target


@dataclass
class Storm:
    """One run: `clients` clients pinned to nodes invoke `operations` of the kinds `mix`, on `keys` keys, while faults
    of the kinds `faults` come and go for `storm_ms`; then all is healed and `calm` more operations follow."""

    target: Target
    seed: int
    mix: tuple[str, ...]
    faults: tuple[str, ...] = ()
    nodes: int = 3
    clients: int = 5
    operations: int = 80
    keys: int = 2
    calm: int = 12
    pause_ms: float = 15.0
    records: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(f"storm {self.seed}")
        self.cluster = SimulatedCluster(self.target, self.nodes, self.seed)
        self.left = self.operations
        self.busy = 0
        self.value = 0
        self.known: dict[Any, Any] = {}
        self.stormy = bool(self.faults)
        self.armed: set[str] = set()

    def run(self) -> History:
        """The history of the run. Asserts that the target answers again when all is healed."""
        cluster = self.cluster
        cluster.start()
        for client in range(self.clients):
            self._next(client, client)
        if self.stormy:
            cluster.at(self.random.uniform(5, 60), self._fault)
        cluster.run(until=lambda: self.busy == 0, until_ms=60_000)
        self.stormy = False
        self._heal()
        self._disarm()
        cluster.run(until_ms=cluster.now_ms + 2000)
        if self.calm:
            before = len(self.records)
            self.left = self.calm
            for client in range(3):
                self._next(client, 1000 + client)
            cluster.run(until=lambda: self.busy == 0, until_ms=cluster.now_ms + 20_000)
            answered = [op for op in self.records[before:] if op.status != "info"]
            assert len(answered) == self.calm, f"seed {self.seed}: {self.calm - len(answered)} unanswered in the calm"
        return History.of(self.records)

    def verify(self, model: str) -> str:
        """The checker's verdict on this run."""
        from checker import check

        return check(self.run(), model).outcome

    # clients

    def _next(self, client: int, process: int) -> None:
        if self.left == 0:
            return
        self.left -= 1
        self.busy += 1
        self.cluster.at(
            self.cluster.now_ms + self.random.expovariate(1.0) * self.pause_ms, lambda: self._invoke(client, process)
        )

    def _invoke(self, client: int, process: int) -> None:
        random = self.random
        f = random.choice(self.mix)
        key = None if f == "next" else f"k{random.randrange(self.keys)}"
        self.value += 1
        given: Any = None
        if f == "write":
            given = self.value
        elif f == "cas":
            given = (self.known.get(key), self.value)
        index = self.value
        request = Request(f"c{process}-{self.value}", f"c{process}", f, key, given)
        call = self.cluster.now_ns
        node = self.cluster.nodes[client % self.nodes]

        def done(reply: Reply | None) -> None:
            status = "info" if reply is None else reply.status
            output = None if reply is None else reply.output
            self.records.append(
                Operation(index, process, f, key, given, output, call, self.cluster.now_ns, status, node)
            )
            if status == "ok" and f == "read":
                self.known[key] = output
            elif status == "ok" and f == "write":
                self.known[key] = given
            elif status == "ok" and f == "cas" and output:
                self.known[key] = given[1]
            self.busy -= 1
            self._next(client, process + self.clients if status == "info" else process)

        self.cluster.invoke(request, node, self.target.timeout_ms, done)

    # faults

    def _fault(self) -> None:
        if not self.stormy or self.left == 0:
            return
        fault = self._draw(self.random.choice(self.faults))
        if fault is not None:
            self.cluster.apply(fault)
        lasting = self.random.choice((20.0, 120.0, 500.0)) * self.random.random()
        if self.random.random() < 0.45:
            self.cluster.at(self.cluster.now_ms + lasting, self._heal)
        self.cluster.at(self.cluster.now_ms + lasting + self.random.expovariate(1 / 60), self._fault)

    def _heal(self) -> None:
        cluster = self.cluster
        cluster.apply(Heal())
        cluster.apply(Resume(tuple(sorted(cluster.paused))))
        cluster.apply(Restart(tuple(sorted(cluster.down))))

    def _disarm(self) -> None:
        """The clocks go right again, and nobody dies of an earlier fault any more."""
        armed = tuple(sorted(self.armed))
        self.cluster.apply(Kill(armed))
        self.cluster.apply(Restart(armed))
        for node in self.cluster.nodes:
            self.cluster.apply(Skew(node))

    def _draw(self, kind: str) -> Fault | None:
        random, nodes = self.random, self.cluster.nodes
        some = tuple(random.sample(nodes, min(random.choice((1, 1, 1, 2, len(nodes))), len(nodes))))
        links = tuple((a, b) for a in nodes for b in nodes if a != b)
        match kind:
            case "kill":
                if self.cluster.down and random.random() < 0.6:
                    return Restart(tuple(sorted(self.cluster.down)))
                effects = random.choice((None, random.randrange(12)))
                self.armed.update(some if effects is not None else ())
                return Kill(some, power=random.random() < 0.5, torn=random.random() < 0.5, effects=effects)
            case "pause":
                return Pause(some[:1])
            case "isolate":
                one = random.choice(nodes)
                return Cut(tuple(link for link in links if one in link))
            case "partial":
                return Cut(tuple(link for link in links if random.random() < 0.4))
            case "loss":
                return Degrade(links, loss=random.choice((0.05, 0.3)))
            case "duplicate":
                clients = tuple((f"c{i}", n) for i in range(self.clients) for n in nodes)
                return Degrade(links + clients, duplicate=0.4)
            case "delay":
                return Degrade(tuple(link for link in links if random.random() < 0.6), delay_ms=30.0, reorder=0.5)
            case "skew":
                rate = random.choice((0.2, 1.0, 3.0))
                return Skew(random.choice(nodes), offset_ms=random.uniform(-1000, 1000), rate=rate)
        raise AssertionError(f"no such fault: {kind}")


EVERYTHING = ("kill", "pause", "isolate", "partial", "loss", "duplicate", "delay", "skew")
