"""Values are equal where Clojure and JSON call them equal, and print as they were written."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.check import check
from checker.formats import read
from checker.formats.edn_text import EdnError, parse
from checker.history import Table
from checker.values import Map, Set, Token, freeze, identity, shown

EQUAL = [
    ("#{1 2 3}", "#{3 1 2}"),
    ("{:a 1, :b #{2 3}}", "{:b #{3 2} :a 1}"),
    ("[1 2]", "(1 2)"),
    ("1", "1N"),
    ("1", "1.0"),
    ("[1 [2]]", "[1.0 (2N)]"),
    ("#{[1 :a]}", "#{(1 :a)}"),
    (":x/y", ":x/y"),
    ('"a"', '"\\u0061"'),
    ("1.10M", "1.1"),
    ("\\u0041", "\\A"),
    ("\\u000a", "\\newline"),
    ("#my.Record{:a 1 :b #{1 2}}", "#my.Record {:b #{2 1}, :a 1}"),
    ("0xff", "255"),
]
DIFFERENT = [
    ("[1 2]", "#{1 2}"),
    ("[[:a 1]]", "{:a 1}"),
    ("#{[:a 1]}", "{:a 1}"),
    ("[]", "#{}"),
    ("[]", "{}"),
    ("{}", "#{}"),
    (":x", '"x"'),
    (":x", '":x"'),
    ("\\a", '"a"'),
    ("\\a", ":a"),
    ("true", "1"),
    ("false", "0"),
    ("[true]", "[1]"),
    ("#{true}", "#{1}"),
    ("{:a true}", "{:a 1}"),
    ("{true :a}", "{1 :a}"),
    ("#{#{false}}", "#{#{0}}"),
    ("1", '"1"'),
    ("nil", "false"),
    ("nil", "[]"),
    ("[1 2]", "[2 1]"),
    ("#my/tag 1", "1"),
    ("#my/tag 1", "#my/tug 1"),
    ("#my/tag 1", '{"#my/tag" 1}'),
    ("0.1000000000000000055511151231257827M", "0.1"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_values_have_one_code(one: str, other: str) -> None:
    table = Table()
    assert table.code(parse(one)) == table.code(parse(other))
    assert table.find(parse(other)) == table.code(parse(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_values_have_two(one: str, other: str) -> None:
    table = Table()
    assert table.code(parse(one)) != table.code(parse(other))
    assert identity(parse(one)) != identity(parse(other))


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other", "equal"), [(*p, True) for p in EQUAL] + [(*p, False) for p in DIFFERENT])
def test_a_register_returns_what_was_written_or_not(tmp_path: Path, one: str, other: str, equal: bool) -> None:
    path = tmp_path / "history.edn"
    path.write_text(
        f"{{:process 0 :type :invoke :f :write :value {one}}}\n{{:process 0 :type :ok :f :write :value {one}}}\n"
        f"{{:process 0 :type :invoke :f :read :value nil}}\n{{:process 0 :type :ok :f :read :value {other}}}\n"
    )
    for model in ("register", "cas-register", "kv"):
        assert check(read(path, model=model).history, model).outcome == ("valid" if equal else "invalid")


def test_json_objects_are_equal_by_content_and_are_no_lists() -> None:
    assert freeze({"a": 1, "b": [2]}) == freeze({"b": [2], "a": 1})
    assert freeze({"a": 1}) != freeze([["a", 1]])
    assert freeze([["a", 1]]) != freeze({"a": 1})
    assert freeze({"a": 1}) != freeze({"a": 2})


@pytest.mark.parametrize("text", ["#{1 1}", "#{1 1.0}", "{:a 1 :a 2}", "#{[1] (1)}"])
def test_twins_in_sets_and_maps_are_refused(text: str) -> None:
    with pytest.raises(EdnError, match="twice"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (":x", ":x"),
        ("#{2 1}", "#{1 2}"),
        ("{:b 2 :a 1}", "{:a 1, :b 2}"),
        ("[:a #{}]", "(:a, #{})"),
        ("{1 2}", "{1: 2}"),
    ],
)
def test_values_print_as_they_were_written(text: str, printed: str) -> None:
    assert repr(parse(text)) == str(parse(text)) == printed


def test_messages_show_values_as_records_do() -> None:
    assert shown((1, "a", None, (True,), Token(":x"))) == '[1, "a", null, [true], :x]'
    assert shown(freeze({"a": {1}})) == '{"a": #{1}}'
    assert shown("x" * 100, 10) == '"xxxxxxxx…'


plain = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "1", ":a"]) | st.just(Token(":a"))
nested = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(inner, max_size=3).map(Set)
        | st.dictionaries(inner, inner, max_size=3).map(lambda found: Map(found.items()))
    ),
    max_leaves=6,
)


@given(nested, nested)
@pytest.mark.slow
def test_equal_means_the_same_code_hash_and_place_after_pickling(one: object, other: object) -> None:
    table = Table()
    assert (table.code(one) == table.code(other)) == (identity(one) == identity(other))
    if identity(one) == identity(other):
        assert hash(one) == hash(other)
    assert pickle.loads(pickle.dumps(one)) == one
    assert freeze(one) == one


@pytest.mark.parametrize("text", ["017", "2r101", "12abc", "1.2.3", "-08"])
def test_a_number_is_read_whole_or_refused(text: str) -> None:
    with pytest.raises(EdnError, match="is not an EDN number"):
        parse(text)
