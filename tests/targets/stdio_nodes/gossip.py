"""A node of transactions that are read committed and no more: it answers by its own state, and sends the others what
was written; the latest write wins."""

from __future__ import annotations

import json
import sys
from typing import Any

state: dict[str, tuple[Any, list[Any]]] = {}


def put(key: Any, value: Any, stamp: list[Any]) -> None:
    if str(key) not in state or state[str(key)][1] < stamp:
        state[str(key)] = (value, stamp)


def send(source: str, to: str, body: dict[str, Any]) -> None:
    print(json.dumps({"src": source, "dest": to, "body": body}), flush=True)


def main() -> None:
    me, others, clock = "", list[str](), 0
    for line in sys.stdin:
        message = json.loads(line)
        body = message["body"]
        if body["type"] == "init":
            me, others = body["node_id"], [node for node in body["node_ids"] if node != body["node_id"]]
            send(me, message["src"], {"type": "init_ok", "in_reply_to": body["msg_id"]})
        elif body["type"] == "txn":
            clock += 1
            done, mine = [], dict[Any, Any]()
            for f, key, value in body["txn"]:
                if f == "w":
                    mine[key] = value
                found = mine.get(key, state.get(str(key), (None,))[0])
                done.append([f, key, found if f == "r" else value])
            for key, value in mine.items():
                put(key, value, [clock, me])
            for node in others if mine else ():
                send(me, node, {"type": "gossip", "written": list(mine.items()), "stamp": [clock, me]})
            send(me, message["src"], {"type": "txn_ok", "txn": done, "in_reply_to": body["msg_id"]})
        elif body["type"] == "gossip":
            clock = max(clock, body["stamp"][0])
            for key, value in body["written"]:
                put(key, value, body["stamp"])


main()
