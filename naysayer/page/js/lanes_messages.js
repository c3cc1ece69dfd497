// The messages as arrows between the lanes of clients and nodes; of a long view, how many were sent and lost.

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

  /** The ends of an arrow. @param {import("./frame.js").Frame} frame @param {number} m @returns {[number, number, number, number] | null} */
  path(frame, m) {
    const { traffic } = this, from = traffic.names[traffic.from[m]], to = traffic.names[traffic.to[m]];
    const start = this.edge(from), end = this.edge(to);
    if (!start || !end) return null;
    const down = start.top < end.top;
    const x0 = frame.x(traffic.sent[m]), lost = traffic.came[m] < 0;
    const reach = Math.max(4, (1.2e6 / this.run.unit) * frame.scale);
    return [x0, down ? start.bottom : start.top, lost ? x0 + Math.min(reach, 60) : frame.x(traffic.came[m]), down ? end.top : end.bottom];
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
    const [x0, y0, x1, y1] = path, lost = traffic.came[m] < 0, op = traffic.op[m];
    frame.g.globalAlpha = op >= 0 && run.key[op] === state.key ? 0.9 : 0.5;
    if (traffic.came[m] === HELD) return this.heldLine(frame, m, path, colours.quiet, 0.75);
    frame.line(x0, y0, lost ? (x0 + x1) / 2 : x1, lost ? (y0 + y1) / 2 : y1, colours.quiet, 0.75);
    if (lost) frame.cross((x0 + x1) / 2, (y0 + y1) / 2, 2, traffic.came[m] === LOST ? colours.bad : colours.fg2, 1);
    frame.g.globalAlpha = 1;
    frame.hit(Math.min(x0, x1) - 2, Math.max(x0, x1) + 2, Math.min(y0, y1), Math.max(y0, y1), "msg", m);
  }

  /** A message of the proof or of the selected operation. @param {import("./frame.js").Frame} frame @param {number} m @param {boolean} strong */
  arrow(frame, m, strong) {
    const path = this.path(frame, m), { traffic, run } = this;
    if (!path) return;
    const [x0, y0, x1, y1] = path, value = traffic.value(m), client = traffic.ofClient(m);
    const valued = traffic.kinds[traffic.kind[m]] === "Request" ? null : colourOf(place(run.proof?.values ?? [], value));
    const colour = valued ?? (strong ? colours.fg : colours.fg2), width = strong ? (valued && !client ? 2.25 : 1.25) : valued ? 1.5 : 1;
    if (traffic.held[m]) return this.heldLine(frame, m, path, colour, width);
    const lost = traffic.came[m] < 0, ex = lost ? x0 + (x1 - x0) * 0.62 : x1, ey = lost ? y0 + (y1 - y0) * 0.62 : y1;
    frame.g.globalAlpha = strong || valued ? 1 : 0.7;
    frame.line(x0, y0, ex, ey, colour, width);
    if (lost) frame.cross(ex, ey, 4.5, traffic.came[m] === MISSED ? colours.fg2 : colours.bad, 2.25);
    else frame.head(x0, y0, ex, ey, client ? 5 : strong ? 7 : 5, colour);
    frame.g.globalAlpha = 1;
    frame.hit(Math.min(x0, ex) - 3, Math.max(x0, ex) + 3, Math.min(y0, ey), Math.max(y0, ey), "msg", m);
    if (client || value === null || (!strong && !valued)) return;
    const name = `${traffic.kinds[traffic.kind[m]]} ${value}`;
    this.labels.push({
      text: lost ? `${name}, ${traffic.came[m] === MISSED ? "node down" : "lost"}` : name, colour: lost ? colours.bad_text : colours.fg,
      weight: lost ? 600 : 500, rank: lost ? 0 : strong ? 1 : 3,
      places: lost ? [[ex, ey]] : [0.5, 0.28, 0.72, 0.4, 0.6].map((share) => [x0 + (ex - x0) * share, y0 + (ey - y0) * share]),
    });
  }

  /** A message that was held back: it leaves, waits, and arrives when it is released. @param {import("./frame.js").Frame} frame
   * @param {number} m @param {[number, number, number, number]} path @param {string} colour @param {number} width */
  heldLine(frame, m, [x0, y0, , y1], colour, width) {
    const { traffic, run } = this, { g } = frame, down = y1 > y0;
    const far = Math.abs(y1 - y0) > this.nodes.high + 50;
    const y = y0 + (down ? 1 : -1) * (far ? 15 : 9), end = traffic.came[m] >= 0 ? frame.x(traffic.came[m]) : frame.width + 9;
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.setLineDash([5, 3]);
    g.beginPath();
    g.moveTo(x0, y0);
    g.lineTo(x0 + 6, y);
    g.lineTo(Math.min(end - 6, frame.width + 9), y);
    if (end < frame.width) g.lineTo(end, y1);
    g.stroke();
    g.setLineDash([]);
    g.globalAlpha = 1;
    frame.hit(x0, Math.min(end, frame.width), y - 4, y + 4, "msg", m);
    if (!run.matter.has(traffic.op[m]) && traffic.op[m] !== this.state.selected) return;
    const until = traffic.came[m] >= 0 ? `held until ${run.time(traffic.came[m], 0)}` : "held to the end";
    const text = `${traffic.kinds[traffic.kind[m]]} ${traffic.value(m) ?? ""} to ${traffic.names[traffic.to[m]]}, ${until}`;
    this.labels.push({ text, colour: colours.fg, weight: 500, rank: -1, places: [[Math.max(x0 + 3, frame.left - 2), y + (down ? 7.5 : -7.5)]] });
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
