"""--json and --junit: what programs read, field by field as docs/json.md says."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from checker.history import Operation
from checker.verdict import Edge, Explanation, Part, Rung
from naysayer.cli import run
from naysayer.seen import Counts, Seen
from tests.naysayer.test_platforms import NODE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"
SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def tables() -> dict[str, dict[str, str]]:
    """By section of the page its fields with their types."""
    found: dict[str, dict[str, str]] = {}
    for section in re.split(r"^### ", PAGE.read_text(), flags=re.M)[1:]:
        rows = re.findall(r"^\| (\w+) \| ([^|]+) \|", section, flags=re.M)
        found[section.split("\n")[0].strip()] = {name: kind.strip() for name, kind in rows if name != "field"}
    return found


TABLES = tables()


def objections(value: Any, kind: str, where: str) -> list[str]:
    """Where a value is not as the page says."""
    kind = kind.removesuffix(", optional")
    if kind == "any" or (kind.endswith(" or null") and value is None):
        return []
    kind = kind.removesuffix(" or null")
    for prefix, container in (("list of ", list), ("map of ", dict)):
        if kind.startswith(prefix):
            if not isinstance(value, container):
                return [f"{where} is no {container.__name__}"]
            items = value.items() if isinstance(value, dict) else enumerate(value)
            return [said for at, one in items for said in objections(one, kind.removeprefix(prefix), f"{where}.{at}")]
    if kind in SCALARS:
        right = isinstance(value, SCALARS[kind]) and (kind == "boolean" or not isinstance(value, bool))
        return [] if right else [f"{where} is {value!r}, not {kind}"]
    table = TABLES[kind]
    needed = {name for name, one in table.items() if not one.endswith("optional")}
    found = [f"{where} lacks {name}" for name in sorted(needed - set(value))]
    found += [f"{where}.{name} is not on the page" for name in sorted(set(value) - set(table))]
    return found + [
        said for name, one in value.items() if name in table for said in objections(one, table[name], f"{where}.{name}")
    ]


def document(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Run a command with --json: its document is all that it prints, and it is as the page says."""
    code = run([*arguments, "--json"])
    printed = capsys.readouterr()
    assert printed.err == ""
    built: dict[str, Any] = json.loads(printed.out)
    assert printed.out.endswith("}\n")
    assert objections(built, "Document", "document") == []
    assert built["exit"] == code
    assert built["command"] == arguments[0]
    return built


def cases(file: Path) -> list[tuple[str, str | None, str]]:
    """Of each test case its name, its result and the message of that; the suite counts as many."""
    root = ElementTree.parse(file).getroot()
    (suite,) = root
    found = []
    for case in suite:
        result = next(iter(case), None)
        found.append((case.attrib["name"], *((None, "") if result is None else (result.tag, result.attrib["message"]))))
    for counted in (root, suite):
        assert int(counted.attrib["tests"]) == len(found)
        assert int(counted.attrib["failures"]) == sum(result == "failure" for _, result, _ in found)
        assert int(counted.attrib["errors"]) == sum(result == "error" for _, result, _ in found)
    return found


def test_the_page_has_a_table_for_every_type_that_it_names() -> None:
    named = {
        re.sub(r"^(list of|map of) |( or null)?(, optional)?$", "", kind)
        for one in TABLES.values()
        for kind in one.values()
    }
    assert named - set(SCALARS) - {"any"} == set(TABLES) - {"Document"}


@pytest.mark.parametrize("type_", [Part, Operation, Explanation, Edge, Rung, Seen, Counts])
def test_the_page_has_the_fields_of_each_type(type_: Any) -> None:
    assert list(TABLES[type_.__name__]) == list(inspect.signature(type_).parameters)


@pytest.mark.slow
def test_a_run_of_a_real_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "node.py").write_text(NODE)
    node = ["--bin", f"{sys.executable} {tmp_path}/node.py", "--nodes", "1", "--workload", "lin-kv"]
    built = document(["test", *node, "--nemesis", "pause", "--time", "3s", "--results", str(tmp_path / "r")], capsys)
    assert built["exit"] in (0, 2)
    assert built["verdict"]["latency_ms"]
    assert built["verdict"]["faults"]


@pytest.mark.slow
def test_a_valid_a_broken_and_a_replayed_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = ["--results", str(tmp_path)]
    built = document(["test", "quorum-kv", "--ops", "150", *results], capsys)
    parts = built["verdict"]["parts"]
    assert (built["outcome"], built["sentence"], parts["invalid"], parts["valid"] > 2) == ("valid", None, 0, True)
    kept = json.loads((Path(built["folder"]) / "verdict.json").read_text())
    assert kept == built["verdict"]
    built = document(["test", "quorum-kv/no-read-repair", *results], capsys)
    assert (built["outcome"], built["exit"]) == ("invalid", 1)
    worst = built["verdict"]["not_valid"][0]
    assert worst["explanation"]["sentence"] == built["sentence"]
    assert worst["explanation"]["culprit"] in {op["index"] for op in worst["counterexample"]}
    folder = Path(built["folder"])
    again = document(["replay", str(folder)], capsys)
    assert (again["identical"], again["exit"], again["sentence"]) == (True, 1, built["sentence"])
    with (folder / "history.jsonl").open("a") as file:
        file.write("{}\n")
    again = document(["replay", str(folder)], capsys)
    assert (again["identical"], again["exit"], again["outcome"]) == (False, 3, "error")
    assert "DIFFERS" in again["error"]


