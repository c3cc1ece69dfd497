"""The workloads of Maelstrom's exercises, by its names: for binaries that speak its protocol on stdin and stdout.

Most promise something other than linearizability; their `model` is then a property of checker.properties. Reads of
the last round have the input FINAL: only they must show everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from checker.history import Operation
from checker.properties.eventual import FINAL
from workloads.cas_register import CasRegisters
from workloads.generator import Generator, Invocation, Turn, Workload
from workloads.keys import Keys
from workloads.numbers import Ask
from workloads.parts import EachClient, choose, client_of, reads

KEYS = (0, 1, 2)
LOGS = ("0", "1", "2")
TXN_KEYS = Keys(KEYS, operations_per_key=100)


class Put(Struct, frozen=True):
    """Unique values by one operation (`reads_share` of all are reads in between)."""

    f: str
    reads_share: float = 0.0
    values: int = 0

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        if self.reads_share and turn.random.random() < self.reads_share:
            return Invocation("read"), self
        return Invocation(self.f, None, self.values + 1), Put(self.f, self.reads_share, self.values + 1)

    def observe(self, operation: Operation) -> Generator:
        return self


class Increments(Struct, frozen=True):
    """Increments of a counter, some of them negative if `down`, and reads."""

    down: bool

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        if choose(turn.random, (0.6, "add"), (0.4, "read")) == "read":
            return Invocation("read"), self
        return Invocation("add", None, turn.random.randint(-5 if self.down else 0, 5)), self

    def observe(self, operation: Operation) -> Generator:
        return self


class Echo(Struct, frozen=True):
    """Texts to be repeated, as Maelstrom sends them; each another one."""

    sent: int = 0

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        return Invocation("echo", None, f"Please echo {self.sent + 1}"), Echo(self.sent + 1)

    def observe(self, operation: Operation) -> Generator:
        return self


class Messages(Struct, frozen=True):
    """Sends to a few logs, and polls from near their ends; sometimes a client commits how far it has polled, or
    offsets are listed."""

    logs: tuple[str, ...] = LOGS
    sent: int = 0
    ends: Mapping[str, int] = field(default_factory=dict)
    """By log, the highest offset that was acknowledged."""
    polled: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """By client and log, the highest offset that it was shown since it committed."""
    clients: int = 1

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        random = turn.random
        rest = self if self.clients == turn.clients else replace(self, clients=turn.clients)
        mix = ((0.5, "send"), (0.35, "poll"), (0.1, "commit_offsets"), (0.05, "list_committed_offsets"))
        f = choose(random, *mix)
        if f == "send":
            return Invocation(f, random.choice(self.logs), self.sent + 1), replace(rest, sent=self.sent + 1)
        if f == "list_committed_offsets":
            return Invocation(f, None, self.logs), rest
        mine = self.polled.get(turn.client)
        if f == "commit_offsets" and mine:
            return Invocation(f, None, dict(mine)), replace(rest, polled={**self.polled, turn.client: {}})
        back = 0 if random.random() < 0.2 else 5
        return Invocation("poll", None, {key: max(0, self.ends.get(key, 0) - back) for key in self.logs}), rest

    def observe(self, operation: Operation) -> Generator:
        if operation.status != "ok":
            return self
        if operation.f == "send" and isinstance(operation.output, int):
            end = max(self.ends.get(operation.key, 0), operation.output)
            return replace(self, ends={**self.ends, operation.key: end})
        if operation.f == "poll":
            client = client_of(operation, self.clients)
            mine = dict(self.polled.get(client, {}))
            for key, messages in (operation.output or {}).items():
                if key in self.logs and messages:
                    mine[key] = max(mine.get(key, 0), messages[-1][0])
            return replace(self, polled={**self.polled, client: mine})
        return self


class Transactions(Struct, frozen=True):
    """Transactions of some reads and writes over a few keys; `write` is "append" or "w"."""

    write: str
    keys: Keys = TXN_KEYS
    length_max: int = 4
    written: int = 0

    def next(self, turn: Turn) -> tuple[Invocation, Generator]:
        rest = self
        steps: list[tuple[str, Any, Any]] = []
        for _ in range(turn.random.randint(1, self.length_max)):
            key, keys = rest.keys.pick(turn.random)
            rest = replace(rest, keys=keys)
            if choose(turn.random, (0.5, "r"), (0.5, self.write)) == "r":
                steps.append(("r", key, None))
            else:
                rest = replace(rest, written=rest.written + 1)
                steps.append((self.write, key, rest.written))
        return Invocation("txn", None, tuple(steps)), rest

    def observe(self, operation: Operation) -> Generator:
        return self


class Drain(Struct, frozen=True):
    """Every client polls all logs from their beginning, on from what it was shown, until nothing more comes."""

    f: str
    logs: tuple[str, ...] = LOGS
    clients: int = 0
    places: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    done: frozenset[int] = frozenset()

    def next(self, turn: Turn) -> tuple[Invocation | None, Generator]:
        if turn.client in self.done:
            return None, self
        place = self.places.get(turn.client, dict.fromkeys(self.logs, 0))
        return Invocation(self.f, None, dict(place)), replace(self, clients=turn.clients)

    def observe(self, operation: Operation) -> Generator:
        client = client_of(operation, self.clients)
        if operation.status != "ok":
            return self
        shown = {key: messages[-1][0] + 1 for key, messages in (operation.output or {}).items() if messages}
        if not shown:
            return replace(self, done=self.done | {client})
        return replace(self, places={**self.places, client: {**operation.input, **shown}})


def _read_once(given: str | None) -> Generator:
    return EachClient((Invocation("read", None, given),))


LIN_KV = Workload(
    name="lin-kv",
    summary="Maelstrom: linearizable key-value store with cas",
    operations=frozenset({"read", "write", "cas"}),
    model="kv",
    start=lambda: CasRegisters(keys=Keys(KEYS)),
    finish=reads,
    keys=Keys(KEYS),
    with_keys=lambda keys: CasRegisters(keys=keys),
)
ECHO = Workload(
    name="echo",
    summary="Maelstrom: each answer repeats its question",
    operations=frozenset({"echo"}),
    model="echo",
    start=Echo,
)
UNIQUE_IDS = Workload(
    name="unique-ids",
    summary="Maelstrom: ids that are handed out once",
    operations=frozenset({"generate"}),
    model="unique-ids",
    start=lambda: Ask("generate"),
)
BROADCAST = Workload(
    name="broadcast",
    summary="Maelstrom: messages that reach every node in the end",
    operations=frozenset({"broadcast", "read"}),
    model="broadcast",
    start=lambda: Put("broadcast", reads_share=0.4),
    convergence=lambda: _read_once(None),
    finish=lambda keys: _read_once(FINAL),
)
G_SET = Workload(
    name="g-set",
    summary="Maelstrom: a set that only grows, complete in the end",
    operations=frozenset({"add", "read"}),
    model="g-set",
    start=lambda: Put("add", reads_share=0.4),
    convergence=lambda: _read_once(None),
    finish=lambda keys: _read_once(FINAL),
)
G_COUNTER = Workload(
    name="g-counter",
    summary="Maelstrom: a counter that only grows, right in the end",
    operations=frozenset({"add", "read"}),
    model="g-counter",
    start=lambda: Increments(down=False),
    convergence=lambda: _read_once(None),
    finish=lambda keys: _read_once(FINAL),
)
PN_COUNTER = Workload(
    name="pn-counter",
    summary="Maelstrom: a counter that grows and falls, right in the end",
    operations=frozenset({"add", "read"}),
    model="pn-counter",
    start=lambda: Increments(down=True),
    convergence=lambda: _read_once(None),
    finish=lambda keys: _read_once(FINAL),
)
KAFKA = Workload(
    name="kafka",
    summary="Maelstrom: logs with offsets, sends and polls",
    operations=frozenset({"send", "poll", "commit_offsets", "list_committed_offsets"}),
    model="kafka",
    start=Messages,
    convergence=lambda: Drain("poll"),
    finish=lambda keys: Drain("final_poll"),
)
TXN_LIST_APPEND = Workload(
    name="txn-list-append",
    summary="Maelstrom: transactions that read lists and append to them",
    operations=frozenset({"txn"}),
    model="txn-list-append",
    start=lambda: Transactions("append"),
    keys=TXN_KEYS,
    with_keys=lambda keys: Transactions("append", keys),
)
TXN_RW_REGISTER = Workload(
    name="txn-rw-register",
    summary="Maelstrom: transactions that read and write registers",
    operations=frozenset({"txn"}),
    model="txn-rw-register",
    start=lambda: Transactions("w"),
    keys=TXN_KEYS,
    with_keys=lambda keys: Transactions("w", keys),
)


WORKLOADS = (
    ECHO,
    UNIQUE_IDS,
    BROADCAST,
    G_SET,
    G_COUNTER,
    PN_COUNTER,
    LIN_KV,
    KAFKA,
    TXN_LIST_APPEND,
    TXN_RW_REGISTER,
)
