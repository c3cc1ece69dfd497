"""The conformance suite of the node protocol: what every host must do, whatever language its kit is for.

Most checks need a node that does what it is told: each kit has one (`conform`), which carries out the `steps` of a
message through the kit's own context. Any other host is checked as far as its nodes need not be known.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from targets.backends.host.process import AGAIN_S_MAX, HostDiedError
from targets.backends.host.subject import NODES, DeviationError, Subject, effects, refused, same, shown

LARGE = 1 << 20
MANY = 500
FLOOD = 1 << 20

TEXT = 'é 漢字 😀 \u2028 \x7f "quoted" back\\slash \t\n\r\x01 </script>'
VALUES: tuple[Any, ...] = (0, -1, 2**53 - 1, 1.5, -1e-7, 1e300, True, False, None, "", [], {}, [[{"a": [None]}]])


@dataclass(frozen=True)
class Check:
    """`run` raises DeviationError. `steps`: it needs the node that does what it is told."""

    name: str
    run: Callable[[Subject], None]
    steps: bool = True


def examine(command: tuple[str, ...]) -> Iterator[tuple[Check, str | None]]:
    """Each check with what is wrong, None if nothing; without those that need the kit's node where it is another one.
    Raises UsageError where the command is no host at all."""
    subject = Subject(command)
    try:
        follows = subject.follows_steps()
    except (DeviationError, HostDiedError):
        follows = False
    try:
        for check in CHECKS:
            if check.steps and not follows:
                continue
            try:
                check.run(subject)
            except DeviationError as error:
                subject.end()
                yield check, str(error)
            except HostDiedError as error:
                yield check, f"it {error.how}"
            else:
                yield check, None
    finally:
        subject.end()


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


# the checks


def _starts(subject: Subject) -> None:
    subject.born()


def _order(subject: Subject) -> None:
    steps = [
        ["send", "n2", {"type": "a", "n": 1}],
        ["create", "f"],
        ["append", "f", _base64("one")],
        ["send", "n3", {"type": "b"}],
        ["sync", "f"],
        ["timer", "t", 150],
        ["append", "f", _base64("two")],
        ["truncate", "f", 3],
        ["cancel", "t"],
        ["rename", "f", "g"],
        ["log", "said"],
        ["sync_directory"],
        ["remove", "g"],
        ["send", "n2", {"type": "c"}],
    ]
    came = subject.do(subject.born(), *steps)
    same(came[:-1], steps, "effects in the order of the calls")
    same(came[-1], ["send", "c1", {"type": "conform_ok", "saw": [], "in_reply_to": 1}], "the reply at the end")


def _as_it_was(subject: Subject) -> None:
    came = subject.do(subject.born(), ["send_changed", "n2"])
    wanted = [["send", "n2", {"type": "changed", "n": [1]}], ["send", "n2", {"type": "changed", "n": [2]}]]
    same(came[:-1], wanted, "a message that the node changed after it was sent, and sent again")


def _reads(subject: Subject) -> None:
    steps = (["create", "f"], ["append", "f", _base64("abc")], ["read", "f"], ["truncate", "f", 1], ["read", "f"])
    more = (["rename", "f", "g"], ["create", "e"], ["names"], ["append", "g", _base64("z")], ["read", "g"])
    life = subject.born()
    wanted = [_base64("abc"), _base64("a"), ["e", "g"], _base64("az")]
    same(subject.saw(life, *steps, *more), wanted, "reads after writes of the same handler")
    same(subject.saw(life, ["read", "g"], ["remove", "g"], ["names"]), [_base64("az"), ["e"]], "reads of a later one")


def _restart(subject: Subject) -> None:
    binary = b64encode(bytes(range(256))).decode()
    life = subject.born(disk={"wal": binary, "empty": ""})
    same(subject.saw(life, ["names"], ["read", "wal"], ["read", "empty"]), [["empty", "wal"], binary, ""], "its disk")
    again = subject.born()
    same(subject.saw(again, ["names"]), [[]], "the disk of a life that began with none")


def _timers(subject: Subject) -> None:
    life = subject.born()
    answer = subject.give(id=life, event="timer", name="élection 1", now=150.0)
    same(effects(answer, "a timer"), [["log", "timer élection 1"]], "a timer that is due")


def _clock(subject: Subject) -> None:
    life = subject.born()
    for now in (12.5, -3000.25, 1e9):
        same(subject.saw(life, ["now"], now=now), [now], "the clock")


def _random(subject: Subject) -> None:
    draws = [subject.saw(subject.born(seed=seed), ["random"], ["random"]) for seed in (2**48 - 1, 2**48 - 1, 5)]
    if draws[0] != draws[1]:
        raise DeviationError(f"two lives with one seed drew {draws[0]} and {draws[1]}")
    if draws[0] == draws[2]:
        raise DeviationError("lives with different seeds drew the same numbers")


def _unicode(subject: Subject) -> None:
    body = {"type": "say", "text": TEXT, TEXT: [TEXT]}
    same(subject.do(subject.born(), ["send", "n2", body])[0], ["send", "n2", body], "text")


def _json(subject: Subject) -> None:
    life = subject.born()
    for value in VALUES:
        body = {"type": "say", "value": value}
        same(subject.do(life, ["send", "n2", body])[0], ["send", "n2", body], "a value")


def _large(subject: Subject) -> None:
    body = {"type": "say", "text": "x" * LARGE}
    same(subject.do(subject.born(), ["send", "n2", body])[0], ["send", "n2", body], "a message of 1 MiB")


def _large_request(subject: Subject) -> None:
    life = subject.born()
    body = {"type": "no-such-operation", "msg_id": 1, "value": "x" * LARGE}
    answer = subject.give(id=life, event="message", **{"from": "c1"}, body=body, now=1.0)
    effects(answer, "a request of 1 MiB")


def _lives(subject: Subject) -> None:
    lives = [subject.born(node=NODES[number % 3]) for number in range(MANY)]
    for number, life in enumerate(lives):
        for _ in range(number % 3):
            subject.do(life, ["create", "f"])
    for number, life in enumerate(lives):
        view = subject.give(id=life, event="view").get("view")
        same(view, {"steps": number % 3}, f"the view of life {number + 1} of {MANY}")
        same(subject.saw(life, ["me"]), [NODES[number % 3]], "the name of a node")


def _many_lives(subject: Subject) -> None:
    lives = [subject.born(node=NODES[number % 3]) for number in range(MANY)]
    for life in lives:
        if not isinstance(subject.give(id=life, event="view").get("view"), dict):
            raise DeviationError(f"one of {MANY} lives has no view to show, not even an empty one")


def _forget(subject: Subject) -> None:
    kept, gone, unknown = subject.born(), subject.born(), subject.process.new_life()
    life = subject.process.new_life()
    forget = {"node": "n1", "nodes": NODES, "seed": 1, "now": 0.0, "disk": {}, "forget": [gone, unknown]}
    effects(subject.give(id=life, event="start", **forget), "a start that forgets")
    refused(subject.give(id=gone, event="view"), "an input for a life that it was to forget")
    if "view" not in subject.give(id=kept, event="view"):
        raise DeviationError("it forgot a life that it was not to forget")


def _unknown(subject: Subject) -> None:
    life = subject.born()
    for line, what in (
        (b'{"id":%d,"event":"dance","now":1.0}' % life, "an unknown event"),
        (b'{"id":%d,"now":1.0}' % life, "an input without an event"),
        (b'{"id":99999999,"event":"timer","name":"t","now":1.0}', "a life that there is not"),
        (b"this is not JSON", "a line that is not JSON"),
        (b"[1,2]", "a line that is not an object"),
        (b'{"id":', "half a line"),
    ):
        refused(subject.raw(line), what)
    if "view" not in subject.give(id=life, event="view"):
        raise DeviationError("after inputs that it does not know it has lost a life")


def _not_supported(subject: Subject) -> None:
    body = {"type": "no-such-operation", "msg_id": 5}
    answer = subject.give(id=subject.born(), event="message", **{"from": "c1"}, body=body, now=1.0)
    sent = effects(answer, "a request of an unknown type")
    given = sent[0][2] if sent and isinstance(sent[0], list) and len(sent[0]) == 3 else {}
    known = (given.get("type"), given.get("code"), given.get("in_reply_to"))
    same(list(known), ["error", 10, 5], "type, code and in_reply_to of the answer to an unknown request")


def _raises(subject: Subject) -> None:
    life = subject.born()
    body = {"type": "conform", "msg_id": 1, "steps": [["send", "n2", {"type": "a"}], ["raise", "no such luck"]]}
    answer = subject.give(id=life, event="message", **{"from": "c1"}, body=body, now=1.0)
    refused(answer, "a handler that raises an exception")
    if "no such luck" not in str(answer.get("text")):
        raise DeviationError(f"the text of an exception is lost: {shown(msgspec.json.encode(answer))}")
    places = answer.get("at")
    if not places or not re.match(r"\w[\w.-]*\.\w+:\d+ in \S", str(places[0]), re.ASCII):
        raise DeviationError(f"the place of an exception is {places!r}, not like 'File.java:12 in handler'")
    same(subject.saw(life, ["me"]), ["n1"], "the next input of a life after an exception")


def _prints(subject: Subject) -> None:
    life = subject.born()
    came = subject.do(life, ["print", '{"do":[]}'], ["log", "said"])
    same(came[:-1], [["log", "said"]], "effects of a handler that prints to stdout")
    same(subject.saw(life, ["me"]), ["n1"], "the input after it")


def _floods(subject: Subject) -> None:
    life = subject.born()
    subject.do(life, ["flood", FLOOD])
    same(subject.saw(life, ["me"]), ["n1"], "the input after 1 MiB on stderr")


def _exits(subject: Subject) -> None:
    life = subject.born()
    try:
        subject.do(life, ["exit", 7])
    except HostDiedError as error:
        if "ended its process with exit code 7" not in error.how:
            raise DeviationError(f"where the node exits with code 7, it {error.how}") from None
        return
    raise DeviationError("it goes on where the node ends the process")


def _hangs(subject: Subject) -> None:
    life = subject.born()
    subject.process.patience_s = AGAIN_S_MAX
    try:
        subject.do(life, ["loop"])
    except HostDiedError as error:
        if not error.hung:
            raise DeviationError(f"in an endless loop it {error.how}") from None
        return
    raise DeviationError("it answered though its handler does not end")


def _alike(subject: Subject) -> None:
    def transcript() -> list[Any]:
        subject.end()
        life = subject.born(seed=11)
        body = {"type": "no-such-operation", "msg_id": 1}
        found: list[Any] = [subject.give(id=life, event="message", **{"from": "c1"}, body=body, now=1.0)]
        found.append(subject.give(id=life, event="view"))
        return found

    first, second = transcript(), transcript()
    same(second, first, "the same inputs in another process")


def _alike_steps(subject: Subject) -> None:
    def transcript() -> list[Any]:
        subject.end()
        life = subject.born(seed=11)
        return [subject.do(life, ["random"], ["draw"], ["order"], now=5.0) for _ in range(3)]

    first, second = transcript(), transcript()
    same(second, first, "the same steps in another process")


CHECKS = (
    Check("a node starts", _starts, steps=False),
    Check("effects come in the order in which the handler asked for them", _order),
    Check("an effect is what it was when it was asked for", _as_it_was),
    Check("reads see the writes before them", _reads),
    Check("a restart finds the disk, byte for byte", _restart),
    Check("timers go by their names", _timers),
    Check("the clock is the one given, and may jump", _clock),
    Check("random numbers follow from the seed", _random),
    Check("text of any alphabet goes through", _unicode),
    Check("values of JSON go through", _json),
    Check("a message of 1 MiB goes through", _large),
    Check("a request of 1 MiB is read", _large_request, steps=False),
    Check(f"{MANY} lives have {MANY} states", _lives),
    Check(f"{MANY} lives at once", _many_lives, steps=False),
    Check("lives are forgotten when they may be", _forget, steps=False),
    Check("unknown inputs and junk are answered by an error", _unknown, steps=False),
    Check("a request of an unknown type is answered by error 10", _not_supported, steps=False),
    Check("an exception is reported with its text and place", _raises),
    Check("what the program prints does not reach the protocol", _prints),
    Check("1 MiB on stderr does no harm", _floods),
    Check("the same inputs have the same answers in another process", _alike, steps=False),
    Check("random numbers and hash orders of the language are the same in another process", _alike_steps),
    Check("a node may end the process, which shows", _exits),
    Check("an endless loop shows", _hangs),
)
"""In the order in which they are made: those that end the process last."""
