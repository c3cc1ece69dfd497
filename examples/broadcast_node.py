#!/usr/bin/env python3
"""A node for Maelstrom's broadcast: every value that a client broadcasts eventually reaches every node.

    naysayer test --bin ./broadcast_node.py --workload broadcast --nemesis partition --time 10s

It reads and writes one JSON object per line on stdin and stdout, and logs to stderr. Messages may be lost, so each node
repeatedly sends all its values to every other node; receiving a value twice does no harm. A node that is killed loses
its values, so this one is not tested with `--nemesis kill`.
"""

import json
import sys
import threading
import time

me, others, seen = "", [], set()
lock = threading.Lock()


def send(dest, body):
    with lock:
        print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def gossip():
    while True:
        time.sleep(0.1)
        values = sorted(seen)
        for node in others:
            send(node, {"type": "gossip", "values": values})


for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    reply = {"type": body["type"] + "_ok", "in_reply_to": body.get("msg_id")}
    if body["type"] == "gossip":
        seen.update(body["values"])
        continue
    if body["type"] == "init":
        me = body["node_id"]
        others = [node for node in body["node_ids"] if node != me]
        threading.Thread(target=gossip, daemon=True).start()
    elif body["type"] == "broadcast":
        seen.add(body["message"])
    elif body["type"] == "read":
        reply["messages"] = sorted(seen)
    send(message["src"], reply)
