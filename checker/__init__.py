"""Decides whether a history is linearizable, and proves its answer. Imports nothing else of ours.

from checker import check, History
verdict = check(history, "register")
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checker.budget import Budget
    from checker.check import check
    from checker.errors import HistoryError, NaysayerError, UsageError
    from checker.history import History, Operation
    from checker.model import Inconsistent, Model, NondeterministicModel
    from checker.streaming import Event, Stream, Violation
    from checker.verdict import Explanation, Part, Verdict
    from checker.verify import verify

__all__ = [
    "Budget",
    "Event",
    "Explanation",
    "History",
    "HistoryError",
    "Inconsistent",
    "Model",
    "NaysayerError",
    "NondeterministicModel",
    "Operation",
    "Part",
    "Stream",
    "UsageError",
    "Verdict",
    "Violation",
    "check",
    "verify",
]

_HOME = {
    "Budget": "budget",
    "Event": "streaming",
    "Explanation": "verdict",
    "History": "history",
    "HistoryError": "errors",
    "Inconsistent": "model",
    "Model": "model",
    "NaysayerError": "errors",
    "NondeterministicModel": "model",
    "Operation": "history",
    "Part": "verdict",
    "Stream": "streaming",
    "UsageError": "errors",
    "Verdict": "verdict",
    "Violation": "streaming",
    "check": "check",
    "verify": "verify",
}


def __getattr__(name: str) -> Any:
    """Imported when first asked for: numpy and networkx would slow down everything that needs one name of here."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"checker.{_HOME[name]}"), name)
    globals()[name] = value
    return value


class _Package(ModuleType):
    """`check` and `verify` name functions of this package, also after the modules of those names were imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _HOME or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
