"""The messages between Raft's servers: the RPCs of the paper (figures 2 and 13), as messages, and log entries.

Every message but PreVote carries its sender's `term`. A reply is a separate message: it may be lost, repeated or
late.
"""

from __future__ import annotations

import msgspec

from targets.protocol.node import Message, NodeId, Request


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A log entry: a client's command, a configuration of the cluster, or (neither) a leader's no-op."""

    term: int
    time_ms: float
    """The cluster's time when the leader appended it (dissertation §6.3): sessions expire by it on every replica."""
    request: Request | None = None
    configuration: tuple[NodeId, ...] | None = None


class RequestVote(Message, frozen=True):
    """§5.2. With `leadership_transfer` the candidate campaigns on the leader's own wish (dissertation §4.2.3)."""

    term: int
    candidate_id: NodeId
    last_log_index: int
    last_log_term: int
    leadership_transfer: bool = False


class RequestVoteReply(Message, frozen=True):
    term: int
    vote_granted: bool


class PreVote(Message, frozen=True):
    """Dissertation §9.6: would you vote for me in `next_term`? It changes no term and no vote."""

    next_term: int
    candidate_id: NodeId
    last_log_index: int
    last_log_term: int


class PreVoteReply(Message, frozen=True):
    term: int
    next_term: int
    """The term that was asked about."""
    vote_granted: bool


class AppendEntries(Message, frozen=True):
    """§5.3; without entries a heartbeat. `round` numbers the leader's messages for ReadIndex (dissertation §6.4)."""

    term: int
    leader_id: NodeId
    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]
    leader_commit: int
    round: int


class AppendEntriesReply(Message, frozen=True):
    """`match_index`: up to where the log is known to equal the leader's. `conflict_index`: on failure, where the
    leader may try next (§5.3, end)."""

    term: int
    success: bool
    match_index: int
    conflict_index: int
    round: int


class InstallSnapshot(Message, frozen=True):
    """§7, in one piece. `state` is the state machine with its sessions, encoded."""

    term: int
    leader_id: NodeId
    last_included_index: int
    last_included_term: int
    configuration: tuple[NodeId, ...]
    state: bytes


class InstallSnapshotReply(Message, frozen=True):
    term: int
    match_index: int


class TimeoutNow(Message, frozen=True):
    """Leadership transfer (dissertation §3.10): campaign at once."""

    term: int


MESSAGES: tuple[type[Message], ...] = (
    RequestVote,
    RequestVoteReply,
    PreVote,
    PreVoteReply,
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    TimeoutNow,
)
