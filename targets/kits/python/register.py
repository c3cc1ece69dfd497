"""The ten-line node: a key-value store on one node. With --nodes 3 a hunt shows why that is not enough."""

from naysayer_kit import Message, Node, run


class Register(Node):
    def __init__(self) -> None:
        self.values: dict = {}

    def on_message(self, message: Message) -> None:
        if message.type == "read":
            self.ctx.reply(message, "read_ok", value=self.values.get(message["key"]))
        elif message.type == "write":
            self.values[message["key"]] = message["value"]
            self.ctx.reply(message, "write_ok")
        else:
            super().on_message(message)


if __name__ == "__main__":
    run(Register)
