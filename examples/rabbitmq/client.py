"""Queues of RabbitMQ by AMQP 0-9-1, with py-amqp (`pip install amqp`), a synchronous library on a thread."""

import json
import socket
from contextlib import suppress

import amqp
from amqp.exceptions import MessageNacked

from targets.backends.clients.threads import Worker
from targets.protocol.node import Reply, Request

CONNECT_S_MAX = 2


class RabbitClient:
    """A client of the broker at host:port. Each key is a durable queue, of the type `queue_type`."""

    def __init__(self, address: str, *, queue_type: str = "quorum") -> None:
        self.address = address
        self.arguments = {"x-queue-type": queue_type}
        self.worker = Worker()
        self.connection = None
        self.queues: set[str] = set()

    async def open(self) -> None:
        await self.worker.run(self.connect, self.interrupt)

    def connect(self) -> None:
        # confirm_publish: a message counts as stored when the broker has confirmed that
        connection = amqp.Connection(self.address, connect_timeout=CONNECT_S_MAX, confirm_publish=True)
        connection.connect()
        self.connection = connection
        self.queues.clear()

    async def invoke(self, request: Request) -> Reply:
        return await self.worker.run(lambda: self.carry_out(request), self.interrupt)

    def carry_out(self, request: Request) -> Reply:
        """Blocks. After an error the connection is made anew, since an answer may still be on its way."""
        try:
            if self.connection is None:
                self.connect()
            if request.key not in self.queues:
                self.connection.channel(1).queue_declare(
                    request.key, durable=True, auto_delete=False, arguments=self.arguments
                )
                self.queues.add(request.key)
        except (amqp.AMQPError, OSError) as error:
            self.drop()
            return Reply(request.id, "fail", error=f"no connection, or no queue: {error}")
        try:
            return Reply(request.id, "ok", self.ask(request))
        except (amqp.AMQPError, MessageNacked, OSError) as error:
            self.drop()
            return Reply(request.id, "info", error=f"{type(error).__name__}: {error}")

    def ask(self, request: Request):
        """The output of an operation. Raises what the library raises if the outcome is unknown."""
        channel = self.connection.channel(1)
        if request.f == "enqueue":
            message = amqp.Message(json.dumps(request.input), delivery_mode=2)  # 2: to disk
            channel.basic_publish(message, routing_key=request.key)
            return None
        # no_ack: the broker takes the message out of the queue as it hands it over. An acknowledgement would come
        # later, and a message whose acknowledgement was lost would be delivered twice
        message = channel.basic_get(request.key, no_ack=True)
        return None if message is None else json.loads(message.body)

    def interrupt(self) -> None:
        """End the call that the thread is in."""
        connection = self.connection
        if connection is not None and connection.connected:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Close the connection at once, without asking the broker."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.collect()

    async def close(self) -> None:
        self.interrupt()
        self.drop()
