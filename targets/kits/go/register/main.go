// The ten-line node: a key-value store on one node. With --nodes 3 a hunt shows why that is not enough.
package main

import "naysayer.example/naysayer"

type Register struct {
	naysayer.Base
	values map[any]any
}

func (node *Register) OnMessage(message naysayer.Message) {
	key := message.Body["key"]
	switch message.Type() {
	case "read":
		node.Ctx.Reply(message, "read_ok", naysayer.Body{"value": node.values[key]})
	case "write":
		node.values[key] = message.Body["value"]
		node.Ctx.Reply(message, "write_ok", nil)
	default:
		node.Base.OnMessage(message)
	}
}

func main() { naysayer.Run(func() naysayer.Node { return &Register{values: map[any]any{}} }) }
