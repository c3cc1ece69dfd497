"""paxos-register: registers that are written once. The first value chosen is final.

"Paxos Made Simple", section 2: one instance of consensus per key. `write` proposes: it is ok if its value was chosen,
and fails (it certainly did not happen) if another one was. `cas` from nothing does the same and answers True or
False. To a checker this is a register of which only one write ever succeeds.
"""

from __future__ import annotations

from targets.protocol.node import Request
from targets.systems.paxos.messages import Done, Row
from targets.systems.paxos.replica import Answer, PaxosReplica


class PaxosRegister(PaxosReplica):
    """One instance per key: the row of version 1 is the last one."""

    def without_ballot(self, request: Request, row: Row) -> Answer | None:
        """What was chosen stays chosen: a node that knows it needs no ballot."""
        return self.reaction(request, row) if row.version else None

    def execute(self, request: Request, row: Row) -> Row | Answer:
        """Nothing is chosen yet: propose, or answer that there is nothing."""
        match request.f:
            case "read":
                return Answer(row.value)
            case "write":
                return Row(1, request.input, (Done(request.id, None),))
            case "cas":
                expected, value = request.input
                return Row(1, value, (Done(request.id, True),)) if expected is None else Answer(False)
        return Answer(error=f"paxos-register has no operation {request.f}")

    def reaction(self, request: Request, row: Row) -> Answer:
        """What a request meets that comes after the choice."""
        match request.f:
            case "read":
                return Answer(row.value)
            case "write":
                return Answer(error="another value was chosen")
            case "cas":
                if row.value != request.input[0]:
                    return Answer(False)
                return Answer(error="what was chosen cannot change")
        return Answer(error=f"paxos-register has no operation {request.f}")
