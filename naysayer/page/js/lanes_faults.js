// The lanes of the faults: a bar for each, from its beginning to its end. Rows are packed once, for the whole run.

import { colours } from "./colours.js";

const HEIGHT = 12;
const ROWS_MAX = 8;

export class FaultLanes {
  /** @param {import("./run.js").Run} run @param {import("./state.js").State} state */
  constructor(run, state) {
    this.run = run;
    this.state = state;
    /** @type {string[]} The kinds, in order of their first fault. */
    this.kinds = [...new Set(run.faults.map((one) => one.kind))];
    /** @type {string[]} The label of each row. */
    this.labels = [];
    /** By fault: its row. */
    this.rows = new Int32Array(run.faults.length);
    /** @type {number[]} */
    const ends = [];
    for (const fault of run.faults) {
      let row = ends.findIndex((end) => end <= fault.from);
      if (row < 0) row = Math.min(ends.length, ROWS_MAX - 1);
      ends[row] = Math.max(ends[row] ?? 0, fault.to);
      this.rows[fault.row] = row;
    }
    this.labels = ends.map((_, row) => (row ? "" : "faults"));
  }

  /** @param {import("./run.js").Fault} fault */
  isHidden(fault) {
    return this.state.hidden.has(`x:${this.kinds.indexOf(fault.kind)}`);
  }

  height() {
    return this.labels.length ? this.labels.length * HEIGHT + 5 : 0;
  }

  /** @param {import("./frame.js").Frame} frame @param {number} top */
  draw(frame, top) {
    this.labels.forEach((label, row) => label && frame.label(label, top + row * HEIGHT + HEIGHT / 2));
    /** @type {number[]} Where the last bar of each row ended, so that names beside bars do not run into others. */
    const next = this.labels.map(() => Infinity);
    frame.inside(() => {
      for (let number = this.run.faults.length - 1; number >= 0; number--) {
        const fault = this.run.faults[number];
        if (fault.to < frame.from || fault.from > frame.to || this.isHidden(fault)) continue;
        this.bar(frame, fault, top + this.rows[number] * HEIGHT + 1, next);
      }
      if (next.some((one) => one < Infinity) || !next.length) return;
      frame.font(10.5);
      frame.g.fillStyle = colours.fg2;
      frame.g.fillText("none here", frame.left + 4, top + HEIGHT / 2);
    });
  }

  /** @param {import("./frame.js").Frame} frame @param {import("./run.js").Fault} fault @param {number} y @param {number[]} next */
  bar(frame, fault, y, next) {
    const { g } = frame, high = HEIGHT - 3, row = this.rows[fault.row];
    const x0 = frame.x(fault.from), x1 = Math.max(frame.x(fault.to), x0 + 1.5);
    if (fault.shown === false) {
      g.strokeStyle = colours.quiet;
      g.lineWidth = 1;
      g.setLineDash([2, 2]);
      g.strokeRect(x0 + 0.5, y + 0.5, Math.max(1, x1 - x0 - 1), high - 1);
      g.setLineDash([]);
    } else {
      g.fillStyle = colours.fill;
      g.fillRect(x0, y, x1 - x0, high);
      g.fillStyle = colours.fg2;
      g.fillRect(x0, y, 1.5, high);
      if (!fault.open && x1 < frame.width) g.fillRect(x1 - 1.5, y, 1.5, high);
    }
    frame.hit(x0 - 2, x1 + 2, y - 1, y + high + 1, "fault", fault.row);
    frame.font(10.5);
    const seen = Math.max(x0, frame.left) + 5, wide = g.measureText(fault.full).width;
    g.fillStyle = colours.fg;
    if (Math.min(x1, frame.width) - seen > Math.min(wide + 4, 60)) {
      g.fillText(frame.fitting(fault.full, Math.min(x1, frame.width) - seen - 4), seen, y + high / 2 + 0.5);
    } else if (next[row] - x1 > wide + 10 && x1 + wide < frame.width) {
      g.fillStyle = colours.fg2;
      g.fillText(fault.full, x1 + 4, y + high / 2 + 0.5);
    }
    next[row] = x0;
  }

  /** Draws them in the minimap, a row for each kind. @param {import("./frame.js").Frame} frame @param {number} top @param {number} height */
  mini(frame, top, height) {
    const step = Math.min(4.5, height / Math.max(1, this.kinds.length));
    for (const fault of this.run.faults) {
      if (this.isHidden(fault)) continue;
      const x = frame.x(fault.from);
      frame.g.fillStyle = fault.shown === false ? colours.quiet : colours.fg2;
      frame.g.fillRect(x, top + this.kinds.indexOf(fault.kind) * step, Math.max(1, frame.x(fault.to) - x), Math.max(1, step - 1.5));
    }
  }
}
