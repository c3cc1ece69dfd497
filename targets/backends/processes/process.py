"""One OS process under test: started, killed, paused, resumed, and ended for certain; with the tail of its stderr."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import trio

from checker.errors import HarnessError, TargetError, UsageError
from targets.backends.ending import ends_with_us

HARNESS = "NAYSAYER_HARNESS"
"""The environment variable with the process that started a node for a run."""

POLL_S = 0.005
PARENT_POLL_S = 0.5

STDERR_LINES_KEPT = 20
STDERR_LINE_BYTES = 300


def refuse_platform() -> None:
    """Raises UsageError where nodes cannot be run as processes, for want of POSIX signals and pipes (Windows)."""
    signals = all(hasattr(signal, name) for name in ("SIGKILL", "SIGSTOP", "SIGCONT"))
    if not (signals and hasattr(os, "killpg") and hasattr(trio.lowlevel, "FdStream")):
        raise UsageError(
            "nodes run as processes (--live, --bin, naysayer node) only where POSIX signals exist: on Linux, on macOS, "
            "or on Windows in WSL; the simulator runs here"
        )


def process_state(pid: int) -> str:
    """The letter that the system gives for a process' state (T stopped, Z zombie ...), or "gone"."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        if Path("/proc/self/stat").exists():
            return "gone"
    # macOS has no /proc
    asked = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()[:1] or "gone"


def _stream(pipe: IO[bytes]) -> trio.lowlevel.FdStream:
    """Our end of a pipe, on trio."""
    with pipe:
        return trio.lowlevel.FdStream(os.dup(pipe.fileno()))


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Waits for the end of a process of ours; returns its exit code, or the negative number of the signal."""
    if not hasattr(os, "pidfd_open"):  # macOS
        while process.poll() is None:
            await trio.sleep(POLL_S)
    elif process.poll() is None:
        handle = os.pidfd_open(process.pid)
        try:
            await trio.lowlevel.wait_readable(handle)
        finally:
            os.close(handle)
    return process.wait()


def die_with_harness() -> None:
    """Where the system does not end this process with the harness that started it, it checks from time to time."""
    harness = os.environ.get(HARNESS)
    if harness == str(os.getppid()) and ends_with_us() is None:
        threading.Thread(target=_watch_parent, args=(int(harness),), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
    os._exit(1)


class NodeProcess:
    """A node's process, in a separate process group, so that its children end with it; it ends when the
    harness does."""

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, pipes: bool = False
    ) -> None:
        """`env` comes on top of our own environment. `pipes`: reach it by `stdin` and `stdout`."""
        self.name = name
        self.command = list(command)
        self.log = log
        self._env = {**os.environ, HARNESS: str(os.getpid()), **(env or {})}
        self._pipes = pipes
        self.process: subprocess.Popen[bytes] | None = None
        self.stdin: trio.lowlevel.FdStream | None = None
        self.stdout: trio.lowlevel.FdStream | None = None
        self.starts = 0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it; its stderr is appended to `log`. Raises TargetError if it cannot be executed.

        In this thread: trio would start it in one that ends after ten idle seconds, and the node with it.
        """
        self.starts += 1
        with self.log.open("ab") as log:
            try:
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.PIPE if self._pipes else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if self._pipes else log,
                    stderr=log,
                    env=self._env,
                    start_new_session=True,
                    preexec_fn=ends_with_us(),
                )
            except OSError as error:
                raise TargetError(f"node {self.name}: cannot start {self.command[0]}: {error.strerror}") from error
        self.stdin, self.stdout = (
            None if pipe is None else _stream(pipe) for pipe in (self.process.stdin, self.process.stdout)
        )

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process and its children; a process that has gone is left alone."""
        if self.process is not None and self.process.poll() is None:
            try:
                # its own session (start_new_session), so its pid is also its process group
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return

    async def kill(self) -> str:
        """SIGKILL, and wait until it is gone. Returns what shows it. Cannot be cancelled: no process is left."""
        if self.process is None:
            return "was not running"
        process = self.process
        self.send(signal.SIGKILL)
        with trio.CancelScope(shield=True):
            with trio.move_on_after(10) as waited:
                await ended(process)
            if waited.cancelled_caught:
                raise HarnessError(f"node {self.name}: process {process.pid} did not die of SIGKILL within 10 s")
            for stream in (self.stdin, self.stdout):
                if stream is not None:
                    await stream.aclose()
        return f"process {process.pid} ended by signal {-(process.returncode or 0)}"

    async def pause(self) -> str:
        """SIGSTOP, and wait until the system shows it stopped."""
        return await self._until(signal.SIGSTOP, stopped=True)

    async def resume(self) -> str:
        return await self._until(signal.SIGCONT, stopped=False)

    async def _until(self, number: signal.Signals, *, stopped: bool) -> str:
        if not self.running or self.process is None:
            raise HarnessError(f"node {self.name} is not running, so it cannot take {number.name}")
        self.send(number)
        with trio.move_on_after(5):
            while (process_state(self.process.pid) in "Tt") != stopped:
                await trio.sleep(0.002)
            return f"process {self.process.pid} in state {process_state(self.process.pid)}"
        raise HarnessError(f"node {self.name}: {number.name} had no effect within 5 s")

    def stderr_tail(self) -> str:
        """The last lines of what it wrote to stderr, bounded."""
        try:
            with self.log.open("rb") as log:
                log.seek(0, 2)
                log.seek(max(0, log.tell() - STDERR_LINES_KEPT * STDERR_LINE_BYTES))
                kept = deque(log.read().splitlines(), STDERR_LINES_KEPT)
        except OSError:
            return ""
        return "\n".join(
            line[:STDERR_LINE_BYTES].decode("utf-8", "replace") + (" ..." if len(line) > STDERR_LINE_BYTES else "")
            for line in kept
        )
