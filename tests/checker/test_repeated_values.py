"""Histories of some length in which values repeat: what stages and monitors make of them, in counted steps."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from checker import Inconsistent, Model, check
from checker.budget import Budget
from checker.history import History, Operation
from checker.model import State
from checker.models import find
from checker.verify import verify

NO_LIE: Any = object()


def crowd(kind: str, clients: int, count: int, *, late: Any = NO_LIE, seed: int = 1) -> list[Operation]:
    """A legal history on values 0..4 by so many clients; with `late`, a take or read near its end returns that."""
    rng = Random(f"{kind} {clients} {count} {seed}")
    free = [0.0] * clients
    spans = []
    for _ in range(count):
        client = min(range(clients), key=free.__getitem__)
        call = free[client]
        ret = call + 0.5 + rng.expovariate(1) * 10
        free[client] = ret + rng.expovariate(1) * 3
        spans.append((rng.uniform(call, ret), client, int(call * 1000), int(ret * 1000)))
    done: list[Operation] = []
    held: Any = () if kind == "queue" else "" if kind == "kv-append" else None
    for _, client, call, ret in sorted(spans):
        f, given, output, held = _executed(kind, rng, held)
        done.append(Operation(len(done), client, f, "k" if kind == "kv-append" else None, given, output, call, ret))
    if late is not NO_LIE:
        at = max(
            i for i, op in enumerate(done[: count * 97 // 100]) if op.f in ("read", "dequeue") and op.output is not None
        )
        done[at] = Operation(at, done[at].process, done[at].f, done[at].key, None, late, done[at].call, done[at].ret)
    return done


def _executed(kind: str, rng: Random, held: Any) -> tuple[str, Any, Any, Any]:
    value, chance = rng.randrange(5), rng.random()
    if kind == "queue":
        if chance < 0.5:
            return "enqueue", value, None, (*held, value)
        return "dequeue", None, held[0] if held else None, held[1:]
    if kind == "kv-append":
        text = f"{value if chance < 0.02 else rng.randrange(10**9)} "
        return ("append", text, None, held + text) if chance < 0.5 else ("read", None, held, held)
    if chance < 1 / 3:
        return "read", None, held, held
    if chance < 2 / 3:
        return "write", value, None, value
    given = (value, rng.randrange(5))
    return "cas", given, held == given[0], given[1] if held == given[0] else held


class Mine(Model):
    """A cas register as a user writes it: nothing but initial and step."""

    name = "mine"
    operations = frozenset({"read", "write", "cas"})

    def initial(self) -> State:
        return None

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        if op.f == "write":
            return op.input  # type: ignore[no-any-return]
        if op.f == "read":
            return state if op.pending or op.output == state else Inconsistent("read another value")
        old, new = op.input
        if not op.pending and (state == old) != op.output:
            return Inconsistent("cas ended otherwise")
        return new if state == old else state


@pytest.mark.parametrize("model", ["cas-register", Mine])
def test_an_easy_order_is_found_in_few_configurations(model: str | type[Model]) -> None:
    verdict = check(crowd("cas-register", 20, 600), model, budget=Budget(steps=10_000))
    assert verdict.outcome == "valid"
    assert verdict.parts[0].steps < 4_000


@pytest.mark.parametrize("model", ["cas-register", Mine])
def test_a_late_lie_is_refuted_by_a_few_operations(model: str | type[Model]) -> None:
    ops = crowd("cas-register", 8, 400, late=None)
    verdict = check(ops, model, budget=Budget(steps=100_000))
    assert verdict.outcome == "invalid"
    assert verdict.worst is not None
    assert len(verdict.worst.counterexample) <= 30
    assert verify(History.of(ops), find(model) if isinstance(model, str) else model(), verdict) == []


def test_one_repeated_text_does_not_make_a_key_expensive() -> None:
    verdict = check(crowd("kv-append", 20, 400), "kv-append", budget=Budget(steps=20_000))
    assert (verdict.outcome, verdict.method) == ("valid", "search")
    assert verdict.parts[0].steps < 2_000
    ops = crowd("kv-append", 8, 60, late="1 2 ")
    verdict = check(ops, "kv-append", budget=Budget(steps=20_000))
    assert verdict.outcome == "invalid"
    assert verify(History.of(ops), find("kv-append"), verdict) == []


@pytest.mark.slow
def test_a_queue_with_repeated_values_is_judged_by_frontiers() -> None:
    verdict = check(crowd("queue", 10, 400), "queue")
    assert (verdict.outcome, verdict.method) == ("valid", "frontiers")
    assert verdict.parts[0].steps < 1_000
    verdict = check(crowd("queue", 5, 400, late=9), "queue")
    assert (verdict.outcome, verdict.method) == ("invalid", "frontiers")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert "(dequeue → 9) fits nowhere" in verdict.worst.explanation.sentence
