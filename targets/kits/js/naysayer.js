'use strict';
/**
 * The JavaScript kit of Naysayer, for Node.js 18: a node as a state machine that gets inputs and answers with effects.
 *
 *     const { Node, run } = require('./naysayer.js');
 *     class MyNode extends Node { ... }
 *     run(MyNode);
 *
 *     naysayer hunt --host "node my_node.js"              virtual time: any failure replays exactly
 *     naysayer test --bin "node my_node.js --stdio"       real time, by Maelstrom's protocol
 *
 * A node uses no timers, promises, clock, files or randomness but those of its context. What it prints goes to stderr.
 */

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const VERSION = 1;

/** Your node. One object is one life of it: a crash drops the object, and a restart makes a new one. */
class Node {
  /** `this.ctx` is set before onStart. Only what is on `this.ctx.disk` is left from earlier lives. */
  onStart() {}

  /** A request of a client, or a message of another node. Pass on here what you do not know. */
  onMessage(message) {
    if (!message.isRequest) throw new Error(`no handler for ${JSON.stringify(message.body)} from ${message.from}`);
    this.ctx.error(message, 10, `not supported: ${message.type}`);
  }

  onTimer(name) {}

  /** What the node holds, for reports: small, and without side effects. */
  view() {
    return {};
  }
}

/** A message: its sender `from`, and its `body` as an object. */
class Message {
  constructor(from, body) {
    this.from = from;
    this.body = body;
  }

  get type() {
    return this.body.type;
  }

  get isRequest() {
    return 'msg_id' in this.body;
  }
}

/** All that a node may do, and all that it may know. Effects happen in the order in which they are asked for. */
class Context {
  constructor(me, nodes, seed) {
    this.me = me;
    this.nodes = nodes;
    /** A random number of [0, 1). */
    this.random = generator(seed);
    this.disk = new Disk((...effect) => this._effect(...effect));
    this._now = 0;
  }

  get others() {
    return this.nodes.filter((node) => node !== this.me);
  }

  get majority() {
    return Math.floor(this.nodes.length / 2) + 1;
  }

  /** This machine's clock in ms. It may be wrong, and it may jump; it begins near 0 in virtual time. */
  now() {
    return this._now;
  }

  /** `send('n2', 'put', { key, value })` */
  send(to, type, fields = {}) {
    this._effect('send', to, { type, ...fields });
  }

  /** To all other nodes. */
  broadcast(type, fields = {}) {
    for (const node of this.others) this.send(node, type, fields);
  }

  /** Answer a request: `reply(message, 'read_ok', { value })`. */
  reply(request, type, fields = {}) {
    this.send(request.from, type, { ...fields, in_reply_to: request.body.msg_id });
  }

  /**
   * Answer a request by an error of Maelstrom's. Codes 10 (not supported), 11 (not now), 14 (aborted), 20 (no such key),
   * 21 (key exists) and 22 (the value is another one) promise that the operation did and will not happen. Codes 0 and
   * 13 leave that open. A field `leader` names the node to ask instead.
   */
  error(request, code, text, fields = {}) {
    this.reply(request, 'error', { code, text, ...fields });
  }

  /** Calls onTimer(name) after so many ms, once. A timer that is set already is moved. */
  timer(name, afterMs) {
    if (!Number.isFinite(afterMs)) throw new RangeError(`a timer after ${afterMs} ms`);
    this._effect('timer', String(name), afterMs);
  }

  cancel(name) {
    this._effect('cancel', String(name));
  }

  log(text) {
    this._effect('log', String(text));
  }
}

/**
 * A flat directory of files, whose contents are Buffers. Reads happen at once; writes are effects. What was appended and
 * not synced may be lost or torn by a power loss, and so may a name that was created, renamed or removed, until
 * syncDirectory.
 */
class Disk {
  constructor(effect) {
    this._effect = effect;
    this._files = new Map();
  }

  names() {
    return [...this._files.keys()].sort();
  }

  exists(name) {
    return this._files.has(name);
  }

  read(name) {
    const all = Buffer.concat(this._file(name));
    this._files.set(name, [all]);
    return Buffer.from(all);
  }

  create(name) {
    this._files.set(name, []);
    this._effect('create', name);
  }

  append(name, data) {
    const copy = Buffer.from(data);
    this._file(name).push(copy);
    this._effect('append', name, copy);
  }

  truncate(name, size) {
    const rest = this.read(name).subarray(0, size);
    this._files.set(name, [rest]);
    this._effect('truncate', name, rest.length);
  }

  sync(name) {
    this._file(name);
    this._effect('sync', name);
  }

  rename(old, name) {
    const file = this._file(old);
    this._files.delete(old);
    this._files.set(name, file);
    this._effect('rename', old, name);
  }

