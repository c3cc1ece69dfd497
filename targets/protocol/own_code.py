"""The user's own parts, named `FILE.py:NAME`: targets, workloads, fault schedules, models, clients.

Every registry takes such a name wherever it takes one of its own; docs/own-parts.md is for users.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from types import FrameType, ModuleType
from typing import Any

from checker.errors import NaysayerError, UsageError

USER_CODE = "naysayer_user_code:"
"""Names of the modules that such files become begin with this; their path follows."""


def is_own(name: str) -> bool:
    """Whether it names a part in a file of the user's."""
    path, _, part = name.rpartition(":")
    return path.endswith(".py") and bool(part)


def own_part(name: str, what: str, fits: Callable[[Any], bool], kind: str) -> Any:
    """The part NAME of FILE.py. `what` it is to be, such as a workload; `kind`: how users call what `fits`, with {}
    for its name.

    Raises UsageError saying what is wrong with the file, or that it defines no such part.
    """
    path, _, part = name.rpartition(":")
    module = own_module(path, f"{what} {name!r}")
    found = getattr(module, part, None)
    if fits(found):
        return found
    others = [one for one, value in vars(module).items() if fits(value) and not one.startswith("_")]
    there = f"; it has {', '.join(others)}" if others else ""
    raise UsageError(f"{what} {name!r}: {path} defines no {kind.format(part)}{there}")


def beside(name: str, file: str) -> str:
    """A part as a file of the user's names it: its own file is looked for beside that one, and where the command was
    typed only if it is not there."""
    path, _, part = name.rpartition(":")
    there = Path(file).parent / path
    return f"{there}:{part}" if is_own(name) and there.is_file() else name


@contextmanager
def blamed() -> Iterator[None]:
    """Turns an exception out of a user's file into a UsageError with its place: from another process there comes no
    traceback that shows it."""
    try:
        yield
    except NaysayerError:
        raise
    except Exception as error:
        place = place_of(error)
        if place is None:
            raise
        raise UsageError(f"{place} raised {type(error).__name__}: {error}; this is not a verdict") from error


def place_of(error: BaseException) -> str | None:
    """File and line of the innermost frame in a user's own file, if there is one."""
    place, trace = None, error.__traceback__
    while trace is not None:
        frame: FrameType = trace.tb_frame
        if str(frame.f_globals.get("__name__")).startswith(USER_CODE):
            place = f"{frame.f_code.co_filename}, line {trace.tb_lineno},"
        trace = trace.tb_next
    return place


def own_module(path: str, what: str) -> ModuleType:
    """A file path.py, run once and without touching sys.path. Raises UsageError, naming `what` it was meant to be."""
    if not Path(path).is_file():
        raise UsageError(f"{what}: there is no Python file {path}")
    return _loaded(str(Path(path).resolve()), what)


def _loaded(path: str, what: str) -> ModuleType:
    name = f"{USER_CODE}{path}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{what}: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up the module of their class there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == spec.origin]
        where = f" in line {lines[-1]}" if lines else ""
        raise UsageError(f"{what}: {path} raised {type(error).__name__}{where}: {error}") from error
    return module
