"""Raft. Terms never fall, over crashes too: `persist_term_and_vote` comes before every message in a new term. A
server stands as candidate in a term once, and leads it at most once: `start_election` alone makes a candidate, and
begins a new term. A message with a newer term than its receiver's is never dead. Of the others:

* A RequestVoteReply is dead where the vote was refused, or its term is over, or the receiver is no candidate:
  `on_request_vote_reply` returns, and will in every later term.
* An AppendEntriesReply, or InstallSnapshotReply, is dead where its term is over or its receiver follows: only a
  leader of that very term reads it, and a follower will not lead it any more. (A candidate may yet.)
* A PreVoteReply is dead where the vote was refused, or was for a term that is not after the receiver's.

Requests are not dead where they will be refused: the refusal may bring a newer term, or be a sign of life.
"""

from __future__ import annotations

from naysayer.explore.rules import Rules, Summary, as_healthy
from targets.protocol.node import Message, Node
from targets.systems.raft.check_quorum import CheckQuorum
from targets.systems.raft.messages import AppendEntriesReply, InstallSnapshotReply, PreVoteReply, RequestVoteReply
from targets.systems.raft.node import RaftNode
from targets.systems.raft.storage import Storage

LOG = frozenset(
    {
        "is_up_to_date",
        "matches_previous",
        "commit_bound",
        "verified_match_index",
        "conflict_index",
        "may_count_replicas",
    }
)
MACHINE = frozenset({"execute", "_execute_once", "has_answered", "session_time_ms", "entry_time_ms"})
"""Methods that the proofs do not read: they decide about entries, and what comes of them."""
SHOWS = frozenset({"log_cells", "view"})


def rules(node: Node, *, crashes: bool) -> Rules | None:
    """None for other nodes."""
    if not isinstance(node, RaftNode):
        return None
    proven = (
        as_healthy(node, RaftNode, LOG | MACHINE | SHOWS)
        and as_healthy(node.check_quorum, CheckQuorum)
        and as_healthy(node.storage, Storage)
    )
    return Rules(summary=_standing, dead=_is_dead) if proven else Rules()


def _standing(node: RaftNode) -> Summary:
    return {"term": node.current_term, "role": node.role}


def _is_dead(receiver: Summary, message: Message, sender: Summary) -> bool:
    term: int = receiver["term"]
    role = receiver["role"]
    match message:
        case RequestVoteReply():
            over = message.term < term or role != "candidate"
            return message.term <= term and (over or not message.vote_granted)
        case AppendEntriesReply() | InstallSnapshotReply():
            return message.term <= term and (message.term < term or role == "follower")
        case PreVoteReply():
            return message.term <= term and (not message.vote_granted or message.next_term <= term)
    return False
