// The lanes of the nodes: a band with what each holds for the key shown, under it its role, term and commit index.

import { colourOf, colours, inkOf, place } from "./colours.js";
import { valueAndVersion } from "./traffic.js";

const BAND = 15, STRIP = 12, GAP = 37;
const NODES_MAX = 7;

/** @typedef {import("./traffic.js").Change} Change */
/** What the nodes hold and do, over time: States of a page, or what the explorer knows of a branch.
 * @typedef {object} Known
 * @property {{size: number}} keys whether there are any that nodes hold values for
 * @property {boolean} standings whether any node has a role, a term or a commit index
 * @property {number} until the tick up to which it is known
 * @property {(node: string, key: number) => Change[]} held
 * @property {(node: string) => Change[]} standing */
/** @typedef {{values: () => string[], key: () => number, time: (tick: number) => string, keyName: () => string, after: string}} About
 *   after: what is said of the time after the last tick that is known */

export class NodeLanes {
  /** @param {string[]} nodes @param {Known} states @param {About} about the values that have colours, the key that is shown */
  constructor(nodes, states, about) {
    this.nodes = nodes;
    this.states = states;
    this.about = about;
    this.top = 0;
    /** @type {Map<string, number>} Where the band of each node begins. */
    this.tops = new Map();
  }

  /** The height of a node's bands. */
  get high() {
    return (this.states.keys.size ? BAND : 0) + (this.states.standings ? STRIP : 0) || BAND;
  }

  height() {
    return this.nodes.length ? this.nodes.length * (this.high + GAP) - GAP + 5 : 0;
  }

  /** @param {import("./frame.js").Frame} frame @param {number} top */
  draw(frame, top) {
    this.top = top;
    this.nodes.forEach((node, at) => {
      const y = top + at * (this.high + GAP);
      this.tops.set(node, y);
      frame.label(node, y + Math.min(this.high, BAND) / 2, colours.fg, 600);
    });
  }

  /** The bands lie over the lines of the messages. @param {import("./frame.js").Frame} frame */
  over(frame) {
    const held = this.states.keys.size > 0;
    frame.inside(() => {
      for (const [node, y] of this.tops) {
        frame.g.fillStyle = colours.grid;
        frame.g.fillRect(frame.left, y, frame.width - frame.left, this.high);
        if (held) this.band(frame, node, this.states.held(node, this.about.key()), y);
        if (this.states.standings) this.strip(frame, node, y + (held ? BAND : 0));
        const end = frame.x(this.states.until);
        if (end < frame.width && (held || this.states.standings)) {
          frame.g.fillStyle = colours.bg;
          frame.g.fillRect(end, y, frame.width - end, this.high);
          frame.font(10.5);
          frame.g.fillStyle = colours.fg2;
          if (frame.width - end > 90) frame.g.fillText(this.about.after, Math.max(end, frame.left) + 6, y + this.high / 2);
        }
      }
    });
  }

  /** Each change with its pixels, without those that are too narrow to be seen. @param {import("./frame.js").Frame} frame
   * @param {Change[]} changes
   * @param {(x0: number, x1: number, change: Change, at: number) => void} draw */
  each(frame, changes, draw) {
    let last = -9;
    for (let at = 0; at < changes.length; at++) {
      const from = changes[at].time, to = at + 1 < changes.length ? changes[at + 1].time : this.states.until;
      if (to < frame.from) continue;
      if (from > frame.to) break;
      const x0 = Math.max(frame.left - 1, frame.x(from)), x1 = Math.min(frame.width + 1, frame.x(to));
      if (x1 - x0 < 0.6 && x0 - last < 1.5) continue;
      last = x0;
      draw(x0, x1, changes[at], at);
    }
  }

  /** @param {import("./frame.js").Frame} frame @param {string} node @param {Change[]} changes @param {number} y */
  band(frame, node, changes, y) {
    const { g } = frame, values = this.about.values();
    this.each(frame, changes, (x0, x1, change, at) => {
      if (change.down) return this.down(frame, x0, x1, y, BAND, !this.states.standings);
      const [value, version] = valueAndVersion(change.text), rank = place(values, value);
      g.fillStyle = colourOf(rank) ?? (at % 2 ? colours.fill : colours.grid);
      g.fillRect(x0, y, x1 - x0, BAND);
      g.fillStyle = colours.bg;
      if (x1 - x0 > 4) g.fillRect(x0, y, 1, BAND);
      frame.font(10.5, rank >= 0 ? 600 : 400);
      const room = x1 - x0 - 8, long = version ? `${value} ${version}` : value;
      const shown = g.measureText(long).width < room ? long : g.measureText(value).width < room ? value : "";
      g.fillStyle = rank >= 0 ? inkOf(rank) : colours.fg2;
      if (shown) g.fillText(shown, Math.max(x0, frame.left) + 5, y + BAND / 2 + 0.5);
      this.unsynced(frame, change, x0, x1, y + BAND - 2);
      frame.hit(x0, x1, y, y + BAND, "held", this.nodes.indexOf(node) * 1e7 + at);
    });
  }

