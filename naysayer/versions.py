"""What a run was made with, as result folders and documents for programs keep it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """The version of Naysayer; "unknown" where it runs from a folder without being installed."""
    try:
        return version("naysayer")
    except PackageNotFoundError:
        return "unknown"


def versions() -> dict[str, str]:
    """Naysayer, Python and the platform."""
    return {"naysayer": own_version(), "python": platform.python_version(), "platform": platform.platform()}
