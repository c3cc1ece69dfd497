// The lanes of the clients: a bar for each operation, or, where bars would be too narrow, how busy the client was.

import { colourOf, colours, inkOf, place } from "./colours.js";
import { int } from "./dom.js";
import { drawNames, drawRealTime } from "./proof_marks.js";

const HEIGHT = 26;
const LANES_MAX = 12;
const NARROW = 3;
const COLUMN = 2;

export class ClientLanes {
  /** @param {import("./run.js").Run} run @param {import("./state.js").State} state */
  constructor(run, state) {
    this.run = run;
    this.state = state;
    this.opened = run.clients.length <= LANES_MAX;
    /** @type {Map<number, number>} By the lane of a client: its place on the screen. */
    this.places = new Map();
    /** @type {number[]} Clients that share the last lane. */
    this.rest = [];
    /** @type {number[][]} By lane: operations whose end was never seen. */
    this.open = run.rows.map((rows) => Array.from(rows.filter((i) => run.dur[i] < 0)));
    this.top = 0;
    this.inView = 0;
    this.dense = false;
    this.arrange();
  }

  /** Which clients have lanes of their own: those of the proof first. */
  arrange() {
    const all = this.run.clients.map((_, lane) => lane);
    const first = new Set([...this.run.matter].map((row) => this.run.lane[row]));
    const chosen = this.opened ? all.slice(0, 200) : [...first, ...all.filter((lane) => !first.has(lane))].slice(0, LANES_MAX);
    const shown = chosen.sort((a, b) => a - b);
    this.places = new Map(shown.map((lane, at) => [lane, at]));
    this.rest = all.filter((lane) => !this.places.has(lane));
  }

  /** All clients get lanes, up to 200. */
  unfold() {
    this.opened = true;
    this.arrange();
  }

  height() {
    return (this.places.size + (this.rest.length ? 1 : 0)) * HEIGHT + 13;
  }

  /** Where the lane of an operation is, or null. @param {number} row */
  y(row) {
    const at = this.places.get(this.run.lane[row]);
    return at === undefined ? null : this.top + at * HEIGHT;
  }

  /** @param {import("./frame.js").Frame} frame @param {number} top */
  draw(frame, top) {
    this.top = top;
    const { run } = this, lanes = this.places.size + (this.rest.length ? 1 : 0);
    for (let at = 0; at <= lanes; at++) frame.line(frame.left, top + at * HEIGHT + 0.5, frame.width, top + at * HEIGHT + 0.5, colours.grid);
    for (const [lane, at] of this.places) frame.label(run.clients[lane], top + at * HEIGHT + 18.5);
    if (this.rest.length) {
      frame.label(`+${int(this.rest.length)}`, top + this.places.size * HEIGHT + 18.5);
      frame.hit(0, frame.left, top + this.places.size * HEIGHT, top + lanes * HEIGHT, "rest", 0);
    }
    this.inView = 0;
    const mean = run.n ? this.meanDuration(frame) * frame.scale : 0;
    this.dense = mean < NARROW;
    frame.inside(() => {
      for (const [lane, at] of this.places) {
        if (this.dense) this.busy(frame, [lane], top + at * HEIGHT);
        else this.bars(frame, lane, top + at * HEIGHT);
      }
      if (this.rest.length) this.busy(frame, this.rest, top + this.places.size * HEIGHT);
    });
  }

  /** The mean duration of some of the operations, in ticks. @param {import("./frame.js").Frame} frame */
  meanDuration(frame) {
    const { run } = this;
    const first = run.firstFrom(frame.from), last = run.firstFrom(frame.to), step = Math.max(1, Math.floor((last - first) / 200));
    let sum = 0, count = 0;
    for (let i = first; i < last; i += step) if (run.dur[i] >= 0) { sum += run.dur[i]; count++; }
    const shortest = (last - first) * 3 > (frame.width - frame.left) * this.run.clients.length ? 0 : Infinity;
    return Math.min(count ? sum / count : Infinity, shortest);
  }

  /** The first operation of a lane that may still run at a tick. @param {Int32Array} rows @param {number} tick */
  firstOf(rows, tick) {
    let low = 0, high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.run.call[rows[middle]] < tick) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** The next operation of the same client, or null. @param {number} i */
  next(i) {
    const rows = this.run.rows[this.run.lane[i]], at = this.firstOf(rows, this.run.call[i] + 0.5) + 1;
    return at < rows.length && rows[at] > i ? rows[at] : null;
  }

