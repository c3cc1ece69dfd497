// The cycle of a proof: operations in a row, and an arc for each edge; the edge that closes it is drawn below.

import { $, svg } from "./dom.js";

const WIDTH = 296;

/** @param {import("./run.js").Run} run @param {import("./state.js").State} state @param {(row: number, go?: boolean) => void} select */
export function showCycle(run, state, select) {
  const edges = run.proof?.cycle ?? [];
  if (edges.length < 2) return;
  $("#cycle").hidden = false;
  const draw = () => $("#cycle-body").replaceChildren(picture(run, edges, state.selected, select));
  state.on((what) => what === "select" && draw());
  draw();
}

/** @param {import("./run.js").Run} run @param {[number, number, string][]} edges @param {number | null} selected
 * @param {(row: number, go?: boolean) => void} select */
function picture(run, edges, selected, select) {
  const start = closing(run, edges);
  const nodes = edges.map((_, at) => edges[(start + at) % edges.length][0]);
  const few = nodes.length <= 4, step = WIDTH / nodes.length;
  const wide = few ? Math.min(130, step - 12) : Math.min(46, step - 3), high = few ? 34 : 20;
  const top = few ? 42 : 60, bottom = top + high, xs = nodes.map((_, at) => step * (at + 0.5));
  const total = bottom + (few ? 42 : 54);
  const names = edges.map((edge) => `#${run.number(edge[0])} ${edge[2]} #${run.number(edge[1])}`).join(", ");
  const drawn = svg("svg", { viewBox: `0 0 ${WIDTH} ${total}`, role: "group", "aria-label": `Cycle: ${names}` });
  const last = edges.length - 1;
  edges.forEach((_, at) => {
    const [, , why] = edges[(start + at) % edges.length];
    const x0 = xs[at], x1 = xs[(at + 1) % nodes.length], back = at === last;
    drawn.append(...arc(x0, x1, back ? bottom : top, back, label(run, edges[(start + at) % edges.length], why, few), few, at));
  });
  nodes.forEach((row, at) => {
    const guilty = row === run.culprit, x = xs[at] - wide / 2;
    const box = svg("g", { role: "button", tabindex: 0, "aria-label": few ? null : `#${run.number(row)} ${run.text(row)}`, class: "cycle-node",
      onclick: () => select(row, true),
      onkeydown: (/** @type {KeyboardEvent} */ event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), select(row, true)) });
    box.append(svg("rect", { x, y: top, width: wide, height: high, rx: 3, fill: row === selected ? "var(--raise)" : "var(--bg)",
      stroke: guilty ? "var(--bad)" : row === selected ? "var(--fg)" : "var(--quiet)", "stroke-width": guilty ? 2 : 1.2 }));
    box.append(svg("text", { x: xs[at], y: top + (few ? 14 : 14), "text-anchor": "middle", "font-weight": 600, text: `#${run.number(row)}` }));
    if (few) box.append(svg("text", { x: xs[at], y: top + 27, "text-anchor": "middle", class: "sub", text: words(run, row, wide) }));
    drawn.append(box);
  });
  return drawn;
}

/** The edge at which the cycle is closed: the one from the culprit, else the last. @param {import("./run.js").Run} run
 * @param {[number, number, string][]} edges */
function closing(run, edges) {
  const from = edges.findIndex((edge) => edge[0] === run.culprit);
  return from < 0 ? 0 : (from + 1) % edges.length;
}

/** @param {import("./run.js").Run} run @param {[number, number, string]} edge @param {string} why @param {boolean} few */
function label(run, edge, why, few) {
  if (why !== "real time" || !few || run.dur[edge[0]] < 0) return why;
  return `${why}, ${run.time(run.call[edge[1]] - run.ret(edge[0]))} ${run.timeUnit}`;
}

/** What stands in the box of an operation: the beginning of its note, or else its call, where that fits.
 * @param {import("./run.js").Run} run @param {number} row @param {number} width */
function words(run, row, width) {
  const most = Math.floor(width / 6.9), note = run.proof?.notes?.[row], call = run.text(row);
  const fitting = [note?.split(/[:;]/)[0], call].find((text) => text && text.length <= most);
  const long = call.startsWith("txn ") && note ? note : call;
  return fitting ?? `${long.slice(0, most - 1)}…`;
}

/** An edge with its name. @param {number} x0 @param {number} x1 @param {number} y @param {boolean} back it closes the cycle
 * @param {string} text @param {boolean} few @param {number} at @returns {SVGElement[]} */
function arc(x0, x1, y, back, text, few, at) {
  const colour = back ? "var(--bad)" : "var(--fg2)", side = back ? 1 : -1;
  const reach = Math.min(few ? 26 : 40, 14 + Math.abs(x1 - x0) * 0.14) * side;
  const a = x0 + Math.sign(x1 - x0) * 6, b = x1 - Math.sign(x1 - x0) * 6;
  const middle = (a + b) / 2, peak = y + reach;
  const path = svg("path", { d: `M${a} ${y}C${a} ${peak},${b} ${peak},${b} ${y + side * 5}`, fill: "none", stroke: colour, "stroke-width": back ? 2 : 1.4 });
  const tip = svg("path", { d: `M${b} ${y}l-4 ${side * 7}h8z`, fill: colour });
  const high = few ? y + reach * 0.75 + (back ? 14 : -4) : y + reach * 0.8 + (at % 2 && !back ? -11 : 2);
  const name = svg("text", { x: middle, y: high, "text-anchor": "middle", "paint-order": "stroke", stroke: "var(--bg)",
    "stroke-width": 5, text: few ? text : abbreviated(text) });
  return [path, tip, name];
}

/** @param {string} text */
function abbreviated(text) {
  return text.replace("real time", "time").replace("read older than", "older").replace("overwritten by", "over").replace(" by", "");
}
