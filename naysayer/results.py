"""The result store: results/<test>/<time>/ with all that a run left, and a `latest` link beside it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from checker.errors import HarnessError, UsageError
from checker.history import Operation, freeze
from checker.verdict import Anomaly, Explanation, Outcome, Part, Rung, Verdict
from naysayer.crash import RESULT_FOLDER
from targets.protocol.fault_base import Evidence

HISTORY = "history.jsonl"
VERDICT = "verdict.json"
TEST = "test.toml"
REPORT = "report.txt"
PAGE = "report.html"
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
            **({} if verdict.data is None else {"data": verdict.data, "anomalies": verdict.anomalies}),
            "parts": count,
            "not_valid": [part for part in verdict.parts if part.outcome != "valid"],
            **more,
        }
    )


class _Part(msgspec.Struct):
    """A part of verdict.json that is not valid."""

    key: Any
    outcome: Outcome
    method: str
    operations: int
    counterexample: tuple[Operation, ...] = ()
    explanation: Explanation | None = None
    reason: str | None = None
    since: int | None = None


class Kept(msgspec.Struct):
    """A verdict.json, as far as reports are made of it. Fields that an earlier version did not write have defaults."""

    outcome: Outcome
    model: str
    method: str
    operations: int
    seconds: float
    parts: dict[Outcome, int]
    not_valid: list[_Part]
    warnings: tuple[str, ...] = ()
    ladder: tuple[Rung, ...] = ()
    interrupted: bool = False
    data: str | None = None
    anomalies: tuple[Anomaly, ...] = ()
    faults: tuple[Evidence, ...] = ()
    remarks: tuple[str, ...] = ()
    convergence: str | None = None
    target_error: str | None = None
    fault_phase_ms: float | None = None
    violated_ms: float | None = None


def read_verdict(path: Path) -> tuple[Kept, Verdict]:
    """The content of a verdict.json, and the verdict in it; of its valid parts only the number is known.

    Raises UsageError for a file that is not there, or is none.
    """
    hint = f"naysayer check {path.with_name(HISTORY)} judges what was recorded"
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        raise UsageError(f"{path.parent} has no {path.name}: its run did not end; {hint}") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is damaged or cut off ({error}); {hint}") from None
    parts = [
        Part(
            freeze(one.key),
            one.outcome,
            one.method,
            one.operations,
            counterexample=tuple(_frozen(op) for op in one.counterexample),
            explanation=None if one.explanation is None else _with_frozen(one.explanation),
            reason=one.reason,
            since=one.since,
        )
        for one in kept.not_valid
    ]
    method = parts[0].method if parts else kept.method
    parts += [Part(None, "valid", method, 0) for _ in range(kept.parts.get("valid", 0))]
    verdict = Verdict(
        kept.outcome,
        kept.model,
        kept.method,
        kept.operations,
        tuple(parts),
        kept.seconds,
        kept.warnings,
        kept.ladder,
        kept.interrupted,
        kept.anomalies,
        kept.data,
    )
    return kept, verdict


def _frozen(op: Operation) -> Operation:
    return msgspec.structs.replace(op, key=freeze(op.key), input=freeze(op.input), output=freeze(op.output))


def _with_frozen(explanation: Explanation) -> Explanation:
    return replace(explanation, failed=tuple(_frozen(op) for op in explanation.failed))


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
                    "starts": part.starts,
                    **({} if verdict.data is None else {"explanation": part.explanation, "proof": part.proof}),
                }
                for part in verdict.parts
            ],
        }
    )
