"""The explorer: goes back in time in a simulated run, changes what happens, and judges what comes of it.

    explorer = Explorer.open(Path("results/quorum-kv.no-read-repair/latest"))
    explorer.state(explorer.recorded, 7005)                         # what every node held after that event
    branch = explorer.branch(explorer.recorded, 7005, Steer("drop", ("n2", "n1"), 57))
    branch.verdict                                                  # what the run would have come to
    explorer.export(branch)                                         # a scenario for naysayer play

Nothing is stored of a run: it is run again, up to the event that is asked for. Events have the same numbers every time.

source.py      what can be explored: a plan, a timed scenario or a script, from a result folder or a file
story.py       a script, whose steps have no times, run step by step
replay.py      runs it again with edits, to an event or to its end
state.py       the state of all nodes and links after an event
durable.py     what a power loss would leave of a node
words.py       events in a sentence
stepping.py    the next event of a node, message of an operation, change of role, commit
future.py      likelihood: in how many futures of an event does the run fail
branch.py      a run with edits and its verdict
explorer.py    branches: the recorded run, edits and their verdicts, the healthy twin, export
"""

from naysayer.explorer.branch import Branch
from naysayer.explorer.explorer import Explorer
from naysayer.explorer.replay import Ask, Edit

__all__ = ["Ask", "Branch", "Edit", "Explorer"]
