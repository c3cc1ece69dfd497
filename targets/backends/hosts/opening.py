"""The clients of a cluster on hosts: made for a node, and tried before a run depends on them."""

from __future__ import annotations

import trio

from checker.errors import UsageError
from targets.backends.hosts.config import ClusterConfig, make_client, own_file
from targets.backends.hosts.guarded import ENDINGS, GuardedClient, OwnRemarks, described, first_error, place_of
from targets.backends.hosts.keys import OwnKeys, new_run
from targets.protocol.cluster import Client
from targets.protocol.node import NodeId

OPEN_S_MAX = 10.0
OPEN_PAUSE_S = 0.2
WARM_S_MAX = 5.0
"""A system accepts connections some time before its clients can be opened."""


class Clients:
    """Makes clients. What users' own classes do wrong becomes a remark."""

    def __init__(self, config: ClusterConfig, model: str, remarks: list[str]) -> None:
        self._config = config
        self._model = model
        self._remarks = remarks
        self._own = OwnRemarks(remarks)
        self._run = new_run()

    def client(self, node: NodeId) -> Client:
        """One whose keys are this run's own. Raises UsageError for a node that is not in cluster.toml."""
        if node not in self._config.nodes:
            raise UsageError(f"cluster.toml names no node {node}")
        return OwnKeys(self.plain(node), self._run)

    def plain(self, node: NodeId) -> Client:
        """One that uses keys as they are."""
        config, address = self._config.client, self._config.nodes[node].client
        path = own_file(config)
        if path is None:
            return make_client(config, address, self._model)
        return GuardedClient(
            lambda: make_client(config, address, self._model), path, tuple(self._config.nodes), self._own
        )

    async def attempt(self, *, patient: bool) -> None:
        """Open a client class of the user's own once for each node, before anything depends on it. `patient`: a system
        that has just been started may need a while.

        Raises UsageError with its place if it raises, or if no node accepts; a node that is down is a remark.
        """
        path = own_file(self._config.client)
        if path is None:
            return
        nodes = self._config.nodes
        refused = [found for node in nodes if (found := await self._try(node, path, patient)) is not None]
        if len(refused) == len(nodes):
            raise UsageError(f"no client could be opened: {refused[0]}")
        self._remarks += [f"{one}, before the run began" for one in refused]

    async def _try(self, node: NodeId, path: str, patient: bool) -> str | None:
        """What keeps a client of a node from being opened."""
        until_s = trio.current_time() + (WARM_S_MAX if patient else 0.0)
        while True:
            client = self.plain(node)
            text, of_network = f"{node}: {path}: open did not return within {OPEN_S_MAX:.0f} s", True
            with trio.move_on_after(OPEN_S_MAX):
                try:
                    await client.open()
                    text = ""
                except ENDINGS as error:
                    one = first_error(error)
                    text = f"{node}: {place_of(one, path)}: open raised {described(one)}"
                    of_network = isinstance(one, OSError)
            await client.close()
            if not text:
                return None
            if trio.current_time() >= until_s:
                if not of_network:
                    raise UsageError(text)
                return text
            await trio.sleep(OPEN_PAUSE_S)
