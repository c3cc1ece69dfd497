"""The conformance node on a kit with a mistake, by name: `deviating.py sorted`. Each check of the suite finds one."""

import json
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "targets" / "kits" / "python"))

import naysayer_kit as kit
from conform import Conform

answer = kit._VirtualTime._answer
effect = kit._Life._effect
begin = kit._Life.begin
mistake = sys.argv[1]


def changed(function):
    """Every answer goes through a function first."""
    kit._VirtualTime._answer = lambda self, given: function(answer(self, given))


def on_text(function):
    encode = kit._encode
    kit._encode = lambda value: function(encode(value))


def forgets_nothing(self, given):
    given.pop("forget", None)
    return answer(self, given)


def one_life(self, given):
    if given["event"] != "start":
        given["id"] = max(self._lives, default=0)
    return answer(self, given)


def as_late_as_possible(self, what, *values):
    if what == "send":
        self.done.append((what, *values))
    else:
        effect(self, what, *values)


def no_name(self, given):
    return answer(self, {**given, "name": "t"} if given.get("event") == "timer" else given)


def swallowed(self, given):
    try:
        return answer(self, given)
    except ValueError:
        return {"do": []}


def ends(error):
    """As a host without a handler around its loop."""
    os._exit(3)


def one_at_a_time(self, given):
    if given["event"] == "start":
        self._lives.clear()
    return answer(self, given)


def no_long_line(text):
    return {} if len(text) > 100_000 else plain_loads(text)


def instead(name, what):
    """The node does something else where it is told a step."""

    def step(self, told, given, saw):
        return what(self) if told == name else plain_step(self, told, given, saw)

    Conform.step = step


def to_the_protocol(self):
    os.write(protocol[0], b'{"do":[]}\n')


def write(out, line):
    protocol[:] = [out]
    plain_write(out, line)


plain_loads, plain_step, plain_write = json.loads, Conform.step, kit._write
protocol = []
kit._write = write


def no_start(self):
    raise RuntimeError("not today")


MISTAKES = {
    "no start": lambda: setattr(Conform, "on_start", no_start),
    "sorted": lambda: changed(lambda found: {**found, "do": sorted(found.get("do", []), key=repr)}),
    "late": lambda: setattr(kit._Life, "_effect", as_late_as_possible),
    "no reads": lambda: setattr(kit.Disk, "append", lambda self, name, data: self._effect("append", name, data)),
    "no disk": lambda: setattr(kit.base64, "b64decode", lambda text: b""),
    "one timer": lambda: setattr(kit._VirtualTime, "_answer", no_name),
    "own clock": lambda: setattr(kit._Life, "now_ms", property(lambda self: 5.0, lambda self, value: None)),
    "no seed": lambda: setattr(kit.random, "Random", lambda seed: random.SystemRandom()),
    "ascii": lambda: on_text(lambda text: text.replace("\\u", "?")),
    "no null": lambda: on_text(lambda text: text.replace("null", "0")),
    "short lines": lambda: on_text(lambda text: text if len(text) < 100_000 else "{}"),
    "short input": lambda: setattr(kit.json, "loads", no_long_line),
    "one life": lambda: setattr(kit._VirtualTime, "_answer", one_life),
    "forgets nothing": lambda: setattr(kit._VirtualTime, "_answer", forgets_nothing),
    "ends on junk": lambda: setattr(kit, "_raised", ends),
    "answers all": lambda: setattr(kit.Node, "on_message", lambda self, message: None),
    "swallows": lambda: setattr(kit._VirtualTime, "_answer", swallowed),
    "one at a time": lambda: setattr(kit._VirtualTime, "_answer", one_at_a_time),
    "stdout": lambda: instead("print", to_the_protocol),
    "no stderr": lambda: instead("flood", lambda self: os._exit(1)),
    "no exit": lambda: instead("exit", lambda self: None),
    "no loop": lambda: instead("loop", lambda self: None),
    "own number": lambda: changed(lambda found: {**found, "pid": os.getpid()}),
    "global random": lambda: setattr(kit._Life, "begin", lambda self: (begin(self), random.seed())),
}

if __name__ == "__main__":
    MISTAKES[mistake]()
    kit.run(Conform)
