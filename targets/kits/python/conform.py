"""The node of the conformance suite: it does what it is told. `naysayer conform --host "python3 conform.py"`"""

from __future__ import annotations

import base64
import os
import random
import sys

from naysayer_kit import Message, Node, run


class Conform(Node):
    def __init__(self) -> None:
        self.steps = 0

    def on_message(self, message: Message) -> None:
        if message.type != "conform":
            super().on_message(message)
            return
        saw: list = []
        for name, *given in message["steps"]:
            self.steps += 1
            self.step(name, given, saw)
        self.ctx.reply(message, "conform_ok", saw=saw)

    def step(self, name: str, given: list, saw: list) -> None:
        ctx, disk = self.ctx, self.ctx.disk
        if name == "send":
            body = dict(given[1])
            ctx.send(given[0], body.pop("type"), **body)
        elif name == "send_changed":
            held = [1]
            ctx.send(given[0], "changed", n=held)
            held[0] = 2
            ctx.send(given[0], "changed", n=held)
        elif name in ("timer", "cancel", "log"):
            getattr(ctx, name)(*given)
        elif name == "append":
            disk.append(given[0], base64.b64decode(given[1]))
        elif name == "read":
            saw.append(base64.b64encode(disk.read(given[0])).decode())
        elif name == "names":
            saw.append(disk.names())
        elif name in ("create", "truncate", "sync", "rename", "remove", "sync_directory"):
            getattr(disk, name)(*given)
        elif name == "me":
            saw.append(ctx.me)
        elif name == "now":
            saw.append(ctx.now_ms)
        elif name == "random":
            saw.append(ctx.random.random())
        elif name == "draw":
            saw.append(random.random())
        elif name == "order":
            saw.append(list({"a", "b", "c", "d", "e"}))
        elif name == "print":
            sys.stdout.write(f"{given[0]}\n")
        elif name == "flood":
            sys.stderr.write("x" * given[0])
        elif name == "raise":
            raise ValueError(given[0])
        elif name == "exit":
            os._exit(given[0])
        elif name == "loop":
            while True:
                pass

    def on_timer(self, name: str) -> None:
        self.ctx.log(f"timer {name}")

    def view(self) -> dict:
        return {"steps": self.steps}


if __name__ == "__main__":
    run(Conform)
