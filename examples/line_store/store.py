#!/usr/bin/env python3
"""A replicated store to try Naysayer on: JSON lines over TCP, one primary, the other nodes forward to it.

    store.py NAME PORT PRIMARY_PORT [--cache]

    {"op": "read", "key": "x"}                  ->  {"value": 1}
    {"op": "write", "key": "x", "value": 1}     ->  {}
    {"op": "write", ...} without a primary      ->  {"refused": "n1 is down"}, and nothing was written

The primary appends each write to NAME.log and syncs it before it answers, so it survives being killed. With --cache a
node answers reads from what it has forwarded itself: those reads are stale, and a test shows it.
"""

import json
import os
import socket
import socketserver
import sys
import threading

name, port, primary_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
cached = "--cache" in sys.argv
values, cache, lock = {}, {}, threading.Lock()


def execute(request, log):
    """On the primary: one request at a time."""
    with lock:
        if request["op"] == "read":
            return {"value": values.get(request["key"])}
        log.write(json.dumps([request["key"], request["value"]]) + "\n")
        log.flush()
        os.fsync(log.fileno())
        values[request["key"]] = request["value"]
        return {}


def forward(line):
    """On any other node. An OSError after the line was sent means that its outcome is unknown."""
    try:
        primary = socket.create_connection(("127.0.0.1", primary_port))
    except ConnectionRefusedError:
        return {"refused": "the primary is down"}
    with primary, primary.makefile("rwb") as stream:
        stream.write(line)
        stream.flush()
        answer = stream.readline()
    if not answer.endswith(b"\n"):
        raise ConnectionError("the primary closed the connection")
    return json.loads(answer)


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            request = json.loads(line)
            if port == primary_port:
                answer = execute(request, log)
            elif cached and request["op"] == "read" and request["key"] in cache:
                answer = {"value": cache[request["key"]]}
            else:
                try:
                    answer = forward(line)
                except OSError:
                    return  # closes the connection: the client cannot know what happened
                if "refused" not in answer:
                    cache[request["key"]] = answer.get("value", request.get("value"))
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if os.path.exists(f"{name}.log"):
    with open(f"{name}.log") as old:
        for line in old:
            if line.endswith("\n"):  # the last one may have been cut off by a kill; it was never acknowledged
                values.update([json.loads(line)])
    with open(f"{name}.log", "w") as new:
        new.writelines(json.dumps(pair) + "\n" for pair in values.items())
log = open(f"{name}.log", "a")
Server(("127.0.0.1", port), Connection).serve_forever()
