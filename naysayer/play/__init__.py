"""Scenarios: scripted runs as text files, for the terminal, the documentation and the tests.

language.py   the steps that exist, and the parser: from text to checked lines
stage.py      a simulated cluster: finds its leader, cuts links, sends one request at a time
running.py    carries out the steps of one scenario on one cluster, and describes what happened
texts.py      how a scenario shows values, replies and messages
faults.py     reads and writes faults as steps
operations.py reads and writes operations as steps
timed.py      a timed scenario, in which every step has a time, and how it is run; hunts minimise these
notation.py   reads and writes a timed scenario as text
scenario.py   plays a whole scenario with its twin, and compares the output with what was expected
shipped.py    the scenarios that come with the package
"""

from naysayer.play.language import ScenarioError
from naysayer.play.scenario import Played, play_scenario

__all__ = ["Played", "ScenarioError", "play_scenario"]
