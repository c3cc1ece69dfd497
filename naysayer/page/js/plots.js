// Latency of each operation with its median and 99th percentile, throughput and availability, under the faults.

import { colours, colourOf, place } from "./colours.js";
import { $, counted, el } from "./dom.js";
import { Frame, drawAxis, margin, roundStep } from "./frame.js";

const POINTS_MAX = 5000;
const HEIGHT = 226;
const TOP = 18, LATENCY = 136, RATE_TOP = 152, RATE = 182, SHARE = 196;

/** @param {import("./run.js").Run} run @param {import("./state.js").State} state @param {import("./lanes_faults.js").FaultLanes} faults
 * @param {() => [number, number]} view @param {(row: number, go?: boolean) => void} select */
export function showPlots(run, state, faults, view, select) {
  if (run.ordered || !run.n) {
    $("#plots").hidden = true;
    return { draw() {} };
  }
  const canvas = /** @type {HTMLCanvasElement} */ (el("canvas", { role: "img", "aria-label": summary(run) }));
  const tip = el("div", { class: "tip" });
  $("#plot").append(canvas, tip);
  let withClock = false, waits = 0;
  /** @type {Frame | null} */
  let frame = null;
  const cache = { key: "", canvas: document.createElement("canvas") };
  const paint = () => {
    waits = 0;
    if (!canvas.clientWidth) return; // it is hidden, as in print
    const [from, to] = withClock ? view() : [0, run.end], hits = frame?.hits ?? [];
    const key = [from, to, canvas.clientWidth, devicePixelRatio, state.version, document.documentElement.style.colorScheme, colours.bg].join();
    frame = new Frame(canvas, HEIGHT, margin(), from, to);
    if (key === cache.key) {
      frame.hits = hits;
      frame.g.drawImage(cache.canvas, 0, 0, frame.width, HEIGHT);
    } else {
      draw(frame, run, state, faults);
      Object.assign(cache.canvas, { width: canvas.width, height: canvas.height });
      cache.canvas.getContext("2d")?.drawImage(canvas, 0, 0);
      cache.key = key;
    }
    if (!withClock) brush(frame, view());
  };
  const later = () => (waits ||= requestAnimationFrame(paint));
  const choose = (/** @type {boolean} */ clock) => {
    withClock = clock;
    $("#plot-whole").setAttribute("aria-pressed", String(!clock));
    $("#plot-clock").setAttribute("aria-pressed", String(clock));
    later();
  };
  $("#plot-whole").addEventListener("click", () => choose(false));
  $("#plot-clock").addEventListener("click", () => choose(true));
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left;
    const hit = frame?.find(x, event.clientY - box.top);
    tip.style.display = hit ? "block" : "none";
    canvas.style.cursor = hit ? "pointer" : "default";
    if (!hit) return;
    tip.replaceChildren(el("b", { text: `#${run.number(hit.id)} ${run.text(hit.id)}` }), "  ", el("i", { text: `${run.time(run.dur[hit.id])} ${run.timeUnit} at ${run.time(run.call[hit.id])} ${run.timeUnit}` }));
    tip.style.left = `${Math.max(0, Math.min(canvas.clientWidth - tip.offsetWidth, x + 12))}px`;
    tip.style.top = `${event.clientY - box.top + 14}px`;
  });
  canvas.addEventListener("pointerleave", () => (tip.style.display = "none"));
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect(), hit = frame?.find(event.clientX - box.left, event.clientY - box.top);
    if (hit) select(hit.id, true);
  });
  new ResizeObserver(later).observe($("#plot"));
  return { draw: later };
}

/** What the picture shows, in words. @param {import("./run.js").Run} run */
function summary(run) {
  const known = run.dur.filter((one) => one >= 0).sort();
  if (!known.length) return "No operation ended.";
  const at = (/** @type {number} */ share) => run.time(known[Math.min(known.length - 1, Math.floor(share * known.length))]);
  const text = `median ${at(0.5)} ${run.timeUnit}, 99th percentile ${at(0.99)} ${run.timeUnit}, ${counted(run.n, "operation")} in ${run.end * run.unit < 1e8 ? `${run.time(run.end)} ${run.timeUnit}` : `${run.time(run.end / 1000)} s`}`;
  $("#plot-caption").textContent = text;
  return `Latency of each operation: ${text}`;
}

/** @param {Frame} frame @param {import("./run.js").Run} run @param {import("./state.js").State} state
 * @param {import("./lanes_faults.js").FaultLanes} faults */
