// One drawing of a canvas: its size, the time that it shows, and where things were drawn, for the pointer.

import { colours } from "./colours.js";

/** @typedef {{x0: number, x1: number, y0: number, y1: number, kind: string, id: number}} Hit */

export class Frame {
  /** Clears the canvas and sets it up for drawing in CSS pixels.
   * @param {HTMLCanvasElement} canvas @param {number} height @param {number} left where the time axis begins
   * @param {number} from @param {number} to in ticks */
  constructor(canvas, height, left, from, to) {
    const ratio = devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.height = height;
    this.left = left;
    this.from = from;
    this.to = to;
    canvas.style.height = `${height}px`;
    const wide = Math.round(this.width * ratio), high = Math.round(height * ratio);
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide;
      canvas.height = high;
    }
    this.g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.g.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.g.clearRect(0, 0, this.width, height);
    this.g.textBaseline = "middle";
    this.g.lineJoin = "round";
    /** Pixels in a tick. */
    this.scale = (this.width - left) / Math.max(1e-9, to - from);
    /** @type {Hit[]} */
    this.hits = [];
  }

  /** @param {number} tick */
  x(tick) {
    return this.left + (tick - this.from) * this.scale;
  }

  /** @param {number} x */
  at(x) {
    return this.from + (x - this.left) / this.scale;
  }

  /** @param {number} size @param {number} [weight] */
  font(size, weight = 400) {
    this.g.font = `${weight} ${size}px ${colours.font}`;
  }

  /** @param {number} x0 @param {number} x1 @param {number} y0 @param {number} y1 @param {string} kind @param {number} id */
  hit(x0, x1, y0, y1, kind, id) {
    this.hits.push({ x0, x1, y0, y1, kind, id });
  }

  /** What was drawn at a place last. @param {number} x @param {number} y @returns {Hit | null} */
  find(x, y) {
    for (let i = this.hits.length - 1; i >= 0; i--) {
      const hit = this.hits[i];
      if (x >= hit.x0 && x <= hit.x1 && y >= hit.y0 && y <= hit.y1) return hit;
    }
    return null;
  }

  /** A text with a rim in the colour of the page, so that it can be read over lines.
   * @param {string} text @param {number} x @param {number} y @param {string} colour */
  text(text, x, y, colour) {
    this.g.strokeStyle = colours.bg;
    this.g.lineWidth = 3.5;
    this.g.strokeText(text, x, y);
    this.g.fillStyle = colour;
    this.g.fillText(text, x, y);
  }

  /** A text in the margin of the lanes, cut where the margin ends. @param {string} text @param {number} y
   * @param {string} [colour] @param {number} [weight] */
  label(text, y, colour = colours.fg2, weight = 400) {
    this.font(11, weight);
    this.g.textAlign = "left";
    this.g.fillStyle = colour;
    this.g.fillText(this.fitting(text, this.left - 3), 0, y);
  }

  /** The text, cut at its end to a width. @param {string} text @param {number} width */
  fitting(text, width) {
    if (this.g.measureText(text).width <= width) return text;
    let kept = text.length;
    while (kept > 1 && this.g.measureText(`${text.slice(0, kept)}…`).width > width) kept--;
    return `${text.slice(0, kept)}…`;
  }

  /** Draws inside the time axis only. @param {() => void} draw @param {number} [y] */
  inside(draw, y = 0) {
    this.g.save();
    this.g.beginPath();
    this.g.rect(this.left, y, this.width - this.left, this.height - y);
    this.g.clip();
    draw();
    this.g.restore();
  }

  /** @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 @param {string} colour @param {number} [width] */
  line(x0, y0, x1, y1, colour, width = 1) {
    this.g.strokeStyle = colour;
    this.g.lineWidth = width;
    this.g.beginPath();
    this.g.moveTo(x0, y0);
    this.g.lineTo(x1, y1);
    this.g.stroke();
  }

  /** A cross, for what is lost or wrong. @param {number} x @param {number} y @param {number} size @param {string} colour
   * @param {number} width */
  cross(x, y, size, colour, width) {
    this.line(x - size, y - size, x + size, y + size, colour, width);
    this.line(x - size, y + size, x + size, y - size, colour, width);
  }

  /** The head of an arrow that ends at (x, y). @param {number} fromX @param {number} fromY @param {number} x
   * @param {number} y @param {number} size @param {string} colour */
  head(fromX, fromY, x, y, size, colour) {
    const angle = Math.atan2(y - fromY, x - fromX);
    this.g.fillStyle = colour;
    this.g.beginPath();
    this.g.moveTo(x, y);
    this.g.lineTo(x - size * Math.cos(angle - 0.38), y - size * Math.sin(angle - 0.38));
    this.g.lineTo(x - size * Math.cos(angle + 0.38), y - size * Math.sin(angle + 0.38));
    this.g.fill();
  }
}

/** A round step of 1, 2 or 5 times a power of ten, for about so many steps in a span. @param {number} span
 * @param {number} count */
export function roundStep(span, count) {
  const raw = span / count, power = 10 ** Math.floor(Math.log10(raw));
  return power * (raw <= power ? 1 : raw <= 2 * power ? 2 : raw <= 5 * power ? 5 : 10);
}

/** The numbers of a time axis, and a line under each. @param {Frame} frame @param {number} y @param {number} bottom
 * @param {number} unit nanoseconds in a tick @param {boolean} ordered @param {boolean} [micro] in µs */
export function drawAxis(frame, y, bottom, unit, ordered, micro = false) {
  const { g, from, to } = frame;
  const inMs = ordered ? 1 : unit / (micro ? 1e3 : 1e6), seconds = !ordered && !micro && (to - from) * inMs > 4000;
  const scale = seconds ? inMs / 1000 : inMs;
  const step = roundStep((to - from) * scale, Math.max(2, (frame.width - frame.left) / 96));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  frame.font(11);
  for (let mark = Math.ceil((from * scale) / step) * step; mark <= to * scale; mark += step) {
    const x = Math.round(frame.x(mark / scale)) + 0.5;
    frame.line(x, y + 17, x, bottom, colours.line);
    g.fillStyle = colours.fg2;
    g.textAlign = "center";
    const text = (Math.abs(mark) < step / 2 ? 0 : mark).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    if (x > frame.left + 12 && x < frame.width - 14) g.fillText(text, x, y + 9);
  }
  g.textAlign = "right";
  g.fillStyle = colours.fg2;
  g.fillText(ordered ? "event" : seconds ? "s" : micro ? "µs" : "ms", frame.left - 6, y + 9);
  g.textAlign = "left";
}

/** The margin of the lanes. */
export function margin() {
  return innerWidth < 641 ? 46 : 52;
}
