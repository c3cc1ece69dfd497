"""Python files of the user: a client, a model."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

from checker.errors import UsageError


@cache
def own_module(path: str, what: str) -> ModuleType:
    """A file path.py, run once and without touching sys.path. Raises UsageError, which says `what` it was to be."""
    spec = importlib.util.spec_from_file_location("naysayer_user_code", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise UsageError(f"{what}: there is no Python file {path}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{what}: {path} raised {type(error).__name__}: {error}") from error
    return module
