"""`naysayer play SCENARIO`: play scripted runs and compare the output with what they expect."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from checker.errors import HarnessError, UsageError
from naysayer.play import Played, play_scenario
from naysayer.play.shipped import find_scenario, shipped, title
from naysayer.report.console import console

VALID, DIFFERS, UNKNOWN = 0, 1, 2
JUDGED = {"invalid": DIFFERS, "unknown": UNKNOWN, "valid": VALID}


def play(scenarios: tuple[str, ...], *, rewrite: bool) -> int:
    """Play each scenario, or list those shipped; returns the highest exit code, as `check` would give it."""
    if not scenarios:
        _list()
        return VALID
    paths = [_path(scenario) for scenario in scenarios]
    named = [scenario for scenario in scenarios if not Path(scenario).is_file()]
    if rewrite and named:
        raise UsageError(f"--rewrite needs a file: {named[0]} is a scenario that comes with Naysayer")
    codes = [_play(path, rewrite=rewrite) for path in paths]
    return DIFFERS if DIFFERS in codes else max(codes)


def _path(scenario: str) -> Path:
    """The file, or the shipped scenario of that name; a name with a suffix or a slash is a path."""
    path = Path(scenario)
    if path.is_file():
        return path
    if path.suffix or "/" in scenario:
        raise UsageError(f"{scenario}: {'a folder, not a scenario' if path.is_dir() else 'no such file'}")
    return find_scenario(scenario)


def _play(path: Path, *, rewrite: bool) -> int:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a text in UTF-8") from error
    played = play_scenario(text, str(path))
    screen = console()
    screen.print(played.text, markup=False, highlight=False, soft_wrap=True)
    if rewrite:
        return _rewrite(path, played)
    if not played.expects:
        return _judged(played)
    if played.holds:
        screen.print(f"{path.stem}: as expected", markup=False, highlight=False, soft_wrap=True)
        return VALID
    lines = [f"{path.stem}: NOT as expected", *played.difference()]
    screen.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    return DIFFERS


def _rewrite(path: Path, played: Played) -> int:
    if not played.holds:
        try:
            path.write_text(played.text, encoding="utf-8")
        except OSError as error:
            raise HarnessError(f"{path}: {error.strerror}") from error
    said = "unchanged" if played.holds else f"output rewritten in {path}"
    console().print(f"{path.stem}: {said}", markup=False, highlight=False, soft_wrap=True)
    return VALID


def _judged(played: Played) -> int:
    """Without expected output the verdicts of a scenario decide; without a verdict it is unknown."""
    worst = max((JUDGED[one] for one in played.verdicts if one != "invalid"), default=UNKNOWN)
    code = DIFFERS if "invalid" in played.verdicts else worst
    judged = ", ".join(played.verdicts) or "no verdict: add the step `verdict`"
    said = f"the file has no expected output yet ({judged}); --rewrite adds this output to it"
    console().print(said, markup=False, highlight=False, soft_wrap=True)
    return code


def _list() -> None:
    screen = console()
    table = Table(title="Scenarios", title_justify="left", box=None, show_header=False, padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, path in shipped().items():
        table.add_row(name, title(path))
    screen.print(table)
    screen.print("\nnaysayer play NAME plays one; naysayer play FILE plays your own (docs/scenarios.md)")
