#!/usr/bin/env python3
"""Registers in SQLite, one transaction for each write: `sqlite_kv.py SYNCHRONOUS` (extra, full ...)."""

import json
import os
import sqlite3
import sys

database = None
for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    answer = {"type": f"{body['type']}_ok", "in_reply_to": body["msg_id"]}
    if body["type"] == "init":
        database = sqlite3.connect(os.path.join(os.environ["NAYSAYER_DATA"], "db"), isolation_level=None)
        database.execute("pragma journal_mode = delete")
        database.execute(f"pragma synchronous = {sys.argv[1]}")
        database.execute("create table if not exists kv (k text primary key, v text)")
    elif body["type"] == "write":
        pair = json.dumps(body["key"]), json.dumps(body["value"])
        database.execute("insert or replace into kv values (?, ?)", pair)
    elif body["type"] == "read":
        row = database.execute("select v from kv where k = ?", (json.dumps(body["key"]),)).fetchone()
        found = {"value": json.loads(row[0])} if row else {"type": "error", "code": 20, "text": "no such key"}
        answer.update(found)
    else:
        answer.update(type="error", code=10, text="not supported")
    print(json.dumps({"src": message["dest"], "dest": message["src"], "body": answer}), flush=True)
