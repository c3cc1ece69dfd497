"""Which key an operation is on: a few hot ones, each retired for a fresh one after a while."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

HOT_SHARE = 0.5
"""How often the first key is taken: contention on one object finds more than load on many."""


OPERATIONS_PER_KEY = 200
"""After so many operations a key is retired, since judging a key with many operations of unknown outcome takes long,
and since a list that is read as a whole only grows."""


class Keys(Struct, frozen=True):
    """A few hot keys. After `operations_per_key` operations a key is retired for a fresh one (x, x1, x2, ...). Integers
    must be those from 0 on; key 0 of three is followed by 3, 6, ...
    """

    bases: tuple[Any, ...] = ("x", "y", "z")
    operations_per_key: int = OPERATIONS_PER_KEY
    used: tuple[int, ...] = ()

    def pick(self, random: Random) -> tuple[Any, Keys]:
        """A key, and the keys after this use of it."""
        slot = 0 if random.random() < HOT_SHARE else random.randrange(len(self.bases))
        used = self.used or (0,) * len(self.bases)
        age = used[slot] // self.operations_per_key
        after = replace(self, used=(*used[:slot], used[slot] + 1, *used[slot + 1 :]))
        base = self.bases[slot]
        return base + age * len(self.bases) if isinstance(base, int) else f"{base}{age or ''}", after
