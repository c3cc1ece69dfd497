"""The kits for Java, Go and JavaScript: they conform, run in both kinds of time, and a seeded bug is found in each."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from naysayer.cli import run
from targets.backends.host.conformance import CHECKS
from tests.systems import needs, without

KITS = Path(__file__).parents[2] / "targets" / "kits"
NODES = Path(__file__).parent / "host_nodes"
SOLUTIONS = Path(__file__).parents[1] / "assignments" / "java"


@dataclass(frozen=True)
class Built:
    """The commands of a kit's examples, and of the quorum store written with it."""

    conform: str
    register: str
    quorum: str


def java(folder: Path) -> Built:
    sources = [*(KITS / "java").glob("*.java"), NODES / "QuorumKv.java", SOLUTIONS / "QuorumStore.java"]
    subprocess.run(["javac", "-Xlint:all", "-Werror", "-d", folder, *sources], check=True, timeout=120)
    return Built(*(f"java -cp {shlex.quote(str(folder))} {name}" for name in ("Conform", "Register", "QuorumKv")))


def go(folder: Path) -> Built:
    shutil.copytree(KITS / "go", folder / "go")
    (folder / "go" / "quorum").mkdir()
    shutil.copy(NODES / "quorum_kv.go", folder / "go" / "quorum")
    places = {"GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "path"), "GOFLAGS": "-mod=mod"}
    command = ["go", "build", "-o", f"{folder}/", "./conform", "./register", "./quorum"]
    subprocess.run(command, cwd=folder / "go", check=True, timeout=240, env={**os.environ, **places})
    return Built(*(shlex.quote(str(folder / name)) for name in ("conform", "register", "quorum")))


def js(folder: Path) -> Built:
    places = (KITS / "js" / "conform.js", KITS / "js" / "register.js", NODES / "quorum_kv.js")
    return Built(*(f"node {shlex.quote(str(place))}" for place in places))


LANGUAGES = [
    pytest.param(java, id="java", marks=needs(without("java", "javac"))),
    pytest.param(go, id="go", marks=needs(without("go"))),
    pytest.param(js, id="js", marks=needs(without("node"))),
]


@pytest.mark.parametrize("build", LANGUAGES)
def test_a_kit_conforms_runs_in_both_kinds_of_time_and_its_seeded_bugs_are_found(
    build: Callable[[Path], Built], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAYSAYER_KIT", str(KITS / "js"))
    built = build(tmp_path)
    kept = ("--results", str(tmp_path / "results"))
    assert run(["conform", "--host", built.conform]) == 0
    assert capsys.readouterr().out.count("✓ ") == len(CHECKS) + 1
    alone = ("--nodes", "1", "--nemesis", "none", "--ops", "200", *kept)
    assert run(["test", "--host", built.register, *alone]) == 0
    assert run(["test", "--bin", f"{built.register} --stdio", "--workload", "lin-kv", *alone]) == 0
    assert run(["test", "--host", built.quorum, "--seed", "3", "--ops", "300", *kept]) == 0
    for variant, said in (("no-read-repair", "NOT LINEARIZABLE"), ("raises", "NODE DIED")):
        capsys.readouterr()
        command = ["hunt", "--host", f"{built.quorum} {variant}", "--nodes", "3", "--seeds", "200", *kept]
        assert run(command) == 1
        assert said in capsys.readouterr().out
    found = max((tmp_path / "results").glob("*/*/scenario.txt"), key=lambda path: path.stat().st_mtime)
    assert run(["replay", str(found.parent), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["identical"] is True


@pytest.mark.parametrize("build", [LANGUAGES[0]])
@pytest.mark.parametrize("variant", ["shares", "clock"])
def test_a_java_node_with_static_state_or_a_clock_is_named(
    variant: str, build: Callable[[Path], Built], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"{build(tmp_path).quorum} {variant}"
    assert run(["hunt", "--host", command, "--nodes", "3", "--seeds", "2", "--results", str(tmp_path / "r")]) == 3
    assert "is not deterministic: after the same inputs" in " ".join(capsys.readouterr().out.split())
