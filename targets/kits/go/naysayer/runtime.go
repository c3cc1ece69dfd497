package naysayer

// What runs nodes: the node protocol in virtual time, and Maelstrom's protocol in real time.

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const version = 1

func texts(value any) []string {
	var found []string
	for _, one := range value.([]any) {
		found = append(found, one.(string))
	}
	return found
}

func milliseconds(value any) float64 {
	if whole, is := value.(int64); is {
		return float64(whole)
	}
	return value.(float64)
}

// virtual time

// virtualTime holds any number of lives of nodes: one line in, one line out.
type virtualTime struct {
	newNode func() Node
	lives   map[int64]*life
}

type life struct {
	node   Node
	ctx    *Context
	done   [][]byte
	now    float64
	seed   int64
	inputs int64
}

func (host *virtualTime) run(out *os.File) {
	in := bufio.NewReaderSize(os.Stdin, 1<<16)
	fmt.Fprintf(out, "{\"naysayer\":%d,\"kit\":\"go 1.0\"}\n", version)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		if _, err := out.Write(append(host.line(line), '\n')); err != nil {
			return // the process that started this one has gone
		}
	}
}

func (host *virtualTime) line(line []byte) (answer []byte) {
	defer func() {
		if cause := recover(); cause != nil {
			answer = raised(cause)
		}
	}()
	value, err := FromJSON(line)
	if err != nil {
		panic(err.Error())
	}
	return host.answer(value.(map[string]any))
}

func (host *virtualTime) answer(input Body) []byte {
	if gone, is := input["forget"].([]any); is {
		for _, id := range gone {
			delete(host.lives, id.(int64))
		}
	}
	id, event := input["id"].(int64), input["event"].(string)
	if event == "start" {
		host.lives[id] = host.born(input)
	}
	one := host.lives[id]
	if one == nil {
		panic(fmt.Sprintf("no life %d", id))
	}
	if event == "view" {
		return ToJSON(Body{"view": one.node.View()})
	}
	one.now, one.done = milliseconds(input["now"]), nil
	one.inputs++
	rand.Seed(one.seed + one.inputs) // what the package draws depends on the life, and on the number of the input in it
	switch event {
	case "start":
		one.node.OnStart()
	case "message":
		one.node.OnMessage(Message{input["from"].(string), input["body"].(map[string]any)})
	case "timer":
		one.node.OnTimer(input["name"].(string))
	default:
		panic("unknown event " + event)
	}
	return append(append([]byte(`{"do":[`), bytes.Join(one.done, []byte(","))...), "]}"...)
}

func (host *virtualTime) born(input Body) *life {
	one := &life{seed: input["seed"].(int64)}
	one.ctx = newContext(input["node"].(string), texts(input["nodes"]), one.seed)
	one.ctx.now = func() float64 { return one.now }
	one.ctx.effect = func(what string, values ...any) { // JSON at once: the node may change a message later
		one.done = append(one.done, ToJSON(append([]any{what}, values...)))
	}
	disk, _ := input["disk"].(map[string]any)
	for name, data := range disk {
		file, err := base64.StdEncoding.DecodeString(data.(string))
		if err != nil {
			panic(err.Error())
		}
		one.ctx.Disk.files[name] = file
	}
	rand.Seed(one.seed)
	one.node = host.newNode()
	one.node.setContext(one.ctx)
	return one
}

// raised is called while the panic is handled, so its places are still on the stack.
func raised(cause any) []byte {
	kind := "panic"
	if _, is := cause.(runtime.Error); is {
		kind = "runtime error"
	}
	places := make([]uintptr, 64)
	frames := runtime.CallersFrames(places[:runtime.Callers(3, places)])
	_, file, _, _ := runtime.Caller(0)
	kit := filepath.Dir(file)
	at := []string{}
	for more := true; more && len(at) < 8; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if filepath.Dir(frame.File) == kit && len(at) > 0 && strings.Contains(frame.Function, "virtualTime") {
			break
		}
		if filepath.Dir(frame.File) == kit || frame.File == "" || strings.HasPrefix(frame.Function, "runtime.") {
			continue
		}
		name := frame.Function[strings.LastIndex(frame.Function, ".")+1:]
		at = append(at, fmt.Sprintf("%s:%d in %s", filepath.Base(frame.File), frame.Line, name))
	}
	fmt.Fprintln(os.Stderr, "panic:", cause, at)
	return ToJSON(Body{"error": kind, "text": strings.TrimPrefix(fmt.Sprint(cause), "runtime error: "), "at": at})
}