  /** Until when an operation keeps its client busy: one without an end, until the client goes on. @param {number} i */
  busyUntil(i) {
    if (this.run.dur[i] >= 0) return this.run.ret(i);
    const next = this.next(i);
    return next === null ? this.run.end : this.run.call[next];
  }

  /** How busy clients were, in columns. @param {import("./frame.js").Frame} frame @param {number[]} lanes @param {number} y */
  busy(frame, lanes, y) {
    const { run, state } = this, { g } = frame;
    const columns = new Float32Array(Math.ceil((frame.width - frame.left) / COLUMN) + 1);
    const scale = frame.scale / COLUMN;
    for (const lane of lanes) {
      const rows = run.rows[lane];
      for (let at = this.firstOf(rows, frame.from); at < rows.length; at++) {
        const i = rows[at];
        if (run.call[i] > frame.to) break;
        if (!state.visible[i]) continue;
        this.inView++;
        const from = Math.max(0, (run.call[i] - frame.from) * scale);
        const to = Math.min(columns.length, (this.busyUntil(i) - frame.from) * scale);
        if (to - from < 1 && Math.floor(from) === Math.floor(to)) columns[Math.floor(from)] += to - from;
        else for (let c = Math.floor(from); c < to; c++) columns[c] += Math.min(to, c + 1) - Math.max(from, c);
      }
    }
    g.fillStyle = colours.quiet;
    columns.forEach((share, c) => {
      const high = Math.min(1, share / lanes.length) * 14;
      if (share > 0.004) g.fillRect(frame.left + c * COLUMN, y + 23 - Math.max(1, high), COLUMN - 0.4, Math.max(1, high));
    });
  }

  /** @param {import("./frame.js").Frame} frame @param {number} lane @param {number} y */
  bars(frame, lane, y) {
    const { run, state } = this, rows = run.rows[lane], first = this.firstOf(rows, frame.from);
    const show = (/** @type {number} */ i) => {
      if (!state.visible[i] || run.ret(i) < frame.from) return;
      this.inView++;
      if (!run.matter.has(i)) this.bar(frame, i, y + 14, 8);
    };
    for (const i of this.open[lane]) if (i < (rows[first] ?? 0)) show(i);
    for (let at = first; at < rows.length && run.call[rows[at]] <= frame.to; at++) show(rows[at]);
  }

  /** From where to where an operation is drawn: a pixel longer than it was, so that what touches overlaps.
   * @param {import("./frame.js").Frame} frame @param {number} i */
  extent(frame, i) {
    const x0 = frame.x(this.run.call[i]);
    return [x0, Math.max(frame.x(this.busyUntil(i)) + 1, x0 + 1.5)];
  }

  /** What an operation without an end adds to its bar: it may take effect at any later time. @param {import("./frame.js").Frame} frame
   * @param {number} x1 the end of the bar @param {number} y @param {string} colour */
  openEnd(frame, x1, y, colour) {
    frame.g.setLineDash([4, 3]);
    frame.line(x1, y, frame.width, y, colour, 1.5);
    frame.g.setLineDash([]);
    frame.font(11, 700);
    frame.text("?", frame.width - 9, y, colours.unknown_text);
  }

  /** An operation that does not matter for the proof: filled if it changes something, outlined if it reads.
   * @param {import("./frame.js").Frame} frame @param {number} i @param {number} y @param {number} high */
  bar(frame, i, y, high) {
    const { run, state } = this, { g } = frame, [x0, x1] = this.extent(frame, i), wide = x1 - x0;
    const failed = run.status[i] === 1, open = run.dur[i] < 0;
    if (run.reads(i)) {
      g.fillStyle = colours.bg;
      g.fillRect(x0, y, wide, high);
      if (wide > 3) {
        g.strokeStyle = colours.quiet;
        g.lineWidth = 1;
        g.strokeRect(x0 + 0.5, y + 0.5, wide - 1, high - 1);
      } else {
        g.fillStyle = colours.quiet;
        g.fillRect(x0, y, 1, high);
      }
    } else {
      g.fillStyle = colours.quiet;
      g.fillRect(x0, y, wide, high);
    }
    if (failed) frame.line(x0, y + high, Math.min(x1, x0 + 8), y, colours.fail, 2);
    if (open) this.openEnd(frame, x1, y, colours.unknown);
    frame.hit(x0 - 1, Math.max(x1, x0 + 4), y - 4, y + high + 3, "op", i);
    if (run.key[i] === state.key && wide > 24) this.valueIn(frame, i, x0, x1, y + high / 2);
    if (i === state.selected || i === state.hovered) {
      g.strokeStyle = colours.fg;
      g.lineWidth = i === state.selected ? 2 : 1.25;
      g.strokeRect(x0 - 1.5, y - 1.5, wide + 3, high + 3);
    }
  }

