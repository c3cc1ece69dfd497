"""Carries out the steps of one story on one simulated cluster, and describes what happened during each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from checker import check
from checker.history import History, Operation
from naysayer.play.language import Line, Step, StoryError
from naysayer.play.stage import Stage
from naysayer.play.texts import answered, message, short, value
from targets.protocol.fault import Cut, Fault, Heal, Hold, Kill, Pause, Release, Restart, Resume
from targets.protocol.node import NodeId
from targets.protocol.target import Target
from targets.registry import find

DELAY_MS = (2.0, 2.0)
TIMEOUT_MS = 500.0
"""How long a client waits."""
MODEL = "cas-register"
PROCESS: dict[str, Callable[[tuple[NodeId, ...]], Fault]] = {"restart": Restart, "pause": Pause, "resume": Resume}


class Running:
    """One cluster on which the steps of a story are carried out, in order.

    Raises UsageError where a step asks for what there is not: a node, a request to repeat, a leader.
    """

    def __init__(self, cluster: Step, target: Target | None = None) -> None:
        """Start the cluster that a story begins with; of another `target`, if given."""
        name, nodes, seed = cluster.arguments
        target = target or find(str(name))
        self.stage = Stage(target, int(nodes or 0), int(seed or 0), delay_ms=DELAY_MS, trace=True)
        self.names: dict[str, NodeId] = {}
        self.clients: dict[int, str] = {}
        """By the number of an operation: the client, and the node that was asked."""
        self.last: dict[str, tuple[int, tuple[Any, ...]]] = {}
        """By client: the number of its last operation, whose id a repeated request has, and what it asked."""
        self.repeats: dict[int, int] = {}
        """By the number of a repeated request: the operation that it belongs to."""
        self.shown: set[int] = set()
        self.watched: set[str] = set()
        self.verdicts: list[str] = []
        """What each `verdict` came to: valid, invalid or unknown; a violated invariant makes it invalid."""

    def line(self, line: Line) -> list[str]:
        """Carry out the steps of a line; what happened, in order of time."""
        output: list[tuple[int, str]] = []
        for step in line.steps:
            seen = len(self.stage.cluster.trace or ())
            lines: list[str] = getattr(self, f"_{step.form.action}")(*step.arguments) or []
            output += self._messages(seen) + self._answers()
            output.sort(key=lambda one: one[0])
            output += [(self.stage.cluster.now_ns, text) for text in lines]
        return [self._renamed(text) for _, text in output]

    # clients

    def _write(self, meanwhile: str | None, client: str, key: str, given: str, node: str) -> None:
        self._ask(meanwhile, client, node, "write", key, value(given))

    def _read(self, meanwhile: str | None, client: str, key: str, node: str) -> None:
        self._ask(meanwhile, client, node, "read", key)

    def _swap(self, meanwhile: str | None, client: str, key: str, old: str, new: str, node: str) -> None:
        self._ask(meanwhile, client, node, "cas", key, (value(old), value(new)))

    def _repeat(self, meanwhile: str | None, client: str, node: str) -> None:
        if client not in self.last:
            raise StoryError(f"{client} has not asked anything yet")
        number, asked = self.last[client]
        self._ask(meanwhile, client, node, *asked, retry=f"r{number}")

    def _ask(self, meanwhile: str | None, client: str, node: str, *asked: Any, retry: str | None = None) -> None:
        self.stage.pass_ms(1)  # a request sent at the very time of another's answer would count as concurrent with it
        index = self.stage.ask(self._node(node), *asked, timeout_ms=TIMEOUT_MS, retry=retry)
        self.clients[index] = f"{client} at {node}"
        if retry is None:
            self.last[client] = (index, asked)
        else:
            self.repeats[index] = self.last[client][0]
        if not meanwhile:
            self.stage.answer(index, TIMEOUT_MS + 1)

    def _answers(self) -> list[tuple[int, str]]:
        new = [one for one in self.stage.records if one.index not in self.shown]
        self.shown.update(one.index for one in new)
        return [(one.ret, self._answered(one)) for one in new]

    def _answered(self, one: Operation) -> str:
        number = self.repeats.get(one.index, one.index)
        return answered(one, number, self.clients[one.index], self.stage.replies[one.index])

    # faults

    def _hold(self, count: str | None, source: str, dest: str, kind: str | None) -> None:
        self._know(kind)
        self.stage.apply(Hold((self._node(source), self._node(dest)), int(count or 1), kind))

    def _release(self) -> None:
        self.stage.apply(Release())

    def _heal(self) -> None:
        self.stage.apply(Heal())

    def _cut(self, source: str, arrow: str, dest: str) -> None:
        link = (self._node(source), self._node(dest))
        self.stage.apply(Cut((link,) if arrow == "->" else (link, link[::-1])))

    def _groups(self, groups: str | None) -> None:
        self.stage.groups(*(self._nodes(group) for group in (groups or "").split("|")))

    def _kill(self, node: str, power: str | None, torn: str | None, effects: str | None) -> list[str]:
        """Carry out a death; one that is to come shows when it has come."""
        fault = Kill((self._node(node),), bool(power), bool(torn), None if effects is None else int(effects))
        self.stage.apply(fault)
        if fault.effects is None:
            return [one.detail for one in self.stage.cluster.evidence() if one.fault is fault]
        return []

    def _process(self, what: str, node: str) -> None:
        self.stage.apply(PROCESS[what]((self._node(node),)))

    # time, names, views

    def _run(self, ms: str) -> None:
        self.stage.pass_ms(int(ms))

    def _run_until(self, ms: str, node: str, entries: str) -> None:
        name = self._node(node)
        if "last_index" not in self.stage.view(name):
            raise StoryError(f"{node} shows no last_index to count its entries by")
        self.stage.wait(lambda: self.stage.view(name)["last_index"] >= int(entries), int(ms))

    def _leader(self, name: str, among: str | None, after: str | None) -> list[str]:
        nodes = None if among is None else self._nodes(among)
        term = 0 if after is None else self.stage.view(self._node(after)).get("term", 0)
        found = self.stage.leader(nodes, term)
        if name not in self.names:
            self.names[name] = found
        elif self.names[name] != found:
            raise StoryError(f"{self._renamed(found)} leads, not {name}: try another seed")
        return [f"{name} leads in term {self.stage.view(found)['term']}"]

    def _name(self, names: str) -> None:
        given, nodes = names.split(), self._nodes("others")
        if len(given) > len(nodes):
            raise StoryError(f"only {len(nodes)} nodes are left without a name")
        self.names.update(zip(given, nodes, strict=False))

    def _look(self, fields: str) -> list[str]:
        chosen = fields.split()
        lines = []
        for node in sorted(self.stage.nodes, key=self._renamed):
            view = self.stage.view(node)
            items = [(name, view[name]) for name in chosen or view if name in view]
            text = ", ".join(f"{name} {short(content)}" for name, content in items)
            text = text or ("holds nothing" if view == {} else "-")
            lines.append(f"{node}: {'is down' if node in self.stage.cluster.down else text}")
        return lines

    def _watch(self, kinds: str) -> None:
        for kind in kinds.split():
            self._know(kind)
            self.watched.add(kind)

    def _know(self, kind: str | None) -> None:
        known = {one.__name__ for one in self.stage.cluster.target.messages} | {"Request", "Reply"}
        if kind is not None and kind not in known:
            raise StoryError(
                f"{self.stage.cluster.target.name} sends no {kind}; its messages: {', '.join(sorted(known))}"
            )

    def _messages(self, seen: int) -> list[tuple[int, str]]:
        return [
            (sent.sent_ns, f"{sent.source} -> {sent.dest}  {message(sent)}")
            for sent in (self.stage.cluster.trace or [])[seen:]
            if type(sent.message).__name__ in self.watched
        ]

    def _verdict(self) -> list[str]:
        stage = self.stage
        stage.wait(lambda: len(stage.replies) == len(self.clients), TIMEOUT_MS + 1)
        verdict = check(History.of(self._operations()), MODEL)
        worst = verdict.worst
        lines = [f"{verdict.outcome}: {worst.explanation.sentence}" if worst and worst.explanation else verdict.outcome]
        lines += [f"warning: {warning}" for warning in verdict.warnings]
        violated = stage.cluster.violations
        self.verdicts.append("invalid" if violated else verdict.outcome)
        return lines + [f"violated: {sentence}" for sentence in violated]

    def _operations(self) -> list[Operation]:
        """What the clients saw; a repeated request makes its operation last from the first request to the answer."""
        found = {one.index: one for one in self.stage.records}
        for repeat, first in sorted(self.repeats.items()):
            found[first] = replace(found.pop(repeat), index=first, process=first, call=found[first].call)
        return list(found.values())

    # nodes

    def _node(self, name: str) -> NodeId:
        node = self.names.get(name, name)
        if node not in self.stage.nodes:
            known = ", ".join([*self.stage.nodes, *self.names])
            raise StoryError(f"there is no node {name}: the nodes are {known}")
        return node

    def _nodes(self, names: str) -> list[NodeId]:
        if names.strip() == "others":
            return [node for node in self.stage.nodes if node not in self.names.values()]
        return [self._node(name) for name in names.split()]

    def _renamed(self, text: str) -> str:
        """With the names that the story gave the nodes."""
        given = {node: name for name, node in self.names.items()}
        return re.sub(r"\bn\d+\b", lambda match: given.get(match[0], match[0]), text)
