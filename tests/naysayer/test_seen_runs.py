"""Runs against stores that work only in part: what could not have been noticed is unknown, and nothing else is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from naysayer.cli import run

TOML = """
name = "store"
[nodes.n1]
host = "localhost"
client = "http://127.0.0.1:{port}"
[client]
kind = "http"
timeout_s = 1
operations = ["read", "write"]
[client.http.read]
method = "GET"
path = "/kv/{{key}}"
output = "{output}"
[client.http.write]
method = "PUT"
path = "/kv/{{key}}"
body = {{ value = "{{input}}" }}
"""


@contextmanager
def store(*, reads: int, writes: int) -> Iterator[int]:
    """The port of a store that answers so many reads and writes, and 500 to all that come after."""
    values: dict[str, Any] = {}
    left = {"GET": reads, "PUT": writes}
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            self.serve()

        def do_PUT(self) -> None:
            self.serve()

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with one_at_a_time:
                left[self.command] -= 1
                works = left[self.command] >= 0
                if works and self.command == "PUT":
                    values[self.path] = json.loads(body)["value"]
                held = values.get(self.path)
            answer = json.dumps({"value": held}).encode()
            self.send_response(500 if not works else 404 if held is None else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reads", "writes", "output", "code", "said"),
    [
        (10_000, 10_000, "value", 0, "✓ LINEARIZABLE ━━ store ━━━━"),
        (0, 10_000, "value", 2, "no read succeeded after any write, so a lost or stale value could not have been"),
        (10_000, 10_000, "valeu", 2, "no read succeeded after any write, so a lost or stale value could not have been"),
        (15, 10_000, "value", 2, "none of the 6 final reads succeeded, so a lost value could not have been"),
        (10_000, 0, "value", 2, "no write succeeded, so nothing could be lost or stale"),
        (10_000, 5, "value", 0, "few succeeded: "),
    ],
)
def test_what_could_not_have_been_noticed_is_unknown(
    reads: int,
    writes: int,
    output: str,
    code: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with store(reads=reads, writes=writes) as port:
        toml = tmp_path / "cluster.toml"
        toml.write_text(TOML.format(port=port, output=output))
        bounds = ["--workload", "register", "--ops", "50", "--clients", "2", "--results", str(tmp_path / "results")]
        assert run(["test", "--cluster", str(toml), *bounds]) == code
    assert said in " ".join(capsys.readouterr().out.split())
    verdict = json.loads((tmp_path / "results" / "store" / "latest" / "verdict.json").read_text())
    assert verdict["outcome"] == {0: "valid", 2: "unknown"}[code]
    counted = verdict["seen"]
    total = sum(counted["total"].values())
    assert total >= 50
    for groups in ("by_kind", "by_node"):
        assert sum(sum(count.values()) for count in counted[groups].values()) == total
    assert sum(counted["final_reads"].values()) == 6
    assert (counted["blind"] is None) == (code == 0)
    if writes == 0 or reads < 100:
        assert any("500" in text for text, _ in counted["errors"])
    history = tmp_path / "results" / "store" / "latest" / "history.jsonl"
    assert run(["check", str(history), "--model", "register"]) == 0, "of a recorded history this is only said"
    if code == 2 and "final" not in said:
        assert said in " ".join(capsys.readouterr().out.split())
