// The lanes of the nodes in the explorer's clock, drawn as in the page, and the messages between them.

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

  /** Where a message leaves or arrives. @param {string} name @param {boolean} below */
  edge(name, below) {
    const y = this.bands.tops.get(name);
    return y === undefined ? undefined : y + (below ? this.bands.high : 0);
  }

  /** @param {Frame} frame */
  messages(frame) {
    const { model } = this, at = new Map(model.run.nodes.map((name, n) => [name, n]));
    const own = model.selected;
    model.messages.shown.forEach((message, number) => {
      const [source, dest, sent, delivered, , operation, , held] = message;
      const from = at.get(source), to = at.get(dest);
      if (from === undefined || to === undefined || sent * TICKS > frame.to) return;
      const down = to > from, y0 = this.edge(source, down), y1 = this.edge(dest, !down);
      if (y0 === undefined || y1 === undefined) return;
      const mine = operation !== null && operation === own, matters = operation !== null && model.matter.has(operation);
      const colour = mine ? colours.fg : matters ? colours.fg2 : colours.quiet, x0 = frame.x(sent * TICKS);
      if (delivered === null && held) {
        frame.g.setLineDash([3, 3]);
        frame.line(x0, y0, x0 + 5, y0 + (down ? 10 : -10), colours.link, 1.25);
        frame.line(x0 + 5, y0 + (down ? 10 : -10), frame.width, y0 + (down ? 10 : -10), colours.link, 1);
        frame.g.setLineDash([]);
      } else if (delivered === null) {
        const x1 = x0 + 7, y = y0 + (y1 - y0) * 0.35;
        frame.line(x0, y0, x1, y, mine || matters ? colours.bad : colours.quiet, 1);
        frame.cross(x1, y, mine || matters ? 3.5 : 2.5, mine || matters ? colours.bad : colours.quiet, mine || matters ? 2 : 1.25);
      } else {
        const x1 = frame.x(delivered * TICKS);
        if (x1 < frame.left) return;
        frame.line(x0, y0, x1, y1, colour, mine ? 2 : matters ? 1.25 : 0.75);
        if (mine) frame.head(x0, y0, x1, y1, 7, colour);
        frame.hit(Math.max(Math.min(x0, x1), frame.left) - 2, Math.max(x0, x1) + 2, (y0 + y1) / 2 - 6, (y0 + y1) / 2 + 6, "message", number);
      }
    });
  }
}
