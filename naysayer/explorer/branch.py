"""A branch: a run with edits, which was run to its end and judged. Of most branches only that is kept."""

from __future__ import annotations

from collections import deque
from functools import cached_property

from naysayer.explorer.replay import Change, Edit, Replay, Replayed
from naysayer.explorer.source import Source
from naysayer.explorer.state import State
from naysayer.explorer.stepping import Stepping
from naysayer.explorer.story import Story
from naysayer.explorer.words import Words
from naysayer.hunt.failure import failed_ms, kind
from naysayer.judge import RUN_STEPS, enough, judge_run
from naysayer.notation import value_text
from naysayer.plan import Plan
from naysayer.report.build import seen_in
from naysayer.simulate import client_name
from targets.backends.simulator.network import MS, Sent
from targets.backends.simulator.observed import Event
from targets.protocol.fault import Fault, Steer

WHOLE_MAX = 6
"""So many branches, those looked at last, are kept with all their events: some 2 kB each. The others run again."""


class Branch:
    """A run with edits. `verdict` is that on the whole run."""

    def __init__(
        self, source: Source, edits: tuple[Edit, ...], whole: deque[Branch], parent: Branch | None = None
    ) -> None:
        """Run and judge. `whole`: the branches of one explorer that are kept whole, those looked at last at the end."""
        self.source = source
        self.edits = edits
        self.parent = parent
        self.states: dict[int, State] = {}
        """Those that were asked for, by event."""
        self._whole = whole
        self._replayed: Replayed | None = None
        run = self.replayed.run
        verdict = judge_run(run, source.model, weaker=False)
        self.judged = verdict
        """Before it is asked whether enough happened to notice anything, as it is of a test and not of a scenario."""
        if isinstance(source.repeats, Plan):
            verdict = enough(verdict, seen_in(run.recorder, source.model))
        self.verdict = verdict
        fails = verdict.outcome == "invalid"
        self.kind = kind(run, verdict) if fails else "no violation" if verdict.outcome == "valid" else "unknown"
        """How it failed, in a few words; `no violation` or `unknown`."""
        self.failed_ms = failed_ms(run, verdict, source.model, steps=RUN_STEPS) if fails else None
        """From when on it is a violation; None if it is none."""

    @property
    def replayed(self) -> Replayed:
        """The whole run; where it is no longer kept, it is run again."""
        if self._replayed is None:
            self._replayed = Replay(self.source, self.edits).to_the_end()
        if not self._whole or self._whole[-1] is not self:
            if self in self._whole:
                self._whole.remove(self)
            self._whole.append(self)
            if len(self._whole) > WHOLE_MAX:
                self._whole.popleft().forget()
        return self._replayed

    def forget(self) -> None:
        """Keep no more than the verdict."""
        self._replayed = None
        self.states.clear()
        for name in ("stepping", "words", "traffic"):
            self.__dict__.pop(name, None)

    @property
    def events(self) -> list[Event]:
        """Its events; they are counted from 1."""
        return self.replayed.events

    @cached_property
    def label(self) -> str:
        """What makes it differ from its parent."""
        if self.parent is None:
            return "The script" if isinstance(self.source.repeats, Story) else "Recorded run"
        if self.source is not self.parent.source:
            return f"{'Twin' if isinstance(self.source.repeats, Story) else 'Healthy twin'} {self.source.target}"
        change = self.edits[-1].change if self.edits else None
        if isinstance(change, Steer):
            return f"{change.do} {self._named(change)}"
        return "No change" if change is None else change_text(change)

    def _named(self, change: Steer) -> str:
        """The message that is steered, in words."""
        parent, clients = self.parent, self.source.clients
        for sent in parent.traffic if parent is not None else ():
            link = (client_name(clients, sent.source), client_name(clients, sent.dest))
            if parent is not None and (link, sent.number) == (change.link, change.number):
                return f"{parent.words.message(sent.message, sent.source)}, {link[0]}→{link[1]}"
        return f"message {change.number}, {change.link[0]}→{change.link[1]}"

    @property
    def culprit(self) -> int | None:
        """The index of the operation that cannot be explained, if there is one."""
        worst = self.verdict.worst
        return None if worst is None or worst.explanation is None else worst.explanation.culprit

    @cached_property
    def stepping(self) -> Stepping:
        """Finds the next event that matters."""
        return Stepping(self.replayed)

    @cached_property
    def words(self) -> Words:
        """Puts its events and messages into words."""
        return Words(self.replayed.replay)

    @cached_property
    def traffic(self) -> list[Sent]:
        """All its messages in the order in which they were sent."""
        return sorted(self.replayed.replay.sent, key=lambda one: one.sent_ns)

    def event_at(self, ms: float) -> int:
        """The last event that has happened by that time; the first, if none has."""
        before = sum(event.time_ns <= ms * MS for event in self.events)
        return max(1, before)

    @cached_property
    def starts_at(self) -> int:
        """The event from which to look at it: the one that made it a violation, or its last edit, or the last."""
        if self.failed_ms is not None:
            return self.event_at(self.failed_ms)
        return self.edits[-1].after + 1 if self.edits else len(self.events)


def change_text(change: Change) -> str:
    """An edit in a few words."""
    if isinstance(change, Fault):
        return change.in_full()
    given = [value_text(one) for one in (change.key, change.input) if one is not None]
    return f"{' '.join([change.f, *given])} at {change.node}"
