"""`naysayer check --follow FILE|-`: judge a history while it is being written, in bounded memory."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import msgspec

from checker.budget import resident_mb
from checker.check import NOTHING_SUCCEEDED
from checker.english import counted
from checker.errors import UsageError
from checker.following import Following, Line, is_isolation
from checker.model import Model
from checker.models import find
from checker.models.kv import KeyValue
from checker.streaming import Stream, Violation
from checker.transactions.levels import DEFAULT
from checker.verdict import Outcome, Part, Verdict
from naysayer.judge import own_model
from naysayer.options import CheckOptions
from naysayer.report.conclusion import Conclusion, conclusion
from naysayer.report.console import console
from naysayer.report.report import Report
from naysayer.report.terminal import show
from naysayer.results import verdict_json
from naysayer.signals import Reporting

CHUNK_BYTES = 1 << 18
"""What is read at a time, some thousand events: keys that need a search are judged after each."""

WAIT_S = 0.1
"""Between two looks at a file that has not grown."""

SHOWN_EVERY_S = 1.0

TAKEN = ("follow", "model", "initial", "steps", "memory_mb", "format")
"""The options that mean something while events come."""


class _Session:
    """What is known so far; a signal may end the reading at any point."""

    def __init__(self, file: Path, options: CheckOptions) -> None:
        self.file = file
        self.options = options
        self.following: Following | None = None
        self.found: Violation | None = None
        self.torn = False
        self.peak_mb = 0.0
        self.started = self._shown = time.monotonic()

    def run(self) -> bool:
        """Until a violation, or the end of stdin. (A signal ends it otherwise.)"""
        for data in self._pieces():
            if self.following is None:
                model = _model(data, self.options)
                if model is None:
                    continue
                begins_with = self.options.begins_with
                self.following = Following(model, budget=self.options.budget, begins_with=begins_with)
            self.following.feed(data)
            self.found = self.following.judge()
            self._show()
            if self.found is not None:
                break
        return True

    def _pieces(self) -> Iterator[bytes]:
        """What is written, as it comes; of the first, at least a whole line."""
        begun = b""
        for data in self._blocks():
            begun += data
            if self.following is None and b"\n" not in begun:
                continue
            yield begun
            begun = b""

    def _blocks(self) -> Iterator[bytes]:
        if str(self.file) == "-":
            while data := os.read(0, CHUNK_BYTES):
                yield data
            return
        try:
            with self.file.open("rb") as stream:
                while True:
                    data = stream.read(CHUNK_BYTES)
                    if data:
                        yield data
                    else:
                        time.sleep(WAIT_S)
        except OSError as error:
            raise UsageError(f"{self.file}: {error.strerror}") from None

    def _show(self) -> None:
        """Notes the memory, and on a terminal says how far it is."""
        self.peak_mb = max(self.peak_mb, resident_mb() or 0.0)
        now = time.monotonic()
        if now - self._shown > SHOWN_EVERY_S and sys.stderr is not None and sys.stderr.isatty():
            self._shown = now
            sys.stderr.write(f"\r\x1b[K{self.so_far()}")
            sys.stderr.flush()

    def so_far(self) -> str:
        """Events, their rate and the memory that it takes."""
        events = 0 if self.following is None else self.following.events
        rate = events / max(time.monotonic() - self.started, 0.001)
        return f"{events:,} events · {rate:,.0f}/s · {self.held()}"

    def held(self) -> str:
        """The memory that it takes, and for what."""
        if self.following is None:
            return f"{self.peak_mb:.0f} MB"
        stream = self.following.stream
        held = f"{counted(stream.open_operations, 'open operation')}, {counted(stream.keys, 'key')}"
        return f"{self.peak_mb:.0f} MB: {held}"

    def finish(self) -> None:
        """Judges what is held back, once nothing more comes."""
        if sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
        if self.following is not None and self.found is None:
            self.found, self.torn = self.following.finish()
        self.peak_mb = max(self.peak_mb, resident_mb() or 0.0)


def follow_file(file: Path, options: CheckOptions) -> Conclusion:
    """Read events until one proves a violation, stdin ends or a signal comes; then report."""
    _refuse(options)
    session = _Session(file, options)
    with Reporting() as reporting:
        ended = reporting.attempt(session.run)
        session.finish()
        verdict = _verdict(session)
        facts = [("history", f"{file} · followed as jsonl-events · judged as {verdict.model}")]
        facts.append(("events", session.so_far().rpartition(" · ")[0]))
        facts.append(("memory", session.held()))
        if not ended:
            facts.append(("stopped", "by you; what had come by then is judged"))
        piped = str(file) == "-"
        again = () if piped else (("judge", f"naysayer check {file} --model {verdict.model}"),)
        report = Report(verdict, "stdin" if piped else file.name, facts=tuple(facts), ends=again)
        show(report, console())
        events = 0 if session.following is None else session.following.events
        built = verdict_json(verdict, events=events, memory_mb=round(session.peak_mb))
        return conclusion(report, built, history=None if piped else file)


def _refuse(options: CheckOptions) -> None:
    """Raises UsageError for an option that means nothing here."""
    for one in fields(options):
        if one.name not in TAKEN and getattr(options, one.name) != one.default:
            raise UsageError(f"--follow and --{one.name.replace('_', '-')} exclude each other")
    if options.format not in (None, "jsonl-events"):
        raise UsageError(f"--follow reads jsonl-events, not {options.format}: events as they happen, one per line")


def _model(data: bytes, options: CheckOptions) -> str | Model | None:
    """The model that was asked for, or that the first event belongs to; None while there is none. Transactions have
    a name: of their level, or of their data type."""
    if options.model is not None:
        if is_isolation(options.model):
            return options.model
        own = own_model(options.model)
        return own or find(options.model, begins_with=options.begins_with)
    decoder = msgspec.json.Decoder(Line)
    for text in data.split(b"\n"):
        try:
            line = decoder.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if line.type == "nemesis":
            continue
        if line.f in KeyValue.operations:
            return KeyValue(options.begins_with)
        if line.f == "txn":
            return DEFAULT
        break
    raise UsageError("the first events do not show what they belong to: name it with --model")


def _verdict(session: _Session) -> Verdict:
    following, found = session.following, session.found
    seconds = time.monotonic() - session.started
    if following is None:
        part = Part(None, "unknown", "none", 0, reason="no event came")
        return Verdict("unknown", session.options.model or "none", "none", 0, (part,), seconds)
    stream = following.stream
    if not isinstance(stream, Stream):
        return replace(stream.verdict(), seconds=seconds)
    count, model = stream.operations, stream.model.name
    warned = ("the last line is cut off and was left out",) if session.torn else ()
    if found is not None:
        few, why = found.counterexample, found.explanation
        part = Part(found.key, "invalid", "stream", found.operations, counterexample=few, explanation=why)
        return Verdict("invalid", model, "stream", count, (part,), seconds, warnings=warned)
    parts = [
        Part(key, "unknown", "stream", count, reason=f"not judged further: {reason}")
        for key, reason in stream.undecided.items()
    ]
    if not following.succeeded:
        parts = [Part(None, "unknown", "stream", count, reason=NOTHING_SUCCEEDED)]
    outcome: Outcome = "unknown" if parts else "valid"
    parts = parts or [Part(None, "valid", "stream", count)]
    return Verdict(outcome, model, "stream", count, tuple(parts), seconds, warnings=warned)
