// The tables: keys, weaker models, faults, the operations of the clock's window, all events in order.

import { $, counted, el, int, svg, table } from "./dom.js";
import { call, link, mark, sentence } from "./pieces.js";

/** @typedef {import("./run.js").Run} Run */
/** @typedef {(row: number, go?: boolean) => void} Select */

const KEYS_MAX = 20;
const ROWS_MAX = 300;
const BINS = 32;

/** @param {Run} run @param {Select} select */
export function showKeys(run, select) {
  const parts = run.header.parts;
  const rows = keyRows(run);
  $("#keys-caption").textContent = parts.summary.includes("key") ? parts.summary : counted(rows.length, "key");
  const shown = rows.slice(0, KEYS_MAX);
  const body = shown.map((row) => el("tr", {},
    el("td", { class: "text", text: row.name }),
    el("td", { class: "text" }, el("span", { class: row.kind, text: row.symbol }), row.outcome, row.culprit === null ? null : " at ", row.culprit === null ? null : link(run, row.culprit, select)),
    el("td", { class: "num", text: int(row.operations) }), el("td", { class: "num", text: int(row.reads) }),
    el("td", {}, spark(run, row))));
  const left = rows.slice(KEYS_MAX), valid = left.filter((row) => row.outcome === "valid").length;
  if (left.length) body.push(el("tr", {}, el("td", { colspan: 5, class: "sub", text: `${int(left.length)} more keys, ${valid === left.length ? "all valid" : `${int(valid)} of them valid`}` })));
  $("#keys").replaceChildren(table(["key", "verdict", "ops|num", "reads|num", "over the run"], body));
  models(run, select);
}

/** @param {Run} run */
function keyRows(run) {
  const size = run.columns.keys.length, operations = new Int32Array(size), reads = new Int32Array(size);
  for (let i = 0; i < run.n; i++) {
    operations[run.key[i]]++;
    if (run.reads(i)) reads[run.key[i]]++;
  }
  const parts = run.header.parts, listed = new Map(parts.listed.map((/** @type {import("./run.js").PartRow} */ part) => [part.key, part]));
  const whole = parts.listed.length && parts.listed[0].key === null && parts.valid + parts.invalid + parts.unknown === 1;
  const rest = parts.valid ? "valid" : whole ? parts.listed[0].outcome : "not judged apart";
  const rows = [];
  for (let key = 0; key < size; key++) {
    if (!operations[key]) continue;
    const part = listed.get(key), outcome = part?.outcome ?? rest;
    const [symbol, kind] = { valid: ["✓ ", "good"], invalid: ["✗ ", "bad"], unknown: ["? ", "maybe"] }[/** @type {"valid"} */ (outcome)] ?? ["", ""];
    rows.push({ key, name: (whole && !key) || (size === 1 && run.keyName(key) === "nothing") ? "all" : run.keyName(key), outcome, symbol, kind, culprit: part?.culprit ?? null, operations: operations[key], reads: reads[key] });
  }
  const rank = (/** @type {string} */ outcome) => ["invalid", "unknown"].indexOf(outcome) + 1 || 9;
  return rows.sort((a, b) => rank(a.outcome) - rank(b.outcome) || b.operations - a.operations || a.key - b.key);
}

/** How many operations a key saw over the run, and where it went wrong. @param {Run} run @param {{key: number, culprit: number | null}} row */
function spark(run, row) {
  const bins = new Array(BINS).fill(0);
  const bin = (/** @type {number} */ tick) => Math.min(BINS - 1, Math.floor((tick / run.end) * BINS));
  const step = Math.max(1, Math.floor(run.n / 200_000));
  for (let i = 0; i < run.n; i += step) if (run.key[i] === row.key) bins[bin(run.call[i])]++;
  const most = Math.max(1, ...bins), wrong = row.culprit === null ? -1 : bin(run.call[row.culprit]);
  return svg("svg", { width: 96, height: 14, class: "bars", "aria-hidden": "true" }, ...bins.map((count, at) =>
    svg("rect", { x: at * 3, y: 14 - (count / most) * 14, width: 2.4, height: (count / most) * 14, fill: at === wrong ? "var(--bad)" : "var(--quiet)" })));
}

