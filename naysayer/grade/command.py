"""`naysayer grade`: one submission, or a class of them in a folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from checker.errors import HarnessError, UsageError
from checker.processes import cores
from naysayer.grade import outputs
from naysayer.grade.pack import Assignment, load, packs
from naysayer.grade.real import graded_really
from naysayer.grade.sandbox import (
    LimitBrokenError,
    Limits,
    can_cut_network,
    copied,
    environment,
    launcher,
    supervised,
)
from naysayer.grade.score import Grade, nothing, score
from naysayer.grade.trial import Outcome, batches
from naysayer.grade.worker import Done, Part, Task
from naysayer.report.console import console
from naysayer.results import new_folder
from targets.protocol.target import HOST

ATTEMPTS = "attempts.json"
"""Beside the result folders of an assignment: how often each test has failed."""

BUILD_S_MAX = 120.0
SECRET_BYTES_MIN = 16

Say = Callable[[int], None]
"""Is told how many more seeds are done."""


@dataclass(frozen=True)
class Asked:
    """What is graded, and how."""

    host: str | None = None
    binary: str | None = None
    build: str | None = None
    secret: Path | None = None
    results: Path = Path("results")


def list_packs() -> int:
    """Print the assignments that come with Naysayer."""
    screen = console()
    for name in packs():
        found = load(name)
        screen.print(f"{name:18} {found.title}", markup=False, highlight=False)
    return 0


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """In the block SIGTERM ends the command as Ctrl-C does, so that no process of a submission is left."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def grade_one(named: str, asked: Asked) -> int:
    """Grade the submission in this folder; returns the exit code: 0 all points, 1 fewer."""
    assignment, secret = _load(named, asked), read_secret(asked.secret)
    folder = new_folder(asked.results, f"grade-{assignment.name}")
    screen = console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(f"grading {assignment.name}", total=_seeds(assignment, secret))
        jobs = cores()
        done = _grade(assignment, asked, secret, Path.cwd(), ".", folder, jobs, lambda more: bar.advance(task, more))
    grade = _with_hints(done, assignment, folder.parent / ATTEMPTS)
    outputs.show(grade, assignment.title, screen)
    _write(folder / "results.json", msgspec.json.format(msgspec.json.encode(outputs.gradescope(grade))))
    _write(folder / "junit.xml", outputs.junit([grade]))
    _write(folder / "grade.md", outputs.markdown(grade, assignment.title).encode())
    _say_where(folder, screen)
    return 0 if grade.points == grade.of else 1


