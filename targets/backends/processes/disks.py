"""The disks of nodes on this machine: one program in C for each, that looks after the node's data folder."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import trio

from checker.errors import HarnessError, UsageError
from targets.backends.storage.build import CANNOT, FAULTS, compiled
from targets.backends.storage.disk import Disk, Note
from targets.protocol.node import NodeId

READY_S_MAX = 10.0
POLL_S = 0.005


class Disks:
    """Programs and their folders below `directory`, until `close`."""

    def __init__(self, directory: Path, seed: int, note: Note) -> None:
        self._directory = directory
        self._seed = seed
        self._note = note
        self._program: Path | None = None
        self._serving: list[subprocess.Popen[bytes]] = []

    def _state(self, node: NodeId) -> Path:
        return self._directory / f"{node}.disk"

    async def add(self, node: NodeId, data: Path) -> Disk:
        """Look after a node's data folder, which exists. Raises UsageError where that is not possible here."""
        if self._program is None:
            self._program = compiled(self._directory)
        state = self._state(node)
        state.mkdir()
        # in this thread: Linux takes it for the parent with whom the program ends
        with (state / "stderr").open("wb") as log:
            serving = subprocess.Popen(
                [self._program, "serve", state, data],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._serving.append(serving)
        with trio.move_on_after(READY_S_MAX):
            while not (state / "socket").exists() and serving.poll() is None:
                await trio.sleep(POLL_S)
        tried = await trio.run_process(self.command(node, ["true"]), check=False, capture_stderr=True)
        if tried.returncode:
            said = tried.stderr.decode("utf-8", "replace").strip() or f"exit code {tried.returncode}"
            if tried.returncode == CANNOT:
                raise UsageError(f"{FAULTS} cannot be injected here: {said.removeprefix('storage: ')}")
            raise HarnessError(f"{node}: its disk cannot be looked after: {said}{self._last_words(node)}")

        async def tell(line: str) -> str:
            return await self._tell(node, line)

        return Disk(node, self._seed, tell, self._note)

    def command(self, node: NodeId, command: Sequence[str]) -> list[str]:
        """A command, run so that its calls are seen."""
        return [str(self._program), "run", str(self._state(node)), "--", *command]

    async def _tell(self, node: NodeId, line: str) -> str:
        command = [str(self._program), "tell", str(self._state(node)), *line.split()]
        done = await trio.run_process(command, check=False, capture_stdout=True, capture_stderr=True)
        if done.returncode:
            raise HarnessError(f"{node}: the program that looks after its disk has ended{self._last_words(node)}")
        return done.stdout.decode("utf-8", "replace")

    def _last_words(self, node: NodeId) -> str:
        said = ""
        with suppress(OSError):
            said = (self._state(node) / "stderr").read_text(errors="replace").strip()
        return f": {said[-300:]}" if said else ""

    def close(self) -> None:
        """End all programs; the nodes have ended."""
        for one in self._serving:
            one.kill()
            one.wait()
        self._serving.clear()
