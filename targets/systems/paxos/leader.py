"""The leader of the Paxos log: phase 1 once for all slots, then phase 2 for each command.

"Paxos Made Moderately Complex", section 2.3: a scout runs phase 1, a commander phase 2 of one slot; `active` is true
while the ballot is believed to be adopted by a majority.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from targets.protocol.node import NodeId
from targets.systems.paxos.log_messages import NO_OP, Ballot, Command, Pvalue


class Commander:
    """A command on its way to a majority in its slot."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.acceptors: dict[NodeId, Ballot] = {}
        self.beats = 0
        """For how many heartbeats it has waited."""


class Leader:
    """One ballot of one node: a candidate until a majority has promised, then in office until it is preempted."""

    def __init__(self, ballot: Ballot, first: int) -> None:
        self.ballot = ballot
        self.first = first
        self.active = False
        self.promises: dict[NodeId, tuple[Pvalue, ...]] = {}
        self.next_slot = first
        self.commanders: dict[int, Commander] = {}
        self.answered: dict[NodeId, Ballot] = {}
        """Who answered a heartbeat of this ballot since the last check."""

    def adopt(self, me: NodeId) -> dict[int, Command]:
        """What must be proposed first, by slot.

        `pmax` of section 2.3: for each slot that any node of the majority accepted, the command of the highest ballot.
        A slot below those that no node of the majority accepted is a hole: phase 1 has made sure that nothing can have
        been decided there, so a no-op may fill it ("Paxos Made Simple", section 3).
        """
        highest = pmax(self.promises)
        return {slot: command_in(highest, slot) for slot in range(self.first, max(highest, default=-1) + 1)}

    def proposing(self, id: str) -> bool:
        """Whether a request is on its way already."""
        return any(
            commander.command.request is not None and commander.command.request.id == id
            for commander in self.commanders.values()
        )


def pmax(promises: Mapping[NodeId, Collection[Pvalue]]) -> dict[int, Pvalue]:
    """For each slot the accepted pvalue of the highest ballot."""
    highest: dict[int, Pvalue] = {}
    for accepted in promises.values():
        for pvalue in accepted:
            held = highest.get(pvalue.slot)
            if held is None or pvalue.ballot > held.ballot:
                highest[pvalue.slot] = pvalue
    return highest


def command_in(highest: Mapping[int, Pvalue], slot: int) -> Command:
    """The command to propose in a slot: the accepted one, or a no-op in a hole."""
    return highest[slot].command if slot in highest else NO_OP
