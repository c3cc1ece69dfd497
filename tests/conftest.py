"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

for name in ("COLUMNS", "LINES"):
    # the readline library, which pytest loads, sets them for all processes that it starts, xdist workers among them
    os.environ.pop(name, None)

# an example that takes long on a busy machine is no failure
settings.register_profile("naysayer", deadline=None)
settings.load_profile("naysayer")
