"""The runs in a results folder, a row each. What cannot be read is a row that says so, never an error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from checker.errors import UsageError
from naysayer.hunt.failure import kind_text
from naysayer.hunt.finding import ORIGINAL
from naysayer.plan import Plan, read
from naysayer.play.notation import SCENARIO
from naysayer.results import HISTORY, PAGE, REPORT, TEST, VERDICT
from targets.protocol.target import HOST

ROWS_MAX = 2000
"""So many runs are shown, the latest."""

SILENT_S = 15.0
"""A run without a verdict whose history has not grown for so long is not running any more."""

NOT_EXPLORED = ("running", "unreadable")

State = Literal["valid", "invalid", "unknown", "running", "unfinished", "unreadable"]


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run."""

    path: str
    """Its folder under that of the results, with / between names."""
    state: State
    target: str
    began: str
    """As its folder is called: the local time, as 2026-11-29T07:12:58."""
    workload: str = ""
    backend: str = ""
    faults: tuple[str, ...] = ()
    seed: int | None = None
    nodes: int | None = None
    operations: int | None = None
    seconds: float | None = None
    """Of the run: of virtual time in the simulator."""
    kind: str = ""
    """How it failed, or why it is not known, in a few words."""
    sentence: str = ""
    minimised: bool = False
    """Whether a hunt made it small."""
    explorable: bool = False
    report: bool = False
    """Whether there is a report.txt."""


class _Explained(msgspec.Struct):
    kind: str = ""
    sentence: str = ""


class _Part(msgspec.Struct):
    explanation: _Explained | None = None
    reason: str | None = None


class _Explored(msgspec.Struct):
    sentence: str = ""


class _Verdict(msgspec.Struct):
    outcome: Literal["valid", "invalid", "unknown"]
    explore: _Explored | None = None
    operations: int = 0
    method: str = ""
    not_valid: list[_Part] = []
    virtual_ms: float | None = None
    events: int | None = None


_decode = msgspec.json.Decoder(_Verdict).decode
Stamp = tuple[int, ...]


class Index:
    """The rows of a results folder; a folder is read again when one of its files has changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[Stamp, Row]] = {}
        self.total = 0
        """How many runs there are, also those that are not shown."""

    def rows(self, now_s: float) -> list[Row]:
        """The latest runs, the latest first. `now_s`: the time of day, as time.time()."""
        places = sorted(self._places(), reverse=True)
        self.total = len(places)
        kept: dict[str, tuple[Stamp, Row]] = {}
        for _, name in places[:ROWS_MAX]:
            folder = self.root / name
            stamp = _stamp(folder, now_s)
            known = self._known.get(name)
            kept[name] = known if known is not None and known[0] == stamp else (stamp, row_of(folder, name, now_s))
        self._known = kept
        return [row for _, row in kept.values()]

    def _places(self) -> Iterator[tuple[str, str]]:
        """The name of each result folder, after what sorts them by time."""
        for test in _folders(self.root):
            for run in _folders(test):
                if _is_result(run):
                    yield run.name, f"{test.name}/{run.name}"

    def folder(self, name: str) -> Path:
        """The folder of a run by its name in a row, or the original of a hunt within it. Raises UsageError."""
        parts = name.strip("/").split("/")
        wrong = len(parts) not in (2, 3) or parts[2:] not in ([], [ORIGINAL])
        if wrong or any(part in ("", ".", "..") or "\\" in part for part in parts):
            raise UsageError(f"{name} is not the name of a run")
        folder = self.root.joinpath(*parts)
        if not _is_result(folder):
            raise UsageError(f"{self.root} has no run {name}: it may have been removed")
        return folder


def _is_result(folder: Path) -> bool:
    """Whether it is a run, or an exploration that found nothing, which has a page and no run."""
    return (folder / TEST).is_file() or (folder / PAGE).is_file()


def _folders(place: Path) -> list[Path]:
    """The folders in a place that are no links; none, if it cannot be read."""
    try:
        return [one for one in place.iterdir() if one.is_dir() and not one.is_symlink()]
    except OSError:
        return []


def _stamp(folder: Path, now_s: float) -> Stamp:
    """What changes when a run goes on."""
    found: list[int] = []
    for name in (VERDICT, HISTORY, TEST, REPORT):
        try:
            stat = (folder / name).stat()
            found += [stat.st_mtime_ns, stat.st_size]
        except OSError:
            found += [0, 0]
    grows = not found[0] and now_s - found[2] / 1e9 < SILENT_S
    return (*found, int(grows))


def row_of(folder: Path, name: str, now_s: float) -> Row:
    """The row of one run."""
    test, _, run = name.partition("/")
    began = _time(run.partition("/")[0])
    if not (folder / TEST).is_file():
        return _explored(folder, name, test, began)
    try:
        plan = read(folder / TEST)
    except UsageError as error:
        return Row(name, "unreadable", test, began, sentence=str(error))
    try:
        verdict = _decode((folder / VERDICT).read_bytes())
    except FileNotFoundError:
        return _without_verdict(folder, name, plan, began, now_s)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        return _row(folder, name, plan, began, "unreadable", sentence=f"{VERDICT} is damaged or cut off ({error})")
    part = next(iter(verdict.not_valid), None)
    explanation = None if part is None else part.explanation
    kind = "" if explanation is None else kind_text(explanation.kind)
    sentence = explanation.sentence if explanation is not None else part.reason or "" if part is not None else ""
    return _row(
        folder,
        name,
        plan,
        began,
        verdict.outcome,
        operations=verdict.operations,
        seconds=None if verdict.virtual_ms is None else verdict.virtual_ms / 1000,
        kind=kind if verdict.outcome == "invalid" else "",
        sentence=sentence,
    )


def _explored(folder: Path, name: str, target: str, began: str) -> Row:
    """An exploration that found nothing: of small scopes, without a run."""
    try:
        verdict = _decode((folder / VERDICT).read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Row(name, "unreadable", target, began, sentence=f"{VERDICT} is damaged or cut off ({error})")
    said = "" if verdict.explore is None else verdict.explore.sentence
    return Row(name, verdict.outcome, target, began, "explored", sentence=said, report=True)


def _without_verdict(folder: Path, name: str, plan: Plan, began: str, now_s: float) -> Row:
    """A run that is not judged yet, or never was."""
    try:
        stat = (folder / HISTORY).stat()
    except OSError:
        return _row(folder, name, plan, began, "unfinished", sentence="it has no history: it was aborted at its start")
    if now_s - stat.st_mtime < SILENT_S:
        return _row(folder, name, plan, began, "running", sentence=f"{stat.st_size // 1000:,} kB of history so far")
    return _row(folder, name, plan, began, "unfinished", sentence="never judged: naysayer check judges its history")


def _row(folder: Path, name: str, plan: Plan, began: str, state: State, **more: Any) -> Row:
    minimised = (folder / SCENARIO).is_file()
    return Row(
        name,
        state,
        plan.target,
        began,
        plan.workload,
        plan.backend,
        plan.nemesis,
        plan.seed,
        plan.nodes,
        minimised=minimised,
        explorable=plan.backend == "simulator" and not is_foreign(plan.target) and state not in NOT_EXPLORED,
        report=(folder / REPORT).is_file(),
        **more,
    )


def is_foreign(target: str) -> bool:
    """Whether its nodes run in a process of their own, which serves one run at a time."""
    return target.startswith(HOST)


def _time(stamp: str) -> str:
    """A folder's name as a time; as it is, where it is none."""
    try:
        return datetime.strptime(stamp.partition("-")[0], "%Y%m%dT%H%M%S").isoformat()
    except ValueError:
        return stamp
