"""`naysayer check FILE`: judge a history that was recorded elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from checker import Budget, Model, verify
from checker.errors import HarnessError, UsageError
from checker.formats import Recording, read
from checker.models import find
from checker.parallel import validate_engine
from checker.properties import PROPERTIES
from checker.transactions import MODELS as TRANSACTIONS
from checker.transactions.levels import DEFAULT
from checker.verdict import Verdict
from checker.verify import TOO_LARGE
from naysayer.judge import judge, own_model, undecided
from naysayer.notation import value_text
from naysayer.options import CheckOptions
from naysayer.report.bar import Bar
from naysayer.report.build import report_of_history
from naysayer.report.conclusion import Conclusion, conclusion
from naysayer.report.console import console
from naysayer.report.terminal import show
from naysayer.results import proof_json, verdict_json
from naysayer.signals import Reporting


def check_file(file: Path, options: CheckOptions) -> Conclusion:
    """Read, judge, report."""
    model, engine, budget, begins_with = options.model, options.engine, options.budget, options.begins_with
    own = None if model is None else own_model(model)
    if engine is not None:
        validate_engine(engine)
        if own is not None:
            raise UsageError("a model of your own is judged in this process: leave --engine out")
    if own is not None and begins_with is not None:
        raise UsageError("a model of your own defines its initial state: leave --initial out")
    if model == "semaphore" and begins_with is None:  # a number that we assumed could accuse a system that has more
        raise UsageError("--model semaphore: say with --initial N how many permits there are at the beginning")
    if options.html is not None:
        from naysayer.page.write import refuse_place

        refuse_place(options.html)
    with Bar("reading") as progress:
        recording = read(file, format=options.format, model=own or model, keys=options.keys, progress=progress)
    place = Path(recording.source)
    screen = console()
    with Reporting() as reporting:
        verdict = reporting.attempt(lambda: _judged(recording, own, options, budget))
        verdict = verdict or undecided(recording.model, len(recording.history))
        what = "semaphores" if model == "semaphore" else "registers"
        begins = "" if options.initial is None else f" · {what} begin with {value_text(begins_with)}"
        facts = [("history", _how(recording) + begins)]
        proved = None
        if options.certify:
            proof = reporting.attempt(lambda: _certify(verdict, recording, own, place, begins_with))
            proved, said = proof or (None, "none: interrupted")
            facts.append(("proof", said))
        report = report_of_history(recording, verdict, facts)
        show(report, screen)
        built = verdict_json(
            verdict,
            outcomes=None if report.seen is None else report.seen.total,
            seen=report.seen,
            interrupted=verdict.interrupted,
            format=recording.format,
            keys=recording.keys,
            proof=proved,
        )
        concluded = conclusion(report, built, history=place)
    if options.html is not None:
        from naysayer.page.source import source_of_recording
        from naysayer.page.write import write_page

        write_page(options.html, source_of_recording(report, recording))
    return concluded


def _how(recording: Recording) -> str:
    """The file, and what it was taken for."""
    keys = "" if recording.keys is None else f", {recording.keys}"
    level = f" at {recording.level or DEFAULT}" if recording.model in TRANSACTIONS else ""
    return f"{recording.source} · read as {recording.format}{keys} · judged as {recording.model}{level}"


def _judged(recording: Recording, own: Model | None, options: CheckOptions, budget: Budget) -> Verdict:
    with Bar("judging keys") as progress:
        return judge(
            recording.history,
            own or recording.model,
            budget=budget,
            engine=None if own else options.engine or "processes",
            progress=progress,
            begins_with=options.begins_with,
            all_keys=options.all_keys,
            level=recording.level,
        )


def _certify(
    verdict: Verdict, recording: Recording, own: Model | None, file: Path, begins_with: Any
) -> tuple[Path | None, str]:
    """Have the proof verified and written beside the history; returns its file, if any, and a clause for the report.

    Raises HarnessError if it does not hold.
    """
    if verdict.outcome == "unknown":
        return None, "none: the verdict is unknown"
    if verdict.model in PROPERTIES:
        return None, "none: this property is checked on the history itself, without searching for an order"
    if verdict.data is not None:
        from checker.transactions.verify import verify as verify_transactions

        objections = verify_transactions(recording.history, verdict, begins_with)
    else:
        objections = verify(recording.history, own or find(recording.model, begins_with=begins_with), verdict)
    if objections and all(objection.endswith(TOO_LARGE) for objection in objections):
        return None, f"not confirmed: {objections[0]}"
    if objections:
        raise HarnessError(f"the proof of the verdict does not hold, please report this: {objections[0]}")
    place = file.with_name(file.name + ".proof.json")
    try:
        place.write_bytes(proof_json(verdict))
    except OSError as error:
        raise HarnessError(f"{place}: {error.strerror}") from error
    return place, f"confirmed by the independent verifier · {place}"
