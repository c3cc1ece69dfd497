"""Whether a history could have shown a lost or stale value at all: which operations put something in, which observe it.

A verdict "valid" over a history in which no read succeeded after a write had is empty: whatever the system did, no
operation would have noticed. `noticeable` says so, by the table ROLES:

    model                                 updates something in             observes it
    ------------------------------------  ----------------------------  -------------------------
    register                              write                         read
    cas-register, kv                      write, cas, delete            read, cas
    rmw-register                          write, swap, fetch-add        read, swap, fetch-add
    kv-append                             write, append, cas, delete    read, cas
    append-list, log                      append                        read
    set                                   add, remove                   read, contains
    counter, g-counter, pn-counter        add                           read
    g-set                                 add                           read
    broadcast                             broadcast                     read
    queue, unordered-queue                enqueue                       dequeue, drain, peek
    stack                                 push                          pop, peek
    priority-queue                        insert                        delete-min, peek
    mutex, semaphore                      acquire                       acquire
    ids, unique-ids                       generate                      generate
    generation                            next                          next
    fenced-register                       fenced-write; next            read; fenced-write, next
    kafka                                 send                          poll, final_poll
    echo                                  -                             echo
    multi-register, txn-list-append, …    a write of one transaction    a read of another

An operation observes only if it ended ok. What was put in is known from an ok answer or because an operation observed
it: a store whose writes all time out, and whose reads show them, could have been caught.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checker.history import OK, History, distinct
from checker.models import MODELS
from checker.transactions.levels import LEVELS


class Roles(NamedTuple):
    """Operation kinds of a model: those that put something in, and those that would notice that it was lost or stale.

    Without `updates` one observation is enough (an echo). `apart`: two at the same time notice each other as well
    (ids).
    """

    updates: tuple[str, ...]
    observes: tuple[str, ...]
    apart: bool = False


_QUEUE = Roles(("enqueue",), ("dequeue", "drain", "peek"))
_ADDS = Roles(("add",), ("read",))
_CAS = Roles(("write", "cas", "delete"), ("read", "cas"))
_IDS = Roles(("generate",), ("generate",), apart=True)

ROLES: dict[str, tuple[Roles, ...]] = {
    "register": (Roles(("write",), ("read",)),),
    "cas-register": (_CAS,),
    "kv": (_CAS,),
    "rmw-register": (Roles(("write", "swap", "fetch-add"), ("read", "swap", "fetch-add")),),
    "kv-append": (Roles(("write", "append", "cas", "delete"), ("read", "cas")),),
    "append-list": (Roles(("append",), ("read",)),),
    "log": (Roles(("append",), ("read",)),),
    "set": (Roles(("add", "remove"), ("read", "contains")),),
    "counter": (_ADDS,),
    "g-counter": (_ADDS,),
    "pn-counter": (_ADDS,),
    "g-set": (_ADDS,),
    "broadcast": (Roles(("broadcast",), ("read",)),),
    "queue": (_QUEUE,),
    "unordered-queue": (_QUEUE,),
    "stack": (Roles(("push",), ("pop", "peek")),),
    "priority-queue": (Roles(("insert",), ("delete-min", "peek")),),
    "semaphore": (Roles(("acquire",), ("acquire",)),),
    "mutex": (Roles(("acquire",), ("acquire",)),),
    "ids": (_IDS,),
    "unique-ids": (_IDS,),
    "generation": (Roles(("next",), ("next",)),),
    "fenced-register": (Roles(("fenced-write",), ("read",)), Roles(("next",), ("next", "fenced-write"))),
    "kafka": (Roles(("send",), ("poll", "final_poll")),),
    "echo": (Roles((), ("echo",)),),
}
"""By the name of a model. Transactions have a rule of their own, and a user's own model has none."""


def transactional(model: str) -> bool:
    """Whether the operations of a model are transactions of several steps."""
    return model.startswith("txn-") or model == "multi-register" or model in LEVELS


READS = ("r", "read")
"""The micro-operations of a transaction that only observe."""


