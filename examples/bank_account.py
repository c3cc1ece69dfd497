"""A model of your own: an account that must never be overdrawn.

    naysayer check bank_account.jsonl --model bank_account.py:Account

A model describes one machine that executes operations one after another: its initial state and, for each state and
operation, the next state, or the reason why the operation cannot have had this result.
"""

from checker import Inconsistent, Model


class Account(Model):
    name = "account"
    summary = "deposit and withdraw amounts, read the balance"
    operations = frozenset({"deposit", "withdraw", "balance"})

    def initial(self):
        return 0

    def step(self, state, op):
        if op.f == "deposit":
            return state + op.input
        if op.f == "withdraw":
            if op.pending:  # its outcome is unknown; if it was refused, it changed nothing
                return state - op.input if state >= op.input else state
            if op.output != (state >= op.input):
                done = "succeeded" if op.output else "was refused"
                return Inconsistent(f"{done} with a balance of {state}")
            return state - op.input if op.output else state
        if op.pending or op.output == state:
            return state
        return Inconsistent(f"read a balance of {op.output}, but it is {state}")
