"""A client of your own: one class with open, invoke and close, loaded by `kind = "client.py:LineClient"`."""

import json

import trio

from targets.protocol.node import Reply, Request


class LineClient:
    """Talks to one node of store.py. `address` is the node's `client` in cluster.toml."""

    def __init__(self, address):
        self.host, self.port = address.split(":")
        self.stream = None

    async def open(self):
        self.stream = await trio.open_tcp_stream(self.host, int(self.port))
        self.received = b""

    async def invoke(self, request: Request) -> Reply:
        asked = {"op": request.f, "key": request.key, "value": request.input}
        await self.stream.send_all(json.dumps(asked).encode() + b"\n")
        while not self.received.endswith(b"\n"):
            more = await self.stream.receive_some()
            if not more:
                return Reply(request.id, "info", error="the connection was closed before an answer came")
            self.received += more
        answer, self.received = json.loads(self.received), b""
        if "refused" in answer:
            return Reply(request.id, "fail", error=answer["refused"])  # certain: nothing was written
        return Reply(request.id, "ok", answer.get("value"))

    async def close(self):
        if self.stream is not None:
            await self.stream.aclose()
