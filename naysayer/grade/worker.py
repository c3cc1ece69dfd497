"""Runs the tests of one submission: a task on stdin, a line of JSON for each part that is done on stdout.

It is started by sandbox.py, in the copy of the submission's folder. The task has the hidden seeds and no secret.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.errors import NaysayerError, TargetError
from checker.parallel import pool
from naysayer.grade.pack import Assignment, Trial
from naysayer.grade.page import write_page
from naysayer.grade.score import score
from naysayer.grade.trial import Outcome, try_batch
from targets.backends.host import process

PAGES_S = 25.0
"""So long all reports on failures may take together; what is left is not minimised further."""


class Part(msgspec.Struct, frozen=True):
    """Seeds of a test that are run one after the other."""

    test: str
    seeds: tuple[tuple[int, bool], ...]


class Task(msgspec.Struct, frozen=True):
    """What a worker is to do."""

    assignment: Assignment
    target: str
    launcher: tuple[str, ...]
    parts: tuple[Part, ...]
    jobs: int
    """How many processes run parts; 1: this one."""
    pages: str
    """The folder for the reports on failures."""
    real: bool = False
    """The target is a program that runs in real time."""


class Done(msgspec.Struct, frozen=True):
    """A part is done."""

    outcomes: tuple[Outcome, ...] = ()
    pages: dict[str, str] = {}
    """By test: the folder of the report on its first failure."""
    error: str | None = None
    """Why the submission could not be run at all."""


def main() -> None:
    """Carry out the task on stdin, which ends with the process that wrote it there."""
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    out = os.dup(1)
    os.dup2(2, 1)  # whatever else prints
    try:
        outcomes = _run_really(task, out) if task.real else _run(task, out)
        _say(out, Done(pages={} if task.real else _pages(task, outcomes, Path(task.pages))))
    except NaysayerError as error:
        _say(out, Done(error=str(error)))


def _end_with_stdin() -> None:
    os.read(0, 1)
    os._exit(1)


def _say(out: int, done: Done) -> None:
    os.write(out, msgspec.json.encode(done) + b"\n")


def _run(task: Task, out: int) -> list[Outcome]:
    by_name = {one.name: one for one in task.assignment.test}
    outcomes: list[Outcome] = []

    def keep(found: list[Outcome]) -> None:
        outcomes.extend(found)
        _say(out, Done(tuple(found)))

    if task.jobs == 1:
        for part in task.parts:
            keep(_part(task, by_name[part.test], part))
        return outcomes
    with pool("processes", task.jobs) as executor:
        futures: list[Future[list[Outcome]]] = [
            executor.submit(_part, task, by_name[part.test], part) for part in task.parts
        ]
        for future in futures:
            keep(future.result())
    return outcomes


def _run_really(task: Task, out: int) -> list[Outcome]:
    from naysayer.grade.real import graded_really, try_really

    binary = shlex.join([*task.launcher, *shlex.split(task.target)])
    outcomes = []
    for one in graded_really(task.assignment):
        outcomes.append(try_really(one, binary, Path(task.pages)))
        _say(out, Done((outcomes[-1],)))
    return outcomes


def _part(task: Task, one: Trial, part: Part) -> list[Outcome]:
    process.launch_by(task.launcher)
    return try_batch(task.assignment, one, part.seeds, task.target)


def _pages(task: Task, outcomes: list[Outcome], folder: Path) -> dict[str, str]:
    """A report on the first failure of each test; on one of a public seed, if there is one."""
    process.launch_by(task.launcher)
    pages, until = {}, time.monotonic() + PAGES_S
    failing = []
    for one in task.assignment.test:
        scored = score(one, [found for found in outcomes if found.test == one.name])
        if scored.first is not None and scored.first.outcome == "invalid":
            failing.append((one, scored.first))
    for number, (one, first) in enumerate(failing):
        share_s = max(1.0, (until - time.monotonic()) / (len(failing) - number))
        place = folder / "".join(char if char.isalnum() else "-" for char in one.name)
        with suppress(TargetError):  # it does not fail again: its nodes are not deterministic
            write_page(task.assignment, one, first, task.target, place, time.monotonic() + share_s)
            pages[one.name] = str(place)
    return pages


if __name__ == "__main__":
    main()
