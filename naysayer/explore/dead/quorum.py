"""The quorum store. Two attributes are kept for the invariant alone. A message of an operation that is past it is
dead:

* A Got reaches a coordinator that has no such operation, or has it in its second phase: `got` returns at once. It
  always will: numbers are given out once (`begin` counts up, and another incarnation begins elsewhere), and no
  operation goes back to its first phase (`put` alone sets the phase).
* A Stored for an operation that the coordinator does not have: `stored` returns at once, now and later.
* A Get whose sender no longer collects answers: the replica only looks up, and its Got would be dead.

A Put is never dead: the replica may keep its version.
"""

from __future__ import annotations

from naysayer.explore.rules import Rules, Summary, as_healthy
from targets.protocol.node import Message, Node
from targets.systems.quorum.messages import Get, Got, Stored
from targets.systems.quorum.node import QuorumNode
from targets.systems.quorum.replica import Replica

WATCHED = frozenset({"confirmed", "_confirming"})

SHOWS = frozenset({"working", "_stands", "_called", "view"})
DECIDES = frozenset({"majority", "new_version", "newest"})
"""Methods of the node that the proof does not read."""


def rules(node: Node, *, crashes: bool) -> Rules | None:
    """None for other nodes."""
    if not isinstance(node, QuorumNode):
        return None
    ignored = WATCHED if type(node).receive is QuorumNode.receive else frozenset[str]()
    proven = as_healthy(node, QuorumNode, SHOWS | DECIDES) and type(node.replica).look_up is Replica.look_up
    return Rules(ignored, _phases, _is_dead) if proven else Rules(ignored)


def _phases(node: QuorumNode) -> Summary:
    return {number: operation.phase for number, operation in node.operations.items()}


def _is_dead(receiver: Summary, message: Message, sender: Summary) -> bool:
    match message:
        case Got():
            return receiver.get(message.op) != "get"
        case Stored():
            return message.op not in receiver
        case Get():
            return sender.get(message.op) != "get"
    return False