// real time

// realTime is one node, by Maelstrom's protocol: real timers, and files in the folder that NAYSAYER_DATA names.
type realTime struct {
	newNode func() Node
	node    Node
	ctx     *Context
	out     *os.File
	fired   chan *time.Timer
	timers  map[string]*time.Timer
	names   map[*time.Timer]string
	folder  string
}

func (real *realTime) run() {
	real.fired = make(chan *time.Timer, 1024)
	real.timers, real.names = map[string]*time.Timer{}, map[*time.Timer]string{}
	lines := make(chan []byte, 1024)
	go func() {
		in := bufio.NewReaderSize(os.Stdin, 1<<16)
		for {
			line, err := in.ReadBytes('\n')
			if err != nil {
				close(lines)
				return
			}
			lines <- line
		}
	}()
	for {
		select {
		case line, more := <-lines:
			if !more {
				return
			}
			value, err := FromJSON(line)
			if err != nil {
				panic(err)
			}
			envelope := value.(map[string]any)
			real.take(Message{envelope["src"].(string), envelope["body"].(map[string]any)})
		case timer := <-real.fired:
			if name, is := real.names[timer]; is { // else it was moved or cancelled
				real.cancel(name)
				real.node.OnTimer(name)
			}
		}
	}
}

func (real *realTime) take(message Message) {
	if message.Type() != "init" {
		real.node.OnMessage(message)
		return
	}
	real.ctx = newContext(message.Text("node_id"), texts(message.Body["node_ids"]), time.Now().UnixNano())
	real.ctx.now = func() float64 { return float64(time.Now().UnixMicro()) / 1000 }
	real.ctx.effect = real.effect
	if real.folder = os.Getenv("NAYSAYER_DATA"); real.folder != "" {
		check(os.MkdirAll(real.folder, 0o755))
		entries, err := os.ReadDir(real.folder)
		check(err)
		for _, entry := range entries {
			if entry.Type().IsRegular() {
				file, err := os.ReadFile(filepath.Join(real.folder, entry.Name()))
				check(err)
				real.ctx.Disk.files[entry.Name()] = file
			}
		}
	}
	real.node = real.newNode()
	real.node.setContext(real.ctx)
	real.node.OnStart()
	real.ctx.Reply(message, "init_ok", nil)
}

func (real *realTime) cancel(name string) {
	if timer := real.timers[name]; timer != nil {
		timer.Stop()
		delete(real.names, timer)
		delete(real.timers, name)
	}
}

func (real *realTime) effect(what string, values ...any) {
	switch what {
	case "send":
		line := ToJSON(Body{"src": real.ctx.Me, "dest": values[0], "body": values[1]})
		if _, err := real.out.Write(append(line, '\n')); err != nil {
			os.Exit(0) // the process that started this one has gone
		}
	case "timer":
		name := values[0].(string)
		real.cancel(name)
		var timer *time.Timer
		ready := make(chan struct{})
		timer = time.AfterFunc(time.Duration(values[1].(float64)*1e6), func() {
			<-ready
			real.fired <- timer
		})
		real.timers[name], real.names[timer] = timer, name
		close(ready)
	case "cancel":
		real.cancel(values[0].(string))
	case "log":
		fmt.Fprintln(os.Stderr, values[0])
	default:
		if real.folder != "" {
			check(real.onDisk(what, values)) // a failed write ends the node: it is unknown what is durable
		}
	}
}

func (real *realTime) onDisk(what string, values []any) error {
	place := real.folder
	if len(values) > 0 {
		place = filepath.Join(real.folder, values[0].(string))
	}
	switch what {
	case "create":
		return os.WriteFile(place, nil, 0o644)
	case "truncate":
		return os.Truncate(place, int64(values[1].(int)))
	case "rename":
		return os.Rename(place, filepath.Join(real.folder, values[1].(string)))
	case "remove":
		return os.Remove(place)
	}
	flags := os.O_RDONLY
	if what == "append" {
		flags = os.O_WRONLY | os.O_APPEND
	}
	file, err := os.OpenFile(place, flags, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if what == "append" {
		_, err = file.Write(values[1].([]byte))
		return err
	}
	return file.Sync()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
