"""Time-keyed random numbers: each depends on the place and the time at which it is asked for, and not on earlier ones.

So what one operation meets stays the same when another operation is left out, which is what lets a failure be
minimised. Time is divided into slots of about a millisecond, in which a link or a disk is equally slow, as real ones
are; an event that is moved by less than that mostly meets the same. A number is the key of the place plus the number of
the slot times the golden ratio, mixed by a step of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
number generators", 2014).
"""

from __future__ import annotations

from hashlib import blake2b
from random import Random

from targets.backends.simulator.loop import Loop

SLOT_BITS = 20
"""A slot is 2 to the power of so many nanoseconds."""

_64 = (1 << 64) - 1
_53 = (1 << 53) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_ODD = 0xD1B54A32D192ED03
"""Tells the numbers of one slot from each other."""
_MIX = 0xBF58476D1CE4E5B9
_UNIT = 2.0**-53


def key(name: str) -> int:
    """64 bits that tell a place from others."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def number_at(key: int, now_ns: int) -> float:
    """The number in [0, 1) of a place, the same for as long as the slot lasts."""
    bits = key + (now_ns >> SLOT_BITS) * _GOLDEN & _64
    return ((bits ^ bits >> 32) * _MIX >> 11 & _53) * _UNIT


class TimeKeyedRandom(Random):
    """A generator whose numbers depend on the slot, and within a slot on how many were taken before."""

    def __init__(self, loop: Loop, name: str) -> None:
        super().__init__(0)
        self._loop = loop
        self._key = key(name)
        self._slot = -1
        self._state = 0

    def rekey(self, name: str) -> None:
        """Draw under the key of another name from now on."""
        self._key, self._slot = key(name), -1

    def _next(self) -> int:
        slot = self._loop.now_ns >> SLOT_BITS
        if slot != self._slot:
            self._slot, self._state = slot, self._key + slot * _GOLDEN
        self._state = bits = self._state + _ODD & _64
        return (bits ^ bits >> 32) * _MIX & _64

    def random(self) -> float:
        """The next number in [0, 1)."""
        return (self._next() >> 11) * _UNIT

    def getrandbits(self, k: int) -> int:
        """The next `k` random bits."""
        bits = 0
        for _ in range(0, k, 64):
            bits = bits << 64 | self._next()
        return bits >> (-k % 64)
