// Messages as arrows between lanes, on the page and in the explorer: where one leaves and arrives, a cross where it was
// lost, a dashed line while it was held back.

/** @typedef {import("./frame.js").Frame} Frame */
/** @typedef {{top: number, bottom: number}} Lane the upper and the lower edge of a lane, where arrows begin and end */
/** @typedef {{x0: number, y0: number, x1: number, y1: number}} Path */
/** @typedef {{colour: string, width: number, head?: number, cross: number, crossColour: string, share: number}} Look
 *   head: its length, 0 for none; cross: its size; share: how far the arrow of a lost message goes */

const REACH_NS = 1.2e6, REACH_MAX = 60, REACH_MIN = 4;

/** From lane to lane, between their nearest edges; a lost message goes on for about as long as messages take.
 * @param {Frame} frame @param {Lane} from @param {Lane} to @param {number} sent @param {number | null} came in ticks; null: never
 * @param {number} unit nanoseconds in a tick @returns {Path} */
export function pathOf(frame, from, to, sent, came, unit) {
  const down = from.top < to.top, x0 = frame.x(sent);
  const reach = Math.min(Math.max(REACH_MIN, (REACH_NS / unit) * frame.scale), REACH_MAX);
  return { x0, y0: down ? from.bottom : from.top, x1: came === null ? x0 + reach : frame.x(came), y1: down ? to.top : to.bottom };
}

/** A message that arrived, or was lost. Returns where its arrow ends. @param {Frame} frame @param {Path} path @param {boolean} lost
 * @param {Look} look @returns {[number, number]} */
export function arrow(frame, { x0, y0, x1, y1 }, lost, look) {
  const share = lost ? look.share : 1, x = x0 + (x1 - x0) * share, y = y0 + (y1 - y0) * share;
  frame.line(x0, y0, x, y, look.colour, look.width);
  if (lost) frame.cross(x, y, look.cross, look.crossColour, Math.max(1, look.cross / 2));
  else if (look.head) frame.head(x0, y0, x, y, look.head, look.colour);
  return [x, y];
}

/** A message that is held back: it leaves, waits beside its lane, and arrives when it is released. Returns the height at which
 * it waits. @param {Frame} frame @param {Path} path @param {number | null} came in ticks; null: not yet @param {number} high of a lane
 * @param {string} colour @param {number} width */
export function heldArrow(frame, { x0, y0, y1 }, came, high, colour, width) {
  const { g } = frame, far = Math.abs(y1 - y0) > high + 50;
  const y = y0 + (y1 > y0 ? 1 : -1) * (far ? 15 : 9), end = came === null ? frame.width + 9 : frame.x(came);
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
  return y;
}
