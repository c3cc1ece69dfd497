#!/usr/bin/env python3
"""A replicated store to try Naysayer on: three nodes over HTTP, every operation on a majority of them.

    store.py NAME PORT PEER ... [--no-read-repair]        a PEER is host:port; its own address may be among them

    GET /kv/x   -> {"value": 1}, or 404                   PUT /kv/x {"value": 1}  -> {}
    503 where no majority answers in time

A write takes the newest stamp of a majority, and stores its value under the next one on a majority. A read takes the
newest copy of a majority, and stores it on a majority before it answers, since others may not have it yet. With
--no-read-repair it leaves that out: then a value may be read once and not the next time. A test shows it.
"""

import http.client
import itertools
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

name, port = sys.argv[1], int(sys.argv[2])
nodes = [one for one in sys.argv[3:] if not one.startswith("--")]
peers = [one for one in nodes if one.rpartition(":")[2] != str(port)]
repairing = "--no-read-repair" not in sys.argv
TIMEOUT_S = 0.5
NOTHING = {"value": None, "stamp": [0, "", 0]}

# two writes that this node stamps at the same time, or before and after a restart, must not get the same stamp
numbers = itertools.count(time.time_ns())

copies, lock, pool = {}, threading.Lock(), ThreadPoolExecutor(64)


class NoMajorityError(Exception):
    """Too few nodes answered in time."""


def keep(key, copy):
    """Store a copy, if it is newer than ours; on disk before it counts."""
    with lock:
        if copy["stamp"] > copies.get(key, NOTHING)["stamp"]:
            log.write(json.dumps([key, copy]) + "\n")
            log.flush()
            os.fsync(log.fileno())
            copies[key] = copy
    return {}


def ask(peer, method, key, body):
    connection = http.client.HTTPConnection(peer, timeout=TIMEOUT_S)
    try:
        connection.request(method, f"/copy/{key}", body)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def majority(method, key, own, body=None):
    """The answers of a majority of the nodes, our own among them."""
    answers = [own]
    calls = [pool.submit(ask, peer, method, key, body) for peer in peers]
    try:
        for call in as_completed(calls, timeout=TIMEOUT_S):
            if call.exception() is None:
                answers.append(call.result())
            if 2 * len(answers) > len(nodes):
                return answers
    except TimeoutError:
        pass
    raise NoMajorityError


def newest(key):
    return max(majority("GET", key, copies.get(key, NOTHING)), key=lambda copy: copy["stamp"])


def spread(key, copy):
    majority("PUT", key, keep(key, copy), json.dumps(copy))


def read(key):
    copy = newest(key)
    if repairing and copy != NOTHING:
        spread(key, copy)
    return copy["value"]


def write(key, value):
    spread(key, {"value": value, "stamp": [newest(key)["stamp"][0] + 1, name, next(numbers)]})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet

    def do_GET(self):
        what, key = self.path.strip("/").split("/")
        if what == "copy":
            self.answer(200, copies.get(key, NOTHING))
            return
        try:
            value = read(key)
            self.answer(404 if value is None else 200, {"value": value})
        except NoMajorityError:
            self.answer(503, {})

    def do_PUT(self):
        what, key = self.path.strip("/").split("/")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if what == "copy":
            self.answer(200, keep(key, body))
            return
        try:
            write(key, body["value"])
            self.answer(200, {})
        except NoMajorityError:
            self.answer(503, {})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 100


if os.path.exists(f"{name}.log"):
    with open(f"{name}.log") as old:
        for line in old:
            if line.endswith("\n"):  # the last one may have been cut off by a kill; it was never acknowledged
                copies.update([json.loads(line)])
log = open(f"{name}.log", "a")
Server((os.environ.get("LISTEN", "127.0.0.1"), port), Handler).serve_forever()
