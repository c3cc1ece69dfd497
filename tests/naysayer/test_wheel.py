"""The commands of README.md and docs/*.md work for a user who has nothing but the wheel, in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.naysayer.pages import PAGES, ROOT, blocks, commands

pytestmark = pytest.mark.systems

NOT_HERE = {
    "cluster.toml": "a cluster of the user's (tests/naysayer/test_guide.py runs the guide's)",
    "./my-node": "a program of the user's",
    "java -cp build": "a program of the user's, compiled",
    "naysayer serve": "runs until Ctrl-C (tests/naysayer/serve)",
    "read-without-read-index --live": "a search of minutes that need not find it (tests/benchmarks/mistakes.py)",
    "--teacher": "takes minutes (tests/naysayer/grade)",
    "examples/": "a file of the source folder, which tests/naysayer/test_own_parts.py runs",
}
"""Why a command of the pages is not run."""

FILES = {"history.jsonl": '{"type":"invoke"', "mine.txt": "# A single write."}
"""Files that a reader makes: how the block of code begins that is their content."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    install = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True)
    where = [str(programs / "python"), "-c", "import naysayer, checker; print(naysayer.__file__, checker.__file__)"]
    said = subprocess.run(where, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert said.count(str(programs.parent)) == 2, "the source folder would be tested in place of the wheel"
    return programs


def made_by_the_reader(folder: Path) -> None:
    """The files that pages show and commands name."""
    every = [block for page in PAGES for block in blocks((ROOT / page).read_text())]
    for name, beginning in FILES.items():
        (folder / name).write_text(next(block for block in every if block.startswith(beginning)))
    shutil.copy(ROOT / "examples" / "containers" / "compose.yaml", folder)


OTHERWISE = {
    Path("docs/course.md"): "tests/naysayer/test_course.py",
    Path("docs/own-parts.md"): "tests/naysayer/test_own_parts.py",
    Path("docs/transactions.md"): "tests/checker/transactions",
}
"""Pages whose commands take long or need files of the reader's, and where such commands are run."""


def to_be_run(page: Path) -> list[str]:
    lines = commands((ROOT / page).read_text())
    return [line for line in lines if not any(word in line for word in NOT_HERE)]


def expected(line: str) -> int:
    """The exit code that a comment announces; otherwise 0."""
    announced = re.search(r"# .*\bexit (\d)", line)
    return int(announced[1]) if announced else 0


def test_every_page_s_commands_end_as_it_says(programs: Path, tmp_path: Path) -> None:
    wrong, count = [], 0
    for page in (page for page in PAGES if page not in OTHERWISE):
        folder = tmp_path / str(page).replace("/", "-")
        folder.mkdir()
        made_by_the_reader(folder)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment["PATH"] = f"{programs}:{environment['PATH']}"
        for line in to_be_run(page):
            ended = subprocess.run(
                ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
            )
            count += 1
            if ended.returncode != expected(line):
                wrong.append(f"{page}: {line}\nexit {ended.returncode}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    assert not wrong, "\n\n".join(wrong)
    assert count >= 15, "the commands are no longer found in the pages"
