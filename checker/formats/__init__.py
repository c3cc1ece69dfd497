"""Histories that others recorded, read into columns.

    recording = read("history.jsonl")        # format and model are detected, and named in the result
    verdict = check(recording.history, recording.model)

Formats: JSON lines of operations or of events, Jepsen's EDN, JSON, history.txt and console logs, key-value logs; plain
or gzip; or the folder of a run, with one of them in it.
What cannot be read, or makes no sense, is a HistoryError with file and line, never a verdict.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from checker import transactions
from checker.errors import unknown_name
from checker.formats import (
    console,
    drain,
    edn,
    jepsen_json,
    jsonl_events,
    jsonl_operations,
    kv_log,
    micro_operations,
    read_inputs,
    sessions,
)
from checker.formats.columns import Clock, Loaded, Span
from checker.formats.detection import detect_format, detect_model
from checker.formats.keys import Keys, split
from checker.formats.one_value import inputs_and_outputs
from checker.formats.shapes import SETS_READ, sets_as_lists, validate_shapes
from checker.formats.source import Source
from checker.formats.store import locate
from checker.formats.vocabulary import ALIASES, OPERATIONS, PROMISES, TRANSACTIONS
from checker.history import Column, History, distinct
from checker.model import Model
from checker.transactions import levels as isolation

__all__ = ["FORMATS", "SUMMARIES", "Recording", "read"]

FORMATS: dict[str, Callable[[Source], Loaded]] = {
    jsonl_events.NAME: jsonl_events.load,
    jsonl_operations.NAME: jsonl_operations.load,
    edn.NAME: edn.load,
    jepsen_json.NAME: jepsen_json.load,
    console.HISTORY_TXT: console.load_history_txt,
    console.NAME: console.load,
    kv_log.NAME: kv_log.load,
    sessions.PLUME: sessions.load_plume,
    sessions.AWDIT: sessions.load_awdit,
    sessions.DBCOP: sessions.load_dbcop,
}
"""The readers by the names that `read(format=...)` takes and reports show."""

UNORDERED = "judged as a first-in, first-out queue; if the queue promises no order, use --model unordered-queue"

SUMMARIES: dict[str, str] = {
    jsonl_events.NAME: 'one event per line: {"type":"invoke","process":0,"f":"write","key":"x","input":1,"time":5}',
    jsonl_operations.NAME: 'one operation per line: {"client":0,"call":5,"return":9,"op":"read","output":1}',
    edn.NAME: "EDN of Jepsen, Knossos, Elle or TickLoom: {:process 0, :type :ok, :f :read, :value 1}",
    jepsen_json.NAME: 'Jepsen\'s events in JSON, as for elle-cli: {"process":0,"type":"ok","f":"read","value":1}',
    console.HISTORY_TXT: "Jepsen's history.txt: 0 :ok :read 1",
    console.NAME: "a console log of Jepsen: INFO jepsen.util - 0 :ok :read 1",
    kv_log.NAME: 'a key-value log: {:process 0, :type :ok, :f :get, :key "7", :value "x"}',
    sessions.PLUME: "text of PolySI and Plume: r(key,value,session,transaction)",
    sessions.AWDIT: "text of AWDIT's tests: w 1 2, with ----- between transactions and ===== between sessions",
    sessions.DBCOP: 'JSON of dbcop: {"data": [[{"events": [{"write": true, "variable": 1, "value": 2}]}]]}',
}
"""The formats in a line each."""

_OPERATIONS_TOLD = 12
"""Up to so many names an error lists what is accepted."""

KEPT_FROM = 50_000
"""A history of more operations is never visited by the garbage collector, as it takes as long as reading it."""

ONE_OBJECT = frozenset({"broadcast", "g-set", "g-counter", "pn-counter"})
"""Promises that are judged over the whole history, whatever its keys."""


@dataclass(frozen=True)
class Recording:
    """A history that was read, and what was found out about its file."""

    history: History
    format: str
    model: str
    """The name of the model that was asked for, or that the operations belong to."""
    source: str
    lines: Column
    """Row by row, the line of the operation's call."""
    clock: Clock
    """"ns", or "order" where the format has no times and the order of events took their place."""
    keys: str | None = None
    """How keys were read, where that is not obvious."""
    level: str | None = None
    """The level of isolation that was asked for in place of a model."""
    faults: tuple[Span, ...] = ()
    """The faults that the record shows, on the history's clock."""


