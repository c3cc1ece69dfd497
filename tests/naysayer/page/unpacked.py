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
