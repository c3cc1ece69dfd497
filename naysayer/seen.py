"""How much a run observed: operations by outcome, and whether a lost or stale value could have been noticed at all.

A valid verdict on a system that answered nothing is worse than no verdict. So every report counts successes, and if no
violation could have been noticed, the outcome is unknown (`enough` in judge.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checker.history import OK, STATUSES, History, distinct
from checker.models import MODELS
from checker.observing import noticeable, observing, updating
from naysayer.fault_spans import FaultSpan

FEW_OK = 20
SELDOM_OK = 0.05
"""A kind of operation with fewer successes, or a smaller share of them, is named beside the headline."""

LAST = ("final_poll",)
"""Operations of the last round alone, of which there are few in any run."""

ERRORS_MAX = 5
"""How many error texts are kept: the most frequent ones."""

NO_ANSWER = re.compile(
    r"time[d]?[ -]?out|refused the connection|connection (refused|reset|closed|aborted)|no connection|is down"
    r"|unreachable|no route|broken pipe|end of (file|stream)|hung up|no answer",
    re.IGNORECASE,
)
"""Errors that the client reports because the node did not answer."""

NOT_SUPPORTED = re.compile(r"^error 10:")
"""Maelstrom's error of a program that does not have an operation."""

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Counts:
    """Operations by outcome; `info`: of unknown outcome."""

    ok: int
    fail: int
    info: int

    @property
    def all(self) -> int:
        """All of them."""
        return self.ok + self.fail + self.info

    def __sub__(self, other: Counts) -> Counts:
        """The operations that are not among `other`."""
        return Counts(self.ok - other.ok, self.fail - other.fail, self.info - other.info)


@dataclass(frozen=True)
class Seen:
    """What a run observed. Every operation is counted once in each group."""

    total: Counts
    by_kind: dict[str, Counts]
    by_node: dict[str, Counts]
    """Empty where the history names no nodes."""
    during_faults: Counts | None
    """Operations invoked while a fault was in force; None if no fault is known."""
    final_reads: Counts | None
    """Reads after all faults were undone; None if there were none."""
    errors: tuple[tuple[str, int], ...]
    """The most frequent error texts, each with its count."""
    remarks: tuple[str, ...]
    """Remarks beside the headline: kinds of operations that seldom succeeded, nodes that never answered."""
    blind: str | None
    """Why a lost or stale value could not have been noticed; None if it could."""


def seen(
    history: History,
    model: str,
    spans: Sequence[FaultSpan] = (),
    *,
    last_round: int | None = None,
) -> Seen:
    """Count a history. `spans`: when faults were in force; `last_round`: the index of the first final read, None if
    there were none."""
    finals = observing(history, model) & (history.index >= (len(history) if last_round is None else last_round))
    by_kind = _by(history, history.f, history.tables.f.values)
    by_node = _by(history, history.node, history.tables.node.values)
    total = _counts(history.status)
    few = [
        f"{kind} {count.ok} of {count.all}"
        for kind, count in by_kind.items()
        if (count.ok < FEW_OK or count.ok < SELDOM_OK * count.all)
        and not _unsupported(history, kind)
        and not (count.ok == count.all and kind in LAST)
    ]
    remarks = [f"few succeeded: {', '.join(few)}"] if few and total.ok else []
    silent = [f"{node} ({by_node[node].all} operations)" for node in _silent(history, by_node)]
    if silent:
        remarks.append(f"never answered: {', '.join(silent)}")
    unread = _unread(history, model, finals)
    blind = _blind(history, model, finals) or _lost_unseen(history, model, unread)
    if unread and not blind:
        remarks.append(f"no final read succeeded of: {', '.join(_key_names(history, unread))}")
    return Seen(
        total,
        by_kind,
        by_node,
        _counts(history.status[_during(history, spans)]) if spans else None,
        _counts(history.status[finals]) if finals.any() else None,
        _errors(history),
        tuple(remarks),
        blind,
    )


def _unsupported(history: History, kind: str) -> bool:
    """Whether the system answered every operation of this kind that it does not support it."""
    errors = history.error[_named(history, kind)]
    return all(NOT_SUPPORTED.search(str(history.tables.error.values[code])) for code in distinct(errors).tolist())


