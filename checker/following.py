"""Judges a history.jsonl while it is being written: the lines go to a stream as they come, and are then forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from checker.budget import Budget
from checker.errors import HistoryError, NaysayerError
from checker.model import Model
from checker.models import MODELS
from checker.streaming import Event, Stream, Violation
from checker.transactions import MODELS as TRANSACTIONS
from checker.transactions.levels import ALIASES, LEVELS

if TYPE_CHECKING:
    from checker.transactions.stream import Transactions

STEPS = 200_000
"""What judging may spend on a key each time, about 0.3 s; a key that needs more is not looked at any more."""

LINE_BYTES_MAX = 64 << 20
"""A longer line is refused while it comes in."""


def followed(model: str) -> bool:
    """Whether histories of a model can be judged as they come: bundled models, and transactions."""
    return model in MODELS or is_isolation(model)


def is_isolation(model: str) -> bool:
    """Whether a name is a level of isolation, or a data type of transactions."""
    return model in LEVELS or model in ALIASES or model in TRANSACTIONS


class Line(msgspec.Struct, gc=False):
    """A line as the recorder writes it. Those of the nemesis are passed over."""

    type: Literal["invoke", "ok", "fail", "info", "nemesis"]
    process: int | str | None = None
    f: str = ""
    key: Any = None
    input: Any = None
    output: Any = None
    time: int | None = None


class Following:
    """A Stream, or one of Transactions, that is fed bytes. Memory holds what is open and, per key, what may have
    happened; of transactions those of late."""

    def __init__(self, model: str | Model, *, budget: Budget | None = None, begins_with: Any = None) -> None:
        """`model`: also a data type of transactions, or a level of isolation; `begins_with` is for these."""
        limits = Budget(steps=STEPS) if budget is None else budget
        self.stream: Stream | Transactions
        if isinstance(model, str) and is_isolation(model):
            from checker.transactions.stream import Transactions

            self.stream = Transactions(model, begins_with=begins_with, budget=limits)
        else:
            self.stream = Stream(model, budget=limits, eager=False)
        self.lines = 0
        self.events = 0
        self.succeeded = 0
        """Operations that ended ok."""
        self._decoder = msgspec.json.Decoder(Line)
        self._rest = b""
        """The beginning of a line whose end was not written yet."""

    def feed(self, data: bytes) -> None:
        """Take in what was written since the last call. Raises HistoryError for a line that makes no sense."""
        whole, _, self._rest = (self._rest + data).rpartition(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            raise HistoryError(f"line {self.lines + 1} has more than {LINE_BYTES_MAX >> 20} MB: it is no event")
        feed = self.stream.feed
        for text in whole.split(b"\n") if whole else ():
            self.lines += 1
            if not text.strip():
                continue
            try:
                line = self._decoder.decode(text)
                kind = line.type
                if kind == "nemesis":
                    continue
                if line.process is None:
                    raise HistoryError("an event without the field 'process'")
                self.events += 1
                if kind == "ok":
                    self.succeeded += 1
                value = line.input if kind == "invoke" else line.output
                feed(Event(kind, line.process, line.f, line.key, value, line.time))
            except (msgspec.MsgspecError, NaysayerError, UnicodeDecodeError, RecursionError) as error:
                raise HistoryError(f"line {self.lines} ({text[:100].decode(errors='replace')}): {error}") from None

    def judge(self) -> Violation | None:
        """The first violation that the events so far prove, if they prove one."""
        return _first(self.stream.judge())

    def finish(self) -> tuple[Violation | None, bool]:
        """The same once nothing more comes; and whether a last line was cut off, which is left out."""
        rest, self._rest = self._rest.strip(), b""
        torn = False
        try:
            self._decoder.decode(rest)
        except msgspec.MsgspecError:
            torn = bool(rest)
        else:
            self.feed(rest + b"\n")
        return _first(self.stream.flush()), torn


def _first(found: list[Violation]) -> Violation | None:
    return min(found, key=lambda one: one.operation.ret, default=None)
