"""Each rung of the ladder must say what its definition says, tried by exhaustion on small histories."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from random import Random
from typing import Any

import pytest
from msgspec import structs

from checker.history import History, Operation
from checker.ladder import ladder
from checker.verdict import Rung
from tests.checker.register_histories import random_register
from tests.checker.test_explain import history
from tests.checker.test_zones import possible

Legal = Callable[[Any, Operation], list[Hashable]]


def exists(ops: list[Operation], before: Callable[[Operation, Operation], bool], start: Hashable, legal: Legal) -> bool:
    """Some order of all ok and some pending operations respects `before` and is legal."""
    seen = set()

    def search(left: frozenset[int], state: Hashable) -> bool:
        if all(ops[i].pending for i in left):
            return True
        if (left, state) in seen:
            return False
        seen.add((left, state))
        for i in sorted(left):
            if any(before(ops[j], ops[i]) for j in left if j != i):
                continue
            if any(search(left - {i}, after) for after in legal(state, ops[i])):
                return True
        return False

    return search(frozenset(range(len(ops))), start)


def two_values(state: Any, op: Operation) -> list[Hashable]:
    """A register whose reads may return the value before the last."""
    current, previous = state
    if op.f == "read":
        return [state] if op.output in (current, previous) else []
    return [(op.input, current)]


def one_value(state: Any, op: Operation) -> list[Hashable]:
    if op.f == "read":
        return [state] if op.output == state else []
    return [op.input]


def real_time(a: Operation, b: Operation) -> bool:
    return a.ret < b.call


def program(a: Operation, b: Operation) -> bool:
    return a.process == b.process and a.index < b.index


def moved(ops: list[Operation], delay: int) -> list[Operation]:
    return [structs.replace(op, call=op.call - delay) if op.f == "read" else op for op in ops]


def regular_by_definition(ops: list[Operation], read: Operation) -> bool:
    writes = [op for op in ops if op.f == "write"]
    if read.output is None:
        return not any(write.ret < read.call for write in writes)
    source = next((write for write in writes if write.input == read.output), None)
    if source is None or source.call > read.ret:
        return False
    return not any(source.ret < write.call and write.ret < read.call for write in writes)


def some_history(seed: int) -> list[Operation]:
    """A register history without cas, in which a few processes share the operations without overlap."""
    rng = Random(seed)
    ops = random_register(rng, rng.choice((5, 7)), cas=False)
    busy: dict[int, int] = {}
    shared = []
    for op in ops:
        free = [p for p in range(2 * len(ops)) if busy.get(p, -1) < op.call]
        process = rng.choice(free[:2])
        busy[process] = op.ret
        shared.append(structs.replace(op, process=process))
    return shared


def rungs_of(ops: list[Operation]) -> dict[str, Rung]:
    return {rung.name: rung for rung in ladder(History.of(ops))}


def half(ops: list[Operation]) -> int:
    """Half of the time from the first call to the last event of what may have happened."""
    seen = [op for op in ops if op.status != "fail" and not (op.f == "read" and op.pending)]
    last = max(op.call if op.pending else op.ret for op in seen) if seen else 0
    return (last - min(op.call for op in seen)) // 2 if seen else 0


@pytest.mark.slow
def test_the_rungs_say_what_their_definitions_say_on_small_histories() -> None:
    held: dict[str, int] = {}
    for seed in range(1200):
        ops = some_history(seed)
        rungs = rungs_of(ops)
        reads = [op for op in ops if op.f == "read" and not op.pending]
        assert rungs["2-atomic"].holds == exists(ops, real_time, (None, None), two_values), ops
        assert rungs["sequential"].holds == exists(ops, program, None, one_value), ops
        assert rungs["regular register"].holds == all(regular_by_definition(ops, read) for read in reads), ops
        bound = half(ops)
        delays = [delay for delay in range(60) if delay <= bound and possible(moved(ops, delay))]
        assert rungs["staleness"].holds == bool(delays), ops
        if delays:
            said = f"stale by ≤ {delays[0]} ns" if delays[0] else "never stale"
            assert rungs["staleness"].detail == said, ops
        for name, rung in rungs.items():
            held[name] = held.get(name, 0) + bool(rung.holds)
    assert all(300 < count < 1195 for count in held.values()), held


@pytest.mark.slow
def test_stronger_rungs_imply_weaker_ones() -> None:
    for seed in range(2000, 4000):
        ops = some_history(seed)
        holds = {name: rung.holds for name, rung in rungs_of(ops).items()}
        assert not holds["regular register"] or holds["safe register"], ops
        assert not holds["sequential"] or holds["causal"], ops
        if possible(ops):
            assert all(holds.values()), (holds, ops)


def named(rungs: tuple[Rung, ...]) -> dict[str, Rung]:
    return {rung.name: rung for rung in rungs}


def test_the_history_of_the_report_is_regular_but_not_monotonic() -> None:
    rungs = named(
        ladder(
            history(
                (0, 10, "write", 0, None, "p0"),
                (2100, None, "write", 1, None, "p0"),
                (2110, 2140, "read", None, 1, "p1"),
                (2178, 2200, "read", None, 0, "p2"),
            )
        )
    )
    assert rungs["regular register"].holds
    assert rungs["monotonic reads"] == Rung("monotonic reads", False, "#4 returned an older value")
    assert rungs["staleness"].detail == "stale by ≤ 38 ms"
    assert rungs["sequential"].holds


def test_a_value_from_nowhere_or_from_the_future_is_not_called_old() -> None:
    phantom = named(ladder(history((0, 1, "write", 1, None), (2, 3, "read", None, 7))))
    early = named(ladder(history((0, 1, "read", None, 1), (2, 3, "write", 1, None))))
    for rung in ("regular register", "safe register"):
        assert phantom[rung] == Rung(rung, False, "#2 returned a value that no operation wrote")
        assert early[rung] == Rung(rung, False, "#1 returned a value before its write began")


def test_a_process_that_misses_its_own_write_is_named() -> None:
    rows = [(0, 1, "write", 1, None, "p"), (2, 3, "write", 2, None, "p"), (4, 5, "read", None, 1, "p")]
    rungs = named(ladder(history(*rows)))
    assert rungs["read your writes"] == Rung("read your writes", False, "#3 missed its own write")
    assert rungs["causal"].holds is False
    assert rungs["sequential"].holds is False
    elsewhere = [(*row[:5], "q" if row[2] == "read" else "p") for row in rows]
    rungs = named(ladder(history(*elsewhere)))
    assert rungs["read your writes"].holds
    assert rungs["causal"].holds


def test_causality_reaches_across_keys_and_processes() -> None:
    def op(index: int, process: str, f: str, key: str, given: Any, got: Any) -> Operation:
        return Operation(index, process, f, key, given, got, index * 10, index * 10 + 5)

    ops = [
        op(1, "p", "write", "x", 1, None),
        op(2, "p", "write", "x", 2, None),
        op(3, "p", "write", "y", 1, None),
        op(4, "q", "read", "y", None, 1),
        op(5, "q", "read", "x", None, 1),
    ]
    rungs = named(ladder(History.of(ops)))
    assert rungs["causal"] == Rung("causal", False, "#5 depends on #2, which is newer than what it found")
    unheard = named(ladder(History.of([*ops[:3], ops[4]])))
    assert unheard["causal"].holds
    replaced = [
        op(1, "p", "write", "x", 1, None),
        op(2, "q", "read", "x", None, 1),
        op(3, "q", "write", "x", 2, None),
        op(4, "r", "read", "x", None, 2),
        op(5, "r", "read", "x", None, 1),
    ]
    assert named(ladder(History.of(replaced)))["causal"].detail.startswith("#5 depends on #3")


@pytest.mark.parametrize("delay_helps", [True, False])
def test_staleness_is_unbounded_where_no_delay_helps(delay_helps: bool) -> None:
    first = (0, 1, "write", 1, None) if delay_helps else (8, 9, "write", 1, None)
    rung = named(ladder(history(first, (4, 5, "read", None, 1), (2, 3, "write", 2, None))))["staleness"]
    assert rung.holds is delay_helps


def test_a_delay_of_most_of_the_record_is_no_bound_on_staleness() -> None:
    lost = [(0, 1, "write", 1, None), (2, 3, "write", 2, None), *((t, t + 1, "read", None, 1) for t in range(4, 24, 2))]
    rung = named(ladder(history(*lost)))["staleness"]
    assert rung.holds is False
    assert rung.detail == "reads would be stale by more than 11.5 ms, half of the record"


def test_repeated_values_decide_nothing_and_say_so() -> None:
    rungs = ladder(history((0, 1, "write", 1, None), (2, 3, "write", 1, None), (4, 5, "read", None, 1)))
    assert rungs
    assert all(rung.holds is None and "not unique" in rung.detail for rung in rungs)


def test_other_types_have_no_ladder() -> None:
    assert ladder(history((0, 1, "enqueue", 1, None))) == ()


def test_what_would_take_longer_than_reading_is_not_computed_and_says_so() -> None:
    """A process for each operation, as where clients crash again and again."""
    count = 2000
    ops = [Operation(i, i, "write", "x", i, None, 10 * i, 10 * i + 5) for i in range(count)]
    stale = Operation(count, count, "read", "x", None, 1, 10 * count, 10 * count + 5)
    rungs = named(ladder(History.of([*ops, stale])))
    assert rungs["causal"].detail == (
        "not computed: for 2,001 operations by 2,001 processes it would take longer than reading them"
    )
    assert rungs["sequential"].detail == "not decided: more than 400 operations"
    assert rungs["regular register"].holds is False
