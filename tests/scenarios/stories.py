"""Stories: text files whose lines are played in the simulator, each followed by what came of it.

A line at the margin is a step; the indented lines below it are what happened during it (the golden output); a line that
begins with # is for the reader. Messages take exactly 2 ms. Steps:

    cluster TARGET nodes N [seed S]         begins; every other step needs it
    alice writes x 1 at n1                  and waits for the answer, 500 ms at most; also: reads x at n1,
                                            swaps x from 1 to 2 at n1
    meanwhile alice writes x 1 at n1        does not wait: the answer is told in the step in which it comes
    alice asks again at n2                  her last request, with its id
    hold n1 -> n2 Put                       keeps back the next message (of that class); also: hold 5 n1 -> n2 Put
    release                                 delivers what is held back
    cut n1 - n3        cut n1 -> n3         both ways, or one
    groups n1 n2 | n3 n4 n5                 only these still talk to each other; who is in none is alone
    heal                                    ends all that
    kill n1 [power [torn]] [after 2 effects]      restart n1      pause n1      resume n1
    run 100            run 60 until n1 has 3 entries   lets time pass
    leader S1 [among n2 n3] [after S0]      waits for a leader (of a later term than S0's) and calls it S1 from here on
    name S3 S4                              calls the nodes that have no name yet so; groups and leaders may be sought
                                            among the `others`, those without a name
    look [role term]                        what the nodes tell of themselves, or these fields of it
    watch Prepare Accept                    from here on these messages are told, when they are sent
    verdict                                 waits until nobody waits any more; what the checker says of all that the
                                            clients saw, and which invariants were violated
    again TARGET                            plays the same story with another target, and tells what differs
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from checker import check
from checker.history import History, Operation
from targets.backends.simulator.network import MS, Sent
from targets.protocol.fault import Cut, Fault, Heal, Hold, Kill, Pause, Release, Restart, Resume
from targets.protocol.node import NodeId, Reply
from targets.protocol.target import Target
from targets.registry import find
from tests.targets.raft_stage import Stage

INDENT = "    "
DELAY_MS = (2.0, 2.0)
PATIENCE_MS = 500.0
"""How long a client waits."""


class StoryError(Exception):
    """A step that is not in the language."""


def steps(text: str) -> list[str]:
    """A story without its golden output, comments and blank lines included."""
    return [line for line in text.splitlines() if not line.startswith(INDENT)]


def play(text: str) -> str:
    """The story with what comes of it now."""
    told: list[str] = []
    script: list[str] = []
    player: Player | None = None
    for line in steps(text):
        told.append(line)
        if not line or line.startswith("#"):
            continue
        if line.startswith("cluster "):
            script = [line]
            player = Player(line)
            continue
        if player is None:
            raise StoryError("a story begins with its cluster")
        if line.startswith("again "):
            output = twin(script, line.removeprefix("again "))
        else:
            script.append(line)
            output = player.step(line)
        told += [INDENT + one for one in output]
    return "\n".join(told) + "\n"


def twin(script: list[str], target: str) -> list[str]:
    """The steps that come out otherwise with another target."""
    first, *rest = script
    one, other = Player(first), Player(first, find(target))
    told: list[str] = []
    for line in rest:
        was, now = one.step(line), other.step(line)
        if was != now or line == "verdict":
            told += [line, *(INDENT + text for text in now or ["nothing happens"])]
    return told


class Player:
    """Plays the steps of one story on one cluster."""

    def __init__(self, line: str, target: Target | None = None) -> None:
        match = re.fullmatch(r"cluster (\S+) nodes (\d+)(?: seed (\d+))?", line)
        if match is None:
            raise StoryError(f"not a cluster: {line}")
        self.stage = Stage(target or find(match[1]), int(match[2]), int(match[3] or 0), delay_ms=DELAY_MS, trace=True)
        self.names: dict[str, NodeId] = {}
        self.asked: dict[int, str] = {}
        """Who asked what, by the number of the operation."""
        self.last: dict[str, tuple[int, tuple[Any, ...]]] = {}
        """Each client's last operation: the number whose id it has, and what it asked."""
        self.retries: dict[int, int] = {}
        """A request that was sent again -> the operation it belongs to."""
        self.told: set[int] = set()
        self.watched: set[str] = set()

    # Steps

    def step(self, line: str) -> list[str]:
        """Play one line (`;` stands between several); what happened, in order."""
        output: list[tuple[int, str]] = []
        for part in line.split(";"):
            seen = len(self.stage.cluster.trace or ())
            told = self._part(part.strip())
            output += self._messages(seen) + self._answers()
            output.sort(key=lambda one: one[0])
            output += [(self.stage.cluster.now_ns, text) for text in told]
        return [self._renamed(text) for _, text in output]

    def _part(self, part: str) -> list[str]:
        for pattern, action in self._language():
            match = re.fullmatch(pattern, part)
            if match is not None:
                return action(self, *match.groups()) or []
        raise StoryError(f"no such step: {part}")

    @staticmethod
    def _language() -> tuple[tuple[str, Callable[..., list[str] | None]], ...]:
        return (
            (r"(meanwhile )?(\w+) writes (\w+) (\w+) at (\w+)", Player._write),
            (r"(meanwhile )?(\w+) reads (\w+) at (\w+)", Player._read),
            (r"(meanwhile )?(\w+) swaps (\w+) from (\w+) to (\w+) at (\w+)", Player._swap),
            (r"(meanwhile )?(\w+) asks again at (\w+)", Player._again),
            (r"hold (\d+ )?(\w+) -> (\w+)(?: (\w+))?", Player._hold),
            (r"(release|heal)", Player._end),
            (r"cut (\w+) (->|-) (\w+)", Player._cut),
            (r"groups(.*)", Player._groups),
            (r"kill (\w+)( power)?( torn)?(?: after (\d+) effects?)?", Player._kill),
            (r"(restart|pause|resume) (\w+)", Player._process),
            (r"run (\d+)", Player._run),
            (r"run (\d+) until (\w+) has (\d+) entries", Player._run_until),
            (r"leader (\w+)(?: among ([\w ]+?))?(?: after (\w+))?", Player._leader),
            (r"name ([\w ]+)", Player._name),
            (r"look([\w ]*)", Player._look),
            (r"watch ([\w ]+)", Player._watch),
            (r"verdict", Player._verdict),
        )

    # Clients

    def _write(self, meanwhile: str | None, client: str, key: str, value: str, node: str) -> None:
        self._ask(meanwhile, client, node, "write", key, _value(value))

    def _read(self, meanwhile: str | None, client: str, key: str, node: str) -> None:
        self._ask(meanwhile, client, node, "read", key)

    def _swap(self, meanwhile: str | None, client: str, key: str, old: str, new: str, node: str) -> None:
        self._ask(meanwhile, client, node, "cas", key, (_value(old), _value(new)))

    def _again(self, meanwhile: str | None, client: str, node: str) -> None:
        number, asked = self.last[client]
        self._ask(meanwhile, client, node, *asked, retry=f"r{number}")

    def _ask(self, meanwhile: str | None, client: str, node: str, *asked: Any, retry: str | None = None) -> None:
        self.stage.pass_ms(1)  # who asks at the very time another is answered would count as concurrent
        index = self.stage.ask(self._node(node), *asked, timeout_ms=PATIENCE_MS, retry=retry)
        self.asked[index] = f"{client} at {node}"
        if retry is None:
            self.last[client] = (index, asked)
        else:
            self.retries[index] = self.last[client][0]
        if not meanwhile:
            self.stage.answer(index, PATIENCE_MS + 1)

    def _answers(self) -> list[tuple[int, str]]:
        new = [one for one in self.stage.records if one.index not in self.told]
        self.told.update(one.index for one in new)
        return [(one.ret, self._answered(one)) for one in new]

    def _answered(self, one: Operation) -> str:
        given = {"write": f" {one.input}", "cas": f" from {_at(one.input, 0)} to {_at(one.input, 1)}"}.get(one.f, "")
        number = self.retries.get(one.index, one.index)
        answer = _answer(one.f, self.stage.replies[one.index])
        asked = f"#{number} {self.asked[one.index]}: {one.f} {one.key}{given}"
        return f"{asked} -> {answer}   ({(one.ret - one.call) / MS:.0f} ms)"

    # Faults

    def _hold(self, count: str | None, source: str, dest: str, message: str | None) -> None:
        self.stage.apply(Hold((self._node(source), self._node(dest)), int(count or 1), message))

    def _end(self, what: str) -> None:
        self.stage.apply(Release() if what == "release" else Heal())

    def _cut(self, source: str, arrow: str, dest: str) -> None:
        link = (self._node(source), self._node(dest))
        self.stage.apply(Cut((link,) if arrow == "->" else (link, link[::-1])))

    def _groups(self, groups: str) -> None:
        self.stage.groups(*(self._nodes(group) for group in groups.split("|")))

    def _kill(self, node: str, power: str | None, torn: str | None, effects: str | None) -> list[str]:
        return self._shown(
            Kill((self._node(node),), bool(power), bool(torn), None if effects is None else int(effects))
        )

    def _process(self, what: str, node: str) -> None:
        kinds: dict[str, Callable[[tuple[NodeId, ...]], Fault]] = {"restart": Restart, "pause": Pause, "resume": Resume}
        self.stage.apply(kinds[what]((self._node(node),)))

    def _shown(self, fault: Kill) -> list[str]:
        """Carry out a death; one that is to come is awaited."""
        self.stage.apply(fault)
        if fault.effects is None:
            return [one.detail for one in self.stage.cluster.evidence() if one.fault is fault]
        return []

    # Time, names, views

    def _run(self, ms: str) -> None:
        self.stage.pass_ms(int(ms))

    def _run_until(self, ms: str, node: str, entries: str) -> None:
        name = self._node(node)
        self.stage.wait(lambda: self.stage.view(name)["last_index"] >= int(entries), int(ms))

    def _leader(self, name: str, among: str | None, after: str | None) -> list[str]:
        nodes = None if among is None else self._nodes(among)
        term = 0 if after is None else self.stage.view(self._node(after))["term"]
        found = self.stage.leader(nodes, term)
        if name not in self.names:
            self.names[name] = found
        elif self.names[name] != found:
            raise StoryError(f"{found} leads, not {name}: try another seed")
        return [f"{name} leads in term {self.stage.view(found)['term']}"]

    def _name(self, names: str) -> None:
        self.names.update(zip(names.split(), self._nodes("others"), strict=False))

    def _look(self, fields: str) -> list[str]:
        chosen = fields.split()
        told = []
        for node in sorted(self.stage.nodes, key=self._renamed):
            view = self.stage.view(node)
            items = [(name, view[name]) for name in chosen or view if name in view]
            text = ", ".join(f"{name} {_short(value)}" for name, value in items) or (
                "holds nothing" if view == {} else "-"
            )
            told.append(f"{node}: {'is down' if node in self.stage.cluster.down else text}")
        return told

    def _watch(self, messages: str) -> None:
        self.watched.update(messages.split())

    def _messages(self, seen: int) -> list[tuple[int, str]]:
        return [
            (sent.sent_ns, f"{sent.source} -> {sent.dest}  {_message(sent)}")
            for sent in (self.stage.cluster.trace or [])[seen:]
            if type(sent.message).__name__ in self.watched
        ]

    def _verdict(self) -> list[str]:
        stage = self.stage
        stage.wait(lambda: len(stage.replies) == len(self.asked), PATIENCE_MS + 1)
        verdict = check(History.of(self._operations()), "cas-register")
        worst = verdict.worst
        told = [f"{verdict.outcome}: {worst.explanation.sentence}" if worst and worst.explanation else verdict.outcome]
        told += [f"warning: {warning}" for warning in verdict.warnings]
        return told + [f"violated: {sentence}" for sentence in stage.cluster.violations]

    def _operations(self) -> list[Operation]:
        """What the clients saw; one that asked again was at it from the first request to the last answer."""
        found = {one.index: one for one in self.stage.records}
        for retry, first in sorted(self.retries.items()):
            found[first] = replace(found.pop(retry), index=first, process=first, call=found[first].call)
        return list(found.values())

    # Names

    def _node(self, name: str) -> NodeId:
        node = self.names.get(name, name)
        if node not in self.stage.nodes:
            raise StoryError(f"there is no node {name}")
        return node

    def _nodes(self, names: str) -> list[NodeId]:
        if names.strip() == "others":
            return [node for node in self.stage.nodes if node not in self.names.values()]
        return [self._node(name) for name in names.split()]

    def _renamed(self, text: str) -> str:
        """With the names that the story gave the nodes."""
        given = {node: name for name, node in self.names.items()}
        return re.sub(r"\bn\d+\b", lambda match: given.get(match[0], match[0]), text)


def _value(text: str) -> Any:
    return int(text) if text.isdigit() else None if text == "nothing" else text


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_short(one)}" for key, one in value.items()) or "none"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ".".join(map(_short, value))
    if isinstance(value, list | tuple):
        return f"({' '.join(_short(one) for one in value)})"
    return "nothing" if value is None else str(value)


def _at(pair: Any, place: int) -> str:
    return _short(pair[place]) if isinstance(pair, tuple) else ""


def _answer(f: str, reply: Reply | None) -> str:
    if reply is None:
        return "no answer"
    if reply.status != "ok":
        return f"{'refused' if reply.status == 'fail' else 'unknown'}: {reply.error}"
    return "ok" if f == "write" else _short(reply.output)


def _message(sent: Sent) -> str:
    told = [
        f"{field.name} {_short(_plain(value))}"
        for field in msgspec.structs.fields(sent.message)
        if (value := getattr(sent.message, field.name)) != field.default
    ]
    return f"{type(sent.message).__name__} {', '.join(told)}{' (lost)' if sent.delivered_ns is None else ''}"


def _plain(value: Any) -> Any:
    """A row of Paxos by the value it carries: the rest is bookkeeping."""
    return value.value if isinstance(value, msgspec.Struct) and hasattr(value, "value") else value
