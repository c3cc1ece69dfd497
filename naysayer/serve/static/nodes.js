// The lanes of the nodes in the explorer's clock, drawn as in the page, and the messages between them.

import { arrow, heldArrow, pathOf } from "../../page/js/arrows.js";
import { colours } from "../../page/js/colours.js";
import { fixed } from "../../page/js/dom.js";
import { NodeLanes } from "../../page/js/lanes_nodes.js";
import { TICKS } from "./lanes.js";

/** @typedef {import("../../page/js/frame.js").Frame} Frame */
/** @typedef {import("../../page/js/traffic.js").Change} Change */
/** @typedef {import("./model.js").Model} Model */

/** The bands of the nodes as the page draws them, from what the server says of a branch. */
class Bands {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {any} */
    this.of = null;
    /** @type {Map<string, [Change[], Change[]]>} By node: what it holds, and its role and term. */
    this.changes = new Map();
    this.standings = false;
    this.keys = { size: 1 };
  }

  get until() {
    return this.model.data.end * TICKS;
  }

  /** @param {string} node */
  held(node) {
    return this.known(node)[0];
  }

  /** @param {string} node */
  standing(node) {
    return this.known(node)[1];
  }

  /** @param {string} node @returns {[Change[], Change[]]} */
  known(node) {
    if (this.of !== this.model.data) this.read();
    return this.changes.get(node) ?? [[], []];
  }

  read() {
    this.of = this.model.data;
    this.changes.clear();
    this.standings = false;
    for (const [node, segments] of /** @type {[string, [number, string | null, string][]][]} */ (Object.entries(this.of.nodes))) {
      /** @type {[Change[], Change[]]} */
      const found = [[], []];
      for (const [ms, stands, held] of segments) {
        this.standings ||= Boolean(stands);
        for (const [list, text] of /** @type {[Change[], string][]} */ ([[found[0], held], [found[1], stands ?? ""]])) {
          const last = list[list.length - 1], down = stands === null;
          if (last?.text !== text || last.down !== down) list.push({ time: ms * TICKS, text, down, synced: -2 });
        }
      }
      this.changes.set(node, found);
    }
  }
}

export class NodeLane {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.states = new Bands(model);
    this.bands = new NodeLanes(model.run.nodes, this.states, {
      values: () => model.values, key: () => 0, keyName: () => model.key ?? "", time: (tick) => `${fixed(tick / TICKS, 3)} ms`, after: "",
    });
  }

  height() {
    this.states.held(""); // so that it is known whether there are roles
    return this.bands.height() + 28;
  }

  /** The bands lie over the lines of the messages, and under the play head. @param {Frame} frame @param {number} top */
  draw(frame, top) {
    this.bands.draw(frame, top + 6);
    frame.inside(() => this.messages(frame));
    this.bands.over(frame);
  }

  /** The edges of a node's bands, where messages leave and arrive. @param {string} name */
  lane(name) {
    const top = this.bands.tops.get(name);
    return top === undefined ? null : { top, bottom: top + this.bands.high };
  }

  /** @param {Frame} frame */
  messages(frame) {
    const { model } = this;
    model.messages.shown.forEach((message, number) => {
      const [source, dest, sent, delivered, , operation, , held] = message;
      const from = this.lane(source), to = this.lane(dest), came = delivered === null ? null : delivered * TICKS;
      if (!from || !to || sent * TICKS > frame.to || (came ?? frame.to) < frame.from) return;
      const mine = operation !== null && operation === model.selected, matters = operation !== null && model.matter.has(operation);
      const colour = mine ? colours.fg : matters ? colours.fg2 : colours.quiet, width = mine ? 2 : matters ? 1.25 : 0.75;
      const path = pathOf(frame, from, to, sent * TICKS, came, 1e6 / TICKS);
      if (came === null && held) {
        heldArrow(frame, path, null, this.bands.high, colours.link, 1.25);
        return;
      }
      const crossColour = mine || matters ? colours.bad : colours.quiet;
      const [x, y] = arrow(frame, path, came === null, { colour, width, head: mine ? 7 : 0, cross: mine || matters ? 4 : 2, crossColour, share: 0.5 });
      frame.hit(Math.max(Math.min(path.x0, x), frame.left) - 2, Math.max(path.x0, x) + 2, (path.y0 + y) / 2 - 6, (path.y0 + y) / 2 + 6, "message", number);
    });
  }
}
