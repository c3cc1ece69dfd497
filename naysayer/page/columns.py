"""Packs columns of whole numbers: the difference to the number before, in a variable number of bytes, all deflated.

A packed page is a JSON header, its length before it (4 bytes, little-endian), then the columns in the header's order.
Differences are zigzag encoded, then written as in LEB128: seven bits a byte, the lowest first. js/run.js unpacks it.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

LEVEL = 6
"""Of zlib."""

EXACT_MAX = 2**53
"""Larger numbers are not exact in the browser."""


def packed(header: Mapping[str, Any], columns: Mapping[str, Numbers]) -> str:
    """The header, with the names and lengths of the columns added to it, and the columns, as base64."""
    listed = [[name, len(column)] for name, column in columns.items()]
    text = msgspec.json.encode({**header, "columns": listed})
    content = b"".join([len(text).to_bytes(4, "little"), text, *(differences(column) for column in columns.values())])
    return base64.b64encode(zlib.compress(content, LEVEL)).decode()


def differences(column: Numbers) -> bytes:
    """A column as bytes. Raises ValueError for a number that the browser would not hold exactly."""
    if len(column) == 0:
        return b""
    if int(column.max()) > EXACT_MAX or int(column.min()) < -EXACT_MAX:
        raise ValueError("a number is beyond 53 bits")
    steps = np.diff(column, prepend=np.int64(0))
    zigzag = ((steps << 1) ^ (steps >> 63)).astype(np.uint64)
    sizes = np.ones(len(zigzag), dtype=np.int64)
    rest = zigzag >> np.uint64(7)
    while rest.any():
        sizes += rest > 0
        rest = rest >> np.uint64(7)
    starts = np.cumsum(sizes) - sizes
    out = np.zeros(int(sizes.sum()), dtype=np.uint8)
    for place in range(int(sizes.max())):
        rows = np.flatnonzero(sizes > place)
        more = np.where(sizes[rows] > place + 1, 0x80, 0)
        out[starts[rows] + place] = ((zigzag[rows] >> np.uint64(7 * place)) & np.uint64(0x7F)) | more.astype(np.uint64)
    return out.tobytes()
