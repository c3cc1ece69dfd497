"""Faults of your own: a kind, which Naysayer injects at random times with others, and a whole schedule.

naysayer test target.py:HASTY --nemesis faults.py:BLACKOUT,clock
naysayer test target.py:HASTY --nemesis faults.py:DRILL
"""

from nemesis.decided import FaultScript, TimedFault
from nemesis.kind import FaultKind
from targets.protocol.fault import Kill, Pause, Restart, Resume


def blackout(situation):
    """A power loss, if the account has grown: `situation` shows the time, the nodes and what they hold."""
    rich = [node for node, view in situation.views.items() if view["balance"] > 100]
    return Kill((situation.random.choice(rich),), power=True) if rich else None


def power_returns(situation, fault):
    return (Restart(tuple(sorted(situation.down))),)


BLACKOUT = FaultKind(
    name="blackout",
    summary="power loss of a node whose balance is more than 100",
    needs=Kill.tags | {"power", "views"},  # what a backend must be able to carry out
    begin=blackout,
    end=power_returns,
    channel="life",  # of kinds that share a channel one is active at a time
)

DRILL = FaultScript(
    (
        TimedFault(200, Pause(("n1",))),
        TimedFault(300, Resume(("n1",))),
        TimedFault(600, Kill(("n1",), power=True)),
        TimedFault(900, Restart(("n1",))),
    )
)
