"""Porcupine beside ours. It is a library of Go, so the command is one that you build on it: `porcupine MODEL FILE`, on
the PATH, reads operations as JSON lines (docs/formats.md, `jsonl-operations`) and ends with 0 if they are linearizable,
1 if they are not, 2 if it does not know."""

from __future__ import annotations

import resource
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from checker.history import History
from tests.checker.written import json_operations

COMMAND = "porcupine"

SECONDS_MAX = 120

OUTCOMES = {0: "valid", 1: "invalid", 2: "unknown"}


def is_there() -> bool:
    return shutil.which(COMMAND) is not None


def judged(history: History, model: str) -> tuple[str, float]:
    """The outcome and CPU seconds, reading included; "too long" where the limit ended it."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "history.jsonl")
        file.write_bytes(json_operations(list(history)))
        before = _cpu_s()
        try:
            done = subprocess.run([COMMAND, model, file], capture_output=True, check=False, timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return "too long", _cpu_s() - before
        return OUTCOMES.get(done.returncode, f"exit {done.returncode}"), _cpu_s() - before


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
