"""The language of scenarios: the steps there are, and the parser.

A line without indentation holds one or more steps, separated by `;`. An indented line is output of the line above it. A
line that begins with # is a comment. All lines are checked before anything is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from checker.errors import UsageError

INDENT = "    "
"""At the start of a line of output."""


class ScenarioError(UsageError):
    """A scenario cannot be played; the message names the line and what is accepted there."""


@dataclass(frozen=True)
class Form:
    """One kind of step: the method of Running that carries it out, its syntax, and what it does."""

    action: str
    usage: str
    meaning: str
    pattern: str


FORMS = (
    Form(
        "write",
        "[meanwhile] CLIENT writes KEY VALUE at NODE",
        "sends a write and waits for the reply, at most 500 ms; with `meanwhile` it does not wait, and the reply "
        "appears in the step during which it arrives",
        r"(meanwhile )?(\w+) writes (\w+) (\w+) at (\w+)",
    ),
    Form("read", "[meanwhile] CLIENT reads KEY at NODE", "a read", r"(meanwhile )?(\w+) reads (\w+) at (\w+)"),
    Form(
        "swap",
        "[meanwhile] CLIENT swaps KEY from VALUE to VALUE at NODE",
        "a compare-and-set; `nothing` means that the key has no value",
        r"(meanwhile )?(\w+) swaps (\w+) from (\w+) to (\w+) at (\w+)",
    ),
    Form(
        "repeat",
        "[meanwhile] CLIENT asks again at NODE",
        "repeats the client's last request with the same request id",
        r"(meanwhile )?(\w+) asks again at (\w+)",
    ),
    Form(
        "generation",
        "[meanwhile] CLIENT takes a generation at NODE",
        "asks the node to take over a new generation (generation-clock)",
        r"(meanwhile )?(\w+) takes a generation at (\w+)",
    ),
    Form(
        "fenced_write",
        "[meanwhile] CLIENT writes KEY VALUE at NODE under its generation",
        "a write that carries the client's latest generation",
        r"(meanwhile )?(\w+) writes (\w+) (\w+) at (\w+) under its generation",
    ),
    Form(
        "transfer",
        "[meanwhile] CLIENT hands leadership to NODE at NODE",
        "asks the leader to transfer its leadership",
        r"(meanwhile )?(\w+) hands leadership to (\w+) at (\w+)",
    ),
    Form(
        "members",
        "[meanwhile] CLIENT sets members to NODES at NODE",
        "asks the leader to change the members of the cluster",
        r"(meanwhile )?(\w+) sets members to ([\w ]+?) at (\w+)",
    ),
    Form(
        "hold",
        "hold [COUNT] NODE -> NODE [MESSAGE]",
        "holds the next message on a link, or the next COUNT, or only those of one kind",
        r"hold ([1-9]\d{0,8} )?(\w+) -> (\w+)(?: (\w+))?",
    ),
    Form("release", "release", "delivers all held messages", r"release"),
    Form("heal", "heal", "ends all cuts and delivers all held messages", r"heal"),
    Form(
        "cut",
        "cut NODE - NODE | cut NODE -> NODE",
        "loses every message between two nodes, both ways or one way",
        r"cut (\w+) (->|-) (\w+)",
    ),
    Form(
        "groups",
        "groups [NODES] [| NODES]...",
        "heals, then cuts all links between groups; a node in no group is isolated",
        r"groups(?: ([\w |]+))?",
    ),
    Form(
        "kill",
        "kill NODE [power [torn]] [after COUNT effects]",
        "ends a node's process at once, or after COUNT further effects of its handlers; `power`: data that it did not "
        "sync may be lost; `torn`: half of its last write may be on disk",
        r"kill (\w+)(?:( power)( torn)?)?(?: after (\d{1,9}) effects?)?",
    ),
    Form(
        "process",
        "restart NODE | pause NODE | resume NODE",
        "restarts, pauses or resumes it",
        r"(restart|pause|resume) (\w+)",
    ),
    Form(
        "clock",
        "clock NODE +MS [rate RATE] | clock NODE -MS [rate RATE]",
        "sets a node's clock ahead or back by MS, and makes it run at RATE times true speed",
        r"clock (\w+) ([+-]\d{1,9})(?: rate (\d{1,3}(?:\.\d{1,6})?))?",
    ),
    Form("run", "run MS", "lets MS milliseconds of virtual time pass, at most 999999", r"run (\d{1,6})"),
    Form(
        "run_until",
        "run MS until NODE has COUNT entries",
        "the same, but ends as soon as the node's log has COUNT entries",
        r"run (\d{1,6}) until (\w+) has (\d{1,9}) entries",
    ),
    Form(
        "run_until_shown",
        "run MS until NODE shows FIELD VALUE [and NODE shows FIELD VALUE]...",
        "the same, but ends as soon as `look` would show these values",
        r"run (\d{1,6}) until (\w+ shows \w+ \S+(?: and \w+ shows \w+ \S+)*)",
    ),
    Form(
        "leader",
        "leader [NAME] [among NODES] [after NODE]",
        "waits for a leader, here in a later term than another node, and names it NAME; in later steps `leader` can "
        "be written for NODE and means the leader found last",
        r"leader(?: (?!among |after )(\w+))?(?: among ([\w ]+?))?(?: after (\w+))?",
    ),
    Form(
        "name",
        "name NAME...",
        "names the nodes that have no name yet; `others` can be written for NODES and means those without a name",
        r"name ([\w ]+)",
    ),
    Form("look", "look [FIELD]...", "shows the state of all nodes, or only these fields", r"look((?: \w+)*)"),
    Form(
        "watch",
        "watch [MESSAGE]...",
        "from here on shows messages of these kinds as they are sent",
        r"watch((?: \w+)*)",
    ),
    Form(
        "verdict",
        "verdict [as MODEL]",
        "waits until every request has ended; shows the checker's verdict on the history (by the model "
        "cas-register, unless another is named) and the violated invariants",
        r"verdict(?: as (\S+))?",
    ),
)
"""Every step but the first (`cluster`) and `again`, which scenario.py carries out."""

CLUSTER = Form(
    "cluster",
    "cluster TARGET nodes COUNT [seed SEED]",
    "the first step: the target and the number of nodes; every message takes exactly 2 ms",
    r"cluster (\S+) nodes ([1-9]\d?)(?: seed (\d{1,18}))?",
)
AGAIN = Form(
    "again",
    "again TARGET",
    "plays all steps above again with another target, and shows the steps whose output differs",
    r"again (\S+)",
)

CLIENT = "CLIENT"
TIMES = r"(\d{1,3}) times (.+)"
"""Repeats one step; each # in it becomes 1, 2, 3 and so on."""

