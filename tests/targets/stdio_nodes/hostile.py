#!/usr/bin/env python3
"""An echo node that breaks something: `hostile.py FAULT`, after its first echo where nothing else is said.

garbage: bytes that are no text. brackets: lists in lists without measure. gigabyte: a line without an end. floods:
stdout full of well-formed messages. shouts: stderr without an end. mute: no more answers. late: answers only what was
asked before. crash: exits in the middle. startless: exits before init. stubborn: ignores SIGTERM and echoes on. deaf:
closes stdin. dumb: closes stdout.
"""

import json
import os
import signal
import sys
import threading

fault = sys.argv[1]
if fault == "startless":
    sys.exit("no configuration found")
if fault == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stderr.write(f"I shall play {fault}\n")
sys.stderr.flush()
held = []
echoes = 0


def reply(message, body):
    answer = {"src": message["dest"], "dest": message["src"], "body": body}
    body["in_reply_to"] = message["body"]["msg_id"]
    print(json.dumps(answer), flush=True)


def misbehave(message):
    if fault == "garbage":
        os.write(1, b"\xff\xfe\x00 \x80\n")
    if fault == "brackets":
        print(
            '{"src":"n1","dest":"c1","body":{"type":"echo_ok","echo":' + "[" * 100_000 + "]" * 100_000 + "}}",
            flush=True,
        )
    while fault == "gigabyte":
        os.write(1, b"x" * 65536)
    while fault == "floods":
        print(json.dumps({"src": message["dest"], "dest": "n9", "body": {"type": "spam", "text": "x" * 1000}}))
    while fault == "shouts":
        os.write(2, b"what now? " * 6000 + b"\n")
    if fault == "crash":
        sys.exit("index out of range")
    if fault == "deaf":
        os.close(0)
    if fault == "dumb":
        os.close(1)
    if fault in ("deaf", "dumb"):
        threading.Event().wait()


while True:
    line = sys.stdin.readline()
    if not line:
        break
    message = json.loads(line)
    body = message["body"]
    if body["type"] == "init":
        reply(message, {"type": "init_ok"})
        continue
    echoes += 1
    if fault == "late":
        held.append(message)
        if len(held) < 3:
            continue
        message = held.pop(0)
        body = message["body"]
    if echoes > 1:
        misbehave(message)
    if echoes == 1 or fault != "mute":
        reply(message, {"type": "echo_ok", "echo": body["echo"]})