def grade_all(named: str, class_folder: Path, asked: Asked) -> int:
    """Grade every folder in a folder, one process for each core; returns 0 unless something could not be written."""
    assignment, secret = _load(named, asked), read_secret(asked.secret)
    try:
        submissions = sorted(one for one in class_folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError as error:
        raise UsageError(f"--all {class_folder}: {error.strerror}") from error
    if not submissions:
        raise UsageError(f"--all {class_folder} has no folder in it; each submission is one")
    folder = new_folder(asked.results, f"grade-{assignment.name}")
    screen = console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(f"grading {len(submissions)} submissions", total=len(submissions))

        def one(submission: Path) -> Grade:
            place = folder / submission.name
            place.mkdir()
            grade = _grade(assignment, asked, secret, submission, submission.name, place, 1, lambda more: None)
            bar.advance(task)
            return grade

        with ThreadPoolExecutor(cores()) as threads:
            grades = list(threads.map(one, submissions))
    for grade in grades:
        place = folder / grade.submission
        _write(place / "results.json", msgspec.json.format(msgspec.json.encode(outputs.gradescope(grade))))
        _write(place / "grade.md", outputs.markdown(grade, assignment.title).encode())
    outputs.show_class(grades, assignment.title, screen)
    _write(folder / "grades.md", outputs.markdown_class(grades, assignment.title).encode())
    _write(folder / "junit.xml", outputs.junit(grades))
    _say_where(folder, screen)
    return 0 if all(one.points == one.of for one in grades) else 1


def _say_where(folder: Path, screen: Console) -> None:
    if not can_cut_network():
        said = "the network of submissions was not cut: this system allows no network namespaces"
        screen.print(f"\n! {said}", markup=False, highlight=False)
    screen.print(f"\nresults: {folder}", markup=False, highlight=False, soft_wrap=True)


def _load(named: str, asked: Asked) -> Assignment:
    """The assignment. Raises UsageError if it cannot be graded as it was asked for."""
    assignment = load(named)
    if asked.binary is None:
        return assignment
    if asked.secret is not None:
        raise UsageError("--bin and --secret exclude each other: what runs in real time could be told what is tested")
    if not graded_really(assignment):
        raise UsageError(f"--bin: no test of {assignment.name} has operations of Maelstrom's; grade it with --host")
    return assignment


def read_secret(file: Path | None) -> bytes | None:
    """The teacher's secret. Raises UsageError if it is too short, or if submissions could read it."""
    if file is None:
        return None
    try:
        secret = file.read_bytes().strip()
        mode = file.stat().st_mode
    except OSError as error:
        raise UsageError(f"--secret {file}: {error.strerror}") from error
    if len(secret) < SECRET_BYTES_MIN:
        raise UsageError(f"--secret {file} has {len(secret)} bytes; use at least {SECRET_BYTES_MIN} random ones")
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise UsageError("--secret needs root: only as another user can a submission be kept from reading the secret")
    if mode & 0o044:
        raise UsageError(f"--secret {file} can be read by other users, and so by submissions: chmod 600 {file}")
    return secret


def _seeds(assignment: Assignment, secret: bytes | None) -> int:
    return sum(len(seeds) for _, seeds in batches(assignment, secret))


def _grade(
    assignment: Assignment,
    asked: Asked,
    secret: bytes | None,
    submission: Path,
    name: str,
    folder: Path,
    jobs: int,
    say: Say,
) -> Grade:
    """Build and run one submission in a copy of its folder; whatever goes wrong with it is its grade."""
    own_user, limits = secret is not None, Limits()
    try:
        with copied(submission, own_user) as copy:
            if asked.build is not None:  # which may have to fetch what it needs
                _build(asked.build, launcher(limits, own_user, network=True), copy)
            words = launcher(limits, own_user)
            parts = tuple(Part(one.name, tuple(seeds)) for one, seeds in batches(assignment, secret))
            target = asked.binary or f"{HOST}{asked.host}"
            real = asked.binary is not None
            task = Task(assignment, target, tuple(words), parts, jobs, str(folder.resolve()), real)
            outcomes, pages = _run(task, copy, limits, say)
    except (LimitBrokenError, NotBuiltError) as error:
        return nothing(assignment, name, str(error))
    except HarnessError as error:
        return nothing(assignment, name, f"an error of ours: {error}")
    expected = len(graded_really(assignment)) if real else _seeds(assignment, secret)
    if len(outcomes) != expected:
        return nothing(assignment, name, f"an error of ours: only {len(outcomes)} of {expected} seeds came back")
    graded = graded_really(assignment) if real else assignment.test
    scored = [score(one, [found for found in outcomes if found.test == one.name]) for one in graded]
    tests = tuple(msgspec.structs.replace(one, page=_near(pages.get(one.name), folder)) for one in scored)
    return Grade(name, assignment.name, tests, reproducible=not real, hidden=secret is not None)


def _near(page: str | None, folder: Path) -> str | None:
    """The page of a test as the user named the folder: workers know it by its whole path only."""
    return None if page is None else str(folder / Path(page).relative_to(folder.resolve()))


def _run(task: Task, copy: Path, limits: Limits, say: Say) -> tuple[list[Outcome], dict[str, str]]:
    outcomes: list[Outcome] = []
    pages: dict[str, str] = {}

    def take(line: bytes) -> None:
        done = msgspec.json.decode(line, type=Done)
        if done.error is not None:
            raise NotBuiltError(done.error)
        outcomes.extend(done.outcomes)
        pages.update(done.pages)
        say(len(done.outcomes))

    command = [sys.executable, "-m", "naysayer.grade.worker"]
    supervised(command, msgspec.json.encode(task), copy, limits, take)
    return outcomes, pages


class NotBuiltError(Exception):
    """The submission does not compile, or does not start."""


def _build(build: str, words: Sequence[str], copy: Path) -> None:
    """Run the command that compiles a submission, in its folder and with its limits."""
    try:
        done = subprocess.run(
            [*words, "/bin/sh", "-c", build],
            cwd=copy,
            env=environment(copy),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=BUILD_S_MAX,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise NotBuiltError(f"building it took more than {BUILD_S_MAX:.0f} s") from None
    if done.returncode:
        said = (done.stderr + done.stdout).decode("utf-8", "replace").strip().splitlines()
        first = next((line for line in said if re.search(r"error", line, re.I)), said[0] if said else "")
        raise NotBuiltError(f"it does not compile: {first[:200] or f'exit code {done.returncode}'}")


def _with_hints(grade: Grade, assignment: Assignment, file: Path) -> Grade:
    """The grade with the hints that are open by now: one more for each failure of a test."""
    try:
        counts = msgspec.json.decode(file.read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        counts = {}
    hints = {one.name: one.hints for one in assignment.test}
    tests = []
    for one in grade.tests:
        if not one.passed and grade.broke is None:
            counts[one.name] = counts.get(one.name, 0) + 1
            if one.first is None or one.first.kind not in ("node died", "node hung"):  # that says enough by itself
                one = msgspec.structs.replace(one, hints=hints[one.name][: counts[one.name]])
        tests.append(one)
    _write(file, msgspec.json.encode(counts))
    return msgspec.structs.replace(grade, tests=tuple(tests))


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise HarnessError(f"{file}: {error.strerror}") from error
