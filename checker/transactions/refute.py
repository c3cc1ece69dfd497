"""Verifies that a level does not hold: each link of a cycle is derived again from the transactions that it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from checker.history import identity
from checker.transactions.facts import Fact, Facts, Key
from checker.transactions.levels import Guarantee, Level
from checker.transactions.local import RANK, REFUTED_FROM
from checker.transactions.proof import Inevitable, Link, Proof, WriteOrder
from checker.values import shown

_KINDS = {
    "serializable": {"ww", "wr", "rw"},
    "snapshot-isolation": {"ww", "wr", "rw"},
    **{
        family: {"ww", "wr", "session", "commit order"}
        for family in ("causal", "read-atomic", "read-committed", *get_args(Guarantee))
    },
    "PL-2": {"ww", "wr"},
    "read-uncommitted": {"ww"},
}
_ORDERS = {"none": set[str](), "session": {"session"}, "realtime": {"session", "real time"}}

Given = frozenset[WriteOrder]


def refuted(facts: Facts, level: Level, proof: Proof, given: Given = frozenset()) -> str | None:
    """What is wrong with a proof, or None."""
    for lemma in proof.lemmas:
        problem = _opposite(facts, lemma.holds, lemma.otherwise) or _cycle(
            facts, level, lemma.cycle, given | {lemma.otherwise}
        )
        if problem is not None:
            return f"the order of {_order(lemma)} is not proved: {problem}"
        given |= {lemma.holds}
    if not proof.sides:
        return _cycle(facts, level, proof.cycle, given)
    if len(proof.sides) != 2:
        return "a choice does not have two sides"
    (one, left), (other, right) = proof.sides
    return (
        _opposite(facts, one, other)
        or refuted(facts, level, left, given | {one})
        or refuted(facts, level, right, given | {other})
    )


def _order(lemma: Inevitable) -> str:
    return f"#{lemma.holds.ended} before #{lemma.holds.began} on {shown(lemma.holds.key)}"


def _opposite(facts: Facts, one: WriteOrder, other: WriteOrder) -> str | None:
    """Whether two orders of writes are the only two: of two chains of one key, neither of which begins it."""
    key = identity(one.key)
    if identity(other.key) != key:
        return "two orders of writes are not on one key"
    known = {one.ended, one.began, other.ended, other.began}
    if not all(index in facts.of and key in facts.of[index].writes and facts.happened(index) for index in known):
        return "an order of writes names a transaction that did not write the key"
    first, second = facts.chain(key, other.began), facts.chain(key, one.began)
    if one.ended not in first or other.ended not in second or set(first) & set(second):
        return "two orders of writes are not those of two chains"
    initial = facts.chain(key, None)
    return "an order of writes concerns the first chain" if set(initial) & (set(first) | set(second)) else None


def _cycle(facts: Facts, level: Level, cycle: tuple[Link, ...], given: Given) -> str | None:
    if not cycle:
        return "there is no cycle"
    allowed = _KINDS[level.family] | _ORDERS[level.order]
    for link, following in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
        initial = link.after is None and len(cycle) == 1 and link.kind == "commit order"
        if link.after != following.before and not initial:
            return "the cycle is not closed"
        if link.kind not in allowed:
            return f"{level.name} allows a cycle with {link.kind}"
        if level.family == "snapshot-isolation" and link.kind == following.kind == "rw":
            return "snapshot isolation allows a cycle in which rw follows rw"
        if any(index is not None and index not in facts.of for index in (link.before, link.after, link.via)):
            return "a link names an operation that is no transaction of the history"
        if not all(facts.happened(index) for index in (link.before, link.after) if index is not None):
            return "a link names a transaction that did not happen"
        try:
            if not _CHECKS[link.kind](facts, link, given, level):
                return f"#{link.before} need not come before #{link.after} by {link.kind}"
        except LookupError as problem:
            return f"#{link.before} before #{link.after}: {problem}"
    return None


def _session(facts: Facts, link: Link, given: Given, level: Level) -> bool:
    assert link.after is not None
    one, other = facts.of[link.before].op, facts.of[link.after].op
    return one.status == "ok" and one.process == other.process and (one.call, one.index) < (other.call, other.index)


def _realtime(facts: Facts, link: Link, given: Given, level: Level) -> bool:
    assert link.after is not None
    one, other = facts.of[link.before].op, facts.of[link.after].op
    return one.status == "ok" and one.ret < other.call


def _key(facts: Facts, link: Link) -> Key:
    """The key of a link; of sets, that of what was added by the transaction that was seen, or missed."""
    key = identity(link.key)
    return key if facts.data != "set" else (key, link.after if link.kind == "rw" else link.before)


def _wr(facts: Facts, link: Link, given: Given, level: Level) -> bool:
    assert link.after is not None
    key = _key(facts, link)
    return any(facts.source(key, value) == link.before for value in facts.of[link.after].read(key))


def _ww(facts: Facts, link: Link, given: Given, level: Level) -> bool:
    assert link.after is not None
    key = identity(link.key)
    one, other = facts.of[link.before], facts.of[link.after]
    if key not in one.writes or key not in other.writes or link.before == link.after:
        return False
    if link.given is not None and link.given in given:
        return (link.given.ended, link.given.began) == (link.before, link.after) and identity(link.given.key) == key
    if facts.data == "list":
        order = facts.longest.get(key, ())
        mine = [order.index(value) for value in one.writes[key] if value in order]
        its = [order.index(value) for value in other.writes[key] if value in order]
        if mine and (len(its) < len(other.writes[key]) or min(mine) < max(its)):
            return True
    if level.family not in ("serializable", "snapshot-isolation"):
        return False
    if facts.data == "list" and facts.longest.get(key, ()) in one.read(key) and len(its) < len(other.writes[key]):
        return True  # nothing comes between what it read, which is all that was read, and what it appended
    return link.after in facts.followers(key).get(link.before, []) or _later(facts, key, link.before, link.after)


def _later(facts: Facts, key: Key, version: int | None, writer: int) -> bool:
    """Whether a transaction's write follows a version of the key's first chain (None: the initial one)."""
    chain = facts.chain(key, None)
    return version in chain and writer not in chain[: chain.index(version) + 1]


def _rw(facts: Facts, link: Link, given: Given, level: Level) -> bool:
    assert link.after is not None
    key = _key(facts, link)
    reader, writer = facts.of[link.before], facts.of[link.after]
    if key not in writer.writes or link.before == link.after:
        return False
    for value in reader.read(key):
        if facts.data == "list":
            if not set(writer.writes[key]) & set(value):
                return True
            continue
        version = facts.source(key, value)
        if version == link.after:
            continue
        if link.given is not None and link.given in given and identity(link.given.key) == key:
            return (link.given.ended, link.given.began) == (version, link.after)
        if link.after in facts.followers(key).get(version, []) or _later(facts, key, version, link.after):
            return True
    return False


def _commit(facts: Facts, link: Link, given: Given, level: Level) -> bool:
    """via read the key from `after` though it had seen `before`, which wrote the key too."""
    if link.via is None:
        return False
    key, via = _key(facts, link), facts.of[link.via]
    if key not in facts.of[link.before].writes or link.before in (link.after, link.via):
        return False
    places = [at for at, (of, value) in enumerate(via.reads) if of == key and facts.source(of, value) == link.after]
    if not places:
        return False
    earlier = {facts.source(of, value) for of, value in via.reads[: max(places)]} - {None}
    if level.family == "causal":
        return link.before in _history(facts, via)
    if level.family == "read-atomic":
        return link.before in _causes(facts, via)
    return link.before in earlier or link.before in _guaranteed(facts, level, via, earlier)


def _history(facts: Facts, fact: Fact) -> set[int]:
    """All that leads to a transaction by sessions and reads."""
    known = _causes(facts, fact)
    pending = list(known)
    while pending:
        for cause in _causes(facts, facts.of[pending.pop()]) - known:
            known.add(cause)
            pending.append(cause)
    return known


def _guaranteed(facts: Facts, level: Level, via: Fact, earlier: set[int | None]) -> set[int]:
    """What a session guarantee asks to be seen by a transaction that had read from those `earlier`."""
    seen = [facts.of[index] for index in earlier if index is not None]
    match level.family:
        case "read-your-writes":
            return _session_of(facts, via)
        case "monotonic-reads":
            return _read(facts, [facts.of[index] for index in _session_of(facts, via)])
        case "monotonic-writes":
            return {index for fact in seen for index in _session_of(facts, fact)}
        case "writes-follow-reads":
            before = {index for fact in seen for index in _session_of(facts, fact)}
            return _read(facts, [*seen, *(facts.of[index] for index in before)])
    return set()


def _read(facts: Facts, some: list[Fact]) -> set[int]:
    found = {facts.source(key, value) for fact in some for key, value in fact.reads}
    return {index for index in found if index is not None}


def _causes(facts: Facts, fact: Fact) -> set[int]:
    """What a transaction read from, and what came before it in its session."""
    return _read(facts, [fact]) | _session_of(facts, fact)


def _session_of(facts: Facts, fact: Fact) -> set[int]:
    """What came before it in its session."""
    return {
        index
        for index, other in facts.of.items()
        if other.ok
        and other.op.process == fact.op.process
        and (other.op.call, other.op.index) < (fact.op.call, fact.op.index)
    }


_CHECKS: dict[str, Callable[[Facts, Link, Given, Level], bool]] = {
    "ww": _ww,
    "wr": _wr,
    "rw": _rw,
    "session": _session,
    "real time": _realtime,
    "commit order": _commit,
}


def local_refuted(facts: Facts, level: Level, kind: str, txns: tuple[int, ...]) -> str | None:
    """What is wrong with the claim that these transactions alone show an anomaly that the level excludes, or None."""
    if RANK[REFUTED_FROM[kind]] > RANK[level.family]:
        return f"{level.name} allows {kind}"
    try:
        if any(_SHOWS[kind](facts, facts.of[index]) for index in txns if index in facts.of):
            return None
    except LookupError as problem:
        return str(problem)
    return f"the transactions named do not show {kind}"


def _elements(facts: Facts, value: Any) -> tuple[Any, ...]:
    return value if facts.data == "list" else (value,) if value != facts.initial else ()


def _statuses(facts: Facts, key: Key, element: Any) -> set[str]:
    return {facts.of[index].op.status for index in facts.writers.get((key, element), [])}


def _phantom(facts: Facts, fact: Fact) -> bool:
    return any(not facts.writers.get((key, one)) for key, value in fact.reads for one in _elements(facts, value))


def _twice(facts: Facts, fact: Fact) -> bool:
    return any(len(set(value)) < len(value) for _, value in fact.reads) if facts.data == "list" else False


def _incompatible(facts: Facts, fact: Fact) -> bool:
    for key, value in fact.reads:
        order = facts.longest.get(key, ())
        if value != order[: len(value)]:
            return True
        for writer in {index for one in value for index in facts.writers.get((key, one), [])}:
            wrote = facts.of[writer].writes[key]
            shown_ = [one for one in value if one in wrote]
            if shown_ != wrote[: len(shown_)]:
                return True
    return False


def _aborted(facts: Facts, fact: Fact) -> bool:
    return any(_statuses(facts, key, one) == {"fail"} for key, value in fact.reads for one in _elements(facts, value))


def _dirty(facts: Facts, fact: Fact) -> bool:
    for key in fact.writes:
        statuses = [_statuses(facts, key, one) for one in facts.longest.get(key, ())]
        failed = [at for at, found in enumerate(statuses) if found == {"fail"}]
        if failed and any(found == {"ok"} for found in statuses[failed[0] :]):
            return True
    return False


def _intermediate(facts: Facts, fact: Fact) -> bool:
    for key, value in fact.reads:
        writer = facts.source(key, value) if _elements(facts, value) and not _phantom(facts, fact) else None
        if writer is not None and writer != fact.op.index:
            last = value[-1] if facts.data == "list" else value
            if facts.of[writer].writes[key][-1] != last:
                return True
    return False


def _future(facts: Facts, fact: Fact) -> bool:
    return any(one in fact.writes.get(key, []) for key, value in fact.reads for one in _elements(facts, value))


def _changed(facts: Facts, fact: Fact) -> bool:
    return any(value != other for key, value in fact.reads for other in fact.read(key))


def _lost(facts: Facts, fact: Fact) -> bool:
    """Another transaction read the same version of a key and wrote the key too."""
    for key in fact.writes:
        for value in fact.read(key)[:1]:
            if len(facts.followers(key).get(facts.source(key, value), [])) > 1:
                return True
    return False


_SHOWS: dict[str, Callable[[Facts, Fact], bool]] = {
    "phantom-value": _phantom,
    "duplicate-elements": _twice,
    "incompatible-order": _incompatible,
    "aborted-read": _aborted,
    "dirty-update": _dirty,
    "intermediate-read": _intermediate,
    "future-read": _future,
    "internal": lambda facts, fact: fact.broken,
    "non-repeatable-read": _changed,
    "lost-update": _lost,
}
