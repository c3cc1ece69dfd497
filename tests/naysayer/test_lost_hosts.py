"""What goes wrong between the harness and hosts over SSH: a lost harness, a host that vanishes, doors that are shut."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from naysayer.cli import run
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import load
from targets.backends.hosts.shell import SshShell
from targets.protocol.fault import Cut, Heal, Kill, Pause, Restart, Resume
from tests.naysayer.test_hosts import LACKING, cluster_toml
from tests.systems import needs
from tests.targets.hosts import Hosts, hosts

pytestmark = needs(LACKING)

BREAK = """
import sys, trio
from pathlib import Path
from targets.protocol.fault import Cut, Pause
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import load
from targets.backends.hosts.shell import SshShell

async def main():
    async with RemoteCluster(load(Path(sys.argv[1]))) as cluster:
        await cluster.start()
        await cluster.apply(Cut((("n1", "n2"), ("n2", "n1"))))
        await cluster.apply(Pause(("n3",)))
        print("broken", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Hosts]:
    """Three hosts, gone after the test."""
    assert not LACKING, "CI must have what the tests of hosts need"
    with hosts(3, tmp_path) as made:
        yield made


def states(toml: Path) -> list[str]:
    """The state of each node's process in /proc."""
    config = load(toml)
    assert config.ssh is not None
    ssh = config.ssh

    async def main() -> list[str]:
        found = []
        for node in config.nodes.values():
            shell = SshShell(node.host, ssh)
            said = await shell.run("cat /proc/$(pgrep -x etcd)/stat")
            found.append(said.out.rpartition(")")[2].split()[0])
            await shell.close()
        return found

    return trio.run(main)


def test_heal_undoes_what_a_harness_killed_in_mid_fault_left(three: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    toml = cluster_toml(three, serializable=False)
    harness = subprocess.Popen([sys.executable, "-c", BREAK, str(toml)], stdout=subprocess.PIPE)
    assert harness.stdout is not None
    assert harness.stdout.readline() == b"broken\n"
    harness.send_signal(signal.SIGKILL)
    harness.communicate()
    assert "-s 10.77.0.1/32 -j DROP" in three.inside("n2", "iptables", "-S")
    assert states(toml)[2] == "T"

    assert run(["heal", str(toml)]) == 0
    assert "3 of 3 hosts healed" in capsys.readouterr().out
    for name in three.addresses:
        assert "NAYSAYER" not in three.inside(name, "iptables", "-S")
    found = states(toml)
    assert all(state in ("S", "R", "D") for state in found), f"heal lets the system run on, it stops nothing: {found}"


def test_heal_heals_the_other_hosts_when_one_is_gone(three: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    toml = cluster_toml(three, serializable=False)
    three.inside("n3", "iptables", "-N", "NAYSAYER")
    toml.write_text(toml.read_text().replace("[ssh]\n", "[ssh]\nconnect_timeout_s = 1.0\n"))
    three.vanish("n2")
    assert run(["heal", str(toml)]) == 3
    said = capsys.readouterr().out
    assert "10.77.0.2:22 cannot be reached over SSH" in said
    assert "2 of 3 hosts healed" in said
    assert "NAYSAYER" not in three.inside("n3", "iptables", "-S")


def test_every_fault_over_ssh_is_shown_by_a_probe(three: Hosts) -> None:
    toml = cluster_toml(three, serializable=False)

    async def main() -> None:
        async with RemoteCluster(load(toml)) as cluster:
            await cluster.start()
            for fault in (
                Pause(("n1",)),
                Resume(("n1",)),
                Kill(("n2",)),
                Restart(("n2",)),
                Cut((("n1", "n3"), ("n3", "n1"))),
                Heal(),
            ):
                await cluster.apply(fault)
            shown = {(one.fault.__struct_config__.tag, one.shown) for one in cluster.evidence()}
            assert shown == {(tag, True) for tag in ("pause", "resume", "kill", "restart", "cut")}, cluster.evidence()

    trio.run(main)


def test_a_host_that_vanishes_ends_the_run_with_its_name_and_a_judged_history(
    three: Hosts, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = cluster_toml(three, serializable=False)
    toml.write_text(toml.read_text().replace("[ssh]\n", "[ssh]\nconnect_timeout_s = 2.0\n"))
    apply = RemoteCluster.apply
    done = 0

    async def apply_then_pull_the_cable(self: RemoteCluster, fault: Heal) -> None:
        nonlocal done
        done += 1
        await apply(self, fault)
        if done == 4:
            three.vanish("n2")

    monkeypatch.setattr(RemoteCluster, "apply", apply_then_pull_the_cable)
    results = three.directory / "results"
    arguments = ["test", "--cluster", str(toml), "--workload", "register", "--nemesis", "partition", "--time", "8s"]
    assert run([*arguments, "--results", str(results)]) == 3
    assert "10.77.0.2" in capsys.readouterr().out
    folder = (results / "etcd" / "latest").resolve()
    verdict = json.loads((folder / "verdict.json").read_text())
    assert verdict["outcomes"]["ok"] > 0
    assert "10.77.0.2" in verdict["target_error"]
    assert f"undo it with: naysayer heal {toml}" in verdict["target_error"]
    for name in ("n1", "n3"):
        assert "NAYSAYER" not in three.inside(name, "iptables", "-S"), "the hosts that are left are healed"


def test_hosts_are_reached_through_a_jump_host_and_nowhere_else(
    three: Hosts, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("n2", "n3"):
        three.inside(name, "iptables", "-A", "INPUT", "-s", "10.77.0.254", "-p", "tcp", "--dport", "22", "-j", "REJECT")
    toml = cluster_toml(three, serializable=False)
    assert run(["heal", str(toml)]) == 3
    assert "1 of 3 hosts healed" in capsys.readouterr().out
    toml.write_text(toml.read_text().replace("[ssh]\n", '[ssh]\njump = "root@10.77.0.1:22"\n'))
    assert run(["heal", str(toml)]) == 0
    assert "3 of 3 hosts healed" in capsys.readouterr().out


def test_a_host_with_another_key_is_refused_and_so_is_an_unknown_one(
    three: Hosts, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = cluster_toml(three, serializable=False)
    first, second, third = three.known_hosts.read_text().splitlines()
    three.known_hosts.write_text(f"{first}\n10.77.0.2 {third.split(' ', 1)[1]}\n")
    assert run(["doctor", str(toml)]) == 3
    said = capsys.readouterr().out
    assert "10.77.0.2: its host key is not the one in known_hosts" in said
    assert "ssh-keygen -R 10.77.0.2" in said
    assert re.search(r"n3: 10.77.0.3: .* not found in known_hosts; check its key and add it", said)
    assert second not in said


def test_a_key_that_is_not_there_is_named(three: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    toml = cluster_toml(three, serializable=False)
    toml.write_text(toml.read_text().replace(str(three.key), "/no/such/key"))
    assert run(["doctor", str(toml)]) == 3
    assert "n1: 10.77.0.1: there is no file /no/such/key, which [ssh] key in cluster" in capsys.readouterr().out
