"""The result store: results/<test>/<time>/ with all that a run left, and a `latest` link beside it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from checker.errors import HarnessError, UsageError
from checker.verdict import Verdict
from naysayer.crash import RESULT_FOLDER

HISTORY = "history.jsonl"
VERDICT = "verdict.json"
TEST = "test.toml"
REPORT = "report.txt"


def new_folder(root: Path, test: str) -> Path:
    """Make results/<test>/<time>/ and point `latest` at it. The time is local; a second run in it gets a suffix."""
    stamp = datetime.now().strftime("%Y%m%dT%H%M%S")
    parent = root / test
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = parent / (stamp if number == 1 else f"{stamp}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            link = parent / "latest"
            temporary = parent / f".latest-{folder.name}"
            temporary.symlink_to(folder.name)
            temporary.replace(link)
            RESULT_FOLDER.set(folder)
            return folder
    except OSError as error:
        raise HarnessError(f"{parent}: {error.strerror}; --results DIR chooses another place") from error
    raise HarnessError(f"{parent}: a thousand runs in one second?")


def open_folder(path: Path) -> Path:
    """The result folder that a user named: the folder itself, a file in it, or a target's folder for its latest run."""
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and not (folder / TEST).is_file() and (folder / "latest" / TEST).is_file():
        folder = folder / "latest"
    if not (folder / TEST).is_file():
        raise UsageError(f"{path} is no result: it has no {TEST}; name a folder such as results/quorum-kv/latest")
    return folder


def _plain(value: Any) -> Any:
    """What JSON cannot say, as text; a column of indices as a list."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _json(built: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(built, enc_hook=_plain), indent=2) + b"\n"


def verdict_json(verdict: Verdict, **more: Any) -> bytes:
    """The verdict, with what proves it where it is not valid."""
    count = {name: sum(part.outcome == name for part in verdict.parts) for name in ("valid", "invalid", "unknown")}
    return _json(
        {
            "outcome": verdict.outcome,
            "model": verdict.model,
            "method": verdict.method,
            "operations": verdict.operations,
            "seconds": round(verdict.seconds, 6),
            "warnings": verdict.warnings,
            "ladder": verdict.ladder,
            "parts": count,
            "not_valid": [part for part in verdict.parts if part.outcome != "valid"],
            **more,
        }
    )


def proof_json(verdict: Verdict) -> bytes:
    """The proof of every part: the witness order (indices of operations), or the counterexample."""
    return _json(
        {
            "outcome": verdict.outcome,
            "model": verdict.model,
            "parts": [
                {
                    "key": part.key,
                    "outcome": part.outcome,
                    "method": part.method,
                    "witness": part.witness,
                    "counterexample": part.counterexample,
                }
                for part in verdict.parts
            ],
        }
    )
