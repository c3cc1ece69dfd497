"""What an exploration has come to: said, and kept in its result folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from checker.english import counted
from naysayer.commands.kept_scenario import keep_scenario
from naysayer.commands.test import facts_json, page_source, result_of
from naysayer.explore.ladder import Climbed, Rung
from naysayer.explore.words import operation_words
from naysayer.mechanism import with_mechanism
from naysayer.page.scopes import scopes_html
from naysayer.plan import folder_name, text
from naysayer.play import notation, timed
from naysayer.play.notation import SCENARIO
from naysayer.play.timed import Scenario
from naysayer.recorder import Recorder
from naysayer.report.build import build_report
from naysayer.report.conclusion import Conclusion, conclusion
from naysayer.report.console import console
from naysayer.report.nodes import with_nodes
from naysayer.results import HISTORY, PAGE, REPORT, VERDICT, new_folder
from naysayer.store import Store

FREE, VIOLATION, UNKNOWN = 0, 1, 2
MARKS = "✓✗?"


def conclude_failing(name: str, climbed: Climbed, results: Path, asked: Mapping[str, Any]) -> Conclusion:
    """Report the shortest failure, and keep it as a run that `naysayer play` repeats."""
    rung = climbed.failed
    assert rung is not None
    assert rung.found.failure is not None
    length = counted(len(rung.steps), "step")
    which = (
        f"the shortest failure has {length}"
        if rung.scope.delays is None
        else f"a failure of {length}, of which none can be left out"
    )
    sentence = f"{rung.scope}: {which}"
    lines = [f"✗ {name}: {sentence}", *(f"  {step}" for step in rung.steps), f"  {rung.found.failure.why}"]
    lines += [f"  {line}" for line in _others(climbed)]
    facts = _facts(climbed, sentence)
    folder = new_folder(results, folder_name(name))
    if rung.scenario is None:
        lines.append("  the simulator does not repeat it with any seed that was tried, so there is no scenario of it")
        return _kept(Conclusion(VIOLATION, name, folder=folder, explore=facts), lines)
    concluded = _repeated(name, rung.scenario, folder, asked, lines, facts)
    lines += [f"  repeat    naysayer play {folder / SCENARIO}", f"  page      {folder / PAGE}"]
    _say(lines)
    return concluded


def _repeated(
    name: str, scenario: Scenario, folder: Path, asked: Mapping[str, Any], lines: list[str], facts: dict[str, Any]
) -> Conclusion:
    """Run the scenario, and keep the run."""
    plan = timed.plan_of(scenario)
    facts["scenario"] = notation.text(scenario)
    with Store(folder, text(plan, asked)) as store:
        run, verdict = timed.play(scenario, Recorder(store), trace=True)
    report = with_nodes(plan, build_report(result_of(plan, run, verdict), folder), partial(timed.rerun, scenario))
    report = with_mechanism(plan, report, scenario)
    title = f"The shortest failure of {name} in a small scope, as naysayer explore found it."
    keep_scenario(store, scenario, run, verdict, title, "\n".join(lines))
    built = msgspec.json.decode(facts_json(run, report)) | {"explore": facts}
    kept = msgspec.json.format(msgspec.json.encode(built), indent=2) + b"\n"
    store.keep(report, kept, page_source(plan, run, report))
    concluded = conclusion(report, kept, folder=folder, history=folder / HISTORY)
    return replace(concluded, code=VIOLATION, title=name, error=store.trouble, explore=facts)


def conclude_without(name: str, climbed: Climbed, results: Path, asked: Mapping[str, Any]) -> Conclusion:
    """Report of which scopes it is certain that they are free of violations, and keep that."""
    code, sentence = _without(climbed)
    lines = [f"{MARKS[code]} {name}: {sentence}", *(f"  {line}" for line in _others(climbed))]
    folder = new_folder(results, folder_name(name))
    error = "interrupted" if climbed.cut == "interrupted" else None
    return _kept(Conclusion(code, name, error=error, folder=folder, explore=_facts(climbed, sentence)), lines)


def _without(climbed: Climbed) -> tuple[int, str]:
    """The exit code and the sentence of an exploration without a failure."""
    rungs = list(climbed.rungs.values())
    if len(climbed.scopes) == 1 and rungs:
        return _of_one(rungs[0], climbed.cut)
    free = [rung for rung in rungs if rung.free]
    states = sum(rung.found.states for rung in free)
    said = f"{len(free)} of {counted(len(climbed.scopes), 'scope')} are free of violations ({states:,} states)"
    if climbed.cut is not None:
        return UNKNOWN, f"{climbed.cut}; {said}; no violation in what was explored of the others"
    return (FREE, said) if free else (UNKNOWN, f"{said}, so this says nothing: allow more --timers")


def _of_one(rung: Rung, cut: str | None) -> tuple[int, str]:
    found, wanted = rung.found, rung.scope
    if found.cut is not None:
        return UNKNOWN, f"{cut or found.cut}; no violation in any schedule of up to {found.depth} steps of {wanted}"
    if found.unanswered:
        which = ", ".join(map(operation_words, found.unanswered))
        return UNKNOWN, f"no schedule of {wanted} lets {which} succeed, so it says nothing: allow more --timers"
    return FREE, f"every schedule of {wanted}: {found.states:,} states, no violation"


def _others(climbed: Climbed) -> Iterator[str]:
    """Of several scopes: which are free of violations, which were cut, which say nothing; then the effort."""
    if len(climbed.scopes) > 1:
        every = list(climbed.rungs.values())
        free = [rung for rung in every if rung.free]
        void = [rung for rung in every if rung.complete and not rung.free]
        yield from _list("free of violations, with all that is smaller", _largest(free))
        yield from _list("cut", [rung for rung in every if rung.found.cut is not None], depth=True)
        yield from _list("complete, but some operation never succeeds", [one for one in void if not _within(one, free)])
        begun = len(climbed.rungs)
        if begun < len(climbed.scopes):
            yield f"{counted(len(climbed.scopes) - begun, 'scope')} not begun"
    if any(rung.found.clocks for rung in climbed.rungs.values()):
        yield "its nodes read clocks: each goes on when a timer of its node fires, and they drift apart without a bound"
    yield f"{climbed.states:,} states, {climbed.transitions:,} transitions, {climbed.cpu_s:.1f} CPU s"


def _within(one: Rung, others: list[Rung]) -> bool:
    """Whether every schedule of its scope is one of another scope too."""
    return any(one is not other and one.scope.within(other.scope) for other in others)


def _largest(rungs: list[Rung]) -> list[Rung]:
    return [one for one in rungs if not _within(one, rungs)]


def _list(title: str, rungs: list[Rung], *, depth: bool = False) -> Iterator[str]:
    """These scopes, one line for each program."""
    if rungs:
        yield f"{title}:"
    ordered = sorted(rungs, key=lambda rung: (rung.scope.nodes, len(rung.scope.words), rung.scope.words))
    fewest = ordered[0].scope.nodes if ordered else 0
    for (nodes, words), group in groupby(ordered, key=lambda rung: (rung.scope.nodes, rung.scope.words)):
        where = "" if nodes == fewest else f" on {nodes} nodes"
        yield f"  {words}{where}: {'; '.join(_budget(rung, depth=depth) for rung in group)}"


def _budget(rung: Rung, *, depth: bool) -> str:
    wanted = rung.scope
    said = [counted(wanted.crashes, "crash", "crashes"), counted(wanted.timers, "timer")]
    if wanted.duplicates:
        said.append(f"{counted(wanted.duplicates, 'message')} twice")
    if wanted.delays is not None:
        said.append(counted(wanted.delays, "delay"))
    return ", ".join(said) + (f" (up to {rung.found.depth} steps)" if depth else "")


def _kept(concluded: Conclusion, lines: list[str]) -> Conclusion:
    """Say it, and keep it where there is no run to keep."""
    assert concluded.folder is not None
    outcome = ("valid", "invalid", "unknown")[concluded.code]
    built = {"outcome": outcome, "explore": concluded.explore}
    store = Store(concluded.folder, None)
    store.add(VERDICT, msgspec.json.format(msgspec.json.encode(built), indent=2) + b"\n")
    store.add(REPORT, "\n".join([*lines, ""]).encode())
    store.add(PAGE, scopes_html(concluded.title, outcome, concluded.explore or {}))
    _say([*lines, f"  kept      {concluded.folder}"])
    return replace(concluded, error=concluded.error or store.trouble)


def _say(lines: list[str]) -> None:
    screen = console()
    for line in lines:
        screen.print(line, markup=False, highlight=False, soft_wrap=True)


def _facts(climbed: Climbed, sentence: str) -> dict[str, Any]:
    failed = climbed.failed
    rungs = list(climbed.rungs.values())
    return {
        "sentence": sentence,
        "complete": len(rungs) == len(climbed.scopes) and all(rung.free for rung in rungs),
        "cut": climbed.cut,
        "states": climbed.states,
        "transitions": climbed.transitions,
        "cpu_s": round(climbed.cpu_s, 3),
        "depth": None if failed is None else len(failed.steps),
        "why": None if failed is None or failed.found.failure is None else failed.found.failure.why,
        "steps": [] if failed is None else list(failed.steps),
        "scenario": None,
        "scopes": [_scope_facts(rung) for rung in rungs],
        "not_begun": len(climbed.scopes) - len(rungs),
    }


def _scope_facts(rung: Rung) -> dict[str, Any]:
    wanted, found = rung.scope, rung.found
    return {
        "program": wanted.words,
        "nodes": wanted.nodes,
        "crashes": wanted.crashes,
        "timers": wanted.timers,
        "duplicates": wanted.duplicates,
        "delays": wanted.delays,
        "outcome": "violation" if found.failure else "cut" if found.cut else "free" if rung.free else "says nothing",
        "states": found.states,
        "depth": found.depth,
    }
