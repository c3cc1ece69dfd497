"""Search over the schedules with few delays: far deeper for the same effort than over all of them.

Without a delay messages arrive in the order in which they were sent, and clients ask and timers fire when none is under
way. Each of these is one delay (Emmi, Qadeer and Rakamaric 2011, "Delay-Bounded Scheduling"):

* the next message is held back: it arrives at any later moment, or never;
* a client asks, or a timer fires, while messages are under way;
* a minority of the nodes is cut off from the others, until any later moment at which no message is under way: what is
  under way between the two, and what they send each other from then on, is lost.

A message that would do nothing when it is its turn may be lost for nothing. Crashes come at any moment. All of this
happens in real systems too, so that a failure is one; but where there is none, more delays may still show one.

A state is a string as in `Search`; behind a mark, the messages that are held back, sorted. Delays are no steps: what
they change shows in the order of the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import combinations

from naysayer.explore.found import Action
from naysayer.explore.search import NO_STEP, Search

MARK = chr(0x10FFFF)
"""Between the messages in their order and those that are held back."""


class DelayedSearch(Search):
    """The exploration of a scope with a bound of delays."""

    _none = MARK

    def _successors(self, state: str) -> Iterator[tuple[int, str]]:
        nodes, outside = self._nodes, self.outside
        locals_, core, messages = state[:nodes], ord(state[nodes]), state[nodes + 1 :]
        queue, held = messages.split(MARK)
        left = outside.cores[core]
        if queue:
            rest = queue[1:] + MARK + held
            yield from self._arrives(locals_, core, queue[0], rest)
            to, what, _ = self._ends[queue[0]]
            if not self._move(locals_[to], to, what).after:
                yield NO_STEP, state[: nodes + 1] + rest
            if left.delays:
                yield NO_STEP, locals_ + chr(outside.spent(core, "delays")) + queue[1:] + _held(held + queue[0])
        before = ""
        for at, message in enumerate(held):
            if message != before:
                yield from self._arrives(locals_, core, message, queue + MARK + held[:at] + held[at + 1 :])
            before = message
        if left.cut_off and not queue:
            yield NO_STEP, locals_ + chr(outside.cut_off(core, ())) + messages
        elif queue and left.delays and not left.cut_off:
            for some in self._minorities:
                kept = self._without(queue, some)
                if kept != queue:  # before a message is lost by it, it changes nothing
                    cut_off = outside.cut_off(outside.spent(core, "delays"), some)
                    yield NO_STEP, locals_ + chr(cut_off) + kept + MARK + held
        yield from self._restarted(locals_, core, messages)
        if not queue:
            yield from self._begun(locals_, core, messages)
        elif left.delays:
            yield from self._begun(locals_, outside.spent(core, "delays"), messages)

    def _parted(self, state: str, cut_off: frozenset[int]) -> str:
        locals_, core, messages = state[: self._nodes], ord(state[self._nodes]), state[self._nodes + 1 :]
        queue, held = messages.split(MARK)
        some = tuple(sorted(cut_off))
        return locals_ + chr(self.outside.cut_off(core, some)) + self._without(queue, some) + MARK + held

    def _arrives(self, locals_: str, core: int, message: str, others: str) -> Iterator[tuple[int, str]]:
        """A message arrives, once, or (a copy of it is then held back) the first of two times."""
        to, what, _ = self._ends[message]
        yield from self._takes(locals_, core, others, to, what)
        if self.outside.cores[core].duplicates:
            queue, held = others.split(MARK)
            fewer, copied = self.outside.spent(core, "duplicates"), self._number(Action(to, what, copy=True))
            move = self._move(locals_[to], to, what)
            yield copied, self._after(locals_, fewer, queue + _held(held + message), to, move, copied)

    def _with(self, messages: str, sent: str, core: int) -> str:
        queue, held = messages.split(MARK)
        return queue + self._without(sent, self.outside.cores[core].cut_off) + MARK + held

    def _without(self, messages: str, cut_off: tuple[int, ...]) -> str:
        """Those that are not between these nodes and the others."""
        if not cut_off:
            return messages
        return "".join(
            [one for one in messages if (self._links[one][0] in cut_off) == (self._links[one][1] in cut_off)]
        )

    @cached_property
    def _minorities(self) -> list[tuple[int, ...]]:
        nodes = range(self._nodes)
        return [some for size in range(1, (self._nodes + 1) // 2) for some in combinations(nodes, size)] or [(0,)]


def _held(messages: str) -> str:
    """As the last part of a state."""
    return MARK + "".join(sorted(messages))
