"""Links between real hosts over SSH: cut by iptables or nft, shaped by tc; shown by probes, and undone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from checker.errors import HarnessError
from naysayer.cli import run
from targets.backends.hosts import probe
from targets.backends.hosts.cluster import RemoteCluster
from targets.backends.hosts.config import load
from targets.protocol.fault import Cut, Degrade, Evidence, Heal
from tests.systems import needs
from tests.targets.hosts import Hosts, hosts, missing

LACKING = missing() + [name for name in ("nft", "tc") if shutil.which(name) is None]
pytestmark = needs(LACKING)

BOTH = (("n1", "n2"), ("n2", "n1"))
NO_IPTABLES = ("iptables", "ip6tables")

FAKE_TC = """#!/bin/sh
# stands for tc on a kernel with netem: it remembers what it was told, and a delay loses every first SYN, for a second
state={state}-$(hostname)
echo "$*" >> $state.calls
case "$*" in
  "qdisc show"*|"-s qdisc show"*) cat $state.now 2>/dev/null ;;
  "qdisc add dev eth0 root handle 4e59: prio bands 4")
    echo 'qdisc prio 4e59: dev eth0 root refcnt 2 bands 4 priomap 1 2 2 2' > $state.now ;;
  "qdisc add dev eth0 parent 4e59:4 netem"*)
    printf 'qdisc netem 8001: dev eth0 parent 4e59:4 limit 1000\\n Sent 840 bytes 12 pkt (dropped 0)\\n' >> $state.now
    {slow} ;;
  "qdisc del dev eth0 root") rm $state.now; iptables -F OUTPUT ;;
  "filter add dev eth0 parent 4e59: "*) ;;
  *) echo "Error: not known: $*" >&2; exit 1 ;;
esac
"""
SLOW = "iptables -A OUTPUT -p tcp --syn -m statistic --mode nth --every 2 --packet 0 -j DROP"


def toml(made: Hosts, more: str = "") -> Path:
    """Hosts without a system: nothing but links."""
    lines = ['name = "links"', '[client]\nkind = "etcd"\ntimeout_s = 0.02', f'[ssh]\nkey = "{made.key}"']
    lines.append(f'known_hosts = "{made.known_hosts}"')
    for name, address in made.addresses.items():
        lines.append(f'[nodes.{name}]\nhost = "{address}"\nclient = "http://{address}:2379"\n{more}')
    path = made.directory / "cluster.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def hurried_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers reads on these hosts."""
    monkeypatch.setattr("naysayer.commands.doctor.READ_S_MIN", 0.05)


@contextmanager
def two(directory: Path, without: Sequence[str] = (), instead: Mapping[str, str] | None = None) -> Iterator[Hosts]:
    """Two hosts, gone afterwards."""
    assert not LACKING, "CI must have what the tests of hosts need"
    with hosts(2, directory, without=without, instead=instead) as made:
        yield made


def drive(file: Path, work: Callable[[RemoteCluster], Awaitable[object]]) -> list[Evidence]:
    """Do something with a cluster, and return what was shown; everything must be undone at the end."""

    async def main() -> list[Evidence]:
        cluster = RemoteCluster(load(file))
        async with cluster:
            await cluster.start()
            await work(cluster)
        assert cluster.left == []
        return cluster.evidence()

    return trio.run(main)


@pytest.mark.parametrize(("without", "shows"), [((), ["iptables", "-S"]), (NO_IPTABLES, ["nft", "list", "ruleset"])])
def test_links_are_cut_and_lossy_by_iptables_or_else_by_nft(
    without: tuple[str, ...], shows: list[str], tmp_path: Path
) -> None:
    with two(tmp_path, without) as made:
        rules = []

        async def work(cluster: RemoteCluster) -> None:
            await cluster.apply(Cut(BOTH))
            rules.append(made.inside("n2", *shows))
            await cluster.apply(Heal())
            await cluster.apply(Degrade(BOTH, loss=0.9))
            await cluster.run("n1", probe.silence([(made.addresses["n2"], 22)] * 5))
            await cluster.apply(Heal())
            await cluster.apply(Cut(BOTH[:1]))

        evidence = drive(toml(made), work)
        assert "10.77.0.1" in rules[0]
        assert [(type(one.fault), one.shown) for one in evidence] == [(Cut, True), (Degrade, True)], evidence
        for name in made.addresses:
            assert "naysayer" not in made.inside(name, *shows).lower()


