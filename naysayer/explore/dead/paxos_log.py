"""paxos-log. A node scouts with a ballot above all that its own acceptor has promised, and that acceptor promises it,
on disk, before any other node learns of it (`broadcast`): so no ballot of a node is scouted with twice. Then dead
are:

* A P1b for another ballot than that of the node's candidacy, or when it is in office: `on_p1b` returns, and will.
* A P2b for another ballot than that, or for a slot that has no commander: `on_p2b` returns. In one office a slot gets
  a commander once: `on_p1b` gives one to each slot that it adopts, and `propose` to slots above those, counting up.
* A HeartbeatReply for another ballot than that: nothing is noted.
* A Preempted by no higher ballot than the node's own acceptor has promised, and not above the ballot of its candidacy
  or office: all that it could change is `seen`, and whoever reads that takes the larger of it and that promise.

In scopes without crashes also a Decision of a slot that its receiver knows: decisions are kept. (With crashes one
that was written and not synced may be lost, and the message then bring it back.)

A PreScoutReply may count for a later pre-scout: the same ballot may be asked about twice.
"""

from __future__ import annotations

from naysayer.explore.rules import Rules, Summary, as_healthy
from targets.protocol.node import Message, Node
from targets.systems.paxos.log import PaxosLog
from targets.systems.paxos.log_acceptor import LogAcceptor
from targets.systems.paxos.log_messages import Decision, HeartbeatReply, P1b, P2b, Preempted

UNREAD = frozenset({"make_acceptor", "make_leader", "log_cells", "view", "is_quorum"})
"""Methods of the node that the proofs do not read."""


def rules(node: Node, *, crashes: bool) -> Rules | None:
    """None for other nodes."""
    if not isinstance(node, PaxosLog):
        return None
    proven = as_healthy(node, PaxosLog, UNREAD) and as_healthy(node.acceptor, LogAcceptor, frozenset({"report"}))
    if not proven:
        return Rules()
    return Rules(summary=_standing, dead=_is_answer_dead if crashes else _is_dead)


def _standing(node: PaxosLog) -> Summary:
    leader = node.leader
    return {
        "ballot": None if leader is None else leader.ballot,
        "active": leader is not None and leader.active,
        "commanded": frozenset() if leader is None else frozenset(leader.commanders),
        "promised": node.acceptor.ballot,
        "decided": frozenset(node.decisions),
    }


def _is_answer_dead(receiver: Summary, message: Message, sender: Summary) -> bool:
    match message:
        case P1b():
            return bool(message.ballot != receiver["ballot"] or receiver["active"])
        case P2b():
            return bool(message.ballot != receiver["ballot"] or message.slot not in receiver["commanded"])
        case HeartbeatReply():
            return bool(message.ballot != receiver["ballot"])
        case Preempted():
            ballot = receiver["ballot"]
            return bool(message.promised <= receiver["promised"] and (ballot is None or message.promised <= ballot))
    return False


def _is_dead(receiver: Summary, message: Message, sender: Summary) -> bool:
    if isinstance(message, Decision):
        return message.slot in receiver["decided"]
    return _is_answer_dead(receiver, message, sender)
