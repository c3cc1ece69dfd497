"""`make fuzz`: compares every verdict on many small random histories with brute force, and verifies every proof.

python -m tests.checker.fuzz [--model M] [--count N] [--seed S]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from checker.check import check
from checker.history import History, Operation
from checker.model import Model
from checker.models import find
from checker.verify import verify
from tests.checker.author import Author
from tests.checker.authors import added_once
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS, STYLES, history
from tests.checker.locks import lock_history

SIZE_MAX = 9
DISAGREEMENTS_SHOWN = 3


def _set_history(rng: Random, style: str, size: int) -> list[Operation]:
    fs = ("add", "add", "remove", "contains", *rng.choice(((), ("read",), ("read", "read", "remove"))))
    return history(added_once(*fs), rng, style, size)


OTHER_HISTORIES: dict[str, Callable[[Random, str, int], list[Operation]]] = {
    "mutex": lock_history,  # authors know no tokens
    "set": _set_history,  # elements that are mostly added once
}
"""Half of the histories of these models come from here."""


def expected_outcome(model: Model, ops: list[Operation]) -> str:
    """What brute force says; unknown where no operation succeeded, for then nothing was seen."""
    if not any(op.status == "ok" for op in ops):
        return "unknown"
    return "valid" if linearizable(model, ops) else "invalid"


def disagreement(model: Model, ops: list[Operation]) -> tuple[str, str | None]:
    """How check() decided a history, and what is wrong with that; None if nothing is."""
    expected = expected_outcome(model, ops)
    whole = History.of(ops)
    verdict = check(whole, model)
    decided = f"{verdict.outcome} by {verdict.method}"
    if verdict.outcome != expected:
        reason = verdict.worst.reason if verdict.worst else None
        return decided, f"brute force says {expected}, check says {decided} {reason or ''}"
    objections = verify(whole, model, verdict)
    if objections:
        return decided, f"{decided}, but {objections[0]}"
    if verdict.outcome == "invalid" and verdict.worst is not None and verdict.worst.explanation is None:
        return decided, f"{decided}, but without an explanation"
    return decided, None


def agreed(name: str, author: Author, count: int, seed: str) -> Counter[str]:
    """How check() decided so many histories of an author; each must be what brute force says, and proved."""
    model = find(name)
    decided: Counter[str] = Counter()
    for number in range(count):
        rng = Random(f"{seed} {number}")
        ops = history(author, rng, STYLES[number % len(STYLES)], rng.randint(1, SIZE_MAX))
        how, problem = disagreement(model, ops)
        decided[how] += 1
        assert problem is None, ops
    return decided


def fuzz(name: str, count: int, seed: int) -> int:
    """Judges `count` histories of a model; prints counts and the first disagreements, and returns their number."""
    started = time.perf_counter()
    model = find(name)
    decided: Counter[str] = Counter()
    wrong = 0
    for number in range(count):
        rng = Random(f"{name} {seed} {number}")
        style, size = STYLES[number % len(STYLES)], rng.randint(1, SIZE_MAX)
        other = OTHER_HISTORIES.get(name) if number % 2 else None
        ops = other(rng, style, size) if other else history(AUTHORS[name], rng, style, size)
        how, problem = disagreement(model, ops)
        decided[how] += 1
        if problem is not None:
            wrong += 1
            if wrong <= DISAGREEMENTS_SHOWN:
                print(f"  {name} #{number}: {problem}", *ops, sep="\n    ")  # noqa: T201
    seconds = time.perf_counter() - started
    counts = ", ".join(f"{n:,} {how}" for how, n in sorted(decided.items()))
    print(f"{name}: {count:,} histories, {wrong} disagreements, {seconds:.0f} s ({counts})", flush=True)  # noqa: T201
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares every verdict on small random histories with brute force.")
    parser.add_argument("--model", action="append", choices=sorted(AUTHORS), help="default: all")
    parser.add_argument("--count", type=int, default=200_000, help="histories per model")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    wrong = sum(fuzz(name, arguments.count, arguments.seed) for name in arguments.model or AUTHORS)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
