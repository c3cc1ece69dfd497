"""The monitor of strings that are appended to, written, deleted, compared and set: they are encoded as a CAS register.

Let every text that an append, a write or a cas puts in (a *token*) be unique, not empty, and no prefix of another. Then
every value reads as tokens in one way only: a write (or a cas) as its root, appends after it. The operation that
appended x in a value p x q found p and left p x, so it is a cas from p to p x, and a write with all that is appended to
it is one block of the zones. What was never found stands after all that was found of its block, directly before the
next root: like a write of a value that is never read, and it is encoded as one. A pending append that was never found
may be taken never to have happened, since no operation found a value that contains it.

So the string is linearizable iff the CAS register is, in the same order. The empty value may come from the beginning,
a delete, and writes of "": more than one of them, and found, are a value written twice, for which see sandwich.py.
A refused cas only shows what the value was not: leaving it out keeps every legal history legal.
Cost: the number of tokens in the distinct values found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from msgspec import structs

from checker.budget import Budget
from checker.history import INFO, History, Operation
from checker.models.kv import AppendKeyValue
from checker.models.register import found as values_found
from checker.models.register import leaves, refused
from checker.monitors import sandwich
from checker.monitors.append_cut import by_conflict, by_text, fewer
from checker.monitors.proof import counterexample, rows_of
from checker.monitors.register_columns import INITIAL, NOTHING, RegisterColumns
from checker.monitors.zones import Ambiguous, Conflict, judge
from checker.search import decide as search
from checker.shrink import NOT_MINIMAL, shrink
from checker.verdict import Decision

MODEL = AppendKeyValue()


@dataclass
class Encoding:
    """How a part is encoded as a register. A *node* is a value: 0 the empty one, others a node and a token after it."""

    puts: dict[str, int] = field(default_factory=dict)
    """Token -> the row that puts it in."""
    appended: set[str] = field(default_factory=set)
    observer: dict[str, int] = field(default_factory=dict)
    """Token -> the row whose value shows for certain that it was put in."""
    node: dict[tuple[int, str], int] = field(default_factory=dict)
    place: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Token that was found for certain -> the nodes before and after it."""
    nodes: int = 1
    lengths: list[int] = field(default_factory=list)

    def tokens(self, value: str) -> Iterator[str]:
        """The tokens of a value, then, if it has no more, the rest of it."""
        at = 0
        while at < len(value):
            token = next((value[at : at + n] for n in self.lengths if value[at : at + n] in self.puts), value[at:])
            yield token
            at += len(token)

    def extended(self, node: int, token: str) -> int:
        """The node of a value with one more token."""
        known = self.node.get((node, token))
        if known is None:
            known = self.node[node, token] = self.fresh()
        return known

    def fresh(self) -> int:
        self.nodes += 1
        return self.nodes - 1

    def read(self, value: object, row: int) -> tuple[int, str | None]:
        """The node of a value found for certain in a row, and its root; places the tokens that it shows first."""
        if value is None:
            return INITIAL, None
        if not isinstance(value, str):
            return self.fresh(), None
        node, root = INITIAL, None
        for token in self.tokens(value):
            before, node = node, self.extended(node, token)
            root = token if before == INITIAL else root
            self.place.setdefault(token, (before, node))
            self.observer.setdefault(token, row)
        return node, root


def encode(part: History) -> tuple[Encoding, RegisterColumns] | None:
    """The string as a register; None where tokens are ambiguous."""
    ops = list(part)
    encoding = _tokens(ops)
    return None if encoding is None else (encoding, _encoded(part, ops, encoding))


def decide(part: History, budget: Budget) -> Decision | None:
    """Judges one string; None where tokens are ambiguous, or a refused or ambiguous value decides.

    A token that is appended more than once goes out of all values, with all that appended it: what is illegal without
    it is illegal. Otherwise the search decides.
    """
    ops = list(part)
    times = Counter(op.input for op in ops if op.f == "append")
    often = [token for token, count in times.items() if count > 1]
    if not often:
        return _by_zones(part, ops)
    dropped = [op for op in ops if op.f == "append" and times[op.input] > 1]
    rare = MODEL.without(dropped, [op for op in ops if op.f != "append" or times[op.input] == 1])
    refuted = None if rare is None else _by_zones(History.of(rare), ops)
    if refuted is not None and refuted.outcome == "invalid":
        return refuted
    decision = search(History.of(MODEL.canonicalised(ops)), MODEL, budget)
    if decision.outcome != "invalid":
        return decision
    few, minimal = fewer(ops, by_text(ops, often))
    rows, minimal = (_rows(ops, few), minimal) if few else shrink(part, decision, MODEL, budget)
    return replace(decision, counterexample=rows, reason=None if minimal else NOT_MINIMAL)


def _by_zones(part: History, whole: list[Operation]) -> Decision | None:
    """The decision of the zones on operations that stay legal where the whole is; None as of `decide`."""
    encoded = encode(part)
    if encoded is None:
        return None
    encoding, columns = encoded
    outcome = judge(columns)
    method = "sandwich" if len(columns.refused) else "zones"
    if isinstance(outcome, Ambiguous):
        conflict = sandwich.without(columns, outcome)
        return None if conflict is None else _invalid(part, whole, encoding, columns, conflict, "sandwich")
    if isinstance(outcome, Conflict):
        return _invalid(part, whole, encoding, columns, outcome, method)
    return None if len(columns.refused) else Decision("valid", "zones", witness=columns.row[outcome])