def test_a_host_without_any_firewall_is_refused_before_the_run_and_by_doctor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with two(tmp_path, (*NO_IPTABLES, "nft")) as made:
        file = str(toml(made))
        assert run(["doctor", file, "--nemesis", "partition,one-way"]) == 3
        said = capsys.readouterr().out
        for name in ("n1", "n2"):
            assert f"✗ {name}: partition, one-way: links cannot be cut; iptables failed: " in said
        assert "nft: not found; install iptables or nftables there" in said
        assert "a run cannot start" in said
        common = ["--workload", "register", "--results", str(tmp_path / "results")]
        assert run(["test", "--cluster", file, "--nemesis", "partition", *common]) == 3
        said = capsys.readouterr().err
        assert "fault partition cannot be carried out on n1: links cannot be cut" in said


def test_heal_removes_a_table_of_nft_and_a_chain_of_iptables_whichever_a_lost_run_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with two(tmp_path) as made:
        made.inside("n1", "nft", "add", "table", "inet", "naysayer")
        made.inside("n2", "ip6tables", "-N", "NAYSAYER")
        made.inside("n2", "nft", "add", "table", "inet", "mine")
        assert run(["heal", str(toml(made))]) == 0
        assert "2 of 2 hosts healed" in capsys.readouterr().out
        assert "naysayer" not in made.inside("n1", "nft", "list", "ruleset")
        assert "NAYSAYER" not in made.inside("n2", "ip6tables", "-S")
        assert "table inet mine" in made.inside("n2", "nft", "list", "ruleset"), "what is not ours stays"


@pytest.mark.parametrize(("address", "table"), [("10.77.0.102", "iptables"), ("fd77::102", "ip6tables")])
def test_partitions_are_made_by_the_address_that_the_other_nodes_know(address: str, table: str, tmp_path: Path) -> None:
    with two(tmp_path) as made:
        for name, number in (("n1", 1), ("n2", 2)):
            for one in (f"10.77.0.10{number}/24", f"fd77::10{number}/64"):
                made.inside(name, "ip", "addr", "add", one, "dev", "eth0", *(["nodad"] if ":" in one else []))
        file = toml(made)
        file.write_text(file.read_text().replace('host = "10.77.0.2"', f'host = "10.77.0.2"\naddress = "{address}"'))
        rules = []

        async def work(cluster: RemoteCluster) -> None:
            await cluster.apply(Cut(BOTH))
            rules.append(made.inside("n1", table, "-S"))
            await cluster.apply(Heal())

        (one,) = drive(file, work)
        assert re.search(rf"-s {address}/\d+ -j DROP", rules[0])
        assert one.shown, one


def test_a_host_that_is_reached_through_a_node_is_not_cut_off_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with two(tmp_path) as made:
        file = toml(made)
        file.write_text(file.read_text().replace("[ssh]", '[ssh]\njump = "root@10.77.0.1:22"'))
        assert run(["doctor", str(file), "--nemesis", "partition"]) == 3
        said = capsys.readouterr().out
        assert "✗ n2: partition: is reached from 10.77.0.1, which is n1" in said
        assert "✓ n1: partition" in said


def test_commands_run_by_sudo_where_root_may_not_log_in(tmp_path: Path) -> None:
    sudo = f'#!/bin/sh\n[ "$1" = -n ] && shift || exit 1\necho "$*" >> {tmp_path}/sudo.calls\nexec "$@"\n'
    with two(tmp_path, instead={"sudo": sudo}) as made:
        file = toml(made)
        file.write_text(file.read_text().replace("[ssh]", "[ssh]\nsudo = true"))
        assert [one.shown for one in drive(file, lambda cluster: cluster.apply(Cut(BOTH)))] == []
        calls = (tmp_path / "sudo.calls").read_text()
        assert "iptables -w -A NAYSAYER -s 10.77.0.1 -j DROP" in calls


