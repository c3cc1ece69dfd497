"""A real etcd on hosts of our own: namespaces with a real sshd, broken over SSH, driven through its gateway."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.systems import needs, without
from tests.targets.hosts import Hosts, hosts, missing

LACKING = missing() + ([] if shutil.which("etcd") else ["etcd (etcd-server)"])

pytestmark = needs(LACKING)


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Hosts]:
    """Three hosts, gone after the test."""
    assert not LACKING, "CI must have what the tests of hosts need"
    with hosts(3, tmp_path) as made:
        yield made


def cluster_toml(made: Hosts, *, serializable: bool, storage: bool = False) -> Path:
    """A cluster.toml for etcd on these hosts. `storage`: with a part for storage faults."""
    members = ",".join(f"{name}=http://{address}:2380" for name, address in made.addresses.items())
    start = (
        "cd ~ && setsid nohup {storage} etcd --name {node} --data-dir data"
        " --heartbeat-interval 50 --election-timeout 500"
        " --listen-client-urls http://{host}:2379 --advertise-client-urls http://{host}:2379"
        " --listen-peer-urls http://{host}:2380 --initial-advertise-peer-urls http://{host}:2380"
        f" --initial-cluster {members} >> log 2>&1 < /dev/null &"
    )
    lines = [
        'name = "etcd"',
        "[client]",
        'kind = "etcd"',
        'operations = ["read", "write", "cas", "delete"]',
        f"options = {{ serializable = {str(serializable).lower()} }}",
        "[ssh]",
        f'key = "{made.key}"',
        f'known_hosts = "{made.known_hosts}"',
        "[commands]",
        f"start = {json.dumps(start)}",
        'pid = "pgrep -x etcd"',
        'stop = "pkill -9 -x etcd"',
        'logs = ["~/log"]',
    ]
    lines += ["[storage]", f'data = "{made.directory}/{{node}}/data"'] if storage else []
    for name, address in made.addresses.items():
        lines += [f"[nodes.{name}]", f'host = "{address}"', f'client = "http://{address}:2379"']
    path = made.directory / "cluster.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_etcd_stays_valid_under_faults_over_ssh(three: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    toml = cluster_toml(three, serializable=False)
    assert run(["doctor", str(toml)]) == 0
    assert "no problem found; not tried: whether the system starts" in capsys.readouterr().out
    assert run(["doctor", str(toml), "--nemesis", "partition,one-way,kill,pause"]) == 0
    said = capsys.readouterr().out
    for expected in (
        "✓ n1: partition, one-way: iptables can drop what comes from a peer",
        "✓ n2: kill, pause: process ",
        "✓ n3: answers a read in",
        "ready: naysayer",
    ):
        assert expected in said
    assert re.search(r"✓ clocks: at most \d+ ms apart \(± \d+\): n\d and n\d", said), said
    assert run(["doctor", str(toml), "--nemesis", "kill,clock,kill-leader,power"]) == 3
    said = capsys.readouterr().out
    assert "✗ cluster.toml: clock: needs [clock] in cluster.toml" in said
    assert "✗ cluster.toml: kill-leader: needs a `leader` command" in said
    assert "3 problems: a run cannot start; without them: --nemesis kill" in said
    results = three.directory / "results"
    faults = "kill,pause,partition"
    arguments = ["test", "--cluster", str(toml), "--workload", "register", "--nemesis", faults, "--time", "8s"]
    assert run([*arguments, "--results", str(results)]) == 0, capsys.readouterr().out
    folder = (results / "etcd" / "latest").resolve()
    verdict = json.loads((folder / "verdict.json").read_text())
    assert verdict["outcomes"]["ok"] > 10
    assert {fault["fault"]["fault"] for fault in verdict["faults"] if fault["shown"]} >= {"kill", "restart"}
    assert (folder / "logs" / "n1" / "log").stat().st_size > 0
    assert run(["heal", str(toml)]) == 0
    assert "3 of 3 hosts healed" in capsys.readouterr().out


def test_serializable_reads_of_etcd_are_caught_stale(three: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether a client asks who is cut off, after a write that it missed, is chance: three runs, if need be."""
    toml = cluster_toml(three, serializable=True)
    arguments = ["test", "--cluster", str(toml), "--workload", "register", "--nemesis", "partition", "--time", "8s"]
    arguments += ["--results", str(three.directory / "results")]
    assert 1 in (run([*arguments, "--seed", str(seed)]) for seed in (1, 2, 3)), capsys.readouterr().out
    assert "✗ NOT LINEARIZABLE" in capsys.readouterr().out


@pytest.mark.skipif(bool(without("cc")), reason="this machine lacks cc")
def test_etcd_keeps_what_it_synced_over_power_losses(three: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a static program in Go, which calls the kernel without libc."""
    toml = cluster_toml(three, serializable=False, storage=True)
    results = three.directory / "results"
    arguments = ["test", "--cluster", str(toml), "--workload", "register", "--nemesis", "power", "--time", "15s"]
    assert run([*arguments, "--results", str(results)]) == 0, capsys.readouterr().out
    verdict = json.loads((results / "etcd" / "latest" / "verdict.json").read_text())
    lost = [fault for fault in verdict["faults"] if fault["fault"]["fault"] == "kill" and fault["shown"]]
    assert lost
    assert all("lost" in fault["detail"] for fault in lost)
    assert not list(Path("/tmp").glob("naysayer-storage-*")), "hosts share our /tmp"
