// Package naysayer is the Go kit of Naysayer, for Go 1.19: a node as a state machine that gets inputs and answers with
// effects. Copy this folder into your module.
//
//	type MyNode struct{ naysayer.Base }
//	func main() { naysayer.Run(func() naysayer.Node { return &MyNode{} }) }
//
//	go build -o my_node .
//	naysayer hunt --host ./my_node                  virtual time: any failure replays exactly
//	naysayer test --bin "./my_node --stdio"         real time, by Maelstrom's protocol
//
// A node uses no goroutines, clock, files or randomness but those of its Context, and does not depend on the order of a
// map, which Go changes every time: sort the keys. What it prints goes to stderr.
package naysayer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand"
	"os"
	"sort"
	"strconv"
)

// Body is a JSON object: its values are string, int64, float64, bool, nil, []any and map[string]any.
type Body = map[string]any

// Node is your node. One value is one life of it: a crash drops the value, and a restart makes a new one. Embed Base, and
// define what you need.
type Node interface {
	OnStart()
	OnMessage(message Message)
	OnTimer(name string)
	// View is what the node holds, for reports: small, and without side effects.
	View() Body
	setContext(ctx *Context)
}

// Base has the Context, and handlers that do nothing. Pass on to its OnMessage what you do not know.
type Base struct {
	Ctx *Context
}

func (base *Base) setContext(ctx *Context) { base.Ctx = ctx }

// OnStart is the first start and every restart: only what is on Ctx.Disk is left from earlier lives.
func (base *Base) OnStart() {}

// OnMessage refuses a request, and panics at a message of another node.
func (base *Base) OnMessage(message Message) {
	if !message.IsRequest() {
		panic(fmt.Sprintf("no handler for %v from %s", message.Body, message.From))
	}
	base.Ctx.Error(message, 10, "not supported: "+message.Type())
}

func (base *Base) OnTimer(name string) {}
func (base *Base) View() Body          { return Body{} }

// Message is a request of a client or a message of another node.
type Message struct {
	From string
	Body Body
}

func (message Message) Type() string {
	kind, _ := message.Body["type"].(string)
	return kind
}

func (message Message) IsRequest() bool {
	_, is := message.Body["msg_id"]
	return is
}

// Text is a field that is a string; "" if there is none.
func (message Message) Text(name string) string {
	text, _ := message.Body[name].(string)
	return text
}

// Number is a field that is an integer; it panics if there is none.
func (message Message) Number(name string) int64 {
	number, is := message.Body[name].(int64)
	if !is {
		panic(fmt.Sprintf("no integer %q in %v from %s", name, message.Body, message.From))
	}
	return number
}

// Context is all that a node may do and know. Effects happen in the order in which they are asked for.
type Context struct {
	Me     string
	Nodes  []string
	Random *rand.Rand
	Disk   *Disk
	now    func() float64
	effect func(what string, values ...any)
}

func newContext(me string, nodes []string, seed int64) *Context {
	ctx := &Context{Me: me, Nodes: nodes, Random: rand.New(rand.NewSource(seed))}
	ctx.Disk = &Disk{files: map[string][]byte{}, effect: func(what string, values ...any) { ctx.effect(what, values...) }}
	return ctx
}

// Now is this machine's clock in ms. It may be wrong, and it may jump; it begins near 0 in virtual time.
func (ctx *Context) Now() float64 { return ctx.now() }

func (ctx *Context) Majority() int { return len(ctx.Nodes)/2 + 1 }

func (ctx *Context) Others() []string {
	var others []string
	for _, node := range ctx.Nodes {
		if node != ctx.Me {
			others = append(others, node)
		}
	}
	return others
}

// Send sends a message to another node: Send("n2", "put", Body{"key": key, "value": value}).
func (ctx *Context) Send(to, kind string, fields Body) {
	body := Body{"type": kind}
	for name, value := range fields {
		body[name] = value
	}
	ctx.effect("send", to, body)
}

// Broadcast sends a message to all other nodes.
func (ctx *Context) Broadcast(kind string, fields Body) {
	for _, node := range ctx.Others() {
		ctx.Send(node, kind, fields)
	}
}

// Reply answers a request: Reply(message, "read_ok", Body{"value": value}).
func (ctx *Context) Reply(request Message, kind string, fields Body) {
	body := Body{"in_reply_to": request.Body["msg_id"]}
	for name, value := range fields {
		body[name] = value
	}
	ctx.Send(request.From, kind, body)
}

// Error answers a request by an error of Maelstrom's. Codes 10 (not supported), 11 (not now), 14 (aborted), 20 (no such
// key), 21 (key exists) and 22 (the value is another one) promise that the operation did and will not happen. Codes 0 and
// 13 leave that open.
func (ctx *Context) Error(request Message, code int, text string) {
	ctx.Reply(request, "error", Body{"code": code, "text": text})
}

// NotLeader answers that another node is to be asked instead.
func (ctx *Context) NotLeader(request Message, leader string) {
	ctx.Reply(request, "error", Body{"code": 11, "text": "not the leader", "leader": leader})
}

