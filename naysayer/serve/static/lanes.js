// The lanes of the explorer's clock: faults, clients, likelihood, and the play head over all; nodes are in nodes.js.
// Times of the data are ms; those of the clock are ticks of 1 us.

import { colourOf, colours, inkOf, place } from "../../page/js/colours.js";

/** @typedef {import("../../page/js/frame.js").Frame} Frame */
/** @typedef {import("./model.js").Model} Model */

export const TICKS = 1000;
const FAULT = 12, CLIENT = 26;

/** A text in a bar, if it fits there. @param {Frame} frame @param {string} text @param {number} x0 @param {number} x1 @param {number} y
 * @param {string} colour */
function inside(frame, text, x0, x1, y, colour) {
  const from = Math.max(x0, frame.left), to = Math.min(x1, frame.width);
  frame.font(10.5, 600);
  if (!text || to - from < 22) return;
  frame.g.fillStyle = colour;
  const shown = frame.fitting(text, to - from - 10);
  if (shown.length > 1 || shown === text) frame.g.fillText(shown, from + 5, y);
}

export class FaultLane {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
  }

  /** By row: the faults, packed. @returns {[string, number, number][][]} */
  rows() {
    /** @type {[string, number, number][][]} */
    const rows = [];
    for (const [label, from, to] of this.model.data.faults) {
      const end = to ?? this.model.data.end;
      let row = rows.find((one) => one[one.length - 1][2] <= from);
      if (!row && rows.length < 6) rows.push((row = []));
      (row ?? rows[rows.length - 1]).push([label, from, end]);
    }
    return rows;
  }

  height() {
    this.packed = this.rows();
    return this.packed.length * FAULT + 6;
  }

  /** @param {Frame} frame @param {number} top */
  draw(frame, top) {
    const { g } = frame;
    frame.hit(frame.left, frame.width, 0, frame.height, "place", 0);
    if (this.packed?.length) frame.label("faults", top + 6);
    frame.inside(() => (this.packed ?? []).forEach((row, at) => row.forEach(([label, from, to], n) => {
      const x0 = frame.x(from * TICKS), x1 = Math.max(frame.x(to * TICKS), x0 + 1.5), y = top + at * FAULT + 1;
      if (x1 < frame.left || x0 > frame.width) return;
      g.fillStyle = colours.fill;
      g.fillRect(x0, y, x1 - x0, FAULT - 3);
      g.fillStyle = colours.fg2;
      g.fillRect(x0, y, 1.5, FAULT - 3);
      frame.font(10.5);
      const room = Math.min(x1, row[n + 1] ? frame.x(row[n + 1][1] * TICKS) : frame.width, frame.width) - Math.max(x0, frame.left);
      g.fillStyle = colours.fg;
      if (room > 26) g.fillText(frame.fitting(label, room - 8), Math.max(x0, frame.left) + 5, y + 5);
    })));
    frame.inside(() => this.model.data.moments.forEach(([ms]) => {
      const x = frame.x(ms * TICKS);
      g.fillStyle = colours.fg2;
      g.beginPath();
      g.moveTo(x - 3, top - 3);
      g.lineTo(x + 3, top - 3);
      g.lineTo(x, top + 2);
      g.fill();
    }));
  }
}

export class ClientLane {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.first = 0;
  }

  /** The clients that have a lane: those of the proof and as many others as there is room for. */
  get shown() {
    const { data } = this.model, all = data.clients.map((_, lane) => lane);
    if (all.length <= 8) return all;
    const matter = new Set(data.operations.filter((op) => this.model.matter.has(op[0])).map((op) => op[1]));
    const last = all.length - 1;
    return [...matter, ...all.filter((lane) => !matter.has(lane) && lane !== last)].slice(0, 7).concat(matter.has(last) ? [] : [last]).sort((a, b) => a - b);
  }

  height() {
    this.lanes = new Map(this.shown.map((lane, at) => [lane, at]));
    return this.lanes.size * CLIENT + 10;
  }

  /** @param {Frame} frame @param {number} top */
  draw(frame, top) {
    const { model } = this, { data } = model, lanes = this.lanes ?? new Map();
    this.names = [];
    for (const [lane, at] of lanes) {
      frame.line(frame.left, top + at * CLIENT + 0.5, frame.width, top + at * CLIENT + 0.5, colours.grid);
      frame.label(data.clients[lane] === "your client" ? "yours" : data.clients[lane], top + at * CLIENT + 18.5);
    }
    frame.inside(() => {
      for (const op of data.operations) {
        const at = lanes.get(op[1]);
        if (at === undefined || op[2] * TICKS > frame.to || (op[3] !== null && op[3] * TICKS < frame.from)) continue;
        this.bar(frame, op, top + at * CLIENT);
      }
    });
  }

  /** The names of the operations of the proof, above what is still to come. @param {Frame} frame */
  over(frame) {
    frame.inside(() => {
      frame.font(11, 600);
      /** @type {[number, number, number][]} */
      const placed = [];
      for (const [text, from, y, begun] of [...this.names].reverse()) { // of those that would cover each other the latest
        const wide = frame.g.measureText(text).width, x = Math.max(frame.left, Math.min(from, frame.width - wide - 2));
        if (placed.some(([x0, x1, at]) => Math.abs(at - y) < 9 && x < x1 && x + wide > x0)) continue;
        placed.push([x, x + wide, y]);
        frame.text(text, x, y, begun ? colours.fg : colours.fg2);
      }
    });
  }

  /** @type {[string, number, number, boolean][]} text, place, whether it has begun at the play head */
  names = [];

  /** @param {Frame} frame @param {import("./model.js").Operation} op @param {number} y */
  bar(frame, op, y) {
    const { model } = this, { g } = frame, [index, , call, ret, status, reads, text, , , value] = op;
    const x0 = frame.x(call * TICKS), x1 = ret === null ? frame.width + 9 : Math.max(frame.x(ret * TICKS), x0 + 1.5), wide = x1 - x0;
    const matters = model.matter.has(index), mark = matters ? place(model.values, value) : -1, colour = colourOf(mark) ?? colours.quiet;
    const top = matters ? y + 12 : y + 14, high = matters ? 12 : 8;
    if (reads) {
      if (matters) (g.globalAlpha = 0.28), (g.fillStyle = colour), g.fillRect(x0, top, wide, high), (g.globalAlpha = 1);
      g.strokeStyle = index === model.culprit ? colours.bad : colour;
      g.lineWidth = matters ? 2 : 1;
      g.strokeRect(x0 + 0.5, top + 0.5, Math.max(1, wide - 1), high - 1);
    } else {
      g.fillStyle = colour;
      g.fillRect(x0, top, wide, high);
    }
    if (status === "fail") frame.line(x0, top + high, Math.min(x1, x0 + 8), top, colours.fail, 2);
    if (ret === null) frame.font(11, 700), frame.text("?", Math.max(x0 + 4, frame.width - 12), top + high / 2, colours.unknown_text);
    if (matters && !reads) inside(frame, value, x0, x1, top + high / 2 + 0.5, inkOf(mark));
    if (matters) this.names.push([`#${index} ${text}${index === model.culprit ? " ✗" : ""}`, Math.max(x0, frame.left + 2), top - (index === model.selected ? 9 : 6), call <= model.headMs]);
    if (index === model.selected) (g.strokeStyle = colours.fg), (g.lineWidth = 1.5), g.strokeRect(x0 - 2.5, top - 2.5, wide + 5, high + 5);
    frame.hit(x0 - 1, Math.max(x1, x0 + 4), top - 4, top + high + 3, "op", index);
  }
}

