"""What holds for all tests."""

from __future__ import annotations

import os

for name in ("COLUMNS", "LINES"):
    # the readline library, which pytest loads, sets them for all processes that it starts, xdist workers among them
    os.environ.pop(name, None)
