// A quorum store on the Go kit; with no-read-repair a read does not write back what it found.
package main

import (
	"fmt"
	"os"
	"strconv"

	"naysayer.example/naysayer"
)

const resendMs, attemptsMax = 120, 6

type version struct {
	counter int64
	node    string
}

func (one version) newer(other version) bool {
	return one.counter > other.counter || one.counter == other.counter && one.node > other.node
}

type held struct {
	version version
	value   any
}

func (one held) body(op int64) naysayer.Body {
	return naysayer.Body{"op": op, "counter": one.version.counter, "node": one.version.node, "value": one.value}
}

func heldIn(message naysayer.Message) held {
	return held{version{message.Number("counter"), message.Text("node")}, message.Body["value"]}
}

type operation struct {
	request  naysayer.Message
	answers  map[string]held
	stored   map[string]bool
	put      *held
	attempts int
}

type QuorumKv struct {
	naysayer.Base
	mistake    string
	held       map[any]held
	operations map[int64]*operation
	seen       map[string]bool
	counter    int64
	number     int64
}

func (node *QuorumKv) OnStart() {
	node.held, node.operations, node.seen = map[any]held{}, map[int64]*operation{}, map[string]bool{}
	node.number = node.Ctx.Random.Int63n(1 << 30) // answers to an earlier life may still be on their way
}

func (node *QuorumKv) store(key any, one held) {
	if one.version.newer(node.held[key].version) {
		node.held[key] = one
	}
}

func (node *QuorumKv) OnMessage(message naysayer.Message) {
	switch message.Type() {
	case "get":
		node.Ctx.Send(message.From, "got", node.held[message.Body["key"]].body(message.Number("op")))
	case "got":
		node.got(message.From, message.Number("op"), heldIn(message))
	case "put":
		node.store(message.Body["key"], heldIn(message))
		node.Ctx.Send(message.From, "stored", naysayer.Body{"op": message.Number("op")})
	case "stored":
		node.stored(message.From, message.Number("op"))
	case "read", "write":
		origin := fmt.Sprint(message.From, message.Body["msg_id"])
		if node.seen[origin] {
			return // the network doubled it
		}
		node.seen[origin] = true
		node.number++
		node.operations[node.number] = &operation{message, map[string]held{}, map[string]bool{}, nil, 1}
		node.phase(node.number)
	default:
		node.Base.OnMessage(message)
	}
}

func (node *QuorumKv) phase(op int64) {
	one := node.operations[op]
	key := one.request.Body["key"]
	node.Ctx.Timer(strconv.FormatInt(op, 10), resendMs)
	for _, other := range node.Ctx.Others() {
		if _, answered := one.answers[other]; one.put == nil && !answered {
			node.Ctx.Send(other, "get", naysayer.Body{"op": op, "key": key})
		} else if one.put != nil && !one.stored[other] {
			body := one.put.body(op)
			body["key"] = key
			node.Ctx.Send(other, "put", body)
		}
	}
	if one.put == nil {
		node.got(node.Ctx.Me, op, node.held[key])
	} else {
		node.store(key, *one.put)
		node.stored(node.Ctx.Me, op)
	}
}

func (node *QuorumKv) got(from string, op int64, answer held) {
	one := node.operations[op]
	if one == nil || one.put != nil {
		return
	}
	one.answers[from] = answer
	if len(one.answers) < node.Ctx.Majority() {
		return
	}
	newest, same := answer, true
	for _, other := range one.answers {
		same = same && other.version == answer.version
		if other.version.newer(newest.version) {
			newest = other
		}
	}
	if one.request.Type() == "write" {
		if newest.version.counter > node.counter {
			node.counter = newest.version.counter
		}
		node.counter++
		newest = held{version{node.counter, node.Ctx.Me}, one.request.Body["value"]}
	} else if same || node.mistake == "no-read-repair" {
		node.finish(op, newest.value)
		return
	}
	one.put, one.attempts = &newest, 1
	node.phase(op)
}

func (node *QuorumKv) stored(from string, op int64) {
	one := node.operations[op]
	if one == nil || one.put == nil {
		return
	}
	one.stored[from] = true
	if len(one.stored) >= node.Ctx.Majority() {
		node.finish(op, one.put.value)
	}
}

func (node *QuorumKv) finish(op int64, value any) {
	if node.mistake == "raises" && len(node.held) > 2 {
		op = node.operations[op-1000000].put.version.counter
	}
	request := node.operations[op].request
	node.Ctx.Cancel(strconv.FormatInt(op, 10))
	delete(node.operations, op)
	if request.Type() == "read" {
		node.Ctx.Reply(request, "read_ok", naysayer.Body{"value": value})
	} else {
		node.Ctx.Reply(request, "write_ok", nil)
	}
}

func (node *QuorumKv) OnTimer(name string) {
	op, _ := strconv.ParseInt(name, 10, 64)
	one := node.operations[op]
	if one == nil {
		return
	}
	if one.attempts++; one.attempts <= attemptsMax {
		node.phase(op)
		return
	}
	delete(node.operations, op)
	code := 0
	if one.request.Type() == "read" || one.put == nil {
		code = 11
	}
	node.Ctx.Error(one.request, code, "no majority answered")
}

func (node *QuorumKv) View() naysayer.Body {
	view := naysayer.Body{}
	for key, one := range node.held {
		view[fmt.Sprint(key)] = []any{one.value, fmt.Sprintf("%d.%s", one.version.counter, one.version.node)}
	}
	return view
}

func main() {
	mistake := ""
	if len(os.Args) > 1 {
		mistake = os.Args[1]
	}
	naysayer.Run(func() naysayer.Node { return &QuorumKv{mistake: mistake} })
}
