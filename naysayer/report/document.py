"""A conclusion as one JSON document, for --json. docs/json.md describes every field; what changes there is a break."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import msgspec

from naysayer.printable import printable, printable_json
from naysayer.report.conclusion import Conclusion
from naysayer.versions import own_version

DOCUMENT_VERSION = 1


def document(command: str, concluded: Conclusion, encoding: str = "utf-8") -> str:
    """The document of a command, indented, with a line feed at its end; escaped where the encoding needs that."""
    built = {
        "document_version": DOCUMENT_VERSION,
        "naysayer": own_version(),
        "command": command,
        "exit": concluded.code,
        "outcome": outcome(concluded),
        "title": printable(concluded.title),
        "sentence": sentence(concluded),
        "error": None if concluded.error is None else printable(concluded.error),
        "folder": _path(concluded.folder),
        "history": _path(concluded.history),
        "hunt": concluded.hunt,
        "explore": concluded.explore,
        "identical": concluded.identical,
        "scenarios": _scenarios(concluded),
        "verdict": None if concluded.verdict is None else msgspec.Raw(concluded.verdict),
    }
    encoded = msgspec.json.encode(built)
    # a terminal may be what it is written to
    text = printable_json(msgspec.json.format(encoded, indent=2).decode()) + "\n"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = json.dumps(json.loads(encoded), indent=2) + "\n"
    return text


def outcome(concluded: Conclusion) -> str:
    """valid, invalid, unknown, nothing-found (a hunt) or error, as the exit code says."""
    if concluded.code == 0 and concluded.hunt is not None:
        return "nothing-found"
    return {0: "valid", 1: "invalid", 2: "unknown"}.get(concluded.code, "error")


def sentence(concluded: Conclusion) -> str | None:
    """Why, in one sentence: of the part of the history that the report shows, or of the first scenario that counts."""
    if concluded.scenarios:
        played = (one for one in concluded.scenarios if one.outcome == outcome(concluded))
        return next((one.sentence for one in played), None)
    if concluded.explore is not None:
        return None if concluded.code == 0 else str(concluded.explore["sentence"])
    part = None if concluded.report is None else concluded.report.verdict.worst
    if part is None:
        return None
    said = part.reason if part.explanation is None else part.explanation.sentence
    return None if said is None else printable(said)


def _scenarios(concluded: Conclusion) -> list[dict[str, object]] | None:
    built = [asdict(one) for one in concluded.scenarios]
    return built or None


def _path(path: Path | None) -> str | None:
    return None if path is None else printable(str(path))
