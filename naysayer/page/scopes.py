"""The page of an exploration without a failure: its scopes, and what is certain of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from naysayer.page.bundle import STYLES
from naysayer.page.html import template
from naysayer.printable import printable

VERDICTS = {
    "valid": ("✓", "NO VIOLATION", "good"),
    "invalid": ("✗", "VIOLATION", "bad"),
    "unknown": ("?", "UNKNOWN", "unknown"),
}
SCOPES = {
    "free": ("✓ no violation", "good"),
    "says nothing": ("– inconclusive", "sub"),
    "cut": ("? cut", "maybe"),
    "violation": ("✗ violation", "bad"),
}
"""By outcome, as docs/json.md has it: what stands in the table, and how."""


def scopes_html(title: str, outcome: str, facts: Mapping[str, Any]) -> bytes:
    """The page. `outcome`: of the exploration: valid, invalid, unknown. `facts`: as the `explore` of docs/json.md."""
    tokens = (STYLES / "tokens.css").read_text(encoding="utf-8")
    written = template(
        "scopes.html.jinja"
    ).render(
        tokens=Markup(tokens),  # ours
        title=printable(title),
        verdict=VERDICTS[outcome],
        words=SCOPES,
        sentence=printable(facts["sentence"][:1].upper() + facts["sentence"][1:]),
        scopes=facts["scopes"],
        not_begun=facts["not_begun"],
    )
    return written.encode("utf-8", "backslashreplace")
