// The inspector: everything that is known of the selected operation.

import { $, counted, el, int } from "./dom.js";
import { call, link } from "./pieces.js";

/** @typedef {import("./run.js").Run} Run */
/** @typedef {{title: string, content: Node} | null} Extra */

const MANY = 8;

/** @param {Run} run @param {import("./state.js").State} state @param {(row: number, go?: boolean) => void} select
 * @param {((row: number) => Extra)[]} extras further parts, from panels that know more */
export function showInspector(run, state, select, extras) {
  const draw = () => $("#inspector").replaceChildren(...content(run, state, select, extras));
  state.on((what) => (what === "select" || what === "filter") && draw());
  draw();
}

/** @param {Run} run @param {import("./state.js").State} state @param {(row: number, go?: boolean) => void} select
 * @param {((row: number) => Extra)[]} extras */
function content(run, state, select, extras) {
  const i = state.selected;
  const head = el("div", { class: "head" }, el("h2", { class: "sub", text: i === null ? "Nothing selected" : "Selected" }),
    el("span", { class: "gap" }), el("span", { class: "sub roomy" }, el("kbd", { text: "k" }), " ", el("kbd", { text: "j" })));
  if (i === null) return [head, el("p", { class: "sub small", text: run.n ? "Click an operation, or press j." : "There are no operations." })];
  const fields = el("dl", { class: "fields" });
  const field = (/** @type {string} */ name, /** @type {(Node | string | null)[]} */ ...values) =>
    fields.append(el("dt", { text: name }), el("dd", {}, ...values));
  field("outcome", ...outcome(run, i));
  if (!state.visible[i]) field("", el("span", { class: "maybe", text: "hidden by a filter" }));
  if (run.key[i] || run.header.keyText.text[run.key[i]] !== "nothing") field("key", run.keyName(run.key[i]));
  field("client, node", run.who(i));
  field(run.ordered ? "call" : "began", `${run.time(run.call[i], 3)} ${run.ordered ? "" : run.timeUnit}`);
  if (run.dur[i] >= 0) field(run.ordered ? "return" : "ended", `${run.time(run.ret(i), 3)}${run.ordered ? "" : ` ${run.timeUnit}, took ${run.time(run.dur[i], 3)} ${run.timeUnit}`}`);
  const note = run.proof?.notes?.[i];
  if (note) field("note", note);
  const [before, after] = neighbours(run, i);
  field(`of ${run.clients[run.lane[i]]}`, before === null ? "none" : link(run, before, select), " before, ", after === null ? "none" : link(run, after, select), " after");
  const title = el("div", { class: "selected-title" }, `#${run.number(i)} `, ...call(run, i));
  /** @type {Node[]} */
  const parts = [head, title, fields];
  const whole = long(run, i);
  if (whole) parts.push(el("h3", { text: "In full" }), el("pre", { class: "whole", tabindex: 0, text: whole }));
  for (const extra of extras) {
    const part = extra(i);
    if (part) parts.push(el("h3", { text: part.title }), part.content);
  }
  parts.push(...faults(run, i));
  return parts;
}

/** @param {Run} run @param {number} i @returns {(Node | string)[]} */
function outcome(run, i) {
  const kind = [["good", "✓ "], ["sub", "⁄ "], ["maybe", "? "]][run.status[i]];
  const mark = i === run.culprit ? el("span", { class: "bad", text: "✗ " }) : el("span", { class: kind[0], text: kind[1] });
  const error = run.error[i] ? `: ${run.header.error[run.error[i]]}` : "";
  return [mark, `${run.outcome(i)}${error}${i === run.culprit ? ", but has no legal place" : ""}`];
}

/** The operations of the same client before and after. @param {Run} run @param {number} i @returns {[number | null, number | null]} */
function neighbours(run, i) {
  const rows = run.rows[run.lane[i]];
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle] < i) low = middle + 1;
    else high = middle;
  }
  return [low > 0 ? rows[low - 1] : null, low + 1 < rows.length ? rows[low + 1] : null];
}

/** Values that the page shows shortened elsewhere, whole. @param {Run} run @param {number} i */
function long(run, i) {
  const values = run.header.valueText.long, key = run.header.keyText.long[run.key[i]];
  return [key && `key ${key}`, values[run.input[i]], values[run.output[i]] && `→ ${values[run.output[i]]}`].filter(Boolean).join("\n");
}

/** @param {Run} run @param {number} i @returns {Node[]} */
function faults(run, i) {
  if (!run.faults.length) return [];
  const found = run.faults.filter((one) => one.from <= run.ret(i) && one.to >= run.call[i]);
  const list = el("dl", { class: "fields" });
  for (const one of found.slice(0, MANY)) {
    const said = one.shown === false ? "no observable effect" : one.detail;
    list.append(el("dt", { text: one.kind }), el("dd", {}, one.full, said ? el("span", { class: "sub", text: ` · ${said}` }) : null));
  }
  if (!found.length) list.append(el("dt", { text: "none" }), el("dd"));
  const title = el("h3", { text: "Faults while it ran" });
  return found.length > MANY ? [title, list, el("div", { class: "sub small", text: `${int(found.length - MANY)} more: ${counted(found.length, "fault")} in all` })] : [title, list];
}
