"""List-append: each key's order of versions is that of its longest read; all others must be beginnings of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checker.history import FAIL, OK, Column
from checker.transactions.local import Locals
from checker.transactions.table import Table, value_text
from checker.transactions.versions import UNWRITTEN, Versions
from checker.values import Token, show

Element = Any
Elements = tuple[Element, ...]


@dataclass
class _Gathered:
    """What one pass over the micro-operations collects."""

    table: Table
    found: Locals
    writers: dict[Any, dict[Element, int]] = field(default_factory=lambda: defaultdict(dict))
    inner: dict[Any, dict[Element, Element]] = field(default_factory=lambda: defaultdict(dict))
    """By key, an element and the next one that the same transaction appended."""
    read_txn: list[int] = field(default_factory=list)
    read_key: list[Any] = field(default_factory=list)
    read: list[Elements] = field(default_factory=list)
    """What was read of other transactions: without the reader's own elements at the end."""
    longest: dict[Any, Elements] = field(default_factory=dict)
    shown_by: dict[Any, int] = field(default_factory=dict)
    twice: str | None = None

    def add(self, kind: str, key: Any, sentence: str, *txns: int) -> None:
        """Counts an anomaly on a key; in its sentence {0}, {1} stand for the transactions."""
        names = [f"#{self.table.index(txn)}" for txn in txns]
        self.found.add(kind, key, txns, lambda: sentence.format(*names))


def versions(table: Table, found: Locals) -> Versions:
    """The versions of a history of lists; anomalies go to `found`."""
    gathered = _Gathered(table, found)
    _gather(gathered)
    keys = list(dict.fromkeys([*gathered.writers, *gathered.read_key]))
    number = {key: i for i, key in enumerate(keys)}
    chain: list[int] = []
    begin = [0]
    for key in keys:
        order, writers = gathered.longest.get(key, ()), gathered.writers.get(key, {})
        chain.extend([writers.get(element, UNWRITTEN) for element in order])
        begin.append(len(chain))
        _check_order(gathered, key, order)
    chains = _Chains(keys, np.array(begin, np.int64), np.array(chain, np.int64))
    read_key = np.fromiter(map(number.__getitem__, gathered.read_key), np.int64, len(gathered.read))
    length = np.fromiter(map(len, gathered.read), np.int64, len(gathered.read))
    fit = _beginnings(gathered)
    txn, read_key, length = np.array(gathered.read_txn, np.int64)[fit], read_key[fit], length[fit]
    happened = table.ok.copy()
    happened[chains.writer[chains.writer >= 0]] = True
    foreign = _check_reads(gathered, chains, txn, read_key, length)
    return chains.versions(gathered, txn[foreign], read_key[foreign], length[foreign], happened)


def _gather(g: _Gathered) -> None:
    table, writers, longest, shown_by = g.table, g.writers, g.longest, g.shown_by
    add_txn, add_key, add_read = g.read_txn.append, g.read_key.append, g.read.append
    all_micros, statuses = table.micros, table.status.tolist()
    for txn in table.failed_last():
        micros, status = all_micros[txn], statuses[txn]
        own: dict[Any, list[Element]] | None = None
        for f, key, value in micros:
            if type(key) is bool:
                key = _distinct(key)
            if f == "append":
                if type(value) is bool:
                    value = _distinct(value)
                known = writers[key]
                if value in known:
                    if status == FAIL:
                        continue
                    g.twice = g.twice or _twice(table, known[value], txn, key, value)
                known[value] = txn
                if own is None:
                    own = {}
                if key in own:
                    g.inner[key][own[key][-1]] = value
                    own[key].append(value)
                else:
                    own[key] = [value]
            elif status == OK:
                read = value or ()
                if own is not None and key in own:
                    mine = tuple(own[key])
                    if read[-len(mine) :] != mine:
                        lacking = (
                            f"{_list(read)} from {_text(key)}, without its own append of {_text(mine[-1])} at the end"
                        )
                        g.add("internal", key, f"{{0}} read {lacking}", txn)
                        continue
                    read = read[: len(read) - len(mine)]
                add_txn(txn)
                add_key(key)
                add_read(read)
                if read and (key not in longest or len(read) > len(longest[key])):
                    longest[key] = read
                    shown_by[key] = txn
    for key, order in longest.items():
        longest[key] = tuple(map(_distinct, order))


def _distinct(value: Any) -> Any:
    """The value, with true and false as what is equal to no number: in Python True is 1."""
    return Token(str(value).lower()) if type(value) is bool else value


