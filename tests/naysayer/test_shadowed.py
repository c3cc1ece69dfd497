"""Files of a user's own that have the names of our packages: nothing of theirs is run in place of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from naysayer.__main__ import PACKAGES

pytestmark = pytest.mark.slow  # each starts processes

THEIRS = "raise SystemExit('their file was run')\n"


def started(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "naysayer", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", PACKAGES)
def test_python_m_naysayer_refuses_to_start_beside_a_file_of_that_name(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text(THEIRS)
    ended = started(tmp_path, "list")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == (
        f"naysayer: {tmp_path / name}.py hides naysayer's own package {name!r}: "
        "rename it, or start naysayer from another folder\n"
    )


def test_a_package_of_that_name_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "checker").mkdir()
    (tmp_path / "checker" / "__init__.py").write_text(THEIRS)
    ended = started(tmp_path, "--version")
    assert ended.returncode == 3
    assert "checker/__init__.py hides naysayer's own package" in ended.stderr


def test_a_folder_without_python_in_it_hides_nothing(tmp_path: Path) -> None:
    """results of somebody's own tests, say."""
    (tmp_path / "targets").mkdir()
    assert started(tmp_path, "--version").returncode == 0


def test_the_command_itself_does_not_look_into_the_folder_it_is_typed_in(tmp_path: Path) -> None:
    (tmp_path / "checker.py").write_text(THEIRS)
    command = [str(Path(sys.executable).parent / "naysayer"), "--version"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
