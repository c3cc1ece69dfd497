"""Compiles the program that looks after a node's disk, when a storage fault is asked for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from checker.errors import UsageError

STORING = frozenset({"power", "corrupt"})
"""The tags of the faults that this is for."""

CANNOT = 121
"""Exit code of its `run` where the kernel does not report system calls."""

FAULTS = "storage faults (power, torn, fsync-error, disk-full, bit-flip)"
PROGRAM = "naysayer-storage"
COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=gnu11", "-O1")
HERE = Path(__file__).parent


def sources() -> list[Path]:
    """The files in C, headers included."""
    return sorted(HERE.glob("*.[ch]"))


def find_compiler() -> str | None:
    """The C compiler of this machine; None where there is none, or where the system is not Linux."""
    if sys.platform != "linux":
        return None
    return next((path for name in COMPILERS if (path := shutil.which(name)) is not None), None)


def compiler() -> str:
    """The same. Raises UsageError in place of None."""
    if sys.platform != "linux":
        raise UsageError(f"{FAULTS} on processes need Linux; the simulator injects them here")
    found = find_compiler()
    if found is None:
        raise UsageError(f"{FAULTS} on processes need a C compiler: install gcc or clang, so that cc is on the PATH")
    return found


def compiled(folder: Path) -> Path:
    """The program, compiled into a folder. Raises UsageError where it cannot be compiled, or cannot work here."""
    program = folder / PROGRAM
    names = [str(source) for source in sources() if source.suffix == ".c"]
    done = subprocess.run(
        [compiler(), *FLAGS, "-o", str(program), *names], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
        raise UsageError(
            f"{FAULTS} need a program in C that does not compile here: {first.strip()}; are the headers of libc and "
            "Linux installed (Debian: libc6-dev; Alpine: musl-dev, linux-headers)?"
        )
    return program