  remove(name) {
    this._file(name);
    this._files.delete(name);
    this._effect('remove', name);
  }

  syncDirectory() {
    this._effect('sync_directory');
  }

  _file(name) {
    if (!this._files.has(name)) throw new Error(`no file ${name}`);
    return this._files.get(name);
  }
}

/** A write-ahead log, for those who need not write one: records with length and checksum; a torn tail is cut. */
class Wal {
  constructor(ctx, name) {
    this._disk = ctx.disk;
    this._name = name;
  }

  /** The records as Buffers, oldest first. Call it once, before anything is appended. */
  recover() {
    const found = [];
    if (!this._disk.exists(this._name)) {
      this._disk.create(this._name);
      this._disk.syncDirectory();
      return found;
    }
    const data = this._disk.read(this._name);
    let at = 0;
    while (at + 8 <= data.length) {
      const record = data.subarray(at + 8, at + 8 + data.readUInt32BE(at));
      if (record.length < data.readUInt32BE(at) || checksum(record) !== data.readUInt32BE(at + 4)) break;
      found.push(record);
      at += 8 + record.length;
    }
    if (at < data.length) this._disk.truncate(this._name, at);
    this._disk.sync(this._name); // a killed process may have left whole records that are not on the disk yet
    return found;
  }

  /** Durable only after sync. */
  append(record) {
    const data = Buffer.from(record);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length, 0);
    head.writeUInt32BE(checksum(data), 4);
    this._disk.append(this._name, Buffer.concat([head, data]));
  }

  sync() {
    this._disk.sync(this._name);
  }
}

