#!/usr/bin/env python3
"""A node for Maelstrom's transactions that is strictly serializable, also while nodes are killed and partitioned.

    naysayer test --bin ./txn_node.py --workload txn-list-append --consistency-model strict-serializable \
        --nemesis kill,partition --time 10s

The whole database is one value in the service lin-kv. A transaction reads it, is carried out on what was read, and
replaces it by a compare-and-set, which takes effect only if no other transaction came first: optimistic concurrency
control. So a node keeps nothing itself, and may be killed at any time. With `--workload txn-rw-register` it runs too.
"""

import json
import sys

me, last, waiting = "", 0, {}
CONFLICT, ABSENT, CHANGED = 30, 20, 22


def send(dest, body):
    print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def ask(body, then):
    """A request to lin-kv; `then` gets the answer. If none comes, the client gets none: the outcome is unknown."""
    global last
    last += 1
    waiting[last] = then
    send("lin-kv", {**body, "key": "database", "msg_id": last})


def begin(request):
    def read(answer):
        if answer["type"] == "error" and answer["code"] != ABSENT:
            return
        before = answer.get("value", {})
        steps, after = carry_out(request["body"]["txn"], before)
        if after == before and answer["type"] != "error":
            reply(request, {"type": "txn_ok", "txn": steps})  # it only read, all at one moment
            return
        change = {"type": "cas", "from": before, "to": after, "create_if_not_exists": True}
        ask(change, lambda outcome: end(request, steps, outcome))

    ask({"type": "read"}, read)


def carry_out(steps, before):
    """What a transaction reads and leaves."""
    after, done = dict(before), []
    for f, key, value in steps:
        name = str(key)
        if f == "append":
            after[name] = [*after.get(name, []), value]
        elif f == "w":
            after[name] = value
        done.append([f, key, after.get(name) if f == "r" else value])
    return done, after


def end(request, steps, outcome):
    if outcome["type"] == "cas_ok":
        reply(request, {"type": "txn_ok", "txn": steps})
    elif outcome["code"] == CHANGED:
        reply(request, {"type": "error", "code": CONFLICT, "text": "another transaction was faster"})


def reply(request, body):
    send(request["src"], {**body, "in_reply_to": request["body"]["msg_id"]})


for line in sys.stdin:
    message = json.loads(line)
    kind = message["body"]["type"]
    if kind == "init":
        me = message["body"]["node_id"]
        reply(message, {"type": "init_ok"})
    elif kind == "txn":
        begin(message)
    else:
        waiting.pop(message["body"]["in_reply_to"], lambda answer: None)(message["body"])