Kind = Literal["silent", "cluster", "again", "steps"]


@dataclass(frozen=True)
class Step:
    """One step: its form and the values in place of the words in capitals."""

    form: Form
    arguments: tuple[str | None, ...]


@dataclass(frozen=True)
class Line:
    """One line without indentation, with its steps; comments and blank lines are `silent`."""

    number: int
    text: str
    kind: Kind
    steps: tuple[Step, ...] = ()


def parse(text: str, source: str) -> tuple[Line, ...]:
    """The lines of a scenario without its output. Raises ScenarioError naming the line and what is accepted there."""
    lines: list[Line] = []
    begun = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(INDENT):
            continue
        try:
            lines.append(_line(number, line.rstrip(), begun))
        except ScenarioError as error:
            raise ScenarioError(f"{source}:{number}: {error}") from None
        begun = begun or lines[-1].kind == "cluster"
    if not begun:
        raise ScenarioError(f"{source}: a scenario needs a cluster: {CLUSTER.usage}")
    return tuple(lines)


def _line(number: int, line: str, begun: bool) -> Line:
    if not line or line.startswith("#"):
        return Line(number, line, "silent")
    if line[0].isspace():
        raise ScenarioError("a step is not indented, and its output is indented by four spaces")
    word = line.split()[0]
    if word == CLUSTER.action and begun:
        raise ScenarioError("a scenario has one cluster; `again TARGET` plays it with another target")
    if word != CLUSTER.action and not begun:
        raise ScenarioError(f"a scenario begins with its cluster: {CLUSTER.usage}")
    if word == CLUSTER.action:
        return Line(number, line, "cluster", (_match((CLUSTER,), line),))
    if word == AGAIN.action:
        return Line(number, line, "again", (_match((AGAIN,), line),))
    return Line(number, line, "steps", tuple(step for part in line.split(";") for step in _repeated(part.strip())))


def _repeated(part: str) -> list[Step]:
    times = re.fullmatch(TIMES, part)
    if times is None:
        return [_match(FORMS, part)]
    return [_match(FORMS, times[2].replace("#", str(count))) for count in range(1, int(times[1]) + 1)]


def _match(forms: tuple[Form, ...], text: str) -> Step:
    for form in forms:
        match = re.fullmatch(form.pattern, text)
        if match is not None:
            return Step(form, match.groups())
    raise ScenarioError(f"no such step: {text!r}; {_accepted(text)}")


def _accepted(text: str) -> str:
    """The syntax of the steps that share a keyword with `text`; else what a client can do, and all other steps."""
    words, forms = set(text.split()), (CLUSTER, *FORMS, AGAIN)
    near = [form.usage for form in forms if words & _keywords(form)]
    if near:
        return f"accepted: {'; '.join(near)}"
    clients = [form.usage for form in forms if CLIENT in form.usage]
    others = sorted({word for form in forms if CLIENT not in form.usage for word in _keywords(form)})
    return f"accepted: {'; '.join(clients)}; or a step that begins with {', '.join(others)}"


def _keywords(form: Form) -> set[str]:
    """The words that identify this kind of step."""
    usages = form.usage.split(" | ")
    if CLIENT in form.usage:
        return {usage.partition(f"{CLIENT} ")[2].split()[0] for usage in usages}
    return {usage.split()[0] for usage in usages}
