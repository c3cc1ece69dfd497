"""The host process: one line in, one line out, always. There is one of each command in a process of ours.

Many runs use it, one after the other or in turn, so that a JVM starts once. It is started when it is first needed,
again after it has died, and ends with this process. Whatever it does, it never blocks us for ever: a watchdog ends it
when an input takes too much CPU time or too long, and what it writes to stderr is read all the time and mostly dropped.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec

from checker.errors import UsageError
from targets.backends.ending import ends_with_us

VERSION = 1
"""Of the node protocol, as the host's hello names it."""

HELLO_S_MAX = 60.0
"""How long a host may take to start: some compile first."""

CPU_S_MAX, WALL_S_MAX = 5.0, 20.0
"""An input that takes so much CPU time of the host, or so long, has no answer: a load of others' costs no CPU time."""

AGAIN_S_MAX = 0.5, 3.0
"""The same once an input of this command had no answer: a failure that is minimised may run hundreds of times."""

TICK_S = 0.1
LINE_BYTES_MAX = 64 * 1024 * 1024
STDERR_BYTES_MAX = 64 * 1024
DUMP_S = 1.0
"""How long a host that hangs may take to print its stacks when it is asked to (SIGQUIT)."""

_ORDERS = ("SetN$SetNIterator", "MapN$MapNIterator", "Set12", "Set12$1")
"""The JDK's classes whose order is drawn when it starts. The kit sets it, which compiled code would not notice."""

JAVA = " ".join(
    (
        "-XX:+IgnoreUnrecognizedVMOptions -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -Xmx512m",
        "-XX:+DisplayVMOutputToStderr -XX:+UnlockExperimentalVMOptions -XX:hashCode=2 -XX:CompileCommand=quiet",
        *(f"-XX:CompileCommand=exclude,java.util.ImmutableCollections${name}::*" for name in _ORDERS),
    )
)
"""What JVMs are given unless JDK_JAVA_OPTIONS is set: they start and run faster so, keep stdout for the protocol, and
give objects that define no hashCode the same one in every process."""

Exchange = tuple[str, bytes, bytes]
"""The node that an input was for, the input, and the answer."""

HARNESS = "NAYSAYER_HOST"
"""The environment variable by which a program knows that it is started as a host."""


class HostDiedError(Exception):
    """The host has ended, or did not answer: `how` continues a sentence that begins with its or a node's name."""

    def __init__(self, how: str, *, hung: bool = False) -> None:
        super().__init__(how)
        self.how = how
        self.hung = hung


class _Hello(msgspec.Struct):
    naysayer: int
    kit: str = ""


