"""A schedule that injects the same few faults again and again: by it a suspected fault is tried on its own."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from nemesis.deck import QUIET_MS, RECOVERY_MS, RESTARTED_MS, Deck, Inject, Sleep, Stage, UntilRecovered
from nemesis.schedule import Situation
from targets.protocol.fault import FAULT, KILLED


class Suspect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault that may have caused a violation, and how long it lasts before it is undone."""

    fault: FAULT
    lasts_ms: float

    def label(self) -> str:
        """The fault and its duration in a few words."""
        lasts = "" if self.fault.undone_by() is None else f" for {self.lasts_ms / 1000:.2g} s"
        return f"{self.fault.label()}{lasts}"


class Repeated(Deck, frozen=True):
    """Injects the suspects in their order, each after the system has recovered from the one before, without end."""

    suspects: tuple[Suspect, ...] = ()

    def _turn(self, situation: Situation) -> Repeated:
        """All are over: begin again."""
        usual = max(1, situation.observed.nodes_since(0.0)) if self.usual is None else self.usual
        deck = replace(self, usual=usual)
        stages: list[Stage] = []
        for one in self.suspects:
            killed = any(begun.what == KILLED for begun in one.fault.begins())
            undone = one.fault.undone_by()
            stages += [Inject(one.fault), Sleep(one.lasts_ms)]
            stages += [] if undone is None else [Inject(undone)]
            stages += [UntilRecovered(RESTARTED_MS if killed else RECOVERY_MS, deck._enough(situation))]
            stages += [Sleep(situation.random.expovariate(1 / QUIET_MS))]
        return replace(deck, stages=tuple(stages))
