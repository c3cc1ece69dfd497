// The table of runs: filtered, sorted, and brought up to date while runs write.

import { switchTheme } from "../../page/js/colours.js";
import { $, counted, el, int } from "../../page/js/dom.js";
import { address, base, escaped } from "./api.js";

/** @typedef {{path: string, state: string, target: string, began: string, workload?: string, backend?: string, faults?: string[],
 *   seed?: number, nodes?: number, operations?: number, seconds?: number, kind?: string, sentence?: string, minimised?: boolean,
 *   explorable?: boolean, report?: boolean}} Row */

/** @type {Record<string, [string, string, string]>} By state: symbol, class, word. */
const STATES = {
  invalid: ["✗", "bad", "invalid"],
  valid: ["✓", "good", "valid"],
  unknown: ["?", "maybe", "unknown"],
  running: ["●", "sub", "running"],
  unfinished: ["–", "sub", "not judged"],
  unreadable: ["!", "maybe", "unreadable"],
};
/** @typedef {"state" | "target" | "workload" | "faults" | "seed" | "operations" | "began"} Column */
/** @type {[Column, string, string][]} */
const COLUMNS = [
  ["state", "verdict", ""], ["target", "target", ""], ["workload", "workload", "roomy"], ["faults", "faults", "roomy"],
  ["seed", "seed", "num"], ["operations", "operations", "num"], ["began", "time", "num"],
];

/** @type {Row[]} */
let rows = [];
/** @type {Column} */
let by = "began";
let down = true;
let state = "all";

/** What a column sorts by. @param {Row} row @param {Column} column @returns {string | number} */
function rank(row, column) {
  if (column === "state") return `${Object.keys(STATES).indexOf(row.state)} ${row.kind ?? ""}`;
  if (column === "seed" || column === "operations") return row[column] ?? -1;
  if (column === "faults") return (row.faults ?? []).join(" ");
  return row[column] ?? "";
}

/** @param {Row} row */
function haystack(row) {
  return [row.path, row.target, row.workload, row.backend, ...(row.faults ?? []), row.kind, row.state, `seed ${row.seed}`, row.minimised ? "minimised hunt" : ""]
    .join(" ").toLowerCase();
}

function draw() {
  const words = /** @type {HTMLInputElement} */ ($("#filter")).value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = rows.filter((row) => (state === "all" || row.state === state) && words.every((word) => haystack(row).includes(word)));
  found.sort((a, b) => {
    const x = rank(a, by), y = rank(b, by), order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
    return (down ? -order : order) || (a.path < b.path ? 1 : -1);
  });
  const heads = COLUMNS.map(([column, text, kind]) => el("th", { scope: "col", class: kind || null, "aria-sort": by === column ? (down ? "descending" : "ascending") : null },
    el("button", { type: "button", onclick: () => sort(column) }, text, el("span", { "aria-hidden": "true", text: by === column ? (down ? " ↓" : " ↑") : "" }))));
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.focus : undefined;
  const table = el("table", { class: "list" }, el("thead", {}, el("tr", {}, ...heads, el("th", { scope: "col" }, el("span", { class: "hidden-visually", text: "more" })))),
    el("tbody", {}, ...found.map(line)));
  $("#runs").replaceChildren(rows.length && !found.length ? el("p", { class: "said", text: "No run fits this filter." }) : rows.length ? table : "");
  if (focused) /** @type {HTMLElement | null} */ (document.querySelector(`[data-focus="${CSS.escape(focused)}"]`))?.focus();
  $("#count").textContent = found.length === rows.length ? counted(rows.length, "run") : `${int(found.length)} of ${counted(rows.length, "run")}`;
  drawStates();
}

function drawStates() {
  const count = (/** @type {string} */ name) => rows.filter((row) => name === "all" || row.state === name).length;
  const names = ["all", ...Object.keys(STATES).filter((name) => count(name) || name === state)];
  $("#states").replaceChildren(...names.map((name) => el("button", {
    type: "button", "aria-pressed": String(state === name), "data-focus": `state ${name}`, onclick: () => ((state = name), draw()),
  }, name === "all" ? "all" : `${STATES[name][0]} ${STATES[name][2]}`, ` ${int(count(name))}`)));
}

/** @param {Column} column */
function sort(column) {
  if (by === column) down = !down;
  else [by, down] = [column, column === "began" || column === "operations"];
  draw();
}

/** @param {Row} row */
function line(row) {
  const [symbol, kind, word] = STATES[row.state];
  const run = `${base}/run/${escaped(row.path)}`;
  const faults = row.faults ?? [];
  const opens = row.state === "valid" || row.state === "invalid" || row.state === "unknown";
  const name = opens ? el("a", { href: `${run}/report.html`, text: row.target, "data-focus": `page ${row.path}` }) : el("span", { text: row.target });
  const about = [row.backend && row.backend !== "simulator" ? row.backend : "", row.minimised ? "minimised by a hunt" : ""].filter(Boolean).join(", ");
  return el("tr", {},
    el("td", {}, el("span", { class: `${kind} symbol`, text: symbol }), el("span", { class: kind === "sub" ? "sub" : null, text: row.kind || word })),
    el("td", { class: "text" }, name, about ? el("span", { class: "sub", text: ` ${about}` }) : null, row.sentence ? el("div", { class: "sub sentence", text: row.sentence }) : null),
    el("td", { class: "roomy", text: row.workload ?? "" }),
    el("td", { class: "roomy text", title: faults.join(", "), text: faults.length > 3 ? `${faults.slice(0, 3).join(", ")} and ${faults.length - 3} more` : faults.join(", ") || (row.seed == null ? "" : "none") }),
    el("td", { class: "num", text: row.seed ?? "" }),
    el("td", { class: "num", text: row.operations === undefined ? "" : int(row.operations) }),
    el("td", { class: "num", text: when(row.began) }),
    el("td", { class: "links" },
      row.explorable ? el("a", { href: `${base}/explore/${escaped(row.path)}`, text: "Explore", "aria-label": `Explore ${row.path}`, "data-focus": `explore ${row.path}` }) : null,
      el("a", { href: `${run}/files`, text: "Files", "aria-label": `Files of ${row.path}`, "data-focus": `files ${row.path}` })));
}

/** A time of today without its date. @param {string} began */
function when(began) {
  const [day, time] = began.split("T");
  if (!time) return began;
  const now = new Date(), today = `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, "0")}-${String(now.getDate()).padStart(2, "0")}`;
  return day === today ? time : `${day} ${time.slice(0, 5)}`;
}

/** @param {string | null} text */
function say(text) {
  $("#said").hidden = !text;
  $("#said").textContent = text ?? "";
}

$("#filter").addEventListener("input", draw);
$("#theme").addEventListener("click", () => switchTheme());
addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") (event.preventDefault(), $("#filter").focus());
  if (event.key === "d") switchTheme();
});
const source = new EventSource(address("/api/changes"));
source.onmessage = (/** @type {MessageEvent} */ event) => {
  const found = JSON.parse(event.data);
  rows = found.rows;
  say(found.said);
  draw();
  document.documentElement.setAttribute("data-ready", "");
};
source.onerror = () => say("The server does not answer: was naysayer serve ended? What is shown is what was known last.");
