"""What runs on Windows and macOS, tried by taking away what they lack: from the command, and from its workers.

The modules and functions are really gone, also for the libraries that we use; /proc cannot be read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import naysayer
from targets.backends.processes.process import process_state

pytestmark = pytest.mark.slow

COMMON = """
import builtins, io, os, signal, sys

def without_proc(function):
    def guarded(path, *args, **kwargs):
        if str(path).startswith("/proc"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return function(path, *args, **kwargs)
    return guarded

builtins.open = io.open = without_proc(io.open)
os.open, os.stat, os.listdir, os.readlink = map(without_proc, (os.open, os.stat, os.listdir, os.readlink))

def take(module, *names):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

take(os, "pidfd_open", "memfd_create", "sched_getaffinity", "sched_yield", "posix_fallocate")
"""

WINDOWS = (
    COMMON
    + """
for name in ("resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
take(os, "symlink", "link", "killpg", "getpgid", "setsid", "getpgrp", "getuid", "geteuid", "getgid", "fork")
take(signal, "SIGKILL", "SIGSTOP", "SIGCONT", "SIGTSTP", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE",
     "pthread_sigmask", "pthread_kill", "setitimer", "getitimer", "alarm", "pause", "sigwait", "siginterrupt")
"""
)

MACOS = (
    COMMON
    + """
import ctypes
class Library(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "prctl":
            raise AttributeError(name)
        return super().__getattr__(name)
ctypes.CDLL = Library
"""
)

NODE = """
import json, sys
def send(dest, body): print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)
me, value = "?", {}
for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    kind, reply = body["type"], {"in_reply_to": body["msg_id"]}
    if kind == "init": me = body["node_id"]
    if kind == "write": value[body["key"]] = body["value"]
    if kind == "read":
        if body["key"] in value: reply["value"] = value[body["key"]]
        else: kind, reply = "error", {**reply, "code": 20}
    if kind == "cas":
        at = value.get(body["key"])
        if at is None: kind, reply = "error", {**reply, "code": 20}
        elif at != body["from"]: kind, reply = "error", {**reply, "code": 22}
        else: value[body["key"]] = body["to"]
    send(message["src"], {**reply, "type": "error" if kind == "error" else kind + "_ok"})
"""

HISTORY = b'{"client":0,"call":1,"return":2,"op":"write","key":"x","input":1}\n'


def on(platform: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command on a platform that lacks what its sitecustomize takes away."""
    site = folder / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(platform)
    path = os.pathsep.join([str(site), str(Path(naysayer.__file__).resolve().parents[1])])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


COMMAND = ("-m", "naysayer")


@pytest.mark.parametrize("platform", [WINDOWS, MACOS], ids=["windows", "macos"])
class TestEverywhere:
    def test_the_checker_is_imported_and_used(self, platform: str, tmp_path: Path) -> None:
        code = """
import checker
if __name__ == "__main__":
    ops = [checker.Operation(i, i, "write", "k%d" % (i % 3), i, None, 0, 9) for i in range(9)]
    assert checker.check(ops, "kv", engine="processes").outcome == "valid"
    assert checker.check(ops, "kv", budget=checker.Budget(steps=None, memory_mb=1)).outcome in ("valid", "unknown")
"""
        (tmp_path / "use.py").write_text(code)
        done = on(platform, tmp_path, "use.py")
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_history_is_checked_and_a_run_is_simulated_and_replayed(self, platform: str, tmp_path: Path) -> None:
        (tmp_path / "h.jsonl").write_bytes(HISTORY)
        done = on(platform, tmp_path, *COMMAND, "check", "h.jsonl", "--certify")
        assert (done.returncode, done.stderr) == (0, "")
        done = on(platform, tmp_path, *COMMAND, "test", "quorum-kv/no-read-repair")
        assert (done.returncode, done.stderr) == (1, "")
        assert "NOT LINEARIZABLE" in done.stdout
        done = on(platform, tmp_path, *COMMAND, "replay", "results/quorum-kv.no-read-repair/latest")
        assert (done.returncode, done.stderr) == (1, "")
        assert "identical" in done.stdout


def test_windows_hunts_in_several_processes(tmp_path: Path) -> None:
    done = on(WINDOWS, tmp_path, *COMMAND, "hunt", "quorum-kv/local-counter-version", "--seeds", "50")
    assert (done.returncode, done.stderr) == (1, "")
    assert list((tmp_path / "results").glob("*/*/scenario.txt"))


def test_windows_says_what_it_cannot_do(tmp_path: Path) -> None:
    (tmp_path / "h.jsonl").write_bytes(HISTORY)
    for arguments, said in (
        (("test", "--bin", "node.py"), "only where POSIX signals exist"),
        (("test", "quorum-kv", "--live"), "only where POSIX signals exist"),
        (("node", "quorum-kv", "--stdio"), "only where POSIX signals exist"),
        (("check", "h.jsonl", "--memory-mb", "100"), "--memory-mb cannot be enforced"),
    ):
        done = on(WINDOWS, tmp_path, *COMMAND, *arguments)
        assert done.returncode == 3
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
        assert not (tmp_path / "results").exists()


def test_macos_kills_and_pauses_the_nodes_of_a_binary(tmp_path: Path) -> None:
    (tmp_path / "node.py").write_text(NODE)
    arguments = ("--bin", f"{sys.executable} node.py", "--nodes", "1", "--nemesis", "pause,kill", "--time", "4s")
    done = on(MACOS, tmp_path, *COMMAND, "test", *arguments)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    (verdict,) = {file.resolve() for file in (tmp_path / "results").glob("*/*/verdict.json")}
    built = json.loads(verdict.read_text())
    shown = {fault["fault"]["fault"] for fault in built["faults"] if fault["shown"]}
    assert {"kill", "pause"} <= shown
    assert built["outcomes"]["ok"] > 20


def test_macos_runs_targets_live(tmp_path: Path) -> None:
    done = on(MACOS, tmp_path, *COMMAND, "test", "quorum-kv", "--live", "--time", "3s", "--nemesis", "kill")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_node_ends_with_a_harness_that_was_killed_on_macos_too(tmp_path: Path) -> None:
    node = """
from targets.backends.processes.process import die_with_harness
die_with_harness()
print("bound", flush=True)
while True:
    import time; time.sleep(60)
"""
    harness = f"""
import subprocess, sys, os
os.environ["NAYSAYER_HARNESS"] = str(os.getpid())
node = subprocess.Popen([sys.executable, "-c", {node!r}], stdout=subprocess.PIPE)
node.stdout.readline()
print(node.pid, flush=True)
os._exit(9)
"""
    done = on(MACOS, tmp_path, "-c", harness)
    assert done.returncode == 9, done.stderr
    pid = int(done.stdout)
    while process_state(pid) not in ("gone", "Z"):
        os.sched_yield()


def test_a_process_state_is_known_without_proc(tmp_path: Path) -> None:
    code = """
import os, signal, subprocess, sys
from targets.backends.processes.process import process_state
child = subprocess.Popen(["sleep", "60"])
assert process_state(child.pid) in "SIR", process_state(child.pid)
child.send_signal(signal.SIGSTOP)
while process_state(child.pid) != "T": pass
child.kill()
child.wait()
assert process_state(child.pid) == "gone"
"""
    done = on(MACOS, tmp_path, "-c", code)
    assert (done.returncode, done.stderr) == (0, "")