def _counts(status: NDArray[np.int64]) -> Counts:
    return Counts(*np.bincount(status, minlength=len(STATUSES)).tolist())


def _by(history: History, column: NDArray[np.int64], names: Sequence[str | None]) -> dict[str, Counts]:
    """By name: the outcomes of its operations, in the order of names."""
    present = distinct(column).tolist()
    found = {names[code]: _counts(history.status[column == code]) for code in present}
    return {str(name): found[name] for name in sorted((n for n in found if n is not None), key=_in_numbers)}


def _in_numbers(name: object) -> tuple[object, ...]:
    """Sorts n10 after n9."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(name)))


def _silent(history: History, by_node: dict[str, Counts]) -> list[str]:
    """The nodes that never answered: no operation succeeded there, and no failure was reported by the node itself."""
    texts = history.tables.error.values
    own = np.array([text is not None and not NO_ANSWER.search(str(text)) for text in texts], dtype=bool)
    codes = {name: code for code, name in enumerate(history.tables.node.values)}
    found = []
    for node, count in by_node.items():
        if not count.ok and not own[history.error[history.node == codes[node]]].any():
            found.append(node)
    return found


def _during(history: History, spans: Sequence[FaultSpan]) -> Rows:
    """Which operations were invoked while a fault was in force."""
    found = np.zeros(len(history), dtype=bool)
    for begin, end in _merged(spans):
        found |= (history.call >= begin * 1e6) & (history.call <= end * 1e6)
    return found


def _merged(spans: Sequence[FaultSpan]) -> list[tuple[float, float]]:
    """The times (ms) in which at least one fault was in force."""
    merged: list[tuple[float, float]] = []
    for begin, end in sorted((span.from_ms, float("inf") if span.to_ms is None else span.to_ms) for span in spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def _errors(history: History) -> tuple[tuple[str, int], ...]:
    counts = np.bincount(history.error[history.status != OK], minlength=len(history.tables.error))
    counts[0] = 0  # no text
    most = np.argsort(-counts, kind="stable")[:ERRORS_MAX].tolist()
    return tuple((str(history.tables.error.values[code]), int(counts[code])) for code in most if counts[code])


def _blind(history: History, model: str, finals: Rows) -> str | None:
    if not len(history):
        return "no operation was invoked"
    ok = history.status == OK
    if not ok.any():
        most = "".join(f"; most often: {text}" for text, _ in _errors(history)[:1])
        many = f"none of {len(history)} operations" if len(history) > 1 else "the only operation has not"
        return f"{many} succeeded, so the run shows nothing about the system{most}"
    clause = noticeable(history, model)
    if clause is None and finals.any() and not (ok & finals).any():
        count = int(np.count_nonzero(finals))
        clause = f"none of the {count} final reads succeeded, so a lost value could not have been noticed"
    return clause


def _unread(history: History, model: str, finals: Rows) -> list[int]:
    """The codes of keys to which something was written but of which no final read succeeded."""
    if not finals.any() or model not in MODELS or not MODELS[model].by_key:
        return []
    ok = history.status == OK
    asked = np.setdiff1d(history.key[finals], history.key[finals & ok])
    lacking: list[int] = np.intersect1d(asked, history.key[ok & updating(history, model)]).tolist()
    return lacking


def _lost_unseen(history: History, model: str, unread: Sequence[int]) -> str | None:
    """Of keys without a final read: those where no earlier read could have noticed that the last write is lost."""
    ok = history.status == OK
    reads, writes = ok & (_named(history, "read")), ok & updating(history, model)
    lost = []
    for key in unread:
        of_key = history.key == key
        written = history.ret[of_key & writes].max()
        if _named(history, "read")[of_key].any() and not (history.call[of_key & reads] > written).any():
            lost.append(key)
    if not lost:
        return None
    return (
        f"no read of {', '.join(_key_names(history, lost))} succeeded after its last write, not even a final one, so "
        "its loss could not have been noticed"
    )


def _named(history: History, f: str) -> Rows:
    codes = [code for code, name in enumerate(history.tables.f.values) if name == f]
    return np.isin(history.f, codes)


def _key_names(history: History, codes: Sequence[int]) -> list[str]:
    return [str(history.tables.key.values[code]) for code in codes]
