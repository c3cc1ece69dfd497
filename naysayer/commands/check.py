"""`naysayer check FILE`: judge a history that somebody else recorded."""

from __future__ import annotations

from pathlib import Path

from rich.progress import Progress

from checker import verify
from checker.errors import HarnessError
from checker.formats import Recording, read
from checker.models import find
from checker.parallel import refuse_unknown
from checker.properties import PROPERTIES
from checker.verdict import Verdict
from naysayer.judge import judge
from naysayer.report.console import console
from naysayer.report.story import Story
from naysayer.report.terminal import EXIT, show
from naysayer.results import proof_json


def check_file(file: Path, *, model: str | None, format: str | None, certify: bool, engine: str) -> int:
    """Read, judge, report; returns the exit code."""
    refuse_unknown(engine)
    recording = read(file, format=format, model=model)
    screen = console()
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task("judging keys", total=None)
        verdict = judge(
            recording.history,
            recording.model,
            engine=engine,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    facts = [("history", f"{file} · read as {recording.format} · judged as {recording.model}")]
    if certify:
        facts.append(("proof", _certify(verdict, recording, file)))
    story = Story(verdict, file.name, facts=tuple(facts), ordered_only=recording.clock == "order")
    show(story, screen)
    return EXIT[verdict.outcome]


def _certify(verdict: Verdict, recording: Recording, file: Path) -> str:
    """Have the proof verified and written beside the history. Raises HarnessError if it does not hold."""
    if verdict.outcome == "unknown":
        return "none: the verdict is unknown"
    if verdict.model in PROPERTIES:
        return "none: whether a promise was kept is read off the history, no order is searched for"
    objections = verify(recording.history, find(recording.model), verdict)
    if objections:
        raise HarnessError(f"the proof of the verdict does not hold, please report this: {objections[0]}")
    place = file.with_name(file.name + ".proof.json")
    try:
        place.write_bytes(proof_json(verdict))
    except OSError as error:
        raise HarnessError(f"{place}: {error.strerror}") from error
    return f"confirmed by the independent verifier · {place}"
