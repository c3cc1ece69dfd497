"""Histories that others recorded, read into columns.

    recording = read("history.jsonl")        # format and model are detected, and named in the result
    verdict = check(recording.history, recording.model)

Formats: JSON lines of operations or of events, Jepsen's EDN, Jepsen's console logs, key-value logs; plain or gzip.
What cannot be read, or makes no sense, is a HistoryError with file and line, never a verdict.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from checker.errors import UsageError
from checker.formats import console, edn, jsonl_events, jsonl_operations, kv_log
from checker.formats.columns import Clock, Loaded
from checker.formats.detection import detect_format, detect_model
from checker.formats.shapes import refuse_misshapen
from checker.formats.source import Source
from checker.formats.vocabulary import ALIASES, OPERATIONS
from checker.history import Column, History
from checker.model import Model

__all__ = ["FORMATS", "Recording", "read"]

FORMATS: dict[str, Callable[[Source], Loaded]] = {
    module.NAME: module.load for module in (jsonl_operations, jsonl_events, edn, console, kv_log)
}
"""The readers by the names that `read(format=...)` takes and reports show."""


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


def read(path: str | Path, *, format: str | None = None, model: str | Model | type[Model] | None = None) -> Recording:
    """Reads a history. `format` (a name in FORMATS) and `model` are detected unless given.

    Raises HistoryError (with the line) for what is no history, UsageError where the model is not clear or unknown.
    """
    if format is not None and format not in FORMATS:
        raise UsageError(f"unknown format {format!r}: the formats are {', '.join(FORMATS)}")
    known = None if model is None else _operations(model)
    source = Source(Path(path), {f: name for f, name in ALIASES.items() if known is None or f not in known})
    with _no_garbage_collection():
        name = format or detect_format(source)
        loaded = FORMATS[name](source)
    _refuse_unknown(loaded, source, known or OPERATIONS)
    if model is None:
        model = detect_model(loaded.history, source)
    model = model if isinstance(model, str) else model.name
    refuse_misshapen(loaded, model, source)
    return Recording(
        history=loaded.history,
        format=name,
        model=model,
        source=source.name,
        lines=loaded.lines,
        clock=loaded.clock,
    )


def _operations(model: str | Model | type[Model]) -> frozenset[str]:
    if not isinstance(model, str):
        return model.operations
    from checker.models import find
    from checker.properties import PROPERTIES

    if model in PROPERTIES:
        return OPERATIONS
    return find(model).operations


def _refuse_unknown(loaded: Loaded, source: Source, known: frozenset[str]) -> None:
    history = loaded.history
    values = history.tables.f.values
    strange = [int(code) for code in np.unique(history.f) if values[code] not in known]
    if not strange:
        return
    row = int(np.flatnonzero(np.isin(history.f, strange))[0])
    name = str(values[history.f[row]])
    raise source.error(
        f"unknown operation {name[:60]!r}; expected one of {', '.join(sorted(known))}", int(loaded.lines[row])
    )


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A million small objects, none of them in a cycle: the collector would look at them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
