"""What a run keeps in memory is small, and equal to what happened."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
import trio

from checker.history import Operation
from naysayer.harness.setup import Setup
from naysayer.live import LiveRun
from naysayer.packed import BLOCK, PackedOperations
from naysayer.recorder import Recorder
from tests.benchmarks.live import Instant
from workloads.registry import find

BYTES_EACH_MAX = 60
LONG = 4 * BLOCK + 1
"""One more than blocks that are packed."""


@pytest.mark.slow
def test_a_long_run_keeps_sixty_bytes_for_each_operation() -> None:
    recorder = Recorder(written := Lines())

    def run(operations: int) -> None:
        setup = Setup(5, 1, find("kv").start(), operations=operations, recover=False)
        trio.run(LiveRun(Instant(), setup, recorder).run)

    run(BLOCK)
    tracemalloc.start()
    try:
        run(LONG)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / LONG < BYTES_EACH_MAX
    assert written.count == 2 * (BLOCK + LONG), "the rest of it is on the disk"
    assert sorted(op.index for op in recorder.ended(0)) == list(range(BLOCK + LONG))
    assert len(recorder.history()) == BLOCK + LONG


class Lines:
    """Counts the lines of a history."""

    count = 0

    def write(self, line: bytes) -> None:
        self.count += 1


def test_values_come_back_with_their_types_from_any_place() -> None:
    values = [1, 1.0, True, "1", (1, [2]), [1, (2,)], frozenset({1}), {"a": 1, 2: (3,)}, 2**70, None]
    ops = [
        Operation(number, number, "write", None, values[number % len(values)], None, number, number + 1)
        for number in range(2 * BLOCK + 3)
    ]
    packed = PackedOperations()
    for op in ops:
        packed.append(op)
    assert len(packed) == len(ops)
    for first in (0, 1, BLOCK - 1, BLOCK, BLOCK + 7, 2 * BLOCK, 2 * BLOCK + 2, len(ops)):
        found = list(packed.since(first))
        assert found == ops[first:]
        assert [repr(op.input) for op in found] == [repr(op.input) for op in ops[first:]]
