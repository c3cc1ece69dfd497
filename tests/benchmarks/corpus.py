"""The corpus in one process, and the start of the command: what a user waits for first."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
STARTS = 5


def main() -> None:
    """Reading and judging every file of corpus/etcd and corpus/kv; the median of some starts of `naysayer --help`."""
    from checker.check import check
    from checker.formats import read

    for folder in ("etcd", "kv"):
        files = sorted((CORPUS / folder).glob("*.*")) if CORPUS.is_dir() else []
        began = time.process_time()
        outcomes = [check((recording := read(file)).history, recording.model).outcome for file in files]
        seconds = time.process_time() - began
        counts = ", ".join(f"{outcomes.count(name)} {name}" for name in ("valid", "invalid", "unknown"))
        print(f"  {folder}: {len(files)} files read and judged in {seconds:.2f} CPU s ({counts})")
    taken = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "naysayer", "--help"], check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    print(f"  naysayer --help: {sorted(taken)[STARTS // 2]:.2f} s (median of {STARTS})")


if __name__ == "__main__":
    main()
