"""Breadth-first search over every schedule of a scope, so that the first failure found has the fewest steps.

An action delivers a message, lets a client ask, fires a timer, or crashes a node, which starts again at once. What is
late, lost, partitioned or paused needs no action of its own: it is a message that is delivered later, or never.

A state is a string: a character for the local state of each node, one for what the clients see and what may still go
wrong (`Core`), and one for each message under way, sorted. Strings are small, and cheap to cut, join and look up; and
states are kept whole: none is taken for another because a hash is the same.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from naysayer.explore.found import Action, Explored, Failure, Progress
from naysayer.explore.local import Crash, Delivery, Locals, Step, started
from naysayer.explore.outside import Core, Outside
from naysayer.explore.prefix import Taken, until_leads
from naysayer.explore.rules import Rules, rules_of
from naysayer.explore.scope import Asked, Scope
from naysayer.explore.shorter import replies_of
from naysayer.explore.surroundings import LOSSES, ClockRead
from targets.protocol.invariant import LocalInvariant
from targets.protocol.node import Node, Request
from targets.protocol.target import Invariant

KEY = "x"
LOOK_EVERY = 256
"""After how many states the time and the stop request are looked at."""
NO_STEP = -1
"""In place of an action: what changes is in the order of the steps that follow."""
CHARACTERS = 0x10F000
"""How many local states, or inputs, a character can stand for, and some to spare."""


class Move(NamedTuple):
    """A step as it changes the string: the node's character, "" if nothing changes, and those of what it sent."""

    after: str
    sent: str
    step: Step
    silent: bool
    """What the clients see, and what invariants look at, is as it was."""
    alike: bool
    """What the rule for dead messages sees of the node is as it was."""


class _Found(Exception):  # noqa: N818 - a failure of the nodes, not of ours
    def __init__(self, why: str, action: int) -> None:
        self.why, self.action = why, action


