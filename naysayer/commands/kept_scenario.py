"""The files of a result folder about a scenario that fails."""

from __future__ import annotations

from checker.verdict import Verdict
from naysayer.hunt.drawing import draw, draw_svg
from naysayer.hunt.finding import DIAGRAM, PICTURE
from naysayer.play import notation, play_scenario
from naysayer.play.notation import SCENARIO
from naysayer.play.timed import Scenario
from naysayer.simulate import Run
from naysayer.store import Store


def keep_scenario(store: Store, scenario: Scenario, run: Run, verdict: Verdict, title: str, said: str) -> None:
    """Keep the scenario, with the output that `naysayer play` is to expect, and its messages as text and as a picture.
    `said`: what is above the text."""
    store.add(SCENARIO, play_scenario(notation.text(scenario, title), SCENARIO).text.encode())
    store.add(DIAGRAM, f"{said}\n\n{draw(scenario, run, verdict)}\n".encode())
    store.add(PICTURE, draw_svg(scenario, run, verdict).encode("utf-8", "backslashreplace"))
