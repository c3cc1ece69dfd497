"""Reads and writes faults as steps of a scenario.

A fault without a form of its own is written as `inject` with all its fields, so a new class needs no change here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from naysayer.play.language import CLIENT_NAME, FAULTS, ScenarioError, Step, match_step
from targets.protocol import fault as faults
from targets.protocol.fault import Fault, Link
from targets.protocol.links import described
from targets.protocol.node import NodeId

PROCESS = {"restart": faults.Restart, "pause": faults.Pause, "resume": faults.Resume}
NODES_MAX = 99


class Names(Protocol):
    """Resolves the names in a step. Each method raises ScenarioError for an unknown name."""

    def node(self, name: str) -> NodeId: ...

    def nodes(self, names: str) -> list[NodeId]: ...

    def link_end(self, name: str) -> NodeId:
        """A node, or a client: a fault may affect the links of clients."""
        ...


class Numbered:
    """The names in a timed scenario: n1, n2 ... for the nodes, c0, c1 ... for the clients."""

    def __init__(self, count: int) -> None:
        self._known = [f"n{number}" for number in range(1, count + 1)]

    def __len__(self) -> int:
        return len(self._known)

    def node(self, name: str) -> NodeId:
        if name not in self._known:
            raise ScenarioError(f"there is no node {name}: the nodes are {', '.join(self._known)}")
        return name

    def nodes(self, names: str) -> list[NodeId]:
        return [self.node(name) for name in names.split()]

    def link_end(self, name: str) -> NodeId:
        return name if re.fullmatch(CLIENT_NAME, name) else self.node(name)


def fault_of(step: Step, names: Names) -> Fault:
    """The fault that a step injects. Raises ScenarioError for an unknown name."""
    first, *rest = (argument or "" for argument in step.arguments or ("",))
    match step.form.action:
        case "hold":
            link = (names.link_end(rest[0]), names.link_end(rest[1]))
            return faults.Hold(link, int(first or 1), rest[2] or None)
        case "release":
            return faults.Release()
        case "steer":
            link = (names.link_end(rest[1]), names.link_end(rest[2]))
            return _converted({"fault": "steer", "do": first, "link": link, "number": int(rest[0])})
        case "by_hand":
            return faults.ByHand()
        case "fire":
            return faults.Fire(names.node(first), rest[0])
        case "heal":
            return faults.Heal()
        case "cut":
            links = _links(first, names)
            return faults.Cut(links, msgspec.json.decode(rest[1]) if rest[1] else described(links), bool(rest[0]))
        case "degrade":
            troubles = rest[0].split()
            named = dict(zip(troubles[::2], map(float, troubles[1::2]), strict=True))
            delay_ms = named.pop("delay", 0.0)
            return faults.Degrade(_links(first, names), delay_ms, **named)
        case "kill":
            effects = int(rest[2]) if rest[2] else None
            return faults.Kill(tuple(names.nodes(first)), bool(rest[0]), bool(rest[1]), effects)
        case "process":
            return PROCESS[first](tuple(names.nodes(rest[0])))
        case "clock":
            return faults.Skew(names.node(first), float(rest[0]), float(rest[1] or 1))
        case "disk":
            return _converted({"fault": "corrupt", "node": names.node(first), "kind": rest[0], "undo": bool(rest[1])})
        case "reconfigure":
            return faults.Reconfigure(tuple(names.nodes(first)))
        case "handover":
            return faults.Transfer(names.node(first))
    try:
        built = msgspec.json.decode(first)
    except msgspec.DecodeError as error:
        raise ScenarioError(f"not JSON: {error}") from None
    for name in re.findall(r'"(n\d+)"', first):
        names.node(name)
    return _converted(built)


def _converted(built: object) -> Fault:
    try:
        fault: Fault = msgspec.convert(built, faults.FAULT)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"no such fault: {error}") from None
    return fault


def _links(text: str, names: Names) -> tuple[Link, ...]:
    links: list[Link] = []
    for one in text.split(", "):
        source, arrow, dest = one.split()
        link = (names.link_end(source), names.link_end(dest))
        links += [link] if arrow == "->" else [link, link[::-1]]
    return tuple(links)


def fault_text(fault: Fault) -> str:
    """The step that injects exactly this fault: in words if the language has them, else with its fields as JSON."""
    text = _in_words(fault)
    if text is not None:
        try:
            if fault_of(match_step(FAULTS, text), Numbered(NODES_MAX)) == fault:
                return text
        except ScenarioError:
            pass  # a name or a number that the words cannot express
    return f"inject {msgspec.json.encode(fault).decode()}"


def _in_words(fault: Fault) -> str | None:
    match fault:
        case faults.Hold(link=(source, dest), count=count, message=message):
            return f"hold {count} {source} -> {dest}{f' {message}' if message else ''}"
        case faults.Steer(do=do, link=(source, dest), number=which):
            return f"{do} message {which} of {source} -> {dest}"
        case faults.ByHand():
            return "by hand"
        case faults.Fire(node=node, timer=timer):
            return f"fire {node} {timer}"
        case faults.Cut(links=links, shape=shape, under_way=under_way):
            called = "" if shape == described(links) else f" called {msgspec.json.encode(shape).decode()}"
            return f"cut {_links_text(links)}{' and what is under way' if under_way else ''}{called}"
        case faults.Degrade(links=links):
            named = (("delay", fault.delay_ms), ("loss", fault.loss), ("duplicate", fault.duplicate))
            troubles = (*named, ("reorder", fault.reorder))
            more = "".join(f" {name} {number(value)}" for name, value in troubles if value)
            return f"degrade {_links_text(links)}{more}"
        case faults.Kill(nodes=nodes, power=power, torn=torn, effects=effects):
            after = "" if effects is None else f" after {effects} effects"
            return f"kill {' '.join(nodes)}{' power' if power else ''}{' torn' if torn else ''}{after}"
        case faults.Restart(nodes=nodes) | faults.Pause(nodes=nodes) | faults.Resume(nodes=nodes):
            return f"{fault.tag} {' '.join(nodes)}"
        case faults.Skew(node=node, offset_ms=offset_ms, rate=rate):
            faster = "" if rate == 1 else f" rate {number(rate)}"
            return f"clock {node} {'-' if offset_ms < 0 else '+'}{number(abs(offset_ms))}{faster}"
        case faults.Corrupt(node=node, kind=kind, undo=undo):
            return f"disk {node} {kind}{' ends' if undo else ''}"
        case faults.Reconfigure(nodes=nodes):
            return f"members {' '.join(nodes)}"
        case faults.Transfer(to=to):
            return f"transfer to {to}"
        case faults.Heal() | faults.Release():
            return fault.tag
    return None


def _links_text(links: Sequence[Link]) -> str:
    parts: list[str] = []
    following = list(links)
    while following:
        source, dest = following.pop(0)
        both = following[:1] == [(dest, source)]
        following = following[1:] if both else following
        parts.append(f"{source} {'-' if both else '->'} {dest}")
    return ", ".join(parts)


def number(value: float) -> str:
    """A number in a scenario: the shortest text that gives exactly this number again."""
    return repr(float(value)).removesuffix(".0")