/** @param {Run} run @param {Select} select */
function models(run, select) {
  /** @type {[string, boolean | null, string][]} */
  const ladder = run.header.ladder;
  if (!ladder.length) return;
  const items = ladder.map(([name, holds, detail]) => {
    const [symbol, kind] = holds === null ? ["– ", "sub"] : holds ? ["✓ ", "good"] : ["✗ ", "bad"];
    return el("li", {}, el("span", { class: kind, text: symbol }), name, detail ? el("span", { class: "sub" }, " (", ...sentence(run, detail, select), ")") : null);
  });
  const key = run.proof?.key ?? null;
  const where = key === null || run.proof?.whole ? "" : `, on key ${run.keyName(key)}`;
  const title = ladder.some(([name]) => name === "serializable") ? "Levels of isolation" : "Weaker models";
  $("#models").replaceChildren(el("h3", { text: `${title}${where}` }), el("ul", { class: "models" }, ...items));
}

/** @param {Run} run @param {(fault: import("./run.js").Fault) => void} go */
export function showFaults(run, go) {
  const window = run.proof?.window;
  const sets = /** @type {[string, import("./run.js").Fault[]][]} */ ([
    ["In the failing window", window && run.header.outcome === "invalid" ? run.faults.filter((one) => one.from <= window[1] && one.to >= window[0]) : []],
    ["All", run.faults],
    ["No effect", run.faults.filter((one) => one.shown === false)],
  ]).filter(([, faults]) => faults.length > 0);
  $("#faults-caption").textContent = run.faults.length ? `${int(run.faults.length + run.header.faultsCut)} injected` : "none";
  let chosen = 0;
  const draw = () => {
    $("#fault-sets").replaceChildren(...sets.map(([name, faults], at) =>
      el("button", { type: "button", text: `${name} ${int(faults.length)}`, "aria-pressed": at === chosen ? "true" : "false", onclick: () => ((chosen = at), draw()) })));
    const rows = (sets[chosen]?.[1] ?? []).slice(0, ROWS_MAX).map((one) => el("tr", { "data-row": one.row, onclick: () => go(one) },
      el("td", { class: "text" }, el("button", { type: "button", class: "op", text: one.full, onclick: () => go(one) })),
      el("td", { class: "num", text: run.time(one.from) }),
      el("td", { class: "num", text: one.open ? "to the end" : one.to > one.from ? run.time(one.to - one.from) : "–" }),
      el("td", { class: "text" }, one.shown === false ? "no observable effect" : one.detail || el("span", { class: "sub", text: "not recorded" }))));
    if ((sets[chosen]?.[1].length ?? 0) > ROWS_MAX) rows.push(el("tr", {}, el("td", { colspan: 4, class: "sub", text: `${int(sets[chosen][1].length - ROWS_MAX)} more` })));
    $("#faults").replaceChildren(table(["fault", `from, ${run.timeUnit}|num`, `for, ${run.timeUnit}|num`, "effect"], rows));
  };
  if (sets.length) draw();
  else $("#faults").replaceChildren(el("p", { class: "sub small", text: "No fault was injected, or the record does not show any." }));
}

/** The operations of the clock's window, for who cannot see the picture. @param {Run} run @param {import("./state.js").State} state
 * @param {Select} select @param {() => [number, number]} view */