class Search:
    """One exploration. `rules`: what makes the scope smaller; those of the target's protocol unless given.
    `invariants`: what must hold in every state, beside the answers; of them those are asked that judge by what they see
    and remember alone. `opaque`: the memory of a node cannot be read."""

    _none = ""
    """No message is under way."""

    def __init__(
        self,
        make: Callable[[], Node],
        scope: Scope,
        rules: Rules | None = None,
        *,
        invariants: Sequence[Callable[[], Invariant]] = (),
        opaque: bool = False,
        remember: bool = True,
    ) -> None:
        self._make, self._scope, self._nodes, self._names = make, scope, scope.nodes, scope.names
        watched = (make() for make in invariants)
        self._given_rules, self._invariants = rules, tuple(one for one in watched if isinstance(one, LocalInvariant))
        self._opaque, self._remember, self._watches = opaque, remember, bool(self._invariants)
        self._begin(clocks=False)

    def _begin(self, *, clocks: bool) -> None:
        """Nothing is known. `clocks`: what the clocks of nodes show is a part of their state."""
        scope, crashes = self._scope, self._scope.crashes > 0
        self._rules = self._given_rules or rules_of(started(self._make, self._names), crashes=crashes)
        self.locals = Locals(
            self._make,
            self._names,
            self._rules,
            self._invariants,
            disks=crashes,
            clocks=clocks,
            opaque=self._opaque,
            remember=self._remember,
        )
        self.outside = Outside(scope, self._invariants, self.locals.views, self.locals.answers)
        self._requests = [[self._request(client, one) for one in row] for client, row in enumerate(scope.program)]
        self._clocks = clocks
        self._moves: dict[str, dict[int, Move]] = {}
        self._crashes: dict[tuple[str, int], list[tuple[int, Move]]] = {}
        self._restarts: dict[str, list[tuple[int, Move]]] = {}
        self._numbers: dict[Action, int] = {}
        self._known: list[Action] = []
        self._ends: dict[str, tuple[int, int, int]] = {}
        self._links: dict[str, tuple[int, int]] = {}
        self._touching: list[dict[str, tuple[int, int]]] = [{} for _ in self._names]
        self._dead: dict[str, bool] = {}
        self._parents, self._actions = array("i"), array("i")
        self.prefix = 0
        """How many steps come before the first state."""

    def _request(self, client: int, asked: Asked) -> int:
        name, f, value = asked.operation
        return self.locals.input(Request(name, f"c{client}", f, KEY, value))

    def run(self, states_max: int, seconds: float | None = None, goes_on: Progress = lambda *_: True) -> Explored:
        """Explore until a failure is found, nothing is left, or a bound is reached."""
        try:
            return self._run(states_max, seconds, goes_on)
        except ClockRead:
            self._begin(clocks=True)
            return self._run(states_max, seconds, goes_on)

    def _run(self, states_max: int, seconds: float | None, goes_on: Progress) -> Explored:
        began = time.monotonic()
        transitions = depth = 0
        first = self._led(self._first())
        if isinstance(first, Failure):
            return Explored(1, 0, self.locals.handled, 0, first, None, clocks=self._clocks)
        seen = {first}
        self.prefix = before = at = len(self._parents) - 1
        layer, cut = [first], None
        while layer and cut is None:
            following: list[str] = []
            for state in layer:
                try:
                    for action, after in self._successors(state):
                        transitions += 1
                        if after and after not in seen:
                            seen.add(after)
                            following.append(after)
                            self._parents.append(at)
                            self._actions.append(action)
                except _Found as found:
                    failure = self._failure(found.why, at, found.action)
                    handled = self.locals.handled
                    return Explored(len(seen), transitions + 1, handled, depth + 1, failure, None, clocks=self._clocks)
                at += 1
                if len(seen) > states_max:
                    cut = f"--states {states_max} was reached"
                elif at % LOOK_EVERY == 0:
                    cut = self._cut(began, seconds) or (
                        None if goes_on(len(seen), depth, len(seen) - at + before) else "interrupted"
                    )
                if cut is not None:
                    break
            else:
                depth += 1
                layer = following
        if cut is not None and at - before == len(seen):
            cut = None
        deepest, unanswered = depth if cut else depth - 1, self.outside.unanswered()
        return Explored(
            len(seen), transitions, self.locals.handled, deepest, None, cut, unanswered, clocks=self._clocks
        )

    def _cut(self, began: float, seconds: float | None) -> str | None:
        """Why the search ends here."""
        if seconds is not None and time.monotonic() - began > seconds:
            return f"--time {seconds:g}s was reached"
        if max(len(self.locals), len(self.locals.inputs)) > CHARACTERS:
            return f"{CHARACTERS} states of a node were reached"
        return None

    def _first(self) -> str | Failure:
        """The state after the first starts, of which no message has arrived."""
        begun = [self.locals.first(index) for index in range(self._nodes)]
        locals_ = "".join(chr(step.state) for step in begun)
        core, why = self.outside.first(), None
        for index in range(self._nodes):
            if why is None:
                core, why = self.outside.looked(core, index, self._looks(locals_))
        if why is not None:
            return Failure(why, (), ())
        messages = self._characters(what for step in begun for what in step.sent)
        if self._rules.dead is not None:
            for index in range(self._nodes):
                messages = self._alive(messages, locals_, index)
        return locals_ + chr(core) + self._with(self._none, messages, core)

    def _led(self, state: str | Failure) -> str | Failure:
        """The state after the prefix of the scope, which costs no timers, and is a part of every failure."""
        self._parents.append(-1)
        self._actions.append(NO_STEP)
        if isinstance(state, Failure):
            return state
        way: tuple[tuple[int, ...], tuple[Taken, ...]] | None = None
        before: frozenset[int] = frozenset()
        for leader in self._scope.leaders:
            done = () if way is None else way[1]
            way = until_leads(self.locals, self._names, leader, way, before)
            state = self._after_prefix(self._parted(state, before), way[1][len(done) :])
            if isinstance(state, Failure):
                return state
            before = frozenset({self._names.index(leader)})
        return state

    def _parted(self, state: str, cut_off: frozenset[int]) -> str:
        """The state when these nodes are cut off: what they send, and are sent, does not arrive yet."""
        return state

    def _after_prefix(self, state: str, taken: Sequence[Taken]) -> str | Failure:
        for index, what in taken:
            locals_, core, under_way = state[: self._nodes], ord(state[self._nodes]), state[self._nodes + 1 :]
            if isinstance(self.locals.inputs[what], Delivery):
                if chr(what) not in under_way:
                    continue  # it can have no effect
                under_way = under_way.replace(chr(what), "", 1)
            action = self._number(Action(index, what))
            try:
                after = self._after(locals_, core, under_way, index, self._move(locals_[index], index, what), action)
            except _Found as found:
                return self._failure(found.why, len(self._parents) - 1, action)
            if after:
                self._parents.append(len(self._parents) - 1)
                self._actions.append(action)
                state = after
        return state

    # successors

    def _successors(self, state: str) -> Iterator[tuple[int, str]]:
        """Each action with the state after it, "" where nothing changes. Raises _Found."""
        nodes, moves, ends = self._nodes, self._moves, self._ends
        locals_, core, under_way = state[:nodes], ord(state[nodes]), state[nodes + 1 :]
        left: Core = self.outside.cores[core]
        before = ""
        for at, message in enumerate(under_way):
            if message == before:
                continue
            before = message
            to, what, action = ends[message]
            local = locals_[to]
            move = moves.get(local, {}).get(what) or self._move(local, to, what)
            rest = under_way[:at] + under_way[at + 1 :]
            yield action, self._after(locals_, core, rest, to, move, action)
            if left.duplicates:
                copied = self._number(Action(to, what, copy=True))
                yield copied, self._after(locals_, self.outside.spent(core, "duplicates"), under_way, to, move, copied)
            if left.crashes:
                fewer = self.outside.spent(core, "crashes")
                for crash, move in self._crashes_during(local, to, what, -1):
                    yield crash, self._after(locals_, fewer, rest, to, move, crash)
        yield from self._begun(locals_, core, under_way)
        yield from self._restarted(locals_, core, under_way)

    def _begun(self, locals_: str, core: int, messages: str) -> Iterator[tuple[int, str]]:
        """The actions that no message brings about: clients ask, timers fire."""
        left = self.outside.cores[core]
        for client, index, what in self._may_ask(left):
            yield from self._takes(locals_, self.outside.asked(core, client), messages, index, what, client)
        if left.timers:
            fewer = self.outside.spent(core, "timers")
            for index, local in enumerate(locals_):
                for timer in self.locals.timers[ord(local)]:
                    yield from self._takes(locals_, fewer, messages, index, timer)

    def _restarted(self, locals_: str, core: int, messages: str) -> Iterator[tuple[int, str]]:
        """Crashes between two inputs."""
        if self.outside.cores[core].crashes:
            fewer = self.outside.spent(core, "crashes")
            for index, local in enumerate(locals_):
                for crash, move in self._crashes_between(local, index):
                    yield crash, self._after(locals_, fewer, messages, index, move, crash)

    def _takes(
        self, locals_: str, core: int, messages: str, index: int, what: int, client: int = -1
    ) -> Iterator[tuple[int, str]]:
        """A node takes an input, whole or up to a crash."""
        local, action = locals_[index], self._number(Action(index, what, client))
        yield action, self._after(locals_, core, messages, index, self._move(local, index, what), action)
        if self.outside.cores[core].crashes:
            fewer = self.outside.spent(core, "crashes")
            for crash, move in self._crashes_during(local, index, what, client):
                yield crash, self._after(locals_, fewer, messages, index, move, crash)

    def _may_ask(self, left: Core) -> Iterator[tuple[int, int, int]]:
        """Clients that may ask, which node, and for what."""
        for client, row in enumerate(self._scope.program):
            done, waits = divmod(left.progress[client], 2)
            if waits or done == len(row):
                continue
            for index, name in enumerate(self._names):
                if row[done].node in (None, name):
                    yield client, index, self._requests[client][done]

    def _after(self, locals_: str, core: int, messages: str, index: int, move: Move, action: int) -> str:
        """The state after a move of a node; "" where nothing changes."""
        after, sent, step, silent, alike = move
        if not after:
            if self._known[action].client < 0:
                return ""  # the message may as well be lost, and the timer or crash not come
            after = locals_[index]
        locals_ = locals_[:index] + after + locals_[index + 1 :]
        if not silent:
            core = self._noticed(core, locals_, index, step, action)
        if self._rules.dead is not None:
            if messages and not alike:
                messages = self._alive(messages, locals_, index)
            if sent:
                sent = self._alive(sent, locals_, index)
        if sent:
            messages = self._with(messages, sent, core)
        return locals_ + chr(core) + messages

    def _with(self, messages: str, sent: str, core: int) -> str:
        """What is under way, with what was sent."""
        return "".join(sorted(messages + sent))

    def _noticed(self, core: int, locals_: str, index: int, step: Step, action: int) -> int:
        """The core after what clients are answered and invariants see. Raises _Found."""
        core, why = self.outside.noticed(core, index, step, self._looks(locals_) if self._watches else ())
        if why is not None:
            raise _Found(why, action)
        return core

    def _looks(self, locals_: str) -> tuple[int, ...]:
        looks = self.locals.looks
        return tuple([looks[ord(local)] for local in locals_])

    # moves

    def _move(self, local: str, index: int, what: int) -> Move:
        """What an input does to a local state."""
        found = self._moves.setdefault(local, {}).get(what)
        if found is None:
            before = ord(local)
            step = self.locals.step(before, what)
            looks, summaries = self.locals.looks, self.locals.summaries
            same = step.state == before and not step.sent and not step.replies and step.died is None
            silent = not step.replies and step.died is None and looks[step.state] == looks[before]
            alike = summaries[step.state] == summaries[before]
            found = Move("" if same else chr(step.state), self._characters(step.sent), step, silent, alike)
            if self._remember:
                self._moves[local][what] = found
        return found

    def _crashes_during(self, local: str, index: int, what: int, client: int) -> list[tuple[int, Move]]:
        """Crashes between any two effects of what a node does with an input. Of those that come to the same, one."""
        found = self._crashes.get((local, what))
        if found is None:
            effects = self._move(local, index, what).step.effects
            ways = [Crash(loss, what, done) for done in range(1, effects) for loss in LOSSES]
            found = self._distinct(local, index, ways, client)
            if self._remember:
                self._crashes[local, what] = found
        return found

    def _crashes_between(self, local: str, index: int) -> list[tuple[int, Move]]:
        found = self._restarts.get(local)
        if found is None:
            found = self._distinct(local, index, [Crash(loss, None, 0) for loss in LOSSES], -1)
            if self._remember:
                self._restarts[local] = found
        return found

    def _distinct(self, local: str, index: int, ways: list[Crash], client: int) -> list[tuple[int, Move]]:
        different: dict[Step, tuple[int, Move]] = {}
        for way in ways:
            what = self.locals.input(way)
            move = self._move(local, index, what)
            different.setdefault(move.step._replace(effects=0), (self._number(Action(index, what, client)), move))
        return list(different.values())

    def _number(self, action: Action) -> int:
        found = self._numbers.get(action)
        if found is None:
            found = self._numbers[action] = len(self._known)
            self._known.append(action)
        return found

    # messages

    def _characters(self, messages: Sequence[int] | Iterator[int]) -> str:
        """The characters of messages that were sent."""
        for what in (messages := tuple(messages)):
            if chr(what) not in self._ends:
                given = self.locals.inputs[what]
                assert isinstance(given, Delivery)
                names = self._names
                sender, to = names.index(given.sender), names.index(given.to)
                self._ends[chr(what)] = (to, what, self._number(Action(to, what)))
                self._links[chr(what)] = (sender, to)
                for index in {sender, to}:
                    self._touching[index][chr(what)] = (to, sender)
        return "".join(map(chr, messages))

    def _alive(self, messages: str, locals_: str, index: int) -> str:
        """Without those that can have no effect any more, now that node `index` has another state."""
        touching, dead = self._touching[index], self._dead
        kept = []
        for message in messages:
            ends = touching.get(message)
            if ends is not None:
                key = locals_[ends[0]] + message + locals_[ends[1]]
                found = dead.get(key)
                if found is None:
                    found = dead[key] = self._is_dead(key)
                if found:
                    continue
            kept.append(message)
        return messages if len(kept) == len(messages) else "".join(kept)

    def _is_dead(self, key: str) -> bool:
        receiver, what, sender = map(ord, key)
        dead, given, summaries = self._rules.dead, self.locals.inputs[what], self.locals.summaries
        assert dead is not None
        assert isinstance(given, Delivery)
        return dead(summaries[receiver], given.message, summaries[sender])

    # what is reported

    def _failure(self, why: str, at: int, last: int) -> Failure:
        taken = [last]
        while at > 0:
            taken.append(self._actions[at])
            at = self._parents[at]
        actions = tuple(self._known[one] for one in reversed(taken) if one != NO_STEP)
        return Failure(why, actions, replies_of(self.locals, actions))
