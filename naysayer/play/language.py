"""The language of scenarios: the steps there are, and the parser.

A line without indentation holds one or more steps, separated by `;`. An indented line is output of the line above it. A
line that begins with # is a comment. All lines are checked before anything is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from checker.errors import UsageError

INDENT = "    "
"""At the start of a line of output."""


NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
LINKS = r"\w+ (?:->|-) \w+(?:, \w+ (?:->|-) \w+)*"
TEXT = r'"(?:[^"\\]|\\.)*"'
NAME = rf"(?:{TEXT}|\S+)"
"""One word, or a string of JSON."""


class ScenarioError(UsageError):
    """A scenario cannot be played; the message names the line and what is accepted there."""


@dataclass(frozen=True)
class Form:
    """One kind of step: the method of Running that carries it out, its syntax, and what it does."""

    action: str
    usage: str
    meaning: str
    pattern: str


FAULTS = (
    Form(
        "hold",
        "hold [COUNT] NODE -> NODE [MESSAGE]",
        "holds the next message on a link, or the next COUNT, or only those of one kind",
        r"hold (?:([1-9]\d{0,8}) )?(\w+) -> (\w+)(?: (\w+))?",
    ),
    Form("release", "release", "delivers all held messages", r"release"),
    Form("heal", "heal", "ends all cuts and bad links, and delivers all held messages", r"heal"),
    Form(
        "cut",
        'cut LINKS [and what is under way] [called "SHAPE"]',
        "loses every message on links: `NODE - NODE` both ways, `NODE -> NODE` one way, several separated by commas; "
        "`and what is under way`: also messages that were sent before; reports call the cut SHAPE",
        rf"cut ({LINKS})( and what is under way)?(?: called ({TEXT}))?",
    ),
    Form(
        "degrade",
        "degrade LINKS [delay MS] [loss SHARE] [duplicate SHARE] [reorder SHARE]",
        "makes links bad: a mean extra delay, and the chances (0 to 1) that a message is lost, duplicated or reordered",
        rf"degrade ({LINKS})((?: (?:delay|loss|duplicate|reorder) {NUMBER})*)",
    ),
    Form(
        "kill",
        "kill NODES [power] [torn] [after COUNT effects]",
        "ends processes at once, or after COUNT further effects of their handlers; `power`: data that they did not "
        "sync may be lost; `torn`: half of the last write may be on disk",
        r"kill ([\w ]+?)( power)?( torn)?(?: after (\d{1,9}) effects?)?",
    ),
    Form(
        "process",
        "restart NODES | pause NODES | resume NODES",
        "restarts, pauses or resumes them",
        r"(restart|pause|resume) ([\w ]+)",
    ),
    Form(
        "clock",
        "clock NODE +MS [rate RATE] | clock NODE -MS [rate RATE]",
        "sets a node's clock ahead or back by MS, and makes it run at RATE times true speed",
        rf"clock (\w+) ([+-]{NUMBER})(?: rate ({NUMBER}))?",
    ),
    Form(
        "disk",
        "disk NODE TROUBLE [ends]",
        "a disk fault: torn-write, bit-flip, fsync-error or full; `ends`: the disk works again",
        r"disk (\w+) ([\w-]+)( ends)?",
    ),
    Form(
        "reconfigure",
        "members NODES",
        "asks the leader, if there is one, to change the members of the cluster",
        r"members ([\w ]+)",
    ),
    Form(
        "steer",
        "deliver message NUMBER of NODE -> NODE | drop message ... | hold message ... | duplicate message ...",
        "one message that is under way or held back, the NUMBER-th that was sent on its link: it arrives now, never, "
        "when it is released, or a copy of it arrives now",
        r"(deliver|drop|hold|duplicate) message ([1-9]\d{0,8}) of (\w+) -> (\w+)",
    ),
    Form(
        "by_hand",
        "by hand",
        "from here on messages between nodes, also those under way, arrive only when they are delivered, and timers "
        "fire only when they are fired; `heal` ends it",
        r"by hand",
    ),
    Form("fire", "fire NODE TIMER", "fires a timer of a node now, if it is set", r"fire (\w+) (.+)"),
    Form("handover", "transfer to NODE", "asks the leader to transfer its leadership", r"transfer to (\w+)"),
    Form("inject", "inject JSON", "any fault, with all its fields, as history.jsonl records it", r"inject (\{.*\})"),
)
"""Steps that inject one fault, or end faults."""

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
        "[meanwhile] CLIENT takes a generation [of KEY] at NODE",
        "asks the node to take over a new generation (generation-clock)",
        r"(meanwhile )?(\w+) takes a generation(?: of (\w+))? at (\w+)",
    ),
    Form(
        "fenced_write",
        "[meanwhile] CLIENT writes KEY VALUE at NODE under its generation",
        "a write that carries the client's latest generation",
        r"(meanwhile )?(\w+) writes (\w+) (\w+) at (\w+) under its generation",
    ),
    Form(
        "invoke",
        "[meanwhile] CLIENT invokes OPERATION [KEY [INPUT]] at NODE",
        'any other operation of a workload; key and input are JSON: `bob invokes add "x" 3 at n1`',
        r"(meanwhile )?(\w+) invokes (\S+)(?: (.+))? at (\w+)",
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
        "groups",
        "groups [NODES] [| NODES]...",
        "heals, then cuts all links between groups; a node in no group is isolated",
        r"groups(?: ([\w |]+))?",
    ),
    *FAULTS,
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
    "cluster TARGET nodes COUNT [seed SEED] [workload WORKLOAD [timeout MS]]",
    "the first step: the target and the number of nodes; every message takes exactly 2 ms; with a workload it is a "
    "timed scenario (see below)",
    rf"cluster ({NAME}) nodes ([1-9]\d?)(?: seed (-?\d{{1,400}}))?(?: workload ({NAME})(?: timeout ({NUMBER}))?)?",
)
AGAIN = Form(
    "again",
    "again TARGET",
    "plays all steps above again with another target, and shows the steps whose output differs",
    r"again (\S+)",
)

AT = Form(
    "at", "at MS STEP", "a client invokes an operation, or a fault is injected, at that time", rf"at ({NUMBER}) (.+)"
)
TIMED = (
    Form("end", "end MS", "the run does not end before that time", rf"end ({NUMBER})"),
    Form(
        "recover",
        "recover MS",
        "at that time all faults are undone; then clients continue, and the cluster must make progress",
        rf"recover ({NUMBER})",
    ),
    Form(
        "progress",
        "progress MS",
        "only up to that time must a majority that nothing hinders make progress; without this step, to the end",
        rf"progress ({NUMBER})",
    ),
    Form(
        "verdict",
        "verdict",
        "shows the checker's verdict on the history (by the model of the workload) and the violated invariants",
        r"verdict",
    ),
)
"""What a timed scenario has beside `at`."""
INVOKE = tuple(
    form for form in FORMS if form.action in ("write", "read", "swap", "generation", "fenced_write", "invoke")
)

CLIENT = "CLIENT"
CLIENT_NAME = r"c\d{1,4}"
"""What clients are called in a timed scenario, and whose links a fault may name."""
TIMES = r"(\d{1,3}) times (.+)"
"""Repeats one step; each # in it becomes 1, 2, 3 and so on."""

