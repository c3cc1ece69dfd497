"""A server's state (figure 2 of the paper) and what the parts of the protocol need of each other.

The protocol is spread over one file per chapter; each chapter is a layer on `Server`: persistence, election,
replication, reads, snapshot, membership, transfer. node.py puts the layers together and routes inputs to them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from targets.node import Context, NodeId, Request
from targets.raft.log import Log
from targets.raft.machine import StateMachine
from targets.raft.sessions import ClusterClock, Sessions

Role = Literal["follower", "candidate", "leader"]


@dataclass(frozen=True)
class Settings:
    """Timing fits networks that need 1 to 10 ms: heartbeat much shorter than an election timeout (§5.6)."""

    heartbeat_ms: float = 50.0
    election_timeout_ms_min: float = 150.0
    election_timeout_ms_max: float = 300.0
    entries_per_message_max: int = 2
    snapshot_threshold: int = 10
    """Entries applied since the last snapshot that make a server take the next one."""
    session_expiry_ms: float = 10_000.0
    """Log time after which a silent client is forgotten. Retries must come sooner."""
    lease_reads: bool = False
    """Serve reads under a lease (dissertation §6.4.1): cheaper, and safe only while clocks agree on durations."""


class Server(ABC):
    """One server of the cluster: its state, and the small questions that all chapters ask."""

    settings: Settings = Settings()
    ctx: Context
    me: NodeId

    # Persistent state on all servers: durable before any RPC is answered.
    current_term: int
    voted_for: NodeId | None
    log: Log

    def __init__(self) -> None:
        self.current_term = 0
        self.voted_for = None
        # Volatile state on all servers.
        self.role: Role = "follower"
        self.leader_id: NodeId | None = None
        self.commit_index = 0
        self.last_applied = 0
        self.machine = StateMachine()
        self.sessions = Sessions()
        self.digest = 0
        """Running checksum of all that was applied: equal on all replicas at equal last_applied."""
        self.snapshot_state = b""
        """The machine at the log's base, encoded."""
        # Volatile state on candidates and leaders.
        self.votes: set[NodeId] = set()
        self.next_index: dict[NodeId, int] = {}
        self.match_index: dict[NodeId, int] = {}
        self.waiting: dict[int, Request] = {}
        """Commands to be answered when the entry at this index is applied."""
        self.cluster_clock = ClusterClock(0.0, 0.0, 0.0)

    @property
    def peers(self) -> list[NodeId]:
        """The other members of the latest configuration."""
        return [member for member in self.log.configuration if member != self.me]

    def is_quorum(self, servers: Collection[NodeId]) -> bool:
        """Whether these servers are a majority of the latest configuration in the log."""
        members = self.log.configuration
        return 2 * len([member for member in members if member in servers]) > len(members)

    # What the chapters ask of each other.
    @abstractmethod
    def persist_term_and_vote(self) -> None: ...
    @abstractmethod
    def persist_entries(self, first_index: int) -> None: ...
    @abstractmethod
    def persist_everything(self) -> None: ...
    @abstractmethod
    def machine_state(self) -> bytes: ...
    @abstractmethod
    def restore_machine(self, state: bytes) -> None: ...
    @abstractmethod
    def become_follower(self, term: int) -> None: ...
    @abstractmethod
    def recognize_leader(self, term: int, leader_id: NodeId) -> None: ...
    @abstractmethod
    def start_election(self, leadership_transfer: bool = False) -> None: ...
    @abstractmethod
    def may_campaign(self) -> bool: ...
    @abstractmethod
    def start_leading(self) -> None: ...
    @abstractmethod
    def stop_leading(self) -> None: ...
    @abstractmethod
    def replicate_to(self, peer: NodeId) -> None: ...
    @abstractmethod
    def send_snapshot(self, peer: NodeId) -> None: ...
    @abstractmethod
    def apply_committed(self) -> None: ...
    @abstractmethod
    def confirm_leadership(self, peer: NodeId, round: int) -> None: ...
    @abstractmethod
    def serve_reads(self) -> None: ...
