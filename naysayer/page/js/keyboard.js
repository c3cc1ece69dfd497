// The keys of the page, and the list of them.

import { $, el } from "./dom.js";

/** @typedef {{keys: string[], names: string, what: string, act: (key: string) => void}} Key */

/** @param {Key[]} keys */
export function useKeys(keys) {
  const help = /** @type {HTMLDialogElement} */ ($("#help"));
  const list = keys.flatMap((key) => [el("dt", {}, ...key.names.split(" ").flatMap((name) => [el("kbd", { text: name }), " "])), el("dd", { text: key.what })]);
  $("#help-list").replaceChildren(...list,
    el("dt", { text: "pointer" }), el("dd", { text: "drag to pan; wheel with Ctrl, or after a click, to zoom; click to select; drag with Shift to measure" }));
  $("#help-button").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => event.target === help && help.close());
  const byKey = new Map(keys.flatMap((key) => key.keys.map((one) => [one, key])));
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && !(target.id === "slider" && event.key.length === 1)) return;
    const scrolls = event.key.startsWith("Arrow") && target.closest(".scroll, #events, .whole");
    const key = byKey.get(event.key);
    if (!key || scrolls) return;
    event.preventDefault();
    key.act(event.key);
  });
}
