"""A node that is proposer, acceptor and learner at once, with one instance of Paxos per key and version.

A client's request goes through a ballot whatever it asks: phase 1 gives the proposer the newest row of the key,
finishes what another proposer left unfinished, and only then is the request carried out, by its own row in the
next instance unless it is a read. Requests for one key wait in line at their node; nodes duel with each other,
which random back-off ends (section 2.4 shows that without it they may never finish).
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import msgspec

from targets.protocol.node import Context, Message, NodeId, Request, Timer
from targets.systems.executed_once import RECENT_MAX
from targets.systems.journal import Journal
from targets.systems.paxos.acceptor import Acceptor, Promised, Vote
from targets.systems.paxos.messages import (
    NO_BALLOT,
    NO_ROW,
    Accept,
    Accepted,
    Ballot,
    Chosen,
    Instance,
    Prepare,
    Promise,
    Refuse,
    Row,
)
from targets.systems.paxos.proposer import Attempt, Proposer
from targets.systems.paxos.roles import ManyRoles

ROUND_MS = 80.0
"""How long a ballot may take before its proposer tries a higher one."""
BACK_OFF_MS = 30.0
"""The mean pause after the first lost duel; it grows with each further one."""
BALLOTS_MAX = 12
"""After so many ballots a request is given up."""


class Learned(msgspec.Struct, frozen=True, tag="learned"):
    """On disk, written lazily: this row was chosen. If it is lost, the acceptors still know."""

    key: Any
    row: Row


class Answer(NamedTuple):
    """What a request returns that proposes no row; `error` makes it a refusal."""

    output: Any = None
    error: str | None = None


class Task:
    """A client's request on its way through ballots."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.ballots = 0
        self.proposed_version = 0
        """The first version for which its own row was proposed: from then on it may take effect at any time."""
        self.seen = NO_BALLOT
        """The highest ballot that refused one of its own."""


