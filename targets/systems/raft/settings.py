"""What may be chosen about a Raft cluster, alike on all its servers."""

from __future__ import annotations

from dataclasses import dataclass


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