def test_links_are_shaped_by_tc_for_the_named_peers_alone_and_a_delay_is_measured(tmp_path: Path) -> None:
    state = tmp_path / "tc"
    with two(tmp_path, instead={"tc": FAKE_TC.format(state=state, slow=SLOW)}) as made:

        async def work(cluster: RemoteCluster) -> None:
            await cluster.apply(Degrade(BOTH[:1], delay_ms=40, reorder=0.5))
            await cluster.apply(Heal())
            await cluster.apply(Degrade(BOTH[1:], duplicate=0.25))

        evidence = drive(toml(made), work)
        (one,) = evidence
        slower = r"connecting n1 to n2 takes \+(9|1\d)\d\d\.\d ms; 12 packets through netem until healed"
        assert re.fullmatch(slower, one.detail), one
        assert one.shown
        assert not Path(f"{state}-n1.now").exists()
        assert not Path(f"{state}-n2.now").exists(), "undone at the end of the run"
        calls = Path(f"{state}-n1.calls").read_text()
        assert "parent 4e59:4 netem delay 40.0ms 20.0ms reorder 50.00%\n" in calls
        assert "parent 4e59: protocol ip prio 1 u32 match ip dst 10.77.0.2/32 flowid 4e59:4\n" in calls
        assert "netem duplicate 25.00%\n" in Path(f"{state}-n2.calls").read_text()


def test_a_delay_that_does_not_delay_is_not_called_shown(tmp_path: Path) -> None:
    with two(tmp_path, instead={"tc": FAKE_TC.format(state=tmp_path / "tc", slow="true")}) as made:

        async def work(cluster: RemoteCluster) -> None:
            await cluster.apply(Degrade(BOTH[:1], delay_ms=200))
            await cluster.apply(Heal())

        (one,) = drive(toml(made), work)
        assert not one.shown, one


def test_a_cut_that_lets_some_through_is_not_called_shown(tmp_path: Path) -> None:
    with two(tmp_path) as made:

        async def work(cluster: RemoteCluster) -> None:
            await cluster.run(
                "n1", "ip addr add 10.77.0.111/24 dev eth0; ip route replace 10.77.0.2 dev eth0 src 10.77.0.111"
            )
            await cluster.apply(Cut(BOTH[:1]))
            await cluster.apply(Heal())

        (one,) = drive(toml(made), work)
        assert one.detail.startswith("n1 still connects to n2; "), one
        assert not one.shown, one


def test_heal_removes_netem_of_a_lost_run(tmp_path: Path) -> None:
    state = tmp_path / "tc"
    with two(tmp_path, instead={"tc": FAKE_TC.format(state=state, slow="true")}) as made:
        left = Path(f"{state}-n2.now")
        left.write_text("qdisc prio 4e59: dev eth0 root refcnt 2 bands 4\nqdisc fq 0: dev eth1 root\n")
        assert run(["heal", str(toml(made))]) == 0
        assert not left.exists()
        assert "qdisc del dev eth1" not in Path(f"{state}-n2.calls").read_text()


def test_a_kernel_without_netem_is_told_by_doctor_and_refused_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the tc of this machine: its kernel may have netem, and then the delay must be shown."""
    with two(tmp_path) as made:
        file = toml(made)
        code = run(["doctor", str(file), "--nemesis", "delay"])
        said = capsys.readouterr().out

        async def work(cluster: RemoteCluster) -> None:
            await cluster.apply(Degrade(BOTH[:1], delay_ms=40))
            await cluster.apply(Heal())

        if "✓ n1: delay: tc netem can shape a link" in said:
            assert all(one.shown for one in drive(file, work))
            return
        assert code == 3
        assert "✗ n1: delay: tc netem failed: " in said
        assert "modprobe sch_netem" in said
        with pytest.raises(HarnessError, match=r"n1: links cannot be shaped; tc netem failed: .*sch_netem"):
            drive(file, work)
        common = ["--workload", "register", "--results", str(tmp_path / "results")]
        assert run(["test", "--cluster", str(file), "--nemesis", "delay", *common]) == 3
        said = capsys.readouterr().err
        assert "fault delay cannot be carried out on n1: tc netem failed: " in said
        for name in made.addresses:
            assert "4e59" not in made.inside(name, "tc", "qdisc", "show")
