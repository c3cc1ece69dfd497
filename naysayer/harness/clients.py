"""The clients of a run: each pauses, invokes an operation, waits for the answer, and goes on. Pure: no clock, no I/O.

Terms are Jepsen's: after an operation of unknown outcome a client's thread continues as a new process, since the old
process may wait for ever. Process p belongs to client p modulo the number of clients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import ceil, log
from random import Random
from typing import Any, Protocol

from checker.history import Operation, Status
from naysayer.harness.actions import Invoke, WaitUntil
from naysayer.harness.progress import MajorityProgress
from naysayer.harness.routing import Routing
from naysayer.harness.setup import Setup
from nemesis.observed import Observed
from targets.backends.simulator.time_keyed import SLOT_BITS
from targets.protocol.fault import Fault
from targets.protocol.node import NodeId, Reply, Request
from workloads.generator import Generator, Invocation, Turn, Wait

TIMEOUT = "timeout"
"""The error of an operation without a reply in time."""

ROUNDING_MS = 4e-7
"""Less than a nanosecond: with it, times recorded in ms give the same nanoseconds again."""

NEXT_MS = 1.5e-6
"""Enough to advance virtual time to the next nanosecond."""

FRESH = 1_000_000
"""Times the number of clients: far more processes than one round uses."""

CONDITIONAL = frozenset({"cas", "acquire", "release", "dequeue", "pop", "delete-min"})
"""Operations that a healthy system may refuse every time."""

UNSUPPORTED_MAX = 100
"""After this many unsupported operations in a row, the workload is taken to have no others."""

KEYS_MAX = 200
"""Final reads are of the keys used last, so many at most."""

LOST_SHARE = 0.1
"""Of the replies to changes that a client gets where `Setup.lost_replies` is set, so many it takes as lost."""

NS = 1_000_000
"""Nanoseconds in a millisecond."""

Progress = Callable[[int], None]


class Journal(Protocol):
    """Receives events as they happen. Times are ns since the start of the run."""

    def invoked(self, process: int, invocation: Invocation, node: NodeId | None, time_ns: int) -> None: ...
    def completed(
        self,
        process: int,
        invocation: Invocation,
        status: Status,
        output: Any,
        error: str | None,
        time_ns: int,
        commit: int | None = None,
    ) -> Operation: ...
    def happened(self, fault: Fault, time_ns: int, detail: str = "") -> None: ...
    def last_round_begins(self) -> None: ...


class Thread:
    """One client: it has at most one operation under way."""

    __slots__ = (
        "answered",
        "asked",
        "attempts",
        "call_ns",
        "client",
        "left",
        "node",
        "process",
        "random",
        "request",
        "waits",
        "wake",
        "wakes_ms",
    )

    def __init__(self, client: int, process: int, random: Random) -> None:
        self.client = client
        self.process = process
        self.random = random
        self.waits = False
        """Whether it waits for a reply."""
        self.wakes_ms = 0.0
        """When it begins to work in this round."""
        self.call_ns = 0
        self.wake: Callable[[], None]
        self.answered: Callable[[Reply | None], None]
        """A loop's own callbacks for this thread, if it needs them."""
        self.asked: Invocation
        self.node: NodeId
        self.request: Request
        self.attempts = self.left = 1


class Answers:
    """What is known of a node: the number of its replies (of any status) and the time of the last; since then, the time
    of the first call without a reply, and how many there were."""

    __slots__ = ("count", "last_ns", "late", "silent_since_ns")

    def __init__(self) -> None:
        self.count = self.late = self.last_ns = 0
        self.silent_since_ns: int | None = None

    def take(self, reply: Reply | None, call_ns: int, now_ns: int) -> None:
        """Record how a call ended."""
        if reply is not None:
            self.count, self.last_ns = self.count + 1, now_ns
            self.late, self.silent_since_ns = 0, None
        else:
            self.late += 1
            if self.silent_since_ns is None:
                self.silent_since_ns = call_ns


