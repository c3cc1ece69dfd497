"""A log per key as Kafka has it: `send` -> offset; `poll` {key: offset} -> {key: [[offset, message], ...]}.

Checked (after Maelstrom's kafka workload): an offset of a key holds one message, whichever operation saw it; a poll's
offsets grow and are not below what was asked; a poll that began after a send was acknowledged, asked at or below its
offset and returned a later one, returned that message too (else it was lost); no message appears that was never sent,
that certainly failed, or at two offsets. After all faults are healed clients drain every log by `final_poll`: one that
returns nothing of a log shows that it ends there, so nothing acknowledged may lie at or after the offset it asked (the
last of each node, if it was drained several times).

`commit_offsets` {key: offset} records that a client has processed all up to that offset, `list_committed_offsets`
[keys] -> {key: offset} where a new consumer may go on: at what was committed, after it, or at the beginning (0, or
less). An offset beyond any that a client committed by then would make that consumer skip messages, so it is a
violation. A lower one is none: messages are then processed again. But where no answer shows any, the
outcome is unknown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from checker.history import History, Operation
from checker.properties.eventual import Lack
from checker.values import show
from checker.verdict import Decision, Explanation


def _pairs(value: Any) -> dict[Any, Any]:
    """A frozen map (sorted pairs) as a dict."""
    return dict(value or ())


def _offset(send: Operation) -> Any:
    return send.output


POLLS = ("poll", "final_poll")


class _Log:
    """What is known of the offsets of all keys so far, and by which operation."""

    def __init__(self) -> None:
        self.held: dict[tuple[Any, Any], tuple[Any, Operation]] = {}
        self.places: dict[tuple[Any, Any], tuple[Any, Operation]] = {}

    def learn(self, key: Any, offset: Any, message: Any, op: Operation) -> Explanation | None:
        """Note that `op` saw a message at an offset; an Explanation if another operation saw a different one there."""
        known = self.held.setdefault((key, offset), (message, op))
        if known[0] == message:
            return self._placed(key, offset, message, op)
        sentence = (
            f"Two messages at one offset: #{op.index} saw {show(message)} at {offset} of {show(key)}, "
            f"where #{known[1].index} saw {show(known[0])}."
        )
        return Explanation(
            "conflicting-offset", sentence, (), op.index, {known[1].index: f"{show(known[0])} at {offset}"}
        )

    def _placed(self, key: Any, offset: Any, message: Any, op: Operation) -> Explanation | None:
        place = self.places.setdefault((key, message), (offset, op))
        if place[0] != offset:
            sentence = (
                f"One message at two offsets: #{op.index} saw {show(message)} of {show(key)} at {offset}, "
                f"#{place[1].index} at {place[0]}, and it was sent once."
            )
            return Explanation("duplicate-message", sentence, (), op.index, {place[1].index: f"at {place[0]}"})
        return None


def decide(part: History) -> Decision:
    """See the module's text. Cost: the messages polled, and the sends acknowledged in the gaps of a poll."""
    ops = list(part)
    rows = {op.index: row for row, op in enumerate(ops)}
    found: Explanation | None = None
    log = _Log()
    sent = {(op.key, op.input): op for op in ops if op.f == "send"}
    acknowledged: dict[Any, list[Operation]] = {}
    for op in ops:
        if op.f == "send" and op.status == "ok":
            found = log.learn(op.key, op.output, op.input, op)
            if found is not None:
                return _invalid(found, rows)
            acknowledged.setdefault(op.key, []).append(op)
    stored = {key: sorted(sends, key=_offset) for key, sends in acknowledged.items()}
    for op in ops:
        if op.f in POLLS and op.status == "ok":
            found = _judge_poll(op, log, sent, stored)
            if found is not None:
                return _invalid(found, rows)
    found = _judge_ends(ops, acknowledged) or _judge_committed(ops)
    if found is not None:
        return _invalid(found, rows)
    unseen = _commits_unseen(ops)
    return Decision("valid", "property") if unseen is None else Decision("unknown", "none", reason=unseen)


