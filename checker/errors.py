"""The one tree of errors; each says whose fault it is.

    NaysayerError
    ├── UsageError       what was asked: arguments, files, cluster.toml
    │   └── HistoryError     a history that cannot be read or makes no sense; carries file and line
    ├── TargetError      what the system under test did
    └── HarnessError     ours

It is part of the package that all others may import. All of them end a command with exit code 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches


class NaysayerError(Exception):
    """Base of every error we raise on purpose; its text is one sentence for the user."""


class UsageError(NaysayerError):
    """What was asked cannot be done: a bad argument, a bad file, a fault the cluster cannot carry out."""


_ALMOST_AS_CLOSE = 0.1
"""A second suggestion is made only where its similarity (0 to 1) is at most this much below the best one's."""


def unknown_name(what: str, name: str, known: Iterable[str], *, shown_by: str | None = None) -> UsageError:
    """The error for a name that is none of those known: what is close to it, else all of them, or what shows them."""
    names = list(known)
    close = _close_to(name.lower(), names)
    if not close:
        close = [one for one in names if len(name) > 2 and one.startswith(name.lower())][:3]
    if close:
        return UsageError(f"there is no {what} {name!r}: did you mean {' or '.join(close)}?")
    hint = f"choose one of {', '.join(names)}" if shown_by is None else f"{shown_by} shows them"
    return UsageError(f"there is no {what} {name!r}: {hint}")


def _close_to(name: str, names: list[str]) -> list[str]:
    """At most three of the names, closest first; none that is much further off than the closest."""
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    ratios = [SequenceMatcher(None, one, name).ratio() for one in close]
    return [one for one, ratio in zip(close, ratios, strict=True) if ratio >= max(ratios) - _ALMOST_AS_CLOSE]


class HistoryError(UsageError):
    """A history that cannot be judged. `source` names the file, `line` the line (from 1), where known."""

    def __init__(self, message: str, *, source: str | None = None, line: int | None = None) -> None:
        self.source = source
        self.line = line
        place = "" if source is None else f"{source}: " if line is None else f"{source}:{line}: "
        super().__init__(place + message)


class TargetError(NaysayerError):
    """The system under test misbehaved in a way that is no verdict: it printed junk, never started, vanished."""


class HarnessError(NaysayerError):
    """Our own machinery failed, or could not show that what it did took effect."""
