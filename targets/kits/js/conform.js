'use strict';
/** The node of the conformance suite: it does what it is told. `naysayer conform --host "node conform.js"` */
const crypto = require('crypto');
const { Node, run } = require('./naysayer.js');

class Conform extends Node {
  steps = 0;

  onMessage(message) {
    if (message.type !== 'conform') {
      super.onMessage(message);
      return;
    }
    const saw = [];
    for (const step of message.body.steps) {
      this.steps += 1;
      this.step(step, saw);
    }
    this.ctx.reply(message, 'conform_ok', { saw });
  }

  step([name, first, second], saw) {
    const { ctx } = this;
    const { disk } = ctx;
    switch (name) {
      case 'send': {
        const { type, ...fields } = second;
        return ctx.send(first, type, fields);
      }
      case 'send_changed': {
        const held = [1];
        ctx.send(first, 'changed', { n: held });
        held[0] = 2;
        return ctx.send(first, 'changed', { n: held });
      }
      case 'timer':
        return ctx.timer(first, second);
      case 'cancel':
        return ctx.cancel(first);
      case 'log':
        return ctx.log(first);
      case 'create':
        return disk.create(first);
      case 'append':
        return disk.append(first, Buffer.from(second, 'base64'));
      case 'truncate':
        return disk.truncate(first, second);
      case 'sync':
        return disk.sync(first);
      case 'rename':
        return disk.rename(first, second);
      case 'remove':
        return disk.remove(first);
      case 'sync_directory':
        return disk.syncDirectory();
      case 'read':
        return saw.push(disk.read(first).toString('base64'));
      case 'names':
        return saw.push(disk.names());
      case 'me':
        return saw.push(ctx.me);
      case 'now':
        return saw.push(ctx.now());
      case 'random':
        return saw.push(ctx.random());
      case 'draw':
        return saw.push(`${Math.random()} ${crypto.randomUUID()}`);
      case 'order':
        return saw.push([...new Set(['a', 'b', 'c'])]);
      case 'print':
        return console.log(first);
      case 'flood':
        return process.stderr.write('x'.repeat(first));
      case 'raise':
        throw new RangeError(first);
      case 'exit':
        return process.exit(first);
      case 'loop':
        for (;;);
      default:
        throw new Error(`no step ${name}`);
    }
  }

  onTimer(name) {
    this.ctx.log(`timer ${name}`);
  }

  view() {
    return { steps: this.steps };
  }
}

run(Conform);
