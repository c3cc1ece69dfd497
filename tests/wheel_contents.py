"""Builds the wheel and checks that it holds the five packages and nothing else. Run by `make lint`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGES = {"checker", "targets", "workloads", "nemesis", "naysayer"}


def main() -> int:
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory(prefix="naysayer-wheel-") as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(root)]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            sys.stderr.write(built.stdout + built.stderr)
            return 1
        (wheel,) = Path(folder).glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    modules = {str(path.relative_to(root)) for package in PACKAGES for path in (root / package).rglob("*.py")}
    problems = []
    if tops != PACKAGES:
        problems.append(f"top-level names are {sorted(tops)}, expected {sorted(PACKAGES)}")
    if missing := sorted(modules - set(names)):
        problems.append(f"missing: {missing}")
    if not any(name.endswith("entry_points.txt") for name in names):
        problems.append("no console script")
    for problem in problems:
        sys.stderr.write(f"wheel: {problem}\n")
    sys.stdout.write(f"wheel: {len(names)} files, {', '.join(sorted(tops))}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
