"""The dumb twin of the judge of transactions: every order of every set of transactions, by the definitions alone.

serializable        a serial order whose replay shows each read (with sessions, or real time, in the order)
snapshot isolation  an order of starts and commits: reads show what was committed at the start, and no two transactions
                    that wrote one key overlap
causal and below    an order of commits that fulfils the axioms of Biswas and Enea (OOPSLA 2019, figure 2), or those
                    of a session guarantee (Terry et al., PDIS 1994)
PL-2                an order of commits in which reads show only what was committed before
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from checker.history import Operation

Txn = Operation
State = dict[Any, tuple[Any, ...] | Any]


def micros(txn: Txn) -> list[tuple[Any, ...]]:
    steps = txn.output if txn.status == "ok" else [step for step in txn.input if step[0] != "r"]
    return [tuple(step) for step in steps]


def worlds(ops: list[Txn]) -> Iterator[list[Txn]]:
    """All that ended ok, and some of unknown outcome."""
    unsure = [op for op in ops if op.status == "info"]
    for size in range(len(unsure) + 1):
        for some in itertools.combinations(unsure, size):
            yield [op for op in ops if op.status == "ok"] + list(some)


def before(one: Txn, other: Txn, order: str) -> bool:
    if order == "none" or one.status != "ok":
        return False
    return (one.process == other.process and one.call < other.call) or (order == "realtime" and one.ret < other.call)


def keeps(sequence: tuple[Txn, ...], order: str) -> bool:
    return not any(before(late, early, order) for i, late in enumerate(sequence) for early in sequence[:i])


def run(txn: Txn, state: State, data: str) -> State | None:
    """The state after a transaction that sees this one; None if it read something else."""
    state = dict(state)
    for f, key, value in micros(txn):
        if f == "append":
            state[key] = (*state.get(key, ()), value)
        elif f == "add":
            state[key] = tuple(sorted({*state.get(key, ()), value}))
        elif f == "inc":
            state[key] = state.get(key, 0) + value
        elif f == "w":
            state[key] = value
        elif data == "set":
            if tuple(sorted(value or ())) != state.get(key, ()):
                return None
        elif (state.get(key) or None) != ((tuple(value) if isinstance(value, list) else value) or None):
            return None
    return state


def serializable(ops: list[Txn], order: str, data: str) -> bool:
    for world in worlds(ops):
        for sequence in itertools.permutations(world):
            state: State | None = {}
            for txn in sequence:
                state = None if state is None else run(txn, state, data)
            if state is not None and keeps(sequence, order):
                return True
    return False


def snapshot_isolated(ops: list[Txn], order: str, data: str) -> bool:
    return any(_schedules(world, order, data) for world in worlds(ops))


def _schedules(world: list[Txn], order: str, data: str) -> bool:
    """Whether starts and commits can be interleaved: depth first over what has started and committed."""
    wrote = [{key for f, key, _ in micros(txn) if f != "r"} for txn in world]

    def go(started: dict[int, State], committed: frozenset[int], state: State) -> bool:
        if len(committed) == len(world):
            return True
        for i, txn in enumerate(world):
            if i in committed:
                continue
            if i not in started:
                earlier = [j for j, other in enumerate(world) if before(other, txn, order)]
                if not committed.issuperset(earlier):
                    continue
                if run(txn, state, data) is not None and go({**started, i: state}, committed, state):
                    return True
            elif all(started[i].get(key) == state.get(key) for key in wrote[i]):
                after = run(txn, started[i], data)
                assert after is not None
                now = {**state, **{key: after[key] for key in wrote[i]}}
                if go(started, committed | {i}, now):
                    return True
        return False

    return go({}, frozenset(), {})


SERIAL = ("serializable", "strong-session-serializable", "strict-serializable")


def as_registers(ops: list[Txn]) -> list[Txn]:
    """What one transaction added to a set as a register that it wrote once, with the number of additions; reads of a
    set as reads of all of these, with the number that they show."""
    added: dict[tuple[Any, int], list[Any]] = {}
    for i, op in sorted(enumerate(ops), key=lambda at: at[1].status == "fail"):
        for f, key, value in micros(op):
            if f == "add" and (op.status != "fail" or not any(value in of for (k, _), of in added.items() if k == key)):
                added.setdefault((key, i), []).append(value)
    found = []
    for i, op in enumerate(ops):
        steps: list[list[Any]] = []
        own: dict[Any, list[Any]] = {}
        for f, key, value in micros(op):
            mine = own.setdefault(key, [])
            if f == "add":
                mine.append(value)
                steps.append(["w", (key, i), len(set(mine))])
                continue
            value = value or []
            for (k, by), elements in added.items():
                seen = len(set(elements) & set(value))
                if k == key and (by != i or mine or seen):
                    steps.append(["r", (k, by), seen or None])
            known = {one for (k, _), elements in added.items() if k == key for one in elements}
            if set(value) - known:
                steps.append(["r", (key, "nobody"), 1])
        found.append(Operation(op.index, op.process, "txn", None, steps, steps, op.call, op.ret, op.status))
    return found


def weak(ops: list[Txn], level: str) -> bool:
    return any(_commits(sequence, level, ops) for world in worlds(ops) for sequence in itertools.permutations(world))


def _external(txn: Txn) -> list[tuple[Any, Any]] | None:
    """What it read of others, in order: (key, value); None if it contradicts its own writes."""
    found, own = [], dict[Any, list[Any]]()
    for f, key, value in micros(txn):
        mine = own.get(key, [])
        if f != "r":
            own.setdefault(key, []).append(value)
        elif isinstance(value, list | tuple):
            if mine and list(value)[-len(mine) :] != mine:
                return None
            found.append((key, tuple(value)[: len(value) - len(mine)]))
        elif mine:
            if value != mine[-1]:
                return None
        else:
            found.append((key, value))
    return found


def _commits(sequence: tuple[Txn, ...], level: str, ops: list[Txn]) -> bool:
    """Whether this order of commits fulfils the level."""
    if level != "PL-2" and not keeps(sequence, "session"):
        return False
    writes: list[dict[Any, list[Any]]] = []
    for txn in sequence:
        of: dict[Any, list[Any]] = {}
        for f, key, value in micros(txn):
            if f != "r":
                of.setdefault(key, []).append(value)
        writes.append(of)
    reads: list[list[tuple[Any, int]]] = []  # key, and the place of the writer (-1: initial)
    for place, txn in enumerate(sequence):
        external = _external(txn)
        if external is None:
            return False
        mine = []
        for key, value in external:
            writer = _writer(sequence, writes, key, value)
            if writer is None or writer == place:
                return False
            mine.append((key, writer))
        reads.append(mine)
    count = len(sequence)
    session = [[before(sequence[a], sequence[b], "session") for b in range(count)] for a in range(count)]
    direct = [row[:] for row in session]
    for place, mine in enumerate(reads):
        for _, writer in mine:
            if writer > place:
                return False
            if writer >= 0:
                direct[writer][place] = True
    closed = [row[:] for row in direct]
    for k, a, b in itertools.product(range(count), repeat=3):
        closed[a][b] |= closed[a][k] and closed[k][b]
    for place, mine in enumerate(reads):
        for at, (key, writer) in enumerate(mine):
            for other in range(count):
                if other in (writer, place) or key not in writes[other] or other < writer:
                    continue
                earlier = [by for _, by in mine[:at] if by >= 0]
                if _seen(level, other, place, earlier, reads, session, direct, closed):
                    return False
    return True


def _seen(
    level: str,
    other: int,
    place: int,
    earlier: list[int],
    reads: list[list[tuple[Any, int]]],
    session: list[list[bool]],
    direct: list[list[bool]],
    closed: list[list[bool]],
) -> bool:
    """Whether a read of the transaction at `place`, which had read from those `earlier`, had seen `other`."""
    count = range(len(session))
    read_from = [{by for _, by in mine} for mine in reads]
    if level in ("PL-2", "read-atomic", "causal"):
        return {"PL-2": False, "read-atomic": direct[other][place], "causal": closed[other][place]}[level]
    if other in earlier or level == "read-committed":
        return other in earlier
    return {
        "read-your-writes": session[other][place],
        "monotonic-reads": any(session[one][place] and other in read_from[one] for one in count),
        "monotonic-writes": any(session[other][by] for by in earlier),
        "writes-follow-reads": any(
            other in read_from[one] and (one == by or session[one][by]) for by in earlier for one in count
        ),
    }[level]


def _writer(sequence: tuple[Txn, ...], writes: list[dict[Any, list[Any]]], key: Any, value: Any) -> int | None:
    """The transaction whose last write of the key left this value; None if no prefix of the commits did."""
    if not isinstance(value, tuple):
        if value is None:
            return -1
        return next((i for i, of in enumerate(writes) if of.get(key, [None])[-1] == value), None)
    whole: tuple[Any, ...] = ()
    if whole == value:
        return -1
    for i, of in enumerate(writes):
        whole = (*whole, *of.get(key, []))
        if whole == value and key in of:
            return i
    return None


def holds(ops: list[Txn], level: str) -> bool:
    """Whether a history could have run at a level."""
    adds = any(f == "add" for op in ops for f, _, _ in op.input)
    data = "set" if adds else ""
    if adds and level not in SERIAL:
        return weak(as_registers(ops), level)
    order = {"strong-session": "session", "strong-snapsh": "realtime", "strict-serial": "realtime"}
    kept = next((kind for begin, kind in order.items() if level.startswith(begin)), "none")
    if level.endswith("serializable"):
        return serializable(ops, kept, data)
    if level.endswith("snapshot-isolation"):
        return snapshot_isolated(ops, kept, data)
    return weak(ops, level)
