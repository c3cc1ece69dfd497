"""The judge of transactions against its dumb twin, at every level, on random small histories."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from checker.history import History
from checker.transactions.judged import judge
from checker.transactions.levels import DECIDES, LEVELS
from checker.transactions.table import DATA
from tests.checker.transactions.brute import holds
from tests.checker.transactions.executions import execution

pytestmark = pytest.mark.slow

JUDGED = [name for name in LEVELS if name != "read-uncommitted"]
WRITES = [("txn-list-append", "append"), ("txn-rw-register", "w"), ("txn-set", "add"), ("txn-counter", "inc")]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("model", "write"), WRITES)
def test_every_level_holds_if_and_only_if_some_execution_explains_the_history(
    model: str, write: str, seed: int
) -> None:
    random = Random(f"{model} {seed}")
    outcomes: Counter[tuple[str, bool]] = Counter()
    for _ in range(60):
        ops = execution(random, write, random.randint(2, 4))
        verdict = judge(History.of(ops), model, "serializable")
        for rung in verdict.ladder:
            if rung.name in JUDGED and any(op.status == "ok" for op in ops):
                assert rung.holds == holds(ops, rung.name), (rung, ops)
                outcomes[rung.name, bool(rung.holds)] += 1
    judged = DECIDES[DATA[model]].intersection(JUDGED)
    assert all(outcomes[name, held] > 0 for name in judged for held in (True, False)), outcomes
