"""Scenarios as pictures: the messages of a story, with its steps, as SVG."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from checker.english import counted
from naysayer.exchanges import by_operation
from naysayer.hunt.drawing import changes_of, draw_svg
from naysayer.hunt.picture import picture, templates
from naysayer.play import Played
from naysayer.play import timed as timed_runs
from naysayer.play.language import INDENT
from naysayer.play.running import Running
from naysayer.printable import printable
from targets.backends.simulator.network import Sent
from targets.protocol.node import NodeId

WITHOUT_PICTURE = ("verdict", "look", "watch")
"""Steps in which nothing happens."""


def story_svg(played: Played, title: str) -> str:
    """The picture of a scenario that was played: of a timed one as a hunt's, of another with its steps as it goes."""
    if played.timed is not None:
        run, verdict = timed_runs.play(played.timed, trace=True, weaker=False)
        return draw_svg(played.timed, run, verdict)
    running = played.running
    if running is None:
        return picture(title, [])
    cluster = running.stage.cluster
    trace = [*(cluster.trace or ()), *cluster.held_back]
    shown = _that_matter(running, trace)
    marks = [(at_ms, text) for at_ms, text in played.begun if text.split()[0] not in WITHOUT_PICTURE]
    changes = [replace(one, words=running.renamed(one.words)) for one in changes_of(cluster.steps)]
    lanes = [sent._replace(source=_lane(running, sent.source), dest=_lane(running, sent.dest)) for sent in shown]
    left = len(trace) - len(shown)
    more = f"{counted(left, 'message')} that changed nothing: not drawn" if left else None
    return picture(title, lanes, marks, changes, names={node: name for name, node in running.names.items()}, more=more)


def _that_matter(running: Running, trace: list[Sent]) -> list[Sent]:
    """The messages of clients' operations, and those that changed what their receiver shows of itself."""
    cluster = running.stage.cluster
    of_operations = {id(sent) for messages in by_operation(trace).values() for sent in messages}
    changing = {(step.node, step.cause[0], id(step.cause[1])) for step in cluster.steps if step.cause is not None}
    return [
        sent for sent in trace if id(sent) in of_operations or (sent.dest, sent.source, id(sent.message)) in changing
    ]


def _lane(running: Running, name: NodeId) -> NodeId:
    """A node, or the client of the story whose request it is: each has one lane."""
    if not name.startswith("cr") or not name[2:].isdigit():
        return name
    return running.clients[int(name[2:])].partition(" ")[0]


@dataclass(frozen=True)
class _Line:
    text: str
    note: bool
    output: list[str]


def story_html(played: Played, title: str) -> bytes:
    """A page of its own for a scenario that was played: its steps with what came of them, and the picture."""
    lines: list[_Line] = []
    for text in played.text.splitlines():
        note = text.startswith("#")
        if text.startswith(INDENT) and lines:
            lines[-1].output.append(printable(text.removeprefix(INDENT).rstrip()))
        elif note and len(lines) > 1 and lines[-1].note:
            lines[-1] = replace(lines[-1], text=f"{lines[-1].text} {printable(text.removeprefix('#').strip())}")
        elif text.strip():
            lines.append(_Line(printable(text.removeprefix("#").strip()), note, []))
    tokens = (files("naysayer.page") / "css" / "tokens.css").read_text(encoding="utf-8")
    values: dict[str, Any] = {"lines": lines[1:] if lines and lines[0].note else lines, "title": printable(title)}
    page = templates.get_template("story.html.jinja")
    # both are ours: the style, and the picture, which was made with autoescape
    written = page.render(tokens=Markup(tokens), diagram=Markup(story_svg(played, title)), **values)
    return written.encode("utf-8", "backslashreplace")
