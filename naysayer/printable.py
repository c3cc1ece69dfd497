"""What the terminal and report.txt may show: text without control characters. Files for machines keep exact data.

A value, a node's log or a file name may hold anything: an escape sequence that clears the screen or sets its title,
a carriage return that overwrites the line, a mark that turns the rest of the line around (U+202E), half of a
surrogate pair, which no terminal can be sent. All of these are shown as escapes, as Python would write them.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress

SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f", "\v": r"\v"}


def printable(text: str, *, lines: bool = False) -> str:
    """`text` with every character that is not printable (str.isprintable) as an escape.

    `lines`: line feeds are layout and stay.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or (lines and char == "\n") else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if char in SHORT:
        return SHORT[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable_json(text: str) -> str:
    """A JSON document with the same data, in which what is not printable is escaped as JSON does it."""
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def complain(sentence: str) -> None:
    """Write a sentence for the user to stderr; further lines of it (the end of a node's log) are indented."""
    shown = printable(sentence, lines=True).replace("\n", "\n    ")
    with suppress(OSError, AttributeError, ValueError):  # stderr is full or closed: the exit code still says it
        sys.stderr.write(f"naysayer: {shown}\n")
        sys.stderr.flush()
