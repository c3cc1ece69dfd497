// The tree of branches: the recorded run, and what edits have made of it.

import { $, el, fixed, int } from "../../page/js/dom.js";
import { address, escaped } from "./api.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Branch} Branch */

const OUTCOMES = { invalid: ["✗", "bad"], valid: ["✓", "good"], unknown: ["?", "maybe"] };

/** @param {Model} model @param {{go: (id: number, event?: number) => void, twin: () => void, select: (index: number) => void}} act */
export function showBranches(model, act) {
  const { branches } = model.run;
  /** @type {HTMLElement[]} */
  const rows = [];
  const add = (/** @type {Branch} */ branch, /** @type {number} */ depth) => {
    rows.push(row(model, branch, depth, act));
    for (const one of branches) if (one.parent === branch.id) add(one, depth + 1);
  };
  add(branches[0], 0);
  const focused = document.activeElement?.closest(".branches") ? model.at : null;
  $("#branches").replaceChildren(...rows);
  if (focused !== null) /** @type {HTMLElement | null} */ (document.querySelector(`.branches [data-branch="${focused}"]`))?.focus();
  $("#after-branches").replaceChildren(...about(model, act));
}

/** @param {Model} model @param {Branch} branch @param {number} depth @param {{go: (id: number) => void}} act */
function row(model, branch, depth, act) {
  const [symbol, kind] = OUTCOMES[/** @type {"valid"} */ (branch.outcome)];
  const where = branch.failedMs === null ? "" : ` at ${branch.culprit === null ? "" : `#${branch.culprit}, `}${fixed(branch.failedMs, 1)} ms`;
  return el("li", { class: `branch d${Math.min(depth, 4)}` }, el("button", {
    type: "button", "aria-current": branch.id === model.at ? "true" : null, "data-branch": branch.id, onclick: () => act.go(branch.id),
  }, el("span", { class: "label" }, branch.atMs === null ? null : el("span", { class: "sub", text: `${fixed(branch.atMs, 1)}  ` }), branch.label),
  el("span", { class: "came" }, el("span", { class: kind, text: `${symbol} ` }), `${branch.kind}${where}`)));
}

/** What the branch differs in, and what can be done with it. @param {Model} model
 * @param {{go: (id: number, event?: number) => void, twin: () => void, select: (index: number) => void}} act */
function about(model, act) {
  const { branch } = model;
  const found = [];
  if (branch.id && branch.changed.length) {
    found.push(el("h3", { text: "What clients saw otherwise" }), el("ul", { class: "changed" }, ...branch.changed.map(([index, now, was]) =>
      el("li", {}, el("button", { type: "button", class: "op", text: `#${index}`, onclick: () => act.select(index) }), ` ${now}`, el("span", { class: "sub", text: `, recorded: ${was}` })))));
  } else if (branch.id && !branch.sentence?.startsWith("the script ends")) found.push(el("p", { class: "sub small", text: "Clients saw the same up to where they asked something else." }));
  if (branch.sentence?.startsWith("the script ends")) found.push(el("p", { class: "small", text: `${branch.sentence[0].toUpperCase()}${branch.sentence.slice(1)}.` }));
  if (branch.differs !== null) {
    found.push(el("p", { class: "small" }, el("button", { type: "button", class: "op", text: `First difference: event ${int(branch.differs)}`, onclick: () => act.go(branch.id, Math.min(branch.differs ?? 1, branch.events)) }),
      el("span", { class: "sub", text: ` at ${fixed(branch.differsMs ?? 0, 1)} ms` })));
  }
  const twin = model.run.twin !== null && !model.run.branches.some((one) => one.target === model.run.twin && !one.after && one.id);
  found.push(el("p", { class: "links-row" },
    twin ? el("button", { type: "button", class: "op", text: `Run the ${model.run.script ? "" : "healthy "}twin, ${model.run.twin}`, onclick: act.twin }) : null,
    model.run.script ? null : el("a", { class: "op", href: address(`/api/explore/scenario/${escaped(model.name)}`, { branch: branch.id }), download: "", text: "Export this branch as a scenario", id: "export" })));
  return found;
}
