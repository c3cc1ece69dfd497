"""The recorder writes every event to history.jsonl as it happens, and keeps it, packed, for judging.

One event per line, as in Jepsen: `invoke`, then `ok`, `fail` or `info`, by process, with times in ns, with the nemesis'
events between them. A process whose operation ended info is never used again.
"""

from __future__ import annotations

from array import array
from typing import Any, Protocol

import msgspec
import numpy as np

from checker.errors import TargetError
from checker.history import NO_COMMIT, PENDING, History, Operation, Status
from naysayer.packed import PackedOperations
from targets.protocol.fault import Fault
from workloads.generator import Invocation


class Sink(Protocol):
    """Receives lines."""

    def write(self, line: bytes, /) -> object: ...


class Recorder:
    """Implements the harness' Journal. Writes to `file`, if given."""

    def __init__(self, file: Sink | None = None) -> None:
        self._file = file
        self._encoder = msgspec.json.Encoder()
        self._open: dict[int, tuple[int, Invocation, str | None, int]] = {}
        self._done = PackedOperations()
        self._commits = array("q")
        """Index and commit number of operations, in turn."""
        self.nemesis: list[tuple[float, Fault]] = []
        self.counts: dict[Status, int] = {"ok": 0, "fail": 0, "info": 0}
        self.invocations = 0
        self._history: tuple[int, int, History] | None = None
        self.last_round: int | None = None
        """The index of the first operation of the workload's last round (final reads); None before it."""

    def _write(self, file: Sink, **event: Any) -> None:
        """Write one line, without fields that are None."""
        file.write(self._encoder.encode({name: value for name, value in event.items() if value is not None}) + b"\n")

    def invoked(self, process: int, invocation: Invocation, node: str | None, time_ns: int) -> None:
        """An operation begins."""
        index = self.invocations
        self.invocations += 1
        self._open[process] = (index, invocation, node, time_ns)
        if self._file is not None:
            f, key, given = invocation.f, invocation.key, invocation.input
            self._write(self._file, type="invoke", process=process, f=f, key=key, input=given, time=time_ns, node=node)

    def completed(
        self,
        process: int,
        invocation: Invocation,
        status: Status,
        output: Any,
        error: str | None,
        time_ns: int,
        commit: int | None = None,
    ) -> Operation:
        """The operation ended; info means that its outcome is unknown. `commit`: as in a Reply."""
        index, _, node, call_ns = self._open.pop(process)
        if self._file is not None:
            f, key, ended = invocation.f, invocation.key, {"output": output, "error": error, "commit": commit}
            self._write(self._file, type=status, process=process, f=f, key=key, **ended, time=time_ns)
        if commit is not None and status == "ok":
            self._commits.extend((index, commit))
        self.counts[status] += 1
        ret = PENDING if status == "info" else time_ns
        operation = Operation(
            index,
            process,
            invocation.f,
            invocation.key,
            invocation.input,
            output if status == "ok" else None,
            call_ns,
            ret,
            status,
            node,
            error,
        )
        self._done.append(operation)
        return operation

    def last_round_begins(self) -> None:
        """Operations invoked from now on belong to the workload's last round, after all faults were undone."""
        self.last_round = self.invocations

    def happened(self, fault: Fault, time_ns: int, detail: str = "") -> None:
        """A fault was injected, or one that undoes another."""
        self.nemesis.append((time_ns / 1e6, fault))
        if self._file is not None:
            f, said = fault.tag, detail or None
            self._write(self._file, type="nemesis", f=f, fault=fault, time=time_ns, detail=said)

    def ended(self, first: int) -> list[Operation]:
        """The operations that ended, in order of completion, without the first `first`."""
        return list(self._done.since(first))

    def under_way(self) -> list[Operation]:
        """The operations that have not ended, in order of invocation."""
        return sorted(
            (
                Operation(index, process, inv.f, inv.key, inv.input, None, call, PENDING, "info", node)
                for process, (index, inv, node, call) in self._open.items()
            ),
            key=lambda op: op.index,
        )

    def history(self) -> History:
        """The recorded history; operations that never ended are pending.

        Raises TargetError for a value that is nested too deeply to be compared.
        """
        if self._history is not None and self._history[:2] == (self.invocations, len(self._done)):
            return self._history[2]
        try:
            history = History.of(sorted([*self._done.since(0), *self.under_way()], key=lambda op: op.index))
        except RecursionError:
            raise TargetError("a reply is nested too deeply to be judged; history.jsonl contains it") from None
        if self._commits:
            history.commit = np.full(len(history), NO_COMMIT)
            history.commit[self._commits[::2]] = self._commits[1::2]
        self._history = (self.invocations, len(self._done), history)
        return history
