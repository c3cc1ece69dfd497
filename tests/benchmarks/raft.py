"""How fast five Raft nodes are simulated on one core: messages a second, and how many times faster than real time.

    python -m tests.benchmarks.raft

"busy": five clients without a pause; "calm": five clients, one operation a second each, as a hunt for rare faults
would run. Every row with the invariants watched at each step and without. Judges nothing.
"""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random

from targets.backends.simulator import SimulatedCluster
from targets.protocol.node import NodeId, Reply, Request
from targets.protocol.target import Target
from targets.systems.raft import RAFT


class Load:
    """Five clients that follow the leader: a third reads, a third writes, a third cas."""

    def __init__(self, target: Target, think_ms: float, *, trace: bool) -> None:
        self.cluster = SimulatedCluster(target, 5, 1, trace=trace)
        self._random = Random(1)
        self._think_ms = think_ms
        self._leader: NodeId = "n1"
        self.operations = 0

    def run(self, ms: float) -> None:
        self.cluster.start()
        for client in range(5):
            self._ask(client)
        self.cluster.run(until_ms=ms)

    def _ask(self, client: int) -> None:
        self.operations += 1
        number = self.operations
        f, given = (("read", None), ("write", number), ("cas", (number - 1, number)))[number % 3]

        def done(reply: Reply | None) -> None:
            pause_ms = self._think_ms
            if reply is None or reply.status != "ok":
                self._leader = (reply and reply.leader) or self._random.choice(self.cluster.nodes)
                pause_ms = 20.0
            self.cluster.at(self.cluster.now_ms + pause_ms, lambda: self._ask(client))

        self.cluster.invoke(Request(f"o{number}", f"c{client}", f, f"k{number % 5}", given), self._leader, 1000, done)


def main() -> None:
    for name, think_ms, ms in (("busy", 0.0, 10_000.0), ("calm", 1000.0, 100_000.0)):
        for watched in ("invariants", "unwatched"):
            target = RAFT if watched == "invariants" else replace(RAFT, invariants=())
            counted = Load(target, think_ms, trace=True)  # the same run: it counts the messages that the other sends
            counted.run(ms)
            messages = len(counted.cluster.trace or ())
            del counted
            load = Load(target, think_ms, trace=False)
            started = time.process_time()
            load.run(ms)
            took = time.process_time() - started
            print(
                f"  {name}, {watched:10}  {messages / took:>9,.0f} messages/s  {ms / 1000 / took:>6.0f}x real time",
                f" ({messages:,} messages, {load.operations:,} operations, {took:.2f} s)",
                flush=True,
            )


if __name__ == "__main__":
    main()
