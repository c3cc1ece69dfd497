"""The language of scenarios: the steps there are, and the parser.

A line at the margin is a step, an indented line is output of the step above it, a line that begins with # is for the
reader. Several steps may stand on one line with `;` between them. All lines are checked before anything is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from checker.errors import UsageError

INDENT = "    "
"""Begins a line of output."""


class ScenarioError(UsageError):
    """A scenario that cannot be played; its text names the line and what is accepted there."""


@dataclass(frozen=True)
class Form:
    """One kind of step: the method of Running that carries it out, how it is written, and what it does."""

    action: str
    usage: str
    meaning: str
    pattern: str


FORMS = (
    Form(
        "write",
        "[meanwhile] CLIENT writes KEY VALUE at NODE",
        "sends a write and waits for the answer, at most 500 ms; with `meanwhile` it does not wait, and the answer "
        "appears in the step in which it arrives",
        r"(meanwhile )?(\w+) writes (\w+) (\w+) at (\w+)",
    ),
    Form("read", "[meanwhile] CLIENT reads KEY at NODE", "a read", r"(meanwhile )?(\w+) reads (\w+) at (\w+)"),
    Form(
        "swap",
        "[meanwhile] CLIENT swaps KEY from VALUE to VALUE at NODE",
        "a compare-and-set; `nothing` stands for a key without a value",
        r"(meanwhile )?(\w+) swaps (\w+) from (\w+) to (\w+) at (\w+)",
    ),
    Form(
        "repeat",
        "[meanwhile] CLIENT asks again at NODE",
        "repeats the client's last request under the same request id",
        r"(meanwhile )?(\w+) asks again at (\w+)",
    ),
    Form(
        "generation",
        "[meanwhile] CLIENT takes a generation at NODE",
        "asks the node to own a new generation (generation-clock)",
        r"(meanwhile )?(\w+) takes a generation at (\w+)",
    ),
    Form(
        "fenced_write",
        "[meanwhile] CLIENT writes KEY VALUE at NODE under its generation",
        "a write that shows the generation which the client was given last",
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
        "asks the leader for another configuration",
        r"(meanwhile )?(\w+) sets members to ([\w ]+?) at (\w+)",
    ),
    Form(
        "hold",
        "hold [COUNT] NODE -> NODE [MESSAGE]",
        "keeps back the next message on a link, or the next COUNT, or only those of one kind",
        r"hold ([1-9]\d{0,8} )?(\w+) -> (\w+)(?: (\w+))?",
    ),
    Form("release", "release", "delivers what is held back", r"release"),
    Form("heal", "heal", "ends all cuts and delivers what is held back", r"heal"),
    Form(
        "cut",
        "cut NODE - NODE | cut NODE -> NODE",
        "loses everything sent between two nodes, both ways or one way",
        r"cut (\w+) (->|-) (\w+)",
    ),
    Form(
        "groups",
        "groups [NODES] [| NODES]...",
        "heals, then lets nodes talk within their group only; a node in no group is alone",
        r"groups(?: ([\w |]+))?",
    ),
    Form(
        "kill",
        "kill NODE [power [torn]] [after COUNT effects]",
        "ends a node's process at once, or after that many further effects of its handlers; `power`: what it did not "
        "sync may be lost; `torn`: half of its last write may be on the disk",
        r"kill (\w+)(?:( power)( torn)?)?(?: after (\d{1,9}) effects?)?",
    ),
    Form("process", "restart NODE | pause NODE | resume NODE", "as it says", r"(restart|pause|resume) (\w+)"),
    Form(
        "clock",
        "clock NODE +MS [rate RATE] | clock NODE -MS [rate RATE]",
        "moves a node's clock from the true time, and lets it run at so many times true speed",
        r"clock (\w+) ([+-]\d{1,9})(?: rate (\d{1,3}(?:\.\d{1,6})?))?",
    ),
    Form("run", "run MS", "lets so many milliseconds of virtual time pass, 999999 at most", r"run (\d{1,6})"),
    Form(
        "run_until",
        "run MS until NODE has COUNT entries",
        "the same, but no longer than until the node's log has so many entries",
        r"run (\d{1,6}) until (\w+) has (\d{1,9}) entries",
    ),
    Form(
        "run_until_shown",
        "run MS until NODE shows FIELD VALUE [and NODE shows FIELD VALUE]...",
        "the same, but no longer than until `look` would show these",
        r"run (\d{1,6}) until (\w+ shows \w+ \S+(?: and \w+ shows \w+ \S+)*)",
    ),
    Form(
        "leader",
        "leader [NAME] [among NODES] [after NODE]",
        "waits for a leader, in a term after that of another node, and calls it NAME from here on; `leader` stands "
        "for the one found last wherever NODE is asked for",
        r"leader(?: (?!among |after )(\w+))?(?: among ([\w ]+?))?(?: after (\w+))?",
    ),
    Form(
        "name",
        "name NAME...",
        "gives names to the nodes that have none yet; `others` stands for these nodes wherever NODES are asked for",
        r"name ([\w ]+)",
    ),
    Form("look", "look [FIELD]...", "shows the state of all nodes, or these fields of it", r"look((?: \w+)*)"),
    Form("watch", "watch [MESSAGE]...", "from here on shows these messages when they are sent", r"watch((?: \w+)*)"),
    Form(
        "verdict",
        "verdict [as MODEL]",
        "waits until every request has ended, and shows what the checker says of all that the clients saw (as "
        "cas-register, unless another model is named), and which invariants were violated",
        r"verdict(?: as (\S+))?",
    ),
)
"""Every step but the first (`cluster`) and `again`, which scenario.py carries out."""

CLUSTER = Form(
    "cluster",
    "cluster TARGET nodes COUNT [seed SEED]",
    "comes first: the target and its size; messages take exactly 2 ms",
    r"cluster (\S+) nodes ([1-9]\d?)(?: seed (\d{1,18}))?",
)
AGAIN = Form(
    "again",
    "again TARGET",
    "plays all steps above once more with another target, and shows the steps that come out differently",
    r"again (\S+)",
)

CLIENT = "CLIENT"
TIMES = r"(\d{1,3}) times (.+)"
"""Repeats one step; a # in it stands for 1, 2, 3 and so on."""

Kind = Literal["silent", "cluster", "again", "steps"]


@dataclass(frozen=True)
class Step:
    """One step: its form and what its blanks were filled with."""

    form: Form
    arguments: tuple[str | None, ...]


@dataclass(frozen=True)
class Line:
    """One line at the margin, with the steps on it; `silent` are comments and blank lines."""

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
        raise ScenarioError("a step begins at the margin, its output is indented by four spaces")
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
    """How the steps are written that share a word with it; else what a client may do, and the other steps."""
    words, forms = set(text.split()), (CLUSTER, *FORMS, AGAIN)
    near = [form.usage for form in forms if words & _keywords(form)]
    if near:
        return f"accepted: {'; '.join(near)}"
    clients = [form.usage for form in forms if CLIENT in form.usage]
    others = sorted({word for form in forms if CLIENT not in form.usage for word in _keywords(form)})
    return f"accepted: {'; '.join(clients)}; or a step that begins with {', '.join(others)}"


def _keywords(form: Form) -> set[str]:
    """The words by which this kind of step is known."""
    usages = form.usage.split(" | ")
    if CLIENT in form.usage:
        return {usage.partition(f"{CLIENT} ")[2].split()[0] for usage in usages}
    return {usage.split()[0] for usage in usages}
