// The messages as arrows between the lanes of clients and nodes; of a long view, how many were sent and lost.

import { arrow, heldArrow, pathOf } from "./arrows.js";
import { colourOf, colours, place } from "./colours.js";
import { HELD, LOST, MISSED } from "./traffic.js";

const MESSAGES_MAX = 3000;
const LONGEST_MS = 2000;

/** @typedef {{text: string, colour: string, weight: number, rank: number, places: [number, number][]}} Label */

/** A lane without height: it draws between the lanes of the others, so it comes after them. */
export class MessageLanes {
  /** @param {import("./run.js").Run} run @param {import("./state.js").State} state @param {import("./traffic.js").Traffic} traffic
   * @param {import("./lanes_clients.js").ClientLanes} clients @param {import("./lanes_nodes.js").NodeLanes} nodes */
  constructor(run, state, traffic, clients, nodes) {
    this.run = run;
    this.state = state;
    this.traffic = traffic;
    this.clients = clients;
    this.nodes = nodes;
    /** How many are drawn, and how many the filters hide. */
    this.drawn = 0;
    this.hidden = 0;
    this.dense = false;
    /** @type {Map<string, number>} */
    this.lanes = new Map(run.clients.map((name, lane) => [name, lane]));
    /** @type {Label[]} */
    this.labels = [];
  }

  height() {
    return 0;
  }

  /** @param {number} m */
  isHidden(m) {
    const { state, traffic } = this, op = traffic.op[m];
    return state.hidden.has(`m:${traffic.kind[m]}`) || (op >= 0 && !state.visible[op]);
  }

  /** @param {import("./frame.js").Frame} frame */
  draw(frame) {
    const { traffic, run, state } = this;
    this.drawn = this.hidden = 0;
    this.labels = [];
    if (!traffic.known || !this.nodes.nodes.length) return;
    /** @type {number[]} */
    const quiet = [];
    /** @type {number[]} */
    const proof = [];
    /** @type {number[]} */
    const mine = [];
    for (let m = 0; m < traffic.sent.length; m++) {
      if (traffic.sent[m] > frame.to || traffic.end(m) < frame.from) continue;
      if (this.isHidden(m)) {
        this.hidden++;
        continue;
      }
      const op = traffic.op[m];
      if (op >= 0 && (op === state.selected || op === state.hovered)) mine.push(m);
      else if (traffic.ofClient(m)) continue;
      else if (run.matter.has(op)) proof.push(m);
      else quiet.push(m);
    }
    this.dense = ((frame.to - frame.from) * run.unit) / 1e6 > LONGEST_MS || quiet.length > MESSAGES_MAX;
    frame.inside(() => {
      if (this.dense) return this.density(frame);
      for (const m of quiet) this.quietArrow(frame, m);
      for (const m of proof) this.arrow(frame, m, false);
      for (const m of mine) this.arrow(frame, m, true);
    });
    this.drawn = this.dense ? 0 : quiet.length + proof.length + mine.length;
  }

  /** The ends of an arrow. @param {import("./frame.js").Frame} frame @param {number} m @returns {import("./arrows.js").Path | null} */
  path(frame, m) {
    const { traffic } = this, from = this.edge(traffic.names[traffic.from[m]]), to = this.edge(traffic.names[traffic.to[m]]);
    return from && to && pathOf(frame, from, to, traffic.sent[m], traffic.came[m] < 0 ? null : traffic.came[m], this.run.unit);
  }

  /** Where lines end at a client or a node. @param {string} name */
  edge(name) {
    const node = this.nodes.tops.get(name);
    if (node !== undefined) return { top: node, bottom: node + this.nodes.high };
    const at = this.clients.places.get(this.lanes.get(name) ?? -1);
    return at === undefined ? null : { top: this.clients.top + at * 26 + 24, bottom: this.clients.top + at * 26 + 24 };
  }

  /** @param {import("./frame.js").Frame} frame @param {number} m */
  quietArrow(frame, m) {
    const path = this.path(frame, m), { traffic, run, state } = this;
    if (!path) return;
    const lost = traffic.came[m] < 0, op = traffic.op[m];
    frame.g.globalAlpha = op >= 0 && run.key[op] === state.key ? 0.9 : 0.5;
    if (traffic.came[m] === HELD) return this.heldLine(frame, m, path, colours.quiet, 0.75);
    const crossColour = traffic.came[m] === LOST ? colours.bad : colours.fg2;
    const [x, y] = arrow(frame, path, lost, { colour: colours.quiet, width: 0.75, cross: 2, crossColour, share: 0.5 });
    frame.g.globalAlpha = 1;
    this.touched(frame, m, path, x, y, 2);
  }

