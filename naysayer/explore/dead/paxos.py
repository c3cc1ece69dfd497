"""paxos-register and paxos-kv.

A. Answers (Promise, Accepted, Refuse) for a ballot that their proposer has left. Every one of its handlers begins
   with `attempt(instance, ballot)`, and returns if no attempt has just these. None will ever again: only `begin`
   makes an attempt, with a ballot above the one that the node's own acceptor has promised, and that acceptor has
   promised every ballot that was sent, in `broadcast`, before any other node received it. Where the acceptor writes
   its promises to disk, that holds after a crash too; where it does not, the rule is not used in scopes with crashes.
   A Promise is dead too once the attempt has its row: `on_promise` returns, and no attempt loses its row.

In scopes without crashes rows and promises never fall, and:

B. A Chosen of a version that its receiver knows: `is_news` is false from now on.
C. A Prepare or Accept of an instance that is over at its receiver: `on_ballot` answers with its row, as a Chosen, and
   does nothing else. Whoever first takes a row for chosen sends a Chosen to all in the same handler. So for this row
   the asking node has had that message, and the answer is no news to it, or the message is under way to it, and
   delivering it has the same effect in one step less: `on_chosen` does not ask who sent it.
   (With crashes that is not so. The one that chose may have died between two of its messages, and the answer be the
   only one that tells the node. It is not enough either that both know the instance to be over: before it answers,
   the receiver may learn of a newer version, and its answer bring that.)
D. A Prepare or Accept whose ballot is below the receiver's promise, while its proposer has left the ballot: it is
   refused without a change, and the Refuse is dead (A); or by then its instance is over (C). So is a Prepare whose
   ballot is just the promise, while its proposer has left the ballot: it is promised once more without a change, and
   the Promise is dead (A). While the proposer is still in that ballot neither is dead: a Refuse would end it.

A Prepare of a higher ballot is never dead: it raises the promise. Nor is a Refuse in the ballot that it refuses.
"""

from __future__ import annotations

from naysayer.explore.rules import Rules, Summary, as_healthy
from targets.protocol.node import Message, Node
from targets.systems.paxos.acceptor import Acceptor
from targets.systems.paxos.messages import Accept, Accepted, Chosen, Prepare, Promise, Refuse
from targets.systems.paxos.proposer import Proposer
from targets.systems.paxos.replica import PaxosReplica

UNREAD = frozenset(
    {"execute", "without_ballot", "without_finishing", "reaction", "make_acceptor", "make_proposer", "view"}
)
"""Methods of the node that the proofs do not read: what a request does to a row, and which parts the node has."""

QUORUMS = frozenset({"is_quorum", "chooses", "inherited"})
"""Methods of the proposer that they do not read."""

VOTES, ON_DISK = frozenset({"persist_vote"}), frozenset({"restore", "persist_promise"})
"""Methods of the acceptor that they do not read; the latter where no node crashes."""


def rules(node: Node, *, crashes: bool) -> Rules | None:
    """None for other nodes."""
    if not isinstance(node, PaxosReplica):
        return None
    proven = (
        as_healthy(node, PaxosReplica, UNREAD)
        and as_healthy(node.acceptor, Acceptor, VOTES if crashes else VOTES | ON_DISK)
        and as_healthy(node.proposer, Proposer, QUORUMS)
    )
    if not proven:
        return Rules()
    return Rules(summary=_standing, dead=_is_answer_dead if crashes else _is_dead)


def _standing(node: PaxosReplica) -> Summary:
    """The attempt for each key, the newest version of each key, and the promise in each instance."""
    attempts = {one.instance: (one.ballot, one.row is not None) for one in node.attempts.values()}
    versions = {("version", key): row.version for key, row in node.rows.items()}
    promises = {("promise", instance): slot.promised for instance, slot in node.acceptor.slots.items()}
    return {**attempts, **versions, **promises}


def _is_answer_dead(receiver: Summary, message: Message, sender: Summary) -> bool:
    if not isinstance(message, Promise | Accepted | Refuse):
        return False
    ballot, has_row = receiver.get(message.instance, (None, False))
    return message.ballot != ballot or (isinstance(message, Promise) and has_row)


def _is_dead(receiver: Summary, message: Message, sender: Summary) -> bool:
    match message:
        case Chosen():
            return bool(message.row.version <= receiver.get(("version", message.key), 0))
        case Prepare() | Accept():
            instance, ballot = message.instance, message.ballot
            if instance.version <= receiver.get(("version", instance.key), 0):
                return True
            promised = receiver.get(("promise", instance))
            if promised is None or ballot > promised:
                return False
            its_ballot, _ = sender.get(instance, (None, False))
            has_left = its_ballot != ballot
            return has_left and (ballot < promised or isinstance(message, Prepare))
    return _is_answer_dead(receiver, message, sender)
