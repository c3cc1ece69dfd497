"""Properties weaker than linearizability that are about sessions: what one process may see, and those that it depends
on."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

import numpy as np
from numpy.typing import NDArray

from checker.found import INITIALLY, Found
from checker.history import BEGINNING, Column
from checker.verdict import Rung

CAUSAL_CELLS_MAX = 5_000_000
"""Causal consistency keeps one number per operation and process: above this many it is not decided."""

SEQUENTIAL_OPERATIONS_MAX = 400
SEQUENTIAL_STEPS_MAX = 50_000
"""The search for a sequential order gives up above either."""


def monotonic_reads(found: Found) -> Rung:
    """No read returns an older value than a read that ended before it began, by any process.

    A value is older than another if some client knew it before the other's write was called.
    """
    seen = found.newest_ended(found.of_writer(found.call))
    wrong = found.reads & ~found.unknown() & (found.of_writer(found.since) < seen)
    return rung("monotonic reads", found, wrong, "returned an older value")


def read_your_writes(found: Found) -> Rung:
    """No process reads a value older than one it had written itself (older: as for monotonic reads)."""
    order = np.lexsort((np.arange(len(found)), found.key, found.process))
    session = np.concatenate(([0], np.cumsum(_changes(found.process[order]) | _changes(found.key[order]))))[
        : len(order)
    ]
    own = np.where(found.writes, found.call, BEGINNING)[order]
    positions = np.where(found.writes[order], np.arange(len(order)), -1)
    # Within a session calls grow, so the newest own write is the last one in front.
    last = np.append(-1, np.maximum.accumulate(positions))[: len(order)]
    mine = (last >= 0) & (session[last] == session)
    newest = np.empty(len(order), dtype=np.int64)
    newest[order] = np.where(mine, own[last], BEGINNING)
    wrong = found.reads & ~found.unknown() & (found.of_writer(found.since) < newest)
    return rung("read your writes", found, wrong, "missed its own write")


def _changes(column: Column) -> NDArray[np.bool_]:
    return column[1:] != column[:-1] if len(column) else np.zeros(0, dtype=np.bool_)


def rung(name: str, found: Found, wrong: NDArray[np.bool_], what: str) -> Rung:
    """Holds unless an operation is wrong; the detail names the first one."""
    if not wrong.any():
        return Rung(name, True)
    return Rung(name, False, f"#{int(found.index[np.argmax(wrong)])} {what}")


def causal(found: Found) -> Rung:
    """Causal consistency (CC of Bouajjani, Enea, Guerraoui and Hamza, "On Verifying Causal Consistency", POPL 2017).

    Causal order is program order and found values, closed transitively. It must have no cycle, every value found
    must have been written, and no write to the same key may lie causally between a write and its reader.
    """
    name = "causal"
    if found.unknown().any():
        return Rung(name, False, "a value that no operation wrote was read")
    processes, lane = np.unique(found.process, return_inverse=True)
    if len(found) * len(processes) > CAUSAL_CELLS_MAX:
        return Rung(name, None, f"not decided: {len(found)} operations by {len(processes)} processes are too many")
    number = np.zeros(len(found), dtype=np.int64)
    counts = [0] * len(processes)
    for i, p in enumerate(lane.tolist()):
        counts[p] += 1
        number[i] = counts[p]
    clocks = _clocks(found, lane, number, len(processes))
    if clocks is None:
        return Rung(name, False, "cause and effect form a cycle")
    writes: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    for i in np.flatnonzero(found.writes).tolist():
        numbers, positions = writes.setdefault((int(found.key[i]), int(lane[i])), ([], []))
        numbers.append(int(number[i]))
        positions.append(i)
    lanes_of: dict[int, list[int]] = {}
    for key, p in writes:
        lanes_of.setdefault(key, []).append(p)
    for i in np.flatnonzero(found.reads).tolist():
        source = int(found.writer[i])
        key = int(found.key[i])
        for p in lanes_of.get(key, []):
            numbers, positions = writes[key, p]
            known = int(clocks[i, p]) - (p == lane[i] and bool(found.writes[i]))
            at = bisect_right(numbers, known) - 1
            if at < 0 or positions[at] == source:
                continue
            between = positions[at]
            if source == INITIALLY or clocks[between, lane[source]] >= number[source]:
                return Rung(
                    name,
                    False,
                    f"#{found.index[i]} depends on #{found.index[between]}, which is newer than what it found",
                )
    return Rung(name, True)


def _clocks(found: Found, lane: Column, number: Column, processes: int) -> Column | None:
    """Vector clocks of the causal order, each counting its own operation; None if the order has a cycle."""
    size = len(found)
    previous = np.full(size, -1)
    last = [-1] * processes
    after: list[list[int]] = [[] for _ in range(size)]
    waiting = [0] * size
    for i, p in enumerate(lane.tolist()):
        previous[i], last[p] = last[p], i
        for before in {int(previous[i]), int(found.writer[i])}:
            if before >= 0:
                after[before].append(i)
                waiting[i] += 1
    clocks = np.zeros((size, processes), dtype=np.int64)
    ready = deque(i for i in range(size) if waiting[i] == 0)
    done = 0
    while ready:
        i = ready.popleft()
        done += 1
        clocks[i, lane[i]] = number[i]
        for later in after[i]:
            np.maximum(clocks[later], clocks[i], out=clocks[later])
            waiting[later] -= 1
            if waiting[later] == 0:
                ready.append(later)
    return clocks if done == size else None


def sequential(found: Found) -> Rung:
    """Sequential consistency: one legal order that keeps every process's own order, whatever the clock says.

    Reads go as soon as they can (they change nothing), a write only when no read still needs the value it
    replaces; so the search branches on writes alone.
    """
    name = "sequential"
    if found.unknown().any():
        return Rung(name, False, "a value that no operation wrote was read")
    if len(found) > SEQUENTIAL_OPERATIONS_MAX:
        return Rung(name, None, f"not decided: more than {SEQUENTIAL_OPERATIONS_MAX} operations")
    answer = _Sequencer(found).search()
    if answer is None:
        return Rung(name, None, f"not decided in {SEQUENTIAL_STEPS_MAX} steps")
    return Rung(name, answer)


class _Sequencer:
    def __init__(self, found: Found) -> None:
        lanes: dict[int, list[int]] = {}
        for i, process in enumerate(found.process.tolist()):
            lanes.setdefault(process, []).append(i)
        self.lanes = list(lanes.values())
        self.keys = found.key.tolist()
        self.writer = [w if r else None for w, r in zip(found.writer.tolist(), found.reads.tolist(), strict=True)]
        self.writes = found.writes.tolist()

    def search(self) -> bool | None:
        """Depth first over the writes; True, False, or None if the steps ran out."""
        start = (tuple([0] * len(self.lanes)), tuple(sorted((key, INITIALLY) for key in set(self.keys))))
        stack, seen, steps = [start], {start}, 0
        while stack:
            steps += 1
            if steps > SEQUENTIAL_STEPS_MAX:
                return None
            places, values = stack.pop()
            at, held = self._read(list(places), dict(values))
            if all(i == len(lane) for i, lane in zip(at, self.lanes, strict=True)):
                return True
            for p, lane in enumerate(self.lanes):
                if at[p] < len(lane) and self._may_write(lane[at[p]], at, held):
                    further = tuple(i + (q == p) for q, i in enumerate(at))
                    state = (further, tuple(sorted((held | {self.keys[lane[at[p]]]: lane[at[p]]}).items())))
                    if state not in seen:
                        seen.add(state)
                        stack.append(state)
        return False

    def _read(self, at: list[int], held: dict[int, int]) -> tuple[list[int], dict[int, int]]:
        """Takes every read that can be taken now."""
        for p, lane in enumerate(self.lanes):
            while at[p] < len(lane):
                i = lane[at[p]]
                if self.writes[i] or self.writer[i] != held[self.keys[i]]:
                    break
                at[p] += 1
        return at, held

    def _may_write(self, i: int, at: list[int], held: dict[int, int]) -> bool:
        if not self.writes[i]:
            return False
        key = self.keys[i]
        current = held[key]
        if self.writer[i] is not None and self.writer[i] != current:
            return False
        waiting = sum(
            self.writer[j] == current and self.keys[j] == key and j != i
            for p, lane in enumerate(self.lanes)
            for j in lane[at[p] :]
        )
        return not waiting
