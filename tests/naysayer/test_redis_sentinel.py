"""A real Redis with sentinels on hosts of our own: writes that its old primary acknowledged are lost in a failover."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.systems import needs
from tests.targets.hosts import Hosts, hosts, missing

LACKING = missing() + [name for name in ("redis-server", "redis-sentinel") if shutil.which(name) is None]

pytestmark = needs(LACKING)


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Hosts]:
    """Three hosts, gone after the test."""
    assert not LACKING, "CI must have what the tests of hosts need"
    with hosts(3, tmp_path) as made:
        yield made


def cluster_toml(made: Hosts) -> Path:
    """A primary, two replicas and three sentinels; a sentinel starts when both replicas follow, so it knows them."""
    primary = made.addresses["n1"]
    sentinel = (
        f"sentinel monitor store {primary} 6379 2\\nsentinel down-after-milliseconds store 500\\n"
        "sentinel failover-timeout store 2000\\nsentinel resolve-hostnames no\\n"
    )
    start = (
        "cd ~ && mkdir -p data && if [ {node} = n1 ] || [ -e started ]; then follow=; else "
        f"follow='--replicaof {primary} 6379'; fi; touch started; "
        "setsid nohup redis-server --bind {host} --protected-mode no --save '' --dir data $follow "
        "--repl-diskless-sync-delay 0 >> log 2>&1 < /dev/null & "
        f"cd ~ && printf '{sentinel}' > sentinel.conf && setsid nohup sh -c '"
        f"until redis-cli -h {primary} info replication | grep -q connected_slaves:2; do sleep 0.1; done; "
        "exec redis-sentinel sentinel.conf --bind {host} --protected-mode no' >> sentinel.log 2>&1 < /dev/null &"
    )
    lines = [
        'name = "redis"',
        "[client]",
        'kind = "redis"',
        'operations = ["read", "write", "cas", "delete"]',
        "[ssh]",
        f'key = "{made.key}"',
        f'known_hosts = "{made.known_hosts}"',
        "[commands]",
        f"start = {json.dumps(start)}",
        'pid = "pgrep -x redis-server"',
        'stop = "pkill -9 -x redis-server; pkill -9 -x redis-sentinel; rm -f ~/started"',
        'leader = "redis-cli -h {host} role | head -1 | grep -q master"',
        'logs = ["~/log", "~/sentinel.log"]',
    ]
    for name, address in made.addresses.items():
        lines += [f"[nodes.{name}]", f'host = "{address}"', f'client = "{address}:6379"']
    path = made.directory / "cluster.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_failover_of_redis_is_caught_losing_acknowledged_writes(
    three: Hosts, capsys: pytest.CaptureFixture[str]
) -> None:
    """Time is real here, and a failover may happen to lose nothing: three runs are tried."""
    file = str(cluster_toml(three))
    assert run(["doctor", file, "--nemesis", "isolate-leader"]) == 0
    printed = capsys.readouterr().out
    assert "✓ n1: isolate-leader: leads" in printed
    assert "! n3: refuses a read: not the primary" in printed, "which is what a replica should do"
    results = three.directory / "results"
    common = ["--cluster", file, "--workload", "register", "--nemesis", "isolate-leader"]
    for seed in (1, 2, 3):
        code = run(["test", *common, "--time", "20s", "--seed", str(seed), "--results", str(results)])
        printed = capsys.readouterr().out
        assert code in (0, 1), printed  # a slow failover may end as not live
        if "✗ NOT LINEARIZABLE" in printed:
            break
    assert "✗ NOT LINEARIZABLE" in printed
    logs = sorted((results / "redis" / "latest" / "logs").glob("*/sentinel.log"))
    said = "".join(log.read_text() for log in logs)  # the run stops at once: not every node has heard of it
    assert "+odown" in said or "+switch-master" in said
