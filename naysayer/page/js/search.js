// Finding operations: by number, or by words that name a key, a value, a node, a client, an outcome or an error.

import { $, el, int } from "./dom.js";

const FOUND_MAX = 50;

/** The operations that a text finds, in order of call. "#12" and "12" name one by its number; every other word must be
 * the name of its call, key, value, node, client or outcome, or be part of its error.
 * @param {import("./run.js").Run} run @param {string} text @returns {{rows: number[], count: number}} */
export function find(run, text) {
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return { rows: [], count: 0 };
  const number = /^#(\d+)$/.exec(words[0]);
  if (number && words.length === 1) {
    const row = run.rowOf(Number(number[1]));
    return row < 0 ? { rows: [], count: 0 } : { rows: [row], count: 1 };
  }
  const tests = words.map((word) => matcher(run, word));
  const rows = [];
  let count = 0;
  for (let i = 0; i < run.n; i++) {
    if (!tests.every((test) => test(i))) continue;
    if (rows.length < FOUND_MAX) rows.push(i);
    count++;
  }
  return { rows, count };
}

/** @param {import("./run.js").Run} run @param {string} word @returns {(row: number) => boolean} */
function matcher(run, word) {
  const bare = word.replace(/^"|"$/g, "");
  const is = (/** @type {string} */ name) => name.toLowerCase() === word || name.toLowerCase().replace(/^"|"$/g, "") === bare;
  const codes = (/** @type {number} */ size, /** @type {(code: number) => boolean} */ test) => {
    const found = new Uint8Array(size);
    for (let code = 0; code < size; code++) found[code] = test(code) ? 1 : 0;
    return found;
  };
  const f = codes(run.header.f.length, (code) => is(run.header.f[code]));
  const key = codes(run.columns.keys.length, (code) => is(run.keyName(code)));
  const value = codes(run.columns.values.length, (code) => code > 0 && is(run.value(code)));
  const node = codes(run.header.node.length, (code) => is(run.header.node[code]));
  const client = codes(run.clients.length, (code) => is(run.clients[code]));
  const error = codes(run.header.error.length, (code) => code > 0 && run.header.error[code].toLowerCase().includes(word));
  const outcome = ["ok", "fail", "unknown"].indexOf(word);
  const number = /^\d+$/.test(word) ? run.rowOf(Number(word)) : -1;
  return (i) => !!(f[run.f[i]] || key[run.key[i]] || value[run.input[i]] || value[run.output[i]] || node[run.node[i]]
    || client[run.lane[i]] || error[run.error[i]] || run.status[i] === outcome || i === number);
}

/** @param {import("./run.js").Run} run @param {(row: number, go?: boolean) => void} select */
export function showSearch(run, select) {
  const dialog = /** @type {HTMLDialogElement} */ ($("#search")), input = /** @type {HTMLInputElement} */ ($("#search-text"));
  const draw = () => {
    const { rows, count } = find(run, input.value);
    const items = rows.map((row) => el("li", {}, el("button", { type: "button", onclick: () => (dialog.close(), select(row, true)) },
      el("b", { text: `#${run.number(row)} ` }), run.text(row), el("span", { class: "sub", text: `  ${run.keyName(run.key[row])}, ${run.who(row)}, ${run.time(run.call[row])} ${run.timeUnit}, ${run.outcome(row)}` }))));
    if (count > rows.length) items.push(el("li", { class: "sub small", text: `${int(count)} found; the first ${rows.length} are listed` }));
    if (!count && input.value.trim()) items.push(el("li", { class: "sub small", text: "Nothing found." }));
    $("#search-found").replaceChildren(...items);
  };
  input.addEventListener("input", draw);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") dialog.close(); // else it would only clear the field
    if (event.key === "Enter") /** @type {HTMLElement | null} */ (document.querySelector("#search-found button"))?.click();
  });
  return () => {
    dialog.showModal();
    input.select();
    draw();
  };
}
