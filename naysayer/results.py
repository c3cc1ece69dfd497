"""The result store: results/<test>/<time>/ with all that a run left, and a `latest` link beside it."""

from __future__ import annotations

from contextlib import suppress
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
LATEST = "latest"


def refuse_unwritable(root: Path) -> None:
    """Make the folder of the results, before hours go into what could not be kept there. Raises HarnessError."""
    import tempfile

    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        raise HarnessError(f"{root}: {error.strerror}; --results DIR chooses another place") from error


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
            _point_latest_at(folder)
            RESULT_FOLDER.set(folder)
            return folder
    except OSError as error:
        raise HarnessError(f"{parent}: {error.strerror}; --results DIR chooses another place") from error
    raise HarnessError(f"{parent}: a thousand runs in one second?")


def _point_latest_at(folder: Path) -> None:
    """Where links cannot be made (Windows, some network disks) there is none; open_folder finds the latest without."""
    temporary = folder.parent / f".latest-{folder.name}"
    try:
        temporary.symlink_to(folder.name)
        temporary.replace(folder.parent / LATEST)
    except (OSError, NotImplementedError, AttributeError):
        with suppress(OSError):
            temporary.unlink()


def open_folder(path: Path) -> Path:
    """The result folder that a user named: the folder itself, a file in it, or results/TARGET, whose latest is taken.

    Raises UsageError where there is none.
    """
    place = path
    if path.is_file() or (path.name == LATEST and not path.exists()):
        place = path.parent
    elif not path.exists() and path.parent.name:  # results/quorum-kv/no-read-repair, as the target is called
        place = path.parent.with_name(f"{path.parent.name}.{path.name}")
    folder = _with_test(place)
    if folder is not None:
        return folder
    raise UsageError(f"{path} is no result: it has no {TEST}; name a folder such as results/quorum-kv/latest")


def _with_test(place: Path) -> Path | None:
    """The folder itself if it is a result, else the latest result in it."""
    if (place / TEST).is_file():
        return place
    if (place / LATEST / TEST).is_file():
        return place / LATEST
    return max((file.parent for file in place.glob(f"*/{TEST}")), key=_age, default=None)


def _age(folder: Path) -> tuple[str, int]:
    """Sorts the names that new_folder gives by their time."""
    stamp, _, number = folder.name.partition("-")
    return stamp, int(number) if number.isdigit() else 1


def _plain(value: Any) -> Any:
    """What JSON has no form for, as text; a column of indices as a list."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _json(built: Any) -> bytes:
    try:
        encoded = msgspec.json.encode(built, enc_hook=_plain)
    except UnicodeEncodeError:  # half of a surrogate pair, which EDN can hold: shown as an escape
        encoded = msgspec.json.encode(_encodable(msgspec.to_builtins(built, enc_hook=_plain)))
    return msgspec.json.format(encoded, indent=2) + b"\n"


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list | tuple | set | frozenset) else value


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
                    "since": part.since,
                }
                for part in verdict.parts
            ],
        }
    )