def _text(value: Any) -> str:
    return show(value).replace("{", "{{").replace("}", "}}")


def _list(elements: Elements) -> str:
    return value_text(elements, "list").replace("{", "{{").replace("}", "}}")


def _twice(table: Table, one: int, other: int, key: Any, value: Any) -> str:
    both = (
        f"#{table.index(one)} and #{table.index(other)} both append"
        if one != other
        else f"#{table.index(one)} twice appends"
    )
    return f"elements are not unique: {both} {show(value)} to {show(key)}"


def _check_order(g: _Gathered, key: Any, order: Elements) -> None:
    """The longest read: each element once, and those of one transaction in the order of its appends."""
    if len(set(order)) != len(order):
        twice = next(element for i, element in enumerate(order) if element in order[:i])
        shown = f"{_list(order)} from {_text(key)}, where {_text(twice)} was appended once"
        g.add("duplicate-elements", key, f"{{0}} read {shown}", g.shown_by[key])
    if key not in g.inner:
        return
    place = {element: i for i, element in enumerate(order)}
    for one, following in g.inner[key].items():
        if following in place and place.get(one, len(order)) > place[following]:
            where = "before" if one in place else "without"
            g.add(
                "incompatible-order",
                key,
                f"{{0}} appended {_text(one)} and then {_text(following)} to {_text(key)}, and {{1}} read "
                f"{_text(following)} {where} {_text(one)}",
                g.writers[key][following],
                g.shown_by[key],
            )


def _beginnings(g: _Gathered) -> Column:
    """The reads that begin the longest of their key. The others are incompatible with it."""
    longest = g.longest
    odd = {
        key: [i for i, one in enumerate(order) if one in _ODD] for key, order in longest.items() if _may_be_odd(order)
    }
    fit: list[int] = []
    seen: dict[Any, Elements] = {}
    last = -1
    for at, (txn, key, read) in enumerate(zip(g.read_txn, g.read_key, g.read, strict=True)):
        if read:
            for i in odd.get(key, ()):
                if i < len(read) and type(read[i]) is bool:
                    read = tuple(map(_distinct, read))
            order = longest[key]
            if read != order and read != order[: len(read)]:
                both = f"{{0}} read {_list(order)} from {_text(key)}, and {{1}} read {_list(read)}"
                g.add("incompatible-order", key, both, g.shown_by[key], txn)
            else:
                fit.append(at)
        else:
            fit.append(at)
        if txn != last:
            last, seen = txn, {}
        elif key in seen and seen[key] != read:
            both = f"{_list(seen[key])} from {_text(key)}, and later {_list(read)} of other transactions"
            g.add("non-repeatable-read", key, f"{{0}} read {both}", txn)
        seen[key] = read
    return np.array(fit, dtype=np.int64)


_ODD = frozenset({0, 1, Token("true"), Token("false")})
"""What another type has an equal of: in Python True is 1."""


def _may_be_odd(order: Elements) -> bool:
    return not _ODD.isdisjoint(order)


@dataclass(frozen=True)
class _Chains:
    """Who appended each element of each longest read, one key after another: `begin[k]` to `begin[k + 1]`."""

    keys: list[Any]
    begin: Column
    writer: Column

    def versions(self, g: _Gathered, txn: Column, read_key: Column, length: Column, happened: Any) -> Versions:
        """Elements of one transaction in a row are one version; what happened and was never read comes at the end."""
        keys, count = len(self.keys), len(self.writer)
        starts = np.ones(count, dtype=bool)
        starts[1:] = self.writer[1:] != self.writer[:-1]
        starts[self.begin[:-1][self.begin[:-1] < count]] = True
        block = keys + np.cumsum(starts) - 1
        first = np.flatnonzero(starts)
        key_of = np.repeat(np.arange(keys), np.diff(self.begin))[first]
        unseen_key, unseen_txn = self._unseen(g, happened)
        key = np.concatenate([np.arange(keys), key_of, unseen_key])
        writer = np.concatenate([np.full(keys, -1), self.writer[first], unseen_txn])
        after = np.full(len(key), -1, dtype=np.int64)
        blocks = keys + np.arange(len(first))
        after[blocks[:-1]] = np.where(key_of[1:] == key_of[:-1], blocks[1:], -1)
        some = np.flatnonzero(np.diff(self.begin) > 0)
        after[some] = block[self.begin[:-1][some]]
        read_ver = read_key.copy()
        full = length > 0
        read_ver[full] = block[self.begin[read_key[full]] + length[full] - 1]
        return Versions(self.keys, key, writer, after, txn, read_ver, happened, g.twice)

    def _unseen(self, g: _Gathered, happened: Any) -> tuple[Column, Column]:
        found: list[tuple[int, int]] = []
        for number, key in enumerate(self.keys):
            writers, order = g.writers.get(key, {}), g.longest.get(key, ())
            if len(writers) > len(order):
                known = set(order)
                new = {txn for element, txn in writers.items() if happened[txn] and element not in known}
                found.extend((number, txn) for txn in sorted(new))
        columns = np.array(found, dtype=np.int64).reshape(-1, 2)
        return columns[:, 0], columns[:, 1]


