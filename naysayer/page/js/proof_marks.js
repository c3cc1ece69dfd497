// What is written over the lanes of the clients: the names of the operations that matter, and the order of real time.

import { colours } from "./colours.js";

/** @typedef {{run: import("./run.js").Run, state: import("./state.js").State, y: (row: number) => number | null}} Lanes */

const LANE = 26;

/** The names of the operations that matter, above their bars. @param {import("./frame.js").Frame} frame @param {Lanes} lanes
 * @param {number[]} rows */
export function drawNames(frame, lanes, rows) {
  const { run, state } = lanes;
  /** @type {[number, number, number][]} */
  const placed = [];
  for (const i of [...rows].sort((a, b) => Number(b === run.culprit) - Number(a === run.culprit) || run.call[a] - run.call[b])) {
    const guilty = i === run.culprit, text = `#${run.number(i)} ${run.text(i)}`;
    const mark = guilty ? " ✗" : run.status[i] === 0 ? " ✓" : run.status[i] === 1 ? " failed" : " ?";
    frame.font(11, 600);
    const shown = frame.fitting(text, 260), wide = frame.g.measureText(shown).width, all = wide + frame.g.measureText(mark).width;
    const x = Math.min(Math.max(frame.x(run.call[i]) + (guilty ? 9 : 0), frame.left + 2), frame.width - all - 4);
    const y = /** @type {number} */ (lanes.y(i)) + 12 - (i === state.selected ? 9.5 : 7.5);
    if (placed.some(([from, to, at]) => at === lanes.y(i) && x < to && x + all > from)) continue;
    placed.push([x, x + all + 6, /** @type {number} */ (lanes.y(i))]);
    frame.text(shown, x, y, colours.fg);
    frame.text(mark, x + wide, y, guilty ? colours.bad_text : run.status[i] === 0 ? colours.ok_text : colours.unknown_text);
  }
}

/** The edges of the cycle that real time gives, on the clock itself. @param {import("./frame.js").Frame} frame
 * @param {Lanes} lanes */
export function drawRealTime(frame, lanes) {
  const { run, state } = lanes, { g } = frame;
  for (const [before, after, why] of run.proof?.cycle ?? []) {
    const from = lanes.y(before), to = lanes.y(after);
    if (why !== "real time" || from === null || to === null || !state.visible[before] || !state.visible[after]) continue;
    const x0 = frame.x(run.ret(before)), x1 = frame.x(run.call[after]);
    if (x1 - x0 < 14 || from === to) continue;
    const down = to > from, middle = down ? from + LANE + 0.5 : from + 0.5, tip = down ? to + 9 : to + 27;
    g.strokeStyle = colours.fg;
    g.lineWidth = 1.25;
    g.beginPath();
    g.moveTo(x0, from + 18);
    g.lineTo(x0 + 5, middle);
    g.lineTo(x1, middle);
    g.lineTo(x1, down ? tip - 2 : tip + 2);
    g.stroke();
    frame.head(x1, middle, x1, tip, 7, colours.fg);
    frame.font(10.5, 500);
    const text = `${run.time(run.call[after] - run.ret(before), 1)} ${run.timeUnit}`, wide = g.measureText(text).width;
    if (x1 - x0 > wide + 12) frame.text(text, (x0 + x1 - wide) / 2, middle - 8, colours.fg);
  }
}