def as_register(part: History, encoding: Encoding, encoded: RegisterColumns) -> list[Operation]:
    """The operations of a conflict among these, as those of a register that reads, writes and exchanges values."""
    outcome = judge(encoded)
    conflict = sandwich.without(encoded, outcome) if isinstance(outcome, Ambiguous) else outcome
    if not isinstance(conflict, Conflict):
        return []
    names = {after: (before, token) for (before, token), after in encoding.node.items()}

    def text(node: int) -> str | None:
        pieces = list[str]()
        while node in names:
            node, token = names[node]
            pieces.append(token)
        return "".join(reversed(pieces)) if node == INITIAL else f"value {node}"

    operations = []
    for position in counterexample(encoded, conflict):
        op, found, left = part[int(encoded.row[position])], int(encoded.found[position]), int(encoded.left[position])
        before, after = text(found) or None, text(left) or None
        if left < 0:
            operations.append(structs.replace(op, f="read", input=None, output=before))
        elif found < 0:
            operations.append(structs.replace(op, f="write", input=after, output=None))
        else:
            operations.append(structs.replace(op, f="cas", input=(before, after), output=True))
    return operations


def _tokens(ops: list[Operation]) -> Encoding | None:
    """Which operation inserts which token; None if one is inserted twice, is empty or not a text, or is a prefix of
    another."""
    encoding = Encoding()
    for row, op in enumerate(ops):
        if op.f == "read" or refused(op):
            continue
        token = op.input if op.f == "append" else leaves(op)
        if op.f != "append" and token in (None, ""):
            continue
        if not isinstance(token, str) or not token or token in encoding.puts:
            return None
        encoding.puts[token] = row
        if op.f == "append":
            encoding.appended.add(token)
    if any(longer.startswith(shorter) for shorter, longer in pairwise(sorted(encoding.puts))):
        return None
    encoding.lengths = sorted({len(token) for token in encoding.puts})
    return encoding


def _encoded(part: History, ops: list[Operation], encoding: Encoding) -> RegisterColumns:
    found = np.full(len(ops), NOTHING, dtype=np.int64)
    left = np.full(len(ops), NOTHING, dtype=np.int64)
    keep = np.ones(len(ops), dtype=np.bool_)
    roots: list[str] = []
    shown: dict[object, tuple[int, str | None]] = {}

    def find(row: int, value: object) -> None:
        if value not in shown:
            shown[value] = encoding.read(value, row)
        found[row], root = shown[value]
        if root is not None:
            roots.append(root)

    for row, op in enumerate(ops):
        keep[row] = not (refused(op) or (op.pending and MODEL.effect_free(op)))
        if keep[row] and not op.pending:
            for value in values_found([op]):
                find(row, value)
    while roots:  # a pending cas whose value was found did happen, so it found the value it asked for
        row = encoding.puts.get(roots.pop(), -1)
        if row >= 0 and ops[row].f == "cas" and found[row] == NOTHING:
            find(row, ops[row].input[0])
    for row, op in enumerate(ops):
        if op.f == "append":
            before, after = encoding.place.get(op.input) or (NOTHING, encoding.fresh())
            found[row], left[row] = before, after
        elif op.f != "read" and not MODEL.effect_free(op):
            token = leaves(op)
            left[row] = INITIAL if token in (None, "") else encoding.extended(INITIAL, token)
            if op.f == "cas" and found[row] == NOTHING:
                found[row] = encoding.fresh()  # pending, and not known to have happened
    refusing = np.array([row for row, op in enumerate(ops) if op.f == "cas" and refused(op)], dtype=np.int64)
    whole = RegisterColumns(
        np.arange(len(ops)), part.call, part.ret, part.status == INFO, found, left, refusing, encoding.nodes
    )
    return whole.only(keep)


def _invalid(
    part: History, whole: list[Operation], encoding: Encoding, encoded: RegisterColumns, conflict: Conflict, method: str
) -> Decision:
    ops = list(part)
    rows = rows_of(encoded, counterexample(encoded, conflict))
    named = set(rows) | {encoding.observer.get(ops[row].input, row) for row in rows if ops[row].f == "append"}
    puts = {token: ops[row] for token, row in encoding.puts.items()}
    starts = by_conflict(ops, [ops[row] for row in sorted(named)], puts, encoding.tokens)
    by_index = {op.index: op for op in whole}
    few, _ = fewer(whole, ([by_index[op.index] for op in some] for some in starts))
    closed = _closed(ops, encoding, rows) if not few else ()
    return Decision("invalid", method, counterexample=_rows(whole, few or [ops[row] for row in closed]))


def _rows(ops: list[Operation], some: list[Operation]) -> tuple[int, ...]:
    chosen = {op.index for op in some}
    return tuple(row for row, op in enumerate(ops) if op.index in chosen)


def _closed(ops: list[Operation], encoding: Encoding, rows: tuple[int, ...]) -> set[int]:
    """With them, the operations that inserted a text that they found, and for each append and pending one an operation
    that found it."""
    closed = set(rows)
    size = 0
    while size != len(closed):
        size = len(closed)
        seen = {value or "" for value in values_found([ops[row] for row in closed]) if isinstance(value or "", str)}
        closed.update(row for token, row in encoding.puts.items() if any(token in value for value in seen))
        if any(value == "" or next(encoding.tokens(value)) in encoding.appended for value in seen):
            closed.update(row for row, op in enumerate(ops) if op.f != "append" and _empties(op))
        needed = [token for token, row in encoding.puts.items() if row in closed and token in encoding.observer]
        closed.update(encoding.observer[token] for token in needed)
    return closed


def _empties(op: Operation) -> bool:
    return op.f == "delete" or (op.f in ("write", "cas") and not refused(op) and leaves(op) in (None, ""))
