"""Hunts that several machines share: which runs belong to a shard, and what the shards found together.

Shard i of n makes every n-th batch of seeds, from the i-th on. So the shards of a hunt together are that hunt, and a
shard that is lacking can be made later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from checker.errors import UsageError


class Shard(msgspec.Struct, frozen=True):
    """Shard `number` of `count`, from 1 on."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def shard_of(text: str) -> Shard:
    """Read `2/8`. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard is {text!r}; write 2/8 for the second of eight shards")
    return Shard(int(found[1]), int(found[2]))


class HuntDocument(msgspec.Struct, frozen=True):
    """What `naysayer hunt --shard I/N --json` says of its hunt."""

    seeds: int
    undecided: int
    cpu_s: float
    interrupted: bool
    asked: dict[str, Any]
    shard: Shard | None = None
    seed: int | None = None
    scenario: str | None = None
    """The minimised failure."""


class Document(msgspec.Struct, frozen=True):
    """The JSON document of a hunt, as far as it matters here."""

    hunt: HuntDocument | None
    naysayer: str
    """The version that made it."""


@dataclass(frozen=True)
class Merged:
    """What the shards found together. `failures`: each minimised scenario, with the shards that found it."""

    asked: Mapping[str, Any]
    count: int
    seeds: int
    undecided: int
    cpu_s: float
    failures: Mapping[str, tuple[int, ...]]
    lacking: tuple[int, ...]
    """Shards of which there is no document, or one of a hunt that did not end."""


def merge(documents: Sequence[tuple[str, bytes]]) -> Merged:
    """Merge documents, each with its name. Raises UsageError where they are not shards of one hunt."""
    found: dict[int, HuntDocument] = {}
    first: tuple[str, HuntDocument, Shard] | None = None
    names: dict[int, str] = {}
    for name, content in documents:
        hunt, shard = _read(name, content)
        first = first or (name, hunt, shard)
        if (hunt.asked, shard.count) != (first[1].asked, first[2].count):
            raise UsageError(f"{name} and {first[0]} are not shards of one hunt: {_difference(hunt, shard, first)}")
        if shard.number in found:
            raise UsageError(f"{name} and {names[shard.number]} are both shard {shard}; leave one out")
        found[shard.number], names[shard.number] = hunt, name
    if first is None:
        raise UsageError("name the files that naysayer hunt --shard I/N --json printed")
    failures: dict[str, list[int]] = {}
    texts: dict[str, str] = {}
    for number, hunt in sorted(found.items()):
        if hunt.scenario is not None:
            text = texts.setdefault(_without_seed(hunt.scenario), hunt.scenario)
            failures.setdefault(text, []).append(number)
    ended = {number for number, hunt in found.items() if not hunt.interrupted}
    return Merged(
        first[1].asked,
        first[2].count,
        sum(hunt.seeds for hunt in found.values()),
        sum(hunt.undecided for hunt in found.values()),
        sum(hunt.cpu_s for hunt in found.values()),
        {text: tuple(numbers) for text, numbers in failures.items()},
        tuple(number for number in range(1, first[2].count + 1) if number not in ended),
    )


def _read(name: str, content: bytes) -> tuple[HuntDocument, Shard]:
    try:
        document = msgspec.json.decode(content, type=Document)
    except msgspec.DecodeError as error:
        raise UsageError(f"{name} is not the JSON document of a hunt: {error}") from error
    hunt, shard = document.hunt, None if document.hunt is None else document.hunt.shard
    if hunt is None or shard is None:
        raise UsageError(f"{name} is not of a shard: naysayer hunt --shard I/N --json prints one")
    return msgspec.structs.replace(hunt, asked={**hunt.asked, "version": document.naysayer}), shard


def _difference(hunt: HuntDocument, shard: Shard, first: tuple[str, HuntDocument, Shard]) -> str:
    if shard.count != first[2].count:
        return f"one is of {shard.count} shards, the other of {first[2].count}"
    names = [name for name in {**first[1].asked, **hunt.asked} if hunt.asked.get(name) != first[1].asked.get(name)]
    return f"{names[0]} is {hunt.asked.get(names[0])} in one and {first[1].asked.get(names[0])} in the other"


def _without_seed(scenario: str) -> str:
    """Two failures are the same if only titles, and the seed of the delays, differ."""
    lines = [line for line in scenario.splitlines() if not line.startswith("#")]
    return re.sub(r" seed -?\d+", "", "\n".join(lines), count=1)
