"""The core decides what happens next in a run. It is pure, like a protocol library: a loop carries out its actions.

    core.next(now_ns)                     -> Round | Inject | WaitUntil | Consult, or None: the run is over
    core.ask(thread, now_ns)              -> Invoke | WaitUntil, or None: this client is done with the round
    core.completed(thread, reply, now_ns) -> Invoke (again) | WaitUntil
    core.fault(now_ns, views)             -> Inject | WaitUntil, or None: no more faults
    core.injected(fault, now_ns, detail), core.died(death, now_ns), core.stop()

Each client and the nemesis are asked separately, not through one queue. So the simulator keeps them in its own heap of
events, and trio runs each as a task, without a second heap here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from checker.history import Operation
from checker.properties.eventual import Lack
from naysayer.harness.actions import Action, Consult, Inject, Invoke, Round, WaitUntil
from naysayer.harness.clients import NS, Clients, Journal, Progress, Thread
from naysayer.harness.convergence import Convergence
from naysayer.harness.faults import System, damaged, undoing
from naysayer.harness.health import LAG_MS_MAX, Health
from naysayer.harness.progress import ASKED_MIN, MajorityProgress
from naysayer.harness.setup import FINAL_MS_MAX, Setup
from nemesis.schedule import Poll, Schedule, Situation
from targets.protocol.cluster import Death
from targets.protocol.fault import Fault, Redraw
from targets.protocol.node import NodeId, Reply
from workloads.generator import Generator
from workloads.parts import Pinned

AFTER_POLL_MS = 0.001
"""A poll comes a little later than asked: virtual time counts whole nanoseconds, and must get past the time asked."""


class Core:
    """One run of a setup against a system, recorded in a journal."""

    def __init__(self, setup: Setup, system: System, journal: Journal, progress: Progress | None = None) -> None:
        self.setup = setup
        self.system = system
        self.journal = journal
        self.clients = Clients(setup, system.nodes, journal, progress)
        # called for every operation, so called directly
        self.ask: Callable[[Thread, int], Invoke | WaitUntil | None] = self.clients.next
        """What a client does next in a round, and when (ns); None: it is done with the round."""
        self.completed: Callable[[Thread, Reply | None, int], Invoke | WaitUntil] = self.clients.completed
        """A reply came, or None: none came in time. The client retries or pauses."""
        self.health = Health()
        if setup.progress_ms is not None:
            self.clients.majority_progress = MajorityProgress(system, setup.progress_ms)
            self.clients.stalled = self._stalled
        self.faults: list[Fault] = []
        """All injected faults, and the faults that undid them."""
        self.in_fault_phase = True
        self.stopped = False
        self.live = True
        """False: no operation succeeded after healing, and nothing excuses that."""
        self.undecided: str | None = None
        """Why liveness could not be judged, if no operation succeeded and something excuses that."""
        self.faults_end_ms = 0.0
        """When the fault phase ended."""
        self.convergence: Convergence | None = None
        self.violated = False
        """The run was ended because a violation was proved while it ran."""
        self._aborted = False
        self._recovery_asked = False
        self._collected: list[Operation] = []
        self._now_ns = 0
        self._answer = False
        self._schedule: Schedule | None = setup.schedule
        self.poll: Poll | None = None
        self._random = Random(f"{setup.seed} nemesis")
        self._seed = str(setup.seed)
        self._client_names = tuple(f"c{c}" for c in range(setup.clients)) if setup.client_links else ()
        self._script = self._phases()

    # what the loop calls

    def next(self, now_ns: int) -> Action | None:
        """What the run does next, after its last action is done; None: it is over."""
        self._now_ns = now_ns
        return next(self._script, None)

    @property
    def round_over(self) -> bool:
        """Whether all clients are done with this round."""
        return self.clients.going <= 0

    def fault(
        self, now_ns: int, views: Callable[[], dict[NodeId, dict[str, Any]]], *, still: bool = False
    ) -> Inject | WaitUntil | None:
        """What the nemesis does next; None: nothing more. `still`: no node has changed since `views` was called."""
        if not self.in_fault_phase or self._schedule is None or self.clients.are_done(now_ns):
            return None
        now_ms = now_ns / NS
        poll = self.poll
        if still and poll is not None and poll.pointless(now_ms):
            # this is later than now, because polling is pointless until then
            return WaitUntil(poll.next_ms(now_ms) + AFTER_POLL_MS)
        situation = Situation(
            now_ms,
            self.system.nodes,
            self._random,
            self.system.down,
            self.system.paused,
            views,
            self._client_names,
            self.clients.observed,
            self.system.message_kinds,
            self.setup.sessions,
        )
        step, self._schedule = self._schedule.next(situation)
        self.poll = None
        if step is None:
            return None
        if isinstance(step, Poll):
            self.poll = step
            return self._again(step, now_ms)
        return Inject(step.fault, step.at_ms)

    @staticmethod
    def _again(poll: Poll, now_ms: float) -> WaitUntil:
        return WaitUntil(max(poll.next_ms(now_ms), now_ms) + AFTER_POLL_MS)

    @property
    def needs_views(self) -> bool:
        """Whether `fault` may look at the views of the nodes."""
        return bool(getattr(self._schedule, "needs_views", True))

    def injected(self, fault: Fault, now_ns: int, detail: str = "") -> None:
        """A fault, or one that undoes another, was carried out."""
        self.faults.append(fault)
        if isinstance(fault, Redraw):
            self._redraw(fault.salt)
        self.health.injected(fault, now_ns / NS)
        if self.clients.majority_progress is not None:
            self.clients.majority_progress.injected(fault, now_ns / NS)
        self.journal.happened(fault, now_ns, detail)

    def _redraw(self, salt: int) -> None:
        """From now on clients and the nemesis draw other random numbers."""
        self._seed = f"{self._seed} {salt}"
        self._random.seed(f"{self._seed} nemesis")
        self.clients.redraw(self._seed)

    def died(self, death: Death, now_ns: int) -> None:
        """A node that had started ended by itself, or a node that was down did not start again."""
        if death.in_start:
            self.health.did_not_start(death, now_ns / NS)
        else:
            self.health.died(death, now_ns / NS)
        if self.health.dead >= set(self.system.nodes):
            self.clients.ended = True  # no node is left to ask

    def _stalled(self, progress: MajorityProgress, now_ns: int) -> None:
        """An unhindered majority makes no progress: a violation where the system is known to promise it."""
        sentence = progress.sentence(now_ns / NS, virtual=self.setup.virtual)
        if self.setup.known_to_fit and self.health.lag_ms <= LAG_MS_MAX:
            self.health.stalled(sentence, now_ns / NS)
        elif self.health.lag_ms <= LAG_MS_MAX:
            self.health.remarks.append(f"{sentence}: a system that promises progress has a fault")

    def lagged(self, ms: float) -> None:
        """The harness woke up this much later than it asked for."""
        self.health.lag_ms = max(self.health.lag_ms, ms)

    def consulted(self, answer: bool) -> None:
        """The answer to a Consult."""
        self._answer = answer

    def stop(self) -> None:
        """End the current phase as soon as all calls under way have a reply or have timed out."""
        self.stopped = self.clients.ended = True

    def violation_proved(self) -> None:
        """What was recorded so far has no legal order, whatever comes: end the run. Faults are undone, and that is
        all: whether the system recovers need no longer be asked."""
        self.violated = True
        self.stop()

    def abort(self) -> None:
        """An error of the system ends the run: no more operations are invoked. All faults are still undone."""
        self._aborted = self.clients.ended = True

    # the phases

    def _phases(self) -> Iterator[Action]:
        setup, clients = self.setup, self.clients
        yield self._round(setup.clients, setup.time_ms, setup.operations, faults=True)
        if self._now_ms < setup.least_ms:
            yield WaitUntil(setup.least_ms)
        self.in_fault_phase = False
        if setup.recover and not setup.scripted:
            yield from self._doubts()
        self.faults_end_ms = self._now_ms
        clients.left, clients.until_ms = 0, None
        if not setup.recover or (self.stopped and not setup.heal_when_stopped):
            return
        worked = clients.ever_succeeded
        clients.begin_recovery()
        for fault in undoing(self.system, self.faults, self.health.dead):
            yield Inject(fault)
        if self._aborted or self.violated or self._all_dead():
            return
        interrupted, self.stopped, clients.ended = self.stopped, False, False
        if setup.again is not None:
            clients.generator = setup.again()
        if not interrupted:
            yield from self._recovery(worked)
        yield from self._last_rounds()
        if self._all_dead() or interrupted or self.stopped or self._aborted:
            return
        if self._recovery_asked and not clients.succeeded:
            self._judge_liveness(worked)

    def _doubts(self) -> Iterator[Action]:
        """Before healing: if no operation has succeeded for a while although a majority is unhindered, keep invoking
        with the faults in force, until an operation succeeds or that majority has had enough time."""
        clients = self.clients
        while not self.stopped and not self._aborted and not clients.ended:
            progress = clients.majority_progress
            if progress is None or not progress.in_doubt(self._now_ms):
                return
            until_ms = progress.since_ms + progress.within_ms + 2 * clients.timeout_ms
            if self._now_ms >= until_ms:
                return
            yield self._round(self.setup.clients, until_ms, ASKED_MIN * self.setup.clients)

    @property
    def _now_ms(self) -> float:
        return self._now_ns / NS

    def _all_dead(self) -> bool:
        if self._alive:
            return False
        self.live = False
        self.health.all_dead(self._now_ms)
        return True

    @property
    def _alive(self) -> tuple[NodeId, ...]:
        """The nodes that have not died by themselves."""
        return tuple(node for node in self.system.nodes if node not in self.health.dead)

    def _round(
        self, clients: int, until_ms: float | None, operations: int | None = None, *, faults: bool = False
    ) -> Round:
        self.clients.left, self.clients.until_ms = operations, until_ms
        return Round(self.clients.start(clients, self._now_ns), until_ms, faults and self._schedule is not None)

    def _recovery(self, worked: bool) -> Iterator[Action]:
        """Two operations for each client, and more until one has succeeded or the time is up."""
        setup, clients = self.setup, self.clients
        if setup.recovery_pause_ms:
            yield WaitUntil(self._now_ms + setup.recovery_pause_ms)
        until_ms = self._now_ms + (setup.recovery_ms_max if worked or setup.known_to_fit else FINAL_MS_MAX)
        each = 2 * setup.clients
        while True:
            yield self._round(setup.clients, until_ms, each)
            asked = clients.left is not None and clients.left < each
            self._recovery_asked = self._recovery_asked or asked
            over = self.stopped or self._aborted or self._now_ms >= until_ms or self._damaged
            if clients.succeeded or not asked or over:
                break
            # a client that gave up, or was refused for lack of a leader, may have been too impatient
            clients.timeout_ms = max(clients.timeout_ms, setup.timeout_ms_max)
        if setup.hung_ms is not None and clients.succeeded:
            yield from self._probes(setup.hung_ms)

    def _probes(self, hung_ms: float) -> Iterator[Action]:
        """Ask the nodes that replied before but not since healing, until they reply or are found to hang."""
        clients, began_ns = self.clients, self._now_ns
        until_ms = self._now_ms + hung_ms + self.setup.timeout_ms
        while not self.stopped and not self._aborted and self._now_ms <= until_ms:
            silent = tuple(node for node in self._alive if clients.is_silent(node, began_ns))
            silent = tuple(node for node in silent if not self._hangs(node, hung_ms))
            if not silent:
                return
            workload = clients.generator
            clients.generator = Pinned(workload, silent)
            yield self._round(len(silent), until_ms, 2 * len(silent))
            clients.generator = getattr(clients.generator, "generator", workload)

    def _hangs(self, node: NodeId, hung_ms: float) -> bool:
        seen = self.clients.answers.get(node)
        since_ns = None if seen is None else seen.silent_since_ns
        others = (
            self.clients.answers[other] for other in self._alive if other in self.clients.answers and other != node
        )
        elsewhere = since_ns is not None and any(other.last_ns > since_ns for other in others)
        return self.health.hangs(node, seen, elsewhere, hung_ms, self._now_ms)

    def _last_rounds(self) -> Iterator[Action]:
        """Final reads; before them the convergence wait, if the workload has one."""
        setup, clients = self.setup, self.clients
        if not self._alive:
            return
        if setup.convergence is not None and setup.lacking is not None and setup.final is not None:
            yield from self._converge(setup.convergence, setup.final(clients.keys), setup.lacking())
        elif setup.final is not None and not self.stopped:
            self.journal.last_round_begins()
            clients.generator = setup.final(clients.keys)
            yield self._round(setup.clients, self._now_ms + FINAL_MS_MAX)

    def _converge(self, convergence: Callable[[], Generator], final: Generator, lack: Lack) -> Iterator[Action]:
        """Read all nodes in rounds until no value is missing or nothing improves; then read them a last time.

        If the run is stopped before that, there is no last read, so no node is accused of a lost value.
        """
        nodes = self._alive
        so_far = self.convergence = Convergence(nodes, lack, self._now_ms / 1000)
        hopeful = self.setup.broken is None
        while not self.stopped and not self._aborted:
            if so_far.slow and not hopeful and self.setup.broken is not None:
                yield Consult(self.setup.broken)
                hopeful = not self._answer
                if not hopeful:
                    return
            yield from self._read_all(convergence(), nodes)
            so_far.look(self._collected, self._now_ms / 1000)
            if so_far.complete or so_far.still:
                self.journal.last_round_begins()
                yield from self._read_all(final, nodes)
                so_far.look(self._collected, self._now_ms / 1000)
                if so_far.complete or so_far.still:
                    return
            yield WaitUntil(self._now_ms + so_far.pause_s * 1000)

    def _read_all(self, generator: Generator, nodes: tuple[NodeId, ...]) -> Iterator[Action]:
        """Read with one client for each node; the operations that ended are in `_collected`."""
        clients = self.clients
        clients.generator = Pinned(generator, nodes)
        self._collected = clients.finished = []
        yield self._round(len(nodes), self._now_ms + FINAL_MS_MAX)
        clients.finished = None

    @property
    def _damaged(self) -> bool:
        return damaged(self.system, self.faults)

    def _judge_liveness(self, worked: bool) -> None:
        """No operation succeeded after healing, though operations were invoked."""
        health, clients = self.health, self.clients
        if self._damaged:
            return
        if not self.setup.known_to_fit:
            if not worked:
                self.undecided = "no operation ever succeeded, so whether the system recovered cannot be judged"
            elif health.lag_ms > LAG_MS_MAX:
                self.undecided = (
                    f"the harness woke up {health.lag_ms / 1000:.1f} s late: this machine is too slow to judge"
                )
            elif clients.refused_by_design:
                self.undecided = "after healing all operations were refused, as a healthy system may refuse them"
            if self.undecided is not None:
                return
        self.live = False
        health.not_live(self.setup.recovery_ms_max, self._now_ms, clients.answers, virtual=self.setup.virtual)
