"""The data of a page: a header of what is said once, and the columns of what there is much of."""

from __future__ import annotations

from typing import Any

import numpy as np

from checker.verdict import Verdict
from naysayer.notation import value_text
from naysayer.page.columns import Numbers, packed
from naysayer.page.operations import Clock, Texts, answers_of, calls_of, clock_of, columns_of, names_of, texts_of
from naysayer.page.proof import Rows, proof_of
from naysayer.page.source import Source, bounded
from naysayer.page.states import states_of
from naysayer.page.templates import Templates
from naysayer.page.traffic import trace_of_file, trace_of_run, traffic_of
from naysayer.page.used import used_of
from naysayer.report.terminal import summary_words
from naysayer.views import view_text

FAULTS_MAX = 5000
NOT_VALID_MAX = 500


def page_data(source: Source) -> str:
    """Everything as base64."""
    source, operations_cut = bounded(source)
    report, history = source.report, source.history
    ordered, ours = report.ordered_only, source.clients is not None
    clock = clock_of(history, _last_ns(source), ordered_only=ordered, from_zero=ours)
    columns = columns_of(history, clock)
    texts, calls, calls_cut = calls_of(history)
    templates = Templates()
    if calls is not None:
        columns["text"] = calls
        columns |= templates.columns("c_text", texts)
    values, keys = texts_of(history.tables.value), texts_of(history.tables.key)
    columns |= {"values": values.numbers, "keys": keys.numbers}
    rows = Rows(history)
    header: dict[str, Any] = {
        "version": 1,
        "title": report.title,
        "model": report.verdict.model,
        "outcome": report.verdict.outcome,
        "clock": {"origin": str(clock.origin), "unit": clock.unit, "end": clock.end, "order": clock.ordered_only},
        "n": len(history),
        "clients": source.clients,
        "f": names_of(history.tables.f),
        "answers": answers_of(history),
        "process": names_of(history.tables.process),
        "node": names_of(history.tables.node),
        "error": names_of(history.tables.error),
        "valueText": _texts(values, "v", columns),
        "keyText": _texts(keys, "k", columns),
        "calls": list(templates.texts),
        "cut": {"operations": operations_cut, "values": values.cut + keys.cut, "calls": max(0, calls_cut)},
        "proof": proof_of(report, history, clock),
        "wrong": None if source.wrong_ms is None else clock.ticks(source.wrong_ms * 1e6),
        "faults": _faults(source, clock),
        "faultsCut": max(0, len(source.faults) - FAULTS_MAX),
        "parts": _parts(report.verdict, source, rows),
        "ladder": [[rung.name, rung.holds, rung.detail] for rung in report.verdict.ladder],
        "served": rows.keyed({one.index: [one.node, one.account] for one in report.served}),
        "views": {node: view_text(view, _key(source)) for node, view in sorted(report.views.items())},
    }
    columns |= _nodes(source, clock, header)
    return packed(header, columns)


def _nodes(source: Source, clock: Clock, header: dict[str, Any]) -> dict[str, Numbers]:
    """Messages and states of the nodes, of a traced run; what goes into the header is added to it."""
    run, proof = source.report.traced, header["proof"] or {}
    header |= {"messages": None, "states": None, "used": {}, "lacking": source.lacking}
    window, matter = proof.get("window"), proof.get("ops", [])
    if run is not None and run.trace is not None:
        known = trace_of_run(run, source.history)
    elif source.kept is not None and source.kept.is_file():
        around = None if window is None else (clock.time(window[0]), clock.time(window[1]))
        known = trace_of_file(source.kept, source.history, around, source.injected, source.read)
    else:
        return {}
    traffic = traffic_of(
        known,
        source.history,
        clock,
        faults=source.injected,
        clients=source.clients,
        window=window,
        matter=matter,
    )
    header["messages"] = traffic.header
    if run is None:
        header["lacking"] = "No node states: they are known of simulated runs."
        return traffic.columns
    states, columns = states_of(run, source.history, clock, proof.get("key"))
    header |= {"states": states, "used": used_of(run, source.history, matter)}
    return {**traffic.columns, **columns}


def _texts(texts: Texts, name: str, columns: dict[str, Numbers]) -> dict[str, Any]:
    """The texts of values; their codes and templates become columns."""
    templates = Templates()
    columns[f"{name}_code"] = np.array(list(texts.texts), dtype=np.int64)
    columns |= templates.columns(f"{name}_text", list(texts.texts.values()))
    return {"templates": list(templates.texts), "long": texts.long}


def _key(source: Source) -> Any:
    part = source.report.verdict.worst
    return None if part is None else part.key


def _last_ns(source: Source) -> int | None:
    """The last time that a fault or a finding gives, which may be after the last operation."""
    times = [one.to_ms if one.to_ms is not None else one.from_ms for one in source.faults]
    times += [] if source.wrong_ms is None else [source.wrong_ms]
    return int(max(times) * 1e6) if times else None


def _faults(source: Source, clock: Clock) -> list[list[Any]]:
    return [
        [
            one.kind,
            one.label,
            one.in_full,
            clock.ticks(one.from_ms * 1e6),
            None if one.to_ms is None else clock.ticks(one.to_ms * 1e6),
            one.shown,
            one.detail,
        ]
        for one in source.faults[:FAULTS_MAX]
    ]


def _parts(verdict: Verdict, source: Source, rows: Rows) -> dict[str, Any]:
    """How many parts are valid, and those that are not: key, outcome, method, sentence, culprit."""
    count = {name: sum(part.outcome == name for part in verdict.parts) for name in ("valid", "invalid", "unknown")}
    listed = []
    for part in [part for part in verdict.parts if part.outcome != "valid"][:NOT_VALID_MAX]:
        said = part.reason if part.explanation is None else part.explanation.sentence
        culprit = None if part.explanation is None else part.explanation.culprit
        listed.append(
            {
                "key": None if part.key is None else source.history.tables.key.find(part.key),
                "name": None if part.key is None else value_text(part.key),
                "outcome": part.outcome,
                "method": part.method,
                "sentence": said,
                "culprit": None if culprit is None else rows.row(culprit),
            }
        )
    return {**count, "listed": listed, "summary": summary_words(source.report)[0]}
