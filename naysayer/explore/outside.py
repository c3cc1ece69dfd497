"""What a state holds beside nodes and messages: what the clients have seen, and how much may still go wrong.

All of it is one small number, `Core`, and each change of one is computed once.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal, NamedTuple

from naysayer.explore.frontier import IMPOSSIBLE, Frontiers, Operation
from naysayer.explore.local import Step
from naysayer.explore.scope import Scope
from targets.protocol.invariant import LocalInvariant
from targets.protocol.node import Reply

Budget = Literal["timers", "crashes", "duplicates", "delays"]


Granted = tuple[frozenset[int], tuple[int, ...]]
"""The generations that were returned, and for each client the highest of them when it asked for its own."""


class Core(NamedTuple):
    """`progress`: for each client twice the operations it has finished, plus one while it waits. `remembered`: by
    number, what the invariants remember."""

    frontier: int
    granted: Granted
    progress: tuple[int, ...]
    remembered: int
    timers: int
    crashes: int
    duplicates: int
    delays: int
    cut_off: tuple[int, ...] = ()
    """The nodes that are cut off from the others."""


class Outside:
    """All cores that were met, by number, and the changes between them."""

    def __init__(
        self,
        scope: Scope,
        invariants: Sequence[LocalInvariant],
        views: Sequence[tuple[Any, ...]],
        answers: Sequence[tuple[Reply, ...]],
    ) -> None:
        """`views`: by number, what the invariants see of a node; `answers`: by number, what a node replied."""
        self._scope, self._invariants, self._views, self._answers = scope, invariants, views, answers
        self.cores: list[Core] = []
        self._numbers: dict[Core, int] = {}
        self._frontiers = Frontiers()
        self._histories: list[tuple[dict[Any, Any], ...]] = []
        self._remembered: dict[Hashable, int] = {}
        self._spent: dict[tuple[int, Budget], int] = {}
        self._asked: dict[tuple[int, int], int] = {}
        self._answered: dict[tuple[int, int], int] = {}
        self._looked: dict[tuple[int, int, tuple[int, ...]], tuple[int, str | None]] = {}
        self._succeeded: set[str] = set()

    def first(self) -> int:
        scope = self._scope
        remembered = self._remember(tuple({} for _ in self._invariants))
        granted = (frozenset[int](), (0,) * len(scope.program))
        return self._core(
            Core(
                0,
                granted,
                (0,) * len(scope.program),
                remembered,
                scope.timers,
                scope.crashes,
                scope.duplicates,
                scope.delays or 0,
            )
        )

    def _core(self, core: Core) -> int:
        found = self._numbers.get(core)
        if found is None:
            found = self._numbers[core] = len(self.cores)
            self.cores.append(core)
        return found

    def spent(self, core: int, budget: Budget) -> int:
        """One timer, crash or duplicate less."""
        found = self._spent.get((core, budget))
        if found is None:
            one = self.cores[core]
            found = self._spent[core, budget] = self._core(one._replace(**{budget: getattr(one, budget) - 1}))
        return found

    def cut_off(self, core: int, nodes: tuple[int, ...]) -> int:
        """These nodes are cut off, or none is any more."""
        return self._core(self.cores[core]._replace(cut_off=nodes))

    def asked(self, core: int, client: int) -> int:
        """The client's next operation is asked for."""
        found = self._asked.get((core, client))
        if found is None:
            one = self.cores[core]
            operation = self._scope.program[client][one.progress[client] // 2].operation
            one = one._replace(progress=_onwards(one.progress, client))
            if operation.f == "next":
                numbers, floors = one.granted
                floors = (*floors[:client], max(numbers, default=0), *floors[client + 1 :])
                one = one._replace(granted=(numbers, floors))
            else:
                one = one._replace(frontier=self._frontiers.invoke(one.frontier, operation))
            found = self._asked[core, client] = self._core(one)
        return found

    def may_ask(self, core: int, client: int, id: str) -> bool:
        """Whether it is the client's turn to ask for this operation."""
        done, waits = divmod(self.cores[core].progress[client], 2)
        row = self._scope.program[client]
        return not waits and done < len(row) and row[done].operation.id == id

    def answered(self, core: int, replies: int) -> int:
        """A node answers. IMPOSSIBLE if no order of the operations explains it. An answer that no client waits for is
        not seen."""
        found = self._answered.get((core, replies))
        if found is None:
            one = self.cores[core]
            for reply in self._answers[replies]:
                one = self._seen(one, reply)
            found = IMPOSSIBLE if one.frontier == IMPOSSIBLE else self._core(one)
            self._answered[core, replies] = found
        return found

    def _seen(self, core: Core, reply: Reply) -> Core:
        for client, row in enumerate(self._scope.program):
            done, waits = divmod(core.progress[client], 2)
            if waits and row[done].operation.id == reply.id and core.frontier != IMPOSSIBLE:
                if reply.status == "ok":
                    self._succeeded.add(reply.id)
                core = core._replace(progress=_onwards(core.progress, client))
                if row[done].operation.f == "next":
                    return _generation(core, client, reply)
                output = _comparable(row[done].operation.f, reply.output)
                frontier = self._frontiers.answer(core.frontier, reply.id, reply.status, output)
                return core._replace(frontier=frontier)
        return core

    def noticed(self, core: int, index: int, step: Step, looks: tuple[int, ...]) -> tuple[int, str | None]:
        """After a step of node `index`: clients are answered, and invariants look. A sentence if something is wrong."""
        name = self._scope.names[index]
        if step.died is not None:
            return core, f"{name} died of an exception: {step.died}"
        if step.replies:
            core = self.answered(core, step.replies)
            if core == IMPOSSIBLE:
                return core, f"no order of the operations explains what {name} answers"
        return self.looked(core, index, looks)

    def looked(self, core: int, index: int, looks: tuple[int, ...]) -> tuple[int, str | None]:
        """The invariants look at node `index`, which has handled an input; `looks` are the numbers of all nodes' views.
        A sentence if one is violated."""
        if not self._invariants:
            return core, None
        one = self.cores[core]
        key = (one.remembered, index, looks)
        found = self._looked.get(key)
        if found is None:
            found = self._looked[key] = self._checked(*key)
        remembered, why = found
        return core if remembered == one.remembered else self._core(one._replace(remembered=remembered)), why

    def _checked(self, remembered: int, index: int, looks: tuple[int, ...]) -> tuple[int, str | None]:
        names, after = self._scope.names, []
        for number, (invariant, history) in enumerate(zip(self._invariants, self._histories[remembered], strict=True)):
            views = (self._views[look][number] for look in looks)
            seen = {name: view for name, view in zip(names, views, strict=True) if view is not None}
            history = dict(history)
            found = invariant.judge(history, names[index], seen) if names[index] in seen else None
            if found is not None:
                return remembered, f"{invariant.name}: {found}"
            after.append(history)
        return self._remember(tuple(after)), None

    def _remember(self, histories: tuple[dict[Any, Any], ...]) -> int:
        form = tuple(frozenset(history.items()) for history in histories)
        found = self._remembered.get(form)
        if found is None:
            found = self._remembered[form] = len(self._histories)
            self._histories.append(histories)
        return found

    def unanswered(self) -> tuple[Operation, ...]:
        """Operations that no schedule so far answered with ok."""
        asked = (one.operation for row in self._scope.program for one in row)
        return tuple(one for one in asked if one.id not in self._succeeded)


def _generation(core: Core, client: int, reply: Reply) -> Core:
    """A generation must be greater than all that were returned before it was asked for, and returned once."""
    numbers, floors = core.granted
    if reply.status != "ok":
        return core
    number = reply.output
    if type(number) is not int or number <= floors[client] or number in numbers:
        return core._replace(frontier=IMPOSSIBLE)
    return core._replace(granted=(numbers | {number}, floors))


def _comparable(f: str, output: Any) -> Hashable:
    """What an operation returned, as far as it says anything. What is no number or text was never written; no value and
    the empty text are the same, as nothing writes that."""
    if f == "read":
        return (output if output != "" else None) if type(output) in (int, str, type(None)) else repr(output)
    return output is not False if f == "cas" else None


def _onwards(progress: tuple[int, ...], client: int) -> tuple[int, ...]:
    return (*progress[:client], progress[client] + 1, *progress[client + 1 :])
