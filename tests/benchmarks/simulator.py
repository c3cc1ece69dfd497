"""How fast the simulator is on one core: events a second with five nodes of the quorum store under load.

    python -m tests.benchmarks.simulator

Events are deliveries, timers, ends of syncs and what clients do. "calm": no faults; "storm": faults come and go.
Judges nothing.
"""

from __future__ import annotations

import time
from random import Random

from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Degrade, Heal, Kill, Restart
from targets.protocol.node import Reply, Request
from targets.systems.quorum import HEALTHY

CLIENTS = 10
OPERATIONS = 20_000


class Load:
    """Ten clients without a pause on five nodes and five keys, half of the operations writes."""

    def __init__(self, seed: int) -> None:
        self.cluster = SimulatedCluster(HEALTHY, 5, seed)
        self._random = Random(seed)
        self.operations = 0
        self.answered = 0

    def run(self, *, storm: bool) -> None:
        self.cluster.start()
        for client in range(CLIENTS):
            self._ask(client)
        if storm:
            self._strike()
        self.cluster.run(until=lambda: self.operations >= OPERATIONS)

    def _ask(self, client: int) -> None:
        self.operations += 1
        number = self.operations
        f, given = ("read", None) if self._random.random() < 0.5 else ("write", number)

        def done(reply: Reply | None) -> None:
            self.answered += reply is not None and reply.status == "ok"
            self._ask(client)

        node = self.cluster.nodes[client % 5]
        self.cluster.invoke(Request(f"o{number}", f"c{client}", f, f"k{number % 5}", given), node, 200.0, done)

    def _strike(self) -> None:
        """One fault after the other, each ended before the next."""
        cluster = self.cluster
        cluster.apply(Heal())
        cluster.apply(Restart(tuple(sorted(cluster.down))))
        links = tuple((a, b) for a in cluster.nodes for b in cluster.nodes if a != b)
        one = self._random.choice(cluster.nodes)
        choices = (Kill((one,), power=True), Degrade(links, delay_ms=5.0, loss=0.1, duplicate=0.2, reorder=0.3))
        cluster.apply(self._random.choice(choices))
        cluster.at(cluster.now_ms + 50.0, self._strike)


def main() -> None:
    for name in ("calm", "storm"):
        load = Load(1)
        started = time.process_time()
        load.run(storm=name == "storm")
        took = time.process_time() - started
        cluster = load.cluster
        print(
            f"  {name:5}  {cluster.events / took:>9,.0f} events/s  {cluster.now_ms / 1000 / took:>6.1f}x real time",
            f" ({cluster.events:,} events, {load.answered:,} of {load.operations:,} operations answered, {took:.2f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