def roles(model: str) -> tuple[Roles, ...]:
    """The roles of a model's operations; empty where they are not known (a user's own model)."""
    return (Roles(("txn",), ("txn",)),) if transactional(model) else ROLES.get(model, ())


def observing(history: History, model: str) -> NDArray[np.bool_]:
    """Which operations would notice a lost or stale value, had they succeeded."""
    return _named(history, {name for one in roles(model) for name in one.observes})


def updating(history: History, model: str) -> NDArray[np.bool_]:
    """Which operations put something in, if they succeeded: a refused cas did not."""
    return _named(history, {name for one in roles(model) for name in one.updates}) & ~_refused(history)


def noticeable(history: History, model: str) -> str | None:
    """None if a lost or stale value could have been noticed, else a clause that says why not.

    Always None for a model whose operations have no known roles.
    """
    known = roles(model)
    if not known:
        return None
    ok = history.status == OK
    if transactional(model):
        if _reads_another(history, ok):
            return None
        return "no successful transaction read a key that another had written"
    if any(_seen_after(history, model, one, ok) for one in known):
        return None
    updates = any(one.updates for one in known)
    if updates and not (ok & updating(history, model)).any():
        return f"no {_any_of(history, [one.updates for one in known])} succeeded, so nothing could be lost or stale"
    observes = _any_of(history, [one.observes for one in known])
    put = _any_of(history, [one.updates for one in known])
    after = "" if not updates else " after another" if put == observes else f" after any {put}"
    return f"no {observes} succeeded{after}, so a lost or stale value could not have been noticed"


def _seen_after(history: History, model: str, one: Roles, ok: NDArray[np.bool_]) -> bool:
    """Whether, on one key, an operation observed after it was known that something was there."""
    observes = ok & _named(history, set(one.observes))
    if not one.updates:
        return bool(observes.any())
    updates = ok & _named(history, set(one.updates)) & ~_refused(history)
    known = updates | (observes & ~_empty(history))
    if one.apart:
        return bool(np.count_nonzero(known) > 1)
    by_key = model in MODELS and MODELS[model].by_key
    key = history.key if by_key else np.zeros(len(history), dtype=np.int64)
    size = int(key.max(initial=0)) + 1
    first_known = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(first_known, key[known], history.ret[known])
    return bool((history.call[observes] > first_known[key[observes]]).any())


def _reads_another(history: History, ok: NDArray[np.bool_]) -> bool:
    """Whether a successful transaction read a key that another successful one wrote, before or after."""
    writer: dict[object, set[int]] = {}
    reader: dict[object, set[int]] = {}
    for row in np.flatnonzero(ok).tolist():
        op = history[row]
        steps = op.output if op.output is not None else op.input
        for step in steps if isinstance(steps, tuple) else ():
            if not isinstance(step, tuple) or len(step) < 2:
                continue
            f, key = str(step[0]).lstrip(":"), step[1]
            mine, others = (reader, writer) if f in READS else (writer, reader)
            mine.setdefault(key, set()).add(row)
            if others.get(key, set()) - {row}:
                return True
    return False


def _any_of(history: History, groups: Iterable[tuple[str, ...]]) -> str:
    """The kinds in words: those that the history has, or all if it has none of them."""
    kinds = dict.fromkeys(kind for group in groups for kind in group)
    present = {history.tables.f.values[code] for code in distinct(history.f).tolist()}
    names = [kind for kind in kinds if kind in present] or list(kinds)
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _named(history: History, names: set[str]) -> NDArray[np.bool_]:
    return np.array([name in names for name in history.tables.f.values], dtype=bool)[history.f]


def _refused(history: History) -> NDArray[np.bool_]:
    """Which operations answered False: a refused cas, a lock that was not free. They put nothing in."""
    return np.array([value is False for value in history.tables.value.values], dtype=bool)[history.output]


def _empty(history: History) -> NDArray[np.bool_]:
    """Which operations show nothing: no value, no element, a count of 0."""
    return np.array([not value for value in history.tables.value.values], dtype=bool)[history.output]
