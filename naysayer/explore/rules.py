"""What is known of a protocol that makes its scopes smaller.

A rule is used only where every method that its proof may read is the healthy node's own: a broken variant that
overrides one of them is explored without it. So each proof names the methods that it does not read, and no others are
taken for such. The rules of each protocol, with their proofs, are in dead/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from targets.protocol.node import Message, Node

Summary = Mapping[Any, Any]
"""What a rule needs to know of a node's state."""


@dataclass(frozen=True)
class Rules:
    """`ignored`: attributes that no handler reads. `dead(receiver, message, sender)`: whether a message can never again
    have an effect, nor cause one, given what `summary` says of both nodes; it is then dropped. Where nodes may crash
    that includes what they do after a crash."""

    ignored: frozenset[str] = frozenset()
    summary: Callable[[Any], Summary] = field(default=lambda node: {})
    dead: Callable[[Summary, Message, Summary], bool] | None = None


def rules_of(node: Node, *, crashes: bool) -> Rules:
    """The rules that hold for nodes of the kind of this one, which has started. `crashes`: whether nodes may crash."""
    from naysayer.explore.dead import generation, paxos, paxos_log, quorum, raft

    protocols = (quorum.rules, generation.rules, paxos.rules, paxos_log.rules, raft.rules)
    found = (rules(node, crashes=crashes) for rules in protocols)
    return next((one for one in found if one is not None), Rules())


def as_healthy(object_: Any, healthy: type, unread: frozenset[str] = frozenset()) -> bool:
    """Whether all methods of an object are those of the healthy class, but for some that no proof reads: they decide
    something and return it, without any other effect, or show something."""
    names = (name for name in dir(healthy) if isinstance(getattr(healthy, name), FunctionType))
    return all(getattr(type(object_), name) is getattr(healthy, name) for name in names if name not in unread)
