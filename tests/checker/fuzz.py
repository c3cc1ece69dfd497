"""`make fuzz`: compares every verdict on many small random histories with brute force, and verifies every proof.

Each history is judged as a whole, most of them as a file that is read again (JSON lines in both forms, EDN as Jepsen
prints it), and then by every stage alone.

python -m tests.checker.fuzz [--model M] [--count N] [--seed S]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from checker import bit_parallel, counting, possible, sparse
from checker.check import check
from checker.errors import HistoryError
from checker.formats import read
from checker.history import History, Operation
from checker.model import Model
from checker.models import find
from checker.verify import verify
from tests.checker.author import Author
from tests.checker.authors import added_once
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS, STYLES, history
from tests.checker.locks import lock_history
from tests.checker.stages import CROWDED, EVERY_STAGE, against_brute_force, crowded
from tests.checker.written import FORMS, NOT_IN_EDN

SIZE_MAX = 9
DISAGREEMENTS_SHOWN = 3

STATES_MAX = 30
"""States at one instant before a stage gives up on pending appends: a few operations seldom have as many otherwise."""


def _set_history(rng: Random, style: str, size: int) -> list[Operation]:
    fs = ("add", "add", "remove", "contains", *rng.choice(((), ("read",), ("read", "read", "remove"))))
    return history(added_once(*fs), rng, style, size)


def _crowded(name: str) -> Callable[[Random, str, int], list[Operation]]:
    f, state = CROWDED[name]
    return lambda rng, style, size: crowded(rng, f, state)


OTHER_HISTORIES: dict[str, Callable[[Random, str, int], list[Operation]]] = {
    "mutex": lock_history,  # authors know no tokens
    "set": _set_history,  # elements that are mostly added once
    **{name: _crowded(name) for name in CROWDED},  # few values, many equal times, subtle lies
}
"""Half of the histories of these models come from here."""

WAYS = (None, *FORMS)
"""How a history reaches the checker: as it is, or as a file."""


def expected_outcome(model: Model, ops: list[Operation]) -> str:
    """What brute force says; unknown where no operation succeeded, for then nothing was seen."""
    if not any(op.status == "ok" for op in ops):
        return "unknown"
    return "valid" if linearizable(model, ops) else "invalid"


def again(ops: list[Operation], way: str | None, model: Model, rng: Random, folder: Path) -> History:
    """The history, as a reader finds it in a file of this form."""
    if way is None or not ops or (way == "edn" and model.name in NOT_IN_EDN):
        return History.of(ops)
    path = folder / f"{model.name}.{way}"
    content, keys = FORMS[way](ops, rng)
    path.write_bytes(content)
    return read(path, format=way, model=model.name, keys=keys).history


def disagreement(model: Model, ops: list[Operation], whole: History | None = None) -> tuple[str, str | None]:
    """How check() decided a history (`whole`: as it was read), and what is wrong with that; None if nothing is."""
    expected = expected_outcome(model, ops)
    whole = History.of(ops) if whole is None else whole
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
    staged: Counter[str] = Counter()
    wrong = 0
    with TemporaryDirectory() as folder:
        for number in range(count):
            rng = Random(f"{name} {seed} {number}")
            style, size = STYLES[number % len(STYLES)], rng.randint(1, SIZE_MAX)
            other = OTHER_HISTORIES.get(name) if number % 2 else None
            ops = other(rng, style, size) if other else history(AUTHORS[name], rng, style, size)
            way = rng.choice(WAYS)
            try:
                whole = again(ops, way, model, rng, Path(folder))
                how, problem = disagreement(model, ops, whole)
            except HistoryError as error:
                how, problem = "refused", str(error)
            decided[how] += 1
            problems = [] if problem is None else [f"as {way}: {problem}"]
            problems += against_brute_force(ops, model, rng.random() < 0.25, EVERY_STAGE, staged)
            wrong += len(problems)
            if problems and wrong <= DISAGREEMENTS_SHOWN:
                print(f"  {name} #{number}: {problems[0]}", *ops, sep="\n    ")  # noqa: T201
    seconds = time.perf_counter() - started
    for counter in (decided, staged):
        print(f"  {name}: {', '.join(f'{n:,} {how}' for how, n in sorted(counter.items()))}")  # noqa: T201
    print(f"{name}: {count:,} histories, {wrong} disagreements, {seconds:.0f} s", flush=True)  # noqa: T201
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares every verdict on small random histories with brute force.")
    parser.add_argument("--model", action="append", choices=sorted(AUTHORS), help="default: all")
    parser.add_argument("--count", type=int, default=200_000, help="histories per model")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for stage in (bit_parallel, sparse, counting, possible):
        stage.STATES_MAX = STATES_MAX  # type: ignore[attr-defined]
    wrong = sum(fuzz(name, arguments.count, arguments.seed) for name in arguments.model or AUTHORS)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
