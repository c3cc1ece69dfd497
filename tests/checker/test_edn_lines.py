"""Flat lines of EDN are read without a parser, and the general reader agrees on every file, intact or damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.errors import HistoryError, UsageError
from checker.formats import read
from checker.formats.edn_lines import FlatLines
from checker.formats.events import EventRows
from checker.formats.loose import Row
from checker.formats.source import Source
from checker.history import History

SHARED = Path(__file__).parents[3] / "shared"
FILES = sorted(path for path in SHARED.glob("**/*.edn*") if path.is_file())

PLAIN = ("nil", "true", "0", "3", "-7", '"x"', '"a b, c"', ":a", ":a/b", "1.5", "1N", "12345678901234567890")
ODD = ("007", "2r101", ":", "x", r'"a\"b"', r'"a\nb"', '"a\nb"', '"é ; #_ }"', '"nemesis"', "\\a", "##NaN", "#{1 1}")
ODD += ('#inst "2020-01-01T00:00:00.000-00:00"', "{:a 1 :a 2}", "[1 2", "#_ 3 4", "[[[[[1]]]]]", "[1 ; two\n 2]")
BETWEEN = ("; a comment", "", "  ", "#_ {:type :ok}", "#_", "{:process 0 :type :invoke")
AROUND = (("[", "]"), ("(\n", "\n) ; done\n"), ("; x\n[", "]"), ("[", ""), ("", "]"), ("[", "] 1"), ("[", "#_ ]"))
DAMAGE = ("", "\n", '"', "}", "[", ";", "\r\n", "\\")


def form(random: Random, oddness: float, depth: int = 0) -> str:
    """A form of any kind, mostly one that Jepsen prints."""
    if random.random() < oddness:
        return random.choice(ODD)
    if depth == 4 or random.random() < 0.7:
        return random.choice(PLAIN)
    inside = [form(random, oddness, depth + 1) for _ in range(random.randint(0, 3))]
    shape = random.choice(("[{}]", "({})", "#{{{}}}", "{{{}}}")) if random.random() < oddness else "[{}]"
    return shape.format(random.choice((" ", ", ", "  ")).join(inside))


def event(random: Random, oddness: float, kind: str, process: str, time: int, value: str) -> str:
    """An event as a map in one of several orders, with keys that are absent, unknown or, seldom, there twice."""
    f = (":read", ":write")[time % 3 > 0]
    if random.random() < oddness / 2:
        f = random.choice(('"read"', ":get", "7", "nil"))
    value = "nil" if f == ":read" and kind == "invoke" else value
    fields = {"type": f":{kind}", "process": process, "f": f, "value": value, "time": str(time), "index": "5"}
    if random.random() < 0.1:
        fields["error"] = form(random, oddness)
    if random.random() < oddness:
        del fields[random.choice(list(fields))]
    orders = [list(fields), sorted(fields), ["process", "type", "f", "value", "time"]]
    names = [name for name in random.choice(orders) if name in fields]
    if random.random() < oddness / 5:
        names.append(names[0])
    between = ", " if random.random() > oddness else random.choice((" ", "\n ", ",", " , "))
    tag = random.choice(("", "#jepsen.history.Op"))
    return tag + "{" + between.join(f":{name} {fields[name]}" for name in names) + "}"


def text(random: Random) -> str:
    """A history of some events: one to a line or in a list, plain or with comments, oddities and damage."""
    oddness = random.choice((0, 0, 0.02, 0.2))
    texts: list[str] = []
    kinds = ("invoke", "ok") if random.random() > oddness else ("ok", "info")
    for number in range(random.randint(1, 12)):
        process = random.choice(("0", '"a"', ":nemesis")) if random.random() < oddness else str(number)
        value = form(random, oddness)
        texts += [event(random, oddness, kind, process, 10 * number, value) for kind in kinds]
        if random.random() < oddness:
            texts.append(random.choice(BETWEEN))
    whole = ("\n" if random.random() > oddness else " ").join(texts)
    begin, end = random.choice(AROUND) if random.random() < oddness else ("", random.choice(("", "\n")))
    whole = begin + whole + end
    while random.random() < oddness:
        at = random.randrange(len(whole))
        whole = whole[:at] + random.choice(DAMAGE) + whole[at + random.randint(0, 3) :]
    return whole


def found(path: Path, **options: Any) -> Any:
    """All that reading gives, or the sentence that refuses."""
    try:
        recording = read(path, format="edn", **options)
    except (HistoryError, UsageError) as error:
        return str(error)
    history = recording.history
    columns = {name: getattr(history, name).tolist() for name in History.COLUMNS}
    values = [repr(list(table.values)) for table in vars(history.tables).values()]
    return columns, values, history.notes, recording.lines.tolist(), recording.faults, recording.clock


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, Any]]:
    """What the reader finds in a file, event by event and as a whole, and what it finds without its fast path."""
    events: list[Row] = []
    add = EventRows.add

    def noted(self: EventRows, row: Row) -> None:
        events.append(row)
        add(self, row)

    monkeypatch.setattr(EventRows, "add", noted)

    def ask(path: Path, **options: Any) -> tuple[Any, Any]:
        quick = (found(path, **options), [repr(row) for row in events])
        events.clear()
        with monkeypatch.context() as patched:
            patched.setattr(FlatLines, "row", lambda self, line, text: None)
            general = (found(path, **options), [repr(row) for row in events])
        events.clear()
        return quick, general

    return ask


@pytest.mark.skipif(not FILES, reason="the corpus of histories is not beside the project")
@pytest.mark.slow
def test_the_general_reader_agrees_on_every_file(both: Callable[..., tuple[Any, Any]]) -> None:
    for path in FILES:
        quick, general = both(path)
        assert quick == general, path


@pytest.mark.slow
def test_the_general_reader_agrees_on_generated_files(
    both: Callable[..., tuple[Any, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.edn"
    monkeypatch.setattr("checker.formats.source.PIECE_BYTES", 300)
    quickly = Counter[bool]()
    row = FlatLines.row

    def counted(self: FlatLines, line: int, text: str) -> Any:
        event = row(self, line, text)
        quickly[event is not None] += 1
        return event

    monkeypatch.setattr(FlatLines, "row", counted)
    outcomes = Counter[bool]()
    for seed in range(400):
        path.write_text(text(Random(seed)), newline="")
        quick, general = both(path, model="register", keys="none")
        assert quick == general, path.read_text()
        outcomes[isinstance(quick[0], str)] += 1
    assert min(outcomes.values()) > 100
    assert min(quickly.values()) > 300


@pytest.mark.slow
def test_what_is_larger_than_a_piece_is_read_in_pieces_and_its_progress_is_told(tmp_path: Path) -> None:
    path = tmp_path / "history.edn"
    pair = "{{:process 0, :type :invoke, :f :write, :value {0}}}\n{{:process 0, :type :ok, :f :write, :value {0}}}\n"
    path.write_text("".join(pair.format(number) for number in range(10_000)))
    told: list[tuple[int, int]] = []
    recording = read(path, progress=lambda done, total: told.append((done, total)))
    assert len(recording.history) == 10_000
    assert recording.lines[-1] == 19_999
    size = path.stat().st_size
    assert told[-1] == (size, size)
    assert told[-2][0] < size


def test_a_string_without_an_end_is_not_searched_for_to_the_end_of_a_large_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.formats.edn.FORM_CHARS_MAX", 1000)
    path = tmp_path / "history.edn"
    line = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n"
    path.write_text(line + '{:process 0, :type :invoke, :f :write, :value "1}\n' + line * 1000)
    with pytest.raises(HistoryError, match=":3: contains a string without an end"):
        read(path)
    assert Source(path).unfinished is None
