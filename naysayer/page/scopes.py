"""The page of an exploration without a failure: its scopes, and what is certain of each."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from naysayer.printable import printable


def scopes_html(title: str, facts: Mapping[str, Any]) -> bytes:
    """The page. `facts`: as the `explore` of docs/json.md."""
    tokens = (files("naysayer.page") / "css" / "tokens.css").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string((files("naysayer.page") / "scopes.html.jinja").read_text(encoding="utf-8"))
    written = page.render(
        tokens=Markup(tokens),  # ours
        title=printable(title),
        sentence=printable(facts["sentence"]),
        scopes=facts["scopes"],
        not_begun=facts["not_begun"],
    )
    return written.encode("utf-8", "backslashreplace")
