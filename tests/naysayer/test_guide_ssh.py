"""docs/your-cluster.md, the SSH way: its cluster.toml and its commands, typed by somebody who has three hosts."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from naysayer.cli import run
from targets.backends.hosts.config import load
from tests.naysayer.test_guide import block
from tests.naysayer.test_hosts import LACKING
from tests.systems import needs
from tests.targets.hosts import hosts

pytestmark = needs(LACKING)


def test_the_ssh_way_of_the_guide_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the addresses are changed, and the times are shorter."""
    assert not LACKING, "CI must have what the tests of hosts need"
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    with hosts(3, tmp_path) as made:
        shutil.copy(made.key, home / ".ssh" / "id_ed25519")
        shutil.copy(made.known_hosts, home / ".ssh" / "known_hosts")
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.chdir(home)

        assert run(["init"]) == 0
        Path("cluster.toml").write_text(block('name = "etcd"').replace("10.0.0.", "10.77.0."))
        assert list(load(Path("cluster.toml")).nodes) == ["n1", "n2", "n3"]
        typed = block("naysayer doctor cluster.toml" + 32 * " " + "# 0:").replace("20s", "12s").splitlines()
        codes = []
        for line in filter(None, typed):
            found = re.match(r"naysayer (.*?)\s+# (\d):", line)
            if found is None:
                subprocess.run(shlex.split(line), check=True)
                continue
            assert run(shlex.split(found[1])) == int(found[2]), (line, capsys.readouterr().out)
            codes.append(int(found[2]))
        assert codes == [0, 0, 0, 1, 0]
        said = capsys.readouterr().out
        assert "3 of 3 hosts healed" in said
        log = home / "results" / "etcd" / "latest" / "logs" / "n2" / "etcd.log"
        assert "etcd" in log.read_text()
