// The steps of a script, each with the time at which it began; a click goes there.

import { $, el, fixed } from "../../page/js/dom.js";

/** @param {import("./model.js").Model} model @param {(event: number) => void} go */
export function showSteps(model, go) {
  const { steps, called } = model.data, names = Object.entries(called).map(([name, node]) => `${name} is ${node}`).join(", ");
  $("#steps").replaceChildren(...(steps.length ? [el("h2", { class: "part", text: "Steps" }), names ? el("p", { class: "sub small", text: names }) : "", el("ol", { class: "steps" }, ...steps.map(([ms, text]) =>
    el("li", {}, el("button", { type: "button", class: "op what", onclick: () => go(model.eventAt(ms)) }, el("span", { class: "sub", text: fixed(ms, 1) }), ` ${text}`))))] : []));
}
