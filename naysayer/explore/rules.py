"""What is known of a protocol that makes its scopes smaller, each rule with its proof.

A rule is used only where every method that its proof reads is the healthy node's own: a broken variant that overrides
one of them is explored without it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from targets.protocol.node import Message, Node

Summary = Mapping[Hashable, Any]
"""What a rule needs to know of a node's state."""


@dataclass(frozen=True)
class Rules:
    """`ignored`: attributes that no handler reads. `dead(receiver, message, sender)`: whether a message can never again
    have an effect, nor cause one, given what `summary` says of both nodes; it is then dropped."""

    ignored: frozenset[str] = frozenset()
    summary: Callable[[Any], Summary] = field(default=lambda node: {})
    dead: Callable[[Summary, Message, Summary], bool] | None = None


def rules_of(node: Node) -> Rules:
    """The rules that hold for a node."""
    from targets.systems.quorum.node import QuorumNode

    return _quorum(node) if isinstance(node, QuorumNode) else Rules()


def _quorum(node: Any) -> Rules:
    """Two attributes are kept for the invariant alone. A message of an operation that is past it is dead:

    * A Got reaches a coordinator that has no such operation, or has it in its second phase: `got` returns at once. It
      always will: numbers are given out once (`begin` counts up, and another incarnation begins elsewhere), and no
      operation goes back to its first phase (`put` alone sets the phase).
    * A Stored for an operation that the coordinator does not have: `stored` returns at once, now and later.
    * A Get whose sender no longer collects answers: the replica only looks up, and its Got would be dead.

    A Put is never dead: the replica may keep its version.
    """
    from targets.systems.quorum.node import QuorumNode
    from targets.systems.quorum.replica import Replica

    ignored = frozenset({"confirmed", "_confirming"})
    for name in ("receive", "got", "stored", "put", "send_phase", "finish"):
        if getattr(type(node), name) is not getattr(QuorumNode, name):
            return Rules(ignored if name != "receive" else frozenset())
    if node.replica_type.look_up is not Replica.look_up:
        return Rules(ignored)
    return Rules(ignored, _phases, _quorum_dead)


def _phases(node: Any) -> Summary:
    return {number: operation.phase for number, operation in node.operations.items()}


def _quorum_dead(receiver: Summary, message: Message, sender: Summary) -> bool:
    from targets.systems.quorum.messages import Get, Got, Stored

    match message:
        case Got():
            return receiver.get(message.op) != "get"
        case Stored():
            return message.op not in receiver
        case Get():
            return sender.get(message.op) != "get"
    return False