function draw(frame, run, state, faults) {
  const { g, from, to } = frame, unit = run.unit / 1e6;
  const first = run.firstFrom(from), last = run.firstFrom(to);
  const [least, most] = extremes(run, first, last);
  const y = (/** @type {number} */ ticks) => LATENCY - ((Math.log10(Math.max(least, ticks * unit)) - Math.log10(least)) / (Math.log10(most) - Math.log10(least))) * (LATENCY - TOP - 4);
  frame.inside(() => {
    for (const fault of run.faults) {
      if (fault.to < from || fault.from > to || faults.isHidden(fault)) continue;
      g.fillStyle = colours.grid;
      g.globalAlpha = 0.6;
      g.fillRect(frame.x(fault.from), TOP, Math.max(1, frame.x(fault.to) - frame.x(fault.from)), RATE - TOP);
      g.globalAlpha = 1;
    }
    faults.mini(frame, 2, 14);
  });
  if (run.faults.length) frame.label("faults", 8);
  for (let decade = 10 ** Math.ceil(Math.log10(least)); decade <= most; decade *= 10) {
    const at = Math.round(y(decade / unit)) + 0.5;
    frame.line(frame.left, at, frame.width, at, colours.line);
    frame.label(decade >= 1000 ? `${decade / 1000} s` : decade >= 1 ? `${decade} ms` : `${Number((decade * 1000).toPrecision(1))} µs`, at);
  }
  frame.inside(() => {
    points(frame, run, state, first, last, y);
    quantiles(frame, run, state, first, last, y);
    marked(frame, run, state, y);
  });
  rates(frame, run, state, first, last);
  frame.g.save();
  drawAxis(frame, HEIGHT - 20, HEIGHT - 3, run.unit, false, run.micro);
  frame.g.restore();
}

/** What the clock shows. @param {Frame} frame @param {[number, number]} view */
function brush(frame, [from, to]) {
  const x0 = frame.x(from), x1 = Math.max(x0 + 3, frame.x(to));
  frame.inside(() => {
    frame.g.strokeStyle = colours.fg;
    frame.g.lineWidth = 1;
    frame.g.strokeRect(x0, TOP - 1, x1 - x0, RATE - TOP + 1);
  });
}

/** @param {import("./run.js").Run} run @param {number} first @param {number} last @returns {[number, number]} in ms */
function extremes(run, first, last) {
  let least = Infinity, most = 0;
  for (let i = first; i < last; i++) if (run.dur[i] >= 0) {
    if (run.dur[i] > most) most = run.dur[i];
    if (run.dur[i] < least) least = run.dur[i];
  }
  const low = Math.max(0.0005, ((least === Infinity ? 1 : least) * run.unit) / 1e6 * 0.8);
  return [low, Math.max(low * 20, ((most * run.unit) / 1e6) * 1.3)];
}

/** A point for each operation; of many, how many there are at a place. @param {Frame} frame @param {import("./run.js").Run} run
 * @param {import("./state.js").State} state @param {number} first @param {number} last @param {(ticks: number) => number} y */
function points(frame, run, state, first, last, y) {
  const { g } = frame;
  if (last - first > POINTS_MAX) density(frame, run, state, first, last, y);
  else for (let i = first; i < last; i++) {
    if (!state.visible[i] || run.matter.has(i)) continue;
    const x = frame.x(run.call[i]);
    if (run.dur[i] < 0) {
      frame.line(x, TOP, x, TOP + 6, colours.unknown, 1.5);
      continue;
    }
    const at = y(run.dur[i]);
    g.globalAlpha = 0.55;
    dot(g, run.reads(i), x, at, 1.6, colours.fg2, colours.fg2, 0.8);
    g.globalAlpha = 1;
    frame.hit(x - 3, x + 3, at - 3, at + 3, "op", i);
  }
}

/** The operations that matter, and the selected one, over everything else. @param {Frame} frame @param {import("./run.js").Run} run
 * @param {import("./state.js").State} state @param {(ticks: number) => number} y */
function marked(frame, run, state, y) {
  const { g } = frame, values = run.proof?.values ?? [];
  for (const i of new Set([...run.matter, ...(state.selected === null ? [] : [state.selected])])) {
    if (!state.visible[i] || run.call[i] < frame.from || run.call[i] > frame.to) continue;
    const x = frame.x(run.call[i]), at = run.dur[i] < 0 ? TOP + 3 : y(run.dur[i]), guilty = i === run.culprit;
    const colour = colourOf(place(values, run.about(i))) ?? colours.fg2;
    dot(g, run.reads(i), x, at, 4.2, colour, guilty ? colours.bad : i === state.selected ? colours.fg : colours.bg, guilty ? 2 : 1.2, true);
    frame.hit(x - 6, x + 6, at - 6, at + 6, "op", i);
    if (guilty) {
      frame.font(11, 600);
      const text = `#${run.number(i)} ✗`, wide = g.measureText(text).width;
      frame.text(text, x + 9 + wide < frame.width ? x + 9 : x - 9 - wide, at, colours.bad_text);
    }
  }
}

/** Reads are round, the rest square. @param {CanvasRenderingContext2D} g @param {boolean} round @param {number} x @param {number} y
 * @param {number} size @param {string} fill @param {string} stroke @param {number} width @param {boolean} [filled] */
