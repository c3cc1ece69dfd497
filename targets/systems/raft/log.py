"""The log in memory: entries counted from 1, of which a snapshot may have replaced the first `base_index`.

It also knows the cluster's configurations, because a server uses the latest one in its log, committed or not
(dissertation §4.1).
"""

from __future__ import annotations

from targets.protocol.node import NodeId
from targets.systems.raft.messages import Entry


class Log:
    """Entries base_index + 1 ... last_index. The entry at base_index had term `base_term`."""

    def __init__(self, configuration: tuple[NodeId, ...], base_index: int = 0, base_term: int = 0) -> None:
        self.base_index = base_index
        self.base_term = base_term
        self.entries: list[Entry] = []
        self.last_index = base_index
        self._configurations = [(base_index, configuration)]

    @property
    def last_term(self) -> int:
        return self.entries[-1].term if self.entries else self.base_term

    @property
    def configuration(self) -> tuple[NodeId, ...]:
        """The latest configuration in the log."""
        return self._configurations[-1][1]

    @property
    def configuration_index(self) -> int:
        """Where the latest configuration stands."""
        return self._configurations[-1][0]

    def configuration_at(self, index: int) -> tuple[NodeId, ...]:
        """The configuration in force when the log ended at `index`."""
        return next(members for at, members in reversed(self._configurations) if at <= index)

    def term(self, index: int) -> int:
        """The term of the entry at `index`; 0 where this log has none."""
        if self.base_index < index <= self.last_index:
            return self.entries[index - self.base_index - 1].term
        return self.base_term if index == self.base_index else 0

    def entry(self, index: int) -> Entry:
        return self.entries[index - self.base_index - 1]

    def after(self, index: int, count: int | None = None) -> tuple[Entry, ...]:
        """At most `count` entries after `index`, which must not be before the base."""
        start = index - self.base_index
        return tuple(self.entries[start:] if count is None else self.entries[start : start + count])

    def append(self, entry: Entry) -> int:
        """Add an entry at the end; returns its index."""
        self.entries.append(entry)
        self.last_index += 1
        if entry.configuration is not None:
            self._configurations.append((self.last_index, entry.configuration))
        return self.last_index

    def truncate_from(self, index: int) -> None:
        """Drop the entry at `index` and all that follow it."""
        del self.entries[index - self.base_index - 1 :]
        self.last_index = self.base_index + len(self.entries)
        self._configurations = [pair for pair in self._configurations if pair[0] < index]

    def compact(self, index: int) -> None:
        """Forget the entries up to `index`: a snapshot holds what they did (§7)."""
        term, members = self.term(index), self.configuration_at(index)
        del self.entries[: index - self.base_index]
        self.base_index, self.base_term = index, term
        self.last_index = index + len(self.entries)
        self._configurations = [(index, members), *(pair for pair in self._configurations if pair[0] > index)]
