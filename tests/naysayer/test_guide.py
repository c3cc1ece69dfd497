"""docs/your-cluster.md does what it says: its store and its cluster.toml, as a reader would copy them."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from naysayer.cli import run
from tests.systems import without

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(without("pgrep", "pkill")), reason="this machine lacks pgrep and pkill (procps)"),
]

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "your-cluster.md"


def block(beginning: str) -> str:
    """The indented block of the page that begins so."""
    found = re.search(rf"(?:^    {re.escape(beginning)}.*\n)(?:(?:    .*)?\n)*", GUIDE.read_text(), re.MULTILINE)
    assert found is not None, beginning
    return dedent(found[0])


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The guide's files in a folder of their own, on a free port."""
    port = str(free_port())
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "store.py"
    store.write_text(block("import json, sys"))
    toml = block('name = "my-store"').replace("8001", port).replace("/tmp/store.log", str(tmp_path / "store.log"))
    toml = toml.replace("python3 store.py", f"{sys.executable} {store}").replace(
        "store[.]py", f"{store}"[:-3] + "[.]py"
    )
    Path("cluster.toml").write_text(toml)
    return "cluster.toml"


def test_the_store_of_the_guide_is_ready_and_valid_without_faults(
    cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", cluster]) == 0
    assert "no problem found; not tried: whether the system starts" in capsys.readouterr().out
    assert run(["doctor", cluster, "--nemesis", "kill,pause"]) == 0
    assert "ready: naysayer test --cluster cluster.toml\n" in capsys.readouterr().out
    assert run(["test", "--cluster", cluster, "--nemesis", "none", "--time", "2s"]) == 0


def test_the_store_of_the_guide_is_caught_losing_writes_when_it_is_killed(
    cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["test", "--cluster", cluster, "--nemesis", "kill", "--time", "8s"]) == 1
    assert "✗ NOT LINEARIZABLE" in capsys.readouterr().out
