// Small parts of the page: what is lacking, which key is shown, how operations were served, copying.

import { $, el } from "./dom.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./traffic.js").States} States */
/** @typedef {import("./traffic.js").Traffic} Traffic */

/** One line on what the run does not show. @param {import("./run.js").Run} run @param {Traffic} traffic @param {States} states */
export function showLacking(run, traffic, states) {
  if (traffic.known && states.known) return;
  $("#lacking").hidden = false;
  $("#lacking").textContent = states.nodes.length ? "No node states: these nodes show none." : run.header.lacking;
}

/** Which key the bands of the nodes show. @param {import("./run.js").Run} run @param {State} state @param {States} states */
export function chooseKey(run, state, states) {
  const keys = [...states.keys];
  if (keys.length && !states.keys.has(state.key)) state.key = keys[0];
  if (keys.length < 2) return;
  const select = /** @type {HTMLSelectElement} */ ($("#shown-key"));
  select.hidden = $("#shown-key-label").hidden = false;
  select.append(...keys.map((key) => el("option", { value: key, text: run.keyName(key), selected: key === state.key })));
  select.addEventListener("change", () => ((state.key = Number(select.value)), state.changed("key")));
}

/** @param {import("./run.js").Run} run @param {(row: number, go?: boolean) => void} select */
export function showServed(run, select) {
  /** @type {[string, [string, string]][]} */
  const accounts = Object.entries(run.header.served);
  if (!accounts.length) return;
  $("#served").hidden = false;
  for (const [row, [node, account]] of accounts) {
    const link = el("button", { type: "button", class: "op", text: `#${run.number(Number(row))}`, onclick: () => select(Number(row), true) });
    $("#served-list").append(el("dt", {}, link, ` ${node}`), el("dd", { text: account }));
  }
}

/** @param {HTMLElement} button */
export async function copy(button) {
  const text = button.getAttribute("data-text") ?? "", said = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren($("footer code"));
    button.textContent = "Selected below: Ctrl-C";
  }
  setTimeout(() => (button.textContent = said), 1400);
}