class HostProcess:
    """A running host. It is not for several threads: one input is under way at a time."""

    def __init__(self, command: tuple[str, ...]) -> None:
        """Raises UsageError where it cannot be started, or does not begin as the protocol says."""
        self.command = command
        self.lives = 0
        """Lives of nodes so far: each has a number of its own."""
        self.gone: list[int] = []
        """Lives that the host may forget."""
        self.calls = 0
        self.patience_s = AGAIN_S_MAX if command in _hung else (CPU_S_MAX, WALL_S_MAX)
        """How much CPU time, and how long, an input may take."""
        self.exchanges: list[Exchange] | None = None
        """If it is a list, what goes to and fro is added to it."""
        self._rest = b""
        self._busy = True
        self._hung = False
        self._stderr = bytearray()
        self._ended = threading.Event()
        _share_a_core()
        try:
            self._process = subprocess.Popen(
                (*_launcher, *command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=_environment(),
                start_new_session=True,
                preexec_fn=ends_with_us(),
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"--host: cannot run {command[0]}: {why}") from error
        _hosts[command] = self
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._drain = threading.Thread(target=self._read_stderr, daemon=True)
        self._drain.start()
        threading.Thread(target=self._watch, daemon=True).start()
        self._greet()

    def _greet(self) -> None:
        words = shlex.join(self.command)
        try:
            line = self._line()
        except HostDiedError as error:
            raise UsageError(f"--host {words!r} {error.how} before its hello") from None
        try:
            hello = msgspec.json.decode(line, type=_Hello)
        except (msgspec.MsgspecError, RecursionError):
            self.end()
            first = line[:200].decode("utf-8", "replace")
            said = f"printed {first!r} where its hello was due"
            advice = "start it with a kit of targets/kits, and let nothing else print to stdout (docs/node-protocol.md)"
            raise UsageError(f"--host {words!r} {said}: {advice}") from None
        if hello.naysayer != VERSION:
            self.end()
            raise UsageError(f"--host {words!r} speaks version {hello.naysayer} of the node protocol, not {VERSION}")
        self._busy = False

    @property
    def running(self) -> bool:
        """Whether it can be given inputs."""
        return not self._ended.is_set()

    def new_life(self) -> int:
        """A number for one life of a node, never used again."""
        self.lives += 1
        return self.lives

    def call(self, line: bytes, node: str) -> bytes:
        """Give it one input for a node; returns the answer, without its line's end. Raises HostDiedError."""
        if self._ended.is_set():
            raise HostDiedError("is gone, as its host process has ended")
        self.calls += 1
        self._busy = True
        try:
            self._write(line)
            answer = self._line()
        except BaseException:  # an interrupt too: the answer would be taken for that of the next input
            self.end()
            raise
        self._busy = False
        if self.exchanges is not None:
            self.exchanges.append((node, line, answer))
        return answer

    def _write(self, line: bytes) -> None:
        try:
            written = os.write(self._in, line)
            while written < len(line):
                written += os.write(self._in, line[written:])
        except BrokenPipeError:
            raise self._death() from None

    def _line(self) -> bytes:
        found = os.read(self._out, 1 << 16) if not self._rest else self._rest
        if found and found.endswith(b"\n") and found.find(b"\n") == len(found) - 1:  # as nearly always
            self._rest = b""
            return found[:-1]
        parts = bytearray(found)
        at = 0
        while (end := parts.find(b"\n", at)) < 0:
            at = len(parts)
            more = os.read(self._out, 1 << 16)
            if not more:
                raise self._death()
            parts += more
            if len(parts) > LINE_BYTES_MAX:
                raise HostDiedError(f"printed more than {LINE_BYTES_MAX >> 20} MiB without a line's end")
        self._rest = bytes(parts[end + 1 :])
        return bytes(parts[:end])

    def _death(self) -> HostDiedError:
        """Why no answer comes."""
        if not self._hung:
            try:
                self._process.wait(DUMP_S)
            except subprocess.TimeoutExpired:
                self.end()
                return HostDiedError(f"closed its stdout{self._said()}")
        self.end()
        if self._hung:
            return HostDiedError(f"gave no answer{_stack(self._text())}", hung=True)
        code = self._process.returncode
        how = f"ended its process with exit code {code}" if code >= 0 else f"was ended by signal {-code}"
        return HostDiedError(f"{how}{self._said()}")

    def _text(self) -> str:
        return bytes(self._stderr).decode("utf-8", "replace")

    def _said(self) -> str:
        """The end of its stderr, as the end of a sentence."""
        lines = [line for line in self._text().splitlines() if line.strip() and not line.startswith("NOTE: Picked up")]
        return f"; its stderr ends: {' | '.join(line.strip()[:200] for line in lines[-6:])}" if lines else ""

    def end(self) -> None:
        """End it at once, with all processes of its own."""
        if _hosts.get(self.command) is self:
            del _hosts[self.command]
        first = not self._ended.is_set()
        self._ended.set()
        if not first:
            return
        _signal_all(self._process, signal.SIGKILL)
        self._process.wait()
        self._drain.join(DUMP_S)
        _ended_s[0] += self._cpu_s_last
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    # what runs beside

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            while found := os.read(pipe.fileno(), 1 << 16):
                self._stderr += found
                del self._stderr[:-STDERR_BYTES_MAX]

    def _watch(self) -> None:
        """Ends it when an input has no answer. No input pays for that."""
        seen, since_s, ticks = -1, 0.0, 0
        while not self._ended.wait(TICK_S):
            cpu_s = self.cpu_s()
            if not self._busy or self.calls != seen:
                seen, since_s, ticks = self.calls, cpu_s, 0
                continue
            ticks += 1  # those of this thread: while all of us is stopped no time passes
            most_cpu_s, most_s = self.patience_s
            if self.calls == 0:
                most_cpu_s = most_s = HELLO_S_MAX
            if cpu_s - since_s > most_cpu_s or ticks * TICK_S > most_s:
                self._end_hung(ticks * TICK_S)
                return

    def _end_hung(self, waited_s: float) -> None:
        """Ask it for its stacks, then end it: the reader of its answer meets the end of its stdout."""
        self._hung = True
        _ended_s[0] += waited_s
        if self.calls:
            _hung.add(self.command)
        self._stderr.clear()
        if hasattr(signal, "SIGQUIT"):
            _signal_all(self._process, signal.SIGQUIT)
            self._wait_for_dump()
        _signal_all(self._process, signal.SIGKILL)

    def _wait_for_dump(self) -> None:
        """Until it has printed something, and then nothing more for a tick."""
        until, size = time.monotonic() + DUMP_S, 0
        while time.monotonic() < until and self._process.poll() is None:
            time.sleep(TICK_S)
            if 0 < len(self._stderr) == size:
                return
            size = len(self._stderr)

    _cpu_s_last = 0.0

    def cpu_s(self) -> float:
        """CPU seconds that it has used; 0 where the platform does not show them."""
        try:
            with open(f"/proc/{self._process.pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return self._cpu_s_last
        self._cpu_s_last = (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
        return self._cpu_s_last


_launcher: list[str] = []
_hosts: dict[tuple[str, ...], HostProcess] = {}
_hung: set[tuple[str, ...]] = set()
"""Commands of which an input had no answer."""
_ended_s = [0.0]
"""What hosts cost that have ended."""
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def host(command: tuple[str, ...]) -> HostProcess:
    """The running host of this command, started if there is none."""
    return _hosts.get(command) or HostProcess(command)


def launch_by(words: Sequence[str]) -> None:
    """From now on commands of hosts are started by these words before them, such as those of a sandbox."""
    _launcher[:] = words


def hosts_s() -> float:
    """CPU seconds that all hosts of this process have used so far, and those for which inputs had no answer."""
    return _ended_s[0] + sum(one.cpu_s() for one in list(_hosts.values()))


@atexit.register
def end_hosts() -> None:
    """End all hosts of this process. Those of one that cannot do so end as their stdin does."""
    for one in list(_hosts.values()):
        one.end()


def _signal_all(process: subprocess.Popen[bytes], number: int) -> None:
    """To the process and its children; one that has gone is left alone."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, number)  # its own session, so its pid is also its process group
            else:
                process.kill()


def _environment() -> dict[str, str]:
    env = {**os.environ, HARNESS: str(VERSION)}
    env.setdefault("JDK_JAVA_OPTIONS", JAVA)
    env.setdefault("PYTHONHASHSEED", "0")
    return env


def _share_a_core() -> None:
    """A worker of a pool stays on a core of its own, as the host does that it starts there."""
    if multiprocessing.parent_process() is None or not sys.platform.startswith("linux"):
        return
    identity: tuple[int, ...] = getattr(multiprocessing.current_process(), "_identity", ())
    cores = sorted(os.sched_getaffinity(0))
    if identity and len(cores) > 1:
        os.sched_setaffinity(0, {cores[(identity[-1] - 1) % len(cores)]})


@contextmanager
def on_one_core() -> Iterator[None]:
    """In the block this thread stays on one core, and so does a host that it starts there (Linux).

    The two take turns: neither waits for another core to wake up, or for its turn on a busy one.
    """
    cores = os.sched_getaffinity(0) if sys.platform.startswith("linux") else set()
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(0, {sorted(cores)[os.getpid() % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


_FRAME = re.compile(
    r"\s*at (?P<owner>[\w.$<>]+)\.(?P<call>[\w$<>]+)\((?:[\w.@]+/)?(?P<place>[\w$]+\.\w+:\d+)\)"  # a JVM's
    r'|\s*File "(?P<file>[^"]+)", line (?P<line>\d+),? in (?P<function>\S+)'  # Python's
)
_LIBRARY = ("java.", "jdk.", "sun.")
_KIT = re.compile(r"Naysayer|naysayer_kit")
FRAMES_MAX = 4


def _stack(stderr: str) -> str:
    """Where the host was, from the stacks that it printed, innermost first; "" if it printed none."""
    frames: list[str] = []
    for line in stderr[max(stderr.find('"main"'), 0) :].splitlines():
        found = _FRAME.match(line)
        if found is None or (found["owner"] or "").startswith(_LIBRARY):
            continue
        if _KIT.search(line):
            if frames:
                break
            continue
        place = found["place"] or f"{os.path.basename(found['file'])}:{found['line']}"
        frames.append(f"{place} in {found['call'] or found['function']}")
    called = f" (called from {', '.join(frames[1:FRAMES_MAX])})" if frames[1:] else ""
    return f"; it was at {frames[0]}{called}" if frames else ""