  /** @param {import("./frame.js").Frame} frame @param {number} i @param {number} x0 @param {number} x1 @param {number} y */
  valueIn(frame, i, x0, x1, y) {
    const text = this.run.about(i), { g } = frame, from = Math.max(x0, frame.left), to = Math.min(x1, frame.width);
    if (text === null) return;
    frame.font(9.5);
    if (g.measureText(text).width > to - from - 4) return;
    g.fillStyle = this.run.reads(i) ? colours.fg2 : colours.fg;
    g.textAlign = "center";
    g.fillText(text, (from + to) / 2, y + 0.5);
    g.textAlign = "left";
  }

  /** The operations that matter, above everything else. @param {import("./frame.js").Frame} frame */
  over(frame) {
    const { run, state } = this;
    frame.inside(() => {
      const shown = [...run.matter].filter((i) => state.visible[i] && this.y(i) !== null && run.ret(i) >= frame.from && run.call[i] <= frame.to);
      for (const i of shown) this.proofBar(frame, i, /** @type {number} */ (this.y(i)) + 12);
      drawRealTime(frame, this);
      if (!this.dense) drawNames(frame, this, shown);
      else if (run.culprit !== null && shown.includes(run.culprit)) {
        frame.font(11, 600);
        frame.text(`✗ #${run.number(run.culprit)}`, frame.x(run.call[run.culprit]) + 5, /** @type {number} */ (this.y(run.culprit)) + 7, colours.bad_text);
      }
    });
  }

  /** @param {import("./frame.js").Frame} frame @param {number} i @param {number} y */
  proofBar(frame, i, y) {
    const { run, state } = this, { g } = frame, [x0, x1] = this.extent(frame, i), wide = x1 - x0, high = 12;
    const text = run.about(i), at = place(run.proof?.values ?? [], text), colour = colourOf(at) ?? colours.quiet;
    g.fillStyle = colours.bg;
    g.fillRect(x0 - 2, y - 2, wide + 4, high + 4);
    if (run.reads(i)) {
      g.globalAlpha = 0.28;
      g.fillStyle = colour;
      g.fillRect(x0, y, wide, high);
      g.globalAlpha = 1;
      g.strokeStyle = colour;
      g.lineWidth = 2;
      g.strokeRect(x0 + 1, y + 1, Math.max(1, wide - 2), high - 2);
    } else {
      g.fillStyle = colour;
      g.fillRect(x0, y, wide, high);
    }
    if (run.status[i] === 1) frame.line(x0, y + high, Math.min(x1, x0 + 10), y, colours.fail, 2.5);
    if (i === run.culprit) {
      g.strokeStyle = colours.bad;
      g.lineWidth = 2.5;
      g.strokeRect(x0 - 0.25, y - 0.25, wide + 0.5, high + 0.5);
    }
    if (i === state.selected || i === state.hovered) {
      g.strokeStyle = colours.fg;
      g.lineWidth = i === state.selected ? 1.5 : 1;
      g.strokeRect(x0 - 3, y - 3, wide + 6, high + 6);
    }
    const from = Math.max(x0, frame.left), to = Math.min(x1, frame.width);
    frame.font(11, 600);
    if (text !== null && g.measureText(text).width < to - from - 8) {
      g.fillStyle = run.reads(i) ? colours.fg : inkOf(at);
      g.textAlign = to - from > 120 ? "left" : "center";
      g.fillText(text, to - from > 120 ? from + 6 : (from + to) / 2, y + high / 2 + 0.5);
      g.textAlign = "left";
    }
    if (run.dur[i] < 0) this.openEnd(frame, x1, y, colour);
    frame.hit(x0 - 3, x1 + 3, y - 10, y + high + 4, "op", i);
  }
}
