"""`naysayer init`: a commented cluster.toml to fill in, or a small node that runs and can be grown into a system."""

from __future__ import annotations

from pathlib import Path

from checker.errors import UsageError
from naysayer.commands.compose import REQUESTS, cluster_toml
from naysayer.report.console import console

BEFORE = """\
# A system for `naysayer test --cluster cluster.toml`. Check it with: naysayer doctor cluster.toml
name = "my-store"

# One table per node. {node}, {host} and {client} below are replaced by the node's own, and so is any other key:
# port = 8000 is {port} in the commands and in this node's client.
[nodes.n1]
host = "10.0.0.1"                 # for SSH, and what the other nodes know it by
client = "http://10.0.0.1:8000"   # where clients connect
# address = "192.168.0.1"         # what the other nodes know it by, where that is another: for partitions
[nodes.n2]
host = "10.0.0.2"
client = "http://10.0.0.2:8000"
[nodes.n3]
host = "10.0.0.3"
client = "http://10.0.0.3:8000"

# How clients talk to it: http (described below), etcd, redis, sql, or your own class as "client.py:MyClient".
[client]
kind = "http"
timeout_s = 1.0                   # after so long without an answer the outcome counts as unknown
operations = ["read", "write", "cas"]

"""

AFTER = """
[client.http.cas]
method = "POST"
path = "/kv/{key}/cas"
body = { from = "{from}", to = "{to}" }   # 409 or 412: the value was another one

# How to log into the hosts. Without [ssh], commands run on this machine, and links are cut between nodes that are
# started with {peer:n1}, {peer:n2}, {peer:n3} as the addresses of their peers: those of proxies.
[ssh]
user = "root"
# sudo = true                     # where root may not log in: every command by sudo -n
# key = "~/.ssh/id_ed25519"
# known_hosts = "~/.ssh/known_hosts"
# jump = "me@gateway:22"

# How the system is run, on its hosts. Without [commands] it is only driven: no kill, no pause.
# start must return while the system runs; pid prints its processes, all of which are killed and paused.
[commands]
# start_timeout_s = 60            # how long a node may take until it accepts connections
# install = "apt-get install -y my-store"
start = "nohup my-store --name {node} --listen {host}:8000 >> /var/log/my-store.log 2>&1 < /dev/null &"
pid = "pgrep -x my-store"
stop = "pkill -9 -x my-store"
# leader = "curl -sf {client}/leader"   # exit code 0 where the node leads: for kill-leader and the like
logs = ["/var/log/my-store.log"]

# For the fault clock, if start sets LD_PRELOAD to libfaketime and FAKETIME_TIMESTAMP_FILE to this file.
# [clock]
# faketime = "/tmp/faketime"

# For storage faults, if {storage} stands before the program in start: nohup {storage} my-store ...
# [storage]
# data = "/var/lib/my-store"
"""

CLUSTER = BEFORE + REQUESTS + AFTER

NODE = '''\
#!/usr/bin/env python3
"""A node for: naysayer test --bin ./node.py --workload lin-kv --nodes 1 --nemesis none

One JSON object per line on stdin and stdout; logs go to stderr. Each node keeps its own map and sends it to no other
node, so with --nodes 3 the test shows a violation: making the nodes agree is your part. `send` also reaches the other
nodes.
"""

import json
import sys

me, nodes, store = "", [], {}


def send(dest, body):
    print(json.dumps({"src": me, "dest": dest, "body": body}), flush=True)


def handle(body):
    """The answer to a client's request."""
    key = body.get("key")
    if body["type"] == "read":
        if key not in store:
            return {"type": "error", "code": 20, "text": "no such key"}
        return {"type": "read_ok", "value": store[key]}
    if body["type"] == "write":
        store[key] = body["value"]
        return {"type": "write_ok"}
    if body["type"] == "cas":
        if store.get(key) != body["from"]:
            return {"type": "error", "code": 22, "text": f"it is {store.get(key)}"}
        store[key] = body["to"]
        return {"type": "cas_ok"}
    return {"type": "error", "code": 10, "text": "not supported"}


for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    if body["type"] == "init":
        me, nodes = body["node_id"], body["node_ids"]
        reply = {"type": "init_ok"}
    else:
        reply = handle(body)
    send(message["src"], {**reply, "in_reply_to": body["msg_id"]})
'''


def init(file: Path, *, node: bool, compose: Path | None = None) -> int:
    """Write the file; one that is there is never overwritten. `compose`: a compose file whose containers it names."""
    text = NODE if node else CLUSTER
    if compose is not None:
        if node:
            raise UsageError("--node and --compose exclude each other: a node's program, or a cluster.toml")
        try:
            text = cluster_toml(compose.read_text(), compose)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{compose}: {getattr(error, 'strerror', None) or 'it is not text'}") from error
    try:
        with file.open("x") as out:
            out.write(text)
    except FileExistsError as error:
        raise UsageError(f"{file} is there already; name another file") from error
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    if node:
        file.chmod(0o755)
    next_step = (
        f"naysayer test --bin {file if file.is_absolute() else f'./{file}'} --workload lin-kv --nodes 1 --nemesis none"
        if node
        else f"naysayer doctor {file}"
    )
    console().print(f"wrote {file}; next: {next_step}", markup=False, soft_wrap=True)
    return 0
