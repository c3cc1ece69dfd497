"""A host under examination, and how what it answers is compared with what the protocol says."""

from __future__ import annotations

from typing import Any

import msgspec

from targets.backends.host.process import HostProcess

NODES = ("n1", "n2", "n3")


class DeviationError(Exception):
    """The host does not do what the protocol says; the text is a sentence that says what it did."""


class Subject:
    """A host under examination: started when it is first needed, and again after it has ended."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self.command = command
        self._process: HostProcess | None = None

    @property
    def process(self) -> HostProcess:
        if self._process is None or not self._process.running:
            self._process = HostProcess(self.command)
        return self._process

    def end(self) -> None:
        """End the process: the next input meets a fresh one."""
        if self._process is not None:
            self._process.end()

    def raw(self, line: bytes) -> dict[str, Any]:
        """The answer to a line. Raises DeviationError for a line that is no JSON object."""
        answered = self.process.call(line + b"\n", "n1")
        try:
            found: Any = msgspec.json.decode(answered)
        except (msgspec.MsgspecError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise DeviationError(f"it answered {shown(line)} with {shown(answered)}, which is not a JSON object")
        return found

    def give(self, **given: Any) -> dict[str, Any]:
        return self.raw(msgspec.json.encode(given))

    def born(self, *, node: str = "n1", seed: int = 7, disk: dict[str, str] | None = None, **more: Any) -> int:
        """Start a life; returns its number."""
        life = self.process.new_life()
        answer = self.give(
            id=life, event="start", node=node, nodes=NODES, seed=seed, now=0.0, disk=disk or {}, forget=[], **more
        )
        effects(answer, "a start")
        return life

    def do(self, life: int, *steps: Any, now: float = 1.0) -> list[Any]:
        """Have the node of a life carry out steps; returns the effects."""
        body = {"type": "conform", "msg_id": 1, "steps": steps}
        answer = self.give(id=life, event="message", **{"from": "c1"}, body=body, now=now)
        return effects(answer, f"the steps {shown(msgspec.json.encode(steps))}")

    def saw(self, life: int, *steps: Any, now: float = 1.0) -> list[Any]:
        """What those of the steps have seen that look at something."""
        effects = self.do(life, *steps, now=now)
        reply: Any = effects[-1] if effects else None
        same(reply[:2] if isinstance(reply, list) else reply, ["send", "c1"], "the beginning of the last effect")
        found: list[Any] = reply[2].get("saw", [])
        return found

    def follows_steps(self) -> bool:
        """Whether its node is the one that does what it is told."""
        life = self.born()
        body = {"type": "conform", "msg_id": 1, "steps": ()}
        answer = self.give(id=life, event="message", **{"from": "c1"}, body=body, now=1.0)
        return any(isinstance(one, list) and one[:2] == ["send", "c1"] and one[2].get("type") == "conform_ok"
                   for one in answer.get("do", ()))  # fmt: skip


def effects(answer: dict[str, Any], what: str) -> list[Any]:
    """Those of an answer. Raises DeviationError if it has none."""
    found = answer.get("do")
    if not isinstance(found, list):
        raise DeviationError(f"it answered {what} with {shown(msgspec.json.encode(answer))}, not with effects")
    return found


def same(found: Any, expected: Any, what: str) -> None:
    """Raises DeviationError if they are different values of JSON."""
    if _told_apart(found) != _told_apart(expected):
        came, wanted = (shown(msgspec.json.encode(value)) for value in (found, expected))
        raise DeviationError(f"{what}: {came} came back, not {wanted}")


def _told_apart(value: Any) -> Any:
    """The value, in which true is not 1; 1 and 1.0 are one number of JSON."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list | tuple):
        return [_told_apart(one) for one in value]
    return {name: _told_apart(one) for name, one in value.items()} if isinstance(value, dict) else value


def refused(answer: dict[str, Any], what: str) -> None:
    """Raises DeviationError unless the answer is an error."""
    if not isinstance(answer.get("error"), str):
        raise DeviationError(f"it answered {what} with {shown(msgspec.json.encode(answer))}, not with an error")


def shown(text: bytes) -> str:
    """A line for a sentence, cut where it is long."""
    whole = text.decode("utf-8", "replace")
    return whole if len(whole) <= 160 else f"{whole[:160]} ... ({len(whole)} characters)"
