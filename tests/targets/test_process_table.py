"""What is read from /proc: the processes of a host, their families, and who serves an address. No host is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from targets.backends.hosts.sparing import cleaning, sparing
from targets.backends.hosts.table import Table, held, listening, serving
from tests.systems import without


def line(pid: int, parent: int, began: int, name: str = "x", state: str = "S") -> str:
    """A line of /proc/PID/stat."""
    return f"{pid} ({name}) {state} {parent} {' '.join(['0'] * 17)} {began} 4096 0\n"


PRINTED = (
    "500\n1000.0\n"
    + line(1, 0, 1, "systemd")
    + line(50, 1, 10, "tmux: server")
    + line(60, 50, 20, "bash")
    + line(400, 60, 90_000, "naysayer")
    + line(500, 400, 99_990, "sh")
    + line(70, 1, 30, "wrapper.sh")
    + line(71, 70, 31, "java (odd) \n name")
    + line(72, 71, 32, "helper")
    + line(73, 71, 33, "ended", "Z")
    + line(80, 60, 40, "store")
)
TABLE = Table.read(PRINTED)


def test_names_with_brackets_and_line_feeds_are_read() -> None:
    assert TABLE.processes[71].name == "java (odd) \n name"
    assert TABLE.processes[71].parent == 70
    assert TABLE.processes[72].identity == (72, 32)


def test_a_tree_is_all_that_descends_and_has_not_ended() -> None:
    assert TABLE.tree([70]) == {70, 71, 72}
    assert TABLE.tree([999]) == set()


def test_a_family_has_wrappers_but_not_the_terminal_that_the_shell_shares() -> None:
    assert TABLE.family([71]) == {70, 71, 72}
    assert TABLE.family([80]) == {80}, "bash and tmux are ancestors of our own shell too"


def test_ages_are_told_in_words() -> None:
    assert TABLE.age(71) == "17 min"
    assert TABLE.age(500) == "0 s"


def test_a_host_without_proc_has_an_empty_table() -> None:
    assert Table.read("").processes == {}
    assert Table.read("cat: /proc: No such file").processes == {}


def socket(address: str, port: int, inode: int, state: str = "0A") -> str:
    return f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000 0 {inode} 1"


SOCKETS = "\n".join(
    [
        "  sl  local_address ...",
        socket("0100007F", 8001, 11),
        socket("00000000", 8001, 12),
        socket("00000000000000000000000000000000", 8001, 13),
        socket("00000000000000000000000001000000", 8001, 14),
        socket("0100007F", 8002, 15),
        socket("0100007F", 8001, 16, "01"),
        socket("0000000000000000FFFF00000100007F", 8003, 17),
        socket("0500000A", 8004, 18),
    ]
)


def test_addresses_are_read_in_the_order_of_the_machine() -> None:
    found = {one.inode: one.address for port in (8001, 8002, 8003, 8004) for one in listening(SOCKETS, port)}
    assert found == {
        11: "127.0.0.1",
        12: "0.0.0.0",
        13: "::",
        14: "::1",
        15: "127.0.0.1",
        17: "127.0.0.1",
        18: "10.0.0.5",
    }
    assert listening(SOCKETS, 8001)[0].uid == 1000


@pytest.mark.parametrize(
    ("port", "addresses", "inodes"),
    [
        (8001, ["127.0.0.1"], [11]),
        (8001, ["10.0.0.7"], [12]),
        (8001, ["::1"], [14]),
        (8001, ["fe80::1"], [13]),
        (8001, ["::1", "127.0.0.1"], [14, 11]),
        (8002, ["10.0.0.7"], []),
        (8004, ["192.168.1.1"], [18]),
    ],
)
def test_a_client_gets_to_the_most_special_socket(port: int, addresses: list[str], inodes: list[int]) -> None:
    assert [one.inode for one in serving(listening(SOCKETS, port), addresses)] == inodes


def test_holders_of_sockets_are_read_from_ls() -> None:
    printed = (
        "/proc/10/fd/:\n/proc/12/fd/:\nlrwx------ 1 root root 64 Nov 28 22:00 3 -> socket:[77]\n"
        "/proc/13/fd/:\nlrwx------ 1 root root 64 Nov 28 22:00 4 -> socket:[77]\n"
        "lrwx------ 1 root root 64 Nov 28 22:00 5 -> socket:[78]\n"
    )
    assert held(printed) == {77: {12, 13}, 78: {13}}


NAME = "ny-sleeper"


@pytest.mark.slow
@pytest.mark.skipif(bool(without("pgrep", "pkill")), reason="this machine lacks pgrep and pkill (procps)")
@pytest.mark.parametrize(
    "stop",
    [
        f"pkill -9 -x {NAME}",
        f"pkill -x {NAME}",
        f"pkill --signal KILL {NAME}",
        f"pkill -SIGKILL -f '{NAME[:-1]}[r] 60'",
        f"pkill -f {NAME}",
        f"killall -9 {NAME}",
        f"killall -q -s KILL {NAME}",
        f"kill -9 $(pgrep -x {NAME})",
        f"kill $(pgrep -x {NAME})",
        f"kill -s KILL $(pgrep -x {NAME})",
        f"sudo -n pkill -9 -x {NAME}",
        f"sudo kill -KILL $(pgrep -x {NAME})",
        f"pgrep -x {NAME} > /dev/null && pkill -9 -x {NAME} || true; echo done",
        f"/usr/bin/pkill -9 -x {NAME}",
        f"/bin/kill -9 $(pgrep -x {NAME})",
        f"exec pkill -9 -x {NAME}",
        f"command pkill -9 -x {NAME}",
        f"sh -c 'pkill -9 -x {NAME}'",
        f"pgrep -x {NAME} | xargs kill -9",
        f"pgrep -x {NAME} | xargs -r -n 1 kill -KILL",
        f"for p in $(pgrep -x {NAME}); do kill -9 $p; done",
    ],
)
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_stop_command_ends_ours_and_spares_what_ran_before(shell: str, stop: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    sudo = tmp_path / "bin" / "sudo"
    sudo.write_text('#!/bin/sh\n[ "$1" != -n ] || shift\nexec "$@"\n')
    sudo.chmod(0o755)
    folder = str(tmp_path / "programs")
    sleeper = tmp_path / NAME
    sleeper.symlink_to("/bin/sleep")
    before, ours = (subprocess.Popen([sleeper, "60"]) for _ in range(2))
    try:
        path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
        # the name in the process table is there only once the program has begun
        for process in (before, ours):
            while NAME not in Path(f"/proc/{process.pid}/comm").read_text():
                assert process.poll() is None
        done = subprocess.run(
            [shell, "-c", sparing(stop, [before.pid], folder)], env={"PATH": path}, check=False, timeout=20
        )
        assert ours.wait(10) in (-9, -15)
        assert before.poll() is None
        assert done.returncode in (0, 1, 123)
        subprocess.run([shell, "-c", cleaning(folder)], check=True)
        assert not Path(folder).exists()
    finally:
        for process in (before, ours):
            process.kill()
            process.wait()


def test_a_kill_of_everything_is_refused(tmp_path: Path) -> None:
    stop = sparing("kill -9 -1", [], str(tmp_path / "programs"))
    done = subprocess.run(["/bin/sh", "-c", stop], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "would end what this run did not start" in done.stderr


def test_this_machine_is_read_too() -> None:
    from targets.backends.hosts.table import SNAPSHOT

    table = Table.read(subprocess.run(["/bin/sh", "-c", SNAPSHOT], capture_output=True, text=True, check=True).stdout)
    if sys.platform == "linux":
        assert table.shell in table.processes
