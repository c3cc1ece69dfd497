"""Faults as records show them: the nemesis' events become spans on the clock of the history.

Jepsen's nemesis writes each of its operations twice, when it begins and when it is done, both as :info. Which of them
begin a fault and which end it is told by their names: `start-partition` and `stop-partition`, `kill` and `start`,
`pause` and `resume`, `bump-clock` and `reset-clock`. What is neither is drawn from its one event to the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from checker.formats.columns import Span
from checker.values import Map, Set, Token

LABEL_MAX = 36

_BEGINS = re.compile(
    r"start|kill|pause|crash|cut|partition|isolate|split|bump|strobe|skew|slow|drop|flaky|degrade|hold|suspend|corrupt"
)
_HEALS = re.compile(r"stop|restart|resume|reset|recover|release|heal|fast|end")
_ENDED_BY = {
    "kill": ("start", "restart"),
    "crash": ("start", "restart", "recover"),
    "pause": ("resume", "restart", "start"),
    "suspend": ("resume",),
    "cut": ("heal",),
    "partition": ("heal",),
    "isolate": ("heal",),
    "split": ("heal",),
    "degrade": ("heal",),
    "slow": ("fast", "heal", "reset"),
    "drop": ("heal",),
    "flaky": ("fast", "heal", "reset"),
    "hold": ("release", "heal"),
    "bump": ("reset",),
    "strobe": ("reset",),
    "skew": ("reset",),
}
"""By the first word of a fault's name: the first words of what ends it, beside stop-NAME and reset-NAME."""


@dataclass
class _Open:
    name: str
    label: str
    begin: tuple[int | None, int]
    end: tuple[int | None, int] | None = None
    done: bool = False
    """Its completion was seen."""
    ended_by: str | None = None


class Nemesis:
    """Gathers the nemesis' events in their order."""

    def __init__(self, *, twice: bool = True) -> None:
        self._twice = twice
        self._faults: list[_Open] = []
        self._last = ""

    def add(self, name: str, value: Any, time: Any, position: int) -> None:
        """An event at a time (ns, None if not known) that follows so many client events."""
        at = (time if type(time) is int else None, position)
        again = self._twice and name == self._last
        self._last = "" if again else name
        if again:
            self._completed(name, value, at)
            return
        ending = [fault for fault in self._faults if fault.end is None and _ends(name, fault.name)]
        for fault in ending:
            fault.end, fault.ended_by = at, name
        if _HEALS.match(name) or (ending and name.startswith("start")):
            return
        lasting = _BEGINS.match(name) is not None or self._twice
        self._faults.append(_Open(name, _label(name, value), at, None if lasting else at))

    def _completed(self, name: str, value: Any, at: tuple[int | None, int]) -> None:
        for fault in self._faults:
            if fault.ended_by == name and fault.end is not None and not fault.done:
                fault.end, fault.done = at, True
        if self._faults and self._faults[-1].name == name:
            fault = self._faults[-1]
            fault.label = _label(name, value) if value is not None else fault.label
            if _BEGINS.match(name) is None:
                fault.end = at

    def spans(self, *, ordered: bool, times: Any) -> tuple[Span, ...]:
        """The faults on the history's clock; `times`: those of the client events, for a fault without a time."""

        def when(at: tuple[int | None, int]) -> int:
            if ordered:
                return at[1]
            return at[0] if at[0] is not None else int(times[min(at[1], len(times) - 1)])

        return tuple(
            Span(fault.label, when(fault.begin), None if fault.end is None else when(fault.end))
            for fault in self._faults
        )


def _ends(name: str, fault: str) -> bool:
    """Whether an event of this name ends a fault of that one."""
    word, _, what = name.partition("-")
    first, _, of = fault.partition("-")
    if name == fault:
        return False
    if word in ("stop", "reset", "heal", "end") and what and what in (fault, of):
        return True
    if name == "stop":
        return first == "start"
    same = what == of or not what or (not of and word != "start")
    return same and word in _ENDED_BY.get(of if first == "start" and of in _ENDED_BY else first, ())


def _label(name: str, value: Any) -> str:
    said = _said(value)
    short = name.removeprefix("start-")
    if name == "start" and said:
        return said[:LABEL_MAX]
    text = f"{short} {said}".strip()
    return text if len(text) <= LABEL_MAX else f"{text[: LABEL_MAX - 1]}…"


def _said(value: Any) -> str:
    """What a nemesis' value says of the fault, in few words."""
    if value is None:
        return ""
    if isinstance(value, Map):
        return " ".join(sorted(str(_word(key)) for key, _ in value))
    if isinstance(value, Set):
        return " ".join(_said(item) for item in value.in_order())
    if isinstance(value, tuple):
        return " ".join(_said(item) for item in value if not isinstance(item, Map))
    return str(_word(value))


def _word(value: Any) -> Any:
    return value.name if isinstance(value, Token) else value
