#!/usr/bin/env python3
"""Honest answers to Maelstrom's exercises, and a broken twin of each: `maelstrom.py WORKLOAD [FAULT]`.

Broadcast, sets and counters are gossiped: each node owns a part that only it grows, and the others take over the
greater. Nothing is acknowledged before it is on disk. Logs and transactions keep all they have in one value of the
service lin-kv, changed by cas.
"""

import json
import os
import pathlib
import sys
import threading

workload, fault = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
lock = threading.RLock()
me, others, count = "", [], 0
waiting = {}  # by the number of a question of ours, what to do with its answer
elements = set()
shares = {}  # by node, the sums of its increments and of its decrements
file = None


def send(dest, body):
    print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def reply(message, body):
    send(message["src"], {**body, "in_reply_to": message["body"]["msg_id"]})


def ask(dest, body, then):
    global count
    count += 1
    waiting[count] = then
    send(dest, {**body, "msg_id": count})


def remember():
    if fault != "forgets":
        pathlib.Path(f"{file}.new").write_text(json.dumps([sorted(elements), shares]))
        os.replace(f"{file}.new", file)


def start(message):
    global me, others, file, elements, shares
    me = message["body"]["node_id"]
    others = [node for node in message["body"]["node_ids"] if node != me]
    file = pathlib.Path(os.environ["NAYSAYER_DATA"]) / me
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():
        known, shares = json.loads(file.read_text())
        elements = set(known)
    reply(message, {"type": "init_ok"})
    if fault != "silent":
        threading.Thread(target=gossip, daemon=True).start()


def gossip():
    while True:
        with lock:
            for other in others:
                send(other, {"type": "gossip", "elements": sorted(elements), "shares": shares})
        threading.Event().wait(0.1)


def hear(body):
    elements.update(body["elements"])
    for node, (up, down) in body["shares"].items():
        mine = shares.get(node, [0, 0])
        if fault == "adds":
            shares[node] = [mine[0] + up, mine[1] + down]
        else:
            shares[node] = [max(mine[0], up), max(mine[1], down)]
    remember()


def spread(message, body):
    """Broadcast, sets and counters."""
    if body["type"] == "read" and workload == "broadcast":
        reply(message, {"type": "read_ok", "messages": sorted(elements)})
    elif body["type"] == "read" and workload == "g-set":
        reply(message, {"type": "read_ok", "value": sorted(elements)})
    elif body["type"] == "read":
        reply(message, {"type": "read_ok", "value": sum(up - down for up, down in shares.values())})
    else:
        if "delta" in body:
            up, down = shares.get(me, [0, 0])
            shares[me] = [up + max(0, body["delta"]), down + max(0, -body["delta"])]
        else:
            elements.add(body["message" if workload == "broadcast" else "element"])
        remember()
        reply(message, {"type": body["type"] + "_ok"})


def change(message, work):
    """Read the one value of lin-kv, work on it, and put it back if nobody else did; else refuse."""
    service = "lww-kv" if fault == "lww" else "lin-kv"

    def read(answer):
        if answer["type"] == "error" and answer["code"] != 20:
            return refuse(answer)
        before = answer.get("value")
        after, body = work(json.loads(json.dumps(before or {})))
        if after is None or fault == "dirty":
            reply(message, body)
        if after is None:
            return None
        store = {"type": "cas", "key": "all", "from": before, "to": after, "create_if_not_exists": True}
        if fault in ("blind", "dirty"):
            store = {"type": "write", "key": "all", "value": after}

        def stored(answer):
            if fault != "dirty":
                reply(message, body) if answer["type"] != "error" else refuse(answer)

        return ask(service, store, stored)

    def refuse(answer):
        reply(message, {"type": "error", "code": 30, "text": str(answer)})

    ask(service, {"type": "read", "key": "all"}, read)


def transact(body):
    def work(state):
        steps = []
        for f, key, value in body["txn"]:
            name = str(key)  # keys are integers, and those of an object in JSON are texts
            if f == "r":
                steps.append([f, key, state.get(name)])
                continue
            state[name] = [*(state.get(name) or []), value] if f == "append" else value
            steps.append([f, key, value])
        return state, {"type": "txn_ok", "txn": steps}

    return work


def log(body):
    def work(state):
        logs, committed = state.get("logs", {}), state.get("committed", {})
        if body["type"] == "send":
            entries = logs.setdefault(body["key"], [])
            entries.append(body["msg"])
            return {"logs": logs, "committed": committed}, {"type": "send_ok", "offset": len(entries) - 1}
        if body["type"] == "commit_offsets":
            for key, offset in body["offsets"].items():
                committed[key] = max(offset, committed.get(key, 0))
            return {"logs": logs, "committed": committed}, {"type": "commit_offsets_ok"}
        if body["type"] == "list_committed_offsets":
            offsets = {key: committed[key] for key in body["keys"] if key in committed}
            return None, {"type": "list_committed_offsets_ok", "offsets": offsets}
        msgs = {
            key: [[at, logs[key][at]] for at in range(start, min(len(logs[key]), start + 20))]
            for key, start in body["offsets"].items()
            if key in logs
        }
        if fault == "skips":
            msgs = {key: [pair for pair in pairs if pair[0] % 7 != 3] for key, pairs in msgs.items()}
        return None, {"type": "poll_ok", "msgs": msgs}

    return work


for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    with lock:
        if body["type"] == "init":
            start(message)
        elif "in_reply_to" in body:
            then = waiting.pop(body["in_reply_to"], None)
            if then is not None:
                then(body)
        elif body["type"] == "topology":
            reply(message, {"type": "topology_ok"})
        elif body["type"] == "gossip":
            hear(body)
        elif body["type"] == "txn":
            change(message, transact(body))
        elif workload == "kafka":
            change(message, log(body))
        else:
            spread(message, body)