@pytest.mark.slow
def test_a_hunt_that_finds_and_one_that_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = ["--results", str(tmp_path)]
    built = document(
        ["hunt", "quorum-kv/local-counter-version", "--first-seed", "25", "--seeds", "5", *results], capsys
    )
    assert built["outcome"] == "invalid"
    assert built["hunt"]["seed"] in range(25, 30)
    assert (Path(built["folder"]) / "scenario.txt").is_file()
    built = document(["hunt", "quorum-kv", "--seeds", "2", *results], capsys)
    assert (built["outcome"], built["exit"], built["hunt"]["seeds"], built["verdict"]) == ("nothing-found", 0, 2, None)


WRITE = {"client": 0, "call": 1, "return": 2, "op": "write", "key": "x", "input": 1}
STALE = {"client": 1, "call": 5, "return": 6, "op": "read", "key": "x", "input": None, "output": 7}


def write_history(file: Path, *operations: dict[str, Any]) -> str:
    file.write_text("".join(json.dumps(one) + "\n" for one in operations))
    return str(file)


def test_recorded_histories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_history(tmp_path / "good.jsonl", WRITE, {**STALE, "output": 1})
    built = document(["check", good, "--certify"], capsys)
    assert (built["outcome"], built["history"], built["folder"]) == ("valid", good, None)
    assert json.loads(Path(built["verdict"]["proof"]).read_text())["outcome"] == "valid"
    bad = write_history(tmp_path / "bad.jsonl", WRITE, STALE)
    built = document(["check", bad], capsys)
    assert (built["outcome"], built["verdict"]["not_valid"][0]["key"]) == ("invalid", "x")
    edn = tmp_path / "set.edn"
    edn.write_text(
        "{:process 0, :type :invoke, :f :write, :value {:a #{1 2}}}\n"
        "{:process 0, :type :ok, :f :write, :value {:a #{1 2}}}\n"
        "{:process 1, :type :invoke, :f :read, :value nil}\n{:process 1, :type :ok, :f :read, :value {[1 2] :b}}\n"
    )
    assert document(["check", str(edn), "--model", "register"], capsys)["outcome"] == "invalid"


@pytest.mark.slow
def test_values_that_json_does_not_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edn = tmp_path / "h.edn"
    value = r'{#{1} :k, "a" ##Inf, [1 "\ud800"] 3/4, nil #{"\ud800"}}'
    edn.write_text(
        "{:process 0, :type :invoke, :f :read, :value nil}\n"
        f"{{:process 0, :type :ok, :f :read, :value {value}}}\n"
        "{:process 0, :type :invoke, :f :read, :value nil}\n"
        '{:process 0, :type :ok, :f :read, :value "\\ud800"}\n'
    )
    built = document(["check", str(edn), "--model", "register", "--certify"], capsys)
    assert (built["outcome"], built["exit"]) == ("invalid", 1)
    assert run(["check", str(edn), "--model", "register", "--junit", str(tmp_path / "junit.xml")]) == 1
    assert [result for _, result, _ in cases(tmp_path / "junit.xml")] == ["failure"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "nothing.jsonl"], "nothing.jsonl: cannot be read"),
        (["check"], "requires an argument"),
        (["check", "--wat"], "--wat"),
        (["test", "quorum-vk"], "did you mean quorum-kv"),
        (["hunt", "quorum-kv", "--seeds", "0"], "--seeds is 0"),
        (["replay", "nothing"], "is no result"),
        (["test", "quorum-kv", "--time", "soon"], "'soon' is not a valid duration"),
    ],
)
def test_an_error_is_a_document_and_an_xml_file_too(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "junit.xml"
    built = document([*arguments, f"--junit={file}"], capsys)
    assert (built["outcome"], built["exit"], built["verdict"]) == ("error", 3, None)
    assert said in built["error"]
    ((_, result, message),) = cases(file)
    assert (result, message) == ("error", built["error"])
    file.unlink()
    assert run([*arguments, "--junit", str(file)]) == 3
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"naysayer: {built['error']}\n")
    assert file.is_file()


def test_a_crash_is_a_document_that_names_the_folder_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("naysayer.commands.test.simulate", crash)
    built = document(["test", "quorum-kv", "--results", str(tmp_path)], capsys)
    assert "internal error: RecursionError" in built["error"]
    assert (Path(built["folder"]) / "traceback.txt").is_file()


