"""A history that is being written is judged as far as it goes."""

from __future__ import annotations

import pytest

from checker.errors import HistoryError
from checker.following import Following

LINES = b"""\
{"type":"invoke","process":0,"f":"write","key":"x","input":1,"time":100,"node":"n1"}
{"type":"ok","process":0,"f":"write","key":"x","time":200}
{"type":"nemesis","f":"cut","fault":{"links":[["n1","n2"]]},"time":250}
{"type":"invoke","process":9,"f":"write","key":"x","input":2,"time":260,"node":"n1"}
{"type":"invoke","process":1,"f":"read","key":"x","time":300,"node":"n2"}
{"type":"ok","process":1,"f":"read","key":"x","output":2,"time":400}
{"type":"invoke","process":1,"f":"read","key":"x","time":500,"node":"n3"}
{"type":"ok","process":1,"f":"read","key":"x","output":1,"time":600}
{"type":"fail","process":9,"f":"write","key":"x","error":"no","time":700}
"""
"""The read at 600 returns an older value than the one before it, whatever becomes of the write of 2."""


@pytest.mark.parametrize("size", [1, 50, 5000])
def test_a_violation_is_found_wherever_the_pieces_are_cut(size: int) -> None:
    following = Following("register")
    found = []
    for place in range(0, len(LINES), size):
        following.feed(LINES[place : place + size])
        found.append(following.judge())
    (violation,) = [one for one in found if one is not None]
    assert (violation.key, violation.operation.output, violation.operation.ret) == ("x", 1, 600)


def test_what_may_still_turn_out_right_is_no_violation() -> None:
    """The write of 2 is still under way: a read may show it."""
    following = Following("register")
    following.feed(b"".join(line + b"\n" for line in LINES.splitlines()[:7]))
    assert following.judge() is None


def test_the_first_violation_is_the_one_that_was_complete_first() -> None:
    following = Following("register")
    for key in (b"late", b"soon"):
        following.feed(b'{"type":"invoke","process":"%s","f":"read","key":"%s","time":0}\n' % (key, key))
    for key, end in ((b"soon", 10), (b"late", 20)):
        following.feed(b'{"type":"ok","process":"%s","f":"read","output":7,"time":%d}\n' % (key, end))
    following.feed(b'{"type":"invoke","process":3,"f":"read","key":"x","time":30}\n')
    found = following.judge()
    assert found is not None
    assert found.key == "soon"


def test_a_line_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(HistoryError, match=r"line 1 \(nonsense\): JSON is malformed"):
        Following("register").feed(b"nonsense\n")
