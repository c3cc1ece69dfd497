// The clock: lanes over one time axis, with a minimap above. It knows nothing of what the lanes show.
//
//   const clock = new Clock({ place, end, unit, ordered, lanes, mini, ... });
//   clock.setView(from, to)   clock.zoom(factor, at)   clock.pan(share)   clock.draw()
//
// A lane is { height(frame), draw(frame, y), over?(frame, y) }: `over` is called after every lane was drawn. What a lane
// marks with frame.hit(x0, x1, y0, y1, kind, id) can be pointed at: `describe(kind, id)` gives the text of the tip,
// `pick` is called for a click, `hover` when the pointer moves on or off. Wheel and pinch zoom at the pointer (the wheel
// with Ctrl, or after a click into the clock), dragging pans, a drag with Shift measures.

import { colours } from "./colours.js";
import { el } from "./dom.js";
import { Frame, drawAxis, margin } from "./frame.js";
import { brush, pointers } from "./pointers.js";

/** @typedef {{height: (frame: Frame) => number, draw: (frame: Frame, y: number) => void,
 *   over?: (frame: Frame, y: number) => void}} Lane */
/** @typedef {object} Options
 * @property {HTMLElement} place
 * @property {number} end the last tick
 * @property {number} unit nanoseconds in a tick
 * @property {boolean} ordered
 * @property {boolean} [micro] times are shown in µs
 * @property {Lane[]} lanes
 * @property {(frame: Frame) => void} mini draws the minimap's content
 * @property {(tick: number, digits?: number) => string} time
 * @property {(kind: string, id: number) => [string, string] | null} describe
 * @property {(kind: string, id: number) => void} pick
 * @property {(kind: string | null, id: number) => void} hover
 * @property {(from: number, to: number) => void} viewed after the view has changed
 * @property {(frame: Frame) => void} [drawn] after each drawing
 * @property {[number, number] | null} [window] marked on the axis
 * @property {string} [moment] what it is, where it is a single moment
 * @property {string} label
 * @property {string} miniLabel */

export const AXIS = 22;
const MINI = 34;