Kind = Literal["silent", "cluster", "again", "steps", "at"]


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
    at_ms: float = 0.0
    """In a timed scenario: when the step happens."""


def content(path: Path) -> str:
    """The text of a scenario's file. Raises UsageError naming the file if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a text in UTF-8") from error


def parse(text: str, source: str) -> tuple[Line, ...]:
    """The lines of a scenario without its output. Raises ScenarioError naming the line and what is accepted there."""
    lines: list[Line] = []
    cluster: Line | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(INDENT):
            continue
        try:
            lines.append(_line(number, line.rstrip(), cluster))
        except ScenarioError as error:
            raise ScenarioError(f"{source}:{number}: {error}") from None
        cluster = lines[-1] if lines[-1].kind == "cluster" else cluster
    if cluster is None:
        raise ScenarioError(f"{source}: a scenario needs a cluster: {CLUSTER.usage}")
    return tuple(lines)


def unquoted(name: str | None) -> str:
    """A name as it is meant: with a space in it, it is written as a string of JSON."""
    return str(msgspec.json.decode(name)) if name and name.startswith('"') else str(name)


def is_timed(lines: tuple[Line, ...]) -> bool:
    """Whether everything in these lines happens at its time, rather than step by step."""
    return any(line.kind == "cluster" and line.steps[0].arguments[3] is not None for line in lines)


def _line(number: int, line: str, cluster: Line | None) -> Line:
    if not line or line.startswith("#"):
        return Line(number, line, "silent")
    if line[0].isspace():
        raise ScenarioError("a step is not indented, and its output is indented by four spaces")
    word = line.split()[0]
    if word == CLUSTER.action and cluster is not None:
        raise ScenarioError("a scenario has one cluster; `again TARGET` plays it with another target")
    if word == CLUSTER.action:
        return Line(number, line, "cluster", (match_step((CLUSTER,), line),))
    if cluster is None:
        raise ScenarioError(f"a scenario begins with its cluster: {CLUSTER.usage}")
    if word == AGAIN.action:
        return Line(number, line, "again", (match_step((AGAIN,), line),))
    if is_timed((cluster,)):
        return _timed(number, line)
    return Line(number, line, "steps", tuple(step for part in line.split(";") for step in _repeated(part.strip())))


def _timed(number: int, line: str) -> Line:
    at = re.fullmatch(AT.pattern, line)
    if at is None:
        return Line(number, line, "steps", (match_step((*TIMED, AT), line),))
    step = match_step((*INVOKE, *FAULTS), at[2])
    if step.form in INVOKE and step.arguments[0]:
        raise ScenarioError("clients of a timed scenario do not wait for each other: leave out `meanwhile`")
    if step.form in INVOKE and not re.fullmatch(CLIENT_NAME, str(step.arguments[1])):
        raise ScenarioError(f"clients of a timed scenario are called c0, c1 and so on, not {step.arguments[1]}")
    return Line(number, line, "at", (step,), float(at[1]))


def _repeated(part: str) -> list[Step]:
    times = re.fullmatch(TIMES, part)
    if times is None:
        return [match_step(FORMS, part)]
    return [match_step(FORMS, times[2].replace("#", str(count))) for count in range(1, int(times[1]) + 1)]


def match_step(forms: tuple[Form, ...], text: str) -> Step:
    """The step that a text is, of these forms. Raises ScenarioError naming those that come close."""
    for form in forms:
        match = re.fullmatch(form.pattern, text)
        if match is not None:
            return Step(form, match.groups())
    raise ScenarioError(
        f"no such step: {text!r}; {_accepted(text, (CLUSTER, *FORMS, AGAIN) if forms is FORMS else forms)}"
    )


def _accepted(text: str, forms: tuple[Form, ...]) -> str:
    """The syntax of the steps that share a keyword with `text`; else what a client can do, and all other steps."""
    words = set(text.split())
    near = [form.usage for form in forms if words & _keywords(form)]
    if near:
        return f"accepted: {'; '.join(near)}"
    clients = [form.usage for form in forms if CLIENT in form.usage]
    others = sorted({word for form in forms if CLIENT not in form.usage for word in _keywords(form)})
    either = f"{'; '.join(clients)}; or " if clients else ""
    return f"accepted: {either}a step that begins with {', '.join(others)}"


def _keywords(form: Form) -> set[str]:
    """The words that identify this kind of step."""
    usages = form.usage.split(" | ")
    if CLIENT in form.usage:
        return {usage.partition(f"{CLIENT} ")[2].split()[0] for usage in usages}
    return {usage.split()[0] for usage in usages}