// Timer calls OnTimer(name) after so many ms, once. A timer that is set already is moved.
func (ctx *Context) Timer(name string, afterMs float64) {
	if math.IsNaN(afterMs) || math.IsInf(afterMs, 0) {
		panic(fmt.Sprintf("a timer after %v ms", afterMs))
	}
	ctx.effect("timer", name, afterMs)
}

func (ctx *Context) Cancel(name string) { ctx.effect("cancel", name) }
func (ctx *Context) Log(text string)    { ctx.effect("log", text) }

// Disk is a flat directory of files. Reads happen at once; writes are effects. What was appended and not synced may be lost
// or torn by a power loss, and so may a name that was created, renamed or removed, until SyncDirectory.
type Disk struct {
	files  map[string][]byte
	effect func(what string, values ...any)
}

func (disk *Disk) Names() []string {
	names := make([]string, 0, len(disk.files))
	for name := range disk.files {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (disk *Disk) Exists(name string) bool {
	_, is := disk.files[name]
	return is
}

func (disk *Disk) Read(name string) []byte { return append([]byte{}, disk.file(name)...) }

func (disk *Disk) Create(name string) {
	disk.files[name] = nil
	disk.effect("create", name)
}

func (disk *Disk) Append(name string, data []byte) {
	disk.files[name] = append(disk.file(name), data...)
	disk.effect("append", name, data)
}

func (disk *Disk) Truncate(name string, size int) {
	if file := disk.file(name); size < len(file) {
		disk.files[name] = file[:size:size]
	}
	disk.effect("truncate", name, len(disk.files[name]))
}

func (disk *Disk) Rename(old, name string) {
	file := disk.file(old)
	delete(disk.files, old)
	disk.files[name] = file
	disk.effect("rename", old, name)
}

func (disk *Disk) Remove(name string) {
	disk.file(name)
	delete(disk.files, name)
	disk.effect("remove", name)
}

func (disk *Disk) Sync(name string) {
	disk.file(name)
	disk.effect("sync", name)
}

func (disk *Disk) SyncDirectory() { disk.effect("sync_directory") }

func (disk *Disk) file(name string) []byte {
	if !disk.Exists(name) {
		panic("no file " + name)
	}
	return disk.files[name]
}

// Wal is a write-ahead log, for those who need not write one: records with length and checksum; a torn tail is cut.
type Wal struct {
	disk *Disk
	name string
}

func NewWal(ctx *Context, name string) *Wal { return &Wal{ctx.Disk, name} }

// Recover returns the records, oldest first. Call it once, before anything is appended.
func (wal *Wal) Recover() [][]byte {
	if !wal.disk.Exists(wal.name) {
		wal.disk.Create(wal.name)
		wal.disk.SyncDirectory()
		return nil
	}
	var records [][]byte
	data, at := wal.disk.Read(wal.name), 0
	for at+8 <= len(data) {
		end := at + 8 + int(binary.BigEndian.Uint32(data[at:]))
		if end > len(data) || crc32.ChecksumIEEE(data[at+8:end]) != binary.BigEndian.Uint32(data[at+4:]) {
			break
		}
		records = append(records, data[at+8:end])
		at = end
	}
	if at < len(data) {
		wal.disk.Truncate(wal.name, at)
	}
	wal.disk.Sync(wal.name) // a killed process may have left whole records that are not on the disk yet
	return records
}

// Append is durable only after Sync.
func (wal *Wal) Append(record []byte) {
	data := make([]byte, 8, 8+len(record))
	binary.BigEndian.PutUint32(data, uint32(len(record)))
	binary.BigEndian.PutUint32(data[4:], crc32.ChecksumIEEE(record))
	wal.disk.Append(wal.name, append(data, record...))
}

func (wal *Wal) Sync() { wal.disk.Sync(wal.name) }

// Run runs nodes until stdin ends: in virtual time, or with the argument --stdio in real time.
func Run(newNode func() Node) {
	out := os.Stdout
	os.Stdout = os.Stderr // stdout belongs to the protocol
	for _, argument := range os.Args[1:] {
		if argument == "--stdio" {
			(&realTime{newNode: newNode, out: out}).run()
			return
		}
	}
	(&virtualTime{newNode: newNode, lives: map[int64]*life{}}).run(out)
}

// ToJSON is a value as JSON, such as a record of a log.
func ToJSON(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err.Error())
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// FromJSON is JSON as string, int64, float64, bool, nil, []any and map[string]any.
func FromJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	return plain(value), nil
}

func plain(value any) any {
	switch value := value.(type) {
	case json.Number:
		if whole, err := strconv.ParseInt(value.String(), 10, 64); err == nil {
			return whole
		}
		number, _ := value.Float64()
		return number
	case []any:
		for i := range value {
			value[i] = plain(value[i])
		}
	case map[string]any:
		for name := range value {
			value[name] = plain(value[name])
		}
	}
	return value
}
