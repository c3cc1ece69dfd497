'use strict';
/** A quorum store on the JavaScript kit; with `no-read-repair` a read does not write back what it found. */
const path = require('path');
const { Node, run } = require(path.join(process.env.NAYSAYER_KIT, 'naysayer.js'));

const RESEND_MS = 120;
const ATTEMPTS = 6;
const NEVER = { version: [0, ''], value: null };
const newer = (one, other) => (one[0] !== other[0] ? one[0] > other[0] : one[1] > other[1]);

class QuorumKv extends Node {
  held = new Map();
  operations = new Map();
  seen = new Set();
  counter = 0;

  onStart() {
    this.number = Math.floor(this.ctx.random() * 2 ** 30); // answers to an earlier life may still be on their way
  }

  get(key) {
    return this.held.get(key) || NEVER;
  }

  store(key, one) {
    if (newer(one.version, this.get(key).version)) this.held.set(key, one);
  }

  onMessage(message) {
    const { from, body } = message;
    if (body.type === 'get') this.ctx.send(from, 'got', { op: body.op, ...this.get(body.key) });
    else if (body.type === 'got') this.got(from, body.op, { version: body.version, value: body.value });
    else if (body.type === 'put') {
      this.store(body.key, { version: body.version, value: body.value });
      this.ctx.send(from, 'stored', { op: body.op });
    } else if (body.type === 'stored') this.stored(from, body.op);
    else if (body.type === 'read' || body.type === 'write') {
      if (this.seen.has(`${from} ${body.msg_id}`)) return; // the network doubled it
      this.seen.add(`${from} ${body.msg_id}`);
      this.operations.set(++this.number, { message, answers: new Map(), stored: new Set(), attempts: 1 });
      this.phase(this.number);
    } else super.onMessage(message);
  }

  phase(op) {
    const one = this.operations.get(op);
    const { key } = one.message.body;
    this.ctx.timer(op, RESEND_MS);
    if (!one.put) {
      for (const node of this.ctx.others) if (!one.answers.has(node)) this.ctx.send(node, 'get', { op, key });
      this.got(this.ctx.me, op, this.get(key));
    } else {
      for (const node of this.ctx.others) if (!one.stored.has(node)) this.ctx.send(node, 'put', { op, key, ...one.put });
      this.store(key, one.put);
      this.stored(this.ctx.me, op);
    }
  }

  got(from, op, answer) {
    const one = this.operations.get(op);
    if (!one || one.put) return;
    one.answers.set(from, answer);
    if (one.answers.size < this.ctx.majority) return;
    const answers = [...one.answers.values()];
    const newest = answers.reduce((best, other) => (newer(other.version, best.version) ? other : best));
    if (one.message.type === 'write') {
      this.counter = Math.max(this.counter, newest.version[0]) + 1;
      this.put(op, { version: [this.counter, this.ctx.me], value: one.message.body.value });
    } else if (answers.every((other) => !newer(newest.version, other.version))) this.finish(op, newest.value);
    else this.repair(op, newest);
  }

  repair(op, newest) {
    this.put(op, newest);
  }

  put(op, what) {
    Object.assign(this.operations.get(op), { put: what, attempts: 1 });
    this.phase(op);
  }

  stored(from, op) {
    const one = this.operations.get(op);
    if (!one || !one.put) return;
    one.stored.add(from);
    if (one.stored.size >= this.ctx.majority) this.finish(op, one.put.value);
  }

  finish(op, value) {
    const { message } = this.operations.get(op);
    this.ctx.cancel(op);
    this.operations.delete(op);
    if (message.type === 'read') this.ctx.reply(message, 'read_ok', { value });
    else this.ctx.reply(message, 'write_ok');
  }

  onTimer(name) {
    const one = this.operations.get(Number(name));
    if (!one) return;
    one.attempts += 1;
    if (one.attempts <= ATTEMPTS) this.phase(Number(name));
    else {
      this.operations.delete(Number(name));
      this.ctx.error(one.message, one.message.type === 'read' || !one.put ? 11 : 0, 'no majority answered');
    }
  }

  view() {
    return Object.fromEntries(this.held);
  }
}

class NoReadRepair extends QuorumKv {
  repair(op, newest) {
    this.finish(op, newest.value);
  }
}

class Raises extends QuorumKv {
  finish(op, value) {
    if (this.held.size > 2) this.missing.delete(op);
    super.finish(op, value);
  }
}

const variants = { 'no-read-repair': NoReadRepair, raises: Raises };
run(variants[process.argv[2]] || QuorumKv);
