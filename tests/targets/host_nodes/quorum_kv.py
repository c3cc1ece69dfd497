"""A quorum store on the Python kit, with mistakes by name: `quorum_kv.py no-read-repair`.

Reads ask a majority and write back what is newest; writes choose a larger version (Attiya, Bar-Noy and Dolev 1995).
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "targets" / "kits" / "python"))

from naysayer_kit import Message, Node, Wal, run

RESEND_MS = 120
ATTEMPTS = 6
NEVER = [0, ""]


class Operation:
    def __init__(self, request: Message) -> None:
        self.request = request
        self.is_read = request.type == "read"
        self.answers = {}
        self.stored = set()
        self.put = None
        self.attempts = 1


class QuorumKv(Node):
    def __init__(self) -> None:
        self.held = {}
        self.operations = {}
        self.counter = 0
        self.seen = set()

    # what the mistakes override

    def repair(self, number, operation, newest):
        self.put(number, operation, newest)

    def sync(self):
        self.wal.sync()

    def give_up(self, operation):
        certain = operation.is_read or operation.put is None
        self.ctx.error(operation.request, 11 if certain else 0, "no majority answered")

    # the store

    def on_start(self):
        self.number = self.ctx.random.randrange(1 << 30)  # answers to an earlier life may still be on their way
        self.wal = Wal(self.ctx, "wal")
        for record in self.wal.recover():
            key, version, value, origin = json.loads(record)
            self.adopt(key, version, value, origin)

    def adopt(self, key, version, value, origin):
        if version > self.version(key):
            self.held[key] = (version, value)
        if version[1] == self.ctx.me:
            self.counter = max(self.counter, version[0])
            self.seen.add(origin)

    def version(self, key):
        return self.held.get(key, (NEVER, None))[0]

    def store(self, key, version, value, origin):
        if version > self.version(key):
            self.wal.append(json.dumps([key, version, value, origin]).encode())
            self.sync()
            self.adopt(key, version, value, origin)

    def on_message(self, message):
        kind = message.type
        if kind == "get":
            version, value = self.held.get(message["key"], (NEVER, None))
            self.ctx.send(message.source, "got", op=message["op"], version=version, value=value)
        elif kind == "got":
            self.got(message.source, message["op"], (message["version"], message["value"]))
        elif kind == "put":
            self.store(message["key"], message["version"], message["value"], message["origin"])
            self.ctx.send(message.source, "stored", op=message["op"])
        elif kind == "stored":
            self.stored(message.source, message["op"])
        elif kind in ("read", "write"):
            origin = f"{message.source} {message['msg_id']}"
            if origin in self.seen:
                return  # the network doubled it
            self.seen.add(origin)
            self.number += 1
            self.operations[self.number] = Operation(message)
            self.phase(self.number)
        else:
            super().on_message(message)

    def phase(self, number):
        operation = self.operations[number]
        self.ctx.timer(str(number), RESEND_MS)
        request = operation.request
        if operation.put is None:
            for node in self.ctx.others:
                if node not in operation.answers:
                    self.ctx.send(node, "get", op=number, key=request["key"])
            self.got(self.ctx.me, number, self.held.get(request["key"], (NEVER, None)))
            return
        version, value = operation.put
        origin = f"{request.source} {request['msg_id']}"
        for node in self.ctx.others:
            if node not in operation.stored:
                put = {"key": request["key"], "version": version, "value": value, "origin": origin}
                self.ctx.send(node, "put", op=number, **put)
        if self.ctx.me not in operation.stored:
            self.store(request["key"], version, value, origin)
            self.stored(self.ctx.me, number)

    def got(self, source, number, answer):
        operation = self.operations.get(number)
        if operation is None or operation.put is not None:
            return
        operation.answers[source] = answer
        if len(operation.answers) < self.ctx.majority:
            return
        newest = max(operation.answers.values(), key=lambda one: one[0])
        if not operation.is_read:
            self.counter = max(self.counter, newest[0][0]) + 1
            self.put(number, operation, ([self.counter, self.ctx.me], operation.request["value"]))
        elif all(one[0] == newest[0] for one in operation.answers.values()):
            self.finish(number, operation, newest[1])
        else:
            self.repair(number, operation, newest)

    def put(self, number, operation, what):
        operation.put, operation.attempts = what, 1
        self.phase(number)

    def stored(self, source, number):
        operation = self.operations.get(number)
        if operation is not None and operation.put is not None:
            operation.stored.add(source)
            if len(operation.stored) >= self.ctx.majority:
                self.finish(number, operation, operation.put[1])

    def finish(self, number, operation, value):
        self.ctx.cancel(str(number))
        del self.operations[number]
        if operation.is_read:
            self.ctx.reply(operation.request, "read_ok", value=value)
        else:
            self.ctx.reply(operation.request, "write_ok")

    def on_timer(self, name):
        operation = self.operations.get(int(name))
        if operation is None:
            return
        operation.attempts += 1
        if operation.attempts > ATTEMPTS:
            del self.operations[int(name)]
            self.give_up(operation)
        else:
            self.phase(int(name))

    def view(self):
        return {key: [value, version] for key, (version, value) in self.held.items()}


class NoReadRepair(QuorumKv):
    def repair(self, number, operation, newest):
        self.finish(number, operation, newest[1])


class NoSync(QuorumKv):
    def sync(self):
        pass


class Raises(QuorumKv):
    def give_up(self, operation):
        raise KeyError("no such operation")


class Stillborn(QuorumKv):
    def on_start(self):
        raise ValueError("no configuration")


class Hangs(QuorumKv):
    def give_up(self, operation):
        while operation.attempts:
            pass


class Dies(QuorumKv):
    def give_up(self, operation):
        print("giving up for good", file=sys.stderr, flush=True)
        os._exit(7)


class Draws(QuorumKv):
    """Its first number depends on the process."""

    def on_start(self):
        super().on_start()
        self.number = int.from_bytes(os.urandom(3), "big")


class Shares(QuorumKv):
    """Its numbers depend on how many lives there have been in its process."""

    lives = 0

    def on_start(self):
        super().on_start()
        Shares.lives += 1
        self.number = Shares.lives * 1_000_000


VARIANTS = {
    "no-read-repair": NoReadRepair,
    "no-sync": NoSync,
    "raises": Raises,
    "stillborn": Stillborn,
    "hangs": Hangs,
    "dies": Dies,
    "draws": Draws,
    "shares": Shares,
}

if __name__ == "__main__":
    run(next((VARIANTS[name] for name in sys.argv[1:] if name in VARIANTS), QuorumKv))
