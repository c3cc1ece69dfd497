"""A workload of your own: deposits, withdrawals and looks at the balance.

    naysayer test target.py:BANK --workload workload.py:TRANSFERS

A generator is a value: `next` returns the next operation and the generator of the rest, `observe` is shown every
operation that has ended. Everything random comes from `turn.random`, so that a run can be repeated.
"""

from dataclasses import dataclass

from workloads.generator import Invocation, Workload


@dataclass(frozen=True)
class Transfers:
    """Many looks at the balance, and deposits of different amounts: so a balance shows which of them it includes."""

    deposits: int = 0

    def next(self, turn):
        chance = turn.random.random()
        if chance < 0.6:
            return Invocation("balance"), self
        if chance < 0.7:
            return Invocation("withdraw", input=turn.random.randint(2, 50)), self
        return Invocation("deposit", input=10 + self.deposits), Transfers(self.deposits + 1)

    def observe(self, operation):
        return self


@dataclass(frozen=True)
class Balances:
    """One look at the balance by each client, after all faults are undone."""

    done: frozenset = frozenset()

    def next(self, turn):
        if turn.client in self.done:
            return None, self
        return Invocation("balance"), Balances(self.done | {turn.client})

    def observe(self, operation):
        return self


TRANSFERS = Workload(
    name="transfers",
    summary="deposits, withdrawals, and looks at the balance",
    operations=frozenset({"deposit", "withdraw", "balance"}),
    model="../bank_account.py:Account",  # a path from this file
    start=Transfers,
    finish=lambda keys: Balances(),
)