class Clients:
    """All clients of a run. They stop when `left` operations were invoked or `until_ms` is reached."""

    def __init__(
        self, setup: Setup, nodes: tuple[NodeId, ...], journal: Journal, progress: Progress | None = None
    ) -> None:
        """`progress` is called with the number of operations invoked."""
        self.setup = setup
        self.nodes = nodes
        self.journal = journal
        self.generator: Generator = setup.generator
        self.scripted = setup.scripted
        self.rate = setup.rate
        self.progress = progress
        self.timeout_ms = setup.timeout_ms
        self.left = setup.operations
        self.until_ms = setup.time_ms
        self.ended = False
        """No client invokes any more, whatever the bounds are."""
        self.threads: list[Thread] = []
        """By client: its current thread. Threads of earlier rounds may still wait for a reply."""
        self.going = 0
        """How many of them are still at work."""
        self.succeeded = 0
        """How many operations ended ok in this phase."""
        self.ever_succeeded = False
        self.refused_by_design = True
        """Whether every operation that ended in this phase was a conditional one and was refused."""
        self.finished: list[Operation] | None = None
        """The operations that ended since the core set this to a list; None: they are not collected."""
        self.invoked = 0
        self.asked: list[tuple[float, int, Invocation, NodeId]] | None = None
        """Time (ms), client, operation and node of everything that was invoked since a loop set this to a list. A run
        of hours must not collect it."""
        self.answers: dict[NodeId, Answers] = {}
        """By node."""
        self.observed = Observed()
        """What the nemesis may know of the operations."""
        self.unsupported: set[str] = set()
        """Operations that the system says it does not have."""
        self.majority_progress: MajorityProgress | None = None
        """Judges whether anything succeeds during the fault phase; None: not judged."""
        self.stalled: Callable[[MajorityProgress, int], None]
        """Called if nothing does."""
        self._keys: dict[Any, None] = {}
        """The keys used last, the latest at the end."""
        self._routings: dict[int, Routing] = {}
        self._randoms: dict[int, Random] = {}
        self._rounds = 0
        self._used = 0
        """All processes used so far are below this."""
        self._slot_ms = 0.0
        self._refusals: Counter[int] = Counter()
        """By client: how many of its operations were refused in a row."""
        self._think_ms = setup.think_ms
        self._refused_ms = max(setup.refused_ms, setup.think_ms)
        self._look_at_nodes = setup.hung_ms is not None

    def start(self, clients: int, now_ns: int) -> tuple[Thread, ...]:
        """Begin a round: each client gets a new thread, which continues as the process of the thread before.

        If that thread still waits for a reply, or the number of clients has changed, the new one is a new process.
        """
        kept = {thread.client: thread.process for thread in self.threads if not thread.waits}
        if self.threads and len(self.threads) != clients:
            kept = {}
        waiting = any(thread.waits for thread in self.threads)
        fresh = self._rounds * FRESH * clients if waiting else ceil(self._used / clients) * clients
        if clients not in self._routings:
            self._routings[clients] = Routing(
                self.nodes, clients, stay=self.setup.stay, only_reads=self.setup.only_reads
            )
        self.routing = self._routings[clients]
        for client in range(clients):
            if client not in self._randoms:
                self._randoms[client] = Random(f"{self.setup.seed} client {client}")
        self.threads = [Thread(c, kept.get(c, fresh + c), self._randoms[c]) for c in range(clients)]
        self._used = max(self._used, *[thread.process + 1 for thread in self.threads])
        self.going = clients
        self._rounds += 1
        for thread in self.threads:
            thread.wakes_ms = self._pause(thread, now_ns, self._think_ms).at_ms
        return tuple(self.threads)

    @property
    def keys(self) -> tuple[Any, ...]:
        """The keys used last, the latest first."""
        return tuple(reversed(self._keys))

    def begin_recovery(self) -> None:
        """Count successes from zero. A script ends here, and so does a limit on the rate."""
        self.majority_progress = None
        self.scripted = False
        self.rate = None
        self.succeeded = 0
        self.refused_by_design = True

    def is_silent(self, node: NodeId, since_ns: int) -> bool:
        """Whether a node that replied before has not replied since then."""
        seen = self.answers.get(node)
        return seen is not None and seen.count > 0 and seen.last_ns < since_ns

    def are_done(self, now_ns: int) -> bool:
        """Whether no client is to invoke any more."""
        return self.ended or self.left == 0 or (self.until_ms is not None and now_ns / NS >= self.until_ms)

    def redraw(self, seed: str) -> None:
        """Draw other random numbers for every client from now on."""
        for client, random in self._randoms.items():
            random.seed(f"{seed} client {client}")

    def next(self, thread: Thread, now_ns: int) -> Invoke | WaitUntil | None:
        """What a client does now; None: it is done with the round."""
        if self.threads[thread.client] is not thread:
            return None  # a thread of a later round has replaced it
        asked: Invocation | Wait | None = None
        if not self.are_done(now_ns):
            if self.rate is not None and (wait := self._slot(thread, now_ns / NS, self.rate)) is not None:
                return wait
            turn = Turn(now_ns / NS, thread.client, len(self.threads), thread.random)
            asked, self.generator = self.generator.next(turn)
            if self.unsupported:
                asked = self._supported(asked, turn)
        if asked is None:
            self.going -= 1
            return None
        if isinstance(asked, Wait):
            pause_ms = max(asked.ms + ROUNDING_MS, NEXT_MS) if self.scripted else max(0.1, asked.ms)
            return WaitUntil(now_ns / NS + pause_ms)
        return self._invoke(thread, asked, now_ns)

    def _supported(self, asked: Invocation | Wait | None, turn: Turn) -> Invocation | Wait | None:
        """The operation, or the next one that the system supports."""
        for _ in range(UNSUPPORTED_MAX):
            if not isinstance(asked, Invocation) or asked.f not in self.unsupported:
                return asked
            self.generator = self.generator.observe(self._not_invoked(asked, turn))
            asked, self.generator = self.generator.next(turn)
        return None

    def _not_invoked(self, asked: Invocation, turn: Turn) -> Operation:
        """An operation that the system does not support, as the generator sees it: it failed at once."""
        now_ns = int(turn.now_ms * NS)
        given, process = asked.input, self.threads[turn.client].process
        return Operation(-1, process, asked.f, asked.key, given, None, now_ns, now_ns, "fail", asked.node)

    def _slot(self, thread: Thread, now_ms: float, rate: float) -> WaitUntil | None:
        """Take the next free slot of the rate, or wait for it."""
        if now_ms < self._slot_ms:
            return WaitUntil(self._slot_ms)
        self._slot_ms = now_ms + 2000.0 / rate * thread.random.random()
        return None

    def _invoke(self, thread: Thread, asked: Invocation, now_ns: int) -> Invoke:
        if self.left is not None:
            self.left -= 1
        client, process = thread.client, thread.process
        node = self.routing.choose(client, asked, thread.random)
        thread.waits = True
        thread.call_ns = now_ns
        self.invoked += 1
        if asked.key is not None:
            self._used_key(asked.key)
        thread.asked, thread.node = asked, node
        thread.request = Request(f"r{self.invoked}", f"c{process}", asked.f, asked.key, asked.input)
        self.journal.invoked(process, asked, node, now_ns)
        if self.asked is not None:
            self.asked.append((now_ns / NS, client, asked, node))
        thread.attempts = thread.left = self.setup.attempts if self.setup.sessions and self._retries(client) else 1
        return Invoke(node, thread.request, self.timeout_ms / thread.attempts)

    def _retries(self, client: int) -> bool:
        """Whether a client sends its request again when no reply comes, as client libraries do: every other one, or,
        where some only read, which shows nothing twice, two of three others."""
        only_reads, clients = self.setup.only_reads, self.setup.clients
        if only_reads is None or not any(only_reads(other, clients) for other in range(clients)):
            return client % 2 == 1
        return client % 3 != 0 and not only_reads(client, clients)

    def _used_key(self, key: Any) -> None:
        self._keys.pop(key, None)
        self._keys[key] = None
        if len(self._keys) > KEYS_MAX:
            del self._keys[next(iter(self._keys))]

    def completed(self, thread: Thread, reply: Reply | None, now_ns: int) -> Invoke | WaitUntil:
        """Take the reply, or None if none came in time. The client retries, or pauses before its next operation."""
        if self._takes_as_lost(thread, reply, now_ns):
            reply = None
        unknown = reply is None or reply.status == "info"
        refused_again = reply is not None and reply.status == "fail" and thread.left < thread.attempts
        if thread.left > 1 and (unknown or (refused_again and reply is not None and reply.leader is not None)):
            thread.left -= 1
            return Invoke(self._retried_at(thread, reply, now_ns), thread.request, self.timeout_ms / thread.attempts)
        if refused_again:
            return self._done(thread, None, now_ns)  # this node did not execute it, but an earlier one may have
        return self._done(thread, reply, now_ns)

    def _takes_as_lost(self, thread: Thread, reply: Reply | None, now_ns: int) -> bool:
        """Whether a client sends a change again although it succeeded, as when the reply is lost on its way."""
        first = thread.left == thread.attempts > 1
        if not (self.setup.lost_replies and first and reply is not None and reply.status == "ok"):
            return False
        random = Random(f"{self.setup.seed} c{thread.client} {now_ns} lost")
        return thread.asked.f != "read" and random.random() < LOST_SHARE

    def _retried_at(self, thread: Thread, reply: Reply | None, now_ns: int) -> NodeId:
        """Where a request is sent again: to the leader that the client was referred to, else to any node."""
        if reply is not None and reply.leader is not None:
            return reply.leader
        # keyed by the time, so that a script of this run chooses the same node
        return Random(f"{self.setup.seed} c{thread.client} {now_ns >> SLOT_BITS}").choice(self.nodes)

    def _done(self, thread: Thread, reply: Reply | None, now_ns: int) -> WaitUntil:
        """Record how the operation ended, and continue."""
        client = thread.client
        status: Status = "info" if reply is None else reply.status
        output, error = (None, TIMEOUT) if reply is None else (reply.output, reply.error)
        commit = None if reply is None else reply.commit
        operation = self.journal.completed(thread.process, thread.asked, status, output, error, now_ns, commit)
        self.generator = self.generator.observe(operation)
        if status == "ok":
            self.succeeded += 1
            self.ever_succeeded = True
        elif status != "fail" or thread.asked.f not in CONDITIONAL:
            self.refused_by_design = False
        self.observed.take(thread.node, thread.asked.f, status, thread.call_ns / NS)
        progress = self.majority_progress
        if progress is not None and thread.call_ns < self.setup.progress_until_ms * NS:
            # whatever changes something may be refused by design: a register may be written once, a lock be held
            in_vain = status == "info" or (status == "fail" and thread.asked.f == "read")
            if status == "ok":
                progress.succeeded(now_ns / NS)
            elif in_vain and progress.in_vain(f"c{client}", thread.node, thread.call_ns / NS, now_ns / NS):
                self.stalled(progress, now_ns)
                self.majority_progress = None
        if self._look_at_nodes:
            self.answers.setdefault(thread.node, Answers()).take(reply, thread.call_ns, now_ns)
        if self.finished is not None:
            self.finished.append(operation)
        refused = self.routing.learn(client, thread.node, operation, None if reply is None else reply.leader)
        if self.progress is not None:
            self.progress(self.invoked)
        if status == "info":
            thread.process += len(self.threads)  # the operation may still happen
            self._used = max(self._used, thread.process + 1)
        elif status == "fail" and self._has_no_such(thread.asked.f, reply):
            refused = False
        thread.waits = False
        self._refusals[client] = self._refusals[client] + 1 if refused else 0
        return self._pause(thread, now_ns, self._rest_ms(self._refusals[client]) if refused else self._think_ms)

    def _rest_ms(self, refusals: int) -> float:
        """The mean pause after so many refusals in a row."""
        most = self.setup.refused_ms_max
        return self._refused_ms if most is None else min(self._refused_ms * 2.0 ** min(refusals - 1, 30), most)

    def _has_no_such(self, f: str, reply: Reply | None) -> bool:
        unsupported = self.setup.unsupported
        if unsupported is None or reply is None or not unsupported(reply):
            return False
        self.unsupported.add(f)
        return True

    def _pause(self, thread: Thread, now_ns: int, mean_ms: float) -> WaitUntil:
        """Pause for a random time, then begin the next operation."""
        pause_ms = 0.0 if self.scripted else -log(1.0 - thread.random.random()) * mean_ms
        return WaitUntil(now_ns / NS + pause_ms)
