"""A default run of a store as students write it: a classic mistake is found; one that starts slowly is not starved."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.systems import needs, without

pytestmark = [*needs(without("javac", "java")), pytest.mark.slow]

NODES = Path(__file__).resolve().parents[1] / "targets" / "stdio_nodes"


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-d", folder, NODES / "QuorumNode.java", NODES / "Json.java"], check=True)
    return folder


def code_of(classes: Path, results: Path, *options: str, **env: str) -> int:
    given = " ".join(f"{name}={value}" for name, value in env.items())
    command = f"env {given} java -Xshare:auto -XX:TieredStopAtLevel=1 -Xmx128m -cp {classes} QuorumNode"
    return run(["test", "--bin", command, "--results", str(results), *options])


@pytest.mark.parametrize("mistake", ["norepair", "timeoutfail", "memonly"])
def test_a_classic_mistake_is_found(mistake: str, classes: Path, tmp_path: Path) -> None:
    assert code_of(classes, tmp_path, BUGS=mistake) == 1


def test_a_healthy_store_that_takes_4_s_to_start_is_not_starved(classes: Path, tmp_path: Path) -> None:
    """All nodes are restarted in turn, and most operations succeed all the same."""
    assert code_of(classes, tmp_path, "--time", "15s", SLOW_MS="4000") == 0
    (file,) = tmp_path.glob("*/latest/verdict.json")
    facts = json.loads(file.read_bytes())
    ended = facts["outcomes"]
    assert ended["ok"] > 2 * (ended["fail"] + ended["info"])
    kinds = [one["fault"]["fault"] for one in facts["faults"] if one["shown"]]
    assert kinds.count("kill") == 3
    assert kinds.count("lose-messages") >= 2