export class Clock {
  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.end = options.end;
    this.from = 0;
    this.to = options.end;
    /** @type {Frame | null} */
    this.frame = null;
    /** @type {number | null} The time under the pointer. */
    this.cross = null;
    /** @type {[number, number] | null} */
    this.measured = null;
    this.canvas = canvasOf("", "application", options.label);
    this.mini = canvasOf("mini", "img", options.miniLabel);
    this.tip = el("div", { class: "tip" });
    options.place.append(this.mini, this.canvas, this.tip);
    this.waits = 0;
    new ResizeObserver(() => this.draw()).observe(options.place);
    pointers(this);
    brush(this);
  }

  /** The shortest view. */
  get least() {
    return Math.min(this.end, this.options.ordered || this.options.micro ? 4 : Math.max(4, 20_000 / this.options.unit));
  }

  /** @param {number} from @param {number} to */
  setView(from, to) {
    const span = Math.min(Math.max(to - from, this.least), this.end * 1.02);
    this.from = Math.max(-this.end * 0.01, Math.min(from, this.end * 1.01 - span));
    this.to = this.from + span;
    this.draw();
    this.options.viewed(this.from, this.to);
  }

  /** @param {number} factor below 1: nearer @param {number} [at] the tick that stays where it is */
  zoom(factor, at = (this.from + this.to) / 2) {
    this.setView(at - (at - this.from) * factor, at + (this.to - at) * factor);
  }

  /** @param {number} share of the view */
  pan(share) {
    const by = (this.to - this.from) * share;
    this.setView(this.from + by, this.to + by);
  }

  whole() {
    this.setView(-this.end * 0.004, this.end * 1.006);
  }

  /** Draws at the next occasion. */
  draw() {
    this.waits ||= requestAnimationFrame(() => {
      this.waits = 0;
      this.paint();
    });
  }

  /** Draws at once. */
  paint() {
    const mini = new Frame(this.mini, MINI, margin(), 0, this.end);
    this.options.mini(mini);
    this.drawBrush(mini);
    let frame = new Frame(this.canvas, this.frame?.height ?? 100, margin(), this.from, this.to);
    const heights = this.options.lanes.map((lane) => lane.height(frame));
    const height = AXIS + heights.reduce((sum, one) => sum + one, 0);
    if (height !== frame.height) frame = new Frame(this.canvas, height, margin(), this.from, this.to);
    this.frame = frame;
    drawAxis(frame, 0, height, this.options.unit, this.options.ordered, this.options.micro);
    this.drawWindow(frame);
    let y = AXIS;
    const tops = heights.map((one) => (y += one) - one);
    this.options.lanes.forEach((lane, number) => lane.draw(frame, tops[number]));
    this.options.lanes.forEach((lane, number) => lane.over?.(frame, tops[number]));
    frame.inside(() => {
      this.nameMoment(frame);
      this.drawPointer(frame);
    });
    this.options.drawn?.(frame);
  }

  /** @param {Frame} frame */
  drawWindow(frame) {
    if (!this.options.window) return;
    const [from, to] = this.options.window.map((tick) => frame.x(tick));
    frame.g.fillStyle = colours.bad;
    frame.inside(() => {
      frame.g.fillRect(from, 18, Math.max(2, to - from), 2);
      if (from === to) frame.line(from, 18, from, frame.height, colours.bad, 1.5);
    });
  }

  /** @param {Frame} frame */
  nameMoment(frame) {
    const { window, moment } = this.options;
    if (!window || !moment || window[0] !== window[1]) return;
    frame.font(11, 600);
    const x = frame.x(window[0]), wide = frame.g.measureText(moment).width;
    frame.text(moment, x + 6 + wide < frame.width ? x + 6 : x - 6 - wide, frame.height - 7, colours.bad_text);
  }

  /** @param {Frame} mini */
  drawBrush(mini) {
    const { g } = mini;
    const from = Math.max(mini.left, mini.x(this.from)), to = Math.min(mini.width, Math.max(mini.x(this.to), from + 5));
    g.strokeStyle = colours.fg;
    g.lineWidth = 1.5;
    g.strokeRect(from + 0.75, 0.75, to - from - 1.5, MINI - 1.5);
    g.globalAlpha = 0.07;
    g.fillStyle = colours.fg;
    g.fillRect(from, 0, to - from, MINI);
    g.globalAlpha = 1;
  }

  /** @param {Frame} frame */
  drawPointer(frame) {
    const { g } = frame;
    if (this.measured) {
      const [a, b] = this.measured.map((tick) => frame.x(tick));
      g.globalAlpha = 0.1;
      g.fillStyle = colours.fg;
      g.fillRect(Math.min(a, b), 18, Math.abs(b - a), frame.height);
      g.globalAlpha = 1;
      frame.font(11, 600);
      const unit = this.options.ordered ? "events" : this.options.micro ? "µs" : "ms";
      const text = `Δ ${this.options.time(Math.abs(this.measured[1] - this.measured[0]), 3)} ${unit}`;
      frame.text(text, Math.min(Math.max(a, b) + 5, frame.width - g.measureText(text).width - 4), 30, colours.fg);
    }
    if (this.cross === null || this.cross < frame.from || this.cross > frame.to) return;
    const x = frame.x(this.cross), text = this.options.time(this.cross, this.to - this.from > 1e6 / this.options.unit ? 1 : 3);
    frame.line(x, 16, x, frame.height, colours.fg2, 0.75);
    frame.font(11, 500);
    const wide = g.measureText(text).width + 8;
    const at = Math.min(frame.width - wide, Math.max(frame.left, x - wide / 2));
    g.fillStyle = colours.fg;
    g.fillRect(at, 0, wide, 16);
    g.fillStyle = colours.bg;
    g.fillText(text, at + 4, 8.5);
  }

  /** @param {[string, string] | null} texts @param {number} x @param {number} y */
  showTip(texts, x, y) {
    this.tip.style.display = texts ? "block" : "none";
    if (!texts) return;
    this.tip.replaceChildren(el("b", { text: texts[0] }), "  ", el("i", { text: texts[1] }));
    this.tip.style.left = `${Math.max(0, Math.min(this.canvas.clientWidth - this.tip.offsetWidth, x + 12))}px`;
    this.tip.style.top = `${y + MINI + 16}px`;
  }
}

/** @param {string} kind @param {string} role @param {string} label @returns {HTMLCanvasElement} */
function canvasOf(kind, role, label) {
  const made = el("canvas", { class: kind, role, "aria-label": label, tabindex: kind ? null : 0 });
  return /** @type {HTMLCanvasElement} */ (made);
}
