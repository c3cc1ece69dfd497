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
import { Frame, drawAxis } from "./frame.js";
import { el, fixed } from "./dom.js";

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
 * @property {string} label
 * @property {string} miniLabel */

export const AXIS = 22;
const MINI = 34;

/** The margin of the lanes. */
export function margin() {
  return innerWidth < 641 ? 42 : 52;
}

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
    frame.inside(() => this.drawPointer(frame));
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

/** Zoom, pan, measuring and picking. @param {Clock} clock */
function pointers(clock) {
  const { canvas, options } = clock;
  /** @type {Map<number, number>} */
  const down = new Map();
  /** @type {{x: number, from: number, to: number, moved: boolean, shift: boolean, at: number} | null} */
  let drag = null;
  let pinched = 0;
  /** @type {(event: MouseEvent) => [number, number]} */
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const at = (/** @type {number} */ x) => clock.frame?.at(x) ?? 0;
  canvas.addEventListener("pointerdown", (event) => {
    const [x] = place(event);
    down.set(event.pointerId, x);
    drag = { x, from: clock.from, to: clock.to, moved: false, shift: event.shiftKey, at: at(x) };
    pinched = 0;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (down.has(event.pointerId)) down.set(event.pointerId, x);
    clock.cross = clock.frame && x > clock.frame.left ? at(x) : null;
    if (down.size === 2) {
      const [a, b] = [...down.values()], span = Math.max(8, Math.abs(a - b));
      if (pinched) clock.zoom(pinched / span, at((a + b) / 2));
      pinched = span;
      if (drag) drag.moved = true;
    } else if (drag) {
      drag.moved ||= Math.abs(x - drag.x) > 3;
      if (drag.shift) clock.measured = [drag.at, at(x)];
      else if (drag.moved && clock.frame) {
        const by = (x - drag.x) / clock.frame.scale;
        clock.setView(drag.from - by, drag.to - by);
      }
      clock.showTip(null, x, y);
    } else {
      const hit = clock.frame?.find(x, y);
      options.hover(hit?.kind ?? null, hit?.id ?? 0);
      clock.showTip(hit ? options.describe(hit.kind, hit.id) : null, x, y);
    }
    clock.draw();
  });
  const up = (/** @type {PointerEvent} */ event) => {
    down.delete(event.pointerId);
    if (drag && !drag.moved && event.type === "pointerup") {
      const hit = clock.frame?.find(...place(event));
      if (!drag.shift) clock.measured = null;
      if (hit && !drag.shift) options.pick(hit.kind, hit.id);
    }
    drag = null;
    clock.draw();
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => {
    clock.cross = null;
    options.hover(null, 0);
    clock.showTip(null, 0, 0);
    clock.draw();
  });
  canvas.addEventListener("wheel", (event) => {
    const [x] = place(event);
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      clock.pan(event.deltaX / Math.max(1, canvas.clientWidth));
    } else if (event.ctrlKey || event.metaKey || document.activeElement === canvas) {
      event.preventDefault();
      clock.zoom(Math.exp(event.deltaY * 0.0016), at(x));
    }
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => clock.zoom(0.4, at(place(event)[0])));
}

/** The minimap: dragging its frame moves the view, dragging elsewhere chooses one, a click centres it. @param {Clock} clock */
function brush(clock) {
  const { mini } = clock;
  /** @type {{tick: number, inside: boolean, from: number, to: number} | null} */
  let drag = null;
  const tickOf = (/** @type {PointerEvent} */ event) => {
    const box = mini.getBoundingClientRect();
    return ((event.clientX - box.left - margin()) / Math.max(1, box.width - margin())) * clock.end;
  };
  mini.addEventListener("pointerdown", (event) => {
    const tick = tickOf(event), slack = clock.end / 160;
    mini.setPointerCapture(event.pointerId);
    drag = { tick, inside: tick > clock.from - slack && tick < clock.to + slack, from: clock.from, to: clock.to };
  });
  mini.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const by = tickOf(event) - drag.tick;
    if (drag.inside) clock.setView(drag.from + by, drag.to + by);
    else if (Math.abs(by) > clock.end / 300) clock.setView(Math.min(drag.tick, drag.tick + by), Math.max(drag.tick, drag.tick + by));
  });
  mini.addEventListener("pointerup", (event) => {
    if (drag && !drag.inside && Math.abs(tickOf(event) - drag.tick) <= clock.end / 300) {
      const half = (clock.to - clock.from) / 2;
      clock.setView(drag.tick - half, drag.tick + half);
    }
    drag = null;
  });
}

/** A difference of times in words. @param {number} ticks @param {number} unit @param {boolean} ordered */
export function span(ticks, unit, ordered) {
  return ordered ? `${Math.round(ticks)} events` : `${fixed((ticks * unit) / 1e6, 1)} ms`;
}
