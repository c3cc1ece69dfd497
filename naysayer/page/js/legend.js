// The legend, which is also the filter: a click hides a kind or shows it again, a double click (or s) shows it alone.

import { $, el, int, svg } from "./dom.js";
import { place } from "./colours.js";

const MANY = 16;

/** @typedef {{id: string, text: string, count: number, picture?: [string, Record<string, any>][]}} Chip */
/** @typedef {{name: string, chips: Chip[]}} Group */

/** @param {import("./run.js").Run} run @param {import("./state.js").State} state @param {Group[]} more further groups */
export function showLegend(run, state, more) {
  const groups = [...groupsOf(run), ...more].filter((group) => group.chips.length > 0);
  /** @type {Set<string>} */
  const opened = new Set();
  const draw = () => {
    const focused = document.activeElement?.getAttribute("data-filter");
    const shown = groups.map((group) => groupOf(group, state, opened, draw));
    if (state.hidden.size) shown.push(el("button", { type: "button", class: "button", text: "Show all", onclick: () => state.showAll() }));
    const meanings = marks(run);
    $("#legend").replaceChildren(...(meanings.childElementCount ? [meanings, ...shown] : shown));
    if (focused) /** @type {HTMLElement | null} */ (document.querySelector(`[data-filter="${focused}"]`))?.focus();
  };
  state.on((what) => what === "filter" && draw());
  draw();
}

/** @param {import("./run.js").Run} run @returns {Group[]} */
function groupsOf(run) {
  const counts = { o: tally(run.status, 3), f: tally(run.f, run.header.f.length), k: tally(run.key, run.columns.keys.length),
    c: tally(run.lane, run.clients.length), n: tally(run.node, run.header.node.length) };
  /** @type {(letter: "o" | "f" | "k" | "c" | "n", name: (code: number) => string) => Chip[]} */
  const chips = (letter, name) =>
    [...counts[letter].keys()].filter((code) => counts[letter][code] > 0).map((code) => ({ id: `${letter}:${code}`, text: name(code), count: counts[letter][code] }));
  const kinds = [...new Set(run.faults.map((one) => one.kind))];
  const outcomes = chips("o", (code) => ["ok", "fail", "unknown"][code]);
  for (const chip of outcomes) chip.picture = OUTCOMES[Number(chip.id.slice(2))];
  const calls = chips("f", (code) => run.header.f[code]);
  for (const chip of calls) chip.picture = [["rect", { x: 1, y: 1.5, width: 14, height: 7, fill: chip.text === "read" ? "none" : "var(--fg2)", stroke: "var(--fg2)" }]];
  const keys = chips("k", (code) => run.keyName(code));
  const first = run.proof?.key ?? -1;
  keys.sort((a, b) => Number(b.id === `k:${first}`) - Number(a.id === `k:${first}`));
  return [
    { name: "outcome", chips: outcomes },
    { name: "call", chips: calls },
    { name: "key", chips: keys.length > 1 ? keys : [] },
    { name: "client", chips: chips("c", (code) => run.clients[code]) },
    { name: "node", chips: run.header.node.length > 1 ? chips("n", (code) => run.header.node[code] || "none") : [] },
    { name: "fault", chips: kinds.map((kind, at) => ({ id: `x:${at}`, text: kind, count: run.faults.filter((one) => one.kind === kind).length })) },
  ];
}

/** @type {[string, Record<string, any>][][]} */
const OUTCOMES = [
  [["rect", { x: 0, y: 2, width: 10, height: 6, fill: "none", stroke: "var(--fg2)" }], ["path", { d: "M11 5l2 3 3-6", fill: "none", stroke: "var(--ok)", "stroke-width": 1.8 }]],
  [["rect", { x: 0, y: 2, width: 12, height: 6, fill: "var(--quiet)" }], ["path", { d: "M0 9L9 1", stroke: "var(--fail)", "stroke-width": 2 }]],
  [["path", { d: "M16 2H1v6h15", fill: "none", stroke: "var(--unknown)", "stroke-width": 1.6 }]],
];

/** @param {ArrayLike<number>} column @param {number} size */
function tally(column, size) {
  const counts = new Array(size).fill(0);
  for (let i = 0; i < column.length; i++) counts[column[i]]++;
  return counts;
}

/** @param {Group} group @param {import("./state.js").State} state @param {Set<string>} opened @param {() => void} draw */
function groupOf(group, state, opened, draw) {
  const ids = group.chips.map((chip) => chip.id);
  const shown = opened.has(group.name) ? group.chips : group.chips.slice(0, MANY);
  const made = el("div", { role: "group", "aria-label": group.name }, el("span", { class: "sub", text: group.name }));
  for (const chip of shown) made.append(chipOf(chip, ids, state));
  if (shown.length < group.chips.length) {
    made.append(el("button", { type: "button", class: "chip", text: `${int(group.chips.length - shown.length)} more`, onclick: () => (opened.add(group.name), draw()) }));
  }
  return made;
}

/** @param {Chip} chip @param {string[]} group @param {import("./state.js").State} state */
function chipOf(chip, group, state) {
  const off = state.hidden.has(chip.id);
  const alone = !off && group.length > 1 && group.every((one) => one === chip.id || state.hidden.has(one));
  return el("button", {
    type: "button", class: alone ? "chip solo" : "chip", "aria-pressed": off ? "false" : "true", "data-filter": chip.id,
    title: "Click: hide or show. Double click, or s: only this.",
    onclick: () => state.toggle(chip.id),
    ondblclick: () => state.solo(chip.id, group),
    onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "s" && (event.stopPropagation(), state.solo(chip.id, group)),
  }, chip.picture ? svg("svg", { viewBox: "0 0 16 10", "aria-hidden": "true" }, ...chip.picture.map(([tag, attributes]) => svg(tag, attributes))) : null,
  chip.text, el("span", { class: "sub", text: int(chip.count) }));
}

/** What the marks on the clock mean. @param {import("./run.js").Run} run */
function marks(run) {
  const values = run.proof?.values ?? [];
  const shown = values.map((text) => ({ text, at: place(values, text) })).filter((one) => one.at >= 0);
  const made = el("div", {}, shown.length || run.culprit !== null ? el("span", { class: "sub", text: "marks" }) : null);
  for (const one of shown) {
    const colour = ["old", "new", "third", "fourth"][one.at];
    made.append(sample(one.text, svg("rect", { width: 16, height: 10, fill: `var(--${colour})` })));
  }
  if (run.culprit !== null) made.append(sample("no legal place", svg("rect", { x: 1, y: 1, width: 14, height: 8, fill: "none", stroke: "var(--bad)", "stroke-width": 2 })));
  if (run.header.outcome === "invalid" && run.proof?.window) made.append(sample("failing window", svg("rect", { y: 4, width: 16, height: 2, fill: "var(--bad)" })));
  return made;
}

/** @param {string} text @param {Node[]} pictures */
export function sample(text, ...pictures) {
  return el("span", { class: "chip" }, svg("svg", { viewBox: "0 0 16 10", "aria-hidden": "true" }, ...pictures), text);
}
