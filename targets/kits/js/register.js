'use strict';
/** The ten-line node: a key-value store on one node. With --nodes 3 a hunt shows why that is not enough. */
const { Node, run } = require('./naysayer.js');

class Register extends Node {
  values = new Map();

  onMessage(message) {
    const { type, key, value } = message.body;
    if (type === 'read') {
      this.ctx.reply(message, 'read_ok', { value: this.values.has(key) ? this.values.get(key) : null });
    } else if (type === 'write') {
      this.values.set(key, value);
      this.ctx.reply(message, 'write_ok');
    } else {
      super.onMessage(message);
    }
  }
}

run(Register);
