"""A target of your own: an account that one node keeps in a log on its disk.

    naysayer hunt target.py:BANK        nothing is found
    naysayer hunt target.py:HASTY       an acknowledged deposit is lost

A node is a state machine: `start`, `receive` and `timeout` take one input each, and act by `self.ctx` alone. So the
simulator runs it in virtual time, loses its messages, cuts its power, and repeats every run exactly.
"""

from dataclasses import replace

import msgspec

from targets.protocol.target import Target
from targets.systems.journal import Journal


class Entry(msgspec.Struct, frozen=True, tag="entry"):
    """What one request did: a record in the log."""

    id: str
    change: int
    answer: bool | None


class Branch:
    """The node. Requests arrive by `receive`; each is executed once, however often it arrives."""

    def start(self, ctx):
        self.ctx, self.balance, self.answers = ctx, 0, {}
        self.journal = Journal(ctx.disk, Entry)
        for entry in self.journal.recover():
            self.enter(entry)

    def enter(self, entry):
        self.balance += entry.change
        self.answers[entry.id] = entry.answer

    def receive(self, sender, request):
        if request.f == "balance":
            self.ctx.reply(request, self.balance)
            return
        if request.id not in self.answers:
            entry = self.outcome(request)
            self.keep(entry)
            self.enter(entry)
        self.ctx.reply(request, self.answers[request.id])

    def outcome(self, request):
        if request.f == "deposit":
            return Entry(request.id, request.input, None)
        covered = request.input <= self.balance
        return Entry(request.id, -request.input if covered else 0, covered)

    def keep(self, entry):
        self.journal.write(entry)  # it is on the disk before the answer is sent

    def timeout(self, timer):
        pass

    def view(self):
        return {"balance": self.balance}


class HastyBranch(Branch):
    """Answers before the log is on the disk."""

    def keep(self, entry):
        self.journal.note(entry)


BANK = Target(
    name="bank",
    summary="an account that one node keeps",
    node=Branch,
    operations=frozenset({"deposit", "withdraw", "balance"}),
    workload="workload.py:TRANSFERS",  # beside this file
    messages=(),  # between nodes
    nodes=1,
    sessions=True,  # a request that comes again is executed once
)
HASTY = replace(BANK, name="bank/hasty", node=HastyBranch)
