"""A submission in a folder and in processes of its own, with limits on memory, files, output and time.

The tests of a submission are run by worker.py, a process that we start in a session of its own, in a copy of the
submission's folder, with an environment of a few names. It knows the hidden seeds of this one submission, from its
stdin, and not the secret. The submission's own processes begin with confine.py, in sessions of their own: by that they
are told apart from ours. Where we are root and there is a secret, they run as another user, who can read neither the
secret nor us.

Whatever a submission does, it ends with the worker: we are the reaper of its orphans, and end all descendants.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from checker.errors import HarnessError, UsageError

NOBODY = 65534
COPIED_BYTES_MAX = 200 * 1024 * 1024
PASSED_ON = ("PATH", "LANG", "LC_ALL", "JAVA_HOME", "GOROOT", "SYSTEMROOT")
"""What is left of the environment."""

POLL_S = 0.2
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Limits:
    """What a submission may use, all its processes together. Seconds are a watchdog: no score depends on them."""

    memory_mb: int = 2048
    files_mb: int = 256
    """In its folder, and for each file."""
    output_mb: int = 64
    """In one answer, or without a line's end."""
    seconds: float = 600.0
    open_files: int = 512
    processes: int = 400


class LimitBrokenError(Exception):
    """The submission broke a limit: the sentence says which."""


@contextmanager
def copied(folder: Path, own_user: bool) -> Iterator[Path]:
    """A copy of the submission's folder, which is removed at the end. Raises UsageError if it is too large."""
    total = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in IGNORED]
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
        if total > COPIED_BYTES_MAX:
            raise UsageError(
                f"{folder} holds more than {COPIED_BYTES_MAX >> 20} MB: a submission is copied before it is run; grade "
                "it in a folder that holds nothing else"
            )
    temporary = Path(tempfile.mkdtemp(prefix="naysayer-grade-"))
    try:
        copy = temporary / "submission"
        try:
            shutil.copytree(folder, copy, symlinks=True, ignore=shutil.ignore_patterns(*IGNORED))
        except (OSError, shutil.Error) as error:
            raise UsageError(f"{folder} cannot be copied: {error}") from error
        if own_user:
            temporary.chmod(0o755)
            for place, _, files in os.walk(copy):
                os.chown(place, NOBODY, NOBODY)
                for name in files:
                    os.chown(os.path.join(place, name), NOBODY, NOBODY, follow_symlinks=False)
        yield copy
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


IGNORED = ("results", ".git", "__pycache__", "node_modules")
"""Folders of a submission that are not copied."""


def launcher(limits: Limits, own_user: bool, *, network: bool = False) -> list[str]:
    """The words that a submission's command is started after. `network`: it keeps it; otherwise it is cut where the
    system allows that."""
    numbers = (limits.files_mb << 20, limits.open_files, limits.processes, NOBODY if own_user else -1)
    return [*CONFINE, *map(str, numbers), "keep" if network or not can_cut_network() else "cut"]


CONFINE = (sys.executable, "-I", "-S", str(Path(__file__).with_name("confine.py")))


