"""Scenarios: scripted runs as text files, for the terminal, the documentation and the tests.

language.py   the steps that exist, and the parser: from text to checked lines
stage.py      a simulated cluster: finds its leader, cuts links, sends one request at a time
running.py    carries out the steps of one scenario on one cluster, and describes what happened
texts.py      how a scenario shows values, replies and messages
faults.py     faults as steps, both ways
operations.py operations as steps, both ways
timed.py      a timed scenario, in which everything has its time, and how it is run; hunts minimise these
notation.py   a timed scenario as text, both ways
scenario.py   plays a whole scenario with its twin, and compares the output with what was expected
shipped.py    the scenarios that come with the package
"""

from naysayer.play.language import ScenarioError
from naysayer.play.scenario import Played, play_scenario

__all__ = ["Played", "ScenarioError", "play_scenario"]
