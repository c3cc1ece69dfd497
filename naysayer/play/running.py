"""Carries out the steps of one scenario on one simulated cluster, and describes what happened during each."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from checker import check
from checker.history import History, Operation
from naysayer.play.faults import fault_of
from naysayer.play.language import FAULTS, INVOKE, Line, ScenarioError, Step, unquoted
from naysayer.play.operations import operation_of
from naysayer.play.stage import Stage
from naysayer.play.texts import answered, judged, message, short
from targets.protocol.fault import Hold, Kill
from targets.protocol.node import NodeId
from targets.protocol.target import Target
from targets.registry import find

DELAY_MS = (2.0, 2.0)
TIMEOUT_MS = 500.0
"""How long a client waits."""
MODEL = "cas-register"


def stage_of(cluster: Step, target: Target | None = None) -> Stage:
    """The cluster of the first step, with `target` in place of the target it names, if given."""
    name, nodes, seed, *_ = cluster.arguments
    target = target or find(unquoted(name))
    return Stage(target, int(nodes or 0), int(seed or 0), delay_ms=DELAY_MS, trace=True)


class Running:
    """One cluster on which the steps of a scenario are carried out, in order.

    Raises UsageError where a step names something that does not exist: a node, a request to repeat, a leader.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.names: dict[str, NodeId] = {}
        self.found: NodeId | None = None
        """The leader that a step found last."""
        self.clients: dict[int, str] = {}
        """By the number of an operation: the client and the node."""
        self.last: dict[str, tuple[int, tuple[Any, ...]]] = {}
        """By client: the number of its last operation, which gives a repeated request its id, and the operation."""
        self.repeats: dict[int, int] = {}
        """By the number of a repeated request: the operation that it belongs to."""
        self.shown: set[int] = set()
        self.watched: set[str] = set()
        self.verdicts: list[str] = []
        """The outcome of each `verdict`: valid, invalid or unknown; a violated invariant makes it invalid."""

    def line(self, line: Line) -> list[str]:
        """Carry out the steps of a line. Returns what happened, in order of time."""
        output: list[tuple[int, str]] = []
        for step in line.steps:
            seen = len(self.stage.cluster.trace or ())
            lines = self._step(step)
            output += self._messages(seen) + self._answers()
            output.sort(key=lambda one: one[0])
            output += [(self.stage.cluster.now_ns, text) for text in lines]
        return [self.renamed(text) for _, text in output]

    def _step(self, step: Step) -> list[str]:
        if step.form in FAULTS:
            return self._inject(step)
        if step.form in INVOKE:
            self._invoke(step)
            return []
        lines: list[str] = getattr(self, f"_{step.form.action}")(*step.arguments) or []
        return lines

    # clients

    def _invoke(self, step: Step) -> None:
        """Send what a step has a client invoke; a fenced write shows the generation that the client was given last."""
        client, node, f, key, given = operation_of(step)
        if step.form.action == "fenced_write":
            mine = [one for one in self.stage.ended if one.f == "next" and self._client(one) == client]
            if not mine or mine[-1].status != "ok":
                raise ScenarioError(f"{client} has no generation yet")
            given = (mine[-1].output, given[1])
        self._ask(step.arguments[0], client, node, f, key, given)

    def _transfer(self, meanwhile: str | None, client: str, successor: str, node: str) -> None:
        self._ask(meanwhile, client, node, "transfer", None, self.node(successor))

    def _members(self, meanwhile: str | None, client: str, members: str, node: str) -> None:
        self._ask(meanwhile, client, node, "reconfigure", None, tuple(self.nodes(members)))

    def _repeat(self, meanwhile: str | None, client: str, node: str) -> None:
        if client not in self.last:
            raise ScenarioError(f"{client} has not sent a request yet")
        number, asked = self.last[client]
        self._ask(meanwhile, client, node, *asked, retry=f"r{number}")

    def _ask(self, meanwhile: str | None, client: str, node: str, *asked: Any, retry: str | None = None) -> None:
        self.stage.pass_ms(1)  # a request sent at the exact time of another's reply would count as concurrent with it
        index = self.stage.ask(self.node(node), *asked, timeout_ms=TIMEOUT_MS, retry=retry)
        self.clients[index] = f"{client} at {self.node(node)}"
        if retry is None:
            self.last[client] = (index, asked)
        else:
            self.repeats[index] = self.last[client][0]
        if not meanwhile:
            self.stage.answer(index, TIMEOUT_MS + 1)

    def _answers(self) -> list[tuple[int, str]]:
        new = [one for one in self.stage.ended if one.index not in self.shown]
        self.shown.update(one.index for one in new)
        return [(one.ret, self._answered(one)) for one in new]

    def _answered(self, one: Operation) -> str:
        number = self.repeats.get(one.index, one.index)
        return answered(one, number, self.clients[one.index])

    def _client(self, one: Operation) -> str:
        return self.clients[one.index].partition(" ")[0]

    # faults

    def _inject(self, step: Step) -> list[str]:
        """Inject the fault of a step; a kill at once shows its effect, one still to come nothing yet."""
        fault = fault_of(step, self)
        if isinstance(fault, Hold):
            self._know(fault.message)
        self.stage.apply(fault)
        if isinstance(fault, Kill) and fault.effects is None:
            return [one.detail for one in self.stage.cluster.evidence() if one.fault is fault]
        return []

    def _groups(self, groups: str | None) -> None:
        self.stage.groups(*(self.nodes(group) for group in (groups or "").split("|")))

    # time, names, views

    def _run(self, ms: str) -> None:
        self.stage.pass_ms(int(ms))

    def _run_until(self, ms: str, node: str, entries: str) -> None:
        name = self.node(node)
        if "last_index" not in self.stage.view(name):
            raise ScenarioError(f"{node} shows no last_index, so its entries cannot be counted")
        self.stage.wait(lambda: self.stage.view(name)["last_index"] >= int(entries), int(ms))

    def _run_until_shown(self, ms: str, conditions: str) -> None:
        wanted = [(self.node(one[0]), one[2], one[3]) for one in map(str.split, conditions.split(" and "))]
        for node, field, _ in wanted:
            view = self.stage.view(node)
            if view and field not in view:
                raise ScenarioError(f"{self.renamed(node)} shows no {field}; its fields: {', '.join(view)}")
        self.stage.wait(
            lambda: all(short(self.stage.view(node).get(field)) == text for node, field, text in wanted), int(ms)
        )

    def _leader(self, name: str | None, among: str | None, after: str | None) -> list[str]:
        nodes = None if among is None else self.nodes(among)
        term = 0 if after is None else self.stage.view(self.node(after)).get("term", 0)
        self.found = found = self.stage.leader(nodes, term)
        if name is not None and self.names.setdefault(name, found) != found:
            raise ScenarioError(f"{self.renamed(found)} was elected, not {name}: try another seed")
        return [f"{found} leads in term {self.stage.view(found)['term']}"]

    def _name(self, names: str) -> None:
        given, nodes = names.split(), self.nodes("others")
        if len(given) > len(nodes):
            raise ScenarioError(f"only {len(nodes)} nodes have no name yet")
        self.names.update(zip(given, nodes, strict=False))

    def _look(self, fields: str) -> list[str]:
        chosen = fields.split()
        lines = []
        for node in sorted(self.stage.nodes, key=self.renamed):
            view = self.stage.view(node)
            items = [(name, view[name]) for name in chosen or view if name in view]
            text = ", ".join(f"{name} {short(content)}" for name, content in items)
            text = text or ("holds nothing" if view == {} else "-")
            lines.append(f"{node}: {'is down' if node in self.stage.cluster.down else text}")
        return lines

    def _watch(self, kinds: str) -> None:
        self.watched = set(kinds.split())
        for kind in self.watched:
            self._know(kind)

    def _know(self, kind: str | None) -> None:
        known = {one.__name__ for one in self.stage.cluster.target.messages} | {"Request", "Reply"}
        if kind is not None and kind not in known:
            raise ScenarioError(
                f"{self.stage.cluster.target.name} sends no {kind}; its messages: {', '.join(sorted(known))}"
            )

    def _messages(self, seen: int) -> list[tuple[int, str]]:
        return [
            (sent.sent_ns, f"{sent.source} -> {sent.dest}  {message(sent)}")
            for sent in (self.stage.cluster.trace or [])[seen:]
            if type(sent.message).__name__ in self.watched
        ]

    def _verdict(self, model: str | None) -> list[str]:
        stage = self.stage
        latest = {self.repeats.get(index, index): index for index in sorted(self.clients)}
        stage.wait(lambda: all(index in stage.replies for index in latest.values()), TIMEOUT_MS + 1)
        verdict = check(History.of(self.operations()), model or MODEL)
        violated = stage.cluster.violations
        self.verdicts.append("invalid" if violated else verdict.outcome)
        return judged(verdict, violated)

    def operations(self) -> list[Operation]:
        """The history; an operation with a repeated request lasts from the first request to the last reply."""
        found = {one.index: one for one in self.stage.records}
        for repeat, first in sorted(self.repeats.items()):
            ended = found.pop(repeat, None)  # a repeat that was itself repeated gets no reply of its own
            if ended is not None:
                found[first] = replace(ended, index=first, process=first, call=self.stage.calls[first])
        return list(found.values())

    # nodes

    def node(self, name: str) -> NodeId:
        node = self.found if name == "leader" and self.found is not None else self.names.get(name, name)
        if node not in self.stage.nodes:
            known = ", ".join([*self.stage.nodes, *self.names])
            raise ScenarioError(f"there is no node {name}: the nodes are {known}")
        return node

    def link_end(self, name: str) -> NodeId:
        return self.node(name)

    def nodes(self, names: str) -> list[NodeId]:
        others = [node for node in self.stage.nodes if node not in self.names.values()]
        return [node for name in names.split() for node in (others if name == "others" else [self.node(name)])]

    def renamed(self, text: str) -> str:
        """The text with the nodes' names in this scenario."""
        given = {node: name for name, node in self.names.items()}
        return re.sub(r"\bn\d+\b", lambda match: given.get(match[0], match[0]), text)
