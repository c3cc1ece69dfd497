"""What a page holds, for tests: its header and columns, unpacked as js/run.js does it."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

from checker import check
from checker.history import History, Operation
from naysayer.page.render import render
from naysayer.page.source import Source
from naysayer.report.report import Report


def unpacked(page: bytes) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """The header and the columns in a page."""
    found = re.search(rb'<script type="text/plain" id="data">([^<]*)</script>', page)
    assert found is not None
    content = zlib.decompress(base64.b64decode(found[1]))
    size = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + size])
    columns, at = {}, 4 + size
    for name, length in header["columns"]:
        columns[name], at = column(content, at, length)
    assert at == len(content)
    for name, table in (("v", header["valueText"]), ("k", header["keyText"])):
        codes = columns[f"{name}_code"]
        table["text"] = {code: filled(table["templates"], columns, f"{name}_text", at) for at, code in enumerate(codes)}
    return header, columns


def column(content: bytes, at: int, length: int) -> tuple[list[int], int]:
    """A column of so many numbers, and where it ends."""
    numbers, last = [], 0
    for _ in range(length):
        zigzag = shift = 0
        while True:
            byte = content[at]
            at += 1
            zigzag |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        last += -(zigzag + 1 >> 1) if zigzag & 1 else zigzag >> 1
        numbers.append(last)
    return numbers, at


def page_of(operations: list[Operation], model: str = "register") -> bytes:
    """The page on a history that is judged for it."""
    history = History.of(operations)
    return render(Source(report=Report(check(history, model), "a test"), history=history))


def filled(templates: list[str], columns: dict[str, list[int]], name: str, row: int) -> str:
    """A text from its template and its numbers."""
    numbers = iter(str(columns[f"{name}{number}"][row]) for number in range(4))
    return "".join(next(numbers) if char == "\0" else char for char in templates[columns[name][row]])
