"""The processes that judge the parts of a check, and that try the seeds of a hunt."""

from __future__ import annotations

import select
import subprocess
import sys
from pathlib import Path

import pytest

SPINS = """
import sys
from checker.processes import processes

def spin():
    print("spins", flush=True)
    while True:
        pass

if __name__ == "__main__":
    with processes(2) as pool:
        pool.submit(spin)
        sys.stdin.read()
"""


@pytest.mark.slow
def test_processes_end_with_one_that_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "spins.py"
    file.write_text(SPINS)
    command = [sys.executable, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"spins\n"
        parent.kill()
        assert select.select([parent.stdout], [], [], 60)[0], "a process is left"
        assert parent.stdout.read() == b""  # the last process that had it open has ended
