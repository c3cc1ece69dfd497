"""The monitor of append lists: reads return the whole list, so the longest read shows the order of appends.

With unique values every read must be a prefix of the longest one. Then only one order of states is possible: append,
the reads of one element, append, the reads of two ... and after it what was appended and never read (in order of
call, which never contradicts real time). The history is linearizable iff no operation in that order returned before an
earlier one in it was called: a running maximum of call times decides. Cost: the total length of the distinct reads.

A pending append happened iff some operation read it. Values appended twice are left to the search.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from checker.history import INFO, History, Operation, identity
from checker.values import show
from checker.verdict import Decision, Edge, Explanation

List = tuple[Any, ...]


def decide(part: History) -> Decision | None:
    """Valid with the order, invalid with two reads or a pair of operations against real time; None if ambiguous."""
    appends: dict[Any, int] = {}
    reads: list[tuple[List, int]] = []
    shown: dict[int, List] = {}
    names = part.tables.f.values
    for row in range(len(part)):
        if names[part.f[row]] == "append":
            value = identity(part.tables.value.values[part.input[row]])
            if value in appends:
                return None
            appends[value] = row
        else:
            code = int(part.output[row])
            if code not in shown:
                shown[code] = _identities(part.tables.value.values[code] or ())
            reads.append((shown[code], row))
    reads.sort(key=lambda read: (len(read[0]), int(part.call[read[1]])))
    longest, by = reads[-1] if reads else ((), -1)
    agree = all(longest[: len(content)] == content for content in shown.values())
    if not agree or len(set(longest)) < len(longest) or not appends.keys() >= set(longest):
        for check in (_phantom, _misread):
            for content, row in reads:
                found = check(part, content, row, longest, by, appends)
                if found is not None:
                    return found
    return _in_order(part, longest, appends, reads)


def _identities(items: List) -> List:
    """The identities of items, at once where they are all their own."""
    return tuple(map(identity, items)) if {bool, tuple} & set(map(type, items)) else tuple(items)


def _phantom(
    part: History, content: List, row: int, longest: List, by: int, appends: dict[Any, int]
) -> Decision | None:
    """A read of a value that no operation appended."""
    if all(item in appends for item in content):
        return None
    op = part[row]
    item = next(item for item in op.output if identity(item) not in appends)
    sentence = f"Phantom value: #{op.index} read a list with {show(item)}, which no operation appended."
    return _invalid(part, "phantom-value", sentence, [row], op)


def _misread(
    part: History, content: List, row: int, longest: List, by: int, appends: dict[Any, int]
) -> Decision | None:
    """A read that no order of appends explains: of one element twice, or in another order than the longest read."""
    op = part[row]
    if len(set(content)) != len(content):
        twice = Counter(content).most_common(1)[0][0]
        rows = [appends[twice], row]
        value = show(part[appends[twice]].input)
        sentence = f"Appended twice: #{op.index} read a list that contains {value} twice, but it was appended once."
        return _invalid(part, "duplicate-element", sentence, rows, op)
    if longest[: len(content)] != content:
        other = part[by]
        sentence = (
            f"Divergent appends: #{op.index} and #{other.index} read lists neither of which is a prefix of the other."
        )
        mine, theirs = next((a, b) for a, b in zip(content, longest, strict=False) if a != b)
        return _invalid(part, "divergent-appends", sentence, [row, by, appends[mine], appends[theirs]], op)
    return None


def _in_order(part: History, longest: List, appends: dict[Any, int], reads: list[tuple[List, int]]) -> Decision:
    observed = set(longest)
    unread = [row for item, row in appends.items() if item not in observed and part.status[row] != INFO]
    order: list[int] = []
    at = 0
    for length in range(len(longest) + 1):
        if length:
            order.append(appends[longest[length - 1]])
        while at < len(reads) and len(reads[at][0]) == length:
            order.append(reads[at][1])
            at += 1
    order += sorted(unread, key=lambda row: int(part.call[row]))
    latest = -1
    for row in order:
        if latest >= 0 and part.ret[row] < part.call[latest]:
            return _against_time(part, longest, appends, reads, latest, row)
        if latest < 0 or part.call[row] > part.call[latest]:
            latest = row
    return Decision("valid", "list order", witness=order)


def _against_time(
    part: History, longest: List, appends: dict[Any, int], reads: list[tuple[List, int]], first: int, second: int
) -> Decision:
    """`first` comes before `second` in the list's order, but `second` had returned before `first` was called."""
    place = {appends[item]: number + 1 for number, item in enumerate(longest)}
    length = {row: len(content) for content, row in reads if row in (first, second)}
    rows = [first, second]
    if len(length) == 2:  # what the second shows and the first does not
        rows.append(appends[longest[length[first]]])
    elif not length:  # some read shows where they are
        needed = max(place.get(row, 0) for row in rows)
        rows.append(next(row for content, row in reads if len(content) >= needed))
        if part.ret[rows[2]] < part.call[first]:  # it cannot have seen where they are
            rows = [first, rows[2]]
            second = rows[1]
    a, b = part[first], part[second]
    if b.f == "append" and second not in place:
        kind = "lost-append"
        sentence = f"Lost append: #{b.index} appended {show(b.input)} and had finished before #{a.index} began, "
        sentence += "but no list that was read contains it."
    elif b.f == "read":
        kind = "read-before-written"
        sentence = f"Read before written: #{b.index} shows {show(a.input)}, but ended before #{a.index} "
        sentence += "began to append it."
        if a.f == "read":
            kind = "stale-read"
            sentence = (
                f"Stale read: #{a.index} shows a shorter list than #{b.index}, which had finished before it began."
            )
    elif a.f == "read":
        kind = "stale-read"
        sentence = (
            f"Stale read: #{a.index} does not show {show(b.input)}, though #{b.index} had appended it and finished."
        )
    else:
        kind = "reordered-append"
        sentence = f"Out of order: the list has {show(a.input)} before {show(b.input)}, but #{b.index} had appended "
        sentence += f"{show(b.input)} and finished before #{a.index} began."
    cycle = (Edge(b.index, a.index, "real time"), Edge(a.index, b.index, "list order"))
    return _invalid(part, kind, sentence, rows, a if a.f == "read" else b, cycle)


def _invalid(
    part: History, kind: str, sentence: str, rows: list[int], culprit: Operation, cycle: tuple[Edge, ...] = ()
) -> Decision:
    explanation = Explanation(kind, sentence, cycle, culprit.index)
    return Decision("invalid", "list order", counterexample=tuple(sorted(set(rows))), explanation=explanation)