def test_a_run_that_broke_off_is_an_error_with_what_was_found_until_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "junit.xml"
    arguments = [
        "test",
        "--bin",
        str(tmp_path / "no-such-node"),
        "--results",
        str(tmp_path / "r"),
        "--junit",
        str(file),
    ]
    built = document(arguments, capsys)
    assert (built["outcome"], built["exit"]) == ("error", 3)
    assert "cannot start" in built["error"]
    assert any(result == "error" for _, result, _ in cases(file))


@pytest.mark.slow
def test_a_case_for_each_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "junit.xml"
    junit = ["--junit", str(file)]
    keys = [{**WRITE, "key": f"k\x1b{i}", "client": i} for i in range(3)]
    bad = write_history(tmp_path / "bad.jsonl", WRITE, STALE, *keys)
    assert run(["check", bad, *junit]) == 1
    printed = capsys.readouterr().out
    found = cases(file)
    assert [result for _, result, _ in found].count("failure") == 1
    assert ('bad.jsonl, key "k\\u001b0"', None, "") in found
    text = next(ElementTree.parse(file).getroot().iter("failure")).text
    assert text is not None
    assert "✗ NOT LINEARIZABLE" in text
    assert "✗ NOT LINEARIZABLE" in printed  # people are still told
    many = write_history(
        tmp_path / "many.jsonl", WRITE, STALE, *({**WRITE, "key": i, "client": i} for i in range(1500))
    )
    assert run(["check", many, *junit]) == 1
    assert [(name, result) for name, result, _ in cases(file)] == [('many.jsonl, key "x"', "failure")]


def test_unknown_is_not_green(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "junit.xml"
    history = write_history(tmp_path / "h.jsonl", {**WRITE, "op": "add", "key": None})
    built = document(["check", history, "--model", "g-counter", "--junit", str(file)], capsys)
    assert (built["exit"], built["outcome"]) == (2, "unknown")
    assert "no final read succeeded" in built["sentence"]
    assert cases(file) == [("h.jsonl", "error", built["sentence"])]


def test_a_place_for_the_xml_that_cannot_be_is_refused_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file, said in ((tmp_path, "that is a folder"), (tmp_path / "no" / "x.xml", "there is no folder")):
        assert run(["test", "quorum-kv", "--results", str(tmp_path / "r"), "--junit", str(file)]) == 3
        assert said in capsys.readouterr().err
        assert (
            said
            in document(["test", "quorum-kv", "--results", str(tmp_path / "r"), "--junit", str(file)], capsys)["error"]
        )
    assert not (tmp_path / "r").exists()


def test_a_verdict_is_not_lost_where_the_xml_cannot_be_written_nor_a_history_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = write_history(tmp_path / "bad.jsonl", WRITE, STALE)
    built = document(["check", bad, "--junit", "/dev/full"], capsys)
    assert (built["exit"], built["outcome"]) == (1, "invalid")
    assert "--junit /dev/full: No space left on device" in built["error"]
    good = write_history(tmp_path / "good.jsonl", WRITE)
    built = document(["check", good, "--junit", "/dev/full"], capsys)
    assert (built["exit"], built["outcome"], built["verdict"]["outcome"]) == (3, "error", "valid")
    assert run(["check", good, "--junit", "/dev/full"]) == 3
    assert "No space left on device" in capsys.readouterr().err
    assert run(["check", good, "--junit", good]) == 3
    assert "exists and is no XML" in capsys.readouterr().err
    assert Path(good).read_text() == json.dumps(WRITE) + "\n"


@pytest.mark.slow
def test_a_locale_without_utf_8_gets_ascii(tmp_path: Path) -> None:
    file = write_history(tmp_path / "h.jsonl", {**WRITE, "input": "ü"}, {**STALE, "output": "→"})
    command = [sys.executable, "-m", "naysayer", "check", file, "--json"]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False)
    assert done.returncode == 1
    built = json.loads(done.stdout.decode("ascii"))
    assert built["verdict"]["not_valid"][0]["counterexample"][0]["output"] == "→"
    assert done.stderr == b""


@pytest.mark.slow
def test_what_a_model_prints_is_not_in_the_document(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "import os\nfrom checker import Model\nclass Loud(Model):\n"
        "    name, summary, operations = 'loud', 'prints', frozenset({'write'})\n"
        "    def initial(self): return None\n"
        "    def step(self, state, op):\n"
        "        print('printed')\n        os.system('echo by a process')\n        return state\n"
    )
    (tmp_path / "h.jsonl").write_text(
        '{"type":"invoke","process":0,"f":"write","input":1}\n{"type":"ok","process":0,"f":"write"}\n'
    )
    judged = subprocess.run(
        [sys.executable, "-m", "naysayer", "check", "h.jsonl", "--model", "loud.py:Loud", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PAGE.parents[1])},
        capture_output=True,
        text=True,
    )
    assert json.loads(judged.stdout)["outcome"] == "valid", judged.stderr
    assert "printed" in judged.stderr
    assert "by a process" in judged.stderr
