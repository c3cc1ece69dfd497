// Likelihood: futures of some events are run, and what is known of them so far is shown.

import { $, el, fixed, int, table } from "../../page/js/dom.js";
import { address, escaped } from "./api.js";
import { TICKS } from "./lanes.js";

/** The numbers of the curve as a table. @param {import("./model.js").Model} model @param {(event: number) => void} goTo */
export function showLikely(model, goTo) {
  const { likely } = model, named = model.culprit === null ? null : `that name #${model.culprit}`;
  if (!likely.length) return $("#likely-table").replaceChildren();
  const share = (/** @type {number} */ count, /** @type {number} */ of) => `${int(count)} of ${int(of)}`;
  $("#likely-said").textContent = `of ${likely[0].futures} futures each, violations by ${fixed(likely[0].until_ms, 0)} ms`;
  const rows = likely.map((one) => el("tr", {}, el("td", {}, el("button", { type: "button", class: "op", text: fixed(one.time_ms, 1), onclick: () => goTo(one.event) })),
    el("td", { class: "num", text: share(one.failed, one.futures) }), named ? el("td", { class: "num", text: share(one.named, one.futures) }) : null));
  $("#likely-table").replaceChildren(el("details", {}, el("summary", { text: "The same as a table" }), table(["from, ms", "violations|num", ...(named ? [`${named}|num`] : [])], rows)));
}

/** Runs futures, and draws each point when it is known. @param {import("./model.js").Model} model
 * @param {import("../../page/js/clock.js").Clock} clock whose window the points are spread over
 * @param {(work: () => Promise<unknown>) => Promise<void>} attempt @param {(event: number) => void} goTo */
export async function runLikely(model, clock, attempt, goTo) {
  const button = /** @type {HTMLButtonElement} */ ($("#likely"));
  button.disabled = true;
  model.likely = [];
  await attempt(async () => {
    const at = model.at, futures = /** @type {HTMLSelectElement} */ ($("#futures")).value, span = clock.to - clock.from;
    const from = Math.max(0, clock.from + span * 0.02) / TICKS, to = Math.min(clock.end, clock.to - span * 0.02) / TICKS;
    const answer = await fetch(address(`/api/explore/likelihood/${escaped(model.name)}`, { branch: at, from, to: Math.min(to, model.branch.untilMs), points: 14, futures }));
    if (!answer.ok || !answer.body) throw new Error((await answer.json()).error ?? "The server does not answer.");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done || model.at !== at) break;
      text += value;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) model.likely.push(JSON.parse(line));
      showLikely(model, goTo);
      clock.draw();
    }
    reader.cancel();
  });
  button.disabled = false;
}
