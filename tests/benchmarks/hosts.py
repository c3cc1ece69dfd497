"""What nodes in a host process cost, beside the same store in Python within ours.

    python -m tests.benchmarks.hosts

Seeds of 200 operations on three nodes, tried on one core: the CPU seconds are those of our process and of the host. The
first verdict is the time from the start of a hunt, in a process of its own, until a worker has judged its first seeds.
Prints what is missing where this machine has no JDK. Judges nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

from naysayer.hunt.campaign import Hunt, attempt, few_collections
from naysayer.recorder import Recorder
from naysayer.simulate import Simulation
from targets.backends.host.process import end_hosts, hosts_s
from tests.systems import without

ROOT = Path(__file__).parents[2]
SEEDS = 100
REPLAYS = 100


def seeds(name: str) -> float:
    """CPU seconds of a seed, printed as seeds a minute."""
    hunt = Hunt(name, nodes=3, workload="register")
    attempt(hunt, range(1, 11))  # imports, and what a JVM compiles at first
    began, host_began = time.process_time(), hosts_s()
    attempt(hunt, range(52, 52 + SEEDS // 2))  # without the one in 50 that is compared
    attempt(hunt, range(102, 102 + SEEDS // 2 - 1))
    ours, host = time.process_time() - began, hosts_s() - host_began
    each = (ours + host) / (SEEDS - 1)
    print(f"  {60 / each:>6.0f} seeds a minute and core  {ours:.1f} CPU s + {host:.1f} of the host", flush=True)
    return each


def first_verdict(host: str, folder: str) -> None:
    """How long a hunt of ten seeds takes, in all."""
    command = [sys.executable, "-m", "naysayer", "hunt", "--host", host, "--nodes", "3", "--seeds", "10"]
    began = time.monotonic()
    code = subprocess.run([*command, "--results", folder], capture_output=True, check=False).returncode
    print(f"  {time.monotonic() - began:>6.1f} s for a hunt of ten seeds  (exit code {code})")


def replays(name: str) -> None:
    """How many of the runs of one plan have the same history, byte for byte: one in two on a fresh host."""
    plan = Hunt(name, nodes=3, workload="register").plan(7)
    histories = set()
    with few_collections():
        for number in range(REPLAYS):
            if number % 2:
                end_hosts()
            file = BytesIO()
            Simulation(plan, Recorder(file)).run()
            histories.add(file.getvalue())
    print(f"  {REPLAYS} runs of one plan, every other on a fresh host: {len(histories)} different histories")


def main() -> None:
    if lacking := without("java", "javac"):
        print(f"  this machine lacks {', '.join(lacking)}")
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with tempfile.TemporaryDirectory(prefix="naysayer-bench-") as folder:
        sources = [*(ROOT / "targets" / "kits" / "java").glob("Naysayer*.java"), *_store()]
        subprocess.run(["javac", "-d", folder, *sources], check=True)
        host = f"java -cp {folder} QuorumStore"
        print("  quorum-kv, in Python within our process")
        native = seeds("quorum-kv")
        print("  QuorumStore, in Java")
        hosted = seeds(f"host:{host}")
        print(f"  {hosted / native:>6.1f} times the CPU time")
        replays(f"host:{host}")
        first_verdict(host, folder)
    end_hosts()


def _store() -> list[Path]:
    return [ROOT / "tests" / "assignments" / "java" / "QuorumStore.java"]


if __name__ == "__main__":
    main()