export function showTable(run, state, select, view) {
  const place = /** @type {HTMLDetailsElement} */ ($("#table"));
  const draw = () => {
    if (!place.open) return;
    const [from, to] = view();
    /** @type {number[]} */
    const found = [];
    let more = 0;
    const first = Math.max(0, run.firstFrom(from) - 20_000);
    for (let i = first; i < run.n && run.call[i] <= to; i++) {
      if (run.ret(i) < from || !state.visible[i]) continue;
      if (found.length < ROWS_MAX) found.push(i);
      else more++;
    }
    const rows = found.map((i) => el("tr", { class: i === state.selected ? "selected" : "", "data-row": i, onclick: () => select(i) },
      el("td", {}, mark(run, i), link(run, i, select)), el("td", {}, ...call(run, i)), el("td", { text: run.keyName(run.key[i]) }), el("td", { text: run.who(i) }),
      el("td", { class: "num", text: run.time(run.call[i], 3) }), el("td", { class: "num", text: run.dur[i] < 0 ? "?" : run.time(run.dur[i], 3) }),
      el("td", { class: "text", text: run.outcome(i) + (run.error[i] ? `: ${run.header.error[run.error[i]]}` : "") })));
    if (more) rows.push(el("tr", {}, el("td", { colspan: 7, class: "sub", text: `${int(more)} more in this window: zoom in to list them` })));
    $("#table-body").replaceChildren(table(["operation", "call", "key", "client, node", `began, ${run.timeUnit}|num`, "took|num", "outcome"], rows));
  };
  place.addEventListener("toggle", draw);
  state.on((what) => (what === "view" || what === "filter" || what === "select") && draw());
}

/** All events, as a list that makes only the rows that can be seen. @param {Run} run @param {Select} select */
export function showEvents(run, select) {
  const place = /** @type {HTMLDetailsElement} */ ($("#raw")), list = $("#events"), inner = el("div");
  list.append(inner);
  const HIGH = 20, PIXELS_MAX = 8_000_000;
  /** @type {Float64Array | null} */
  let order = null;
  const build = () => {
    const keys = new Float64Array(run.n * 2 + run.faults.length);
    let count = 0;
    for (let i = 0; i < run.n; i++) {
      keys[count++] = i * 2;
      if (run.dur[i] >= 0) keys[count++] = i * 2 + 1;
    }
    for (let k = 0; k < run.faults.length; k++) keys[count++] = -1 - k;
    const time = (/** @type {number} */ key) => (key < 0 ? run.faults[-1 - key].from : key % 2 ? run.ret((key - 1) / 2) : run.call[key / 2]);
    return keys.subarray(0, count).sort((a, b) => time(a) - time(b) || a - b);
  };
  const draw = () => {
    if (!place.open) return;
    order ??= build();
    const height = Math.min(PIXELS_MAX, order.length * HIGH), share = height / (order.length * HIGH);
    inner.style.height = `${height}px`;
    const first = Math.floor(list.scrollTop / HIGH / share), rows = [];
    for (let at = first; at < Math.min(order.length, first + 14); at++) rows.push(event(run, order[at], list.scrollTop + (at - first) * HIGH, select));
    inner.replaceChildren(...rows);
  };
  list.addEventListener("scroll", draw);
  place.addEventListener("toggle", draw);
}

/** @param {Run} run @param {number} key @param {number} top @param {Select} select */
function event(run, key, top, select) {
  const i = Math.floor(key / 2), fault = key < 0 ? run.faults[-1 - key] : null;
  const when = fault ? fault.from : key % 2 ? run.ret(i) : run.call[i];
  const what = fault ? ["nemesis", fault.full] : key % 2 ? [run.outcome(i), `${run.who(i)} ${run.text(i)}`] : ["invoke", `${run.who(i)} ${run.header.f[run.f[i]]}${run.input[i] ? ` ${run.value(run.input[i])}` : ""}`];
  const row = el("div", { class: "event" }, el("span", { class: "n", text: run.time(when, 3) }), el("span", {}, fault ? "" : link(run, i, select)), el("span", { text: `${what[0]}  ${what[1]}` }));
  row.style.top = `${top}px`;
  return row;
}