def read(
    path: str | Path,
    *,
    format: str | None = None,
    model: str | Model | type[Model] | None = None,
    keys: Keys | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Recording:
    """Reads a history: a file, or the folder of a run. `format` (a name in FORMATS) and `model` are detected unless
    given; a level of isolation in place of a model asks for transactions.

    `keys`: "tuple" where values are [key value], "field" where events name their key, "none" for one object.
    `progress` is called now and then with the number of bytes that were read, and of all.

    Raises HistoryError (with the line) for what is no history or does not show its keys, UsageError where the model is
    not clear or unknown.
    """
    if format is not None and format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    level = isolation.ALIASES.get(model, model) if isinstance(model, str) else None
    level = level if level in isolation.LEVELS else None
    model = None if level is not None else model
    known = None if model is None else _operations(model)
    aliases = TRANSACTIONS if model == "multi-register" else ALIASES
    source = Source(locate(Path(path)), {f: name for f, name in aliases.items() if known is None or f not in known})
    with _no_garbage_collection():
        name = format or detect_format(source)
        source.progress = progress
        loaded = FORMATS[name](source)
        if len(loaded.history) > KEPT_FROM:
            gc.freeze()  # and later on the collector leaves them alone too
    if model is None or isinstance(model, str):
        micro_operations.as_transactions(loaded)
    known = known or OPERATIONS
    _validate_operations(loaded, source, known | {drain.NAME} if "dequeue" in known else known)
    how = split(loaded, source, keys)
    if loaded.one_value:
        inputs_and_outputs(loaded, source)
    if model is None:
        model = detect_model(loaded.history, source)
        if level is not None and model not in transactions.MODELS:
            raise source.error(f"has operations of a {model}, but {level} is a level of isolation for transactions")
        if model == "queue":
            loaded.history.notes += (UNORDERED,)
    if isinstance(model, str):
        _fit(loaded, model, source, keys)
    own = not isinstance(model, str) and drain.NAME in model.operations  # a model of the user's that knows drains
    model = model if isinstance(model, str) else model.name
    loaded = loaded if own else drain.expanded(loaded, source, in_order=model != "unordered-queue")
    validate_shapes(loaded, model, source)
    loaded.history.notes = (*source.notes, *loaded.history.notes)
    return Recording(
        history=loaded.history,
        format=name,
        model=model,
        source=source.name,
        lines=loaded.lines,
        clock=loaded.clock,
        keys=how,
        level=level,
        faults=loaded.faults,
    )


def _fit(loaded: Loaded, model: str, source: Source, keys: Keys | None) -> None:
    """Brings what operations carry into the form that a bundled model or property has. Raises HistoryError."""
    read_inputs.clear(loaded, model, source, keys)
    if model in ONE_OBJECT and len(distinct(loaded.history.key)) > 1:
        raise source.error(f"has several keys, but {model} is judged as one object; use --keys none if it is one")
    if model in micro_operations.KNOWN:
        micro_operations.check(loaded, model, source)
    if model in SETS_READ:
        sets_as_lists(loaded)


def _operations(model: str | Model | type[Model]) -> frozenset[str]:
    if not isinstance(model, str):
        return model.operations
    from checker.models import find

    if model in PROMISES:
        return PROMISES[model]
    return find(model).operations


def _validate_operations(loaded: Loaded, source: Source, known: frozenset[str]) -> None:
    history = loaded.history
    values = history.tables.f.values
    strange = [int(code) for code in distinct(history.f) if values[code] not in known]
    if not strange:
        return
    row = int(np.flatnonzero(np.isin(history.f, strange))[0])
    name = str(values[history.f[row]])
    few = len(known) <= _OPERATIONS_TOLD
    accepted = f"expected one of {', '.join(sorted(known))}" if few else "docs/formats.md has those of each model"
    raise source.error(f"unknown operation {name[:60]!r}; {accepted}", int(loaded.lines[row]))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A million small objects, none of them in a cycle: the collector would visit them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor later on, as long as they are there
        if enabled:
            gc.enable()
