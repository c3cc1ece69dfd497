"""`naysayer play SCENARIO`: play scripted runs and compare the output with what they expect."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.table import Table

from checker.errors import HarnessError, UsageError
from naysayer.commands.test import page_source, result_of
from naysayer.hunt.story import story_html, story_svg
from naysayer.mechanism import with_mechanism
from naysayer.page.source import Source
from naysayer.page.write import refuse_place, write_page
from naysayer.play import Played, play_scenario, timed
from naysayer.play.language import content
from naysayer.play.shipped import find_scenario, shipped, title
from naysayer.play.timed import Scenario
from naysayer.report.build import build_report
from naysayer.report.conclusion import Conclusion, PlayedScenario
from naysayer.report.console import console
from naysayer.report.nodes import with_nodes
from naysayer.report.report import EXIT


def play(scenarios: tuple[str, ...], *, rewrite: bool, svg: Path | None = None, html: Path | None = None) -> Conclusion:
    """Play each scenario; the worst of them decides, as with the keys of `check`. `svg`, `html`: where to draw it."""
    paths = [_path(scenario) for scenario in scenarios]
    for option, file in (("--svg", svg), ("--html", html)):
        if file is not None:
            if len(paths) > 1:
                raise UsageError(f"{option} {file} is for one scenario, and {len(paths)} are to be played")
            refuse_place(file, option)
    named = [scenario for scenario in scenarios if not Path(scenario).is_file()]
    if rewrite and named:
        raise UsageError(f"--rewrite needs a file: {named[0]} is a scenario that comes with Naysayer")
    played = tuple(_play(path, svg, html, rewrite=rewrite) for path in paths)
    outcomes = {one.outcome for one in played}
    worst = next(outcome for outcome in ("invalid", "unknown", "valid") if outcome in outcomes)
    return Conclusion(EXIT[worst], " ".join(scenarios), scenarios=played)


def _path(scenario: str) -> Path:
    """The file, or the shipped scenario of that name; a name with a suffix or a slash is a path."""
    path = Path(scenario)
    if path.is_file():
        return path
    if path.suffix or "/" in scenario:
        raise UsageError(f"{scenario}: {'a folder, not a scenario' if path.is_dir() else 'no such file'}")
    return find_scenario(scenario)


def _play(path: Path, svg: Path | None, html: Path | None, *, rewrite: bool) -> PlayedScenario:
    played = play_scenario(content(path), str(path))
    screen = console()
    screen.print(played.text, markup=False, highlight=False, soft_wrap=True)
    if svg is not None:
        _draw(svg, story_svg(played, title(path)).encode("utf-8", "backslashreplace"))
    if html is not None and played.timed is not None:
        write_page(html, _page(path, played.timed))
        screen.print(f"page      {html}", markup=False, highlight=False, soft_wrap=True)
    elif html is not None:
        _draw(html, story_html(played, title(path)))
    if rewrite:
        return _rewrite(path, played)
    if not played.expects:
        return _judged(path, played)
    if played.holds:
        screen.print(f"{path.stem}: as expected", markup=False, highlight=False, soft_wrap=True)
        return PlayedScenario(path.stem, "valid", True, played.verdicts)
    difference = tuple(played.difference())
    lines = [f"{path.stem}: NOT as expected", *difference]
    screen.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    return PlayedScenario(path.stem, "invalid", False, played.verdicts, difference)


def _draw(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise HarnessError(f"{file}: {error.strerror}") from error
    console().print(f"picture   {file}", markup=False, highlight=False, soft_wrap=True)


def _page(path: Path, scenario: Scenario) -> Source:
    """What the page of a timed scenario is made of: a report as of any run."""
    run, verdict = timed.play(scenario, trace=True)
    plan = timed.plan_of(scenario)
    report = build_report(result_of(plan, run, verdict), None, replay=path)
    report = with_nodes(plan, report, partial(timed.rerun, scenario))
    return page_source(plan, run, with_mechanism(plan, report, scenario))


def _rewrite(path: Path, played: Played) -> PlayedScenario:
    if not played.holds:
        try:
            path.write_text(played.text, encoding="utf-8")
        except OSError as error:
            raise HarnessError(f"{path}: {error.strerror}") from error
    said = "unchanged" if played.holds else f"output rewritten in {path}"
    console().print(f"{path.stem}: {said}", markup=False, highlight=False, soft_wrap=True)
    return PlayedScenario(path.stem, "valid", True, played.verdicts)


def _judged(path: Path, played: Played) -> PlayedScenario:
    """Without expected output the verdicts of a scenario decide; without a verdict it is unknown."""
    worst = next((outcome for outcome in ("invalid", "unknown", "valid") if outcome in played.verdicts), "unknown")
    judged = ", ".join(played.verdicts) or "no verdict: add the step `verdict`"
    said = f"the file has no expected output yet ({judged}); --rewrite adds this output to it"
    if worst == "invalid":  # nothing to expect from now on, unless by who knows --rewrite
        said = f"{path.stem}: {judged}"
    console().print(said, markup=False, highlight=False, soft_wrap=True)
    return PlayedScenario(path.stem, worst, None, played.verdicts)


def list_scenarios() -> None:
    """Print the name and title of each that is shipped."""
    screen = console()
    table = Table(title="Scenarios", title_justify="left", box=None, show_header=False, padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, path in shipped().items():
        table.add_row(name, title(path))
    screen.print(table)
    screen.print("\nnaysayer play NAME plays one; naysayer play FILE plays your own (docs/scenarios.md)")
