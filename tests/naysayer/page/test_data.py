"""What stands in a page: the history, exactly; values as data; the same bytes for the same input."""

from __future__ import annotations

import re
from importlib.resources import files
from random import Random

import numpy as np
import pytest

from checker import check
from checker.history import INFO, OK, PENDING, STATUSES, History, Operation
from checker.models import find
from checker.verdict import Verdict
from naysayer.page.bundle import SCRIPTS, script
from naysayer.page.columns import EXACT_MAX, differences
from naysayer.page.order import longest
from naysayer.page.render import pieces, render
from naysayer.page.source import Source, bounded
from naysayer.report.report import Report
from tests.checker.generate import AUTHORS
from tests.checker.generate import history as generated
from tests.naysayer.page.unpacked import column, page_of, unpacked

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><b>",
    "\u2028",
    "\u202eabc",
    "x" * 10_000,
    2**63 - 1,
    float("nan"),
    None,
]


def op(index: int, f: str, value: object, call: int, ret: int | None, key: object = "x") -> Operation:
    asked, answered = (value, None) if f == "write" else (None, value)
    end, status = (PENDING, INFO) if ret is None else (ret, OK)
    return Operation(index, index % 3, f, key, asked, answered, call, end, STATUSES[status])


def test_columns_come_back_as_they_were() -> None:
    rng = Random(1)
    wide = [rng.randint(-(2 ** rng.randint(1, 52)), 2 ** rng.randint(1, 52)) for _ in range(2000)]
    for numbers in ([], [0], [-1], [EXACT_MAX, -EXACT_MAX, 0], list(range(300)), wide):
        packed = differences(np.array(numbers, dtype=np.int64))
        assert column(packed, 0, len(numbers)) == (numbers, len(packed))
    with pytest.raises(ValueError, match="53 bits"):
        differences(np.array([EXACT_MAX + 1], dtype=np.int64))


def test_the_history_stands_in_the_page() -> None:
    operations = [op(0, "write", 7, 5, 9), op(1, "write", 8, 6, None), op(2, "read", 7, 11, 12)]
    header, columns = unpacked(page_of(operations))
    assert header["clock"] == {"origin": "0", "unit": 1, "end": 12, "order": False}
    assert columns["call"] == [5, 6, 11]
    assert columns["dur"] == [4, -1, 1]
    assert columns["status"] == [0, 2, 0]
    assert [columns["values"][code] for code in columns["input"][:2]] == [7, 8]
    assert columns["values"][columns["output"][2]] == 7
    assert header["process"][columns["process"][1]] == "1"


def test_times_of_a_long_run_are_microseconds_and_touching_operations_still_touch() -> None:
    second = 1_000_000_000
    _, columns = unpacked(page_of([op(0, "write", 1, 0, second + 1), op(1, "read", 1, second + 1, 2 * second)]))
    assert columns["call"][1] == columns["call"][0] + columns["dur"][0]


def test_the_same_input_gives_the_same_bytes() -> None:
    operations = [op(i, "write", i, 10 * i, 10 * i + 5, key=f"k{i % 7}") for i in range(50)]
    verdict = Verdict("valid", "register", "zones", 50, (), 0.0)
    pages = {render(Source(report=Report(verdict, "a test"), history=History.of(operations))) for _ in range(2)}
    assert len(pages) == 1


def test_no_value_of_a_history_becomes_part_of_the_markup() -> None:
    operations = [op(i, "write", value, 10 * i, 10 * i + 5, key=value) for i, value in enumerate(HOSTILE)]
    operations.append(op(len(HOSTILE), "read", "never written <i>", 1000, 1010, key="</script><b>"))
    page = page_of(operations)
    assert b"alert(1)" not in page
    assert b"never written <i>" not in page, "the sentence has it, escaped"
    assert b"never written &lt;i&gt;" in page
    assert page.count(b"</script>") == 2
    header, _ = unpacked(page)
    assert set(header["valueText"]["long"].values()) == {'"' + "x" * 10_000 + '"'}
    assert "9223372036854775807" in header["valueText"]["text"].values()


@pytest.mark.parametrize("count", [0, 1])
def test_a_history_of_hardly_anything_has_a_page(count: int) -> None:
    header, columns = unpacked(page_of([op(0, "write", 1, 0, 1)][:count]))
    assert header["n"] == count == len(columns["call"])


@pytest.mark.slow
def test_ten_thousand_keys_and_processes_have_a_page() -> None:
    operations = [Operation(i, i, "write", f"k{i}", i, None, 10 * i, 10 * i + 15, "ok") for i in range(10_000)]
    history = History.of(operations)
    verdict = Verdict("valid", "register", "zones", 10_000, (), 0.0)
    page = render(Source(report=Report(verdict, "a test"), history=history))
    assert len(page) < 130_000 + 15 * 10_000


def test_every_step_of_the_order_is_one_of_the_model_and_nothing_fits_after_it() -> None:
    author, model = AUTHORS["register"], find("register")
    for seed in range(200):
        rng = Random(seed)
        operations = [one for one in generated(author, rng, "mutated", 6) if one.status != "fail"]
        order = longest(operations, model)
        by_index = {one.index: one for one in operations}
        placed: list[Operation] = []
        state = model.initial()
        for step in order.steps:
            one = by_index[step.index]
            assert all(one.call <= other.ret for other in operations if other not in placed), "real time allows it"
            assert step.before == ("nothing" if state is None else str(state))
            state = model.step(state, one)
            assert step.after == ("nothing" if state is None else str(state))
            placed.append(one)
        left = [one for one in operations if one not in placed]
        for stuck in order.stuck:
            assert model.step(state, by_index[stuck.index]) == stuck.why
        assert bool(order.stuck) == any(not one.pending for one in left)


def test_a_sentence_names_its_operations_apart() -> None:
    assert pieces("#3 after #12.") == [("#3", 3), (" after ", None), ("#12", 12), (".", None)]
    assert pieces("no number #x") == [("no number #x", None)]


def test_the_script_has_every_module_once_and_no_import() -> None:
    joined = script("main")
    modules = {file.name.removesuffix(".js") for file in SCRIPTS.iterdir() if file.name.endswith(".js")}
    assert set(re.findall(r"^const \$(\w+) = \(\(\) => \{$", joined, re.MULTILINE)) == modules
    assert not re.search(r"^\s*(import|export) ", joined, re.MULTILINE)
    assert "</script" not in joined


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    for file in (*SCRIPTS.iterdir(), *(files("naysayer.serve") / "static").iterdir()):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 300, file.name


def test_of_a_history_that_is_too_long_the_page_holds_what_matters() -> None:
    operations = [op(i, "write", i, 10 * i, 10 * i + 5) for i in range(1000)]
    operations += [op(1000, "read", 999, 10_000, 10_005), op(1001, "read", 3, 10_010, 10_015)]
    operations += [op(1002 + i, "write", 1000 + i, 10_020 + 10 * i, 10_025 + 10 * i) for i in range(500)]
    history = History.of(operations)
    report = Report(check(history, "register"), "a test")
    kept, cut = bounded(Source(report=report, history=history), most=200)
    assert len(kept.history) + cut == len(history)
    assert len(kept.history) <= 200
    worst = report.verdict.worst
    assert worst is not None
    assert {one.index for one in worst.counterexample} <= set(kept.history.index.tolist())
    header, columns = unpacked(render(kept))
    assert [columns["index"][row] for row in header["proof"]["ops"]] == [one.index for one in worst.counterexample]
    assert bounded(kept, most=200) == (kept, 0)
