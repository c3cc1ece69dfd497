"""Which requests count for --availability, and what it makes of a verdict."""

from __future__ import annotations

from checker.history import PENDING, Operation, Status
from checker.verdict import Part, Verdict
from naysayer.availability import Availability, availability, stopped, with_availability
from targets.protocol.fault import Kill, Pause, Restart, Resume

MS = 1_000_000


def op(index: int, node: str, call_ms: int, status: Status, error: str | None = None) -> Operation:
    ret = PENDING if status == "info" else (call_ms + 1) * MS
    return Operation(index, index, "generate", None, None, None, call_ms * MS, ret, status, node, error)


def test_what_no_system_can_promise_is_left_out() -> None:
    events = [(1000.0, Kill(("n1",))), (2000.0, Restart(("n1",))), (10_000.0, Pause(("n2",)))]
    assert stopped(events) == {"n1": [(1000 * MS, 2000 * MS)], "n2": [(10_000 * MS, None)]}
    assert stopped([(1.0, Pause(("n1",))), (2.0, Resume(("n1",)))]) == {"n1": [(MS, 2 * MS)]}
    counted = availability(
        [
            op(0, "n1", 500, "ok"),
            op(1, "n1", 1500, "fail", "n1 is down"),
            op(2, "n1", 3000, "info", "timeout"),  # still busy with its start
            op(3, "n1", 4500, "ok"),
            op(4, "n2", 9990, "info", "timeout"),  # paused before the answer
            op(5, "n0", 100, "fail", "error 22: the value is 3"),
            op(6, "n0", 100, "fail", "error 10: no cas"),
        ],
        events,
    )
    assert (counted.asked, counted.answered, counted.first) == (3, 3, None)
    assert counted.share == 1.0


def test_too_few_answers_make_a_verdict_invalid_and_name_the_first_request() -> None:
    operations = [op(0, "n0", 1, "ok"), op(2, "n1", 3, "info", "timeout"), op(1, "n2", 2, "fail", "error 11: wait")]
    seen = availability(operations, [])
    assert str(seen) == "1 of 3 requests to running nodes answered (33.33 %)"
    assert str(Availability(100_000, 99_999)).endswith("(99.99 %)"), "not rounded up to all of them"
    valid = Verdict("valid", "unique-ids", "property", 3, (Part(None, "valid", "property", 3),), 0.0)
    judged = with_availability(valid, seen, 1.0)
    assert judged.outcome == "invalid"
    assert judged.worst is not None
    assert judged.worst.explanation is not None
    assert judged.worst.explanation.sentence == (
        "Not available: 1 of 3 requests to running nodes answered (33.33 %), --availability asks for all of them; "
        "the first without an answer is #1 at n2: error 11: wait."
    )
    assert with_availability(valid, seen, 0.3) == valid
    assert with_availability(valid, availability(operations[:1], []), 1.0) == valid
    assert with_availability(valid, availability([], []), 1.0) == valid
