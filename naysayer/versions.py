"""The versions of the software that made a run, for result folders and --json."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """The version of Naysayer; "unknown" if it is not installed but runs from its source folder."""
    try:
        return version("naysayer")
    except PackageNotFoundError:
        return "unknown"


def versions() -> dict[str, str]:
    """Naysayer, Python and the platform."""
    return {"naysayer": own_version(), "python": platform.python_version(), "platform": platform.platform()}
