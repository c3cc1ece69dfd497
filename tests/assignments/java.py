"""Compiles the solutions and the mistakes, and names them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent / "java"
KIT = Path(__file__).resolve().parents[2] / "targets" / "kits" / "java"

SOLUTIONS = {
    "write-ahead-log": "WalStore",
    "quorum-store": "QuorumStore",
    "generation-clock": "GenerationClock",
    "paxos-store": "PaxosStore",
    "replicated-log": "RaftStore",
}
"""By assignment: the class that solves it."""

MISTAKES_IN = {
    "write-ahead-log": "WalBugs",
    "quorum-store": "QuorumBugs",
    "generation-clock": "GenerationBugs",
    "paxos-store": "PaxosBugs",
    "replicated-log": "RaftBugs",
}


def compiled(folder: Path) -> None:
    """Compile everything into folder/build."""
    for file in [*HERE.glob("*.java"), *KIT.glob("*.java")]:
        shutil.copy(file, folder)
    files = sorted(map(str, folder.glob("*.java")))
    subprocess.run(["javac", "-Xlint:all", "-Werror", "-d", str(folder / "build"), *files], check=True)


def solution(assignment: str) -> str:
    """The command of the solution's host, to be run in the folder."""
    return f"java -cp build {SOLUTIONS[assignment]}"


def mistakes(assignment: str) -> dict[str, str]:
    """By the name of a mistake: the command of its host."""
    source = (HERE / f"{MISTAKES_IN[assignment]}.java").read_text()
    names = re.findall(r'case "([\w-]+)"', source)
    return {name: f"java -cp build {MISTAKES_IN[assignment]} {name}" for name in names}