  /** A message of the proof or of the selected operation. @param {import("./frame.js").Frame} frame @param {number} m @param {boolean} strong */
  arrow(frame, m, strong) {
    const path = this.path(frame, m), { traffic, run } = this;
    if (!path) return;
    const value = traffic.value(m), client = traffic.ofClient(m), lost = traffic.came[m] < 0;
    const valued = traffic.kinds[traffic.kind[m]] === "Request" ? null : colourOf(place(run.proof?.values ?? [], value));
    const colour = valued ?? (strong ? colours.fg : colours.fg2), width = strong ? (valued && !client ? 2.25 : 1.25) : valued ? 1.5 : 1;
    if (traffic.held[m]) return this.heldLine(frame, m, path, colour, width);
    const crossColour = traffic.came[m] === MISSED ? colours.fg2 : colours.bad;
    frame.g.globalAlpha = strong || valued ? 1 : 0.7;
    const [ex, ey] = arrow(frame, path, lost, { colour, width, head: client ? 5 : strong ? 7 : 5, cross: 4.5, crossColour, share: 0.62 });
    frame.g.globalAlpha = 1;
    this.touched(frame, m, path, ex, ey, 3);
    if (client || value === null || (!strong && !valued)) return;
    const name = `${traffic.kinds[traffic.kind[m]]} ${value}`, { x0, y0 } = path;
    this.labels.push({
      text: lost ? `${name}, ${traffic.came[m] === MISSED ? "node down" : "lost"}` : name, colour: lost ? colours.bad_text : colours.fg,
      weight: lost ? 600 : 500, rank: lost ? 0 : strong ? 1 : 3,
      places: lost ? [[ex, ey]] : [0.5, 0.28, 0.72, 0.4, 0.6].map((share) => [x0 + (ex - x0) * share, y0 + (ey - y0) * share]),
    });
  }

  /** Where the pointer meets an arrow. @param {import("./frame.js").Frame} frame @param {number} m @param {import("./arrows.js").Path} path
   * @param {number} x @param {number} y where it ends @param {number} room */
  touched(frame, m, { x0, y0 }, x, y, room) {
    frame.hit(Math.min(x0, x) - room, Math.max(x0, x) + room, Math.min(y0, y), Math.max(y0, y), "msg", m);
  }

  /** A message that was held back. @param {import("./frame.js").Frame} frame @param {number} m @param {import("./arrows.js").Path} path
   * @param {string} colour @param {number} width */
  heldLine(frame, m, path, colour, width) {
    const { traffic, run } = this, came = traffic.came[m] >= 0 ? traffic.came[m] : null;
    const y = heldArrow(frame, path, came, this.nodes.high, colour, width);
    frame.g.globalAlpha = 1;
    frame.hit(path.x0, Math.min(came === null ? frame.width : frame.x(came), frame.width), y - 4, y + 4, "msg", m);
    if (!run.matter.has(traffic.op[m]) && traffic.op[m] !== this.state.selected) return;
    const until = came === null ? "held to the end" : `held until ${run.time(came, 0)}`;
    const text = `${traffic.kinds[traffic.kind[m]]} ${traffic.value(m) ?? ""} to ${traffic.names[traffic.to[m]]}, ${until}`;
    this.labels.push({ text, colour: colours.fg, weight: 500, rank: -1, places: [[Math.max(path.x0 + 3, frame.left - 2), y + (path.y1 > path.y0 ? 7.5 : -7.5)]] });
  }

  /** Columns of messages sent, and lost, between the first two nodes. @param {import("./frame.js").Frame} frame */
  density(frame) {
    const { traffic, run, nodes } = this, bins = traffic.sentBins.length, first = nodes.tops.get(nodes.nodes[0]);
    if (!bins || first === undefined) return;
    const size = Math.max(1, Math.ceil((run.end + 1) / bins)), most = traffic.sentBins.reduce((a, b) => Math.max(a, b), 1);
    const bottom = first + nodes.high + 35, high = 30;
    for (let bin = 0; bin < bins; bin++) {
      const x0 = frame.x(bin * size), x1 = frame.x((bin + 1) * size);
      if (!traffic.sentBins[bin] || x1 < frame.left || x0 > frame.width) continue;
      const wide = Math.max(1, x1 - x0 - 0.5), share = (traffic.sentBins[bin] / most) * high, lost = (traffic.lostBins[bin] / most) * high;
      frame.g.fillStyle = colours.fill;
      frame.g.fillRect(x0, bottom - share, wide, share);
      frame.g.fillStyle = colours.bad;
      if (lost) frame.g.fillRect(x0, bottom - Math.max(1, lost), wide, Math.max(1, lost));
    }
  }

  /** The names of the messages, where they do not cover each other or a band. @param {import("./frame.js").Frame} frame */
  over(frame) {
    if (this.dense && this.nodes.nodes.length) {
      const first = /** @type {number} */ (this.nodes.tops.get(this.nodes.nodes[0]));
      frame.label("msgs", first + this.nodes.high + 20);
    }
    /** @type {[number, number, number][]} */
    const placed = [];
    const bands = [...this.nodes.tops.values()];
    frame.inside(() => {
      for (const label of this.labels.sort((a, b) => a.rank - b.rank)) {
        frame.font(10.5, label.weight);
        const wide = frame.g.measureText(label.text).width;
        const free = label.places.flatMap(([x, y]) => /** @type {[number, number][]} */ ([[x + 8, y], [x - 8 - wide, y]])).find(([x, y]) =>
          x > frame.left && x + wide < frame.width && !placed.some(([from, to, at]) => x < to && x + wide > from && Math.abs(y - at) < 11)
          && !bands.some((top) => y > top - 6 && y < top + this.nodes.high + 6));
        if (!free) continue;
        frame.text(label.text, free[0], free[1], label.colour);
        placed.push([free[0], free[0] + wide, free[1]]);
      }
    });
  }
}
