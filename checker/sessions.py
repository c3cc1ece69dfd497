"""Properties weaker than linearizability that are about sessions: what one process may see, and those that it depends
on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checker.found import INITIALLY, Found
from checker.history import BEGINNING, Column
from checker.verdict import Rung

CAUSAL_PROCESSES = 64
CAUSAL_CELLS = 2_000_000
"""Causal consistency keeps a number for each operation and process. With more processes it would take longer than
reading the history did, so it is not computed, unless there are no more than so many numbers."""

SEQUENTIAL_OPERATIONS_MAX = 400
SEQUENTIAL_STEPS_MAX = 5_000
"""The search for a sequential order gives up above either: these steps take about 0.1 s."""


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
    if len(found) * len(processes) > max(CAUSAL_CELLS, CAUSAL_PROCESSES * len(found)):
        many = f"{len(found):,} operations by {len(processes):,} processes"
        return Rung(name, None, f"not computed: for {many} it would take longer than reading them")
    order = np.argsort(lane, kind="stable")
    counts = np.bincount(lane)
    number = np.empty(len(found), dtype=np.int64)
    number[order] = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    previous = np.full(len(found), -1)
    previous[order[1:]] = np.where(number[order[1:]] > 1, order[:-1], -1)
    clocks = _clocks(found.writer, previous, lane, number, len(processes))
    if clocks is None:
        return Rung(name, False, "cause and effect form a cycle")
    wrong = [_overwritten(found, rows, clocks, lane, number) for rows in found.by_key()]
    first = min((pair for pair in wrong if pair is not None), default=None)
    if first is None:
        return Rung(name, True)
    reader, between = (int(found.index[row]) for row in first)
    return Rung(name, False, f"#{reader} depends on #{between}, which is newer than what it found")


def _overwritten(found: Found, rows: Column, clocks: Column, lane: Column, number: Column) -> tuple[int, int] | None:
    """The first read of a key that knows of a write after the one whose value it found, and that write."""
    reads, writes = rows[found.reads[rows]], rows[found.writes[rows]]
    source = found.writer[reads]
    initially = source == INITIALLY
    first: tuple[int, int] | None = None
    for process in np.unique(lane[writes]).tolist():
        own = writes[lane[writes] == process]  # in order of their numbers
        known = clocks[reads, process] - ((lane[reads] == process) & found.writes[reads])
        at = np.searchsorted(number[own], known, side="right") - 1
        newest = own[np.maximum(at, 0)]
        after = initially | (clocks[newest, lane[source]] >= number[source])
        wrong = np.flatnonzero((at >= 0) & (newest != source) & after)
        if len(wrong):
            pair = (int(reads[wrong[0]]), int(newest[wrong[0]]))
            first = pair if first is None else min(first, pair)
    return first


def _clocks(writer: Column, previous: Column, lane: Column, number: Column, processes: int) -> Column | None:
    """Vector clocks of the causal order, each counting its own operation; None if the order has a cycle.

    An operation follows the one before it in its process and the one whose value it found, so each has a level: one
    more than the levels of these. All operations of a level are computed at once.
    """
    levels = _levels(writer.tolist(), previous.tolist())
    if levels is None:
        return None
    clocks = np.zeros((len(writer) + 1, processes), dtype=np.int64)  # the last row is for what is not there
    level = np.array(levels)
    order = np.argsort(level, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(level[order])) + 1):
        both = np.maximum(clocks[previous[rows]], clocks[np.maximum(writer[rows], -1)])
        both[np.arange(len(rows)), lane[rows]] = number[rows]
        clocks[rows] = both
    return clocks


def _levels(writer: list[int], previous: list[int]) -> list[int] | None:
    """Of each operation, how many must come before it at least; None if some follow each other in a circle."""
    levels = [-1] * len(writer)
    for start in range(len(writer)):
        stack = [start] if levels[start] < 0 else []
        while stack:
            row = stack[-1]
            before = [other for other in (previous[row], writer[row]) if other >= 0]
            open_ = [other for other in before if levels[other] < 0]
            if not open_:
                levels[row] = 1 + max((levels[other] for other in before), default=-1)
                stack.pop()
            elif levels[row] == _ENTERED and any(levels[other] == _ENTERED for other in open_):
                return None
            else:
                levels[row] = _ENTERED
                stack += open_
    return levels


_ENTERED = -2
"""In place of a level: it depends on what is being looked at."""


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
        self.readers: dict[tuple[int, int | None], list[tuple[int, int, int]]] = {}
        """By key and writer: the operations that find the value, each with its lane and its place there."""
        for p, lane in enumerate(self.lanes):
            for place, i in enumerate(lane):
                if self.writer[i] is not None:
                    self.readers.setdefault((self.keys[i], self.writer[i]), []).append((p, place, i))

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
        return all(place < at[p] or j == i for p, place, j in self.readers.get((key, current), ()))
