"""Every stage that decides, forced to decide alone: what brute force must agree with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import structs

from checker import bit_parallel, just_in_time
from checker.budget import Budget, Meter
from checker.counting import Counting
from checker.depth_first import DepthFirst
from checker.history import PENDING, History, Operation
from checker.judging import effective
from checker.model import Inconsistent, Model, State
from checker.models import find
from checker.monitors import MONITORS, repeated_queue
from checker.search import decide
from checker.slots import Slots
from checker.sparse import Sparse
from checker.steps import Refuted, Steps
from checker.streaming import Event, Stream
from checker.verdict import Part
from checker.verify import verify_part
from checker.windows import window
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS, STYLES, history

Answer = tuple[str, list[int]]
"""The outcome, "unknown" where the stage says nothing, and the rows of a witness (valid, if the stage has one)."""
Stage = Callable[[History, Model], Answer]


class Plain(Model):
    """A bundled model as a user would write it: initial and step, nothing declared."""

    operations = frozenset({"any"})

    def __init__(self, model: Model) -> None:
        self.model = model

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"plain {self.model.name}"

    def initial(self) -> State:
        return self.model.initial()

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        return self.model.step(state, op)


def _assuming(part: History, model: Model, judge: Callable[[Slots, Steps, Meter], Answer]) -> Answer:
    steps = Steps(model, assume=True)
    slots = Slots(part.call, part.ret, steps.kinds_of(part))
    while True:
        try:
            return judge(slots, steps, Meter(Budget(steps=None)))
        except Refuted:
            continue


def depth_first(part: History, model: Model) -> Answer:
    def judge(slots: Slots, steps: Steps, meter: Meter) -> Answer:
        search = DepthFirst(slots, steps, meter)
        outcome = "unknown"
        while outcome == "unknown":  # in small portions: it must go on where it stopped
            outcome = search.run(search.configurations + 3)
        return outcome, search.witness() if outcome == "valid" else []

    return _assuming(part, model, judge)


def bit_parallel_alone(part: History, model: Model) -> Answer:
    def judge(slots: Slots, steps: Steps, meter: Meter) -> Answer:
        if bit_parallel.refuted_at(slots, steps, meter) is not None:
            return "invalid", []
        return "unknown" if slots.pending else "valid", []

    return _assuming(part, model, judge)


def sparse_alone(part: History, model: Model) -> Answer:
    def judge(slots: Slots, steps: Steps, meter: Meter) -> Answer:
        search = Sparse(slots, steps, meter)
        refuted_at = None
        while refuted_at is None and search.number < len(slots.returns):  # in small portions, as above
            before = search.used
            refuted_at = search.run(before + 1)
            if search.used == before:
                return "unknown", []  # it has given up
        return "invalid" if refuted_at is not None else "unknown" if slots.pending else "valid", []

    return _assuming(part, model, judge)


def counting_alone(part: History, model: Model) -> Answer:
    def judge(slots: Slots, steps: Steps, meter: Meter) -> Answer:
        search = Counting(slots, steps, meter)
        outcome, before = "unknown", -1
        while outcome == "unknown" and search.used != before:  # in small portions, as above
            before = search.used
            outcome = search.run(before + 1)
        return outcome, search.witness() if outcome == "valid" else []

    return _assuming(part, model, judge)


def just_in_time_alone(part: History, model: Model) -> Answer:
    decision = just_in_time.decide(part, model, Meter(Budget(steps=None)))
    return decision.outcome, [] if decision.witness is None else list(decision.witness)


def all_rounds(part: History, model: Model) -> Answer:
    decision = decide(part, model, Budget())
    return decision.outcome, [] if decision.witness is None else list(decision.witness)


def frontiers(part: History, model: Model) -> Answer:
    decision = repeated_queue.decide(part, Budget())
    if decision is None:
        return "invalid", []  # small ones are left to the search
    return decision.outcome, [] if decision.witness is None else list(decision.witness)


def monitored(part: History, model: Model) -> Answer:
    monitor = None if isinstance(model, Plain) else MONITORS.get(model.name)
    decision = None if monitor is None else monitor(part, Budget(), model)
    if decision is None:
        return "unknown", []
    return decision.outcome, [] if decision.witness is None else list(decision.witness)


def windowed(part: History, model: Model) -> Answer:
    """A window as of a long history; what the verifier rejects is not used."""
    whole = decide(part, model, Budget())
    few = window(part, whole, model, Budget()) if whole.outcome == "invalid" else None
    if few is None:
        return "unknown", []
    rows = tuple(part[row] for row in few.rows)
    claim = Part(None, "invalid", "search", len(part), counterexample=rows, since=few.since, starts=few.starts)
    return UNPROVED if verify_part(part, model, claim) else "invalid", []


def streamed(part: History, model: Model) -> Answer:
    """Event by event, with only what has ended known."""
    if isinstance(model, Plain):
        return "unknown", []  # it names no operations
    stream = Stream(model, budget=Budget(steps=None))
    ends = [(op.ret, 1, op) for op in part if not op.pending]
    for time, ended, op in sorted([(op.call, 0, op) for op in part] + ends, key=lambda event: event[:2]):
        value = op.output if ended else op.input
        stream.feed(Event(op.status if ended else "invoke", op.index, op.f, op.key, value, time))
    stream.flush()
    return stream.outcome, []


STAGES: dict[str, Stage] = {
    "depth-first": depth_first,
    "bit-parallel": bit_parallel_alone,
    "sparse": sparse_alone,
    "counting": counting_alone,
    "just-in-time": just_in_time_alone,
    "all rounds": all_rounds,
}
"""Those of the search."""

EVERY_STAGE: dict[str, Stage] = {**STAGES, "monitor": monitored, "window": windowed, "stream": streamed}

UNPROVED = "unproved"
"""Of a window that the verifier does not confirm: check() then looks for another counterexample."""

WITHOUT_WITNESS = ("bit-parallel", "sparse", "stream")


def crowded(
    rng: Random, f: Callable[[Random, int, Any, bool], tuple[str, Any, Any, Any]], state: Any
) -> list[Operation]:
    """A few operations on few values at few times, with a lie now and then: many equal times, many orders."""
    raw = []
    latest = rng.choice([5, 8, 14])
    for _ in range(rng.randrange(2, 9)):
        call = rng.randrange(latest)
        ret = call + rng.randrange(1, max(2, latest // 2))
        raw.append((rng.uniform(call, ret), call, ret))
    values = rng.choice([2, 2, 3, 5])
    ops = []
    for i, (_, call, ret) in enumerate(sorted(raw)):
        pending = rng.random() < 0.2
        name, given, output, after = f(rng, values, state, rng.random() < 0.1)
        state = state if pending and rng.random() < 0.5 else after
        ops.append(
            Operation(i, i, name, None, given, None, call, PENDING, "info")
            if pending
            else Operation(i, i, name, None, given, output, call, ret)
        )
    return ops


def _cas(rng: Random, values: int, held: Any, lie: bool) -> tuple[str, Any, Any, Any]:
    kind = rng.random()
    if kind < 0.33:
        return "read", None, rng.choice([None, *range(values)]) if lie else held, held
    if kind < 0.6:
        value = rng.randrange(values)
        return "write", value, None, value
    given = (held if held is not None and rng.random() < 0.5 else rng.randrange(values), rng.randrange(values))
    done = held is not None and held == given[0]
    return "cas", given, done != lie, given[1] if done else held


def _queue(rng: Random, values: int, held: Any, lie: bool) -> tuple[str, Any, Any, Any]:
    if rng.random() < 0.5:
        value = rng.randrange(values)
        return "enqueue", value, None, (*held, value)
    first = rng.choice([None, *range(values)]) if lie else held[0] if held else None
    return "dequeue", None, first, held[1:]


def _append(rng: Random, values: int, held: Any, lie: bool) -> tuple[str, Any, Any, Any]:
    kind, text = rng.random(), rng.choice("abc")
    if kind < 0.4:
        return "read", None, rng.choice([None, "a", "b", "ab", "ba", "aa"]) if lie else held or None, held
    return ("append", text, None, held + text) if kind < 0.7 else ("write", text, None, text)


CROWDED: dict[str, tuple[Callable[[Random, int, Any, bool], tuple[str, Any, Any, Any]], Any]] = {
    "cas-register": (_cas, None),
    "queue": (_queue, ()),
    "kv-append": (_append, ""),
}


def drawn(name: str, number: int, seed: str) -> list[Operation]:
    """The history of that number for a model: half of them crowded, where the model has such."""
    rng = Random(f"{name} {seed} {number}")
    if name in CROWDED and number % 2:
        f, state = CROWDED[name]
        return crowded(rng, f, state)
    return history(AUTHORS[name], rng, STYLES[number % len(STYLES)], rng.randint(1, 8))


def disagreements(
    name: str, count: int, seed: str, stages: dict[str, Stage] = STAGES
) -> tuple[Counter[str], list[str]]:
    """How often each stage decided what, and what brute force or the verifier has against it."""
    bundled = find(name)
    decided: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(count):
        wrong += against_brute_force(drawn(name, number, seed), bundled, number % 3 == 2, stages, decided)
    return decided, wrong


def against_brute_force(
    ops: list[Operation], bundled: Model, plain: bool, stages: dict[str, Stage], decided: Counter[str]
) -> list[str]:
    """Has every stage decide one history; counts what they say, and returns what is wrong with that."""
    model = Plain(bundled) if plain else bundled
    part = effective(History.of(ops), model)
    if not plain:
        part = History.of(model.canonicalised(list(part)))
    expected = "valid" if linearizable(bundled, list(part)) else "invalid"
    more = {"frontiers": frontiers} if bundled.name == "queue" else {}
    wrong = []
    for stage, judge in {**stages, **more}.items():
        outcome, rows = judge(part, model)
        decided[f"{stage}: {outcome}"] += 1
        if outcome not in (expected, "unknown", UNPROVED):
            wrong.append(f"{bundled.name}: {stage} says {outcome}, brute force {expected}\n{_lines(part)}")
        elif outcome == "valid" and stage not in WITHOUT_WITNESS:
            claim = Part(None, "valid", "search", len(part), witness=[int(part.index[row]) for row in rows])
            objection = verify_part(part, bundled, claim)
            if objection:
                wrong.append(f"{bundled.name}: {stage}: {objection}\n{_lines(part)}")
    return wrong


def _lines(part: History) -> str:
    return "\n".join(f"    {structs.asdict(op)}" for op in part)
