"""The server: for this machine, with a token; pages and files of runs, and the explorer as JSON."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import zipfile
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from checker.errors import UsageError
from naysayer.explorer.source import open_source
from naysayer.play import notation, timed
from naysayer.serve.serving import serve
from tests.naysayer.serve.conftest import Server, serving
from tests.naysayer.serve.runs import FAILING, RUNS, VALID, make_run

pytestmark = pytest.mark.slow


def test_the_index_has_the_runs_and_says_where_they_are(server: Server) -> None:
    status, page, headers = server.ask()
    assert status == 200
    assert str(server.root) in page.decode()
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    rows = server.json("api/runs")["rows"]
    assert [(row["path"], row["state"]) for row in rows] == [(VALID, "valid"), (FAILING, "invalid")]


def test_wrong_token_host_and_origin_are_refused(server: Server) -> None:
    place = urlsplit(server.address)
    assert place.hostname == "127.0.0.1"

    def status(path: str, **headers: str) -> int:
        connection = HTTPConnection("127.0.0.1", place.port or 0, timeout=30)
        connection.request("GET", path, headers=headers)
        found = connection.getresponse()
        found.read()
        connection.close()
        return found.status

    assert status(place.path) == 200
    assert status(place.path, Host=f"localhost:{place.port}") == 200
    for path in ("/", place.path[:-2] + "/", "/" + place.path.strip("/")[::-1] + "/", place.path.rstrip("/") + "x/"):
        assert status(path) == 403, path
    for host in ("evil.example", f"evil.example:{place.port}", "127.0.0.1", f"127.0.0.1:{(place.port or 0) + 1}", ""):
        assert status(place.path, Host=host) == 403, host
    assert status(place.path, Origin="http://evil.example") == 403
    assert status(place.path, Origin=f"http://127.0.0.1:{place.port}") == 200


def test_a_page_is_made_where_there_is_none_and_shown_in_a_sandbox(server: Server) -> None:
    status, page, headers = server.ask(f"run/{FAILING}/report.html")
    assert status == 200
    assert "Stale read" in page.decode()
    assert headers["content-security-policy"].startswith("sandbox ")
    assert "allow-same-origin" not in headers["content-security-policy"]
    torn = server.root / FAILING / "report.html"
    assert not torn.exists(), "looking changes nothing"
    for content in (b"", page[:30_000]):
        torn.write_bytes(content)
        assert server.ask(f"run/{FAILING}/report.html")[1] == page, "one that is cut off is made anew"
        assert torn.read_bytes() == content
    torn.unlink()


def test_files_and_a_zip_of_them_are_kept_as_they_are(server: Server) -> None:
    history = (server.root / FAILING / "history.jsonl").read_bytes()
    assert server.ask(f"run/{FAILING}/files/history.jsonl")[1] == history
    with zipfile.ZipFile(io.BytesIO(server.ask(f"run/{FAILING}/all.zip")[1])) as packed:
        assert packed.read(f"{Path(FAILING).name}/history.jsonl") == history
    assert "history.jsonl" in server.ask(f"run/{FAILING}/files")[1].decode()
    for path in (f"run/{FAILING}/files/..%2F..%2Fsecret", f"run/{FAILING}/files/nothing", "run/a/b/files", "nowhere"):
        status, page, _ = server.ask(path)
        assert status == 404, path
        assert "<h1" in page.decode()
    assert server.ask("static/page/js/clock.js")[2]["content-type"].startswith("text/javascript")
    assert server.ask("static/page/js/..%2Fdata.py")[0] == 404


def test_the_explorer_as_json(server: Server) -> None:
    run = server.json(f"api/explore/run/{FAILING}")
    (recorded,) = run["branches"]
    assert (run["target"], run["identical"], run["twin"]) == ("quorum-kv/no-read-repair", True, "quorum-kv")
    assert (recorded["outcome"], recorded["kind"], recorded["culprit"]) == ("invalid", "stale read", 178)
    number = recorded["startsAt"]
    state = server.json(f"api/explore/state/{FAILING}?event={number}")
    assert state["event"] == number
    assert [node["name"] for node in state["nodes"]] == ["n1", "n2", "n3"]
    back = server.json(f"api/explore/step/{FAILING}?event={number}&towards=previous&of=%23178")["event"]
    assert back < number
    clock = server.json(f"api/explore/clock/{FAILING}")
    assert len(clock["events"]) == recorded["events"]
    assert 178 in clock["proof"]
    found = server.json(f"api/explore/messages/{FAILING}?from={recorded['window'][0]}&to={recorded['window'][1]}")
    assert 0 < len(found["shown"]) <= found["total"]
    made = server.json(f"api/explore/branch/{FAILING}", {"branch": 0, "after": back - 20, "changes": ["pause n2"]})
    assert (made["id"], made["parent"], made["label"]) == (1, 0, "pause n2")
    written = server.ask(f"api/explore/scenario/{FAILING}?branch=1")[1].decode()
    scenario = server.root / "branch.txt"
    scenario.write_text(written)
    verdict = timed.play(notation.read(scenario), weaker=False)[1]
    assert verdict.outcome == made["outcome"]
    assert open_source(scenario).target == run["target"]
    scenario.unlink()
    lines = server.ask(f"api/explore/likelihood/{FAILING}?from=600&to=668&points=3&futures=2")[1].splitlines()
    assert [json.loads(line)["futures"] for line in lines] == [2, 2, 2]
    twin = server.json(f"api/explore/twin/{FAILING}", {})
    assert (twin["outcome"], twin["target"]) == ("valid", "quorum-kv")


def test_scripts_that_come_with_naysayer_are_explored_too(server: Server) -> None:
    run = server.json("api/explore/run/shipped/figure-8")
    (recorded,) = run["branches"]
    assert (run["script"], run["names"], run["twin"]) == (True, ["alice", "dora", "bob"], "raft-log")
    assert (recorded["outcome"], recorded["kind"]) == ("invalid", "stale read")
    clock = server.json("api/explore/clock/shipped/figure-8")
    assert clock["steps"][0] == [0.0, "leader S1"]
    assert set(clock["called"]) == {"S1", "S2", "S3", "S4", "S5"}
    twin = server.json("api/explore/twin/shipped/figure-8", {})
    assert (twin["label"], twin["outcome"]) == ("Twin raft-log", "valid")
    assert b"Figure 8" in server.ask("run/shipped/figure-8/report.html")[1]
    assert server.ask("explore/shipped/no-such-script")[0] == 404


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("scenario/shipped/figure-8?branch=0", None, "a branch of a script is not exported"),
        ("likelihood/shipped/figure-8?from=0&to=9", None, "a script has one future only"),
        ("run/a/b", None, "has no run a/b"),
        (f"state/{FAILING}?event=0", None, "there is no event 0"),
        (f"state/{FAILING}?event=99999999", None, "there is no event 99999999"),
        (f"state/{FAILING}?event=x", None, "must be a whole number, not 'x'"),
        (f"state/{FAILING}?event=1&branch=77", None, "there is no branch 77"),
        (f"messages/{FAILING}?from=nan&to=5", None, "must be a time in ms"),
        (f"branch/{FAILING}", {"branch": 0, "after": 5, "changes": ["kill n9"]}, "there is no node n9"),
        (f"branch/{FAILING}", {"branch": 0, "after": 5, "changes": ["do something"]}, "no such step"),
        (f"branch/{FAILING}", {"branch": 0}, "not what an edit looks like"),
        (f"twin/{VALID}", {}, "no broken variant"),
    ],
)
def test_what_is_not_there_is_a_sentence(server: Server, path: str, content: object, words: str) -> None:
    status, body, _ = server.ask(f"api/explore/{path}", content)
    assert status == 400
    assert words in json.loads(body)["error"]


def test_a_missing_folder_gets_a_sentence_and_rows_appear_as_runs_are_made(tmp_path: Path) -> None:
    root = tmp_path / "results"
    with serving(root) as found:
        assert "There is no folder" in found.json("api/runs")["said"]
        place = urlsplit(found.address)
        connection = HTTPConnection("127.0.0.1", place.port or 0, timeout=60)
        connection.request("GET", f"{place.path}api/changes")
        events = connection.getresponse()
        assert b"There is no folder" in events.readline()
        events.readline()
        (root / "a" / "20260101T000000").mkdir(parents=True)
        (root / "a" / "20260101T000000" / "test.toml").touch()
        assert b"20260101T000000" in events.readline()
        connection.close()


def test_the_end_leaves_nothing_behind_also_while_a_page_listens(tmp_path: Path) -> None:
    with serving(tmp_path) as found:
        place = urlsplit(found.address)
        with socket.create_connection(("127.0.0.1", place.port or 0), timeout=30) as listening:
            asked = f"GET {place.path}api/changes HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\n\r\n"
            listening.sendall(asked.encode())
            assert listening.recv(12) == b"HTTP/1.1 200"
            found.process.send_signal(signal.SIGTERM)
            assert found.process.wait(30) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", place.port or 0), timeout=5)
    assert os.listdir(tmp_path) == []


def test_the_end_does_not_wait_for_all_futures(tmp_path: Path) -> None:
    """Fourteen points of 400 futures each would take a minute."""
    target, seed, operations = RUNS[FAILING]
    make_run(tmp_path, FAILING, target, seed, operations)
    with serving(tmp_path) as found:
        place = urlsplit(found.address)
        found.json(f"api/explore/run/{FAILING}")
        connection = HTTPConnection("127.0.0.1", place.port or 0, timeout=60)
        connection.request("GET", f"{place.path}api/explore/likelihood/{FAILING}?from=600&to=668&points=14&futures=400")
        points = connection.getresponse()
        assert points.status == 200
        found.process.send_signal(signal.SIGINT)
        assert found.process.wait(30) == 0
        try:
            came = points.read()
        except IncompleteRead as cut:
            came = cut.partial
        assert came.count(b"\n") < 14
        connection.close()


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("a/b/test.toml", "is a file"),
        ("a/b", "is a single run: name the folder"),
        ("a", "holds the runs of one target"),
    ],
)
def test_what_is_no_results_folder_is_refused(place: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "test.toml").touch()
    with pytest.raises(UsageError, match=words):
        serve(tmp_path / place)
