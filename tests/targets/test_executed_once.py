"""What systems remember of the requests they executed."""

from __future__ import annotations

from targets.systems.executed_once import RECENT_MAX, AnswerTable, with_newest


def test_a_table_forgets_the_oldest_requests_first() -> None:
    table: AnswerTable[int] = AnswerTable(3)
    for number in range(5):
        table.remember(f"r{number}", number)
    assert table == {"r2": 2, "r3": 3, "r4": 4}


def test_an_answer_that_replaces_another_forgets_none() -> None:
    table: AnswerTable[str | None] = AnswerTable(2)
    table.remember("r1", None)
    table.remember("r2", None)
    table.remember("r1", "done")
    assert list(table.items()) == [("r1", "done"), ("r2", None)]
    table.remember("r3", None)
    assert list(table) == ["r2", "r3"]


def test_a_key_remembers_its_last_requests_the_newest_last() -> None:
    recent: tuple[int, ...] = ()
    for number in range(RECENT_MAX + 10):
        recent = with_newest(recent, number)
    assert recent == tuple(range(10, RECENT_MAX + 10))
