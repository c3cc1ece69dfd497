"""The conformance suite of the node protocol: kits pass it, and each check finds a kit with a mistake."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from naysayer.cli import run
from targets.backends.host import conformance
from targets.backends.host.conformance import CHECKS, DeviationError, Subject, examine
from targets.backends.host.process import HostDiedError

KIT = Path(__file__).parents[2] / "targets" / "kits" / "python"
DEVIATING = Path(__file__).parent / "host_nodes" / "deviating.py"

FOUND_BY = {
    "a node starts": "no start",
    "effects come in the order in which the handler asked for them": "sorted",
    "an effect is what it was when it was asked for": "late",
    "reads see the writes before them": "no reads",
    "a restart finds the disk, byte for byte": "no disk",
    "timers go by their names": "one timer",
    "the clock is the one given, and may jump": "own clock",
    "random numbers follow from the seed": "no seed",
    "text of any alphabet goes through": "ascii",
    "values of JSON go through": "no null",
    "a message of 1 MiB goes through": "short lines",
    "a request of 1 MiB is read": "short input",
    "500 lives have 500 states": "one life",
    "500 lives at once": "one at a time",
    "lives are forgotten when they may be": "forgets nothing",
    "unknown inputs and junk are answered by an error": "ends on junk",
    "a request of an unknown type is answered by error 10": "answers all",
    "an exception is reported with its text and place": "swallows",
    "what the program prints does not reach the protocol": "stdout",
    "1 MiB on stderr does no harm": "no stderr",
    "the same inputs have the same answers in another process": "own number",
    "random numbers and hash orders of the language are the same in another process": "global random",
    "a node may end the process, which shows": "no exit",
    "an endless loop shows": "no loop",
}
"""By check: the mistake that it finds."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "MANY", 20)


@pytest.mark.slow
def test_the_python_kit_conforms(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["conform", "--host", f"{sys.executable} {KIT / 'conform.py'}"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("✓ ") == len(CHECKS) + 1
    assert "✗" not in printed


@pytest.mark.slow
def test_a_node_of_a_users_own_is_checked_as_far_as_it_need_not_be_known(
    capsys: pytest.CaptureFixture[str], small: None
) -> None:
    assert run(["conform", "--host", f"{sys.executable} {KIT / 'register.py'}"]) == 0
    without = sum(check.steps for check in CHECKS)
    assert f"{without} more checks need a node that does what it is told" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: FOUND_BY[check.name])
def test_every_check_finds_a_kit_with_a_mistake(check: conformance.Check, small: None) -> None:
    subject = Subject((sys.executable, str(DEVIATING), FOUND_BY[check.name]))
    try:
        with pytest.raises((DeviationError, HostDiedError)) as raised:
            check.run(subject)
    finally:
        subject.end()
    assert str(raised.value)


@pytest.mark.slow
def test_what_deviates_fails_the_command_and_is_named(capsys: pytest.CaptureFixture[str], small: None) -> None:
    assert run(["conform", "--host", f"{sys.executable} {DEVIATING} 'no start'"]) == 1
    assert '✗ a node starts: it answered a start with {"error":"RuntimeError"' in capsys.readouterr().out


def test_a_process_that_is_no_host_is_refused() -> None:
    with pytest.raises(Exception, match="where its hello was due"):
        list(examine((sys.executable, "-c", "print('hi')")))
