"""Judges a history.jsonl while it is being written: the lines go to a Stream as they come, and are then forgotten."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from checker.budget import Budget
from checker.errors import HistoryError
from checker.streaming import Event, Stream, Violation

STEPS = 200_000
"""What judging may spend on a key each time, about 0.3 s; a key that needs more is not looked at any more."""


class Line(msgspec.Struct):
    """A line as the recorder writes it. Those of the nemesis are passed over."""

    type: Literal["invoke", "ok", "fail", "info", "nemesis"]
    process: int | str = ""
    f: str = ""
    key: Any = None
    input: Any = None
    output: Any = None
    time: int | None = None


class Following:
    """A Stream that is fed bytes. Memory holds what is open and, per key, what may have happened."""

    def __init__(self, model: str) -> None:
        self.stream = Stream(model, budget=Budget(steps=STEPS), eager=False)
        self._decoder = msgspec.json.Decoder(Line)
        self._rest = b""
        """The beginning of a line whose end was not written yet."""

    def feed(self, data: bytes) -> None:
        """Take in what was written since the last call. Raises HistoryError for a line that makes no sense."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for text in lines:
            try:
                line = self._decoder.decode(text)
            except msgspec.MsgspecError as error:
                raise HistoryError(f"line {text[:200]!r}: {error}") from None
            if line.type != "nemesis":
                value = line.input if line.type == "invoke" else line.output
                self.stream.feed(Event(line.type, line.process, line.f, line.key, value, line.time))

    def judge(self) -> Violation | None:
        """The first violation that the events so far prove, if they prove one."""
        return min(self.stream.judge(), key=lambda found: found.operation.ret, default=None)
