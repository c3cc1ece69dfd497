"""The page of an exploration without a failure: its scopes, and what is certain of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from naysayer.page.bundle import STYLES
from naysayer.page.html import template
from naysayer.printable import printable


def scopes_html(title: str, facts: Mapping[str, Any]) -> bytes:
    """The page. `facts`: as the `explore` of docs/json.md."""
    tokens = (STYLES / "tokens.css").read_text(encoding="utf-8")
    written = template("scopes.html.jinja").render(
        tokens=Markup(tokens),  # ours
        title=printable(title),
        sentence=printable(facts["sentence"]),
        scopes=facts["scopes"],
        not_begun=facts["not_begun"],
    )
    return written.encode("utf-8", "backslashreplace")