  /** What a power loss would take is underlined: from the change until it is synced. @param {import("./frame.js").Frame} frame
   * @param {Change} change @param {number} x0 @param {number} x1 @param {number} y */
  unsynced(frame, change, x0, x1, y) {
    if (change.synced === -2) return;
    const end = change.synced === -1 ? x1 : Math.min(x1, frame.x(change.synced));
    frame.g.fillStyle = colours.unknown;
    if (end - x0 > 0.5) frame.g.fillRect(x0, y, end - x0, 2);
  }

  /** @param {import("./frame.js").Frame} frame @param {string} node @param {number} y */
  strip(frame, node, y) {
    const { g } = frame;
    this.each(frame, this.states.standing(node), (x0, x1, change, at) => {
      if (change.down) return this.down(frame, x0, x1, y, STRIP, true);
      const role = change.text.split(/[ ,]/)[0];
      g.fillStyle = role === "leader" ? colours.fg2 : colours.bg;
      g.fillRect(x0, y + 1, x1 - x0, STRIP - 2);
      if (role === "candidate") this.hatch(frame, x0, x1, y + 1, STRIP - 2, colours.fg2);
      g.fillStyle = colours.bg;
      if (x1 - x0 > 4) g.fillRect(x0, y, 1, STRIP);
      frame.font(9.5, role === "leader" ? 600 : 400);
      const short = change.text.replace("follower, ", "").replace("term ", "t").replace("commit ", "c").replaceAll(", ", " ");
      const shown = [change.text, short].find((text) => g.measureText(text).width < x1 - x0 - 6);
      g.fillStyle = role === "leader" ? colours.bg : colours.fg2;
      if (shown) g.fillText(shown, Math.max(x0, frame.left) + 4, y + STRIP / 2 + 0.5);
      this.unsynced(frame, change, x0, x1, y + STRIP - 2);
      frame.hit(x0, x1, y, y + STRIP, "standing", this.nodes.indexOf(node) * 1e7 + at);
    });
  }

  /** @param {import("./frame.js").Frame} frame @param {number} x0 @param {number} x1 @param {number} y @param {number} high @param {boolean} named */
  down(frame, x0, x1, y, high, named) {
    frame.g.fillStyle = colours.bg;
    frame.g.fillRect(x0, y, x1 - x0, high);
    this.hatch(frame, x0, x1, y, high, colours.quiet);
    frame.font(10.5);
    if (named && x1 - x0 > 44) frame.text("down", Math.max(x0, frame.left) + 5, y + high / 2, colours.fg2);
  }

  /** @param {import("./frame.js").Frame} frame @param {number} x0 @param {number} x1 @param {number} y @param {number} high @param {string} colour */
  hatch(frame, x0, x1, y, high, colour) {
    frame.g.save();
    frame.g.beginPath();
    frame.g.rect(x0, y, x1 - x0, high);
    frame.g.clip();
    for (let x = x0 - high; x < x1; x += 5) frame.line(x, y + high, x + high, y, colour);
    frame.g.restore();
  }

  /** What a band shows at a place, for the tip. @param {string} kind @param {number} id @returns {[string, string]} */
  describe(kind, id) {
    const node = this.nodes[Math.floor(id / 1e7)], at = id % 1e7;
    const changes = kind === "held" ? this.states.held(node, this.about.key()) : this.states.standing(node), change = changes[at];
    const synced = change.synced === -2 ? "" : change.synced === -1 ? ", never synced" : `, durable after ${this.about.time(change.synced - change.time)}`;
    const [value, version] = valueAndVersion(change.text), of = version ? `, version ${version.slice(1)},` : "";
    const what = kind === "held" ? `${node} holds ${value}${of} for ${this.about.keyName()}` : `${node}: ${change.text}`;
    return [what, `since ${this.about.time(change.time)}${synced}`];
  }
}

/** All nodes, or of many those of the proof first. @param {import("./run.js").Run} run @param {import("./traffic.js").States} states
 * @param {import("./traffic.js").Traffic} traffic */
export function nodesShown(run, states, traffic) {
  const nodes = states.nodes.length ? states.nodes : traffic.names.filter((name) => /^n\d+$/.test(name)).sort();
  if (nodes.length <= NODES_MAX) return nodes;
  const first = new Set([...run.matter].map((row) => run.header.node[run.node[row]]).filter(Boolean));
  return [...nodes].sort((a, b) => Number(first.has(b)) - Number(first.has(a)) || nodes.indexOf(a) - nodes.indexOf(b)).slice(0, NODES_MAX);
}