function dot(g, round, x, y, size, fill, stroke, width, filled = false) {
  g.fillStyle = fill;
  g.strokeStyle = stroke;
  g.lineWidth = width;
  g.beginPath();
  if (round) g.arc(x, y, size, 0, 7);
  else g.rect(x - size, y - size, 2 * size, 2 * size);
  if (!round || filled) g.fill();
  if (round || filled) g.stroke();
}

/** @param {Frame} frame @param {import("./run.js").Run} run @param {import("./state.js").State} state @param {number} first
 * @param {number} last @param {(ticks: number) => number} y */
function density(frame, run, state, first, last, y) {
  const SIZE = 3, wide = Math.ceil((frame.width - frame.left) / SIZE), high = Math.ceil((LATENCY - TOP) / SIZE) + 1;
  const cells = new Uint32Array(wide * high);
  let most = 1;
  for (let i = first; i < last; i++) {
    if (!state.visible[i] || run.dur[i] < 0) continue;
    const column = Math.floor((frame.x(run.call[i]) - frame.left) / SIZE), row = Math.floor((y(run.dur[i]) - TOP) / SIZE);
    if (column < 0 || column >= wide || row < 0 || row >= high) continue;
    const count = ++cells[row * wide + column];
    if (count > most) most = count;
  }
  frame.g.fillStyle = colours.fg2;
  cells.forEach((count, cell) => {
    if (!count) return;
    frame.g.globalAlpha = 0.15 + 0.75 * Math.sqrt(count / most);
    frame.g.fillRect(frame.left + (cell % wide) * SIZE, TOP + Math.floor(cell / wide) * SIZE, SIZE - 0.4, SIZE - 0.4);
  });
  frame.g.globalAlpha = 1;
}

/** @param {Frame} frame @param {import("./run.js").Run} run @param {import("./state.js").State} state @param {number} first
 * @param {number} last @param {(ticks: number) => number} y */
function quantiles(frame, run, state, first, last, y) {
  const { g } = frame, count = 60, size = (frame.to - frame.from) / count;
  /** @type {number[][]} */
  const bins = Array.from({ length: count }, () => []);
  for (let i = first; i < last; i++) if (run.dur[i] >= 0 && state.visible[i]) bins[Math.floor((run.call[i] - frame.from) / size)]?.push(run.dur[i]);
  for (const bin of bins) bin.sort((a, b) => a - b);
  for (const [share, width, dash, fewest] of /** @type {[number, number, number[], number][]} */ ([[0.99, 1, [3, 2], 20], [0.5, 1.75, [], 1]])) {
    g.strokeStyle = share > 0.9 ? colours.fg2 : colours.fg;
    g.lineWidth = width;
    g.setLineDash(dash);
    g.beginPath();
    let pen = false;
    bins.forEach((bin, at) => {
      if (bin.length < fewest) { pen = false; return; }
      const level = y(bin[Math.min(bin.length - 1, Math.floor(share * bin.length))]), x = frame.x(frame.from + at * size);
      if (pen) g.lineTo(x, level);
      else g.moveTo(x, level);
      g.lineTo(frame.x(frame.from + (at + 1) * size), level);
      pen = true;
    });
    g.stroke();
    g.setLineDash([]);
  }
}

/** Operations that ended in each stretch of time, and the share of those begun in it that succeeded. @param {Frame} frame
 * @param {import("./run.js").Run} run @param {import("./state.js").State} state @param {number} first @param {number} last */
function rates(frame, run, state, first, last) {
  const { g } = frame, size = roundStep(frame.to - frame.from, 120), count = Math.ceil((frame.to - frame.from) / size) + 1;
  const ended = new Uint32Array(count), begun = new Uint32Array(count), succeeded = new Uint32Array(count);
  for (let i = first; i < last; i++) {
    if (!state.visible[i]) continue;
    const bin = Math.floor((run.call[i] - frame.from) / size), end = Math.floor((run.ret(i) - frame.from) / size);
    begun[bin]++;
    if (run.status[i] === 0) succeeded[bin]++;
    if (run.dur[i] >= 0 && end < count) ended[end]++;
  }
  const most = ended.reduce((a, b) => Math.max(a, b), 1);
  frame.label(`${Math.round(most / ((size * run.unit) / 1e9)).toLocaleString("en-US", { notation: "compact" })}/s`, RATE_TOP + 5);
  frame.label("ok", SHARE);
  frame.inside(() => {
    for (let bin = 0; bin < count; bin++) {
      const x = frame.x(frame.from + bin * size), wide = Math.max(1, frame.x(frame.from + (bin + 1) * size) - x - 0.6);
      g.fillStyle = colours.quiet;
      const high = (ended[bin] / most) * (RATE - RATE_TOP);
      g.fillRect(x, RATE - high, wide, high);
      if (!begun[bin]) continue;
      const share = succeeded[bin] / begun[bin];
      g.fillStyle = share === 1 ? colours.ok : share === 0 ? colours.bad : colours.unknown;
      g.fillRect(x, SHARE + 4 - 8 * Math.max(0.15, share), wide, 8 * Math.max(0.15, share));
    }
  });
}