/** FNV-1a. */
function checksum(data) {
  let hash = 0x811c9dc5;
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** Random numbers from a seed below 2^53 (splitmix32). */
function generator(seed) {
  let state = (seed ^ Math.floor(seed / 4294967296) ^ 0x9e3779b9) >>> 0;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return () => (next() * 2097152 + (next() >>> 11)) / 9007199254740992;
}

/** Runs nodes until stdin ends: in virtual time, or with the argument --stdio in real time. */
function run(Class) {
  console.log = console.info = console.debug = console.error; // stdout belongs to the protocol
  process.stdout.write = process.stderr.write.bind(process.stderr);
  if (process.argv.includes('--stdio')) new RealTime(Class).run();
  else new VirtualTime(Class).run();
}

function write(text) {
  const data = Buffer.from(text + '\n');
  for (let at = 0; at < data.length; ) {
    try {
      at += fs.writeSync(1, data, at);
    } catch (error) {
      if (error.code === 'EPIPE') process.exit(0); // the process that started this one has gone
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

// virtual time

/** Holds any number of lives of nodes: one line in, one line out. */
class VirtualTime {
  constructor(Class) {
    this.Class = Class;
    this.lives = new Map();
  }

  run() {
    write(JSON.stringify({ naysayer: VERSION, kit: 'js 1.0' }));
    const chunk = Buffer.alloc(1 << 16);
    let parts = [];
    for (;;) {
      let size = 0;
      try {
        size = fs.readSync(0, chunk, 0, chunk.length, null);
      } catch (error) {
        if (error.code === 'EAGAIN') continue;
        if (error.code !== 'EOF') throw error;
      }
      if (size === 0) process.exit(0);
      let from = 0;
      for (let end = chunk.indexOf(10, from); end >= 0 && end < size; end = chunk.indexOf(10, from)) {
        parts.push(Buffer.from(chunk.subarray(from, end)));
        write(this.line(Buffer.concat(parts).toString()));
        parts = [];
        from = end + 1;
      }
      if (from < size) parts.push(Buffer.from(chunk.subarray(from, size)));
    }
  }

  line(text) {
    try {
      return this.answer(JSON.parse(text));
    } catch (error) {
      return raised(error);
    }
  }

  answer(input) {
    for (const gone of input.forget || []) this.lives.delete(gone);
    if (input.event === 'start') this.lives.set(input.id, this.born(input));
    if (!this.lives.has(input.id)) throw new Error(`no life ${input.id}`);
    const { node, ctx } = this.lives.get(input.id);
    if (input.event === 'view') return JSON.stringify({ view: node.view() });
    ctx.begin(input.now);
    if (input.event === 'start') node.onStart();
    else if (input.event === 'message') node.onMessage(new Message(input.from, input.body));
    else if (input.event === 'timer') node.onTimer(input.name);
    else throw new Error(`unknown event ${input.event}`);
    return `{"do":[${ctx.done.join(',')}]}`;
  }

  born(input) {
    const ctx = new Life(input.node, input.nodes, input.seed);
    for (const [name, data] of Object.entries(input.disk || {})) ctx.disk._files.set(name, [Buffer.from(data, 'base64')]);
    pin(input.seed);
    const node = new this.Class();
    node.ctx = ctx;
    return { node, ctx };
  }
}

/** Effects become JSON when they are asked for: the node may change a message later. */
class Life extends Context {
  constructor(me, nodes, seed) {
    super(me, nodes, seed);
    this.seed = seed;
    this.inputs = 0;
    this.done = [];
  }

  begin(now) {
    this._now = now;
    this.done = [];
    this.inputs += 1;
    pin(this.seed + this.inputs);
  }

  _effect(what, ...values) {
    if (what === 'append') values[1] = values[1].toString('base64');
    this.done.push(JSON.stringify([what, ...values]));
  }
}

/** What the language draws by itself depends on the life, and on the number of the input in it. */
function pin(seed) {
  const draw = generator(seed);
  Math.random = draw;
  crypto.randomUUID = () => {
    const hex = Array.from({ length: 32 }, () => Math.floor(draw() * 16).toString(16)).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
}

function raised(error) {
  console.error(error);
  const at = [];
  for (const line of String((error && error.stack) || '').split('\n')) {
    const found = /^\s+at (?:(?:new )?(?:[\w$]+\.)*([\w$<>]+) (?:\[as [^\]]+\] )?\()?(?:file:\/\/)?(.*?):(\d+):\d+\)?$/.exec(line);
    if (!found || found[2] === __filename || /^node:|^<anonymous>/.test(found[2])) continue;
    at.push(`${path.basename(found[2])}:${found[3]} in ${found[1] || 'main'}`);
  }
  const text = error instanceof Error ? error.message : String(error);
  return JSON.stringify({ error: (error && error.name) || 'Error', text, at: at.slice(0, 8) });
}

// real time

/** One node, by Maelstrom's protocol: real timers, and files in the folder that NAYSAYER_DATA names. */
class RealTime {
  constructor(Class) {
    this.Class = Class;
  }

  run() {
    let parts = [];
    process.stdin.on('data', (chunk) => {
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        parts.push(chunk.subarray(from, end));
        this.take(JSON.parse(Buffer.concat(parts).toString()));
        parts = [];
        from = end + 1;
      }
      parts.push(chunk.subarray(from));
    });
    process.stdin.on('end', () => process.exit(0));
  }

  take({ src, body }) {
    const message = new Message(src, body);
    if (body.type === 'init') {
      this.node = new this.Class();
      this.node.ctx = new RealContext(this.node, body.node_id, body.node_ids);
      this.node.onStart();
      this.node.ctx.reply(message, 'init_ok');
    } else if (this.node) {
      this.node.onMessage(message);
    }
  }
}

class RealContext extends Context {
  constructor(node, me, nodes) {
    super(me, nodes, crypto.randomInt(2 ** 47));
    this.node = node;
    this.timers = new Map();
    this.folder = process.env.NAYSAYER_DATA;
    if (!this.folder) return;
    fs.mkdirSync(this.folder, { recursive: true });
    for (const entry of fs.readdirSync(this.folder, { withFileTypes: true })) {
      if (entry.isFile()) this.disk._files.set(entry.name, [fs.readFileSync(path.join(this.folder, entry.name))]);
    }
  }

  now() {
    return Date.now();
  }

  _effect(what, ...values) {
    if (what === 'send') {
      write(JSON.stringify({ src: this.me, dest: values[0], body: values[1] }));
    } else if (what === 'timer' || what === 'cancel') {
      clearTimeout(this.timers.get(values[0]));
      this.timers.delete(values[0]);
      if (what === 'cancel') return;
      const fire = () => {
        this.timers.delete(values[0]);
        this.node.onTimer(values[0]);
      };
      this.timers.set(values[0], setTimeout(fire, values[1]));
    } else if (what === 'log') {
      console.error(values[0]);
    } else if (this.folder) {
      this.onDisk(what, ...values); // an error ends the node: after a failed write it is unknown what is durable
    }
  }

  onDisk(what, name, more) {
    const file = name === undefined ? this.folder : path.join(this.folder, name);
    if (what === 'create') fs.writeFileSync(file, '');
    else if (what === 'append') fs.appendFileSync(file, more);
    else if (what === 'truncate') fs.truncateSync(file, more);
    else if (what === 'rename') fs.renameSync(file, path.join(this.folder, more));
    else if (what === 'remove') fs.unlinkSync(file);
    else {
      const handle = fs.openSync(file, 'r');
      fs.fsyncSync(handle);
      fs.closeSync(handle);
    }
  }
}

module.exports = { Node, Message, Context, Disk, Wal, run };