export class Head {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
  }

  height() {
    return 0;
  }

  draw() {}

  /** The play head, with what comes after it paler. @param {Frame} frame */
  over(frame) {
    const { g } = frame, x = frame.x(this.model.headMs * TICKS);
    frame.inside(() => {
      g.globalAlpha = 0.62;
      g.fillStyle = colours.bg;
      if (x < frame.width) g.fillRect(Math.max(x, frame.left), 22, frame.width, frame.height);
      g.globalAlpha = 1;
      frame.line(x, 16, x, frame.height, colours.fg, 1.5);
      g.fillStyle = colours.fg;
      g.fillRect(x - 4, 8, 8, 7);
      g.beginPath();
      g.moveTo(x - 4, 15);
      g.lineTo(x + 4, 15);
      g.lineTo(x, 20);
      g.fill();
      frame.font(10.5);
      const { differsMs } = this.model.branch;
      if (differsMs !== null) {
        const at = frame.x(differsMs * TICKS);
        g.setLineDash([2, 3]);
        frame.line(at, 22, at, frame.height, colours.bad, 1.5);
        g.setLineDash([]);
        frame.text("first difference", Math.min(at + 5, frame.width - 84), frame.height - 22, colours.bad_text);
      }
      const right = "still to come", left = "replayed";
      if (x + 100 < frame.width) frame.text(right, x + 8, frame.height - 7, colours.fg2);
      if (x - 60 > frame.left) frame.text(left, x - 8 - g.measureText(left).width, frame.height - 7, colours.fg2);
    });
  }
}

export class LikelyLane {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
  }

  height() {
    return this.model.likely.length ? 84 : 0;
  }

  /** @param {Frame} frame @param {number} top */
  draw(frame, top) {
    const { likely } = this.model, { g } = frame;
    if (!likely.length) return;
    const high = 60, y = (/** @type {number} */ share) => top + 10 + high * (1 - share);
    for (const share of [0, 0.5, 1]) {
      frame.line(frame.left, y(share) + 0.5, frame.width, y(share) + 0.5, colours.line);
      frame.label(`${share * 100}%`, y(share));
    }
    frame.inside(() => {
      for (const [name, colour] of /** @type {["failed" | "named", string][]} */ ([["failed", colours.fg2], ["named", colours.bad]])) {
        if (name === "named" && this.model.culprit === null) continue;
        g.strokeStyle = colour;
        g.lineWidth = name === "named" ? 2 : 1.25;
        g.beginPath();
        likely.forEach((one, at) => g[at ? "lineTo" : "moveTo"](frame.x(one.time_ms * TICKS), y(one[name] / one.futures)));
        g.stroke();
        for (const one of likely) {
          g.fillStyle = colours.bg;
          g.beginPath();
          if (name === "named") g.rect(frame.x(one.time_ms * TICKS) - 3, y(one[name] / one.futures) - 3, 6, 6);
          else g.arc(frame.x(one.time_ms * TICKS), y(one[name] / one.futures), 3, 0, 7);
          g.fill();
          g.stroke();
        }
      }
      likely.forEach((one, at) => frame.hit(frame.x(one.time_ms * TICKS) - 6, frame.x(one.time_ms * TICKS) + 6, top, top + 80, "likely", at));
    });
  }
}
