"""The verdicts on histories that others recorded come with proofs and sentences, too."""

from __future__ import annotations

import pytest

from checker.check import NOTHING_SUCCEEDED, check
from checker.formats import read
from checker.models import find
from checker.verify import verify
from tests.checker.test_corpus import CORPUS, KNOWN

OPERATIONS_MAX = 20_000


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_the_verdict_on_a_recorded_history_is_proved(name: str) -> None:
    recording = read(CORPUS / name)
    verdict = check(recording.history, recording.model)
    if len(recording.history) <= OPERATIONS_MAX:
        assert verify(recording.history, find(recording.model), verdict) == []
    if verdict.outcome == "unknown":
        assert KNOWN[name][2] == "unknown", "one in which an operation succeeded is decided"
        assert {part.reason for part in verdict.parts} == {NOTHING_SUCCEEDED}
    elif verdict.worst is not None:
        assert verdict.worst.explanation is not None
        assert verdict.worst.explanation.sentence
        assert verdict.worst.reason is None, "the counterexample is minimal"
