#!/usr/bin/env python3
"""Nodes as students write them: `odd.py MODE`. What is odd about each is allowed, or is what a run must find.

onehop: broadcasts to its neighbours, who pass nothing on. kafka, null, allnull, badcommit, strict: a log in memory,
with null for nothing new, committed offsets that nobody committed, or a death at a commit of what was never sent.
intkeys, zero, typo: registers of one node, which insist on integer keys, know no null, or answer reads as appends.
string: insists on texts to echo. ids: the first node hands them out. plain: a store without cas. refuse: nothing.
"""

import json
import sys

mode = sys.argv[1]
me, nodes, neighbours = "", [], []
seen, store, logs, committed, asked = set(), {}, {}, {}, {}
count = 0


def send(dest, body):
    print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def reply(message, kind, **fields):
    send(message["src"], {"type": kind, "in_reply_to": message["body"]["msg_id"], **fields})


def broadcast(message, body):
    global neighbours
    match body["type"]:
        case "topology":
            neighbours = body["topology"][me]
            reply(message, "topology_ok")
        case "broadcast":
            seen.add(body["message"])
            for other in neighbours:
                send(other, {"type": "heard", "message": body["message"]})
            reply(message, "broadcast_ok")
        case "heard":
            seen.add(body["message"])
        case "read":
            reply(message, "read_ok", messages=sorted(seen))


def kafka(message, body):
    match body["type"]:
        case "send":
            log = logs.setdefault(body["key"], [])
            log.append(body["msg"])
            reply(message, "send_ok", offset=len(log) - 1)
        case "poll":
            nothing = None if mode == "null" else []
            found = {
                key: [[at, logs[key][at]] for at in range(first, min(first + 10, len(logs.get(key, []))))] or nothing
                for key, first in body["offsets"].items()
            }
            reply(message, "poll_ok", msgs=None if mode == "allnull" and not any(found.values()) else found)
        case "commit_offsets":
            if mode == "strict":
                assert all(0 <= offset < len(logs[key]) for key, offset in body["offsets"].items())
            committed.update(body["offsets"])
            reply(message, "commit_offsets_ok")
        case "list_committed_offsets":
            more = 1000 if mode == "badcommit" else 0
            offsets = {key: committed[key] + more for key in body["keys"] if key in committed}
            reply(message, "list_committed_offsets_ok", offsets=offsets)


def transact(message, body):
    done = []
    for f, key, value in body["txn"]:
        assert isinstance(key, int)
        if f == "r":
            value = store.get(key, 0 if mode == "zero" else None)
            done.append(["append" if mode == "typo" else "r", key, value])
        else:
            store[key] = [*store.get(key, []), value] if f == "append" else value
            done.append([f, key, value])
    reply(message, "txn_ok", txn=done)


def generate(message, body):
    global count
    count += 1
    if body["type"] == "lend":
        send(message["src"], {"type": "lent", "number": body["number"], "id": count})
    elif body["type"] == "lent":
        reply(asked.pop(body["number"]), "generate_ok", id=body["id"])
    elif me == nodes[0]:
        reply(message, "generate_ok", id=count)
    else:
        asked[count] = message
        send(nodes[0], {"type": "lend", "number": count})


def keep(message, body):
    if body["type"] == "read" and mode == "plain":
        reply(message, "read_ok", value=store.get(body["key"]))
    elif body["type"] == "write" and mode == "plain":
        store[body["key"]] = body["value"]
        reply(message, "write_ok")
    else:
        reply(message, "error", code=10, text="no such operation")


def echo(message, body):
    assert isinstance(body["echo"], str)
    reply(message, "echo_ok", echo=body["echo"])


HANDLERS = {
    "onehop": broadcast,
    "intkeys": transact,
    "zero": transact,
    "typo": transact,
    "string": echo,
    "ids": generate,
    "plain": keep,
    "refuse": keep,
}

for line in sys.stdin:
    message = json.loads(line)
    if message["body"]["type"] == "init":
        me, nodes = message["body"]["node_id"], message["body"]["node_ids"]
        reply(message, "init_ok")
    else:
        HANDLERS.get(mode, kafka)(message, message["body"])
