// The minimap, the view to begin with, and the tips of the clock.

import { colours } from "./colours.js";
import { counted } from "./dom.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./lanes_faults.js").FaultLanes} FaultLanes */
/** @typedef {import("./lanes_clients.js").ClientLanes} ClientLanes */
/** @typedef {import("./lanes_nodes.js").NodeLanes} NodeLanes */
/** @typedef {import("./traffic.js").Traffic} Traffic */

/** The view to begin with: what matters, with some room; null: the whole run. @param {import("./run.js").Run} run
 * @returns {[number, number] | null} */
export function firstView(run) {
  const window = run.proof?.window, wrong = run.header.wrong;
  if (!window && wrong !== null) {
    const slow = run.header.parts.listed[0]?.method === "liveness"; // it takes a while to see that nothing happens
    const before = Math.min(Math.max(2e8 / run.unit, run.end * 0.1), slow ? Infinity : 1e9 / run.unit);
    return [wrong - before, wrong + before * 0.2];
  }
  if (!window) return null;
  const room = Math.max((window[1] - window[0]) * 0.045, run.end / 20_000, run.ordered ? 1 : 0);
  return [window[0] - room, window[1] + room * 1.6];
}

let kept = { version: -1, bins: new Uint32Array(1), most: 1 };

/** How many operations begin in each part of the run, counted again only after a change. @param {import("./run.js").Run} run
 * @param {State} state @param {number} size */
function binned(run, state, size) {
  if (kept.version === state.version && kept.bins.length === size) return kept;
  const bins = new Uint32Array(size), scale = size / run.end;
  for (let i = 0; i < run.n; i++) if (state.visible[i]) bins[Math.min(size - 1, Math.floor(run.call[i] * scale))]++;
  kept = { version: state.version, bins, most: bins.reduce((a, b) => Math.max(a, b), 1) };
  return kept;
}

/** @param {import("./frame.js").Frame} frame @param {import("./run.js").Run} run @param {State} state @param {FaultLanes} faults */
export function drawMini(frame, run, state, faults) {
  const { g, left, width } = frame, { bins, most } = binned(run, state, Math.max(1, Math.floor((width - left) / 3)));
  g.fillStyle = colours.grid;
  g.fillRect(left, 0, width - left, frame.height);
  g.fillStyle = colours.quiet;
  bins.forEach((count, at) => count && g.fillRect(left + at * 3, 17 - (count / most) * 16, 2.5, (count / most) * 16));
  frame.inside(() => faults.mini(frame, 20, 13));
  const wrong = run.culprit === null ? run.header.wrong : run.call[run.culprit];
  if (wrong !== null) {
    const x = frame.x(wrong);
    g.fillStyle = colours.bad;
    g.fillRect(x - 0.75, 0, 1.5, frame.height);
    g.beginPath();
    g.moveTo(x - 4, 0);
    g.lineTo(x + 4, 0);
    g.lineTo(x, 6);
    g.fill();
  }
  frame.label("ops", 10);
  if (run.faults.length) frame.label("faults", 26);
}

/** @param {import("./run.js").Run} run @param {ClientLanes} clients @param {NodeLanes} nodes @param {Traffic} traffic @param {string} kind @param {number} id
 * @returns {[string, string] | null} */
export function describe(run, clients, nodes, traffic, kind, id) {
  if (kind === "held" || kind === "standing") return nodes.describe(kind, id);
  if (kind === "msg") {
    const op = traffic.op[id], of = op < 0 ? "" : `, for #${run.number(op)}`;
    return [`${traffic.kinds[traffic.kind[id]]} ${traffic.text(id)}`, `${traffic.link(id)}, ${traffic.fate(id, run)}${of}`];
  }
  if (kind === "op") {
    const took = run.dur[id] < 0 ? "never answered" : `${run.time(run.dur[id])} ${run.timeUnit}`;
    return [`#${run.number(id)} ${run.text(id)}`, `${run.keyName(run.key[id])}, ${run.who(id)}, ${took}, ${run.outcome(id)}`];
  }
  if (kind === "fault") {
    const fault = run.faults[id], lasts = fault.open ? "to the end" : fault.to > fault.from ? `for ${run.time(fault.to - fault.from)} ${run.timeUnit}` : "at once";
    return [fault.full, `from ${run.time(fault.from)} ${run.timeUnit}, ${lasts}${fault.detail ? `, ${fault.detail}` : ""}`];
  }
  if (kind === "rest") return [counted(clients.rest.length, "more client"), "share this lane; a click shows them"];
  return null;
}
