"""Every shipped scenario comes out as it is written, every time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from naysayer.play import ScenarioError, play_scenario
from naysayer.play.shipped import shipped, title
from targets.registry import find

SCENARIOS = list(shipped().values())


@pytest.mark.slow
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_scenario_comes_out_as_it_is_written(path: Path, request: pytest.FixtureRequest) -> None:
    played = play_scenario(path.read_text(), path.name)
    if request.config.getoption("--rewrite", default=False):
        path.write_text(played.text)
        return
    assert played.text == played.expected, "if this is right: naysayer play --rewrite, then read the difference"


@pytest.mark.slow
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_healthy_twin_is_valid_and_the_broken_one_is_not(path: Path) -> None:
    """Whatever the expected output says: rewriting it must not turn a scenario into one without a point."""
    text = path.read_text()
    (name, *_) = re.findall(r"^cluster (\S+)", text, re.M)
    twins = re.findall(r"^again (\S+)", text, re.M)
    assert twins, "a scenario stands beside its twin"
    verdicts = play_scenario(text, path.name).verdicts
    assert verdicts == tuple("invalid" if find(one).broken else "valid" for one in [name, *twins])


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_explains_itself(path: Path) -> None:
    text = path.read_text()
    assert title(path)
    before_the_twin = re.findall(r"^# .+\n(?=again )", text, re.M)
    assert len(before_the_twin) == len(re.findall(r"^again ", text, re.M)), "say what the twin does differently"


def test_a_changed_outcome_does_not_pass_for_the_expected_one() -> None:
    text = play_scenario("cluster quorum-kv nodes 3\nalice writes x 1 at n1\nbob reads x at n2\n", "a.txt").text
    assert "read x -> 1" in text
    forged = text.replace("read x -> 1", "read x -> 2")
    played = play_scenario(forged, "a.txt")
    assert (played.text, played.holds) == (text, False)
    assert "+    #2 bob at n2: read x -> 1   (8 ms)" in played.difference()


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ("alice thinks", r"a.txt:2: no such step: 'alice thinks'; accepted: .*CLIENT writes KEY VALUE at NODE"),
        (
            "alice writes x at n1",
            r"a.txt:2: no such step: .*; accepted: \[meanwhile\] CLIENT writes KEY VALUE at NODE;",
        ),
        ("clock n1 soon", r"a.txt:2: no such step: 'clock n1 soon'; accepted: clock NODE \+MS"),
        ("kill n1 soon", "a.txt:2: there is no node soon: the nodes are n1, n2, n3"),
        ("disk n1 dusty", "a.txt:2: no such fault: Invalid enum value 'dusty'"),
        ("inject {}", "a.txt:2: no such fault: Object missing required field `fault`"),
        ('inject {"fault": "kill", "nodes": ["n4"]}', "a.txt:2: there is no node n4"),
        ("bob invokes add x at n1", "a.txt:2: x is not JSON; text needs quotation marks"),
        ("at 5 kill n1", "a.txt:2: no such step: 'at 5 kill n1'"),
        ("run 10\nkill n9", "a.txt:3: there is no node n9: the nodes are n1, n2, n3"),
        ("alice asks again at n1", "a.txt:2: alice has not sent a request yet"),
        ("leader S1", "a.txt:2: no such leader was elected within 5000 ms"),
        ("run 10 until n1 has 3 entries", "a.txt:2: n1 shows no last_index"),
        ("name a b c d", "a.txt:2: only 3 nodes have no name yet"),
        ("watch Prepare", "a.txt:2: quorum-kv sends no Prepare; its messages: Get, Got"),
        ("again quorum", "a.txt:2: there is no target 'quorum'"),
        ("cluster quorum-kv nodes 3", "a.txt:2: a scenario has one cluster"),
        (" run 10", "a.txt:2: a step is not indented"),
    ],
)
def test_what_cannot_be_played_is_named_with_its_line_and_what_is_accepted(steps: str, error: str) -> None:
    with pytest.raises(ScenarioError, match=error):
        play_scenario(f"cluster quorum-kv nodes 3\n{steps}\n", "a.txt")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "run 10\n", "cluster quorum-kv nodes 0\n"])
def test_a_scenario_begins_with_its_cluster(text: str) -> None:
    with pytest.raises(ScenarioError, match="cluster TARGET nodes COUNT"):
        play_scenario(text, "a.txt")


def test_all_lines_are_checked_before_anything_is_played() -> None:
    """The unknown target of the first line would be found when it is played; the parser comes first."""
    with pytest.raises(ScenarioError, match=r"a.txt:3: no such step"):
        play_scenario("cluster no-such-target nodes 3\nverdict\nalice thinks\n", "a.txt")


def test_a_step_is_repeated_with_a_number_in_it() -> None:
    played = play_scenario("cluster quorum-kv nodes 3\n2 times alice writes x # at n1\nverdict\n", "a.txt")
    assert "#1 alice at n1: write x 1 -> ok" in played.text
    assert "#2 alice at n1: write x 2 -> ok" in played.text
    with pytest.raises(ScenarioError, match=r"a.txt:2: no such step: 'alice thinks 1'"):
        play_scenario("cluster quorum-kv nodes 3\n2 times alice thinks #\n", "a.txt")


def test_a_request_that_is_repeated_before_it_ended_is_one_operation() -> None:
    steps = "cluster raft-log nodes 3\nleader S1\nkill S1\nmeanwhile alice writes x 1 at S1\nalice asks again at S1\n"
    again = "leader among n1 n2 n3 after S1\nalice asks again at leader\nbob reads x at leader\nverdict\n"
    played = play_scenario(steps + again, "a.txt")
    assert re.findall(r"#\d \w+ at \w+: \w+ x .*-> [\w ]+\b", played.text) == [
        "#1 alice at S1: write x 1 -> no answer",
        "#1 alice at n2: write x 1 -> ok",
        "#4 bob at n2: read x -> 1",
    ]
    assert played.verdicts == ("valid",)
