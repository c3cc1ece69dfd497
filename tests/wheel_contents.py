"""Builds the wheel and checks that it holds the five packages, their types and the licence, and nothing else.

Run by `make lint`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from email import message_from_bytes
from pathlib import Path

PACKAGES = {"checker", "targets", "workloads", "nemesis", "naysayer"}
CLASSIFIERS = {
    "Operating System :: MacOS",
    "Operating System :: Microsoft :: Windows",
    "Operating System :: POSIX :: Linux",
    "Programming Language :: Python :: 3.11",
    "Typing :: Typed",
}


def main() -> int:
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory(prefix="naysayer-wheel-") as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(root)]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            sys.stderr.write(built.stdout + built.stderr)
            return 1
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as opened:
            names = opened.namelist()
            described = next(name for name in names if name.endswith(".dist-info/METADATA"))
            metadata = message_from_bytes(opened.read(described))
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    wanted = {str(path.relative_to(root)) for package in PACKAGES for path in (root / package).rglob("*.py")}
    wanted |= {str(path.relative_to(root)) for path in (root / "naysayer" / "play" / "scenarios").glob("*.txt")}
    wanted |= {str(path.relative_to(root)) for path in (root / "targets" / "backends" / "storage").glob("*.[ch]")}
    kits = root / "targets" / "kits"
    wanted |= {
        str(path.relative_to(root)) for path in kits.rglob("*") if path.suffix in (".md", ".java", ".go", ".mod", ".js")
    }
    page = root / "naysayer" / "page"
    wanted |= {str(path.relative_to(root)) for glob in ("*.jinja", "css/*.css", "js/*.js") for path in page.glob(glob)}
    problems = []
    if tops != PACKAGES:
        problems.append(f"top-level names are {sorted(tops)}, expected {sorted(PACKAGES)}")
    if missing := sorted(wanted - set(names)):
        problems.append(f"missing: {missing}")
    if not any(name.endswith("entry_points.txt") for name in names):
        problems.append("no console script")
    problems += [f"no {package}/py.typed" for package in sorted(PACKAGES) if f"{package}/py.typed" not in names]
    if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
        problems.append("no LICENSE")
    if metadata["License-Expression"] != "MIT":
        problems.append(f"the licence is {metadata['License-Expression']}, expected MIT")
    classifiers = set(metadata.get_all("Classifier", []))
    problems += [f"no classifier {needed}" for needed in sorted(CLASSIFIERS - classifiers)]
    if "Project-URL" in metadata or "Home-page" in metadata:
        problems.append("the project has no public address, yet one is named")
    for problem in problems:
        sys.stderr.write(f"wheel: {problem}\n")
    sys.stdout.write(f"wheel: {len(names)} files, {', '.join(sorted(tops))}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