def _check_reads(g: _Gathered, chains: _Chains, txn: Column, read_key: Column, length: Column) -> Column:
    """What each read shows must have been written, committed, and left by its writer; returns the reads of others."""
    table, begin = g.table, chains.begin
    status = np.append(table.status, [OK, OK])  # [-2]: of what no transaction wrote
    writer_failed = (status[chains.writer] == FAIL) & (chains.writer >= 0)
    unwritten = chains.writer == UNWRITTEN
    last = begin[read_key] + length - 1
    for bad, kind in ((unwritten, "phantom-value"), (writer_failed, "aborted-read")):
        if not bad.any():
            continue
        before = np.concatenate([[0], np.cumsum(bad)])
        for at in np.flatnonzero(before[last + 1] > before[begin[read_key]]).tolist():
            place = int(begin[read_key[at]] + np.argmax(bad[begin[read_key[at]] : last[at] + 1]))
            key = chains.keys[int(read_key[at])]
            element = g.longest[key][place - int(begin[read_key[at]])]
            if kind == "phantom-value":
                g.add(
                    kind,
                    key,
                    f"{{0}} read {_text(element)} from {_text(key)}, which no transaction wrote",
                    int(txn[at]),
                )
            else:
                sentence = f"{{1}} read {_text(element)} from {_text(key)}, which {{0}} wrote and aborted"
                g.add(kind, key, sentence, int(chains.writer[place]), int(txn[at]))
    if writer_failed.any():
        _dirty(g, chains, writer_failed)
    inner = _inner(g, chains)
    some = np.flatnonzero(length > 0)
    writer = np.full(len(txn), -1, dtype=np.int64)
    writer[some] = chains.writer[last[some]]
    own = writer == txn
    for at in np.flatnonzero(own).tolist():
        key, element = _element(g, chains, read_key, last, at)
        g.add(
            "future-read",
            key,
            f"{{0}} read {_text(element)} from {_text(key)} before it wrote that itself",
            int(txn[at]),
        )
    middle = np.zeros(len(txn), dtype=bool)
    middle[some] = inner[last[some]]
    for at in np.flatnonzero(middle & ~own).tolist():
        key, element = _element(g, chains, read_key, last, at)
        following = g.inner[key][element]
        sentence = (
            f"{{1}} read {_text(element)} from {_text(key)} without {_text(following)}, which {{0}} appended next"
        )
        g.add("intermediate-read", key, sentence, int(writer[at]), int(txn[at]))
    return np.flatnonzero(~own)


def _element(g: _Gathered, chains: _Chains, read_key: Column, last: Column, at: int) -> tuple[Any, Element]:
    key = chains.keys[int(read_key[at])]
    return key, g.longest[key][int(last[at] - chains.begin[read_key[at]])]


def _inner(g: _Gathered, chains: _Chains) -> NDArray[np.bool_]:
    """Which elements their writer followed with another one."""
    inner = np.zeros(len(chains.writer), dtype=bool)
    number = {key: i for i, key in enumerate(chains.keys)} if g.inner else {}
    for key, following in g.inner.items():
        order = g.longest.get(key, ())
        begin = int(chains.begin[number[key]])
        inner[begin : begin + len(order)] = [element in following for element in order]
    return inner


def _dirty(g: _Gathered, chains: _Chains, failed: Any) -> None:
    for number, key in enumerate(chains.keys):
        begin, end = chains.begin[number : number + 2].tolist()
        aborted = np.flatnonzero(failed[begin:end])
        for place in aborted.tolist():
            later = [w for w in chains.writer[begin + place + 1 : end].tolist() if w >= 0 and g.table.status[w] == OK]
            if later:
                element = g.longest[key][place]
                g.add(
                    "dirty-update",
                    key,
                    f"{{1}} appended to {_text(key)} after {_text(element)}, which {{0}} appended and aborted",
                    int(chains.writer[begin + place]),
                    later[0],
                )
