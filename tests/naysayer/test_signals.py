"""Ctrl-C and SIGTERM, once and again: a run ends early and leaves nothing behind, or says what is left."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.naysayer.test_hosts import LACKING, cluster_toml
from tests.systems import needs
from tests.targets.hosts import Hosts, hosts

pytestmark = needs(LACKING)

SECONDS_MAX = 90


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Hosts]:
    """Three hosts, gone after the test."""
    assert not LACKING, "CI must have what the tests of hosts need"
    with hosts(3, tmp_path) as made:
        yield made


def naysayer(*words: str) -> subprocess.Popen[str]:
    """A command of ours, to be sent signals."""
    return subprocess.Popen(
        [sys.executable, "-m", "naysayer", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def until(true: Callable[[], bool], command: subprocess.Popen[str]) -> None:
    """Ask again and again; each question takes some milliseconds."""
    end = time.monotonic() + SECONDS_MAX
    while not true():
        assert time.monotonic() < end
        assert command.poll() is None, command.communicate()


def pestered(command: subprocess.Popen[str], stopping: Path) -> tuple[str, str]:
    """Send a signal, and more while it cleans up: when it runs the stop command. Returns what it printed."""
    command.send_signal(signal.SIGINT)
    until(stopping.exists, command)
    command.send_signal(signal.SIGTERM)
    command.send_signal(signal.SIGINT)
    return command.communicate(timeout=SECONDS_MAX)


def slow_to_stop(three: Hosts) -> tuple[Path, Path]:
    """A cluster.toml whose stop command takes its time, and the file that it makes before."""
    file, stopping = cluster_toml(three, serializable=False), three.directory / "stopping"
    stop = 'stop = "pkill -9 -x etcd"'
    assert stop in file.read_text()
    file.write_text(file.read_text().replace(stop, f'stop = "touch {stopping}; sleep 0.5; pkill -9 -x etcd"'))
    return file, stopping


def etcd_runs(three: Hosts) -> bool:
    """Whether a process of etcd is left on any of the hosts; each has its own processes, seen from here too."""
    said = subprocess.run(
        ["pgrep", "-af", f"etcd --name n. --data-dir data .*{three.addresses['n1']}"], capture_output=True
    )
    return bool(said.stdout)


def clean(three: Hosts) -> bool:
    """Whether no rule of ours is left on any host, and no process of the system."""
    rules = [three.inside(name, "iptables", "-S") for name in three.addresses]
    return not any("NAYSAYER" in one for one in rules) and not etcd_runs(three)


def test_signals_during_the_cleaning_up_leave_nothing_behind(three: Hosts) -> None:
    file, stopping = slow_to_stop(three)
    arguments = ["--nemesis", "partition,pause", "--workload", "register", "--time", "60s"]
    command = naysayer("test", "--cluster", str(file), *arguments, "--results", str(three.directory / "results"))
    until(lambda: "-s 10.77.0." in three.inside("n1", "iptables", "-S") + three.inside("n2", "iptables", "-S"), command)
    out, err = pestered(command, stopping)
    assert command.returncode in (0, 2), (out, err)
    assert err.count("naysayer: stopping; the faults are being undone on the hosts, within 120 s") >= 2, err
    assert f"if this process is killed now, naysayer heal {file} undoes them" in err
    assert "Traceback" not in err
    assert clean(three)


def test_a_signal_while_the_system_starts_ends_it_at_once(three: Hosts) -> None:
    file, stopping = slow_to_stop(three)
    file.write_text(re.sub(r":2379\"$", ':1"', file.read_text(), flags=re.MULTILINE))  # a port that nobody opens
    for words in (
        ("test", "--cluster", str(file), "--results", str(three.directory / "results")),
        ("doctor", str(file), "--nemesis", "none"),
    ):
        command = naysayer(*words)
        until(lambda: etcd_runs(three), command)
        out, err = pestered(command, stopping)
        stopping.unlink()
        assert command.returncode == 3, (out, err)
        assert "interrupted" in out
        assert "Traceback" not in err
        assert clean(three)
