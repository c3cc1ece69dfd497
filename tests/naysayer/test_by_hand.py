"""Messages and timers by hand: nothing arrives and no timer fires unless a step says so."""

from __future__ import annotations

from naysayer.play import play_scenario

WRITE = """cluster quorum-kv nodes 3 seed 4 workload register timeout 400
at 0 by hand
at 10 c0 writes x 1 at n1
{steps}end 300
verdict
"""


def write(*steps: str) -> str:
    """How a write ends with these steps, and what is said of it."""
    text = WRITE.format(steps="".join(f"{step}\n" for step in steps))
    lines = play_scenario(text, "test").text.splitlines()
    return lines[lines.index("at 10 c0 writes x 1 at n1") + 1].strip()


def test_a_message_arrives_only_when_it_is_delivered() -> None:
    first = ("at 40 deliver message 1 of n1 -> n2", "at 80 deliver message 1 of n2 -> n1")
    second = ("at 120 deliver message 2 of n1 -> n2", "at 160 deliver message 2 of n2 -> n1")
    assert write() == write(*first, *second[:1]) == "-> no answer by the end"
    assert write(*first, *second).startswith("-> ok")


def test_heal_delivers_what_is_held_and_lets_timers_fire_again() -> None:
    assert write("at 100 heal").startswith("-> ok")
    text = "cluster raft-log nodes 3 seed 1\nby hand\nrun 4000\nlook role\nheal\nleader\n"
    lines = play_scenario(text, "test").text.splitlines()
    assert lines[4:7] == [f"    n{number}: role follower" for number in (1, 2, 3)]
    assert " leads in term " in lines[-1]


def test_a_timer_fires_only_when_it_is_fired() -> None:
    text = "cluster raft-log nodes 3 seed 1\nby hand\nrun 2000\n"
    fired = "fire n1 leader contact\nfire n2 leader contact\nfire n2 election\n"
    steps = "deliver message 1 of n2 -> n1\nrun 20\ndeliver message 1 of n1 -> n2\nrun 20\nlook role\n"
    with_it, without = (play_scenario(text + more + steps, "test").text for more in (fired, ""))
    assert "n2: role candidate" in with_it
    assert "n2: role follower" in without
