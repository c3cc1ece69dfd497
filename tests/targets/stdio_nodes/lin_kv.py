#!/usr/bin/env python3
"""A student's node: echo, unique ids, and a key-value store that keeps its data in the service lin-kv.

With an argument it misbehaves: junk (prints to stdout), twice (answers twice), exit (ends by itself), mute (never
answers init), local (keeps the data in its own memory: not linearizable with more than one node). Or it does what is
allowed: early (sets a key in the service before it answers init), data (looks into its data folder at its start).
"""

import json
import os
import sys

fault = sys.argv[1] if len(sys.argv) > 1 else ""
me = ""
count = 0
waiting = {}
store = {}


def send(dest, body):
    print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def reply(message, body):
    send(message["src"], {**body, "in_reply_to": message["body"]["msg_id"]})
    if fault == "twice" and body["type"] != "init_ok":
        send(message["src"], {**body, "in_reply_to": message["body"]["msg_id"]})


def local(message):
    body = message["body"]
    if body["type"] == "read":
        reply(message, {"type": "read_ok", "value": store.get(body["key"])})
    elif body["type"] == "write":
        store[body["key"]] = body["value"]
        reply(message, {"type": "write_ok"})
    elif store.get(body["key"]) == body["from"]:
        store[body["key"]] = body["to"]
        reply(message, {"type": "cas_ok"})
    else:
        reply(message, {"type": "error", "code": 22, "text": "not so"})


for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    kind = body["type"]
    if kind == "init":
        me = body["node_id"]
        sys.stderr.write(f"I am {me}\n")
        sys.stderr.flush()
        if fault == "data":
            os.listdir(os.environ["NAYSAYER_DATA"])
        if fault == "early":
            waiting[0] = message
            send("lin-kv", {"type": "write", "key": "x", "value": "set by n0", "msg_id": 0})
        elif fault != "mute":
            reply(message, {"type": "init_ok"})
        if fault == "junk":
            print("listening on port 8080", flush=True)
        if fault == "exit":
            sys.exit(7)
    elif kind == "echo":
        reply(message, {"type": "echo_ok", "echo": body["echo"]})
    elif kind == "generate":
        count += 1
        reply(message, {"type": "generate_ok", "id": f"{me}-{count}"})
    elif kind in ("read", "write", "cas") and fault == "local":
        local(message)
    elif kind in ("read", "write", "cas"):
        count += 1
        waiting[count] = message
        send("lin-kv", {**body, "msg_id": count})
    elif "in_reply_to" in body:
        asked = waiting.pop(body.pop("in_reply_to"), None)
        if asked is not None:
            reply(asked, {"type": "init_ok"} if asked["body"]["type"] == "init" else body)
