"""`naysayer init --compose`: a cluster.toml for the containers of a compose file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from naysayer.cli import run
from targets.backends.hosts.config import ClusterConfig, load

EXAMPLE = Path(__file__).parents[2] / "examples" / "containers"

ETCD = """
services:
  etcd1: {image: "quay.io/coreos/etcd:${TAG:-v3.5}", ports: ["2380:2380", "${PORT:-2379}:2379"]}
  etcd2: {image: "quay.io/coreos/etcd:v3.5", ports: ["127.0.0.2:2479:2379/tcp"], container_name: second}
  etcd3:
    image: quay.io/coreos/etcd:v3.5
    ports:
      - {target: 2379, published: "2579"}
      - {target: 53, published: 53, protocol: udp}
  proxy: {image: nginx, ports: ["8080:80"]}
  db: {image: postgres, ports: [5432, "6000-6002:7000-7002"]}
"""


@pytest.fixture(autouse=True)
def _docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A docker on PATH, and nothing in the environment that compose files are filled from."""
    (tmp_path / "docker").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("COMPOSE_PROJECT_NAME", "PORT", "TAG"):
        monkeypatch.delenv(name, raising=False)


def written(folder: Path, compose: str) -> ClusterConfig:
    """The cluster.toml for a compose file in folder/My App."""
    (place := folder / "My App").mkdir()
    (place / "compose.yaml").write_text(compose)
    assert run(["init", str(folder / "cluster.toml"), "--compose", str(place / "compose.yaml")]) == 0
    return load(folder / "cluster.toml")


def test_services_of_one_image_become_nodes_at_their_published_ports(tmp_path: Path) -> None:
    config = written(tmp_path, ETCD)
    assert {name: (one.host, one.client) for name, one in config.nodes.items()} == {
        "etcd1": ("docker:myapp-etcd1-1", "http://127.0.0.1:2379"),
        "etcd2": ("docker:second", "http://127.0.0.2:2479"),
        "etcd3": ("docker:myapp-etcd3-1", "http://127.0.0.1:2579"),
    }
    assert (config.name, config.client.kind) == ("myapp", "etcd")
    text = (tmp_path / "cluster.toml").read_text()
    assert "# Not tested: proxy, db." in text
    assert "# also published: 127.0.0.1:2380 (2380)" in text


def test_the_environment_and_the_projects_name_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "4001")
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "other")
    node = written(tmp_path, ETCD).nodes["etcd1"]
    assert (node.host, node.client) == ("docker:other-etcd1-1", "http://127.0.0.1:4001")


def test_a_system_of_ones_own_gets_an_http_client_to_fill_in(tmp_path: Path) -> None:
    build = 'services:\n  a.1: {build: ., ports: ["7001:80"]}\n  b: {build: ., ports: ["7002:80"]}\n'
    config = written(tmp_path, build)
    assert [(name, one.client) for name, one in config.nodes.items()] == [
        ("a.1", "http://127.0.0.1:7001"),
        ("b", "http://127.0.0.1:7002"),
    ]
    assert config.client.kind == "http"


def test_the_example_is_what_its_compose_file_gives(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "cluster.toml"), "--compose", str(EXAMPLE / "compose.yaml")]) == 0
    assert (tmp_path / "cluster.toml").read_text() == (EXAMPLE / "cluster.toml").read_text()


@pytest.mark.parametrize(
    ("compose", "said"),
    [
        ("services: [", "is not YAML: "),
        ("[1]", "has no services: is it a compose file?"),
        ("services: {a: {image: x}, b: null, c: {image: x, ports: [80]}}", "no service publishes a port with a fixed"),
        ("[" * 5000, "is not YAML: "),
    ],
)
@pytest.mark.slow
def test_a_file_in_which_no_node_is_found_is_one_sentence(
    compose: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "compose.yaml").write_text(compose)
    assert run(["init", str(tmp_path / "cluster.toml"), "--compose", str(tmp_path / "compose.yaml")]) == 3
    assert said in capsys.readouterr().err
    assert not (tmp_path / "cluster.toml").exists()


def test_a_missing_file_and_two_wishes_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--compose", str(tmp_path / "none.yaml")]) == 3
    assert "none.yaml: No such file" in capsys.readouterr().err
    assert run(["init", "--node", "--compose", "compose.yaml"]) == 3
    assert "exclude each other" in json.dumps(capsys.readouterr().err)
