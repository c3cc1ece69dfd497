"""Random operations under random faults, as configurations of the harness core: for tests of targets, from one seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from checker import check
from checker.history import History, Operation
from naysayer.harness.clients import TIMEOUT
from naysayer.harness.setup import Setup
from naysayer.recorder import Recorder
from naysayer.virtual import VirtualRun
from nemesis.schedule import Poll, Schedule, Situation, Step
from targets.backends.simulator import SimulatedCluster
from targets.protocol.fault import Cut, Degrade, Fault, Heal, Kill, Pause, Restart, Resume, Skew
from targets.protocol.node import NodeId
from targets.protocol.target import Target
from workloads.generator import Generator, Invocation, Turn

EVERYTHING = ("kill", "pause", "isolate", "partial", "loss", "duplicate", "delay", "skew")

Draw = Callable[[str, Situation], Fault | None]
"""A fault of a kind; None if none makes sense now."""


@dataclass(frozen=True)
class Operations:
    """Operations of the kinds `mix`, on `keys` keys; a cas compares with what was last seen. With `pinned` each client
    stays with one node."""

    mix: tuple[str, ...]
    keys: int
    pinned: tuple[NodeId, ...] = ()
    count: int = 0
    known: dict[Any, Any] = field(default_factory=dict)

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        f = turn.random.choice(self.mix)
        key = None if f == "next" else f"k{turn.random.randrange(self.keys)}"
        count = self.count + 1
        given: dict[str, Any] = {
            "write": count,
            "cas": (self.known.get(key), count),
            "append": f"<{count}>",
            "add": 1,
        }
        node = self.pinned[turn.client % len(self.pinned)] if self.pinned else None
        return Invocation(f, key, given.get(f), node), replace(self, count=count)

    def observe(self, operation: Operation) -> Generator:
        if operation.status != "ok" or operation.f not in ("read", "write", "cas"):
            return self
        if operation.f == "read":
            seen = operation.output
        elif operation.f == "write":
            seen = operation.input
        elif operation.output:
            seen = operation.input[1]
        else:
            return self
        return replace(self, known={**self.known, operation.key: seen})


@dataclass(frozen=True)
class Faults:
    """Faults of these kinds come and go; about every other is healed before the next comes."""

    kinds: tuple[str, ...]
    draw: Draw
    next_ms: float | None = None
    heal_ms: float | None = None
    due: tuple[Fault, ...] = ()

    def next(self, situation: Situation) -> tuple[Step | Poll | None, Schedule]:
        random, now = situation.random, situation.now_ms
        if self.due:
            return Step(now, self.due[0]), replace(self, due=self.due[1:])
        if self.next_ms is None:
            return replace(self, next_ms=now + random.uniform(5, 60)).next(situation)
        if self.heal_ms is not None and now >= self.heal_ms:
            return replace(self, heal_ms=None, due=healing(situation)).next(situation)
        if now < self.next_ms:
            return Poll(self.next_ms if self.heal_ms is None else min(self.heal_ms, self.next_ms)), self
        fault = self.draw(random.choice(self.kinds), situation)
        lasting = random.choice((20.0, 120.0, 500.0)) * random.random()
        heal_ms = now + lasting if random.random() < 0.45 else None
        next_ms = now + lasting + random.expovariate(1 / 60)
        return replace(self, next_ms=next_ms, heal_ms=heal_ms, due=() if fault is None else (fault,)).next(situation)


def healing(situation: Situation) -> tuple[Fault, ...]:
    """What heals links, resumes and restarts."""
    ends: list[Fault] = [Heal()]
    if situation.paused:
        ends.append(Resume(tuple(sorted(situation.paused))))
    if situation.down:
        ends.append(Restart(tuple(sorted(situation.down))))
    return tuple(ends)


def usual(kind: str, situation: Situation) -> Fault | None:
    """One of EVERYTHING."""
    random, nodes = situation.random, situation.nodes
    some = tuple(random.sample(nodes, min(random.choice((1, 1, 1, 2, len(nodes))), len(nodes))))
    links = tuple((a, b) for a in nodes for b in nodes if a != b)
    match kind:
        case "kill":
            if situation.down and random.random() < 0.6:
                return Restart(tuple(sorted(situation.down)))
            effects = random.choice((None, random.randrange(12)))
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
            clients = tuple((client, node) for client in situation.clients for node in nodes)
            return Degrade(links + clients, duplicate=0.4)
        case "delay":
            return Degrade(tuple(link for link in links if random.random() < 0.6), delay_ms=30.0, reorder=0.5)
        case "skew":
            rate = random.choice((0.2, 1.0, 3.0))
            return Skew(random.choice(nodes), offset_ms=random.uniform(-1000, 1000), rate=rate)
    raise AssertionError(f"no such fault: {kind}")


@dataclass
class Storm:
    """One run: `clients` clients pinned to nodes invoke `operations` of the kinds `mix`, on `keys` keys, while faults
    of the kinds `faults` come and go; with `calm` all is healed then, and every operation must be answered."""

    target: Target
    seed: int
    mix: tuple[str, ...]
    faults: tuple[str, ...] = ()
    nodes: int = 3
    clients: int = 5
    operations: int = 80
    keys: int = 2
    calm: bool = True
    pause_ms: float = 15.0

    def __post_init__(self) -> None:
        self.cluster = SimulatedCluster(self.target, self.nodes, self.seed, place=self._place)
        self.records: list[Operation] = []

    def _place(self, name: NodeId) -> NodeId:
        return f"c{int(name[1:]) % self.clients}" if name[0] == "c" else name

    def run(self) -> History:
        """The history of the run. Asserts that the target answers again when all is healed."""
        recorder = Recorder()
        setup = Setup(
            clients=self.clients,
            seed=self.seed,
            generator=Operations(self.mix, self.keys, self.cluster.nodes),
            schedule=Faults(self.faults, usual) if self.faults else None,
            timeout_ms=self.target.timeout_ms,
            timeout_ms_max=self.target.timeout_ms,
            think_ms=self.pause_ms,
            operations=self.operations,
            client_links=True,
            recover=self.calm,
            recovery_pause_ms=2000.0,
            virtual=True,
            known_to_fit=True,
        )
        run = VirtualRun(self.cluster, setup, recorder)
        run.run()
        self.records = recorder.ended(0)
        assert run.core.health.findings == [], f"seed {self.seed}"
        if self.calm:
            late = [op for op in self.records if op.call / 1e6 > run.core.faults_end_ms and op.error == TIMEOUT]
            assert late == [], f"seed {self.seed}: unanswered though all was healed"
        return recorder.history()

    def verify(self, model: str) -> str:
        """The checker's verdict on this run."""
        return check(self.run(), model).outcome
