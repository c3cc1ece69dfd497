"""What a submission may not do, and that nothing of it is left."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from naysayer.grade.sandbox import LimitBrokenError, Limits, can_cut_network, copied, launcher, supervised

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="limits are watched by /proc"),
]

CHILD = "import subprocess, sys; subprocess.run([*{words}, {python!r}, '-c', {code!r}], start_new_session=True)"

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
PYTHON = shutil.which("python3", path="/usr/bin:/bin")
"""That of the system: another user may not be allowed to use ours."""


def run(code: str, folder: Path, limits: Limits, take: Callable[[bytes], None] = lambda line: None) -> None:
    """A worker that starts a submission with this code."""
    worker = CHILD.format(words=launcher(limits, own_user=False), python=sys.executable, code=code)
    supervised([sys.executable, "-c", worker], b"", folder, limits, take)


@pytest.mark.parametrize(
    ("code", "limits", "said"),
    [
        ("held = bytearray(300 << 20); import time; time.sleep(60)", Limits(memory_mb=100), "MB of memory"),
        (
            "import time; [open(f'f{n}', 'wb').write(bytes(900_000)) for n in range(4)]; time.sleep(60)",
            Limits(files_mb=1),
            "its files grew",
        ),
        ("import time; time.sleep(60)", Limits(seconds=0.5), "it took more than 0 s"),
    ],
)
def test_a_submission_that_breaks_a_limit_is_ended_with_the_reason(
    tmp_path: Path, code: str, limits: Limits, said: str
) -> None:
    with pytest.raises(LimitBrokenError, match=said):
        run(code, tmp_path, limits)


def test_no_file_grows_beyond_the_limit(tmp_path: Path) -> None:
    run("open('large', 'wb').write(bytes(3 << 20))", tmp_path, Limits(files_mb=2))
    assert (tmp_path / "large").stat().st_size <= 2 << 20


def test_what_has_left_its_session_and_its_parent_is_ended_too(tmp_path: Path) -> None:
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        open('pid', 'w').write(str(os.getpid()))\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "while not os.path.exists('pid') or not open('pid').read(): time.sleep(0.01)\n"
    )
    run(code, tmp_path, Limits())
    pid = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or state.read_bytes().rpartition(b")")[2].split()[0] == b"Z"


def test_the_environment_has_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_TOKEN", "secret")
    run("import os; open('env', 'w').write(repr(dict(os.environ)))", tmp_path, Limits())
    assert "COURSE_TOKEN" not in (tmp_path / "env").read_text()


@pytest.mark.skipif(not ROOT or PYTHON is None, reason="needs root, and the system's Python")
def test_as_another_user_a_submission_cannot_read_what_is_ours(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the hidden seeds")
    secret.chmod(0o600)
    mine = tmp_path / "mine"
    mine.mkdir()
    code = (
        "import os\n"
        "def attempt(path):\n"
        "    try: return open(path, 'rb').read(9)\n"
        "    except OSError as error: return error.strerror\n"
        f"found = [attempt({str(secret)!r}), attempt('/proc/%d/environ' % os.getppid()), os.getuid()]\n"
        "open('found', 'w').write(repr(found))\n"
    )
    with copied(mine, own_user=True) as copy:
        worker = CHILD.format(words=launcher(Limits(), own_user=True), python=PYTHON, code=code)
        supervised([sys.executable, "-c", worker], b"", copy, Limits(), lambda line: None)
        assert (copy / "found").read_text() == "['Permission denied', 'Permission denied', 65534]"
    assert not copy.exists()


def test_a_submission_has_no_network(tmp_path: Path) -> None:
    if not can_cut_network():
        pytest.skip("this system allows no network namespaces")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection({server.getsockname()}, 5)"
        for network, reached in ((True, 0), (False, 1)):
            words = [*launcher(Limits(), own_user=False, network=network), sys.executable, "-c", code]
            assert subprocess.run(words, capture_output=True, check=False).returncode == reached


def test_the_processes_of_a_grading_that_was_killed_end(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "assignment.toml").write_text(
        """
        title = "One node"
        about = "It never answers."
        [[test]]
        name = "works"
        points = 1
        workloads = ["register"]
        nodes = 1
        """
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "hangs.py").write_text("import os; os.write(2, b'here')\nwhile True: pass")
    host = f"/bin/sh -c 'exec 2>{tmp_path}/said; exec {sys.executable} hangs.py'"
    os.mkfifo(tmp_path / "said")  # it ends when the last process ends that has it open
    command = [sys.executable, "-m", "naysayer", "grade", str(tmp_path / "pack"), "--host", host]
    grading = subprocess.Popen(command, cwd=tmp_path / "mine", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with grading, (tmp_path / "said").open("rb", buffering=0) as said:
        assert said.read(4) == b"here"
        grading.kill()
        while select.select([said], [], [], 60)[0]:
            if not said.read(4):  # what several of them said may still be there
                return
        pytest.fail("its processes are left")
