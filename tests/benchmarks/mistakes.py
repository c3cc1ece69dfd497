"""How often and how soon default runs of real processes find nine classic mistakes, and how much of the load succeeds.

    python -m tests.benchmarks.mistakes [RUNS]

Each run lasts 30 s at most and ends at its first violation. Before these defaults 3 of the nine were found. It needs
javac. Judges nothing.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from naysayer.cli import run
from tests.systems import without

NODES = Path(__file__).resolve().parents[1] / "targets" / "stdio_nodes"

TARGETS = (
    "quorum-kv/no-read-repair",
    "quorum-kv/timeout-is-fail",
    "quorum-kv/memory-only",
    "paxos-kv/learn-from-minority",
    "paxos-kv/own-value-always",
    "raft-log/read-without-read-index",
)
JAVA = ("BUGS=norepair", "BUGS=timeoutfail", "BUGS=memonly")
HEALTHY = ("quorum-kv", "paxos-kv", "raft-log", "SLOW_MS=4000")


def show(subject: str, runs: int, folder: Path) -> None:
    found, at_s, shares = 0, [], []
    for seed in range(1, runs + 1):
        command = f"env {subject} java -XX:TieredStopAtLevel=1 -cp {folder} QuorumNode"
        system = ["--bin", command] if "=" in subject else [subject, "--live"]
        with redirect_stdout(io.StringIO()) as out:
            code = run(["test", *system, "--seed", str(seed), "--results", str(folder / "results"), "--json"])
        verdict = json.loads(out.getvalue())["verdict"]
        counts = verdict["outcomes"]
        shares.append(counts["ok"] / max(1, sum(counts.values())))
        found += code == 1
        parts = verdict["not_valid"] if code == 1 else []
        at_s += [min(max(op["call"] for op in part["counterexample"]) for part in parts) / 1e9] if parts else []
    times = " ".join(f"{s:.1f}" for s in sorted(at_s))
    print(f"  {subject:34} {found} of {runs}  ok {sum(shares) / runs:.0%}  at {times or '-'} s", flush=True)


def main() -> None:
    runs = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lacking = without("javac")
        if not lacking:
            subprocess.run(["javac", "-d", folder, NODES / "QuorumNode.java", NODES / "Json.java"], check=True)
        for subject in (*TARGETS, *JAVA, *HEALTHY):
            if "=" in subject and lacking:
                print(f"  {subject:34} left out: this machine lacks javac", flush=True)
            else:
                show(subject, runs, folder)


if __name__ == "__main__":
    main()