@cache
def can_cut_network() -> bool:
    """Whether this system lets us give a submission a network namespace of its own."""
    tried = subprocess.run(
        [*CONFINE, str(1 << 20), "64", "64", "-1", "cut", sys.executable, "-I", "-S", "-c", ""],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


def environment(folder: Path) -> dict[str, str]:
    """The environment of a submission."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**kept, "HOME": str(folder), "TMPDIR": str(folder)}


def supervised(
    command: list[str], given: bytes, folder: Path, limits: Limits, on_line: Callable[[bytes], None]
) -> None:
    """Run a worker on what it is given, and hand on each line that it prints.

    Raises LimitBrokenError, HarnessError if the worker itself failed, and whatever `on_line` raises. No process of it
    is left.
    """
    _adopt_orphans()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**environment(folder), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        start_new_session=True,
    )
    _workers.add(process.pid)
    lines: list[bytes] = []
    said = bytearray()
    threads = [
        threading.Thread(target=_read_lines, args=(process, lines), daemon=True),
        threading.Thread(target=_read_errors, args=(process, said), daemon=True),
    ]
    try:
        for thread in threads:
            thread.start()
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(given + b"\n")
            process.stdin.flush()  # it stays open: the worker ends when it is closed, and so with this process
        until = time.monotonic() + limits.seconds
        while process.poll() is None:
            time.sleep(POLL_S)
            while lines:
                on_line(lines.pop(0))
            _refuse_excess(process.pid, folder, limits, until)
    finally:
        _end_all(process)
        for thread in threads:  # they end with the last process that holds the other ends of the pipes
            thread.join(5)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError, ValueError):
                    pipe.close()
    while lines:
        on_line(lines.pop(0))
    if process.returncode:
        last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise HarnessError(f"grading ended with exit code {process.returncode}: {' '.join(last)}")


def _read_lines(process: subprocess.Popen[bytes], lines: list[bytes]) -> None:
    assert process.stdout is not None
    with suppress(OSError, ValueError):
        for line in process.stdout:
            lines.append(line)


def _read_errors(process: subprocess.Popen[bytes], said: bytearray) -> None:
    assert process.stderr is not None
    with suppress(OSError, ValueError):
        while found := process.stderr.read1(1 << 16):  # type: ignore[attr-defined]
            said += found
            del said[:-20_000]


def _refuse_excess(worker: int, folder: Path, limits: Limits, until: float) -> None:
    if time.monotonic() > until:
        raise LimitBrokenError(f"it took more than {limits.seconds:.0f} s")
    own = [one for one in descendants(worker) if one.session != worker]
    memory_mb = sum(one.memory_bytes for one in own) >> 20
    if memory_mb > limits.memory_mb:
        raise LimitBrokenError(f"its processes used {memory_mb} MB of memory; {limits.memory_mb} MB are allowed")
    if len(own) > limits.processes:
        raise LimitBrokenError(f"it started {len(own)} processes; {limits.processes} are allowed")
    files_mb = _size(folder) >> 20
    if files_mb > limits.files_mb:
        raise LimitBrokenError(f"its files grew to {files_mb} MB; {limits.files_mb} MB are allowed")


def _size(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


@dataclass(frozen=True)
class Descendant:
    """A process that comes from one of ours."""

    pid: int
    parent: int
    session: int
    memory_bytes: int


def descendants(root: int) -> list[Descendant]:
    """All processes that come from one, without itself. None where the platform has no /proc."""
    every: dict[int, Descendant] = {}
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    for pid in pids:
        with suppress(OSError, ValueError):
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] == b"Z":
                continue
            every[pid] = Descendant(pid, int(fields[1]), int(fields[3]), int(fields[21]) * PAGE_BYTES)
    found: list[Descendant] = []
    known = {root}
    while more := [one for one in every.values() if one.parent in known and one.pid not in known]:
        found += more
        known |= {one.pid for one in more}
    return found


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """The worker and all that comes from it, also what has left its session or lost its parent."""
    for _ in range(100):
        left = [*descendants(process.pid), *_orphans()]
        if process.poll() is not None and not left:
            break
        for pid in (process.pid, *(one.pid for one in left)):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        for one in left:
            with suppress(ChildProcessError):
                os.waitpid(one.pid, os.WNOHANG)
        time.sleep(0.02)
    _workers.discard(process.pid)


_workers: set[int] = set()
"""Those that run."""


def _orphans() -> list[Descendant]:
    """Children of this process that it did not start: those that a submission left behind."""
    me, session = os.getpid(), os.getsid(0)
    children = (one for one in descendants(me) if one.parent == me and one.pid not in _workers)
    return [one for one in children if one.session != session]


def _adopt_orphans() -> None:
    """From now on processes without a parent become children of ours, so that none escapes (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
