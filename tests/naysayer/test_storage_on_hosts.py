"""Storage faults on a system that is started by commands, here on this machine."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from naysayer.cli import run
from tests.systems import needs, without

pytestmark = needs(without("cc", "pgrep", "pkill"))

STORE = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

file = os.open(sys.argv[2] + "/log", os.O_RDWR | os.O_CREAT | os.O_APPEND)
text = os.pread(file, 1 << 30, 0).decode()
values = dict(json.loads(line) for line in text[: text.rfind("\\n") + 1].splitlines())

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200 if self.path in values else 404, {"value": values.get(self.path)})

    def do_PUT(self):
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["value"]
        os.write(file, json.dumps([self.path, value]).encode() + b"\\n")  # and no fsync
        values[self.path] = value
        self.answer(200, {})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

TOML = """
name = "store"
[nodes.n1]
host = "localhost"
client = "http://127.0.0.1:{port}"
[commands]
start = "nohup {start} {python} {folder}/store.py {port} {folder}/data >> {folder}/out 2>&1 < /dev/null &"
pid = "pgrep -f '[s]tore.py {port}'"
stop = "pkill -9 -f '[s]tore.py {port}'"
logs = ["{folder}/out"]
[storage]
data = "{folder}/data"
[client]
kind = "http"
operations = ["read", "write"]
[client.http.read]
method = "GET"
path = "/kv/{{key}}"
output = "value"
[client.http.write]
method = "PUT"
path = "/kv/{{key}}"
body = {{ value = "{{input}}" }}
"""


def left(folder: Path) -> list[str]:
    """The processes that look after the store's data."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes())
    return [words.decode() for words in found if f"{folder}/data".encode() in words and b"keep" in words]


def cluster(folder: Path, start: str) -> str:
    """A cluster.toml for the store, whose start command begins so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    (folder / "store.py").write_text(STORE)
    toml = folder / "cluster.toml"
    toml.write_text(TOML.format(start=start, folder=folder, port=port, python=sys.executable))
    return str(toml)


def test_a_store_that_does_not_sync_is_caught_and_nothing_stays_behind(tmp_path: Path) -> None:
    results = tmp_path / "results"
    arguments = ["--cluster", cluster(tmp_path, "{storage}"), "--nemesis", "power", "--time", "30s"]
    assert run(["test", *arguments, "--results", str(results)]) == 1
    faults = json.loads((results / "store" / "latest" / "verdict.json").read_text())["faults"]
    assert any("un-synced bytes (log" in one["detail"] for one in faults)
    assert not left(tmp_path)


def test_a_system_whose_calls_are_not_seen_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As where the start command asks a service manager: another process starts the program."""
    arguments = ["--cluster", cluster(tmp_path, "{storage} true; nohup"), "--nemesis", "torn"]
    assert run(["test", *arguments, "--results", str(tmp_path / "results")]) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "fault torn cannot be carried out on n1: its calls are not seen" in said
    assert not left(tmp_path)
