"""Python files of the user: a client, a model."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from checker.errors import UsageError

USER_CODE = "naysayer_user_code:"
"""Names of the modules that such files become begin with this; their path follows."""


@cache
def own_module(path: str, what: str) -> ModuleType:
    """A file path.py, run once and without touching sys.path. Raises UsageError, naming `what` it was meant to be."""
    name = f"{USER_CODE}{path}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise UsageError(f"{what}: there is no Python file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up the module of their class there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == spec.origin]
        where = f" in line {lines[-1]}" if lines else ""
        raise UsageError(f"{what}: {path} raised {type(error).__name__}{where}: {error}") from error
    return module
