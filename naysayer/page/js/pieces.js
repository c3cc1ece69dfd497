// Small pieces that several panels show: operations as links, values as pills, marks of outcomes.

import { place } from "./colours.js";
import { el } from "./dom.js";

/** @typedef {import("./run.js").Run} Run */

/** A value in the colour that it has on the whole page. @param {Run} run @param {string} text @param {string} [kind] */
export function pill(run, text, kind = "") {
  const at = place(run.proof?.values ?? [], text);
  return el("span", { class: `pill ${at < 0 ? "" : `v${at}`} ${kind}`, text });
}

/** A link to an operation. @param {Run} run @param {number} row @param {(row: number, go?: boolean) => void} select */
export function link(run, row, select) {
  return el("button", { type: "button", class: "op", text: `#${run.number(row)}`, "data-op": row, onclick: (/** @type {Event} */ event) => {
    event.stopPropagation();
    select(row, true);
  } });
}

/** What was asked and answered, with values as pills where they are values of the proof.
 * @param {Run} run @param {number} row @returns {(Node | string)[]} */
export function call(run, row) {
  const name = run.header.f[run.f[row]];
  if (name === "cas" || name === "txn") return [run.text(row)];
  /** @type {(Node | string)[]} */
  const parts = [name];
  if (run.input[row]) parts.push(" ", pill(run, run.value(run.input[row])));
  const answers = run.output[row] || (!run.input[row] && run.header.answers[run.f[row]]);
  if (answers && run.status[row] !== 2) parts.push(" → ", pill(run, run.value(run.output[row])));
  return parts;
}

/** The outcome of an operation: a mark, and a word where the mark is not enough. @param {Run} run @param {number} row */
export function mark(run, row) {
  if (row === run.culprit) return el("span", { class: "bad", text: "✗ " });
  const [text, kind] = [["✓ ", "good"], ["⁄ ", "sub"], ["? ", "maybe"]][run.status[row]];
  return el("span", { class: kind, text });
}

/** A sentence in which operations (#12) are links. @param {Run} run @param {string} text @param {(row: number, go?: boolean) => void} select */
export function sentence(run, text, select) {
  return text.split(/(#\d+)\b/).map((piece, at) => {
    const row = at % 2 ? run.rowOf(Number(piece.slice(1))) : -1;
    return row < 0 ? piece : link(run, row, select);
  });
}
