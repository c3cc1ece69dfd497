// The node of the conformance suite: it does what it is told. `naysayer conform --host ./conform`
package main

import (
	"encoding/base64"
	"fmt"
	"math/rand"
	"os"
	"strings"

	"naysayer.example/naysayer"
)

type Conform struct {
	naysayer.Base
	steps int
}

func (node *Conform) OnMessage(message naysayer.Message) {
	if message.Type() != "conform" {
		node.Base.OnMessage(message)
		return
	}
	saw := []any{}
	for _, step := range message.Body["steps"].([]any) {
		node.steps++
		saw = append(saw, node.step(step.([]any))...)
	}
	node.Ctx.Reply(message, "conform_ok", naysayer.Body{"saw": saw})
}

func (node *Conform) step(step []any) []any {
	ctx, disk := node.Ctx, node.Ctx.Disk
	name := ""
	if len(step) > 1 {
		name = fmt.Sprint(step[1])
	}
	switch step[0] {
	case "send":
		body := step[2].(map[string]any)
		ctx.Send(name, body["type"].(string), body)
	case "send_changed":
		held := []int{1}
		ctx.Send(name, "changed", naysayer.Body{"n": held})
		held[0] = 2
		ctx.Send(name, "changed", naysayer.Body{"n": held})
	case "timer":
		ctx.Timer(name, float64(step[2].(int64)))
	case "cancel":
		ctx.Cancel(name)
	case "log":
		ctx.Log(name)
	case "create":
		disk.Create(name)
	case "append":
		data, err := base64.StdEncoding.DecodeString(step[2].(string))
		if err != nil {
			panic(err)
		}
		disk.Append(name, data)
	case "truncate":
		disk.Truncate(name, int(step[2].(int64)))
	case "sync":
		disk.Sync(name)
	case "rename":
		disk.Rename(name, step[2].(string))
	case "remove":
		disk.Remove(name)
	case "sync_directory":
		disk.SyncDirectory()
	case "read":
		return []any{base64.StdEncoding.EncodeToString(disk.Read(name))}
	case "names":
		return []any{disk.Names()}
	case "me":
		return []any{ctx.Me}
	case "now":
		return []any{ctx.Now()}
	case "random":
		return []any{ctx.Random.Float64()}
	case "draw":
		return []any{rand.Float64()}
	case "order":
		return []any{naysayer.ToJSON(map[string]int{"a": 1, "b": 2, "c": 3})}
	case "print":
		fmt.Println(name)
	case "flood":
		fmt.Fprint(os.Stderr, strings.Repeat("x", int(step[1].(int64))))
	case "raise":
		panic(name)
	case "exit":
		os.Exit(int(step[1].(int64)))
	case "loop":
		for node.steps > 0 {
		}
	default:
		panic(fmt.Sprint("no step ", step))
	}
	return nil
}

func (node *Conform) OnTimer(name string) { node.Ctx.Log("timer " + name) }
func (node *Conform) View() naysayer.Body { return naysayer.Body{"steps": node.steps} }

func main() { naysayer.Run(func() naysayer.Node { return &Conform{} }) }