def _judge_poll(
    op: Operation,
    log: _Log,
    sent: dict[tuple[Any, Any], Operation],
    stored: dict[Any, list[Operation]],
) -> Explanation | None:
    """`stored`: by key the acknowledged sends, in order of their offsets."""
    asked = _pairs(op.input)
    polled = _pairs(op.output)
    for key, messages in polled.items():
        offsets = [offset for offset, _ in messages]
        if offsets != sorted(set(offsets)) or (offsets and offsets[0] < asked.get(key, 0)):
            sentence = (
                f"Out of order: #{op.index} polled {show(key)} from {asked.get(key, 0)} and got the offsets {offsets}."
            )
            return Explanation("out-of-order", sentence, (), op.index)
        for offset, message in messages:
            source = sent.get((key, message))
            if source is None or source.call > op.ret or source.status == "fail":
                why = "which no operation sent" if source is None else f"though #{source.index} had not sent it yet"
                if source is not None and source.status == "fail":
                    why = f"though #{source.index}, which tried to send it, had failed and so never happened"
                notes = {} if source is None else {source.index: str(source.status)}
                sentence = f"Phantom value: #{op.index} got {show(message)} from {show(key)}, {why}."
                return Explanation("phantom-value", sentence, (), op.index, notes)
            found = log.learn(key, offset, message, op)
            if found is not None:
                return found
        if not offsets:
            continue
        present = set(offsets)
        sends = stored.get(key, [])
        between = slice(*(bisect_left(sends, at, key=_offset) for at in (asked.get(key, 0), offsets[-1])))
        for send in sends[between]:
            if send.output not in present and send.ret < op.call:
                sentence = (
                    f"Lost message: #{op.index} skipped offset {send.output} of {show(key)}, "
                    f"where #{send.index} had stored {show(send.input)}."
                )
                return Explanation("lost-write", sentence, (), op.index, {send.index: f"stored at {send.output}"})
    return None


def _judge_ends(ops: list[Operation], acknowledged: dict[Any, list[Operation]]) -> Explanation | None:
    """Where the logs ended when they were drained, against what was acknowledged."""
    ends: dict[Any, Operation] = {}
    for op in ops:
        if op.f == "final_poll" and op.status == "ok":
            polled = _pairs(op.output)
            for key in _pairs(op.input):
                who = (op.index if op.node is None else op.node, key)
                ends.pop(who, None)
                if not polled.get(key):
                    ends[who] = op
    for (_, key), op in ends.items():
        for send in acknowledged.get(key, ()):
            if send.ret < op.call and send.output >= _pairs(op.input)[key]:
                sentence = (
                    f"Lost message: #{op.index} found the end of {show(key)} before offset {send.output}, "
                    f"where #{send.index} had stored {show(send.input)}."
                )
                return Explanation("lost-write", sentence, (), op.index, {send.index: f"stored at {send.output}"})
    return None


def _judge_committed(ops: list[Operation]) -> Explanation | None:
    """Whether any listed offset lies beyond all that were committed before its answer came."""
    commits = sorted((op for op in ops if op.f == "commit_offsets" and op.status != "fail"), key=lambda op: -op.call)
    highest: dict[Any, tuple[Any, Operation]] = {}
    listed = (op for op in ops if op.f == "list_committed_offsets" and op.status == "ok")
    for op in sorted(listed, key=lambda op: op.ret):
        while commits and commits[-1].call <= op.ret:
            commit = commits.pop()
            for key, offset in _pairs(commit.input).items():
                if key not in highest or highest[key][0] < offset:
                    highest[key] = (offset, commit)
        for key, offset in _pairs(op.output).items():
            if offset <= 0 or (key in highest and offset <= highest[key][0] + 1):
                continue
            wrong = f"Wrong committed offset: #{op.index} returned {offset} for {show(key)}"
            if key not in highest:
                return Explanation("phantom-value", f"{wrong}, but no offset of it was committed.", (), op.index)
            most, commit = highest[key]
            sentence = f"{wrong}, but the highest offset committed by then is {most}, by #{commit.index}."
            return Explanation("phantom-value", sentence, (), op.index, {commit.index: f"committed {most}"})
    return None


def _commits_unseen(ops: list[Operation]) -> str | None:
    """Why nothing was seen of committed offsets: a system may forget some, but what lists none at all shows nothing."""
    asked = [op for op in ops if op.f == "list_committed_offsets" and op.status == "ok"]
    if any(op.output for op in asked):
        return None
    since: dict[Any, int] = {}
    for op in ops:
        if op.f == "commit_offsets" and op.status == "ok":
            since |= {key: min(op.ret, since.get(key, op.ret)) for key in _pairs(op.input)}
    after = [op for op in asked if any(key in since and since[key] < op.call for key in op.input or ())]
    if not after:
        return None
    return (
        f"offsets were committed, and none of {len(after)} answers to list_committed_offsets after that showed any, so "
        "whether commits are kept was not seen"
    )


def lacking(ops: Sequence[Operation]) -> Lack:
    """How many acknowledged messages a node did not show when it was drained."""
    acknowledged = {(op.key, op.output) for op in ops if op.f == "send" and op.status == "ok"}

    def lack(answers: Sequence[Operation]) -> int:
        shown = {(key, offset) for op in answers for key, pairs in (op.output or {}).items() for offset, _ in pairs}
        return len(acknowledged - shown)

    return lack


def _invalid(found: Explanation, rows: dict[int, int]) -> Decision:
    culprit = () if found.culprit is None else (rows[found.culprit],)
    chosen = tuple(sorted({rows[index] for index in found.notes} | set(culprit)))
    return Decision("invalid", "property", counterexample=chosen, explanation=found)


DECIDERS = {"kafka": decide}
LACKING = {"kafka": lacking}