class PaxosReplica(ManyRoles):
    """The base of paxos-register and paxos-kv: `execute` is what a request does to a row."""

    def start(self, ctx: Context) -> None:
        self.ctx = ctx
        self.me, self.nodes = ctx.me, ctx.nodes
        self.journal = Journal(self.ctx.disk, Promised, Vote, Learned)
        self.acceptor = self.make_acceptor(self.journal)
        self.proposer = self.make_proposer()
        self.rows: dict[Any, Row] = {}
        self.tasks: dict[Any, deque[Task]] = {}
        self.attempts: dict[Any, Attempt] = {}
        self.inbox: deque[Message] = deque()
        for record in self.journal.recover():
            if isinstance(record, Learned):
                self.advance(record.key, record.row)
            elif record.instance.version > self.row(record.instance.key).version:
                self.acceptor.restore(record)

    def make_acceptor(self, journal: Journal) -> Acceptor:
        return Acceptor(journal)

    def make_proposer(self) -> Proposer:
        return Proposer(self.ctx.me, self.ctx.nodes)

    def execute(self, request: Request, row: Row) -> Row | Answer:
        """What `request` does when `row` is the newest: the next row, or an answer that needs none."""
        raise NotImplementedError

    def row(self, key: Any) -> Row:
        """The newest row of the key that this node knows to be chosen."""
        return self.rows.get(key, NO_ROW)

    def view(self) -> dict[str, Any]:
        return {
            "rows": {str(key): [row.version, row.value] for key, row in self.rows.items()},
            "ballots": {str(key): list(attempt.ballot) for key, attempt in self.attempts.items()},
        }

    def timeout(self, timer: Timer) -> None:
        """A key's ballot took too long, or its back-off is over."""
        match timer:
            case ("ballot", key):
                self.begin(key)
        self.drain()

    def handle(self, sender: NodeId, message: Message) -> None:
        match message:
            case Request():
                self.on_request(message)
            case Prepare() | Accept():
                self.on_ballot(sender, message)
            case Promise():
                self.on_promise(sender, message)
            case Accepted():
                self.on_accepted(sender, message)
            case Refuse():
                self.on_refuse(message)
            case Chosen():
                self.on_chosen(message)

    # The acceptor's side.

    def on_ballot(self, sender: NodeId, message: Prepare | Accept) -> None:
        """Answer phase 1 or 2; for an instance that is over, answer with what was chosen."""
        key, version = message.instance
        row = self.row(key)
        if version <= row.version:
            self.send(sender, Chosen(key, row))
        elif isinstance(message, Prepare):
            self.send(sender, self.acceptor.prepare(message))
        else:
            self.send(sender, self.acceptor.accept(message))

    # The proposer's side.

    def on_request(self, request: Request) -> None:
        waiting = self.tasks.setdefault(request.key, deque())
        waiting.append(Task(request))
        if len(waiting) == 1:
            self.begin(request.key)

    def begin(self, key: Any) -> None:
        """Phase 1a for the request at the head of the line, in the instance after the newest known row."""
        self.attempts.pop(key, None)
        task = self.current(key)
        if task is None:
            return
        if task.ballots == BALLOTS_MAX:
            self.give_up(task)
            return
        task.ballots += 1
        instance = Instance(key, self.row(key).version + 1)
        ballot = self.proposer.next_ballot(instance, max(task.seen, self.acceptor.slot(instance).promised))
        self.attempts[key] = Attempt(instance, ballot)
        self.ctx.set_timer(("ballot", key), ROUND_MS)
        self.broadcast(Prepare(instance, ballot))

    def current(self, key: Any) -> Task | None:
        """The request to be served now; those whose effect was chosen meanwhile are answered on the way."""
        waiting = self.tasks[key]
        while waiting:
            task = waiting[0]
            row = self.row(key)
            if (done := row.done(task.request.id)) is not None:
                self.answer(task, Answer(done.output))
            elif task.proposed_version and row.version - task.proposed_version >= RECENT_MAX:
                self.ctx.info(task.request, "too many versions followed: whether it was chosen is no longer known")
                waiting.popleft()
            elif (early := self.without_ballot(task.request, row)) is not None:
                self.answer(task, early)
            else:
                return task
        self.ctx.cancel_timer(("ballot", key))
        return None

    def without_ballot(self, request: Request, row: Row) -> Answer | None:
        """An answer that needs no ballot. There is none here: the newest known row may be an old one."""
        return None

    def answer(self, task: Task, answer: Answer) -> None:
        """Answer the request at the head of its line, which leaves it."""
        if answer.error is not None:
            self.ctx.fail(task.request, answer.error)
        else:
            self.ctx.reply(task.request, answer.output)
        self.tasks[task.request.key].popleft()

    def give_up(self, task: Task) -> None:
        """No majority answered, or every duel was lost. A row once proposed may yet be chosen, and even if none was,
        the network may hold a second copy of the request: only `info` is true."""
        self.ctx.info(task.request, f"no decision after {BALLOTS_MAX} ballots")
        self.tasks[task.request.key].popleft()
        self.begin(task.request.key)

    def attempt(self, instance: Instance, ballot: Ballot) -> Attempt | None:
        """The running attempt that an answer belongs to; None if it comes too late."""
        attempt = self.attempts.get(instance.key)
        return attempt if attempt and attempt.instance == instance and attempt.ballot == ballot else None

    def on_promise(self, sender: NodeId, message: Promise) -> None:
        attempt = self.attempt(message.instance, message.ballot)
        if attempt is None or attempt.row is not None:
            return
        attempt.promises[sender] = message
        if self.proposer.is_quorum(attempt.promises):
            self.propose(attempt)

    def propose(self, attempt: Attempt) -> None:
        """Phase 2a. A quorum that reports nothing accepted has shut out all lower ballots: the newest known row is
        the newest there is, so a read is answered by it. Otherwise the half-done proposal is finished first."""
        key, version = attempt.instance
        task = self.tasks[key][0]
        row = self.proposer.inherited(list(attempt.promises.values()))
        if row is not None and (passive := self.without_finishing(task.request, row)) is not None:
            self.answer(task, passive)
            self.begin(key)
            return
        if row is None:
            done = self.execute(task.request, self.row(key))
            if isinstance(done, Answer):
                self.answer(task, done)
                self.begin(key)
                return
            row = done
            task.proposed_version = task.proposed_version or version
        attempt.row = row
        self.broadcast(Accept(attempt.instance, attempt.ballot, row))

    def without_finishing(self, request: Request, row: Row) -> Answer | None:
        """An answer from a row that is accepted somewhere but perhaps not chosen. There is none: finish it first."""
        return None

    def on_accepted(self, sender: NodeId, message: Accepted) -> None:
        attempt = self.attempt(message.instance, message.ballot)
        if attempt is None or attempt.row is None:
            return
        attempt.acceptors[sender] = message.ballot
        if self.proposer.chooses(attempt.acceptors):
            self.broadcast(Chosen(message.instance.key, attempt.row))

    def on_refuse(self, message: Refuse) -> None:
        """A duel is lost: the random back-off lets the other one finish."""
        attempt = self.attempt(message.instance, message.ballot)
        if attempt is None:
            return
        del self.attempts[message.instance.key]
        task = self.tasks[message.instance.key][0]
        task.seen = max(task.seen, message.promised)
        pause_ms = self.ctx.random.uniform(0.2, 1.8) * BACK_OFF_MS * min(task.ballots, 4)
        self.ctx.set_timer(("ballot", message.instance.key), pause_ms)

    # The learner's side.

    def on_chosen(self, message: Chosen) -> None:
        if not self.is_news(message):
            return
        self.journal.note(Learned(message.key, message.row))
        self.advance(message.key, message.row)
        if message.key in self.attempts:
            self.begin(message.key)

    def is_news(self, message: Chosen) -> bool:
        """A row takes effect once: a message that comes twice, or late, changes nothing."""
        return message.row.version > self.row(message.key).version

    def advance(self, key: Any, row: Row) -> None:
        """Take up a chosen row; the acceptors of its instance and of all before have done their work."""
        self.rows[key] = row
        for instance in [one for one in self.acceptor.slots if one.key == key and one.version <= row.version]:
            self.acceptor.forget(instance)
