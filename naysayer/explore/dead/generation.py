"""The generation clock. A node campaigns for a generation once: `campaign` grants it to itself, on its own disk,
before any other node learns of it, and takes a greater one than its voter knows. So it owns a generation at most
once. Where the voter is the healthy one, that holds over crashes. Then dead are:

* A Vote for another generation than the one campaigned for now: `counts` is false, and will be.
* A Refusal of another generation than that, which names no newer one than the node's own voter knows: all that it
  could change is `newest_seen`, and `campaign` takes the larger of that and the voter's generation, which never
  falls.
* A Stored of a store that its owner does not have in its rounds under that generation: within one life the numbers of
  rounds only grow, and no other life owns the generation.
* A Fenced of such a store, in a generation that the node does not own, which names no newer one than its voter knows.
* A Forwarded of a request that the node does not wait for: it waits for a request from when its client asks, once.

A Campaign or Store that will be refused is not dead: the refusal may bring news of a newer generation.
"""

from __future__ import annotations

from naysayer.explore.rules import Rules, Summary, as_healthy
from targets.protocol.node import Message, Node
from targets.systems.generation.candidate import Candidate
from targets.systems.generation.clock import GenerationClock
from targets.systems.generation.messages import Fenced, Forwarded, Refusal, Stored, Vote
from targets.systems.generation.owner import Owner
from targets.systems.generation.voter import Voter

UNREAD = frozenset({"make_voter", "view"})
"""Methods of the node that the proof does not read."""


def rules(node: Node, *, crashes: bool) -> Rules | None:
    """None for other nodes."""
    if not isinstance(node, GenerationClock):
        return None
    proven = (
        as_healthy(node, GenerationClock, UNREAD)
        and as_healthy(node.candidate, Candidate)
        and as_healthy(node.owner, Owner)
        and as_healthy(node.voter, Voter, frozenset({"may_store"}))
    )
    return Rules(summary=_standing, dead=_is_dead) if proven else Rules()


def _standing(node: GenerationClock) -> Summary:
    standing = node.candidate.standing
    rounds = {("round", number): storing.message.generation for number, storing in node.owner.rounds.items()}
    return {
        "campaign": None if standing is None else standing.generation,
        "voter": node.voter.generation,
        "owned": node.owner.owned,
        "forwarded": frozenset(node.forwarded),
        **rounds,
    }


def _is_dead(receiver: Summary, message: Message, sender: Summary) -> bool:
    match message:
        case Vote():
            return bool(message.generation != receiver["campaign"])
        case Refusal():
            return bool(message.generation != receiver["campaign"] and message.newest <= receiver["voter"])
        case Stored():
            return bool(receiver.get(("round", message.round)) != message.generation)
        case Fenced():
            begun = receiver.get(("round", message.round)) == message.generation
            return bool(not begun and receiver["owned"] != message.generation and message.newest <= receiver["voter"])
        case Forwarded():
            return bool(message.request.id not in receiver["forwarded"])
    return False
